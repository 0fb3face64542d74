"""Which markets a study runs on, and which part of them a row replays.

A folder is searched for manifests: ``*.toml`` files and folders that hold a
``market.toml``. A row opens only the coins that its account trades, at the finest
resolution that they are recorded in: instants that bend another coin's path are not
of its business. Nothing here knows an account or a policy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

from bot.domain.errors import UsageError
from bot.domain.market import MarketDescription
from bot.ports import Market
from connectors.markets.recorded import RecordedMarket, open_market
from connectors.markets.synthetic import open_scenario

__all__ = [
    "LEAST_SPAN",
    "SQUEEZE",
    "Part",
    "Source",
    "Survey",
    "find_markets",
    "open_part",
    "steepest_fall",
    "survey",
]

SQUEEZE: Final = "synthetic-squeeze"
"""A market beside the recorded ones: alts that rise steeply against shorts."""

LEAST_SPAN: Final = timedelta(hours=12)
"""A part of a market that is shorter says nothing about a guard."""

_SCENARIO: Final = "squeeze"
_SEED: Final = 1
_MAJORS: Final = ("BTC", "ETH")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a market comes from: a manifest, or the synthetic squeeze without one."""

    name: str
    path: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A stretch of a market: ``whole``, or ``rise`` from the leader's lowest mark."""

    name: str
    start: datetime
    end: datetime

    @property
    def span(self) -> timedelta:
        """How long it is."""
        return self.end - self.start


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a study must know of a market before it opens accounts on it.

    ``coins`` trade during the whole of each part's time, the leader first; the
    others are in the order of the description.
    """

    source: Source
    description: MarketDescription
    leader: str
    parts: Mapping[str, Part]
    coins: Mapping[str, Sequence[str]]
    perps: Mapping[str, str]
    left_out: tuple[str, ...] = ()
    fall: Decimal = Decimal(0)
    """The leader's deepest fall between two marks at most a day apart, a fraction."""


def find_markets(folder: Path) -> tuple[Source, ...]:
    """Every manifest of a folder by name; a single manifest is a folder of one.

    Raises:
        UsageError: The folder is none, or holds no manifest.
    """
    if folder.is_file():
        return (Source(name=folder.stem, path=folder),)
    if not folder.is_dir():
        raise UsageError(
            f"{folder} is no folder; --markets takes a folder of market manifests."
        )
    if (folder / "market.toml").is_file():
        return (Source(name=folder.name, path=folder),)
    found = {p.stem: p for p in folder.glob("*.toml") if p.is_file()}
    found |= {p.parent.name: p.parent for p in folder.glob("*/market.toml")}
    if not found:
        raise UsageError(
            f"{folder} holds no market manifest: neither *.toml nor a folder with "
            "market.toml."
        )
    return tuple(Source(name=name, path=path) for name, path in sorted(found.items()))


def survey(source: Source, longest: timedelta | None = None) -> Survey:
    """Look at a market once: its leader, its parts and the coins that trade in each.

    Args:
        source: The market.
        longest: A longer market is cut to this span around its leader's steepest
            fall (a third before its bottom, the rest after it), its rise to as much
            from the lowest mark of all; None keeps both whole.

    Raises:
        UsageError: The market cannot be read, or no coin trades during all of it.
    """
    market = _opened(source, None, None, None, Decimal(1))
    described = market.description
    spans = _spans(market)
    leader = _leader(described, spans)
    start, end = described.start, described.end
    marks = _marks(source, leader)
    fall, bottom = steepest_fall(marks)
    low_at = min(marks, key=lambda each: each[1])[0]
    rise = Part(name="rise", start=low_at, end=end)
    if longest is not None and end - start > longest:
        start = max(start, min(bottom - longest / 3, end - longest))
        end = start + longest
        rise = replace(rise, end=min(low_at + longest, rise.end))
    parts = {"whole": Part(name="whole", start=start, end=end)}
    left_out: tuple[str, ...] = ()
    if rise.span >= LEAST_SPAN:
        parts["rise"] = rise
    else:
        hours = LEAST_SPAN // timedelta(hours=1)
        why = f"{leader} is lowest less than {hours} h before the end"
        left_out = (f"{source.name}: no rising part, {why}",)
    return Survey(
        source=source,
        description=described,
        leader=leader,
        parts=parts,
        coins={n: _trading(described, spans, leader, p) for n, p in parts.items()},
        perps={
            i.coin: i.perp_symbol
            for i in described.instruments
            if i.perp_symbol is not None
        },
        left_out=left_out,
        fall=fall,
    )


def open_part(
    source: Source, part: Part, coins: Sequence[str], borrow_x: Decimal
) -> Market:
    """The market of a row: one part of it, these coins only.

    Raises:
        UsageError: The market cannot be read.
    """
    return _opened(source, part, part, coins, borrow_x)


def steepest_fall(
    marks: Sequence[tuple[datetime, Decimal]],
) -> tuple[Decimal, datetime]:
    """The deepest fall from a high of the day before it, and when its bottom was.

    Example:
        >>> from datetime import UTC
        >>> day = [datetime(2025, 1, 1, hour, tzinfo=UTC) for hour in (0, 6, 12)]
        >>> marks = list(zip(day, map(Decimal, (100, 80, 90)), strict=True))
        >>> fall, when = steepest_fall(marks)
        >>> fall, when.hour
        (Decimal('0.2'), 6)
    """
    worst, when = Decimal(0), marks[0][0]
    highs: list[tuple[datetime, Decimal]] = []
    for at, price in marks:
        while highs and highs[-1][1] <= price:
            highs.pop()
        highs.append((at, price))
        while at - highs[0][0] > timedelta(days=1):
            highs.pop(0)
        fall = 1 - price / highs[0][1]
        if fall > worst:
            worst, when = fall, at
    return worst, when


def _opened(
    source: Source,
    begin: Part | None,
    end: Part | None,
    coins: Sequence[str] | None,
    borrow_x: Decimal,
) -> Market:
    if source.path is None:
        market: Market = open_scenario(_SCENARIO, _SEED, borrow_x=borrow_x)
        return market
    return open_market(
        source.path,
        start=None if begin is None else begin.start,
        end=None if end is None else end.end,
        borrow_x=borrow_x,
        coins=None if coins is None else frozenset(coins),
    )


def _spans(market: Market) -> Mapping[str, tuple[datetime, datetime]]:
    """From when to when each coin trades; a synthetic coin always does."""
    if isinstance(market, RecordedMarket):
        return market.trading_spans()
    described = market.description
    return {i.coin: (described.start, described.end) for i in described.instruments}


def _leader(
    described: MarketDescription, spans: Mapping[str, tuple[datetime, datetime]]
) -> str:
    """BTC where it trades the whole time, else ETH, else the first coin that does.

    Raises:
        UsageError: No coin trades during the whole market.
    """
    whole = Part(name="whole", start=described.start, end=described.end)
    coins = _trading(described, spans, _MAJORS[0], whole)
    if not coins:
        raise UsageError(
            f"{described.name}: no coin trades from its start to its end with a spot "
            "pair; narrow its window to what its files cover."
        )
    return next((coin for coin in _MAJORS if coin in coins), coins[0])


def _trading(
    described: MarketDescription,
    spans: Mapping[str, tuple[datetime, datetime]],
    leader: str,
    part: Part,
) -> tuple[str, ...]:
    """The coins that trade during the whole part, the leader first."""
    found = [
        i.coin
        for i in described.instruments
        if i.spot_symbol is not None
        and i.coin in spans
        and spans[i.coin][0] <= part.start
        and spans[i.coin][1] >= part.end
    ]
    return tuple(sorted(found, key=lambda coin: coin != leader))


def _marks(source: Source, leader: str) -> list[tuple[datetime, Decimal]]:
    """The leader's marks at its own instants."""
    market = _opened(source, None, None, (leader,), Decimal(1))
    return [
        (instant.at, instant.margin_marks[leader])
        for instant in market.instants({})
        if leader in instant.margin_marks
    ]
