"""The turnover gate: a loop of opening and closing ends by itself."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from bot.domain.accounts import SPOT, Balance
from bot.domain.events import Filled, MarksTicked
from bot.domain.instruments import Rules, SpotRules
from bot.domain.intents import PlaceOrder, Proposal, Refused
from bot.domain.orders import Side
from bot.engine.core import Core, State
from bot.guard.admit import admit
from bot.guard.gates import Admission
from bot.guard.limits import GuardLimits, RiskLimits
from bot.guard.state import GuardState
from bot.shadow.state import Shadow

AT = datetime(2025, 1, 1, tzinfo=UTC)
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
SHADOW = Shadow(
    at=AT,
    rules=Rules(spot={"BTC-USDT": PAIR}),
    balances={SPOT: {"USDT": Balance(total=Decimal(10_000))}},
    margin_marks={"BTC": Decimal(50_000)},
    mark_times={"BTC": AT},
    is_open=True,
)
BUY = Proposal(
    owner="test",
    intent=PlaceOrder(
        account=SPOT, symbol="BTC-USDT", side=Side.BUY, qty=Decimal("0.01")
    ),
    reason="test",
)


def admission(turnover: str) -> Admission:
    """A day that opened with 10,000 USDT and has traded ``turnover``."""
    return Admission(
        shadow=SHADOW,
        guard=GuardState(),
        limits=RiskLimits(max_daily_turnover=Decimal(20)),
        day_open_equity=Decimal(10_000),
        day_turnover=Decimal(turnover),
        guard_limits=GuardLimits(),
    )


def test_new_risk_is_refused_from_the_limit_on() -> None:
    """At twenty times the day's opening equity no new order is let pass."""
    refused = admit(admission("200000"), BUY, "i1")
    assert isinstance(refused, Refused)
    assert refused.reason == "the day's turnover is 20.0 times the equity, at 20"
    assert not isinstance(admit(admission("199999"), BUY, "i1"), Refused)


def test_fills_are_counted_and_midnight_forgets_them() -> None:
    """The engine adds each fill's value and starts anew with the day."""
    core = Core()
    fill = Filled(
        at=AT,
        trade_id="t1",
        order_id="o1",
        intent_id=None,
        account=SPOT,
        symbol="BTC-USDT",
        side=Side.BUY,
        qty=Decimal("0.1"),
        price=Decimal(50_000),
        reference_price=Decimal(50_000),
        fee=Decimal(5),
        fee_coin="USDT",
        is_maker=False,
    )
    tick = MarksTicked(at=AT, margin_marks={"BTC": Decimal(50_000)})
    state = core.step(State(shadow=SHADOW), (tick,)).state
    state = core.step(state, (fill,)).state
    assert state.day_turnover == Decimal(5_000)
    tomorrow = MarksTicked(at=AT + timedelta(days=1), margin_marks={})
    assert core.step(state, (tomorrow,)).state.day_turnover == 0
