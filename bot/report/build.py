"""A finished run as a ``RunReport``: the recorder's rows, put in the views' order.

The report of a run is built once, at its end. Numbers are taken as they were
recorded; nothing is computed here but differences of names. It must not open a
file.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bot.domain.entries import RunStarted
from bot.domain.market import MarketDescription
from bot.guard.state import GuardState
from bot.report.action_log import GUARD
from bot.report.episodes_view import totals_sentences
from bot.report.frame import Series
from bot.report.outlook_view import notable
from bot.report.recorder import Recorder
from bot.report.run_report import (
    Curve,
    DecisionRow,
    GuardLimits,
    NextCommand,
    RunReport,
)
from bot.report.wording import subject_title

__all__ = ["Sources", "build_report"]

_FUTURES: Final = "futures"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What a report says beside what the recorder saw.

    ``summary`` is the object that ``--json`` prints. ``twin`` watched the same run
    without the guard, None when none was made. ``guard`` is the guard's state at
    the end, for its thresholds.
    """

    title: str
    world: str
    header: RunStarted
    description: MarketDescription
    assumptions: tuple[str, ...]
    notices: tuple[str, ...]
    summary: Mapping[str, object]
    twin: Recorder | None
    guard: GuardState
    journal_path: str
    report_path: str


def build_report(recorder: Recorder, sources: Sources) -> RunReport:
    """Everything that the last screen and the HTML report show."""
    twin = sources.twin
    ratios = _curves(recorder.ratios(), None if twin is None else twin.ratios())
    distances = _curves(
        recorder.distances(), None if twin is None else twin.distances()
    )
    has_guard = sources.header.identity.get("guard") == "true"
    return RunReport(
        title=sources.title,
        world=sources.world,
        summary=_summary(sources),
        facts=_facts(sources),
        assumptions=sources.assumptions,
        derived=_derived(sources.description),
        notices=(*sources.notices, *_dropped(recorder)),
        is_synthetic=sources.description.is_synthetic,
        equity=Curve(
            with_guard=recorder.equity(),
            without_guard=() if twin is None else twin.equity(),
        ),
        debt_ratios={
            subject_title(name): curve
            for name, curve in ratios.items()
            if not name.startswith(_FUTURES)
        },
        risk_rates={
            subject_title(name).removeprefix("futures "): curve
            for name, curve in ratios.items()
            if name.startswith(_FUTURES)
        },
        distances={subject_title(name): curve for name, curve in distances.items()},
        limits=_limits(sources.guard) if has_guard else {},
        prices=_prices(recorder),
        outlooks=notable(recorder.outlooks.rows()),
        decisions=_decisions(recorder),
        actions=recorder.actions.rows(),
        episodes=recorder.episodes.episodes(),
        episode_sums=tuple(totals_sentences(recorder.episodes.totals())),
        fills=recorder.fills.rows(),
        loans=recorder.books.loans(recorder.shadow),
        funding=recorder.books.funding(),
        journal_path=sources.journal_path,
        report_path=sources.report_path,
        next_commands=_next(recorder, sources),
        without_guard_note="" if has_guard else "The guard was switched off.",
    )


def _summary(sources: Sources) -> Mapping[str, object]:
    """The summary; without a twin it has nothing to be compared with."""
    if sources.twin is not None:
        return sources.summary
    return {k: v for k, v in sources.summary.items() if k != "without_guard"}


def _curves(
    ours: Mapping[str, Series], theirs: Mapping[str, Series] | None
) -> dict[str, Curve]:
    """Both runs' curves by subject, in the order in which the subjects appeared."""
    others = {} if theirs is None else theirs
    return {
        name: Curve(with_guard=ours.get(name, ()), without_guard=others.get(name, ()))
        for name in dict.fromkeys([*ours, *others])
    }


def _limits(guard: GuardState) -> dict[str, GuardLimits]:
    return {
        subject_title(name): GuardLimits(
            act=known.thresholds.act, target=known.thresholds.target
        )
        for name, known in sorted(guard.subjects.items())
    }


def _prices(recorder: Recorder) -> dict[str, Series]:
    """The coins that the account was ever exposed to; all when it was to none."""
    prices = recorder.prices()
    exposed = {c: prices[c] for c in recorder.exposed if c in prices}
    return exposed or {c: p for c, p in sorted(prices.items()) if c != "USDT"}


def _decisions(recorder: Recorder) -> tuple[DecisionRow, ...]:
    return (*recorder.decisions.rows(), *recorder.log.unanswered())


def _derived(description: MarketDescription) -> tuple[str, ...]:
    """What was rebuilt and not recorded; a made-up market says so as a whole."""
    if description.is_synthetic:
        return ()
    return tuple(
        f"{instrument.coin}: {note}"
        for instrument in description.instruments
        for note in instrument.derived
    )


def _dropped(recorder: Recorder) -> tuple[str, ...]:
    """What had no room in the report; the journal holds it."""
    kinds = (
        ("sentences", recorder.decisions.dropped),
        ("actions of the guard", recorder.actions.dropped),
        ("fills", recorder.fills.dropped),
    )
    return tuple(
        f"The {count:,} oldest {name} are left out here; the journal has them."
        for name, count in kinds
        if count
    )


def _facts(sources: Sources) -> tuple[tuple[str, str], ...]:
    """The identity of the run, for telling two reports apart."""
    described, identity = sources.description, sources.header.identity
    coins = ", ".join(instrument.coin for instrument in described.instruments)
    facts = [
        ("Market", described.title),
        ("Coins", coins),
        ("Resolution", described.resolution),
        ("Path inside a bar", _path_words(sources.header.facts.get("path_order"))),
        ("Seed", identity.get("seed", "")),
        ("Strategies", identity.get("strategies") or "none"),
        ("Run", f"{sources.header.name}, epoch {sources.header.epoch}"),
        ("Market digest", identity.get("market", "")),
        ("Account digest", identity.get("account", "")),
        ("Settings digest", identity.get("config", "")),
        ("Note", described.note),
    ]
    return tuple((name, value) for name, value in facts if value)


def _path_words(text: str | None) -> str:
    """Which extreme of a bar comes first, in words.

    Example:
        >>> _path_words('{"BTC": "low_first", "ETH": "low_first", "SOL": "high_first"}')
        'low first: BTC, ETH; high first: SOL'
    """
    if not text:
        return ""
    orders: dict[str, list[str]] = {}
    for coin, order in json.loads(text).items():
        orders.setdefault(str(order).replace("_", " "), []).append(coin)
    return "; ".join(f"{order}: {', '.join(c)}" for order, c in orders.items())


def _next(recorder: Recorder, sources: Sources) -> tuple[NextCommand, ...]:
    """What is worth typing after this run; the newest journal needs no path."""
    path = sources.journal_path
    where = "" if path.startswith("runs/") else f" --journal {path}"
    cuts = [row.decision_id for row in recorder.decisions.rows() if row.owner == GUARD]
    told = []
    if any(cuts):
        first = next(name for name in cuts if name)
        told.append(
            NextCommand(
                command=f"gnomon explain {first}{where}",
                purpose="why the guard acted, in numbers",
            )
        )
    told += [
        NextCommand(
            command=f"gnomon journal decisions{where}", purpose="all decisions"
        ),
        NextCommand(
            command=f"gnomon journal pnl{where}", purpose="what earned and what cost"
        ),
    ]
    if sources.description.is_synthetic:
        other = NextCommand(
            command="gnomon paper --scenario squeeze --seed 7",
            purpose="another made-up market",
        )
        told.append(other)
    return tuple(told)
