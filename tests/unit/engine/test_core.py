"""Worked examples of the engine's step: what a moment leads to, in which order."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.domain.accounts import FUTURES, MAIN, MARGIN_CROSS, AccountSnapshot
from bot.domain.entries import Decided, Noted, Sampled
from bot.domain.events import (
    Bucket,
    Cause,
    Event,
    IntentSettled,
    LedgerBooked,
    Posting,
    RatioReported,
    RulesRead,
    ScheduleDue,
    SnapshotTaken,
)
from bot.domain.intents import (
    Approved,
    Borrow,
    Intent,
    PlaceOrder,
    Refused,
    Repay,
    Transfer,
)
from bot.domain.orders import Outcome, Side
from bot.domain.strategy import View
from bot.engine.core import Core, State, Step
from bot.guard.limits import GuardLimits
from bot.shadow.state import empty_shadow
from tests.unit.engine.steps import (
    LONG,
    Asker,
    after,
    bodies,
    numbers,
    opened,
    ticked,
    told,
    without_guard,
)
from tests.unit.venue.builders import START, opening, rules

BUY = PlaceOrder(
    account=FUTURES,
    symbol="XBTUSDTM",
    side=Side.BUY,
    qty=Decimal(1),
    leverage=Decimal(1),
)
CALM = opening(
    {
        "margin_cross": {"BTC": "1", "USDT": "20000"},
        "futures": {"USDT": "5000"},
        "main": {"USDT": "100"},
    },
    debts={"margin_cross": {"USDT": "20000"}},
)
DUE = ScheduleDue(at=START, job="asker.tick", due_at=START)


def only(step: Step) -> Approved:
    """The one approved intent of a step."""
    (approved,) = step.approved
    return approved


def transferred(seconds: float, amount: str, intent_id: str) -> tuple[Event, ...]:
    """The exchange did a transfer from main into margin."""
    return (
        IntentSettled(
            at=after(seconds),
            intent_id=intent_id,
            outcome=Outcome.DONE,
            done_amount=Decimal(amount),
        ),
        LedgerBooked(
            at=after(seconds),
            entry_id=f"e-{seconds}",
            cause=Cause.TRANSFER,
            postings=(
                Posting(account=MAIN, coin="USDT", amount=-Decimal(amount)),
                Posting(account=MARGIN_CROSS, coin="USDT", amount=Decimal(amount)),
            ),
            intent_id=intent_id,
        ),
    )


def test_before_the_snapshot_facts_are_remembered_and_nothing_is_decided() -> None:
    """Without an account there is nothing to guard."""
    core = Core(strategies=(Asker(lambda view: [BUY]),))
    state = State(shadow=empty_shadow(rules()))
    step = core.step(state, (RulesRead(at=START, rules=rules()), ticked(0, "50000")))
    assert step.approved == ()
    assert step.measures == ()
    assert step.state.shadow.margin_marks["BTC"] == 50000


def test_a_calm_tick_measures_and_samples() -> None:
    """Equity 100 + 50000 - 33000, debt ratio 0.66, distance 1 - 0.66 / 0.97."""
    core = Core()
    state = State(shadow=empty_shadow(rules()))
    read = SnapshotTaken(at=START, snapshot=LONG)
    step = core.step(state, (RulesRead(at=START, rules=rules()), read))
    step = core.step(step.state, (ticked(0, "50000"),))
    (sample,) = bodies(step, Sampled)
    assert isinstance(sample, Sampled)
    assert sample.equity_usdt == 17100
    assert numbers(sample.debt_ratios) == {"margin_cross": "0.6600"}
    assert numbers(sample.distances) == {"margin_cross": "0.3196"}
    assert step.approved == ()


def test_samples_keep_their_cadence() -> None:
    """Once a minute, and whenever something is done."""
    core = Core(sample_every=timedelta(seconds=60))
    steps = told(
        opened(core),
        core,
        (ticked(30, "50000"),),
        (ticked(60, "50000"),),
        (ticked(61, "40000"),),
        (ticked(62, "40000"),),
    )
    assert [len(bodies(step, Sampled)) for step in steps] == [0, 1, 1, 0]


def test_a_cure_is_decided_remembered_and_approved_in_this_order() -> None:
    """The decision with its numbers, then the intent; ids are a function of the run."""
    core = Core(epoch=7)
    step = core.step(opened(core), (ticked(1, "40000"),))
    kinds = [type(entry.body) for entry in step.entries]
    assert kinds == [Decided, Approved, Sampled, Noted]
    (decided,) = bodies(step, Decided)
    assert isinstance(decided, Decided)
    assert (decided.decision_id, decided.verdict) == ("g7-d0000001", "cure")
    assert decided.inputs["mark BTC"] == "40000"
    assert decided.inputs["act"] == "0.15"
    assert only(step).intent_id == "g7-i0000002"
    assert isinstance(only(step).intent, Transfer)


def test_the_next_round_is_planned_on_what_happened() -> None:
    """While an answer is awaited nothing more is sent; then the next lever."""
    core = Core()
    first, waiting, second = told(
        opened(core),
        core,
        (ticked(1, "40000"),),
        (ticked(2, "39900"),),
        transferred(3, "100", "g1-i0000002"),
    )
    assert isinstance(only(first).intent, Transfer)
    assert waiting.approved == ()
    assert isinstance(only(second).intent, Repay)
    topics = [n.topic for n in bodies(second, Noted) if isinstance(n, Noted)]
    assert topics == ["action helped", "twin"]


def test_an_account_that_is_emptied_ends_its_episode_in_the_journal() -> None:
    """Its debt is gone: the cure is over and a person can read it."""
    core = Core()
    paid = LedgerBooked(
        at=after(2),
        entry_id="e1",
        cause=Cause.REPAY,
        postings=(
            Posting(
                account=MARGIN_CROSS,
                coin="USDT",
                amount=Decimal(-33000),
                bucket=Bucket.PRINCIPAL,
            ),
        ),
    )
    _, last = told(opened(core), core, (ticked(1, "40000"),), (paid,))
    (decided,) = bodies(last, Decided)
    assert isinstance(decided, Decided)
    assert decided.verdict == "cured"
    assert decided.reason == "margin_cross has nothing left to lose"
    assert not last.state.guard.is_acting


def test_without_the_guard_it_only_measures() -> None:
    """The counterfactual is measured and sampled, and nothing is done."""
    core = without_guard(Core())
    step = core.step(opened(core), (ticked(1, "36000"),))
    assert step.approved == ()
    assert len(step.measures) == 1
    assert step.verdicts == ()


def test_a_strategy_is_asked_when_its_job_fires() -> None:
    """What it proposes is approved with its own reason, or refused with ours."""
    wants: list[Intent] = [BUY, replace(BUY, qty=Decimal(10**7))]
    core = Core(strategies=(Asker(lambda view: wants),))
    step = core.step(opened(core, CALM), (DUE,))
    assert [a.reason for a in step.approved] == ["asked"]
    (refused,) = bodies(step, Refused)
    assert isinstance(refused, Refused)
    assert "max_order_usdt" in refused.reason


def test_a_job_of_another_strategy_asks_nobody() -> None:
    """Jobs are matched by their names."""
    core = Core(strategies=(Asker(lambda view: [BUY]),))
    step = core.step(opened(core, CALM), (replace(DUE, job="other"),))
    assert step.approved == ()


def test_a_strategy_is_asked_after_every_fact_about_requests() -> None:
    """So that a filled first leg gets its second at once."""
    core = Core(strategies=(Asker(lambda view: [BUY]),))
    fact = IntentSettled(at=START, intent_id="x", outcome=Outcome.DONE)
    assert core.step(opened(core, CALM), (fact,)).approved != ()


def test_proposals_of_one_list_count_each_other() -> None:
    """Two orders that pass alone are not both let pass."""
    half = replace(BUY, qty=Decimal(300), leverage=Decimal(10))
    core = Core(strategies=(Asker(lambda view: [half, half]),))
    step = core.step(opened(core, CALM), (DUE,))
    assert len(step.approved) == 1
    (refused,) = bodies(step, Refused)
    assert isinstance(refused, Refused)
    assert "act distance" in refused.reason


def test_a_strategy_adds_no_risk_while_the_guard_cures() -> None:
    """The cure leaves first; the strategy is asked in the next moment, and refused."""
    core = Core(strategies=(Asker(lambda view: [BUY]),))
    first = core.step(opened(core), (ticked(1, "40000"), DUE))
    assert {a.owner for a in first.approved} == {"guard"}
    assert bodies(first, Refused) == []
    step = core.step(first.state, (ticked(2, "40000"),))
    assert all(a.owner == "guard" for a in step.approved)
    (refused,) = bodies(step, Refused)
    assert isinstance(refused, Refused)
    assert refused.reason == "the guard is curing margin_cross"


def test_a_stale_mark_is_unknown_to_a_strategy() -> None:
    """It sees None, and cannot trade on it."""
    seen: list[Decimal | None] = []

    def look(view: View) -> list[Intent]:
        seen.append(view.mark("BTC"))
        return []

    core = Core(strategies=(Asker(look),))
    state = opened(core, CALM)
    core.step(state, (DUE,))
    core.step(state, (replace(DUE, at=after(60)),))
    assert seen == [Decimal(50000), None]


def test_a_request_in_doubt_is_looked_up_each_time_it_stays_so() -> None:
    """Its answer is asked for until it is proven."""
    core = Core()
    first = core.step(opened(core), (ticked(1, "40000"),))
    doubt = IntentSettled(
        at=after(2), intent_id="g1-i0000002", outcome=Outcome.IN_DOUBT
    )
    second = core.step(first.state, (doubt,))
    third = core.step(second.state, (replace(doubt, at=after(3)),))
    assert second.lookups == third.lookups == first.approved


def test_the_day_opens_with_its_first_known_equity() -> None:
    """A new UTC day starts a new count of losses."""
    core = Core()
    state = opened(core)
    assert (state.day, state.day_open_equity) == ("2025-01-01", Decimal(17100))
    later = core.step(state, (ticked(13 * 3600, "49000"),)).state
    assert (later.day, later.day_open_equity) == ("2025-01-02", Decimal(16100))


def test_the_exchange_s_ratio_is_compared_with_ours() -> None:
    """A difference beyond the printed digits becomes a note."""
    core = Core()
    state = opened(core)
    same = RatioReported(at=after(1), account=MARGIN_CROSS, value=Decimal("0.6599"))
    other = replace(same, value=Decimal("0.6588"))
    assert bodies(core.step(state, (ticked(1, "50000"), same)), Noted) == []
    (note,) = bodies(core.step(state, (ticked(1, "50000"), other)), Noted)
    assert isinstance(note, Noted)
    assert note.topic == "parity"
    assert note.text == "the exchange states 0.6588 for margin_cross, ours is 0.66"


BROKE = opening({}, debts={"margin_cross": {"USDT": "5"}})


@pytest.mark.parametrize(
    ("account", "stated", "agrees"),
    [
        (BROKE, "Infinity", True),
        (BROKE, "12.5", False),
        (LONG, "Infinity", False),
        (LONG, "0.66009", True),
    ],
)
def test_ratios_without_bound_can_be_compared(
    account: AccountSnapshot, stated: str, agrees: bool
) -> None:
    """An account that owes against nothing has no number to subtract."""
    core = without_guard(Core())
    report = RatioReported(at=after(1), account=MARGIN_CROSS, value=Decimal(stated))
    step = core.step(opened(core, account), (ticked(1, "50000"), report))
    assert (bodies(step, Noted) == []) is agrees


def test_a_ratio_of_an_account_without_debt_is_zero() -> None:
    """What is not measured owes nothing; futures are named with their coin."""
    core = Core()
    nothing = RatioReported(at=after(1), account=FUTURES, value=Decimal(0), coin="USDT")
    some = replace(nothing, value=Decimal("0.2"))
    assert bodies(core.step(opened(core), (ticked(1, "50000"), nothing)), Noted) == []
    (note,) = bodies(core.step(opened(core), (ticked(1, "50000"), some)), Noted)
    assert isinstance(note, Noted)
    assert note.text == "the exchange states 0.2 for futures:USDT, ours is 0"


def test_an_account_that_cannot_be_measured_is_not_touched() -> None:
    """A coin without a price: unknown is neither cured nor taken as opened."""
    account = opening(
        {"margin_cross": {"BTC": "1", "SOL": "5"}},
        debts={"margin_cross": {"USDT": "49000"}},
    )
    core = Core()
    state = opened(core, account)
    assert state.guard.subjects == {}
    step = core.step(state, (ticked(1, "50000"),))
    assert step.approved == ()
    assert step.verdicts[0].reason == "unknown: no price of SOL"
    known = core.step(step.state, (ticked(2, "50000", SOL="20"),)).state
    assert known.guard.subjects["margin_cross"].thresholds.is_adapted


def test_new_risk_that_is_refused_is_a_setback_that_a_strategy_can_see() -> None:
    """It keeps no state, so the view must tell it."""
    wish = Borrow(account=MARGIN_CROSS, coin="USDT", amount=Decimal(10**6))
    core = Core(strategies=(Asker(lambda view: [wish]),))
    shadow = core.step(opened(core, CALM), (DUE,)).state.shadow
    assert shadow.setbacks["asker", "USDT"].intent == wish


def test_limits_are_those_of_the_core() -> None:
    """A guard that acts under 1 % does nothing at 14 %."""
    core = Core(guard_limits=GuardLimits(act_distance=Decimal("0.01")))
    step = core.step(opened(core), (ticked(1, "40000"),))
    assert step.approved == ()
