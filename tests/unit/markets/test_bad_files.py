"""Broken manifests and files are refused with a sentence, and never half read."""

import gzip
from pathlib import Path

import pyarrow as pa
import pytest

from bot.domain.errors import UsageError
from connectors.markets.recorded import open_market
from tests.unit.markets.build import START_MS, candles, flat, funding, manifest, table

CANDLES = "X_A_spot_1m.parquet"


def _market(folder: Path) -> Path:
    candles(folder / CANDLES, flat(10))
    return manifest(folder, {"A": {"spot": CANDLES}})


def _columns(**changes: object) -> dict[str, object]:
    columns: dict[str, object] = {
        "ts_ms": [START_MS, START_MS + 60_000, START_MS + 120_000],
        "open": [1.0, 1.0, 1.0],
        "high": [1.0, 1.0, 1.0],
        "low": [1.0, 1.0, 1.0],
        "close": [1.0, 1.0, 1.0],
        "volume": [1.0, 1.0, 1.0],
    }
    return {**columns, **changes}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"close": [1.0, float("nan"), 1.0]}, r"row 2 .*close"),
        ({"open": [1.0, 1.0, None]}, r"row 3 .*open"),
        ({"low": [0.0, 1.0, 1.0]}, r"row 1 .*low"),
        ({"low": [1.0, -1.0, 1.0]}, r"row 2 .*low"),
        ({"high": [1.0, 1.0, 0.5]}, r"row 3 .*high"),
        ({"high": [1.0, float("inf"), 1.0]}, r"row 2 .*high"),
        ({"close": [1.0, 2.0, 1.0]}, r"row 2 .*outside"),
        ({"volume": [1.0, -1.0, 1.0]}, r"row 2 .*volume"),
        ({"ts_ms": [START_MS, START_MS, START_MS + 60_000]}, r"row 2 .*not later"),
        ({"ts_ms": [START_MS, START_MS + 1, START_MS + 60_000]}, r"whole second"),
        ({"ts_ms": [START_MS, START_MS + 1_000, START_MS + 60_000]}, r"overlap"),
        ({"ts_ms": ["a", "b", "c"]}, r"ts_ms must be whole"),
        ({"close": ["a", "b", "c"]}, r"close must be numbers"),
    ],
)
def test_a_bad_row_names_file_and_row(
    tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    """One bad row refuses the whole market and says which row it is."""
    path = _market(tmp_path)
    columns = {name: pa.array(v) for name, v in _columns(**changes).items()}
    table(tmp_path / CANDLES, columns)
    with pytest.raises(UsageError, match=words) as caught:
        open_market(path)
    assert CANDLES in str(caught.value)


def test_bad_rows_after_the_end_are_never_read(tmp_path: Path) -> None:
    """What opens at or after the end of the window is not looked at."""
    rows = [*flat(10), (-1.0, -1.0, -1.0, -1.0)]
    candles(tmp_path / CANDLES, rows)
    path = manifest(tmp_path, {"A": {"spot": CANDLES}})
    assert len(list(open_market(path).instants({}))) > 10


def test_a_candle_file_must_be_parquet_with_its_columns(tmp_path: Path) -> None:
    """Missing, empty, truncated and foreign files are told apart."""
    path = _market(tmp_path)
    whole = (tmp_path / CANDLES).read_bytes()
    (tmp_path / CANDLES).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UsageError, match="not a readable Parquet"):
        open_market(path)
    table(tmp_path / CANDLES, {"ts_ms": pa.array([START_MS])})
    with pytest.raises(UsageError, match="lacks the column 'open'"):
        open_market(path)
    empty = {n: pa.array([], pa.float64()) for n in _columns()}
    table(tmp_path / CANDLES, {**empty, "ts_ms": pa.array([], pa.int64())})
    with pytest.raises(UsageError, match="no rows"):
        open_market(path)
    (tmp_path / CANDLES).unlink()
    with pytest.raises(UsageError, match="does not exist"):
        open_market(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ts_ms,rate\n1,0.1,2\n", "row 1"),
        ("ts_ms,rate\n1,0.1\nx,0.1\n", "row 2"),
        ("ts_ms,rate\n1000,0.1\n1000,0.1\n", "row 2"),
        ("ts_ms,rate\n1000,nan\n", "row 1"),
        ("ts_ms,rate\n1000,1.5\n", "row 1"),
        ("ts,rate\n1000,0.1\n", "first line"),
        ("", "first line"),
    ],
)
def test_a_bad_funding_row_names_file_and_row(
    tmp_path: Path, text: str, words: str
) -> None:
    """A funding file is refused at its first bad row."""
    candles(tmp_path / CANDLES, flat(10))
    with gzip.open(tmp_path / "f.csv.gz", "wt", encoding="utf-8") as file:
        file.write(text)
    path = manifest(tmp_path, {"A": {"spot": CANDLES, "funding": "f.csv.gz"}})
    with pytest.raises(UsageError, match=words) as caught:
        open_market(path)
    assert "f.csv.gz" in str(caught.value)


def test_a_funding_file_must_be_whole(tmp_path: Path) -> None:
    """Missing, no gzip, and cut off in the middle are each refused."""
    candles(tmp_path / CANDLES, flat(10))
    path = manifest(tmp_path, {"A": {"spot": CANDLES, "funding": "f.csv.gz"}})
    with pytest.raises(UsageError, match="does not exist"):
        open_market(path)
    (tmp_path / "f.csv.gz").write_bytes(b"ts_ms,rate\n")
    with pytest.raises(UsageError, match="not a readable"):
        open_market(path)
    rows = [(START_MS - 1_000_000 + n, f"0.000{n}") for n in range(1, 900)]
    funding(
        tmp_path / "f.csv.gz",
        [(ms - ms % 1_000 + n * 1_000, r) for n, (ms, r) in enumerate(rows)],
    )
    whole = (tmp_path / "f.csv.gz").read_bytes()
    (tmp_path / "f.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UsageError, match="not a readable"):
        open_market(path)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('name = "small"', 'nam = "small"', "unknown key 'nam'"),
        ('name = "small"', "", "name must be text"),
        ('name = "small"', 'name = "../x"', "name must be letters"),
        ("start = 2025-01-01T00:00:00Z", "start = 2025-01-01T00:00:00", "time zone"),
        ("start = 2025-01-01T00:00:00Z", "start = 2025-01-01", "date and time"),
        ("start = 2025-01-01T00:00:00Z", "start = 2025-01-01T00:00:00.5Z", "second"),
        ("start = 2025-01-01T00:00:00Z", "start = 2025-01-02T00:00:00Z", "before end"),
        ('quote = "USDT"', 'quote = "EUR"', "quote must be"),
        ('quote = "USDT"', 'quote = "USDT', "not readable TOML"),
        ('coin = "A"', 'coin = "usd t"', "coin must be"),
        ('coin = "A"', 'coin = "USDT"', "coin must be"),
        ('coin = "A"', "", "coin must be text"),
        ('coin = "A"', 'coin = "A"\nperk = "x"', "unknown key 'perk'"),
        (f'spot = "{CANDLES}"', "", "needs a spot or a perp"),
        (f'spot = "{CANDLES}"', "spot = 7", "must be a file path"),
        ("[[instrument]]", "[instrument]", "at least one"),
        ('quote = "USDT"', 'rules = "none.json"', "rules file"),
    ],
)
def test_a_bad_manifest_says_what_is_wrong(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    """Unknown, missing or wrong keys are refused with the name of the key."""
    path = _market(tmp_path)
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(UsageError, match=words) as caught:
        open_market(path)
    assert str(tmp_path) in str(caught.value)


def test_a_repeated_coin_and_a_missing_manifest_are_refused(tmp_path: Path) -> None:
    """A coin has one instrument; a folder must hold market.toml."""
    with pytest.raises(UsageError, match="cannot be read"):
        open_market(tmp_path)
    path = _market(tmp_path)
    text = path.read_text(encoding="utf-8")
    again = text[text.index("[[instrument]]") :]
    path.write_text(f"{text}\n{again}", encoding="utf-8")
    with pytest.raises(UsageError, match="repeats the coin A"):
        open_market(tmp_path)


def test_a_window_outside_the_data_is_refused(tmp_path: Path) -> None:
    """Where no coin has a row in the window there is no market."""
    candles(tmp_path / CANDLES, flat(10))
    for start, end in (
        ("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z"),
        ("2025-02-01T00:00:00Z", "2025-02-02T00:00:00Z"),
    ):
        path = manifest(tmp_path, {"A": {"spot": CANDLES}}, start=start, end=end)
        with pytest.raises(UsageError, match="no coin has a row"):
            open_market(path)
