"""Random accounts, contracts and prices, and naive oracles in exact fractions."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Final

from hypothesis import strategies as st

from bot.domain.accounts import Balance, Position, PositionSide
from bot.domain.instruments import ContractRules, Lots
from bot.domain.orders import Side
from bot.risk.examples import XBTUSDTM
from bot.risk.futures_shape import FuturesAccount, OpenOrder

COINS: Final = ("BTC", "ETH", "SOL", "USDC", "USDT")


def decimals(low: str, high: str, places: int = 8) -> st.SearchStrategy[Decimal]:
    """Decimals in a closed range."""
    return st.decimals(
        min_value=Decimal(low),
        max_value=Decimal(high),
        places=places,
        allow_nan=False,
        allow_infinity=False,
    )


amounts = st.one_of(st.just(Decimal(0)), decimals("0.00000001", "100000"))
prices = decimals("0.0001", "200000", 6)
fractions_of_one = decimals("0.01", "1", 4)
balances = st.builds(Balance, total=amounts, principal=amounts, interest=amounts)
accounts = st.dictionaries(st.sampled_from(COINS), balances, min_size=1)
coin_prices = st.fixed_dictionaries(dict.fromkeys(COINS, prices))
coefficients = st.fixed_dictionaries(dict.fromkeys(COINS, fractions_of_one))
betas = st.fixed_dictionaries(dict.fromkeys(COINS, decimals("-2", "3", 2)))


@st.composite
def contracts(draw: st.DrawFn, symbol: str, *, is_inverse: bool) -> ContractRules:
    """A contract with parameters in the range of KuCoin's."""
    return replace(
        XBTUSDTM,
        symbol=symbol,
        base=symbol[:3],
        settle=symbol[:3] if is_inverse else "USDT",
        is_inverse=is_inverse,
        multiplier=Decimal(1)
        if is_inverse
        else draw(st.sampled_from([Decimal("0.001"), Decimal("0.1"), Decimal(10)])),
        k=draw(decimals("100", "3000000", 0)),
        m=draw(decimals("100", "3000000", 0)),
        mmr_limit=draw(decimals("0.1", "0.5", 2)),
        mmr_lev_constant=draw(decimals("5", "125", 0)),
        taker_fee_rate=draw(decimals("0.0002", "0.001", 4)),
    )


@st.composite
def positions(
    draw: st.DrawFn, rules: ContractRules, side: PositionSide = PositionSide.BOTH
) -> Position:
    """A position with an entry price near 1000."""
    size = draw(st.integers(1, 5000))
    signs = {PositionSide.LONG: [1], PositionSide.SHORT: [-1]}
    sign = draw(st.sampled_from(signs.get(side, [1, -1])))
    entry = draw(decimals("500", "2000", 2))
    lots = Lots(sign * size)
    return Position(
        symbol=rules.symbol,
        lots=lots,
        side=side,
        entry_value=rules.value(Decimal(lots), entry),
        margin=draw(decimals("0", "100000", 4)),
    )


seldom = st.sampled_from([False, False, False, False, True])


def orders(symbol: str) -> st.SearchStrategy[OpenOrder]:
    """Any cross order of a contract, reduce-only ones among them."""
    return st.builds(
        OpenOrder,
        symbol=st.just(symbol),
        side=st.sampled_from(Side),
        lots=st.integers(0, 3000).map(Lots),
        price=st.one_of(st.none(), decimals("500", "2000", 2)),
        reduce_only=seldom,
        close=seldom,
    )


@st.composite
def futures(
    draw: st.DrawFn, *, is_inverse: bool = False
) -> tuple[FuturesAccount, dict[str, ContractRules], dict[str, Decimal]]:
    """An account of one settle currency with its contracts and marks."""
    symbols = ["XBTUSDM", "XBTMZ26"] if is_inverse else ["XBTUSDTM", "ETHUSDTM", "SOLT"]
    chosen = draw(st.lists(st.sampled_from(symbols), unique=True, min_size=1))
    rules = {s: draw(contracts(s, is_inverse=is_inverse)) for s in chosen}
    held = tuple(
        draw(positions(each)) for each in rules.values() if draw(st.booleans())
    )
    resting = tuple(
        order for s in chosen for order in draw(st.lists(orders(s), max_size=3))
    )
    marks = {s: draw(decimals("500", "2000", 2)) for s in chosen}
    wallet = draw(decimals("0", "50", 6) if is_inverse else decimals("0", "3000000", 2))
    settle = "XBT" if is_inverse else "USDT"
    account = FuturesAccount(
        settle=settle, wallet=wallet, positions=held, orders=resting
    )
    return account, rules, marks


def naive_risk_rate(
    account: FuturesAccount,
    rules: dict[str, ContractRules],
    marks: Mapping[str, Decimal | Fraction],
) -> Fraction | None:
    """KuCoin's risk rate written down again, in fractions; None is infinity."""
    assert account.wallet is not None
    need, margin = Fraction(0), Fraction(account.wallet)
    for symbol, contract in rules.items():
        price, lot = Fraction(marks[symbol]), Fraction(contract.multiplier)
        unit = lot / price if contract.is_inverse else lot * price
        mine = [each for each in account.positions if each.symbol == symbol]
        lots = sum(each.lots for each in mine)
        entry = sum((Fraction(each.entry_value) for each in mine), Fraction(0))
        margin += entry - lots * unit if contract.is_inverse else lots * unit - entry
        live = [
            each
            for each in account.orders
            if each.symbol == symbol and not each.reduce_only and not each.close
        ]
        buys = sum(each.lots for each in live if each.side is Side.BUY)
        sells = sum(each.lots for each in live if each.side is Side.SELL)
        worst = max(abs(lots + buys), abs(lots - sells))
        size = Fraction(worst) if contract.is_inverse else worst * lot
        assert contract.m
        assert contract.mmr_limit
        assert contract.mmr_lev_constant
        rate = min(
            Fraction(contract.mmr_limit),
            (1 + size / Fraction(contract.m))
            / (2 * Fraction(contract.mmr_lev_constant)),
        )
        taker = max(Fraction(6, 10000), Fraction(contract.taker_fee_rate))
        need += worst * unit * (rate + taker)
        margin -= max(buys, sells) * unit * taker
    if need == 0:
        return Fraction(0)
    return need / margin if margin > 0 else None


def naive_debt_ratio(
    account: dict[str, Balance],
    coin_price: dict[str, Fraction],
    weights: dict[str, Decimal],
) -> Fraction | None:
    """The debt ratio written down again, in fractions; None is infinity."""
    debt = sum(
        (
            (Fraction(b.principal) + Fraction(b.interest)) * coin_price[c]
            for c, b in account.items()
        ),
        Fraction(0),
    )
    asset = sum(
        (
            Fraction(b.total) * coin_price[c] * Fraction(weights[c])
            for c, b in account.items()
        ),
        Fraction(0),
    )
    if debt == 0:
        return Fraction(0)
    return debt / asset if asset else None
