"""A foreign order that rests is told once; ours never is."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from bot.domain.accounts import MARGIN_CROSS
from bot.domain.events import OrderChanged
from bot.domain.instruments import Rules
from bot.domain.orders import OrderState, Side
from bot.engine.core import State, Step
from bot.report.alerts import WARNING, Alerts
from bot.shadow.state import empty_shadow

AT = datetime(2026, 1, 1, tzinfo=UTC)


class Heard:
    """A notifier that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def notify(self, level: str, sentence: str) -> None:
        """Keep it."""
        self.told.append((level, sentence))


def order(number: str, intent_id: str | None, state: OrderState) -> OrderChanged:
    """A limit order of 0.5 BTC in cross margin."""
    return OrderChanged(
        at=AT,
        order_id=number,
        intent_id=intent_id,
        account=MARGIN_CROSS,
        symbol="BTC-USDT",
        side=Side.BUY,
        state=state,
        qty=Decimal("0.5"),
        filled_qty=Decimal(0),
    )


def heard(*events: OrderChanged) -> list[tuple[str, str]]:
    """What a person is told of some moments."""
    notifier = Heard()
    alerts = Alerts(notifier)
    step = Step(state=State(shadow=empty_shadow(Rules())))
    for event in events:
        alerts([event], step)
    return notifier.told


def test_a_foreign_order_is_told_once() -> None:
    """However often it is reported, and each order for itself."""
    told = heard(*(order(n, None, OrderState.OPEN) for n in ("o1", "o1", "o2")))
    assert [level for level, _ in told] == [WARNING, WARNING]
    assert "buy 0.5 BTC-USDT (o1)" in told[0][1]
    assert "not ours" in told[0][1]


@pytest.mark.parametrize(
    "event",
    [
        order("o1", "g7-i0000001", OrderState.OPEN),
        order("o1", None, OrderState.CANCELLED),
        order("o1", None, OrderState.FILLED),
    ],
)
def test_our_orders_and_ended_ones_are_no_news(event: OrderChanged) -> None:
    """Routine says nothing; an order that is gone is no danger."""
    assert heard(event) == []
