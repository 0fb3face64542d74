"""A recorded market: files in, one instant after another out.

``open_market`` reads and checks everything at once; after it nothing can fail. The
instants are then made a few days at a time, so that a year of them needs no more
memory than the bars themselves. Whatever is quoted at an instant (depth, funding,
borrow rates) comes from data of before it.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from bot.domain.errors import UsageError
from bot.domain.events import FundingQuoted
from bot.domain.market import MarketDescription, MarketInstant, PathOrder
from bot.domain.money import ONE
from connectors.markets.agenda import Agenda, agenda_of
from connectors.markets.emit import depth_of, emit, price_columns
from connectors.markets.figures import decimals, seconds_of, time_of
from connectors.markets.files import Bars, IntArray
from connectors.markets.grid import fill
from connectors.markets.hourly import HourlyPrices, hourly_prices
from connectors.markets.legs import Leg, load_leg
from connectors.markets.manifest import Manifest, read_manifest, whole_second
from connectors.markets.notes import Window, grouped, resolution_name
from connectors.markets.paths import PricePath, View

__all__ = ["RecordedMarket", "hourly_rows", "open_market"]

_CHUNK_S: Final = 2 * 86_400
_HISTORY_ROWS_MAX: Final = 5_000
_PAST_ROWS_MAX: Final = 24 * 365 + 1
_HOUR_S: Final = 3_600

_ASSUMPTIONS: Final = (
    (
        "prices inside a bar are rebuilt: open, extremes at 1/3 and 2/3, close, "
        "log-linear in between; the bar under way at the start takes its low first"
    ),
    (
        "the funding quote is the rate that settled last, due one interval later, the "
        "interval being the last distance of two settlements"
    ),
    (
        "borrow rates are assumed: USDT 11 %, BTC and ETH 4 %, others 8 % a year, at "
        "least the magnitude of a negative 24 h mean of funding; none to borrow while "
        "that is under -50 % a year"
    ),
    (
        "depth is estimated from the bars before: half-spread 2 bp (BTC, ETH) or 5 bp "
        "times volatility over its seven-day median, volume of the hour before"
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedMarket:
    """A market over recorded files; the ``Market`` port.

    Attributes:
        description: What it is, with everything derived or assumed in words.
        rules_path: A file of KuCoin documents with the instruments' rules, if any.
    """

    description: MarketDescription
    rules_path: Path | None
    _legs: tuple[Leg, ...]
    _window: Window
    _agenda: Agenda
    _spacing_s: int

    def first_prices(self) -> MarketInstant:
        """The first instant; the same whatever the order of the extremes."""
        return next(self.instants({}))

    def instants(self, path_order: Mapping[str, PathOrder]) -> Iterator[MarketInstant]:
        """Every instant from start to end; a coin not named takes its low first."""
        views = tuple(
            View(
                order=path_order.get(leg.instrument.coin, PathOrder.LOW_FIRST),
                start_s=self._window.start_s,
            )
            for leg in self._legs
        )
        for times in self._times(views):
            depth = depth_of(self._legs, times, self._window)
            for block in self._blocks(times):
                places = self._trading_at(int(block[0]))
                columns = price_columns(
                    [self._legs[place] for place in places],
                    [views[place] for place in places],
                    block,
                )
                yield from emit(block, columns, self._agenda, depth)

    def history(self) -> Mapping[str, Sequence[tuple[datetime, Decimal]]]:
        """Up to a year of hourly closes of each coin before the start, oldest first.

        An hour's close is its last one, the full hour belonging to what it ends.
        """
        start_s = self._window.start_s
        return {
            leg.instrument.coin: hourly_rows(leg.past, start_s, _PAST_ROWS_MAX)
            for leg in self._legs
        }

    def funding_past(self) -> Mapping[str, tuple[FundingQuoted, ...]]:
        """The rates of each recorded contract that settled before the start."""
        start_s = self._window.start_s
        found = {
            leg.funding.symbol: leg.funding.settled_before(start_s)
            for leg in self._legs
            if leg.funding is not None
        }
        return {symbol: quotes for symbol, quotes in found.items() if quotes}

    def hourly_closes(self) -> Mapping[str, Sequence[tuple[datetime, Decimal]]]:
        """Up to 5,000 hourly closes of each coin up to the end, oldest first.

        An hour's close is its last one, the full hour belonging to what it ends.
        """
        end_s, most = self._window.end_s, _HISTORY_ROWS_MAX
        return {
            leg.instrument.coin: hourly_rows(leg.history, end_s, most)
            for leg in self._legs
        }

    def past_until(
        self, at: datetime, rows_max: int
    ) -> Mapping[str, Sequence[tuple[datetime, Decimal]]]:
        """Hourly closes of each coin up to a time inside the window, oldest first."""
        second = seconds_of(at)
        return {
            leg.instrument.coin: hourly_rows(leg.past, second, rows_max)
            for leg in self._legs
        }

    def hourly_prices(self) -> HourlyPrices:
        """Spot and perpetual prices at each full hour, with up to a year of history."""
        return hourly_prices(self._legs, self.history(), self._window)

    def trading_spans(self) -> Mapping[str, tuple[datetime, datetime]]:
        """From when to when each coin trades inside the window, both inclusive."""
        return {
            leg.instrument.coin: (time_of(leg.begin_s), time_of(leg.stop_s))
            for leg in self._legs
        }

    def _times(self, views: Sequence[View]) -> Iterator[IntArray]:
        """The seconds of the instants, a chunk at a time."""
        window = self._window
        yield np.array([window.start_s], dtype=np.int64)
        last = window.start_s
        for after in range(window.start_s, window.end_s, _CHUNK_S):
            until = min(after + _CHUNK_S, window.end_s)
            bends = [path.kinks(after, until) for path in self._paths()]
            forced = list(self._agenda.seconds(after, until))
            if until == window.end_s:
                forced.append(until)
            points = np.unique(
                np.concatenate((*bends, [last], forced)).astype(np.int64)
            )
            if len(points) > 1:
                yield self._filled(points, views)
                last = int(points[-1])

    def _paths(self) -> Iterator[PricePath]:
        for leg in self._legs:
            yield from leg.paths

    def _filled(self, points: IntArray, views: Sequence[View]) -> IntArray:
        glide = np.zeros(len(points) - 1)
        jump = np.zeros(len(points) - 1)
        for leg, view in zip(self._legs, views, strict=True):
            for path in leg.paths:
                at, _ = path.at(points, view)
                below, _ = path.at(points[1:], replace(view, from_below=True))
                glide = np.fmax(glide, np.abs(np.log(below / at[:-1])))
                jump = np.fmax(jump, np.abs(np.log(at[1:] / below)))
        return fill(points, glide, jump, spacing_s=self._spacing_s)

    def _blocks(self, times: IntArray) -> Iterator[IntArray]:
        """Runs of instants in which the same coins trade."""
        edges = {0, len(times)}
        for leg in self._legs:
            edges.add(int(np.searchsorted(times, leg.begin_s)))
            edges.add(int(np.searchsorted(times, leg.stop_s, side="right")))
        for left, right in pairwise(sorted(edges)):
            yield times[left:right]

    def _trading_at(self, second: int) -> list[int]:
        return [
            place
            for place, leg in enumerate(self._legs)
            if leg.begin_s <= second <= leg.stop_s
        ]


def open_market(  # noqa: PLR0913 - each option of a market has a default
    path: Path,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    step_s: int = 1,
    borrow_x: Decimal = ONE,
    coins: AbstractSet[str] | None = None,
) -> RecordedMarket:
    """Open a manifest, or a folder that holds ``market.toml``, and check its files.

    Args:
        path: The manifest or the folder.
        start: Begin later than the manifest says, inside its window.
        end: End earlier than the manifest says.
        step_s: Seconds that at least lie between instants put between bar points;
            bar points themselves are always kept.
        borrow_x: Multiplier of the assumed borrow rates.
        coins: Only these, and no instant for the sake of another; None opens all.

    Raises:
        UsageError: The manifest or a file is bad, or the window holds no data.
    """
    manifest = _narrowed(read_manifest(path), start, end)
    if coins is not None:
        chosen = tuple(i for i in manifest.instruments if i.coin in coins)
        manifest = replace(manifest, instruments=chosen)
    if step_s < 1:
        raise UsageError(f"step_s must be at least 1 second, was {step_s}.")
    if not borrow_x.is_finite() or borrow_x <= 0:
        raise UsageError(f"borrow_x must be a positive number, was {borrow_x}.")
    rules = _rules_bytes(manifest)
    window = Window(start_s=seconds_of(manifest.start), end_s=seconds_of(manifest.end))
    loaded = [(files.coin, load_leg(files, window)) for files in manifest.instruments]
    legs = tuple(leg for _, leg in loaded if leg is not None)
    if not legs:
        raise UsageError(
            f"{manifest.path}: no coin has a row between {manifest.start.isoformat()} "
            f"and {manifest.end.isoformat()}; choose a window that the files cover."
        )
    options = f"{window.start_s} {window.end_s} {step_s} {borrow_x}"
    absent = [coin for coin, leg in loaded if leg is None]
    return RecordedMarket(
        description=_describe(
            manifest, legs, absent, digest=_digest(manifest, legs, options, rules)
        ),
        rules_path=manifest.rules,
        _legs=legs,
        _window=window,
        _agenda=agenda_of(legs, window, borrow_x),
        _spacing_s=step_s,
    )


def _narrowed(
    manifest: Manifest, start: datetime | None, end: datetime | None
) -> Manifest:
    begin = manifest.start if start is None else whole_second(start, "start")
    finish = manifest.end if end is None else whole_second(end, "end")
    if begin < manifest.start or finish > manifest.end:
        raise UsageError(
            f"The window {begin.isoformat()} to {finish.isoformat()} leaves that of "
            f"{manifest.path}, {manifest.start.isoformat()} to "
            f"{manifest.end.isoformat()}; stay inside it."
        )
    if begin >= finish:
        raise UsageError(
            f"start must lie before end, but start is {begin.isoformat()} and end is "
            f"{finish.isoformat()}."
        )
    return replace(manifest, start=begin, end=finish)


def _rules_bytes(manifest: Manifest) -> bytes:
    if manifest.rules is None:
        return b""
    try:
        return manifest.rules.read_bytes()
    except OSError as error:
        raise UsageError(
            f"The rules file {manifest.rules} cannot be read: {error.strerror}; mend "
            "the manifest."
        ) from None


def _digest(manifest: Manifest, legs: Sequence[Leg], options: str, rules: bytes) -> str:
    total = hashlib.sha256(manifest.raw)
    for part in (options.encode(), hashlib.sha256(rules).digest()):
        total.update(b"\0" + part)
    for leg in legs:
        total.update("\0".join((leg.instrument.coin, *leg.digests)).encode())
    return total.hexdigest()


def _describe(
    manifest: Manifest, legs: Sequence[Leg], absent: Sequence[str], *, digest: str
) -> MarketDescription:
    steps = sorted({leg.grid.step_s for leg in legs})
    names = [resolution_name(step) for step in steps]
    notes = [note for leg in legs for note in leg.notes]
    notes += [f"{coin}: no row in this window, does not trade" for coin in absent]
    notes = grouped([*notes, *_span_notes(manifest, legs)])
    if manifest.quote != "USDT":
        notes.append(f"prices in {manifest.quote} are taken as USDT")
    return MarketDescription(
        name=manifest.name,
        title=manifest.title,
        start=manifest.start,
        end=manifest.end,
        instruments=tuple(leg.instrument for leg in legs),
        resolution=names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}",
        digest=digest,
        assumptions=(*_ASSUMPTIONS, *notes),
        note=manifest.note,
    )


def _span_notes(manifest: Manifest, legs: Sequence[Leg]) -> list[str]:
    notes: list[str] = []
    for leg in legs:
        begin, stop = time_of(leg.begin_s), time_of(leg.stop_s)
        if begin > manifest.start:
            notes.append(f"{leg.instrument.coin}: trades from {begin.isoformat()}")
        if stop < manifest.end:
            notes.append(f"{leg.instrument.coin}: trades until {stop.isoformat()}")
    return notes


def hourly_rows(
    bars: Bars, until_s: int, rows_max: int
) -> tuple[tuple[datetime, Decimal], ...]:
    """The newest hourly closes until a second, oldest first."""
    closes = bars.close_s
    closes = closes[: int(np.searchsorted(closes, until_s, side="right"))]
    hours = -(-closes // _HOUR_S)
    is_last = np.append(
        hours[1:] != hours[:-1], np.ones(min(len(hours), 1), dtype=bool)
    )
    rows = np.flatnonzero(is_last)[-rows_max:]
    times = map(time_of, closes[rows].tolist())
    return tuple(zip(times, decimals(bars.close[rows]), strict=True))
