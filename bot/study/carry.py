"""The carry study: every market and calendar year under every policy, in one table.

Jobs run in separate processes; their order and their numbers do not depend on how
many there are. A market that cannot be read is a sentence among the failures and
stops no other.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Final

from bot.domain.errors import UsageError
from bot.study.carry_bound import Bound
from bot.study.carry_rows import (
    CarryJob,
    CarryMade,
    CarryScope,
    Row,
    carry_jobs,
    carry_rows,
)
from bot.study.carry_scores import Score
from bot.study.carry_summary import forecast_summary, summary_of
from bot.study.markets import Source
from bot.study.workers import workers_of

__all__ = ["ASSUMPTIONS", "QUICK", "WHOLE", "CarryStudy", "run_carry_study"]

Say = Callable[[str], None]

WHOLE: Final = CarryScope(
    capitals=(10_000.0, 100_000.0, 1_000_000.0),
    reserves=(0.0, 0.2),
    borrow_xs=(1.0, 3.0),
    bounds=(Bound.CARRY, Bound.BASIS, Bound.LOOSE),
    words="10,000, 100,000 and 1,000,000 USDT, reserve 0 and 20 %, borrow 1x and 3x",
)
QUICK: Final = CarryScope(
    capitals=(100_000.0,),
    reserves=(0.0,),
    borrow_xs=(1.0,),
    bounds=(Bound.CARRY,),
    words="quick: 100,000 USDT, no reserve, borrow 1x, one bound",
)
ASSUMPTIONS: Final = (
    "each calendar year begins in USDT and is marked, not sold, at its end",
    "decisions on the full hour before a settlement; no rate before it settles",
    "VIP 0 taker fees of both legs, half-spread, impact in chunks of 500 USDT",
    "at most a twentieth of the minutes' volume is traded; sizes not cut to lots",
    "0.3 of collateral behind each new USDT of perpetual or loan, 0.2 at least later",
    "collateral is moved between the accounts at a decision without cost",
    "borrow rates: 4 % BTC and ETH, 8 % others, at least a negative 24 h mean funding",
    "a loan goes back when nothing is left to borrow (24 h mean funding under -50 %)",
    "risk is looked at every hour, at the opens and closes of the finest bars",
    "idle USDT earns nothing; a reserve earns nothing",
    "the clairvoyant is a bound from above on net carry: funding less interest, costs",
    "no lots, impact or depth for the clairvoyant, not liquidated between decisions",
    "clairvoyant_basis also trades the basis, clairvoyant_loose also keeps its loans",
    "our share of the clairvoyant leaves out what prices brought; of the others not",
    "parameters were chosen on 2020 and 2021; later years were looked at as well",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CarryStudy:
    """A finished study: its rows, and every sentence about what is not in them."""

    rows: tuple[Row, ...]
    scores: tuple[tuple[CarryJob, tuple[tuple[str, Score], ...]], ...]
    scope: CarryScope
    left_out: tuple[str, ...]
    failed: tuple[str, ...]

    def answer(self) -> dict[str, object]:
        """The one JSON object."""
        return {
            "study": "carry",
            "scope": self.scope.words,
            "assumptions": list(ASSUMPTIONS),
            "rows": list(self.rows),
            "summary": summary_of(self.rows),
            "forecast": forecast_summary(
                [(job.year, job.is_derived, scores) for job, scores in self.scores]
            ),
            "left_out": list(self.left_out),
            "failed": list(self.failed),
        }


def run_carry_study(
    sources: Sequence[Source], scope: CarryScope, workers: int, say: Say
) -> CarryStudy:
    """Make the table of these markets.

    Args:
        sources: The markets.
        scope: How much of it.
        workers: Processes at once, from 1.
        say: Told of each market and each finished job.

    Raises:
        UsageError: None of them can be read.
    """
    with workers_of(workers) as pool:
        jobs, silent, failed = _jobs(pool, sources, scope, say)
        order = sorted(range(len(jobs)), key=lambda at: not jobs[at].is_derived)
        asked = {pool.submit(carry_rows, jobs[at]): at for at in order}
        made: dict[int, CarryMade] = {}
        for count, future in enumerate(as_completed(asked), start=1):
            at, error = asked[future], future.exception()
            words = "" if error is None else f" failed: {error}"
            if error is None:
                made[at] = future.result()
            else:
                failed.append(f"{jobs[at].title}: {error}")
            say(f"{count} of {len(jobs)}: {jobs[at].title}{words}")
    done = [(jobs[at], made[at]) for at in sorted(made)]
    return CarryStudy(
        rows=tuple(row for _, each in done for row in each.rows),
        scores=tuple((job, each.scores) for job, each in done),
        scope=scope,
        left_out=(*silent, *(each.left_out for _, each in done if each.left_out)),
        failed=tuple(sorted(failed)),
    )


def _jobs(
    pool: ProcessPoolExecutor, sources: Sequence[Source], scope: CarryScope, say: Say
) -> tuple[list[CarryJob], list[str], list[str]]:
    """The jobs, and a sentence for each market without funding and unreadable one.

    Raises:
        UsageError: No market can be read.
    """
    asked = [pool.submit(carry_jobs, source, scope) for source in sources]
    jobs: list[CarryJob] = []
    silent: list[str] = []
    failed: list[str] = []
    for source, future in zip(sources, asked, strict=True):
        error = future.exception()
        if error is None:
            found = future.result()
            jobs += found
            silent += [] if found else [f"{source.name}: no coin has funding"]
            continue
        failed.append(f"{source.name}: {error}")
        say(f"{source.name} is left out: {error}")
    if len(failed) == len(sources):
        raise UsageError(f"No market could be read. {' '.join(failed)}")
    return jobs, silent, failed
