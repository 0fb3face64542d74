"""``gnomon strategy check``: a strategy on a short synthetic market, judged.

It is built from its settings, its file is read for what is not pure, and it is run
in replay on a day in which the funding turns and on a crash, on an account with means
everywhere. What it proposed, what was refused and why, and whether a second run comes
to the same rows, is the answer. Everything goes through the composition root.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from bot.compose import NullJournal, Plan, plan_run, simulate
from bot.compose_strategies import built, kind_for, unasked, uncounted
from bot.domain.entries import Entry, Noted
from bot.domain.events import Event, Filled
from bot.domain.intents import Approved, Refused
from bot.domain.money import plain
from bot.engine.asking import FAULT
from bot.engine.core import Step
from bot.report.tally import Tally
from bot.report.wording import intent_title
from bot.settings import Settings, StrategySettings, settings_from
from bot.study.purity import Witness, impure_lines
from connectors.markets.synthetic import open_scenario
from connectors.system.clock import FreePacer
from connectors.venue.account_file import load_account

__all__ = ["Checked", "Trial", "check", "check_file"]

_SCENARIOS: Final = ("funding-flip", "crash")
_COINS: Final = ("BTC", "ETH", "SOL")
_SPAN: Final = timedelta(hours=24)
_MARK_INTERVAL_S: Final = 60
_SEED: Final = 1
_SLOW_S: Final = 0.05
"""A decision that takes longer delays the guard's next look noticeably."""
_REASONS: Final = 5
_ACCOUNT: Final = Path(__file__).parents[2] / "connectors/venue/trial_account.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What a strategy did on one market; ``pnl_usdt`` is the change in equity."""

    market: str
    asked: int
    proposed: int
    approved: int
    fills: int
    refused: dict[str, int]
    faults: tuple[str, ...]
    pnl_usdt: Decimal
    first: str = ""
    """The first thing that it asked for, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The judgement: no problem means that it may run."""

    name: str
    source: str
    parameters: dict[str, str]
    problems: tuple[str, ...]
    warnings: tuple[str, ...]
    trials: tuple[Trial, ...]

    @property
    def approved(self) -> int:
        """Requests that were let pass in all trials."""
        return sum(trial.approved for trial in self.trials)

    def answer(self) -> dict[str, object]:
        """The object that ``--json`` prints."""
        return {
            "name": self.name,
            "source": self.source,
            "parameters": self.parameters,
            "ok": not self.problems,
            "problems": list(self.problems),
            "warnings": list(self.warnings),
            "trials": [
                {
                    "market": trial.market,
                    "asked": trial.asked,
                    "proposed": trial.proposed,
                    "approved": trial.approved,
                    "fills": trial.fills,
                    "refused": trial.refused,
                    "faults": list(trial.faults),
                    "pnl_usdt": plain(trial.pnl_usdt),
                    "first": trial.first,
                }
                for trial in self.trials
            ],
        }


@dataclass(slots=True)
class _Watch:
    """Counts what one strategy asked for and what became of it."""

    name: str
    entries: list[Entry] = field(default_factory=list)
    proposed: int = 0
    approved: int = 0
    fills: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    first: str = ""

    def __call__(self, moment: Sequence[Event], step: Step) -> None:
        """Look at one step."""
        self.entries += step.entries
        self.fills += sum(
            isinstance(event, Filled) and event.intent_id in self.ids
            for event in moment
        )
        for entry in step.entries:
            match entry.body:
                case Approved(owner=owner) | Refused(owner=owner) if owner == self.name:
                    self._asked(entry.body, step)
                case Noted(topic=topic, text=text) if topic == FAULT:
                    self.faults.append(text)
                case _:
                    pass

    def _asked(self, body: Approved | Refused, step: Step) -> None:
        self.proposed += 1
        if not self.first:
            words = intent_title(step.state.shadow.rules, body.intent)
            self.first = f"{words}: {body.reason}"
        if isinstance(body, Approved):
            self.approved += 1
            self.ids.add(body.intent_id)
        else:
            self.refused[body.reason] += 1


def check_file(path: Path, **parameters: object) -> Checked:
    """Check the strategy of a file, with its defaults or these parameters.

    Raises:
        UsageError: The file does not import, or a parameter is wrong.
    """
    table = {"path": str(path.resolve()), **parameters}
    settings = settings_from({}, {"strategy": {path.stem: table}})
    return check(settings, settings.strategies[0])


def check(settings: Settings, chosen: StrategySettings) -> Checked:
    """Build, read and try one strategy of the settings, the others left out.

    Raises:
        UsageError: It cannot be built.
    """
    kind = kind_for(chosen)
    strategy: Any = built(kind, chosen)
    problems = [] if chosen.path is None else list(impure_lines(chosen.path))
    warnings: list[str] = []
    trials: list[Trial] = []
    for scenario in _SCENARIOS:
        plan = _plan(settings, scenario)
        warnings += uncounted([strategy], plan.rules)
        warnings += unasked([strategy], plan.rules)
        witness = Witness(built(kind, chosen), built(kind, chosen))
        trial, rows = _tried(replace(plan, strategies=(witness,)), scenario, witness)
        _, again = _tried(replace(plan, strategies=(built(kind, chosen),)), scenario)
        problems += _problems(trial, witness, is_same=rows == again)
        if witness.longest_s > _SLOW_S:
            warnings.append(
                f"a decision on {scenario} took {witness.longest_s * 1000:.0f} ms; "
                f"over {_SLOW_S * 1000:.0f} ms the next mark waits"
            )
        trials.append(trial)
    if not any(trial.proposed for trial in trials):
        warnings.append("it proposed nothing on either market")
    return Checked(
        name=chosen.name,
        source=kind.source,
        parameters={
            name: _shown(getattr(strategy, name))
            for name in ("schedule", *kind.parameters)
        },
        problems=tuple(dict.fromkeys(problems)),
        warnings=tuple(dict.fromkeys(warnings)),
        trials=tuple(trials),
    )


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return plain(value) if isinstance(value, Decimal) else str(value)


def _plan(settings: Settings, scenario: str) -> Plan:
    market = open_scenario(
        scenario,
        _SEED,
        duration=_SPAN,
        mark_interval_s=_MARK_INTERVAL_S,
        coins=_COINS,
    )
    return plan_run(
        world="simulated",
        market=market,
        account=load_account(_ACCOUNT),
        settings=settings,
        seed=_SEED,
        has_strategies=False,
    )


def _tried(
    plan: Plan, market: str, witness: Witness | None = None
) -> tuple[Trial, list[Entry]]:
    """One run to its end, with the rows that it left."""
    name = plan.strategies[0].name
    watch, tallies = _Watch(name), list[Tally]()

    async def run() -> None:
        def observers(engine: Any) -> list[Any]:
            tallies.append(Tally(engine.state.shadow))
            return [watch, tallies[0]]

        simulation = await simulate(plan, NullJournal(), FreePacer(), observers)
        await simulation.finish()

    asyncio.run(run())
    start, end = tallies[0].equity_start, tallies[0].equity_end
    trial = Trial(
        market=market,
        asked=0 if witness is None else witness.asked,
        proposed=watch.proposed,
        approved=watch.approved,
        fills=watch.fills,
        refused=dict(watch.refused.most_common(_REASONS)),
        faults=tuple(watch.faults),
        pnl_usdt=Decimal(0) if start is None or end is None else end - start,
        first=watch.first,
    )
    return trial, watch.entries


def _problems(trial: Trial, witness: Witness, *, is_same: bool) -> list[str]:
    """What must not be: a fault, two answers to one view, two runs that differ."""
    found = list(trial.faults)
    if witness.differed is not None:
        found.append(
            f"on {trial.market} it answered the same view differently at "
            f"{witness.differed.isoformat()}: it keeps state or uses chance"
        )
    if not is_same and not trial.faults:
        found.append(
            f"two runs on {trial.market} left different rows: it keeps state from run "
            "to run"
        )
    return found
