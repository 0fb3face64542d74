"""Say in words what a recorded coin lacks: gaps, coarse marks, missing funding.

These sentences end up in the description of the market and in every report. They
are computed from the files as read; nothing here changes a price.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from connectors.markets.figures import time_of
from connectors.markets.files import Bars, FundingRows
from connectors.markets.funding import FundingSchedule
from connectors.markets.liquidity import volume_share

__all__ = ["Sources", "Window", "grouped", "notes_of", "resolution_name"]

_GAPS_LISTED: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The part of a market that is walked through; seconds since 1970, inclusive."""

    start_s: int
    end_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The files of one coin as read; None where the manifest names none."""

    coin: str
    spot: Bars | None
    perp: Bars | None
    mark: Bars | None
    funding: FundingRows | None

    @property
    def digests(self) -> tuple[str, ...]:
        """A digest for each file, in a fixed order."""
        files = (self.spot, self.perp, self.mark, self.funding)
        return tuple("-" if f is None else f.digest for f in files)


def grouped(notes: Iterable[str]) -> list[str]:
    """Say once what is said of several coins.

    Example:
        >>> grouped(["A: no funding", "B: a gap", "C: no funding"])
        ['no funding: A, C', 'B: a gap']
    """
    heads: dict[str, list[str]] = {}
    for note in notes:
        head, _, tail = note.partition(": ")
        heads.setdefault(tail, []).append(head)
    return [
        f"{tail}: {', '.join(of)}" if len(of) > 1 else f"{of[0]}: {tail}"
        for tail, of in heads.items()
    ]


def resolution_name(step_s: int) -> str:
    """A bar length in the words of the file names.

    Example:
        >>> resolution_name(300), resolution_name(3600)
        ('5m', '1h')
    """
    for unit_s, unit in ((86_400, "d"), (3_600, "h")):
        if step_s % unit_s == 0:
            return f"{step_s // unit_s}{unit}"
    return f"{step_s // 60}m"


def notes_of(sources: Sources, grid: Bars, window: Window) -> tuple[str, ...]:
    """Gaps, what a coarse mark would have said, missing funding, assumed depth."""
    notes = _gap_notes(sources, grid, window)
    notes += _mark_notes(sources, grid, window)
    notes += _funding_notes(sources, window)
    for name, leg in (("spot", sources.spot), ("perp", sources.perp)):
        if leg is None:
            notes.append(f"{sources.coin} {name}: depth taken from the other leg")
            continue
        if leg.volume is None:
            notes.append(f"{sources.coin}: {leg.label} has no volume: depth assumed")
        elif volume_share(leg.exchange) != 1:
            notes.append(
                f"{sources.coin} {name}: KuCoin's volume taken as "
                f"{volume_share(leg.exchange):.0%} of {leg.exchange}'s"
            )
    return tuple(notes)


def _gap_notes(sources: Sources, grid: Bars, window: Window) -> list[str]:
    notes: list[str] = []
    for bars in (sources.spot, sources.perp):
        if bars is None or not len(bars.open_s):
            continue
        ends = bars.close_s[:-1]
        holes = np.flatnonzero((bars.open_s[1:] > ends) & (ends >= window.start_s))
        held = "last price held" if bars is grid else "ratio interpolated"
        notes.extend(
            f"{sources.coin}: {bars.label} has a gap from "
            f"{time_of(int(ends[hole])).isoformat()} to "
            f"{time_of(int(bars.open_s[hole + 1])).isoformat()}: {held}"
            for hole in holes[:_GAPS_LISTED].tolist()
        )
        if len(holes) > _GAPS_LISTED:
            more = len(holes) - _GAPS_LISTED
            notes.append(f"{sources.coin}: {bars.label} has {more} more gaps")
    return notes


def _mark_notes(sources: Sources, grid: Bars, window: Window) -> list[str]:
    """How far a mark that is too coarse to be used lies from the perp."""
    mark, perp = sources.mark, sources.perp or grid
    if mark is None or grid.step_s % mark.step_s == 0:
        return []
    inside = mark.close_s > window.start_s
    at, left, right = np.intersect1d(
        mark.close_s[inside], perp.close_s, return_indices=True
    )
    if not len(at):
        return [f"{sources.coin}: {mark.label} is too coarse and was not compared"]
    gap = np.abs(np.log(mark.close[inside][left] / perp.close[right])) * 1e4
    return [
        (
            f"{sources.coin}: futures mark taken from {perp.label}; the recorded mark "
            f"({resolution_name(mark.step_s)}) differs at {len(at)} closes by "
            f"{np.median(gap):.1f} bp in the median, {np.quantile(gap, 0.99):.1f} bp "
            "at the 99th percentile"
        )
    ]


def _funding_notes(sources: Sources, window: Window) -> list[str]:
    rows = sources.funding
    if rows is None:
        return [f"{sources.coin}: funding absent, none paid"]
    schedule = FundingSchedule("", rows)
    notes = [
        f"{sources.coin}: {rows.label} has no settlement between "
        f"{time_of(left).isoformat()} and {time_of(right).isoformat()}: none paid"
        for left, right in schedule.gaps(window.start_s, window.end_s)[:_GAPS_LISTED]
    ]
    standing = schedule.standing(window.end_s)
    if standing is None:
        notes.append(f"{sources.coin}: {rows.label} begins after the window: none paid")
    elif schedule.ends_before(window.end_s):
        last = time_of(rows.at_s[-1]).isoformat()
        notes.append(f"{sources.coin}: {rows.label} ends at {last}: none paid after it")
    return notes
