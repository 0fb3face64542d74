"""A market out of parameters and a seed: the ``Market`` port without any file.

The same name, seed and options give the same instants in every process. It is made
up and says so: ``description.is_synthetic`` is true and the assumptions tell what
was fitted on real data and what was chosen.
"""

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

import numpy as np

from bot.domain.errors import UsageError
from bot.domain.events import FundingQuoted
from bot.domain.market import (
    BorrowRate,
    FundingQuote,
    FundingSettlement,
    Instrument,
    Liquidity,
    MarketDescription,
    MarketInstant,
    PathOrder,
)
from bot.domain.money import ONE, ZERO
from connectors.markets.agenda import Agenda, Entry
from connectors.markets.emit import Columns, emit
from connectors.markets.figures import decimals, rounded, seconds_of, time_of
from connectors.markets.files import FloatArray, IntArray
from connectors.markets.manifest import perp_symbol_of
from connectors.markets.quoter import FundingBook, depth_quote, loan_quote
from connectors.markets.scenarios import (
    COINS,
    DEFAULT_COINS,
    MARKET,
    SCENARIOS,
    Scenario,
)
from connectors.markets.walk import Block, sigma_usual, walk

__all__ = ["SyntheticMarket", "open_scenario"]

_VERSION: Final = "1"
"""Raise it when the same parameters begin to make other numbers."""

_PRICE_DIGITS: Final = 6
_UPDATE_MARKS: Final = 30
_HOUR_S: Final = 3_600
_MARKS_MIN: Final = 10
_MARKS_MAX: Final = 5_000_000
_HISTORY_HOURS: Final = 1_440
_SILENT: Final = Entry()

_ASSUMPTIONS: Final = (
    "synthetic: prices, funding, borrow rates and depth are made up from a seed",
    (
        "volatility, its clustering, jumps, betas, funding and volumes were fitted on "
        "Binance data of 2022 to 2026; size and speed of the scenario's move are chosen"
    ),
    "KuCoin's volume taken as 5 % of Binance's",
    (
        "borrow rates are assumed: USDT 11 %, BTC and ETH 4 %, others 8 % a year, more "
        "when volatility or negative funding is high"
    ),
    "marks are ticks, not bars: which extreme comes first has no meaning here",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticMarket:
    """A scenario played from a seed; the ``Market`` port.

    Where USDT leaves its peg, ``margin_marks`` are in dollars and hold ``USDT``
    itself, so that every ratio of two marks is right; last prices and futures marks
    stay in USDT.
    """

    description: MarketDescription
    scenario: Scenario
    seed: int
    coins: tuple[str, ...]
    marks: int
    interval_s: int
    borrow_x: Decimal

    def first_prices(self) -> MarketInstant:
        """The first instant."""
        return next(self.instants({}))

    def instants(self, path_order: Mapping[str, PathOrder]) -> Iterator[MarketInstant]:
        """Every mark from start to end; ``path_order`` has no meaning for ticks."""
        run = _Run(self)
        blocks = walk(self.scenario, self.coins, self.marks, self.interval_s, self.seed)
        for block in blocks:
            times = run.seconds(block)
            agenda = Agenda(run.entries(block, times), ())
            yield from emit(
                times, self._columns(block), agenda, run.depths(block, times)
            )

    def funding_past(self) -> Mapping[str, tuple[FundingQuoted, ...]]:
        """None: it begins with its first quote."""
        return {}

    def history(self) -> Mapping[str, Sequence[tuple[datetime, Decimal]]]:
        """Sixty days of hourly closes that end at the first prices."""
        quiet = replace(SCENARIOS["year"], name=f"{self.scenario.name}-history")
        block = next(walk(quiet, self.coins, _HISTORY_HOURS, _HOUR_S, self.seed))
        starts = np.array([COINS[coin].price for coin in self.coins])
        closes = rounded(block.spot / block.spot[-1] * starts, _PRICE_DIGITS)
        begin = self.description.start
        times = [
            begin - timedelta(hours=_HISTORY_HOURS - 1 - row)
            for row in range(_HISTORY_HOURS)
        ]
        return {
            coin: tuple(zip(times, decimals(closes[:, place]), strict=True))
            for place, coin in enumerate(self.coins)
        }

    @property
    def rules_path(self) -> Path | None:
        """No file of rules belongs to a synthetic market."""
        return None

    def _columns(self, block: Block) -> Columns:
        spots = [f"{coin}-USDT" for coin in self.coins]
        perps = [perp_symbol_of(coin) for coin in self.coins]
        spot, perp, mark = (
            _columns_of(prices) for prices in (block.spot, block.perp, block.mark)
        )
        margin_names, margin = list(self.coins), spot
        if self.scenario.usdt.move != (0.0, 0.0):
            margin_names.append("USDT")
            usd = np.column_stack((block.spot * block.usdt[:, None], block.usdt))
            margin = _columns_of(usd)
        return Columns(
            last=((*spots, *perps), (*spot, *perp)),
            margin=(tuple(margin_names), tuple(margin)),
            futures=(tuple(perps), tuple(mark)),
        )


def _columns_of(prices: FloatArray) -> list[list[Decimal]]:
    clean = rounded(prices, _PRICE_DIGITS)
    return [decimals(clean[:, place]) for place in range(clean.shape[1])]


class _Run:
    """One pass over a market: the books of funding and what was said last."""

    def __init__(self, market: SyntheticMarket) -> None:
        self._market = market
        self._begin_s = seconds_of(market.description.start)
        self._books = [
            FundingBook(
                coin=coin, cap=market.scenario.funding_cap, begin_s=self._begin_s
            )
            for coin in market.coins
        ]
        self._usual = [
            sigma_usual(COINS[coin], market.scenario) for coin in market.coins
        ]
        self._sum = np.zeros(len(market.coins))
        self._count = np.zeros(len(market.coins))
        self._loans: dict[str, BorrowRate] = {}

    def seconds(self, block: Block) -> IntArray:
        """The times of a block's marks, seconds since 1970."""
        rows = block.first + np.arange(len(block.usdt), dtype=np.int64)
        times: IntArray = self._begin_s + rows * self._market.interval_s
        return times

    def entries(self, block: Block, times: IntArray) -> dict[int, Entry]:
        """Funding and borrow rates at the marks where they are looked at."""
        hours = times // _HOUR_S
        new_hour = hours != (times - self._market.interval_s) // _HOUR_S
        regular = (block.first + np.arange(len(times))) % _UPDATE_MARKS == 0
        found: dict[int, Entry] = {}
        done = 0
        for row in np.flatnonzero(new_hour | regular).tolist():
            self._sum += block.premium[done : row + 1].sum(axis=0)
            self._count += row + 1 - done
            done = row + 1
            loans = new_hour[row] or block.first + row == 0
            entry = self._entry(int(times[row]), block.sigma_1m[row], loans=bool(loans))
            if entry != _SILENT:
                found[int(times[row])] = entry
        self._sum += block.premium[done:].sum(axis=0)
        self._count += len(times) - done
        return found

    def depths(self, block: Block, times: IntArray) -> dict[int, dict[str, Liquidity]]:
        """Depth of every symbol at each thirtieth mark."""
        rows = np.flatnonzero(
            (block.first + np.arange(len(times))) % _UPDATE_MARKS == 0
        ).tolist()
        return {int(times[row]): self._depth(block, row) for row in rows}

    def _depth(self, block: Block, row: int) -> dict[str, Liquidity]:
        found: dict[str, Liquidity] = {}
        for place, coin in enumerate(self._market.coins):
            quote = depth_quote(
                coin,
                float(block.spot[row, place]),
                float(block.sigma_1m[row, place]),
                self._usual[place],
            )
            found[f"{coin}-USDT"] = found[perp_symbol_of(coin)] = quote
        return found

    def _entry(self, at_s: int, sigmas: FloatArray, *, loans: bool) -> Entry:
        quotes: list[FundingQuote] = []
        settlements: list[FundingSettlement] = []
        for place, book in enumerate(self._books):
            premium = float(self._sum[place] / self._count[place])
            if at_s >= book.due_s:
                settlements.append(book.settle(at_s, premium))
                self._sum[place] = self._count[place] = 0.0
            quote = book.quote(premium)
            if quote is not None:
                quotes.append(quote)
        return Entry(
            funding_quotes=tuple(quotes),
            settlements=tuple(settlements),
            borrow_rates=tuple(self._borrow_rates(sigmas)) if loans else (),
        )

    def _borrow_rates(self, sigmas: FloatArray) -> Iterator[BorrowRate]:
        """The rates that differ from what was said last."""
        busiest = float(sigmas[0]) / self._usual[0]
        costs = [("USDT", ZERO, busiest)]
        for place, book in enumerate(self._books):
            stress = float(sigmas[place]) / self._usual[place]
            costs.append((book.coin, book.annual_mean(), stress))
        for coin, annual_funding, stress in costs:
            quote = loan_quote(coin, annual_funding, stress)
            rate = replace(quote, annual_rate=quote.annual_rate * self._market.borrow_x)
            if rate != self._loans.get(coin):
                self._loans[coin] = rate
                yield rate


def open_scenario(  # noqa: PLR0913 - each option of a market has a default
    name: str,
    seed: int,
    *,
    duration: timedelta | None = None,
    mark_interval_s: int | None = None,
    coins: Sequence[str] | None = None,
    borrow_x: Decimal = ONE,
) -> SyntheticMarket:
    """Open a synthetic market.

    Args:
        name: One of the scenarios: calm, year, trend, crash, squeeze, depeg,
            funding-flip.
        seed: Any whole number from 0; another seed is another market of its kind.
        duration: How long; the scenario's own length when None.
        mark_interval_s: Seconds between marks; the scenario's own when None.
        coins: Which coins; the scenario's own when None.
        borrow_x: Multiplier of the borrow rates.

    Raises:
        UsageError: A name is not known or an option is out of range.
    """
    if name not in SCENARIOS:
        raise UsageError(
            f"There is no scenario {name!r}; known are {', '.join(sorted(SCENARIOS))}."
        )
    scenario = SCENARIOS[name]
    names = _coin_names(tuple(coins) if coins is not None else scenario.coins)
    interval_s = (
        scenario.mark_interval_s if mark_interval_s is None else mark_interval_s
    )
    marks = _mark_count(scenario, duration, interval_s)
    if seed < 0:
        raise UsageError(f"The seed must be a whole number from 0, was {seed}.")
    if not borrow_x.is_finite() or borrow_x <= 0:
        raise UsageError(f"borrow_x must be a positive number, was {borrow_x}.")
    figures = tuple(COINS[coin] for coin in names)
    parts = (_VERSION, scenario, MARKET, names, figures, seed, marks, interval_s)
    digest = hashlib.sha256(repr((*parts, str(borrow_x))).encode()).hexdigest()
    return SyntheticMarket(
        description=_describe(scenario, names, marks, interval_s, digest),
        scenario=scenario,
        seed=seed,
        coins=names,
        marks=marks,
        interval_s=interval_s,
        borrow_x=borrow_x,
    )


def _coin_names(coins: tuple[str, ...]) -> tuple[str, ...]:
    names = coins or DEFAULT_COINS
    unknown = [coin for coin in names if coin not in COINS]
    if unknown:
        raise UsageError(
            f"The synthetic markets have no figures for {unknown[0]!r}; known are "
            f"{', '.join(COINS)}."
        )
    if len(set(names)) != len(names):
        raise UsageError(f"A coin is named twice in {', '.join(names)}.")
    return names


def _mark_count(scenario: Scenario, duration: timedelta | None, interval_s: int) -> int:
    seconds = scenario.duration_s if duration is None else duration.total_seconds()
    if interval_s < 1:
        raise UsageError(f"Marks must be at least 1 second apart, not {interval_s} s.")
    marks = math.floor(seconds / interval_s) + 1
    if not _MARKS_MIN <= marks <= _MARKS_MAX:
        raise UsageError(
            f"{seconds:.0f} s with a mark every {interval_s} s makes {marks} marks; "
            f"choose between {_MARKS_MIN} and {_MARKS_MAX:,}."
        )
    return marks


def _describe(
    scenario: Scenario,
    names: Sequence[str],
    marks: int,
    interval_s: int,
    digest: str,
) -> MarketDescription:
    last_s = seconds_of(scenario.start) + (marks - 1) * interval_s
    return MarketDescription(
        name=f"synthetic-{scenario.name}",
        title=scenario.title,
        start=scenario.start,
        end=time_of(last_s),
        instruments=tuple(
            Instrument(
                coin=coin,
                spot_symbol=f"{coin}-USDT",
                perp_symbol=perp_symbol_of(coin),
                resolution=f"{interval_s}s marks",
                derived=("synthetic",),
            )
            for coin in names
        ),
        resolution=f"{interval_s}s marks",
        digest=digest,
        assumptions=_ASSUMPTIONS,
        note=scenario.note,
        is_synthetic=True,
    )
