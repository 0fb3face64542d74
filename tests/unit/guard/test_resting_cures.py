"""Stops and cures of a margin account: the same coins are never sold twice."""

from dataclasses import replace
from decimal import Decimal

from bot.domain.accounts import MARGIN_CROSS
from bot.domain.intents import CancelStop, PlaceOrder
from bot.domain.orders import Side, StopState
from bot.guard.admit import is_reduction
from bot.guard.planner import plan_cure
from bot.guard.state import GUARD
from bot.shadow.apply import apply
from tests.unit.guard.bench import marked, requested, subject_state, verdict_on
from tests.unit.guard.test_resting import LIMITS, LONG, keeping


def test_the_guard_withdraws_a_margin_stop_before_it_cuts_the_leg() -> None:
    """The cancel stands before the cut, and it is the guard's own, which is urgent."""
    shadow, _ = keeping(LONG)
    near = marked(shadow, {"BTC": "39000", "ETH": "2500"}, 60)
    verdict = verdict_on(near, "margin_cross")
    cure = plan_cure(near, verdict, subject_state(), LIMITS)
    assert [type(p.intent) for p in cure.proposals] == [CancelStop, PlaceOrder]
    assert {p.owner for p in cure.proposals} == {GUARD}


def test_a_near_stop_is_withdrawn_alone_and_counted_until_it_is_gone() -> None:
    """What may go off at any moment is left its share under both outcomes."""
    shadow, _ = keeping(LONG)
    stop = next(iter(shadow.stops.values()))
    at_trigger = marked(shadow, {"BTC": f"{stop.stop_price + 100:f}"}, 60)
    verdict = verdict_on(at_trigger, "margin_cross")
    cure = plan_cure(at_trigger, verdict, subject_state(), LIMITS)
    assert [type(p.intent) for p in cure.proposals] == [CancelStop]
    cancel = cure.proposals[0].intent
    doubted = requested(at_trigger, [cancel])
    again = plan_cure(doubted, verdict, subject_state(), LIMITS)
    orders = [p.intent for p in again.proposals if isinstance(p.intent, PlaceOrder)]
    assert sum((order.qty for order in orders), Decimal(0)) + stop.qty <= 1


def test_a_stop_that_triggered_counts_until_its_order_has_ended() -> None:
    """Between the trigger and its fills the same coins are not sold again."""
    shadow, _ = keeping(LONG)
    stop = next(iter(shadow.stops.values()))
    going = apply(shadow, replace(stop, state=StopState.TRIGGERED))
    sale = PlaceOrder(
        account=MARGIN_CROSS,
        symbol="BTC-USDT",
        side=Side.SELL,
        qty=Decimal("0.5"),
        is_reduction=True,
    )
    assert is_reduction(shadow, sale)
    assert not is_reduction(going, sale)
