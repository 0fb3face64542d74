"""A leg that the exchange takes away is answered with the other one."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from bot.domain.accounts import FUTURES, SPOT, Balance, Position, PositionKey
from bot.domain.events import Event, Filled, MarksTicked, PositionChanged
from bot.domain.instruments import Lots, Rules, SpotRules
from bot.domain.intents import PlaceOrder
from bot.domain.orders import Side
from bot.engine.core import Core, State, Step
from bot.risk.examples import XBTUSDTM
from bot.shadow.state import Shadow

AT = datetime(2025, 1, 1, tzinfo=UTC)
MARK = Decimal(60_000)
PAIR = SpotRules(
    symbol="BTC-USDT",
    base="BTC",
    quote="USDT",
    base_increment=Decimal("0.00000001"),
    quote_increment=Decimal("0.000001"),
    price_increment=Decimal("0.1"),
    base_min=Decimal("0.00001"),
    base_max=Decimal(1000),
    min_funds=Decimal("0.1"),
    price_limit_rate=Decimal("0.1"),
    fee_class=1,
)
SHORT = Position(symbol="XBTUSDTM", lots=Lots(-1000), entry_value=Decimal(-60_000))
SHADOW = Shadow(
    at=AT,
    rules=Rules(spot={"BTC-USDT": PAIR}, contracts={"XBTUSDTM": XBTUSDTM}),
    balances={
        SPOT: {"BTC": Balance(total=Decimal(1))},
        FUTURES: {"USDT": Balance(total=Decimal(60_000))},
    },
    positions={PositionKey("XBTUSDTM"): SHORT},
    margin_marks={"BTC": MARK},
    futures_marks={"XBTUSDTM": MARK},
    mark_times={"BTC": AT, "XBTUSDTM": AT},
    is_open=True,
)


def strike(lots: int, shadow: Shadow = SHADOW, core: Core | None = None) -> Step:
    """The step in which auto-deleveraging leaves ``lots`` of the short."""
    left = replace(SHORT, lots=Lots(lots), entry_value=Decimal(60 * lots))
    moment: tuple[Event, ...] = (
        Filled(
            at=AT,
            trade_id="t",
            order_id="o",
            intent_id=None,
            account=FUTURES,
            symbol="XBTUSDTM",
            side=Side.BUY,
            qty=Decimal(lots + 1000),
            price=MARK,
            reference_price=MARK,
            fee=Decimal(0),
            fee_coin="USDT",
            is_maker=False,
            forced="adl",
        ),
        PositionChanged(at=AT, position=left, reason="adl"),
        MarksTicked(at=AT, margin_marks={"BTC": MARK}),
    )
    return (core or Core()).step(State(shadow=shadow), moment)


def test_the_other_leg_leaves_by_the_same_share() -> None:
    """When 60 % of the short is taken, 60 % of the coins are sold at once."""
    step = strike(-400)
    intents = [approved.intent for approved in step.approved]
    assert [type(i) for i in intents] == [PlaceOrder]
    order = intents[0]
    assert isinstance(order, PlaceOrder)
    assert (order.account, order.symbol) == (SPOT, "BTC-USDT")
    assert (order.side, order.qty) == (Side.SELL, Decimal("0.6"))


def test_a_position_without_a_hedge_is_left_alone() -> None:
    """A short that hedged nothing is not answered with anything."""
    lone = replace(SHADOW, balances={FUTURES: SHADOW.balances[FUTURES]})
    assert strike(-400, lone).approved == ()


def test_a_halted_leg_is_waited_for() -> None:
    """While the spot pair takes no orders the pair stays watched, nothing is sent."""
    step = strike(-400, replace(SHADOW, halted=frozenset({"BTC-USDT"})))
    assert step.approved == ()
    assert "BTC" in step.state.guard.pairs
