"""A folder of candle files as hourly closes, one file a coin.

Files are named ``EXCHANGE_COINUSDT_KIND_STEP...parquet``, as the recorded markets have
them. Of several files of a coin the one with the most hours before the wanted time is
taken alone, so that no difference between two exchanges looks like a move. It must
not fill gaps.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

from bot.domain.errors import UsageError
from connectors.markets.figures import seconds_of
from connectors.markets.files import read_bars
from connectors.markets.recorded import hourly_rows

__all__ = ["closes_in"]

_HOUR_S: Final = 3_600
_KINDS: Final = ("spot", "perp", "mark")
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
_END_S: Final = 1 << 40
"""Later than any bar."""

Rows = tuple[tuple[datetime, Decimal], ...]


def closes_in(
    folder: Path, coins: Iterable[str], at: datetime | None, rows_max: int
) -> Mapping[str, Rows]:
    """Coin to its newest hourly closes up to a time, oldest first.

    Args:
        folder: Where the files lie.
        coins: The coins to look for; one without a file is absent.
        at: Nothing later is read; None reads all.
        rows_max: How many closes of a coin at most.

    Raises:
        UsageError: The folder has no candle file, or a file is broken.
    """
    names = sorted(path.name for path in folder.glob("*.parquet"))
    if not names:
        raise UsageError(
            f"{folder} holds neither market.toml nor a candle file named like "
            "BINANCE_BTCUSDT_spot_1h.parquet; name a market or a folder of candles."
        )
    found = {coin: _best(folder, names, coin, at, rows_max) for coin in sorted(coins)}
    return {coin: rows for coin, rows in found.items() if rows}


def _best(
    folder: Path, names: list[str], coin: str, at: datetime | None, rows_max: int
) -> Rows:
    """The closes of the file that knows the most hours; spot before perp and mark."""
    best: Rows = ()
    for kind in _KINDS:
        for name in names:
            if f"_{coin}USDT_{kind}_" not in name:
                continue
            rows = _rows(folder / name, at, rows_max)
            if _rank(rows) > _rank(best):
                best = rows
    return best


def _rank(rows: Rows) -> tuple[datetime, int]:
    """A file that reaches a later day is better, then one with more hours."""
    last = rows[-1][0].replace(hour=0, minute=0, second=0) if rows else _NEVER
    return last, len(rows)


def _rows(path: Path, at: datetime | None, rows_max: int) -> Rows:
    end_s = _END_S if at is None else seconds_of(at)
    bars = read_bars(path, end_s=end_s)
    if not len(bars.open_s) or bars.step_s > _HOUR_S:
        return ()
    return hourly_rows(bars, end_s, rows_max)
