"""Write small recorded markets to a folder, for the tests of the markets."""

import csv
import gzip
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

START_MS: Final = 1_735_689_600_000
"""2025-01-01T00:00:00Z."""

MINUTE_MS: Final = 60_000

Row = tuple[float, float, float, float]


def candles(
    path: Path,
    rows: Sequence[Row],
    *,
    minutes: int = 1,
    first_ms: int = START_MS,
    volume: float | None = 600.0,
) -> Path:
    """A candle file with one row after another."""
    count = len(rows)
    stamps = [first_ms + number * minutes * MINUTE_MS for number in range(count)]
    columns: dict[str, object] = {"ts_ms": pa.array(stamps, pa.int64())}
    for place, name in enumerate(("open", "high", "low", "close")):
        columns[name] = pa.array([row[place] for row in rows], pa.float64())
    if volume is not None:
        columns["volume"] = pa.array([volume] * count, pa.float32())
    return table(path, columns)


def table(path: Path, columns: Mapping[str, object]) -> Path:
    """Any Parquet file."""
    pq.write_table(pa.table(dict(columns)), path)
    return path


def funding(path: Path, rows: Sequence[tuple[int, str]]) -> Path:
    """A funding file; stamps in milliseconds."""
    with gzip.open(path, "wt", encoding="utf-8", newline="") as text:
        writer = csv.writer(text)
        writer.writerow(("ts_ms", "rate"))
        writer.writerows(rows)
    return path


def manifest(
    folder: Path,
    instruments: Mapping[str, Mapping[str, str]],
    *,
    start: str = "2025-01-01T00:00:00Z",
    end: str = "2025-01-01T00:10:00Z",
    extra: str = "",
) -> Path:
    """A manifest ``market.toml`` over files of the same folder."""
    lines = [
        'name = "small"',
        'title = "A small market"',
        f"start = {start}",
        f"end = {end}",
        'quote = "USDT"',
        extra,
    ]
    for coin, files in instruments.items():
        lines += ["[[instrument]]", f'coin = "{coin}"']
        lines += [f'{kind} = "{name}"' for kind, name in files.items()]
    path = folder / "market.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def flat(count: int, price: float = 100.0) -> list[Row]:
    """Rows that do not move."""
    return [(price, price, price, price)] * count
