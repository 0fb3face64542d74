"""A core and its state for worked examples of single steps. Asserts nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from bot.domain.accounts import AccountSnapshot
from bot.domain.entries import EntryBody
from bot.domain.events import Event, MarksTicked, RulesRead, SnapshotTaken
from bot.domain.intents import Intent, Proposal
from bot.domain.schedules import FACTS
from bot.domain.strategy import Job, View
from bot.engine.core import Core, State, Step
from bot.shadow.state import empty_shadow
from tests.unit.venue.builders import START, opening, rules

__all__ = ["LONG", "Asker", "bodies", "opened", "ticked"]

LONG = opening(
    {"margin_cross": {"BTC": "1"}, "main": {"USDT": "100"}},
    debts={"margin_cross": {"USDT": "33000"}},
)
"""1 BTC against 33000 USDT: at 50000 a fall of 31.9 % liquidates it."""


def after(seconds: float) -> datetime:
    """That many seconds after the start."""
    return START + timedelta(seconds=seconds)


def ticked(seconds: float, btc: str, **others: str) -> MarksTicked:
    """Marks of BTC, its contracts and other coins."""
    price = Decimal(btc)
    return MarksTicked(
        at=after(seconds),
        margin_marks={"BTC": price, **{c: Decimal(m) for c, m in others.items()}},
        futures_marks={"XBTUSDTM": price, "XBTUSDM": price},
    )


def opened(core: Core, account: AccountSnapshot = LONG, btc: str = "50000") -> State:
    """The state after the account was read and marked once."""
    state = State(shadow=empty_shadow(rules()))
    read = (
        RulesRead(at=START, rules=rules()),
        SnapshotTaken(at=START, snapshot=account),
    )
    state = core.step(state, read).state
    return core.step(state, (ticked(0, btc),)).state


def bodies(step: Step, kind: type[EntryBody]) -> list[EntryBody]:
    """The entries of one kind."""
    return [entry.body for entry in step.entries if isinstance(entry.body, kind)]


@dataclass(frozen=True, slots=True)
class Asker:
    """A strategy that proposes what a function of the view says."""

    asks: Callable[[View], Sequence[Intent]]
    name: str = "asker"
    job: str = "asker.tick"

    @property
    def jobs(self) -> Sequence[Job]:
        """The one job."""
        return (
            Job(name=self.job, schedule="every 60s"),
            Job(name="asker.facts", schedule=FACTS),
        )

    @property
    def claims(self) -> frozenset[str]:
        """None."""
        return frozenset()

    def decide(self, view: View, due_at: datetime) -> Sequence[Proposal]:
        """What it is told to ask."""
        return [
            Proposal(owner=self.name, intent=intent, reason="asked")
            for intent in self.asks(view)
        ]


def told(state: State, core: Core, *moments: Sequence[Event]) -> list[Step]:
    """The steps of some moments, one after the other."""
    steps: list[Step] = []
    for moment in moments:
        steps.append(core.step(state, moment))
        state = steps[-1].state
    return steps


def without_guard(core: Core) -> Core:
    """The same core that only watches."""
    return replace(core, is_guarding=False)


def numbers(values: Mapping[str, Decimal]) -> dict[str, str]:
    """Rounded for comparing by eye."""
    return {name: f"{value:.4f}" for name, value in values.items()}
