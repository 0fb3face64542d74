"""The guard's study: every market, shape and size under every policy, in one table.

The whole table replays each market's full window. The quick one keeps leverages 3
and 5 and cuts each market to a few days around its leader's steepest fall; it says
so in its answer. Jobs run in separate processes; their order and their numbers do
not depend on how many there are. A market that cannot be read is a sentence among
the failures and stops no other.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, as_completed
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Final

from bot.domain.errors import UsageError
from bot.settings import Settings
from bot.study.kept import Forgetful, Kept, key_of
from bot.study.markets import Part, Source, Survey, survey
from bot.study.rows import Job, Row, rows_of
from bot.study.shapes import Size, fitted
from bot.study.summary import summary_of
from bot.study.workers import workers_of

__all__ = ["QUICK", "WHOLE", "Scope", "Study", "Way", "jobs_of", "run_study"]

Say = Callable[[str], None]
"""Where a line of progress goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """How much of the table is made; ``longest`` cuts each market, None keeps it."""

    leverages: tuple[int, ...]
    longest: timedelta | None
    has_sizes: bool
    words: str


WHOLE: Final = Scope(
    leverages=(2, 3, 4, 5),
    longest=None,
    has_sizes=True,
    words="whole windows at their finest recorded resolution",
)
QUICK: Final = Scope(
    leverages=(3, 5),
    longest=timedelta(days=2),
    has_sizes=False,
    words=(
        "quick: leverages 3 and 5, each market cut to two days around its leader's "
        "steepest fall within 24 h (its rise to as much from its lowest mark), at its "
        "finest recorded resolution; 100,000 USDT, no reserve, borrow 1x"
    ),
)

_EXTRA_LEVERAGE: Final = 3
_EXTRA: Final = (
    Size(leverage=_EXTRA_LEVERAGE, capital=Decimal(10_000)),
    Size(leverage=_EXTRA_LEVERAGE, capital=Decimal(1_000_000)),
    Size(leverage=_EXTRA_LEVERAGE, reserve=Decimal("0.2")),
    Size(leverage=_EXTRA_LEVERAGE, borrow_x=Decimal(3)),
)
"""The other sizes, on the two shorter markets that fell the most within a day."""

_EXTRA_MARKETS: Final = 2

_LONG: Final = timedelta(days=400)
"""A longer part is replayed at two leverages only, so that the table ends in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """A finished study: its rows, and every sentence about what is not in them."""

    rows: tuple[Row, ...]
    scope: Scope
    left_out: tuple[str, ...]
    failed: tuple[str, ...]

    def answer(self) -> dict[str, object]:
        """The one JSON object."""
        return {
            "study": "guard",
            "scope": self.scope.words,
            "rows": list(self.rows),
            "summary": summary_of(self.rows),
            "left_out": list(self.left_out),
            "failed": list(self.failed),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a study is run: processes at once, who is told of each market and job.

    ``kept`` knows jobs that are finished already and is told of each new one.
    """

    workers: int
    say: Say
    kept: Kept = field(default_factory=Forgetful)


def run_study(
    sources: Sequence[Source],
    settings: Settings,
    scope: Scope,
    way: Way,
) -> Study:
    """Make the table of these markets.

    Args:
        sources: The markets.
        settings: The guard's limits and the assumptions.
        scope: How much of it.
        way: How many processes, who is told, what is finished already.

    Raises:
        UsageError: None of them can be read.
    """
    say, kept = way.say, way.kept
    with workers_of(way.workers) as pool:
        asked = [pool.submit(survey, source, scope.longest) for source in sources]
        surveys, failed = _surveyed(sources, asked, say)
        jobs, left_out = jobs_of(surveys, settings, scope)
        keys = [key_of(job) for job in jobs]
        before = {place: kept.find(key) for place, key in enumerate(keys)}
        made = {place: rows for place, rows in before.items() if rows is not None}
        if made:
            say(f"{len(made)} of {len(jobs)} were finished before")
        order = [place for place in _longest_first(jobs) if place not in made]
        done = {pool.submit(rows_of, jobs[place]): place for place in order}
        for count, future in enumerate(as_completed(done), start=1):
            place, error = done[future], future.exception()
            title = jobs[place].title
            if error is None:
                made[place] = future.result()
                kept.keep(keys[place], made[place])
            else:
                failed.append(f"{title}: {error}")
            say(f"{count} of {len(done)}: {title}{_verdict(error)}")
    rows = [row for place in range(len(jobs)) for row in made.get(place, [])]
    return Study(
        rows=tuple(rows), scope=scope, left_out=left_out, failed=tuple(sorted(failed))
    )


def _verdict(error: BaseException | None) -> str:
    return "" if error is None else f" failed: {error}"


def _surveyed(
    sources: Sequence[Source], asked: Sequence[Future[Survey]], say: Say
) -> tuple[list[Survey], list[str]]:
    """What could be read, and a sentence for each market that could not.

    Raises:
        UsageError: No recorded market could be read.
    """
    found: list[Survey] = []
    failed: list[str] = []
    for source, future in zip(sources, asked, strict=True):
        error = future.exception()
        if error is None:
            found.append(future.result())
            continue
        failed.append(f"{source.name}: {error}")
        say(f"{source.name} is left out: {error}")
    if not any(each.source.path is not None for each in found):
        raise UsageError(f"No market could be read. {' '.join(failed)}")
    return found, failed


def jobs_of(
    surveys: Sequence[Survey], settings: Settings, scope: Scope
) -> tuple[tuple[Job, ...], tuple[str, ...]]:
    """All jobs in the table's order, and a sentence for each shape that is left out."""
    left_out = [sentence for each in surveys for sentence in each.left_out]
    jobs: list[Job] = []
    deepest = _deepest(surveys) if scope.has_sizes else ()
    for each in surveys:
        for part in each.parts.values():
            shapes, missing = fitted(each, part.name)
            left_out += [*missing, *_skipped(each, part, scope)]
            jobs += [
                Job(
                    source=each.source,
                    part=part,
                    shape=shape,
                    size=size,
                    settings=settings,
                )
                for shape in shapes
                for size in _sizes(each, part, deepest, scope)
            ]
    return tuple(jobs), tuple(left_out)


def _deepest(surveys: Sequence[Survey]) -> Sequence[str]:
    """The names of the recorded markets that fell the most within a day.

    One of years is none of them: its sizes would be replayed for as long.
    """
    recorded = [
        each
        for each in surveys
        if each.source.path is not None and each.parts["whole"].span <= _LONG
    ]
    recorded.sort(key=lambda each: (-each.fall, each.source.name))
    return [each.source.name for each in recorded[:_EXTRA_MARKETS]]


def _leverages(part: Part, scope: Scope) -> tuple[int, ...]:
    """All of the scope's, but of a part of years only the quick table's."""
    if part.span <= _LONG:
        return scope.leverages
    return tuple(n for n in scope.leverages if n in QUICK.leverages)


def _skipped(each: Survey, part: Part, scope: Scope) -> Iterator[str]:
    """What a part of years is spared."""
    spared = sorted(set(scope.leverages) - set(_leverages(part, scope)))
    if spared:
        words = " and ".join(map(str, spared))
        yield (
            f"{each.source.name} {part.name}: no leverage {words}, it is longer than "
            f"{_LONG.days} days"
        )


def _sizes(
    each: Survey, part: Part, deepest: Sequence[str], scope: Scope
) -> Iterator[Size]:
    for leverage in _leverages(part, scope):
        yield Size(leverage=leverage)
    if part.name == "whole" and each.source.name in deepest:
        yield from _EXTRA


def _longest_first(jobs: Sequence[Job]) -> list[int]:
    """Long jobs first, so that no worker is left alone with one at the end."""
    return sorted(range(len(jobs)), key=lambda place: -jobs[place].part.span)
