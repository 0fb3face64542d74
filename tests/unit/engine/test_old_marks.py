"""A feed that stops: what the guard does as its last marks grow old."""

from collections.abc import Sequence
from decimal import Decimal

import pytest

from bot.domain.accounts import MARGIN_CROSS
from bot.domain.entries import Decided
from bot.domain.events import Event, MarksTicked, ScheduleDue
from bot.domain.intents import Approved, Borrow, Refused
from bot.engine.core import Core, Step
from bot.engine.lookout import Lookout
from tests.unit.engine.steps import Asker, after, bodies, opened, ticked
from tests.unit.venue.builders import opening

GUARD = Core()
MORE = Borrow(account=MARGIN_CROSS, coin="USDT", amount=Decimal(1))


def silence(usdt: str, until: int, core: Core = GUARD) -> list[Step]:
    """Steps of an account at 50000 that hears nothing but time, second by second."""
    account = opening(
        {"margin_cross": {"BTC": "1"}, "main": {"USDT": "100"}},
        debts={"margin_cross": {"USDT": usdt}},
    )
    state, steps, lookout = opened(core, account), list[Step](), Lookout()
    for second in range(1, until + 1):
        moment: Sequence[Event] = (MarksTicked(at=after(second)),)
        steps.append(core.step(state, moment, lookout))
        state = steps[-1].state
    return steps


def first_cure(steps: Sequence[Step]) -> tuple[int, Decided] | None:
    """The second at which the guard begins, and its row."""
    for second, step in enumerate(steps, 1):
        for body in bodies(step, Decided):
            assert isinstance(body, Decided)
            return second, body
    return None


@pytest.mark.parametrize(
    ("usdt", "second"),
    [
        # owed       begins
        ("33000", None),
        ("38000", 31),
        ("41100", 11),
    ],
    ids=["beyond its target", "between act and target", "hardly beyond act"],
)
def test_the_ladder_of_an_unheard_mark(usdt: str, second: int | None) -> None:
    """Eleven missed updates: the worst end is judged; thirty-one: cured to target."""
    found = first_cure(silence(usdt, 40))
    assert (None if found is None else found[0]) == second


def test_the_reason_says_how_old_and_how_wide() -> None:
    """A trader reads why the guard acts although no price moved."""
    found = first_cure(silence("41100", 12))
    assert found is not None
    _, row = found
    assert row.reason == (
        "a move of 14.5 % liquidates margin_cross, under the act distance of 15.0 % "
        "(BTC mark 11 s old: its ratio is 0.815 to 0.829)"
    )
    assert row.inputs["mark age BTC"] == "11.000"
    assert Decimal(row.inputs["ratio low"]) < Decimal("0.822")
    assert Decimal(row.inputs["ratio high"]) > Decimal("0.822")


def test_the_cure_brings_the_worst_end_to_the_target() -> None:
    """At 31 s the reserve comes first, as in every cure; it is sent at once."""
    steps = silence("38000", 31)
    (sent,) = steps[-1].approved
    assert sent.owner == "guard"
    assert steps[-2].approved == ()


def test_a_mark_that_comes_back_ends_the_doubt() -> None:
    """Fresh again at the same price, the account is judged as it stands."""
    steps = silence("41100", 10)
    step = GUARD.step(steps[-1].state, (ticked(11, "50000"),))
    assert bodies(step, Decided) == []
    assert step.verdicts[0].measure.aged is None


def test_new_risk_stops_at_the_fourth_second() -> None:
    """Three missed updates are borne, more are not; no reduction is ever stopped."""
    core = Core(strategies=(Asker(lambda view: [MORE]),))
    for seconds, kind in ((3, Approved), (4, Refused)):
        state = silence("33000", seconds, core)[-1].state
        due = ScheduleDue(at=after(seconds), job="asker.tick", due_at=after(seconds))
        step = core.step(state, (due,))
        assert len(bodies(step, kind)) == 1


def test_an_unconfirmed_jump_stops_new_risk_and_not_the_guard() -> None:
    """Only BTC's margin mark falls: danger at once, no borrowing."""
    core = Core(strategies=(Asker(lambda view: [MORE]),))
    state = opened(core)
    wild = MarksTicked(at=after(1), margin_marks={"BTC": Decimal(36000)})
    step = core.step(state, (wild,))
    assert len(bodies(step, Decided)) == 1
    mild = MarksTicked(at=after(1), margin_marks={"BTC": Decimal(44000)})
    due = ScheduleDue(at=after(1), job="asker.tick", due_at=after(1))
    (refused,) = bodies(core.step(state, (mild, due)), Refused)
    assert isinstance(refused, Refused)
    assert refused.reason == (
        "the mark of BTC jumped by -12.0 %; nothing has confirmed it yet"
    )
