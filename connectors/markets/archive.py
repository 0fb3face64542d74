"""Write a market to disk in the layout that recorded markets are read in.

Each series grows in *parts*: a part is written whole, then the series' progress file
says so. What was interrupted goes on behind the last part; when all are there they
become one file. Every file is put in place by a rename, so a reader sees a whole one
or none. This module knows the format and nothing of where the numbers come from.
"""

import contextlib
import csv
import gzip
import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from bot.domain.errors import UsageError
from bot.domain.money import plain

__all__ = [
    "ArchivedInstrument",
    "Bar",
    "SeriesStore",
    "Span",
    "write_manifest",
    "write_settlements",
    "write_text",
]

_PROGRESS: Final = ".progress"
_PRICES: Final = ("open", "high", "low", "close")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One candle of a file; ``volume`` is base coins, None in a series without."""

    open_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What a series covers: bars that open from ``start_ms`` to before ``end_ms``."""

    start_ms: int
    end_ms: int
    step_ms: int

    @property
    def bars(self) -> int:
        """How many bars there can be."""
        return max(self.end_ms - self.start_ms, 0) // self.step_ms


class SeriesStore:
    """The files of one series below a folder, with what is already there.

    Args:
        folder: Of the whole archive.
        name: Of the series, which becomes ``candles/NAME.parquet``.
        span: What it is to cover.

    Raises:
        UsageError: The folder cannot be written, or holds the beginning of the
            same series over other times.
    """

    def __init__(self, folder: Path, name: str, span: Span) -> None:
        self.path = folder / "candles" / f"{name}.parquet"
        self._span = span
        self._parts = folder / _PROGRESS / name
        self._note = folder / _PROGRESS / f"{name}.json"
        known = self._read()
        self.next_ms: int = known["next_ms"]
        """Where to go on: the opening of the first bar that is not stored."""
        self.rows: int = known["rows"]
        """Bars that are stored."""
        self.widened: int = known["widened"]
        """How many of them had to be widened to hold their own open and close."""
        is_gone = not self.path.exists() and not self._parts.is_dir()
        if is_gone:
            self.next_ms, self.rows, self.widened = span.start_ms, 0, 0

    @property
    def is_done(self) -> bool:
        """Whether every part is stored."""
        return self.next_ms >= self._span.end_ms

    def add(self, bars: Sequence[Bar], next_ms: int, widened: int = 0) -> None:
        """Store the bars from where we are to before ``next_ms``.

        Raises:
            ValueError: A bar lies outside that time, or they are not in order.
        """
        stamps = [bar.open_ms for bar in bars]
        is_within = all(self.next_ms <= at < next_ms for at in stamps)
        if not is_within or stamps != sorted(set(stamps)):
            raise ValueError(f"bars must lie in order from {self.next_ms} to {next_ms}")
        if bars:
            _put_table(self._parts / f"{self.next_ms:015d}.parquet", _table(bars))
        self.next_ms, self.rows = next_ms, self.rows + len(bars)
        self.widened += widened
        self._write()

    def finish(self) -> Path | None:
        """Join the parts into the one file; None where the series has no bars.

        The progress file stays, so that a finished series is not read again.
        """
        if not self.is_done:
            raise ValueError(f"{self.path} is stored up to {self.next_ms} only")
        if not self.rows:
            return None
        if not self.path.exists() or _rows_of(self.path) != self.rows:
            self._join()
        if self._parts.is_dir():
            for part in self._part_files():
                part.unlink()
            self._parts.rmdir()
        return self.path

    @property
    def first_ms(self) -> int:
        """Where the first bar of a finished series opens."""
        stamps = pq.ParquetFile(self.path).read(columns=["ts_ms"], use_threads=False)
        return int(stamps["ts_ms"][0].as_py())

    def _join(self) -> None:
        whole = pa.concat_tables(self._stored())
        if whole.num_rows != self.rows:
            raise UsageError(
                f"{self._parts} does not hold the {self.rows} bars that were read; "
                f"delete it and {self._note} to read the series anew."
            )
        _put_table(self.path, whole)

    def _part_files(self) -> list[Path]:
        return sorted(self._parts.iterdir())

    def _stored(self) -> list[pa.Table]:
        files = [p for p in self._part_files() if p.suffix == ".parquet"]
        return [pq.ParquetFile(p).read(use_threads=False) for p in files]

    def _read(self) -> dict[str, int]:
        span = self._span
        fresh = {"next_ms": span.start_ms, "rows": 0, "widened": 0}
        try:
            text = self._note.read_text(encoding="utf-8")
        except FileNotFoundError:
            return fresh
        except OSError as error:
            raise UsageError(
                f"{self._note} cannot be read: {error.strerror}."
            ) from None
        known = _whole_numbers(self._note, text)
        asked = [known[name] for name in ("start_ms", "end_ms", "step_ms")]
        if asked != [span.start_ms, span.end_ms, span.step_ms]:
            raise UsageError(
                f"{self._note} was begun for other times ({_day(known['start_ms'])} "
                f"to {_day(known['end_ms'])}, bars of {known['step_ms'] // 60_000} "
                "minutes); ask for the same ones, or name another folder."
            )
        return known

    def _write(self) -> None:
        span = self._span
        state = {
            "start_ms": span.start_ms,
            "end_ms": span.end_ms,
            "step_ms": span.step_ms,
            "next_ms": self.next_ms,
            "rows": self.rows,
            "widened": self.widened,
        }
        write_text(self._note, json.dumps(state, indent=1) + "\n")


def _whole_numbers(path: Path, text: str) -> dict[str, int]:
    names = {"start_ms", "end_ms", "step_ms", "next_ms", "rows", "widened"}
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        found = None
    if (
        not isinstance(found, dict)
        or set(found) != names
        or not all(type(number) is int for number in found.values())
    ):
        raise UsageError(f"{path} is damaged; delete it to read the series anew.")
    return found


def _day(stamp_ms: int) -> str:
    return datetime.fromtimestamp(stamp_ms / 1_000, tz=UTC).isoformat()


def _rows_of(path: Path) -> int:
    return int(pq.ParquetFile(path).metadata.num_rows)


def _table(bars: Sequence[Bar]) -> pa.Table:
    columns: dict[str, Any] = {
        "ts_ms": pa.array([bar.open_ms for bar in bars], pa.int64())
    }
    for name in _PRICES:
        prices = [float(getattr(bar, name)) for bar in bars]
        columns[name] = pa.array(prices, pa.float64())
    if all(bar.volume is not None for bar in bars):
        volumes = [float(bar.volume or 0) for bar in bars]
        columns["volume"] = pa.array(volumes, pa.float32())
    return pa.table(columns)


def _put_table(path: Path, table: pa.Table) -> None:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    _put(path, buffer.getvalue())


def write_text(path: Path, text: str) -> None:
    """Put a text file in place, whole.

    Raises:
        UsageError: The disk refuses.
    """
    _put(path, text.encode())


def _put(path: Path, data: bytes) -> None:
    draft = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise UsageError(f"{path} cannot be written: {error.strerror}.") from None


def write_settlements(path: Path, settlements: Sequence[tuple[int, Decimal]]) -> None:
    """Write a funding file: settlement in milliseconds since 1970, and rate.

    Raises:
        UsageError: The disk refuses.
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("ts_ms", "rate"))
    rows.writerows((at, plain(rate)) for at, rate in settlements)
    _put(path, gzip.compress(text.getvalue().encode(), mtime=0))


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedInstrument:
    """One coin of the manifest; paths are relative to it."""

    coin: str
    files: Mapping[str, str]
    """``spot``, ``perp``, ``mark`` or ``funding`` to its file."""


def write_manifest(  # noqa: PLR0913 - what a manifest says
    folder: Path,
    *,
    name: str,
    title: str,
    span: Span,
    note: str,
    instruments: Sequence[ArchivedInstrument],
    rules: str | None = None,
) -> Path:
    """Write ``market.toml``, which makes the folder a market.

    Raises:
        UsageError: The disk refuses.
    """
    lines = [
        f"name = {_quoted(name)}",
        f"title = {_quoted(title)}",
        f"start = {_toml_time(span.start_ms)}",
        f"end = {_toml_time(span.end_ms)}",
        'quote = "USDT"',
        f"note = {_quoted(note)}",
    ]
    if rules is not None:
        lines.append(f"rules = {_quoted(rules)}")
    for each in instruments:
        lines += ["", "[[instrument]]", f"coin = {_quoted(each.coin)}"]
        lines += [f"{key} = {_quoted(file)}" for key, file in each.files.items()]
    path = folder / "market.toml"
    write_text(path, "\n".join(lines) + "\n")
    return path


def _quoted(text: str) -> str:
    """A TOML string; JSON's escapes are TOML's too."""
    return json.dumps(text, ensure_ascii=False)


def _toml_time(stamp_ms: int) -> str:
    when = datetime.fromtimestamp(stamp_ms // 1_000, tz=UTC)
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")
