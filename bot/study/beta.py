"""The study of betas: every market and book under every policy, out of sample.

Each market is walked forward once; markets run in separate processes, and their order
and numbers do not depend on how many there are. A market of one coin, or shorter
than five days, is a sentence among those left out; one that cannot be read, among the
failures. The defaults of the estimator were chosen on one stated span, and the summary
tells windows inside it from all others.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from bot.domain.errors import UsageError
from bot.risk.betas import BetaModel
from bot.risk.hedging import HedgePolicy
from bot.study.beta_books import books_of
from bot.study.beta_models import Returns
from bot.study.beta_rows import Cell, Row, rows_of, summary_of
from bot.study.beta_score import COINS_FALL, CRASH_FALL, is_crash, mark_of
from bot.study.beta_walk import Span, Terms, spans_of, walk_span
from bot.study.markets import Source
from bot.study.workers import workers_of
from connectors.markets.hourly import HourlyPrices
from connectors.markets.recorded import open_market

__all__ = [
    "QUICK",
    "WHOLE",
    "BetaStudy",
    "Scope",
    "cells_of",
    "returns_of",
    "run_beta_study",
]

Say = Callable[[str], None]
"""Where a line of progress goes."""

_HOUR: Final = timedelta(hours=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_REFERENCES: Final[tuple[str, ...]] = ("BTC", "ETH")
_COINS_MIN: Final = 2
_FIT_START: Final = datetime(2022, 1, 1, tzinfo=UTC)
_FIT_END: Final = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """How much is walked; ``longest`` keeps only the end of a longer market."""

    every_h: int
    longest: timedelta | None
    words: str


WHOLE: Final = Scope(
    every_h=4,
    longest=None,
    words="whole markets, every policy asked every 4 hours",
)
QUICK: Final = Scope(
    every_h=12,
    longest=timedelta(days=120),
    words=(
        "quick: of each market the last 120 days, every policy asked every 12 hours"
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BetaStudy:
    """A finished study: its rows, and every sentence about what is not in them."""

    rows: tuple[Row, ...]
    summary: dict[str, object]
    scope: Scope
    left_out: tuple[str, ...]
    failed: tuple[str, ...]

    def answer(self) -> dict[str, object]:
        """The one JSON object."""
        return {
            "study": "beta",
            "scope": self.scope.words,
            "reference": (
                "hourly returns of BTC spot; where a market has none, of ETH, else of "
                "the coin with the most prices; each row names its own"
            ),
            "crash_window": (
                f"within 24 hours the reference fell {CRASH_FALL:.0%}, or the median "
                f"coin {COINS_FALL:.0%}"
            ),
            "fit_span": (
                f"every window of any market that touches {_FIT_START.date()} to "
                f"{_FIT_END.date()}: the defaults were chosen on prices of that time, "
                "everything else is out of sample"
            ),
            "rows": list(self.rows),
            "summary": self.summary,
            "left_out": list(self.left_out),
            "failed": list(self.failed),
        }


def run_beta_study(
    sources: Sequence[Source], scope: Scope, workers: int, say: Say
) -> BetaStudy:
    """Walk these markets.

    Args:
        sources: The markets.
        scope: How much of each.
        workers: Processes at once, from 1.
        say: Told of each finished market.

    Raises:
        UsageError: None of them can be read.
    """
    cells: list[Cell] = []
    left_out: list[str] = []
    failed: list[str] = []
    with workers_of(workers) as pool:
        asked = [pool.submit(cells_of, source, scope) for source in sources]
        for source, future in zip(sources, asked, strict=True):
            sentence = _taken(source, future, cells, left_out)
            failed += [sentence] if sentence else []
            say(sentence or f"{source.name} is walked")
    if len(failed) == len(sources):
        raise UsageError(f"No market could be read. {' '.join(failed)}")
    return BetaStudy(
        rows=tuple(rows_of(cells)),
        summary=summary_of(cells),
        scope=scope,
        left_out=tuple(left_out),
        failed=tuple(failed),
    )


def _taken(
    source: Source,
    future: "Future[tuple[list[Cell], list[str]]]",
    cells: list[Cell],
    left_out: list[str],
) -> str | None:
    """Add what a market gave; a sentence where it failed."""
    error = future.exception()
    if error is not None:
        return f"{source.name}: {error}"
    found, sentences = future.result()
    cells += found
    left_out += sentences
    return None


def cells_of(source: Source, scope: Scope) -> tuple[list[Cell], list[str]]:
    """Every book, window and policy of a market, and what is left out of it.

    Raises:
        UsageError: The market cannot be read.
    """
    if source.path is None:
        return [], [f"{source.name}: it is not recorded"]
    market = open_market(source.path)
    start = market.description.start
    if scope.longest is not None:
        start = max(start, market.description.end - scope.longest)
        market = open_market(source.path, start=start)
    prices = market.hourly_prices()
    if len(prices.coins) < _COINS_MIN:
        return [], [f"{source.name}: one coin alone has nothing to be hedged with"]
    spans = list(spans_of(prices))
    if not spans:
        return [], [f"{source.name}: it is shorter than five days"]
    returns = returns_of(prices)
    terms = Terms(model=BetaModel(), policy=HedgePolicy(), every_h=scope.every_h)
    cells: list[Cell] = []
    for span in spans:
        cells += _cells(source.name, prices, returns, span, terms)
    return cells, []


def returns_of(prices: HourlyPrices) -> Returns:
    """Simple hourly returns at spot, BTC and ETH first, which are the hedges.

    In a market without both the hedge is the coin with the most prices in the window.
    """
    majors = [coin for coin in _REFERENCES if coin in prices.coins]
    if not majors:
        seen = np.isfinite(prices.perp).sum(axis=0)
        majors = [prices.coins[int(np.argmax(seen))]]
    coins = [*majors, *(c for c in prices.coins if c not in majors)]
    spot = prices.spot[:, [prices.coins.index(coin) for coin in coins]]
    moves = np.full_like(spot, np.nan)
    moves[1:] = spot[1:] / spot[:-1] - 1.0
    return Returns(coins=tuple(coins), hedges=tuple(majors), moves=moves)


def _cells(
    market: str, prices: HourlyPrices, returns: Returns, span: Span, terms: Terms
) -> Iterator[Cell]:
    """The scored passages of one window; books of coins that trade at both its ends."""
    ends = np.isfinite(prices.spot[[span.first, span.last]])
    known = dict(zip(prices.coins, (ends[0] & ends[1]).tolist(), strict=True))
    trading = [coin for coin in returns.coins if known[coin]]
    if returns.coins[0] not in trading:
        return
    reference = returns.moves[span.first + 1 : span.last + 1, 0]
    paths = prices.spot[span.first : span.last + 1]
    lead = prices.coins.index(returns.coins[0])
    others = [place for place, coin in enumerate(prices.coins) if known[coin]]
    crashed = is_crash(paths[:, lead], paths[:, [p for p in others if p != lead]])
    begins_at, ends_at = (
        _EPOCH + int(prices.hours[row]) * _HOUR for row in (span.first, span.last)
    )
    books = books_of(trading, returns.hedges)
    for passage in walk_span(prices, returns, books, span, terms):
        mark = mark_of(passage.returns, reference)
        if mark is not None:
            yield Cell(
                market=market,
                reference=returns.coins[0],
                window=span.first,
                hours=span.last - span.first,
                is_crash=crashed,
                is_fit=begins_at < _FIT_END and ends_at > _FIT_START,
                book=passage.book,
                policy=passage.policy,
                turnover=passage.turnover,
                cost=passage.cost,
                trades=passage.trades,
                mark=mark,
            )
