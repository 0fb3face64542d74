"""A guard that was cut off in the middle goes on where it was; the day's budget too."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.domain.accounts import SPOT, Balance
from bot.domain.entries import Decided, Entry, Noted
from bot.domain.events import Event, MarksTicked
from bot.domain.intents import Approved, PlaceOrder
from bot.engine.core import Core, State
from bot.engine.memory import DAY_OPENED, PAIR_DONE, Memory, guard_of, recall
from bot.guard.repair import PairWatch
from bot.guard.state import GuardState
from tests.unit.engine.steps import after, bodies, opened, ticked, told
from tests.unit.guard.test_torn_pairs import AT, MARK, SHADOW, strike

LIVE = Core(is_parity_kept=True)
FALL = (ticked(1, "40000"),)
"""A further fall of 14.9 % would liquidate: under the act distance of 15 %."""
BETWEEN = ticked(2, "43000")
"""20.9 %: past the trigger, short of the target of 25 %."""


def remembered(*moments: tuple[Event, ...]) -> tuple[State, Memory]:
    """The state after some moments of a guarded account, and what its journal knows."""
    state = opened(replace(LIVE, is_guarding=True))
    entries: list[Entry] = []
    for step in told(state, LIVE, *moments):
        entries += step.entries
        state = step.state
    return state, recall(entries)


def restarted(state: State, guard: GuardState) -> State:
    """The same account after a restart: nothing under way, the guard as recovered."""
    return replace(state, guard=guard, shadow=replace(state.shadow, requests={}))


def tick_of_pair() -> MarksTicked:
    """The pair's marks once more, two seconds on."""
    return MarksTicked(
        at=AT + timedelta(seconds=2),
        margin_marks={"BTC": MARK},
        futures_marks={"XBTUSDTM": MARK},
    )


def test_a_cure_goes_on_after_a_restart() -> None:
    """Between trigger and target only an account that was being cured is cured on."""
    state, memory = remembered(FALL)
    subject = next(iter(memory.acting))
    assert (subject, memory.acting[subject]) == ("margin_cross", after(1))
    known = opened(LIVE).guard.subjects[subject].thresholds
    memory = replace(memory, thresholds={subject: known})

    on = LIVE.step(restarted(state, guard_of(memory, is_guarded=True)), (BETWEEN,))
    assert bodies(on, Approved)
    assert bodies(on, Decided) == []
    assert on.state.guard.subjects[subject].episode == 1

    forgot = guard_of(replace(memory, acting={}), is_guarded=True)
    assert bodies(LIVE.step(restarted(state, forgot), (BETWEEN,)), Approved) == []


def test_a_cure_that_ended_is_over() -> None:
    """After the guard has said cured, a restart begins at rest; its number is kept."""
    _, memory = remembered(FALL, (ticked(20, "60000"),))
    assert memory.acting == {}
    assert memory.episodes == {"margin_cross": 1}


@pytest.mark.parametrize("is_guarded", [True, False])
def test_without_a_guard_no_cure_is_taken_over(is_guarded: bool) -> None:
    """Nobody would end it, and new risk would be refused for ever."""
    _, memory = remembered(FALL)
    known = opened(LIVE).guard.subjects["margin_cross"].thresholds
    memory = replace(memory, thresholds={"margin_cross": known})
    assert guard_of(memory, is_guarded=is_guarded).is_acting is is_guarded


def test_the_day_is_opened_once_whatever_the_restarts() -> None:
    """A live run keeps the day's first equity as a row; the first one holds."""
    core = replace(LIVE, is_guarding=False)
    state = replace(opened(core), day="", day_open_equity=None)
    first, later = told(state, core, (ticked(1, "50000"),), (ticked(2, "45000"),))
    (note,) = (n for n in bodies(first, Noted) if isinstance(n, Noted))
    assert note.topic == DAY_OPENED
    assert bodies(later, Noted) == []
    again = replace(later.state, day="", day_open_equity=None)
    reopened = core.step(again, (ticked(3, "45000"),))
    memory = recall([*first.entries, *later.entries, *reopened.entries])
    assert memory.equities == {after(0).date(): Decimal(17100)}


def test_a_simulated_run_has_no_such_row() -> None:
    """It is derived anew from its start; its rows stay what they were."""
    core = Core(is_guarding=False)
    state = replace(opened(core), day="", day_open_equity=None)
    assert bodies(core.step(state, (ticked(1, "50000"),)), Noted) == []


def test_a_repair_goes_on_after_a_restart() -> None:
    """A kill between the legs of a pair: the other is still reduced."""
    torn = strike(-400, SHADOW, LIVE)
    memory = recall(torn.entries)
    assert memory.pairs == {"BTC": PairWatch(longs=Decimal(1), shorts=Decimal(1))}
    state = restarted(torn.state, guard_of(memory, is_guarded=True))
    (sent,) = LIVE.step(state, (tick_of_pair(),)).approved
    assert isinstance(sent.intent, PlaceOrder)
    assert (sent.intent.symbol, sent.intent.qty) == ("BTC-USDT", Decimal("0.6"))
    assert guard_of(memory, is_guarded=False).pairs == {}


def test_a_repair_that_is_done_stays_done() -> None:
    """When the pair is even again its row says so; a restart watches nothing."""
    torn = strike(-400, SHADOW, LIVE)
    coins = {SPOT: {"BTC": Balance(total=Decimal("0.4"))}}
    balances = {**torn.state.shadow.balances, **coins}
    even = replace(torn.state.shadow, balances=balances, requests={})
    done = LIVE.step(replace(torn.state, shadow=even), (tick_of_pair(),))
    topics = [n.topic for n in bodies(done, Noted) if isinstance(n, Noted)]
    assert PAIR_DONE in topics
    assert recall([*torn.entries, *done.entries]).pairs == {}


def test_the_rest_after_a_cure_outlives_a_restart() -> None:
    """It is counted from the cure's end; without it a restart would cut anew."""
    _, memory = remembered(FALL, (ticked(20, "60000"),))
    known = opened(LIVE).guard.subjects["margin_cross"].thresholds
    memory = replace(memory, thresholds={"margin_cross": known})
    guard = guard_of(memory, is_guarded=True, cooldown=timedelta(seconds=300))
    assert guard.subjects["margin_cross"].cooled_until == after(320)
