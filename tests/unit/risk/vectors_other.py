"""Checks of the printed figures of isolated futures, funding, fees and the rest."""

from dataclasses import replace
from decimal import Decimal

from bot.domain.accounts import Position
from bot.domain.fees import fee
from bot.domain.instruments import Lots, RiskTier
from bot.risk.adl import return_rate
from bot.risk.examples import XBTUSDTM
from bot.risk.funding import CAP_FACTOR, funding_cap, funding_payment
from bot.risk.isolated import (
    insurance_page_liquidation_price,
    isolated_numbers,
    isolated_order_cost,
    ladder_cut,
)
from bot.risk.pnl import closed_position
from bot.risk.price_band import price_band
from tests.unit.risk.vectors_common import Case, D, contract, held, near


def check_isolated(case: Case, expected: Case, tolerance: Decimal) -> None:
    """Isolated positions by the rules of May 2025, REST names or push names."""
    entry = "avgEntryPrice" if "avgEntryPrice" in case else "entry"
    rules = contract("XBTUSDTM", case["size_base"], case["mmr"])
    position = held(case, rules, entry)
    mark = D(case.get("markPrice", case.get("mark")))
    numbers = isolated_numbers(rules, position, mark, D(case["mmr"]))
    assert numbers is not None
    found = {
        "bankruptPrice": numbers.bankruptcy_price,
        "bP_bankrupt": numbers.bankruptcy_price,
        "liquidationPrice": numbers.liquidation_price,
        "lP_liquidation": numbers.liquidation_price,
        "posMaint": numbers.maintenance_margin,
        "mtM": numbers.maintenance_margin,
        "leverage": numbers.leverage,
        "l_leverage": numbers.leverage,
        "aggRate": numbers.maintenance_margin / numbers.value,
        "uPL": numbers.unrealised_pnl,
    }
    for name, printed in expected.items():
        is_exact = name in {"posMaint", "mtM", "uPL"}
        near(found[name], printed, D(0) if is_exact else tolerance)


def check_insurance_page(case: Case, expected: Case, tolerance: Decimal) -> None:
    """The insurance page's figures without fees."""
    entry, leverage = D(case["entry"]), D(case["leverage"])
    price = insurance_page_liquidation_price(entry, 1, leverage, D(case["mmr"]))
    near(price, expected["liq_price"], tolerance)
    position = Position(
        symbol="XBTUSDTM", lots=Lots(1000), entry_value=entry, margin=entry / leverage
    )
    numbers = isolated_numbers(XBTUSDTM, position, entry)
    assert numbers is not None
    near(numbers.bankruptcy_price, expected["bankrupt_price"], tolerance)


def check_order_cost(case: Case, expected: Case, tolerance: Decimal) -> None:
    """The cost of an isolated order."""
    value = D(case["price"]) * case["lots"] * D(case["multiplier"])
    cost = isolated_order_cost(value, D(case["leverage"]), D(case["taker_fee"]))
    near(cost, expected["order_cost"], tolerance)


def check_ladder(case: Case, expected: Case, tolerance: Decimal) -> None:
    """The first cut of an isolated liquidation above the lowest tier."""
    lower, value = D(case["max_of_next_lower_level"]), D(case["position_value"])
    tiers = [
        RiskTier(
            max_notional=limit,
            max_leverage=D(10),
            initial_margin_rate=D("0.1"),
            maintenance_margin_rate=D("0.05"),
        )
        for limit in (lower / 4, lower / 2, lower, value * 2)
    ]
    assert len(tiers) == case["level"]
    near(ladder_cut(tiers, value), expected["reduced_value"], tolerance)


def check_funding(case: Case, expected: Case, tolerance: Decimal) -> None:
    """Linear payments as printed by KuCoin's histories."""
    rules = contract("XBTUSDTM", case["multiplier"])
    lots = Lots(case.get("positionQty", case.get("size")))
    mark, rate = D(case["markPrice"]), D(case["fundingRate"])
    cost = expected.get("positionCost", expected.get("positionValue"))
    near(rules.value(D(lots), mark), cost, tolerance)
    paid = funding_payment(rules, lots, mark, rate)
    near(paid, expected.get("funding", expected.get("fundingFee")), tolerance)


def check_funding_inverse(case: Case, expected: Case, tolerance: Decimal) -> None:
    """An inverse long pays coins when the rate is positive."""
    rules = replace(XBTUSDTM, is_inverse=True, multiplier=D(1))
    paid = funding_payment(rules, Lots(case["lots"]), D(case["mark"]), D(case["rate"]))
    near(paid, -D(expected["payment_coin"]), tolerance)


def check_cap(case: Case, expected: Case, tolerance: Decimal) -> None:
    """The default cap and floor of a funding rate."""
    assert D(case["factor"]) == CAP_FACTOR
    cap = funding_cap(D(case["initialMargin"]), D(case["maintainMargin"]))
    near(cap, expected.get("cap", expected.get("fundingRateCap")), tolerance)
    if "fundingRateFloor" in expected:
        near(-cap, expected["fundingRateFloor"], tolerance)


def check_fill(case: Case, expected: Case, tolerance: Decimal) -> None:
    """The fee of a fill."""
    value = contract("XBTUSDTM", case["multiplier"]).value(
        D(case["size"]), D(case["price"])
    )
    near(value, expected["value"], tolerance)
    near(fee(value, D(case["feeRate"])), expected["fee"], tolerance)


def check_closed(case: Case, expected: Case, tolerance: Decimal) -> None:
    """Profit of a closed position; KuCoin prints the gross cost, not the gain."""
    entry = D(case.get("openPrice", case.get("entryPrice")))
    position = held({**case, "entry": entry}, XBTUSDTM, "entry")
    rate = D(case["fee_rate"])
    closed = closed_position(
        XBTUSDTM,
        position.lots,
        (entry, D(case["closePrice"])),
        (rate, rate),
        D(case["fundingFee"]),
    )
    if "realisedGrossCost" in expected:
        near(-closed.gross, expected["realisedGrossCost"], tolerance)
    near(closed.fee, expected.get("tradeFee", expected.get("fee")), tolerance)
    near(closed.net, expected.get("pnl", expected.get("realizedPnL")), tolerance)


def check_adl(case: Case, expected: Case, tolerance: Decimal) -> None:
    """Return rates of the ADL page."""
    rules = replace(XBTUSDTM, is_inverse=case.get("inverse", False), multiplier=D(1))
    position = held(case, rules, "entry")
    found = return_rate(rules, position, D(case["mark"]))
    near(found, expected["return_rate"], tolerance)


def check_band(case: Case, expected: Case, tolerance: Decimal) -> None:
    """Buy and sell limit of a contract."""
    band = price_band(D(case["reference_price_inferred"]), D(case["range"]))
    near(band.buy_limit, expected["buyLimit"], tolerance)
    near(band.sell_limit, expected["sellLimit"], tolerance)
