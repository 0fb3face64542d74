"""Worked examples of the check after an action: did it help, and what if not."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.domain.accounts import MARGIN_CROSS
from bot.domain.events import OrderChanged
from bot.domain.intents import Approved, Intent, PlaceOrder, PlaceStop, Repay
from bot.domain.orders import IntentState, OrderState, Side
from bot.domain.stops import stop_of
from bot.guard.postcheck import Checked, check_after, remember_before
from bot.guard.state import CANCELLING, GUARD, SubjectState
from bot.shadow.apply import apply, set_back
from bot.shadow.project import project
from bot.shadow.state import Shadow
from tests.unit.guard.bench import (
    LIMITS,
    START,
    cross_long,
    later,
    marked,
    requested,
    shadow_of,
    subject_state,
)
from tests.unit.venue.builders import opening

SALE = PlaceOrder(
    account=MARGIN_CROSS,
    symbol="BTC-USDT",
    side=Side.SELL,
    qty=Decimal("0.5"),
    price=Decimal(50000),
    is_reduction=True,
)


def remembered(
    shadow: Shadow, instrument: str = "BTC-USDT", state: SubjectState | None = None
) -> SubjectState:
    """The state just before an action."""
    known = subject_state() if state is None else state
    return remember_before(known, shadow, instrument, [instrument])


def checked(state: SubjectState, shadow: Shadow) -> Checked:
    """The check of an action that is there."""
    found = check_after(state, shadow, "margin_cross", LIMITS)
    if found is None:
        raise LookupError("there was no action to check")
    return found


def test_an_action_that_lengthens_the_distance_helped() -> None:
    """It is said with the numbers before and after, and nothing is held against it."""
    shadow = cross_long()
    found = checked(remembered(shadow), project(shadow, SALE))
    assert found.has_helped
    assert found.sentence.startswith(
        "after acting on BTC-USDT: ratio 0.8 at distance 0.1753 became ratio 0.8"
    )
    assert found.state.before is None
    assert found.state.strikes == {}


def test_the_market_s_own_move_does_not_count() -> None:
    """Both states are valued at today's marks: a fall does not hide that it helped."""
    shadow = cross_long()
    fallen = marked(project(shadow, SALE), {"BTC": "45000"}, seconds=1)
    assert checked(remembered(shadow), fallen).has_helped
    risen = marked(shadow, {"BTC": "60000"}, seconds=1)
    assert not checked(remembered(shadow), risen).has_helped


def test_three_strikes_bench_an_instrument() -> None:
    """What does nothing three times is left alone for two minutes."""
    shadow = cross_long()
    state = subject_state()
    for _ in range(3):
        assert "BTC-USDT" not in state.benched_until
        state = checked(remembered(shadow, state=state), shadow).state
    assert state.benched_until["BTC-USDT"] == shadow.at + timedelta(seconds=120)
    assert state.strikes["BTC-USDT"] == 0


def test_a_refusal_benches_at_once() -> None:
    """What the exchange refuses is not tried twice in a row."""
    shadow = cross_long()
    state = remembered(shadow)
    tried = Approved(intent_id="g1", owner=GUARD, intent=SALE, reason="test")
    refused = set_back(later(shadow, 1), tried, shadow.at, "no balance")
    found = checked(state, refused)
    assert found.state.benched_until["BTC-USDT"] > refused.at


def test_what_was_lost_on_its_way_is_one_useless_attempt() -> None:
    """Nobody refused it: the same is tried again, and left alone after three."""
    shadow = cross_long()
    state = remembered(shadow)
    tried = Approved(intent_id="g1", owner=GUARD, intent=SALE, reason="test")
    lost = set_back(
        later(shadow, 1), tried, shadow.at, "nothing of it is known", was_lost=True
    )
    found = checked(state, lost)
    assert found.state.benched_until == {}
    assert found.state.strikes["BTC-USDT"] == 1


def test_an_old_refusal_is_not_held_against_a_new_action() -> None:
    """Only what came to nothing since the action counts."""
    shadow = cross_long()
    tried = Approved(intent_id="g1", owner=GUARD, intent=SALE, reason="test")
    old = set_back(shadow, tried, START - timedelta(seconds=9), "no balance")
    assert checked(remembered(old), old).state.benched_until == {}


def test_a_cancel_helps_by_taking_an_order_away() -> None:
    """A resting order in a margin account is no part of its ratio."""
    resting = OrderChanged(
        at=START,
        order_id="o1",
        intent_id=None,
        account=MARGIN_CROSS,
        symbol="BTC-USDT",
        side=Side.BUY,
        state=OrderState.OPEN,
        qty=Decimal(1),
        filled_qty=Decimal(0),
    )
    shadow = replace(cross_long(), orders={"o1": resting})
    state = remembered(shadow, CANCELLING)
    assert checked(state, replace(shadow, orders={})).has_helped
    assert not checked(state, shadow).has_helped


def test_a_cancel_helps_by_taking_a_stop_away() -> None:
    """A stop that was near is gone: no useless attempt, and nothing to warn of."""
    stop = PlaceStop(
        account=MARGIN_CROSS,
        symbol="BTC-USDT",
        side=Side.SELL,
        qty=Decimal("0.5"),
        stop_price=Decimal(49_000),
        is_up=False,
    )
    shadow = cross_long()
    resting = apply(shadow, stop_of(stop, shadow.at, "s1", "g1-i1"))
    state = remembered(resting, CANCELLING)
    assert checked(state, shadow).has_helped
    assert not checked(state, resting).has_helped


@pytest.mark.parametrize(
    ("intents", "has_helped"),
    [
        ([replace(SALE, symbol="ETH-USDT", qty=Decimal(4), price=Decimal(2500))], True),
        ([], False),
    ],
)
def test_a_spread_is_helped_by_less_of_it(
    intents: Sequence[Intent], has_helped: bool
) -> None:
    """Where no uniform move liquidates, a sale is a step although the ratio stays."""
    shadow = shadow_of(
        opening(
            {"margin_cross": {"ETH": "20"}}, debts={"margin_cross": {"BTC": "0.86"}}
        )
    )
    after = shadow
    for intent in intents:
        after = project(after, intent)
    assert checked(remembered(shadow, "ETH-USDT"), after).has_helped is has_helped


def test_an_account_that_lost_its_debt_was_helped() -> None:
    """Nothing left to lose is the best that an action can do."""
    shadow = shadow_of(
        opening(
            {"margin_cross": {"BTC": "1", "USDT": "40000"}},
            debts={"margin_cross": {"USDT": "40000"}},
        )
    )
    repay = Repay(account=MARGIN_CROSS, coin="USDT", amount=Decimal(40000))
    found = checked(remembered(shadow), project(shadow, repay))
    assert found.has_helped
    assert found.sentence.endswith("became nothing to lose")


def test_a_ratio_without_bound_is_a_word() -> None:
    """A debt against nothing is said as it is."""
    shadow = shadow_of(opening({}, debts={"margin_cross": {"USDT": "5"}}))
    found = checked(remembered(shadow), shadow)
    assert "ratio Infinity at distance 0" in found.sentence


def test_without_an_action_there_is_nothing_to_check() -> None:
    """An account that was not acted on is not judged."""
    assert check_after(subject_state(), cross_long(), "margin_cross", LIMITS) is None


@pytest.mark.parametrize(
    ("state", "owner", "is_judged"),
    [
        (IntentState.IN_DOUBT, GUARD, False),
        (IntentState.SENT, GUARD, False),
        (IntentState.DONE, GUARD, True),
        (IntentState.IN_DOUBT, "carry", True),
    ],
)
def test_an_action_without_an_answer_is_not_judged_yet(
    state: IntentState, owner: str, is_judged: bool
) -> None:
    """Nobody knows what it did; a strategy's doubt is not the guard's."""
    shadow = cross_long()
    doubtful = requested(shadow, [SALE], state, owner=owner)
    found = check_after(remembered(shadow), doubtful, "margin_cross", LIMITS)
    assert (found is not None) is is_judged


def half_swapped() -> tuple[Shadow, Shadow]:
    """ETH against BTC that is owed at 96 %, before and after a sale of one ETH."""
    shadow = shadow_of(
        opening(
            {"margin_cross": {"ETH": "10", "USDT": "3000"}},
            debts={"margin_cross": {"BTC": "0.5376"}},
        )
    )
    sale = replace(SALE, symbol="ETH-USDT", qty=Decimal(1), price=Decimal(2500))
    return shadow, project(shadow, sale)


def test_a_sale_is_judged_by_what_its_cash_can_buy_back() -> None:
    """The half of a swap alone comes nearer; with the half that follows it helps."""
    before, after = half_swapped()
    found = checked(remembered(before, "ETH-USDT and BTC-USDT"), after)
    assert found.has_helped


def test_a_swap_of_which_a_half_is_refused_is_left_alone() -> None:
    """One half without the other is no swap: no further chunk of it is sold."""
    before, after = half_swapped()
    state = remembered(before, "ETH-USDT and BTC-USDT")
    tried = Approved(intent_id="g1", owner=GUARD, intent=SALE, reason="test")
    refused = set_back(later(after, 1), tried, after.at, "no balance")
    found = checked(state, refused)
    assert not found.has_helped
    assert found.state.benched_until["ETH-USDT and BTC-USDT"] > refused.at
