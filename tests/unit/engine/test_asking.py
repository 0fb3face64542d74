"""When a strategy is asked, and what becomes of one that fails."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.accounts import FUTURES, MARGIN_CROSS
from bot.domain.entries import Noted
from bot.domain.errors import UsageError
from bot.domain.events import Filled, ScheduleDue
from bot.domain.intents import Approved, Intent, PlaceOrder, Proposal
from bot.domain.orders import Side
from bot.domain.strategy import Job, View
from bot.engine.asking import FAULT
from bot.engine.core import Core
from tests.unit.engine.steps import Asker, after, bodies, opened, ticked, told
from tests.unit.engine.test_core import CALM

BUY = PlaceOrder(
    account=FUTURES,
    symbol="XBTUSDTM",
    side=Side.BUY,
    qty=Decimal(1),
    leverage=Decimal(1),
)
BAD: Any = "buy"
DUE = ScheduleDue(at=after(1), job="asker.tick", due_at=after(1))
FORCED = Filled(
    at=after(2),
    trade_id="t",
    order_id="o",
    intent_id=None,
    account=FUTURES,
    symbol="XBTUSDTM",
    side=Side.SELL,
    qty=Decimal(1),
    price=Decimal(50000),
    reference_price=Decimal(50000),
    fee=Decimal(0),
    fee_coin="USDT",
    is_maker=False,
    forced="liquidation",
)


@dataclass(frozen=True)
class Waiter:
    """A strategy that notes which of its jobs it is asked for."""

    schedule: str
    seen: list[str | None]
    name: str = "waiter"

    @property
    def jobs(self) -> Sequence[Job]:
        """The one job."""
        return (Job(name="waiter", schedule=self.schedule),)

    @property
    def claims(self) -> frozenset[str]:
        """None."""
        return frozenset()

    def decide(self, view: View, due_at: datetime) -> Sequence[Proposal]:
        """Note the job; want nothing."""
        self.seen.append(view.due_job)
        return []


def asked(schedule: str, *prices: str) -> int:
    """How often a waiter is asked while BTC goes through these prices."""
    seen: list[str | None] = []
    core = Core(strategies=(Waiter(schedule, seen),), is_guarding=False)
    moments = [(ticked(n, price),) for n, price in enumerate(prices, start=1)]
    told(opened(core), core, *moments)
    assert set(seen) <= {"waiter"}
    return len(seen)


@pytest.mark.parametrize(
    ("prices", "times"),
    [
        (["50000", "49000"], 0),
        (["45000"], 1),
        (["45000", "44000", "43000"], 1),
        (["45000", "50000"], 2),
        (["45000", "50000", "45000"], 3),
    ],
)
def test_a_crossed_distance_asks_once_each_way(prices: list[str], times: int) -> None:
    """At 50000 the distance is 0.319, at 45000 0.244: a quarter lies between."""
    assert asked("on distance 0.25", *prices) == times


def test_an_account_that_opens_under_the_threshold_asks_at_once() -> None:
    """A distance of 0.319 is under 0.5 from the first mark on, and stays so."""
    assert asked("on distance 0.5", "50000", "49000") == 1
    seen: list[str | None] = []
    opened(Core(strategies=(Waiter("on distance 0.5", seen),), is_guarding=False))
    assert seen == ["waiter"]


def test_another_band_asks_once_and_not_for_playing_about_its_limit() -> None:
    """0.66 is medium at the start; 0.94 high; 0.896 still high; 0.84 medium again."""
    prices = ["50000", "35000", "36800", "35100", "39000"]
    assert asked("on band", *prices) == 3


@pytest.mark.parametrize(
    ("schedule", "times"), [("on forced-fill", 1), ("on interference", 0)]
)
def test_a_forced_fill_is_no_interference(schedule: str, times: int) -> None:
    """The exchange took it; no person did."""
    seen: list[str | None] = []
    core = Core(strategies=(Waiter(schedule, seen),))
    core.step(opened(core), (FORCED,))
    assert len(seen) == times


@pytest.mark.parametrize(
    ("schedule", "times"), [("on forced-fill", 0), ("on interference", 1)]
)
def test_a_strangers_trade_is_interference(schedule: str, times: int) -> None:
    """Nobody of us asked for it and nobody forced it."""
    seen: list[str | None] = []
    core = Core(strategies=(Waiter(schedule, seen),))
    core.step(opened(core), (replace(FORCED, forced=None),))
    assert len(seen) == times


@pytest.mark.parametrize(
    "schedule",
    ["on", "on distance", "on distance 2", "on distance x", "on noise", "on band 1"],
)
def test_an_occasion_that_is_none_is_refused(schedule: str) -> None:
    """The sentence shows what may be written."""
    with pytest.raises(UsageError, match=r"on distance 0\.25"):
        Core(strategies=(Waiter(schedule, []),))


def _raises(view: View) -> Sequence[Intent]:
    raise ZeroDivisionError(f"with {object()!r}")


def _leaves(view: View) -> Sequence[Intent]:
    raise SystemExit(3)


def _takes(view: View) -> Sequence[Intent]:
    held: Any = view.balances(MARGIN_CROSS)
    held.pop("BTC")
    return []


@pytest.mark.parametrize("fails", [_raises, _leaves, _takes])
def test_a_strategy_that_raises_is_stopped_and_nothing_else(
    fails: Callable[[View], Sequence[Intent]],
) -> None:
    """The fault is journaled once; the other strategy is asked as before."""
    core = Core(
        strategies=(
            Asker(fails, name="bad"),
            Asker(lambda view: [BUY], name="good", job="good.tick"),
        )
    )
    steps = told(
        opened(core, CALM),
        core,
        (DUE,),
        (replace(DUE, at=after(2)),),
        (replace(DUE, at=after(3), job="good.tick"),),
    )
    notes = [b for step in steps for b in bodies(step, Noted)]
    faults = [n for n in notes if isinstance(n, Noted) and n.topic == FAULT]
    assert len(faults) == 1
    assert "bad raised" in faults[0].text
    assert "0x7" not in faults[0].text
    owners = {a.owner for step in steps for a in step.approved}
    assert owners == {"good"}


@dataclass(frozen=True)
class Answers:
    """A strategy that answers anything at all."""

    answer: Any
    name: str = "odd"

    @property
    def jobs(self) -> Sequence[Job]:
        """The one job."""
        return (Job(name="asker.tick", schedule="every 60s"),)

    @property
    def claims(self) -> frozenset[str]:
        """None."""
        return frozenset()

    def decide(self, view: View, due_at: datetime) -> Sequence[Proposal]:
        """Something that need not be proposals."""
        return self.answer  # type: ignore[no-any-return]  # it may be anything


@pytest.mark.parametrize(
    "answer",
    [
        None,
        3,
        ["buy"],
        [BUY],
        [Proposal(owner="guard", intent=BUY, reason="forged")],
        [Proposal(owner="odd", intent=BAD, reason="odd")],
    ],
)
def test_an_answer_that_is_no_proposal_of_its_own_is_a_fault(answer: object) -> None:
    """Nothing of it is sent, not even under the guard's name."""
    core = Core(strategies=(Answers(answer),))
    step = core.step(opened(core), (DUE,))
    assert step.approved == ()
    (note,) = bodies(step, Noted)
    assert isinstance(note, Noted)
    assert note.topic == FAULT


def test_a_failing_strategy_never_delays_the_guard() -> None:
    """In the moment of a cure only its requests leave; the fault comes after."""
    core = Core(strategies=(Asker(_raises),))
    first = core.step(opened(core), (ticked(1, "40000"), DUE))
    assert {a.owner for a in first.approved} == {"guard"}
    assert not [n for n in bodies(first, Noted) if "raised" in str(n)]
    assert bodies(first, Approved) == list(first.approved)
    second = core.step(first.state, (ticked(2, "40000"),))
    assert [n for n in bodies(second, Noted) if "raised" in str(n)]


@pytest.mark.parametrize(
    ("late_s", "missed", "times", "topics"),
    [
        (0, 0, 1, []),
        (30, 0, 1, []),
        (60, 2, 1, ["missed run"]),
        (61, 0, 0, ["missed run"]),
        (3600, 9, 0, ["missed run", "missed run"]),
    ],
)
def test_a_run_beyond_its_grace_is_journaled_and_not_made(
    late_s: int, missed: int, times: int, topics: list[str]
) -> None:
    """A grace of 60 s; runs that are one with a later one are told, too."""
    seen: list[str | None] = []
    core = Core(strategies=(Waiter("every 5s", seen),), is_guarding=False)
    event = ScheduleDue(
        at=after(4000), job="waiter", due_at=after(4000 - late_s), missed=missed
    )
    step = core.step(opened(core), (event,))
    assert len(seen) == times
    notes = [b.topic for b in bodies(step, Noted) if isinstance(b, Noted)]
    assert [topic for topic in notes if topic != "late run"] == topics
    assert ("late run" in notes) is (0 < late_s <= 60)
