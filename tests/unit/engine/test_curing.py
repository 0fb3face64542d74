"""Worked examples of one round of a cure: wait, check, plan, or be stuck."""

from dataclasses import replace
from decimal import Decimal

from bot.domain.accounts import MARGIN_CROSS
from bot.domain.intents import PlaceOrder, Repay
from bot.domain.orders import IntentState, Side
from bot.engine.curing import Round, cure_round
from bot.guard.state import SubjectState
from bot.shadow.state import Shadow
from tests.unit.guard.bench import (
    LIMITS,
    cross_long,
    depth,
    later,
    position,
    requested,
    shadow_of,
    subject_state,
    verdict_on,
)
from tests.unit.venue.builders import opening


def ready(shadow: Shadow, known: SubjectState | None = None) -> Round | None:
    """The next round of the margin account."""
    state = subject_state() if known is None else known
    return cure_round(shadow, verdict_on(shadow, "margin_cross"), state, LIMITS)


def found(shadow: Shadow, known: SubjectState | None = None) -> Round:
    """A round that is there."""
    result = ready(shadow, known)
    if result is None:
        raise LookupError("it waits")
    return result


HALTED = replace(cross_long(), halted=frozenset({"BTC-USDT"}))


def test_a_round_remembers_what_was_held_before_it() -> None:
    """So that the next one can tell whether it helped."""
    result = found(cross_long())
    (proposal,) = result.proposals
    assert isinstance(proposal.intent, PlaceOrder)
    assert result.state.before is not None
    assert result.state.before.instrument == "BTC-USDT"
    assert result.state.cut_at == {"BTC-USDT": cross_long().at}
    assert result.state.actions == 1


def test_it_waits_for_an_answer() -> None:
    """A request of this account is on its way."""
    order = PlaceOrder(
        account=MARGIN_CROSS, symbol="BTC-USDT", side=Side.SELL, qty=Decimal(1)
    )
    assert ready(requested(cross_long(), [order], IntentState.SENT)) is None


def test_an_action_that_did_nothing_is_said() -> None:
    """Nothing changed since: a strike and a note, then the next try."""
    shadow = cross_long()
    first = found(shadow)
    second = found(later(shadow, 6), first.state)
    assert [note.topic for note in second.notes] == ["action did not help"]
    assert second.state.strikes == {"BTC-USDT": 1}
    assert second.proposals != ()


def test_while_depth_recovers_nothing_is_proposed() -> None:
    """The episode goes on without a note."""
    shadow = depth(cross_long(), "BTC-USDT", "1")
    first = found(shadow)
    second = found(later(shadow, 1), replace(first.state, before=None))
    assert (second.proposals, second.notes) == ((), ())


def test_being_stuck_is_said_once_a_minute() -> None:
    """The reasons are in the note; the guard keeps trying meanwhile."""
    first = found(HALTED)
    assert [note.topic for note in first.notes] == ["guard stuck"]
    assert "nothing left that can be reduced" in first.notes[0].text
    assert ready(later(HALTED, 59), first.state) is None
    again = found(later(HALTED, 60), first.state)
    assert [note.topic for note in again.notes] == ["guard stuck"]


def test_what_was_found_is_said_although_it_is_stuck() -> None:
    """The check of the last action is not lost in the silent minute."""
    acted = found(cross_long()).state
    stuck = replace(acted, stuck_noted_at=HALTED.at)
    result = found(later(HALTED, 1), stuck)
    assert [note.topic for note in result.notes] == ["action did not help"]
    assert result.state.before is None


def test_a_repayment_in_another_account_is_not_held_against_this_one() -> None:
    """It cannot move the futures: no strike, no note that it did not help."""
    account = opening(
        {"margin_cross": {"BTC": "1", "ETH": "2"}, "futures": {"USDT": "5000"}},
        debts={"margin_cross": {"ETH": "2", "USDT": "27000"}},
        positions=[position(-1000)],
    )
    shadow = shadow_of(account)
    subject = "futures:USDT"
    first = cure_round(shadow, verdict_on(shadow, subject), subject_state(), LIMITS)
    assert first is not None
    (repay,) = (p.intent for p in first.proposals)
    assert isinstance(repay, Repay)
    assert repay.account == MARGIN_CROSS
    assert first.state.before is None
    assert first.state.actions == 1
