"""Checks of the printed figures of cross futures, one for each sort of vector."""

from dataclasses import replace
from decimal import ROUND_CEILING, Decimal
from typing import Final

from bot.domain.accounts import Position, PositionKey
from bot.domain.instruments import Lots
from bot.domain.orders import Side
from bot.risk.cross_price import (
    average_margin_rate,
    bankruptcy_price,
    price_at_level,
    price_from_amr,
)
from bot.risk.curves import (
    initial_rate,
    initial_rate_crossover,
    maintenance_limit_size,
    maintenance_rate,
    margin_for_size,
    max_open_lots,
    max_open_size,
)
from bot.risk.examples import XBTUSDTM
from bot.risk.futures import futures_numbers, tmmr, unrealised_pnl
from bot.risk.futures_shape import (
    BookShape,
    FuturesAccount,
    FuturesShape,
    OpenOrder,
    futures_shape,
)
from bot.risk.order_margin import ContractTerms, contract_margin
from bot.risk.pnl import cross_position_margin
from bot.risk.wallet import WalletParts
from tests.unit.risk.vectors_common import Case, D, contract, held, near


def check_risk_rate(case: Case, expected: Case, tolerance: Decimal) -> None:
    """KuCoin's worked risk rate."""
    position, order = case["positions"][0], case["orders"][0]
    rules = {
        each["symbol"]: contract(each["symbol"], each["multiplier"], each["mmr"])
        for each in (position, order)
    }
    account = FuturesAccount(
        settle="USDT",
        wallet=D(case["total_cross_margin"]),
        positions=(
            Position(
                symbol=position["symbol"],
                lots=Lots(position["lots"]),
                entry_value=D(position["mark"]) * D("0.001") * position["lots"],
            ),
        ),
        orders=(
            OpenOrder(symbol=order["symbol"], side=Side.SELL, lots=Lots(order["lots"])),
        ),
    )
    marks = {"XBTUSDTM": D(position["mark"]), "ETHUSDTM": D(order["price"])}
    numbers = futures_numbers(account, rules, marks)
    assert numbers.maintenance_margin == D(expected["position_mm"])
    assert numbers.order_maintenance_margin == D(expected["order_mm"])
    assert numbers.closing_fee == D(expected["closing_fee"])
    assert numbers.opening_fee == D(expected["opening_fee"])
    near(numbers.risk_rate, expected["risk_rate"], tolerance)
    near(numbers.risk_rate, expected["risk_rate_unrounded"], D("1e-15"))


def check_tmmr(case: Case, expected: Case, tolerance: Decimal) -> None:
    """TMMR is the reciprocal."""
    near(tmmr(D(case["risk_rate"])), expected["tmmr_exchange_equivalent"], tolerance)


def check_max_open(case: Case, expected: Case, tolerance: Decimal) -> None:
    """The help page's maximum open size."""
    rules = replace(XBTUSDTM, k=D(case["k"]))
    funds = D(case["total_cross_margin"]) - D(case["funds_used_elsewhere"])
    size = max_open_size(rules, D(case["price"]), D(case["leverage"]), funds)
    near(size, expected["max_open_base"], tolerance)
    near(size, expected["max_open_base_unrounded"], D("1e-12"))


def check_margin_for_size(case: Case, expected: Case, tolerance: Decimal) -> None:
    """Its inverse."""
    rules = replace(XBTUSDTM, k=D(case["k"]))
    needed = margin_for_size(
        rules, D(case["price"]), D(case["leverage"]), D(case["size_base"])
    )
    near(needed, expected["required_margin"], tolerance)


def check_order_limit(case: Case, expected: Case, tolerance: Decimal) -> None:
    """KuCoin's own cross order limits, floored to lots first."""
    rules = replace(
        XBTUSDTM,
        multiplier=D(case["multiplier"]),
        k=D(case.get("k", case.get("k_inferred"))),
        m=D(case.get("m", case.get("m_inferred"))),
        mmr_lev_constant=D(case["mmrLevConstant"]),
    )
    price, leverage = D(case["price"]), D(case["leverage"])
    lots = max_open_lots(rules, price, leverage, D(case["totalMargin"]))
    assert lots is not None
    assert lots == expected["maxOpenSize"]
    size = rules.curve_size(D(lots))
    near(rules.value(D(lots), price), expected["maxOpenValue"], tolerance)
    printed = D(expected["mmr"])
    mmr = maintenance_rate(rules, size)
    assert mmr is not None
    near(mmr.quantize(printed), printed, tolerance)
    near(initial_rate(rules, size, leverage), expected["imr"], tolerance)


def check_limit_size(case: Case, expected: Case, tolerance: Decimal) -> None:
    """Where MMR meets its limit."""
    rules = replace(XBTUSDTM, m=D(case["m"]), mmr_limit=D(case["mmrLimit"]))
    near(maintenance_limit_size(rules), expected["size_base_at_limit"], tolerance)


def check_crossover(case: Case, expected: Case, tolerance: Decimal) -> None:
    """Where f x MMR overtakes 1 / leverage."""
    rules = replace(XBTUSDTM, m=D(case["m"]), f=D(case["f"]))
    for leverage, size in expected["f_mmr_exceeds_1_over_lev_above_base"].items():
        near(initial_rate_crossover(rules, D(leverage)), size, tolerance)


def check_help_liquidation(case: Case, expected: Case, tolerance: Decimal) -> None:
    """The page's liquidation price, from the AMR as the page rounds it."""
    rules = {
        each["symbol"]: contract(each["symbol"], each["multiplier"], each["mmr"])
        for each in case["positions"]
    }
    positions = tuple(
        Position(
            symbol=each["symbol"],
            lots=Lots(each["lots"]),
            entry_value=rules[each["symbol"]].value(D(each["lots"]), D(each["mark"])),
        )
        for each in case["positions"]
    )
    marks = {each["symbol"]: D(each["mark"]) for each in case["positions"]}
    shape = futures_shape(
        FuturesAccount(
            settle="USDT", wallet=D(case["total_cross_margin"]), positions=positions
        ),
        rules,
    )
    amr = average_margin_rate(shape, marks)
    near(amr, expected["amr"], D("0.00005"))
    eth = next(book for book in shape.books if book.base and book.lots < 0)
    price = price_from_amr(eth, marks["ETHUSDTM"], D(expected["amr"]))
    near(price, expected["liq_price_ETH"], tolerance)


def inverse(case: Case, wallet: Decimal) -> FuturesShape:
    """One ETHUSDM lot, long, with a coin wallet."""
    book = BookShape(
        key=PositionKey("ETHUSDM"),
        base="ETH",
        is_inverse=True,
        multiplier=D(1),
        lots=D(1),
        entry_value=D(case["open_value_coin"]),
        worst_lots=D(1),
        opening_lots=D(0),
        taker_fee_rate=D(case["taker_fee"]),
        position_rate=D(case["mmr"]),
        worst_rate=D(case["mmr"]),
    )
    return FuturesShape(settle="ETH", cross_wallet=wallet, books=(book,))


def check_inverse_prices(case: Case, expected: Case, tolerance: Decimal) -> None:
    """Inverse liquidation and bankruptcy prices, rounded up to the tick."""
    shape = inverse(case, D(case["wallet_after_fee_coin"]))
    tick = D(case["tick"])
    found = {
        "bankruptPrice": bankruptcy_price(shape, {}, "ETHUSDM"),
        "liquidationPrice": price_at_level(shape, {}, "ETHUSDM", D(1)),
    }
    for name, price in found.items():
        assert price is not None
        near(price.quantize(tick, rounding=ROUND_CEILING), expected[name])


def check_inverse_margins(case: Case, expected: Case, tolerance: Decimal) -> None:
    """Inverse values, margins and profit; KuCoin prints a long's value negative."""
    rules = replace(XBTUSDTM, symbol="ETHUSDM", is_inverse=True, multiplier=D(1))
    entry = rules.value(D(case["currentQty"]), D(case["avgEntryPrice"]))
    mark = rules.value(D(case["currentQty"]), D(case["markPrice"]))
    rate = 1 / D(case["leverage"])
    position = Position(symbol="ETHUSDM", lots=Lots(1), entry_value=entry)
    near(-entry, expected["posCost"], tolerance)
    near(-mark, expected["markValue"], tolerance)
    near(cross_position_margin(entry, rate), expected["posInit"], tolerance)
    near(cross_position_margin(mark, rate), expected["posMargin"], tolerance)
    profit = unrealised_pnl(rules, position, D(case["markPrice"]))
    near(profit, expected["unrealisedPnl"], tolerance)


_WALLET_NAMES: Final = {
    "balance": ("walletBalance", "b_walletBalance"),
    "hold": ("holdBalance", "h"),
    "cross_order_margin": ("crossOrderMargin", "cOM"),
    "cross_position_margin": ("crossPosMargin", "cPM"),
    "cross_pnl": ("crossUnPnl", "cUP"),
    "isolated_order_margin": ("isolatedOrderMargin", "iOM"),
    "isolated_position_margin": ("isolatedPosMargin", "iPM"),
    "isolated_pnl": ("isolatedUnPnl", "iUP"),
    "isolated_funding_margin": ("isolatedFundingFeeMargin", "iFF"),
    "equity": ("equity", "e_equity"),
    "total_margin": ("totalCrossMargin", "tCM_totalCrossMargin"),
    "available": ("availableBalance", "a_available"),
}


def check_wallet(case: Case, expected: Case, tolerance: Decimal) -> None:
    """Total cross margin, equity and available balance of a wallet push."""

    def named(field: str, source: Case) -> Decimal:
        return next(D(source[key]) for key in _WALLET_NAMES[field] if key in source)

    parts = WalletParts(**{each: named(each, case) for each in list(_WALLET_NAMES)[:9]})
    near(parts.total_margin, named("total_margin", expected), tolerance)
    near(parts.equity, named("equity", expected), tolerance)
    near(parts.available, named("available", expected), tolerance)
    position = Position(
        symbol="XBTUSDTM", lots=Lots(1), entry_value=D(60) - parts.cross_pnl
    )
    account = FuturesAccount(
        settle="USDT",
        wallet=parts.balance,
        isolated_order_margin=parts.isolated_order_margin,
        isolated_position_margin=parts.isolated_position_margin,
        positions=(position,),
    )
    marks = {"XBTUSDTM": D(60000)}
    numbers = futures_numbers(account, {"XBTUSDTM": XBTUSDTM}, marks)
    near(numbers.total_margin, named("total_margin", expected), tolerance)


def check_initial_margin(case: Case, expected: Case, tolerance: Decimal) -> None:
    """Initial margin of the help page, and what a profit does to the total."""
    position = held(case, XBTUSDTM, "price")
    for profit, total in zip(case["pnl"], expected["total_margin"], strict=True):
        account = FuturesAccount(
            settle="USDT",
            wallet=D(case["starting_total_margin"]),
            positions=(
                replace(position, entry_value=position.entry_value - D(profit)),
            ),
        )
        mark = D(case["price"])
        numbers = futures_numbers(account, {"XBTUSDTM": XBTUSDTM}, {"XBTUSDTM": mark})
        near(numbers.total_margin, total, tolerance)
        terms = ContractTerms(rules=XBTUSDTM, mark=mark, leverage=D(case["leverage"]))
        near(contract_margin(account, terms), expected["initial_margin"], tolerance)
