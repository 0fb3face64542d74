"""The states that the forecast is scored on, and what then happened.

Recorded 15-minute candles of five coins (perpetuals of one exchange until the end of
2024, spot of another from 2025), read below ``GNOMON_SHARED``. A state begins every
six hours at a full hour: shapes by distance. It is reached when a candle's low (for
what is long) or high (for what is short) passes the price of liquidation; a mix is
long in five coins, at their lows of the same quarter of an hour. Knows data and
truth; what forecasts them is elsewhere.
"""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bot.risk.terms import Terms
from connectors.markets.files import Bars, read_bars

__all__ = [
    "COINS",
    "DISTANCES",
    "HORIZONS_H",
    "SHAPES",
    "Market",
    "alt_at",
    "long_terms",
    "mix_terms",
    "outcomes",
    "read_market",
    "short_terms",
    "starts_between",
]

COINS: Final = ("BTC", "ETH", "SOL", "XRP", "DOGE")
DISTANCES: Final = (0.02, 0.03, 0.05, 0.08, 0.12, 0.20, 0.30, 0.40)
HORIZONS_H: Final = (1, 8, 24)
SHAPES: Final = (
    *("long BTC", "long alt", "short BTC", "short alt", "carry pair", "mix of five"),
)
BARS_AN_HOUR: Final = 4
LEVEL: Final = 0.97
_BAR_S: Final = 900
_STEP_H: Final = 6
_FAR: Final = 2**40
_SPLICE_S: Final = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp())
_ROOT: Final = Path(__file__).resolve().parents[1]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """Candles as logs against the close before: bars by coins.

    ``begin_s`` is when the first bar opens; ``hourly`` are log returns of whole
    hours.
    """

    begin_s: int
    close: FloatArray
    high: FloatArray
    low: FloatArray

    @property
    def hourly(self) -> FloatArray:
        """Log returns of hours by coins."""
        whole = len(self.close) // BARS_AN_HOUR * BARS_AN_HOUR
        shape = (-1, BARS_AN_HOUR, self.close.shape[1])
        result: FloatArray = self.close[:whole].reshape(shape).sum(axis=1)
        return result


def read_market() -> Market:
    """Join the two sources; each return is within one source."""
    named = os.environ.get("GNOMON_SHARED")
    folder = Path(named) if named else _ROOT.parent / "shared"
    candles = folder / "data" / "candles"
    columns = [
        _joined(
            read_bars(
                candles / f"OKX_{coin}USDT_perp_15m_2022-2025.parquet", end_s=_FAR
            ),
            read_bars(
                candles / f"BINANCE_{coin}USDT_spot_15m_2025-2026.parquet", end_s=_FAR
            ),
        )
        for coin in COINS
    ]
    begin = max(first for first, _ in columns)
    tables = [table[(begin - first) // _BAR_S :] for first, table in columns]
    count = min(len(table) for table in tables)
    cube = np.stack([table[:count] for table in tables], axis=1)
    return Market(
        begin_s=begin, close=cube[..., 0], high=cube[..., 1], low=cube[..., 2]
    )


def _joined(first: Bars, second: Bars) -> tuple[int, FloatArray]:
    """Where the first return begins, and rows of close, high and low."""
    early, late = _logs(first), _logs(second)
    times = np.concatenate([first.open_s[1:], second.open_s[1:]])
    rows = np.concatenate([early, late])
    source = np.repeat([0, 1], [len(early), len(late)])
    kept = np.where(source == 0, times < _SPLICE_S, times >= _SPLICE_S)
    times, rows = times[kept], rows[kept]
    aligned = int(np.argmax(times % (BARS_AN_HOUR * _BAR_S) == 0))
    times, rows = times[aligned:], rows[aligned:]
    if (np.diff(times) != _BAR_S).any():
        raise ValueError(f"{first.label} and {second.label} leave a gap")
    return int(times[0]), rows


def _logs(bars: Bars) -> FloatArray:
    before = np.log(bars.close[:-1])
    table = [np.log(bars.close[1:]), np.log(bars.high[1:]), np.log(bars.low[1:])]
    return np.stack([column - before for column in table], axis=1)


def starts_between(market: Market, first: datetime, last: datetime) -> list[int]:
    """Hours, counted from the market's beginning, at which a state begins."""
    origin = market.begin_s // 3_600
    hours = range(
        int(first.timestamp()) // 3_600, int(last.timestamp()) // 3_600, _STEP_H
    )
    end = len(market.close) // BARS_AN_HOUR - max(HORIZONS_H)
    return [hour - origin for hour in hours if 0 < hour - origin <= end]


def alt_at(hour: int) -> int:
    """The column of the other coin: they take turns, each at its hour of the day."""
    return 1 + hour // _STEP_H % (len(COINS) - 1)


def long_terms(coin: str, distance: float) -> Terms:
    """A coin bought on credit that is liquidated ``distance`` lower."""
    return Terms(
        subject="margin_cross",
        warning=LEVEL,
        liquidation=LEVEL,
        requirement_constant=LEVEL * (1.0 - distance),
        margin={coin: 1.0},
    )


def short_terms(coin: str, distance: float) -> Terms:
    """A borrowed coin, sold, that is liquidated ``distance`` higher."""
    return Terms(
        subject="margin_cross",
        warning=LEVEL,
        liquidation=LEVEL,
        requirement={coin: LEVEL},
        margin_constant=1.0 + distance,
    )


def mix_terms(distance: float) -> Terms:
    """Five coins in equal parts, bought on credit."""
    return Terms(
        subject="margin_cross",
        warning=LEVEL,
        liquidation=LEVEL,
        requirement_constant=LEVEL * (1.0 - distance),
        margin=dict.fromkeys(COINS, 1.0 / len(COINS)),
    )


def outcomes(market: Market, hour: int) -> NDArray[np.bool_]:
    """Whether each state was reached: shapes by distances by horizons."""
    first = hour * BARS_AN_HOUR
    stop = first + max(HORIZONS_H) * BARS_AN_HOUR
    moves = market.close[first:stop]
    before = np.cumsum(moves, axis=0) - moves
    low = np.exp(before + market.low[first:stop])
    high = np.exp(before + market.high[first:stop])
    alt = alt_at(hour)
    falls = [low[:, 0], low[:, alt], None, None, low[:, alt], low.mean(axis=1)]
    rises = [None, None, high[:, 0], high[:, alt], high[:, alt], None]
    result = np.zeros((len(SHAPES), len(DISTANCES), len(HORIZONS_H)), dtype=np.bool_)
    levels = np.array(DISTANCES)
    for place, horizon in enumerate(HORIZONS_H):
        bars = horizon * BARS_AN_HOUR
        for shape, (fall, rise) in enumerate(zip(falls, rises, strict=True)):
            if fall is not None:
                result[shape, :, place] |= fall[:bars].min() <= 1.0 - levels
            if rise is not None:
                result[shape, :, place] |= rise[:bars].max() >= 1.0 + levels
    return result
