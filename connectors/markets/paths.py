"""Turn candles into a continuous path of prices that can be asked at any second.

Inside a bar the price goes through open, first extreme, second extreme and close
at 0, 1/3, 2/3 and the end of the bar, log-linear in between. The close holds until
the next bar opens; where the next open differs from the close, the price jumps at
that instant, so the value *at* a boundary is the open and the value just *before*
it is the close. A leg with coarser bars follows the finer one times the ratio of
the two, which is log-linear between the coarse closes.

Nothing here knows a coin, a file or a Decimal; times are seconds since 1970.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bot.domain.market import PathOrder
from connectors.markets.files import Bars, FloatArray, IntArray

__all__ = ["BarPath", "FollowPath", "MixedPath", "PricePath", "View", "ratio_nodes"]

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """How a path is read.

    Attributes:
        order: Which extreme comes first in each bar that opens at ``start_s`` or
            later. A bar that was already under way when the window starts belongs
            to no account of the window: it always takes its low first.
        start_s: The start of the window, seconds since 1970.
        from_below: Read the value just before each time instead of at it.
    """

    order: PathOrder
    start_s: int
    from_below: bool = False


class PricePath(Protocol):
    """A price at any second, and the seconds at which it bends or jumps."""

    def at(self, times: IntArray, view: View) -> tuple[FloatArray, BoolArray]:
        """Prices, and which of them are recorded values and not put in between."""

    def kinks(self, after_s: int, until_s: int) -> IntArray:
        """Times in (after_s, until_s] between which the path is log-linear."""


@dataclass(frozen=True, slots=True)
class BarPath:
    """The path through the bars of one file; before its first bar there is none."""

    bars: Bars

    def at(self, times: IntArray, view: View) -> tuple[FloatArray, BoolArray]:
        """See ``PricePath``; times before the first bar are NaN."""
        bars = self.bars
        row, offset, known = self._locate(times, from_below=view.from_below)
        third = bars.step_s // 3
        inside = offset <= bars.step_s if view.from_below else offset < bars.step_s
        shifted = offset - 1 if view.from_below else offset
        part = np.clip(shifted // third, 0, 2)
        fraction = np.where(inside, (offset - part * third) / third, 1.0)
        part = np.where(inside, part, 2)
        begin, finish = self._corners(row, part, view)
        prices = begin * np.exp(fraction * np.log(finish / begin))
        prices = np.where(fraction == 0.0, begin, prices)
        prices = np.where(fraction == 1.0, finish, prices)
        exact = (fraction == 0.0) | (fraction == 1.0)
        return np.where(known, prices, np.nan), exact & known

    def covers(self, times: IntArray, *, from_below: bool) -> BoolArray:
        """Whether a bar of this file is under way at (or just before) each time."""
        _, offset, known = self._locate(times, from_below=from_below)
        step = self.bars.step_s
        return known & ((offset <= step) if from_below else (offset < step))

    def kinks(self, after_s: int, until_s: int) -> IntArray:
        """Each bar's open, both extremes and its end."""
        bars = self.bars
        first = int(np.searchsorted(bars.open_s, after_s - bars.step_s))
        last = int(np.searchsorted(bars.open_s, until_s, side="right"))
        opens = bars.open_s[first:last]
        third = bars.step_s // 3
        points = (opens[:, None] + third * np.arange(4)).ravel()
        return np.unique(points[(points > after_s) & (points <= until_s)])

    def _locate(
        self, times: IntArray, *, from_below: bool
    ) -> tuple[IntArray, IntArray, BoolArray]:
        opens = self.bars.open_s
        row = np.searchsorted(opens, times, side="left" if from_below else "right") - 1
        known = row >= 0
        row = np.maximum(row, 0)
        return row, times - self.bars.open_s[row], known

    def _corners(
        self, row: IntArray, part: IntArray, view: View
    ) -> tuple[FloatArray, FloatArray]:
        bars = self.bars
        high_first = (bars.open_s[row] >= view.start_s) & (
            view.order is PathOrder.HIGH_FIRST
        )
        high, low = bars.high[row], bars.low[row]
        corners = np.stack(
            (
                bars.open[row],
                np.where(high_first, high, low),
                np.where(high_first, low, high),
                bars.close[row],
            )
        )
        column = np.arange(len(row))
        return corners[part, column], corners[part + 1, column]


@dataclass(frozen=True, slots=True)
class FollowPath:
    """Another path times a ratio that is log-linear between its nodes.

    Before the first node the ratio is one (zero basis), after the last it is held.
    """

    base: PricePath
    node_s: IntArray
    log_ratio: FloatArray

    def at(self, times: IntArray, view: View) -> tuple[FloatArray, BoolArray]:
        """See ``PricePath``; no value of it is a recorded one."""
        prices, _ = self.base.at(times, view)
        before = times < self.node_s[0]
        if view.from_below:
            before = times <= self.node_s[0]
        ratio = np.interp(times, self.node_s, self.log_ratio)
        prices = prices * np.exp(np.where(before, 0.0, ratio))
        return prices, np.zeros(len(times), dtype=np.bool_)

    def kinks(self, after_s: int, until_s: int) -> IntArray:
        """The base's, and the nodes of the ratio."""
        nodes = self.node_s[(self.node_s > after_s) & (self.node_s <= until_s)]
        return np.union1d(self.base.kinks(after_s, until_s), nodes)


@dataclass(frozen=True, slots=True)
class MixedPath:
    """Its own bars where they are recorded, another path times a ratio elsewhere."""

    own: BarPath
    other: FollowPath

    def at(self, times: IntArray, view: View) -> tuple[FloatArray, BoolArray]:
        """See ``PricePath``."""
        covered = self.own.covers(times, from_below=view.from_below)
        own, own_exact = self.own.at(times, view)
        other, _ = self.other.at(times, view)
        return np.where(covered, own, other), own_exact & covered

    def kinks(self, after_s: int, until_s: int) -> IntArray:
        """Those of both."""
        return np.union1d(
            self.own.kinks(after_s, until_s), self.other.kinks(after_s, until_s)
        )


def ratio_nodes(leg: Bars, base: Bars) -> tuple[IntArray, FloatArray]:
    """Log ratios of a leg to its base: at the leg's first open, then at its closes.

    The base is read straight from open to close inside its bars and held between
    them, so that the ratio does not depend on which extreme comes first. Where the
    base has no bar yet, or none any more, there is no node.
    """
    times = np.concatenate((leg.open_s[:1], leg.close_s))
    prices = np.concatenate((leg.open[:1], leg.close))
    is_open = np.arange(len(times)) == 0
    begun = (times > base.open_s[0]) | (is_open & (times == base.open_s[0]))
    kept = begun & (times <= base.close_s[-1])
    times, prices, is_open = times[kept], prices[kept], is_open[kept]
    row = np.where(
        is_open,
        np.searchsorted(base.open_s, times, side="right"),
        np.searchsorted(base.open_s, times, side="left"),
    )
    row = row - 1
    fraction = np.minimum((times - base.open_s[row]) / base.step_s, 1.0)
    begin, finish = np.log(base.open[row]), np.log(base.close[row])
    return times, np.log(prices) - (begin + fraction * (finish - begin))
