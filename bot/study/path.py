"""A market's path as arrays: what a clairvoyant knows and nobody else.

One walk over the very instants that a replay sees gives the prices, the depth, the
funding and the interest of the coins that an account holds. The rows are then the
times at which the account would be looked at; *segments* lie between those that are
kept. Inside a segment only bounds are kept, each chosen in the clairvoyant's favour,
so that whatever a policy did there is also open to it. Prices and rates are float64:
this is a bound, not money.
"""

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bot.compose import Plan
from bot.domain.market import MarketInstant

__all__ = ["Floats", "Path", "Walked", "path_of", "walk_market"]

Floats = NDArray[np.float64]

_SETTLE: Final = "USDT"
_HOUR_S: Final = 3_600
_HOURS_A_YEAR: Final = 8_760.0
_DEPTH_SHARE: Final = 0.1
_UNKNOWN_SPREAD: Final = 0.0
_UNKNOWN_DEPTH: Final = np.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """Every instant of a market. Arrays have one row an instant.

    Attributes:
        at_s: Seconds since 1970, increasing.
        marks: USDT a coin, by coin; ``USDT`` itself is 1 where nothing says otherwise.
        futures: USDT a coin, by contract.
        last: Last traded price by symbol.
        spread: Half-spread by symbol, a fraction.
        cap: Coins that can be taken at once, by symbol: a tenth of a minute's volume.
        funding: USDT that one coin of a *long* receives at the instant, by contract.
        growth: What one coin of debt has grown to by the instant, by coin.
        charge: USDT of interest charged at the instant on one coin of opening debt.
    """

    at_s: Floats
    marks: Mapping[str, Floats]
    futures: Mapping[str, Floats]
    last: Mapping[str, Floats]
    spread: Mapping[str, Floats]
    cap: Mapping[str, Floats]
    funding: Mapping[str, Floats]
    growth: Mapping[str, Floats]
    charge: Mapping[str, Floats]

    def row_at(self, when: datetime) -> int:
        """The last row that is not after a time."""
        found = np.searchsorted(self.at_s, when.timestamp(), side="right")
        return max(int(found) - 1, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """The rows that are kept, and bounds of what lies between each and the next.

    ``best_sale`` and ``best_buy`` are the highest and lowest last prices of a
    segment, ``depth`` the coins that flow back into the book during it, ``cap`` the
    most that its book holds at once. ``funding_up`` and ``funding_down`` are the
    positive and negative parts of what one long coin receives in it. ``charge`` is
    the interest of a segment on one coin of opening debt. ``sale_gap`` and
    ``buy_gap`` are the least by which a contract's mark is over, and under, its last
    price: the slippage of a futures fill is counted from the mark.
    """

    rows: NDArray[np.int64]
    walked: Walked
    best_sale: Mapping[str, Floats]
    best_buy: Mapping[str, Floats]
    spread: Mapping[str, Floats]
    depth: Mapping[str, Floats]
    cap: Mapping[str, Floats]
    funding_up: Mapping[str, Floats]
    funding_down: Mapping[str, Floats]
    charge: Mapping[str, Floats]
    sale_gap: Mapping[str, Floats]
    buy_gap: Mapping[str, Floats]

    def at(self, column: Floats) -> Floats:
        """A column at the kept rows."""
        found: Floats = column[self.rows]
        return found


class _Columns:
    """Values by name that hold until they are stated anew."""

    def __init__(self, default: float) -> None:
        self.columns: dict[str, array[float]] = {}
        self._default = default
        self._rows = 0

    def add(self, stated: Mapping[str, float], *, holds: bool = True) -> None:
        """One row more; what is not stated keeps its value, or is the default."""
        for name in stated:
            if name not in self.columns:
                self.columns[name] = array("d", [self._default]) * self._rows
        for name, column in self.columns.items():
            kept = column[-1] if holds and column else self._default
            column.append(stated.get(name, kept))
        self._rows += 1

    def arrays(self) -> dict[str, Floats]:
        """All columns as arrays, without a copy."""
        return {n: np.frombuffer(c, np.float64) for n, c in self.columns.items()}


def walk_market(plan: Plan) -> Walked:
    """Walk once through the market that a plan replays."""
    times: list[float] = []
    marks, futures, last = _Columns(np.nan), _Columns(np.nan), _Columns(np.nan)
    spread, cap = _Columns(_UNKNOWN_SPREAD), _Columns(_UNKNOWN_DEPTH)
    funding, rates = _Columns(0.0), _Columns(0.0)
    for instant in plan.market.instants(plan.path_order):
        times.append(instant.at.timestamp())
        marks.add({_SETTLE: 1.0, **_floats(instant.margin_marks)})
        futures.add(_floats(instant.futures_marks))
        last.add(_floats(instant.last_prices))
        quoted = instant.liquidity
        spread.add({n: float(q.half_spread) for n, q in quoted.items()})
        cap.add({n: float(q.volume_1m) * _DEPTH_SHARE for n, q in quoted.items()})
        funding.add(_settled(instant), holds=False)
        rates.add({r.coin: float(r.annual_rate) for r in instant.borrow_rates})
    at_s = np.array(times)
    priced = marks.arrays()
    growth = {c: _growth(at_s, r) for c, r in rates.arrays().items()}
    return Walked(
        at_s=at_s,
        marks=priced,
        futures=futures.arrays(),
        last=last.arrays(),
        spread=spread.arrays(),
        cap=cap.arrays(),
        funding=funding.arrays(),
        growth=growth,
        charge={c: _charge(g, priced[c]) for c, g in growth.items() if c in priced},
    )


def _floats(prices: Mapping[str, Decimal]) -> dict[str, float]:
    return {name: float(price) for name, price in prices.items()}


def _settled(instant: MarketInstant) -> dict[str, float]:
    """What a long of one coin receives: minus the rate times the mark."""
    return {
        s.symbol: -float(s.funding_rate) * float(instant.futures_marks[s.symbol])
        for s in instant.settlements
        if s.symbol in instant.futures_marks
    }


def _growth(at_s: Floats, rates: Floats) -> Floats:
    """Hourly compounding at the rate that held before each full hour."""
    hours = at_s // _HOUR_S
    passed = np.diff(hours, prepend=hours[:1])
    held = np.concatenate((rates[:1], rates[:-1]))
    grown: Floats = np.exp(np.cumsum(passed * np.log1p(held / _HOURS_A_YEAR)))
    return grown


def _charge(growth: Floats, marks: Floats) -> Floats:
    charged: Floats = np.diff(growth, prepend=growth[:1]) * marks
    return charged


def path_of(walked: Walked, rows: Sequence[int]) -> Path:
    """Keep some rows of a walk, and bounds of the segments between them.

    Args:
        walked: The market.
        rows: Which rows are kept, increasing, at least two, the first one 0.
    """
    kept = np.array(rows, dtype=np.int64)
    left = kept[:-1]

    def over(values: Mapping[str, Floats], how: np.ufunc) -> dict[str, Floats]:
        return {n: how.reduceat(c[: kept[-1]], left) for n, c in values.items()}

    def after(values: Mapping[str, Floats]) -> dict[str, Floats]:
        """Sums over what comes after a kept row, up to the next one inclusive."""
        return {
            n: np.add.reduceat(c[1 : kept[-1] + 1], left) for n, c in values.items()
        }

    gaps = {n: c - walked.last[n] for n, c in walked.futures.items()}
    minutes = np.diff(walked.at_s[kept]) / 60.0
    cap = over(walked.cap, np.maximum)
    return Path(
        rows=kept,
        walked=walked,
        best_sale=over(walked.last, np.fmax),
        best_buy=over(walked.last, np.fmin),
        spread=over(walked.spread, np.minimum),
        depth={name: column * minutes for name, column in cap.items()},
        cap=cap,
        funding_up=after({n: np.maximum(c, 0) for n, c in walked.funding.items()}),
        funding_down=after({n: np.minimum(c, 0) for n, c in walked.funding.items()}),
        charge=after(walked.charge),
        sale_gap=over(gaps, np.fmin),
        buy_gap=over({name: -gap for name, gap in gaps.items()}, np.fmin),
    )
