"""Read candle and funding files into arrays, or name the file and the row.

Rows that open at or after the end of the window are cut off before anything looks
at them. What is left is checked whole: one bad row refuses the file. Timestamps
become whole seconds of UTC. This module knows the format and nothing of what the
numbers will be used for.
"""

import csv
import gzip
import hashlib
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bot.domain.errors import UsageError

__all__ = [
    "Bars",
    "FloatArray",
    "FundingRows",
    "IntArray",
    "coarsened",
    "read_bars",
    "read_funding",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_PRICES: Final = ("open", "high", "low", "close")
_NAME: Final = re.compile(
    r"(?P<exchange>[A-Z0-9]+)_(?P<symbol>.+)_(?P<kind>spot|perp|mark)"
    r"_(?P<count>[1-9][0-9]{0,3})(?P<unit>[mhd])(_.+)?"
)
_UNIT_S: Final = {"m": 60, "h": 3_600, "d": 86_400}
_MS: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """Candles of one file up to the end of the window; arrays of equal length.

    ``open_s`` is the open time in seconds since 1970 (UTC), ``step_s`` the length
    of a bar in seconds, prices are USDT, ``volume`` is base coins a bar.
    """

    label: str
    exchange: str
    step_s: int
    open_s: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray | None
    digest: str

    @property
    def close_s(self) -> IntArray:
        """The time at which each bar closes, seconds since 1970."""
        return self.open_s + self.step_s


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingRows:
    """Settlements of one file up to the end of the window, oldest first."""

    label: str
    at_s: tuple[int, ...]
    rates: tuple[Decimal, ...]
    digest: str


def read_bars(path: Path, *, end_s: int) -> Bars:
    """Read the candles that open before ``end_s`` (seconds since 1970).

    A file that begins later gives no bars, which is no error.

    Raises:
        UsageError: The file is missing or no Parquet, lacks a column, or holds a
            row that cannot be a candle; the sentence names file and row.
    """
    table = _table(path)
    stamps = _whole_numbers(path, table)
    beyond = np.flatnonzero(stamps >= end_s * _MS)
    count = int(beyond[0]) if beyond.size else len(stamps)
    if not len(stamps):
        raise UsageError(f"{path} has no rows; replace the file.")
    stamps = stamps[:count]
    prices = {name: _floats(path, table, name)[:count] for name in _PRICES}
    volume = (
        _floats(path, table, "volume")[:count]
        if "volume" in table.column_names
        else None
    )
    step_s = _step(path, stamps)
    _check_stamps(path, stamps, step_s)
    _check_prices(path, prices)
    if volume is not None:
        _refuse_row(path, ~(np.isfinite(volume) & (volume >= 0)), "volume", volume)
    named = _NAME.fullmatch(path.stem)
    return Bars(
        label=path.name,
        exchange=named["exchange"] if named else "UNKNOWN",
        step_s=step_s,
        open_s=stamps // _MS,
        **prices,
        volume=volume,
        digest=_digest(stamps, *prices.values(), *([] if volume is None else [volume])),
    )


def coarsened(bars: Bars, step_s: int) -> Bars:
    """Join bars into longer ones of ``step_s``; keep those that are complete.

    Raises:
        ValueError: The longer step is no multiple of the bars' own.
    """
    if step_s % bars.step_s:
        raise ValueError(f"{step_s} s is no multiple of {bars.step_s} s")
    group = bars.open_s // step_s
    first = np.flatnonzero(np.diff(group, prepend=-1))
    full = np.diff(np.append(first, len(group))) == step_s // bars.step_s
    last = np.append(first[1:], len(group)) - 1
    return Bars(
        label=bars.label,
        exchange=bars.exchange,
        step_s=step_s,
        open_s=(group[first] * step_s)[full],
        open=bars.open[first][full],
        high=np.maximum.reduceat(bars.high, first)[full],
        low=np.minimum.reduceat(bars.low, first)[full],
        close=bars.close[last][full],
        volume=None,
        digest=bars.digest,
    )


def _digest(*arrays: NDArray[np.generic]) -> str:
    total = hashlib.sha256()
    for array in arrays:
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()


def _table(path: Path) -> pa.Table:
    if not path.is_file():
        raise UsageError(f"The candle file {path} does not exist; mend the manifest.")
    try:
        file = pq.ParquetFile(path)
        names = file.schema_arrow.names
        missing = [name for name in ("ts_ms", *_PRICES) if name not in names]
        if missing:
            raise UsageError(
                f"{path} lacks the column {missing[0]!r}; a candle file has "
                "ts_ms, open, high, low, close and, except for marks, volume."
            )
        if len(set(names)) != len(names):
            raise UsageError(f"{path} names a column twice; each column once, please.")
        wanted = [n for n in ("ts_ms", *_PRICES, "volume") if n in names]
        return file.read(columns=wanted, use_threads=False)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not a readable Parquet file: {error}.") from None


def _whole_numbers(path: Path, table: pa.Table) -> IntArray:
    column = table.column("ts_ms")
    if not pa.types.is_integer(column.type) or column.null_count:
        raise UsageError(
            f"{path}: column ts_ms must be whole milliseconds without blanks, "
            f"was {column.type} with {column.null_count} blanks."
        )
    return np.asarray(column.to_numpy(), dtype=np.int64)


def _floats(path: Path, table: pa.Table, name: str) -> FloatArray:
    column = table.column(name)
    is_number = pa.types.is_floating(column.type) or pa.types.is_integer(column.type)
    if not is_number:
        raise UsageError(f"{path}: column {name} must be numbers, was {column.type}.")
    return np.asarray(column.to_numpy(), dtype=np.float64)


def _step(path: Path, stamps: IntArray) -> int:
    """The bar length in seconds: from the file's name, else the closest two rows."""
    named = _NAME.fullmatch(path.stem)
    if named:
        return int(named["count"]) * _UNIT_S[named["unit"]]
    gaps = np.diff(stamps)
    forward = gaps[gaps > 0]
    if not forward.size:
        raise UsageError(
            f"{path}: the bar length is neither in the name (EXCHANGE_SYMBOL_KIND_TF) "
            "nor can it be told from two rows."
        )
    return int(forward.min()) // _MS


def _check_stamps(path: Path, stamps: IntArray, step_s: int) -> None:
    backward = np.concatenate(([False], np.diff(stamps) <= 0))
    _refuse_row(path, backward, "ts_ms (not later than the row before)", stamps)
    if step_s < 60 or step_s % 60:  # noqa: PLR2004 - thirds must be whole seconds
        raise UsageError(f"{path}: bars must be whole minutes long, were {step_s} s.")
    _refuse_row(path, stamps % _MS != 0, "ts_ms (not a whole second)", stamps)
    overlap = np.concatenate(([False], np.diff(stamps) < step_s * _MS))
    _refuse_row(path, overlap, f"ts_ms (bars of {step_s} s overlap)", stamps)


def _check_prices(path: Path, prices: dict[str, FloatArray]) -> None:
    for name, values in prices.items():
        _refuse_row(path, ~(np.isfinite(values) & (values > 0)), name, values)
    high, low = prices["high"], prices["low"]
    _refuse_row(path, high < low, "high (below low)", high)
    for name in ("open", "close"):
        outside = (prices[name] > high) | (prices[name] < low)
        _refuse_row(path, outside, f"{name} (outside low to high)", prices[name])


def _refuse_row(
    path: Path, bad: NDArray[np.bool_], what: str, values: NDArray[np.generic]
) -> None:
    rows = np.flatnonzero(bad)
    if rows.size:
        row = int(rows[0])
        raise UsageError(
            f"{path}: row {row + 1} has a bad {what}: {values[row].item()!r}; "
            f"{rows.size} rows are wrong. Mend or replace the file."
        )


def read_funding(path: Path, *, end_s: int) -> FundingRows:
    """Read the settlements up to and including ``end_s`` (seconds since 1970).

    Raises:
        UsageError: The file is missing or no gzip, its header is not
            ``ts_ms,rate``, or a row is not a settlement later than the one before.
    """
    at_s: list[int] = []
    rates: list[Decimal] = []
    total = hashlib.sha256()
    for number, row in enumerate(_csv_rows(path), start=1):
        at, rate = _settlement(path, number, row)
        if at > end_s:
            break
        if at_s and at <= at_s[-1]:
            raise UsageError(
                f"{path}: row {number} has a ts_ms that is not later than the row "
                f"before: {row[0]}."
            )
        at_s.append(at)
        rates.append(rate)
        total.update(f"{row[0]},{row[1]}\n".encode())
    return FundingRows(
        label=path.name, at_s=tuple(at_s), rates=tuple(rates), digest=total.hexdigest()
    )


def _csv_rows(path: Path) -> Iterator[list[str]]:
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8", newline="") as text:
            rows = csv.reader(text)
            header = next(rows, None)
            if header != ["ts_ms", "rate"]:
                raise UsageError(
                    f"{path}: the first line must be ts_ms,rate, was {header!r}."
                )
            yield from rows
    except FileNotFoundError:
        raise UsageError(
            f"The funding file {path} does not exist; mend the manifest."
        ) from None
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} is not a readable CSV file: {error}.") from None


def _settlement(path: Path, number: int, row: list[str]) -> tuple[int, Decimal]:
    try:
        stamp, text = row
        at, rate = int(stamp) // _MS, Decimal(text)
    except (ValueError, InvalidOperation):
        raise UsageError(
            f"{path}: row {number} must be a whole number and a rate, was {row!r}."
        ) from None
    if not rate.is_finite() or abs(rate) >= 1:
        raise UsageError(
            f"{path}: row {number} must have a finite rate under 1, was {text!r}."
        )
    return at, rate
