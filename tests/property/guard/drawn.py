"""Random accounts in danger for laws of the guard; marks are known unless drawn so."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from hypothesis import strategies as st

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    SPOT,
    AccountSnapshot,
    Balance,
    MarginMode,
    Position,
    isolated_account,
)
from bot.domain.instruments import Lots
from bot.domain.intents import (
    AdjustMargin,
    Borrow,
    CancelOrder,
    Intent,
    PlaceOrder,
    Repay,
    Transfer,
)
from bot.domain.orders import IntentState, Side
from bot.shadow.state import Shadow
from tests.unit.guard.bench import depth, requested, shadow_of
from tests.unit.venue.builders import rules

__all__ = ["PAIR", "intents", "net_coins", "shadows"]

PAIR = isolated_account("BTC-USDT")

coins = st.sampled_from(("BTC", "ETH", "USDT"))
sides = st.sampled_from(Side)


def decimals(low: str, high: str, places: int = 5) -> st.SearchStrategy[Decimal]:
    """Decimals in a closed range."""
    return st.decimals(low, high, places=places)


def worth(coin: str, usdt: int) -> Decimal:
    """So much of a coin at 50000, 2500 and 1, to eight digits."""
    price = {"BTC": 50_000, "ETH": 2_500, "USDT": 1}[coin]
    return (Decimal(usdt) / price).quantize(Decimal("1e-8"))


@st.composite
def balances(draw: st.DrawFn, *, can_owe: bool) -> Mapping[str, Balance]:
    """Some coins, owned and (in a margin account) owed, worth up to 50000 USDT."""
    found: dict[str, Balance] = {}
    for coin in draw(st.lists(coins, unique=True)):
        total = worth(coin, draw(st.integers(0, 50_000)))
        owed = worth(coin, draw(st.integers(0, 40_000))) if can_owe else Decimal(0)
        hold = total * draw(st.sampled_from((0, 0, 0, 1))) / 2
        found[coin] = Balance(total=total, hold=hold, principal=owed)
    return found


@st.composite
def positions(draw: st.DrawFn) -> list[Position]:
    """Up to two positions, linear and inverse, cross and isolated."""
    found = []
    for symbol in draw(st.lists(st.sampled_from(("XBTUSDTM", "XBTUSDM")), unique=True)):
        contract = rules().contracts[symbol]
        size = draw(st.integers(1, 1200))
        lots = Lots(size * draw(st.sampled_from((-1, 1))))
        if contract.is_inverse:
            lots = Lots(lots * 40)
        entry = draw(st.integers(40_000, 60_000).map(Decimal))
        mode = draw(st.sampled_from(MarginMode))
        value = contract.value(Decimal(lots), entry)
        margin = abs(value) / 4 if mode is MarginMode.ISOLATED else Decimal(0)
        found.append(
            Position(
                symbol=symbol,
                lots=lots,
                entry_value=value,
                mode=mode,
                margin=margin,
                leverage=Decimal(4),
            )
        )
    return found


@st.composite
def orders(draw: st.DrawFn) -> PlaceOrder:
    """Any order of the small market."""
    account = draw(st.sampled_from((MARGIN_CROSS, PAIR, SPOT, FUTURES)))
    is_futures = account == FUTURES
    pairs = ("BTC-USDT",) if account == PAIR else ("BTC-USDT", "ETH-USDT")
    return PlaceOrder(
        account=account,
        symbol=draw(st.sampled_from(("XBTUSDTM", "XBTUSDM") if is_futures else pairs)),
        side=draw(sides),
        qty=draw(
            st.integers(1, 2000).map(Decimal)
            if is_futures
            else decimals("0.00001", "20")
        ),
        reduce_only=is_futures and draw(st.booleans()),
        close=is_futures and draw(st.sampled_from((False, False, True))),
        is_reduction=draw(st.booleans()),
    )


amounts = decimals("-5", "30000")
intents: st.SearchStrategy[Intent] = st.one_of(
    orders(),
    orders(),
    st.builds(
        Borrow,
        account=st.sampled_from((MARGIN_CROSS, PAIR)),
        coin=coins,
        amount=amounts,
    ),
    st.builds(
        Repay, account=st.sampled_from((MARGIN_CROSS, PAIR)), coin=coins, amount=amounts
    ),
    st.builds(
        Transfer,
        source=st.sampled_from((MAIN, SPOT, MARGIN_CROSS, FUTURES, PAIR)),
        target=st.sampled_from((MAIN, SPOT, MARGIN_CROSS, FUTURES, PAIR)),
        coin=coins,
        amount=amounts,
    ),
    st.builds(
        CancelOrder,
        account=st.just(MARGIN_CROSS),
        symbol=st.just("BTC-USDT"),
        order_id=st.just("o1"),
    ),
    st.builds(AdjustMargin, symbol=st.just("XBTUSDTM"), amount=amounts),
)


@st.composite
def shadows(draw: st.DrawFn) -> Shadow:
    """An account at 40000 to 60000 with requests on their way and some depth."""
    held = draw(positions())
    snapshot = AccountSnapshot(
        balances={
            MAIN: draw(balances(can_owe=False)),
            SPOT: draw(balances(can_owe=False)),
            MARGIN_CROSS: draw(balances(can_owe=True)),
            PAIR: {
                c: b
                for c, b in draw(balances(can_owe=True)).items()
                if c in {"BTC", "USDT"}
            },
            FUTURES: {
                "USDT": Balance(total=Decimal(draw(st.integers(0, 20_000)))),
                "BTC": Balance(total=draw(decimals("0", "0.5"))),
            },
        },
        positions={p.key: p for p in held},
    )
    marks = {
        "BTC": str(draw(st.integers(40_000, 60_000))),
        "ETH": str(draw(st.integers(2_000, 3_000))),
    }
    shadow = shadow_of(snapshot, marks)
    for symbol in draw(st.lists(st.sampled_from(("BTC-USDT", "XBTUSDTM")))):
        volume = str(draw(st.integers(1, 50)))
        shadow = depth(shadow, symbol, volume, spread="0.0003")
    states = st.sampled_from((IntentState.SENT, IntentState.IN_DOUBT))
    for intent in draw(st.lists(orders(), max_size=2)):
        shadow = requested(shadow, [intent], draw(states))
    halted = draw(st.sets(st.sampled_from(("BTC-USDT", "XBTUSDTM")), max_size=1))
    return replace(shadow, halted=frozenset(halted))


def net_coins(shadow: Shadow, order: PlaceOrder) -> Decimal:
    """What an order would reduce: net coins, or lots on futures; signed."""
    if order.account == FUTURES:
        held = [p for k, p in shadow.positions.items() if k.symbol == order.symbol]
        return Decimal(held[0].lots) if held else Decimal(0)
    balance = shadow.balance(order.account, order.symbol.removesuffix("-USDT"))
    return balance.total - balance.liability
