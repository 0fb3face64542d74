"""Tiny markets, accounts and a terminal: what the tests of whole runs are made of.

A market is a list of closes a minute; the bars between them are made so that the
path is a straight walk from close to close. Everything is written to a folder of
the test, and a run is driven as a person would drive it.
"""

import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest

from bot.cli import main
from tests.unit.markets.build import Row, candles, manifest

__all__ = [
    "LEVERED",
    "ROOT",
    "Said",
    "bars",
    "digest",
    "drive",
    "market",
    "spawn",
    "write",
]

ROOT: Final = Path(__file__).resolve().parents[2]

LEVERED: Final = """
[main]
USDT = "2000"

[margin_cross]
leverage = "5"
balance = {BTC = "@30000"}
principal = {USDT = "20000"}

[futures]
wallet = {USDT = "5000"}

[[futures.position]]
symbol = "XBTUSDTM"
base = "@10000"
leverage = 3
"""
"""Three times long in cross margin and twice in futures, with a small reserve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    def answer(self) -> Any:
        """The one object of standard output."""
        assert self.code == 0, self.err
        return json.loads(self.out)


def bars(closes: Sequence[float]) -> list[Row]:
    """A bar from each close to the next, with no extreme outside."""
    return [
        (before, max(before, after), min(before, after), after)
        for before, after in pairwise(closes)
    ]


def market(
    folder: Path,
    closes: Mapping[str, Sequence[float]],
    *,
    volume: float = 600.0,
    minutes: int | None = None,
) -> Path:
    """A market of one-minute bars from 2025-01-01, each coin with spot and perp.

    Args:
        folder: Where the files go.
        closes: Prices by coin, a minute apart; bars lie between them.
        volume: Coins a bar.
        minutes: How long the window is; else as long as the longest coin.
    """
    folder.mkdir(parents=True, exist_ok=True)
    instruments: dict[str, dict[str, str]] = {}
    for coin, prices in closes.items():
        files = {kind: f"X_{coin}USDT_{kind}_1m.parquet" for kind in ("spot", "perp")}
        for name in files.values():
            candles(folder / name, bars(prices), volume=volume)
        instruments[coin] = files
    length = minutes or max(len(prices) for prices in closes.values()) - 1
    hours, rest = divmod(length, 60)
    end = f"2025-01-01T{hours:02}:{rest:02}:00Z"
    return manifest(folder, instruments, end=end)


def write(path: Path, text: str) -> Path:
    """A file with this text."""
    path.write_text(text, encoding="utf-8")
    return path


def drive(capsys: pytest.CaptureFixture[str], *words: str | Path) -> Said:
    """Run ``gnomon WORDS`` in this process."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        main([str(word) for word in words])
    out, err = capsys.readouterr()
    code = stopped.value.code
    assert isinstance(code, int)
    return Said(code=code, out=out, err=err)


def spawn(
    folder: Path, *words: str | Path, **environment: str
) -> subprocess.Popen[str]:
    """Start ``gnomon WORDS`` as a process of its own in ``folder``."""
    return subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-P", "-m", "bot", *map(str, words)],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def digest(path: Path) -> str:
    """The SHA-256 of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
