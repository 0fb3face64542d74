"""Read the manifest of a recorded market, strictly.

A manifest is a TOML file that names the window and, for each coin, the candle
and funding files that hold it. This module turns it into values or refuses it
with a sentence; it opens none of the files that the manifest names.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bot.domain.errors import UsageError

__all__ = [
    "InstrumentFiles",
    "Manifest",
    "perp_symbol_of",
    "read_manifest",
    "whole_second",
]

_TOP_KEYS: Final = frozenset(
    {"name", "title", "start", "end", "quote", "note", "rules", "instrument"}
)
_FILE_KEYS: Final = ("spot", "perp", "mark", "funding")
_COIN: Final = re.compile(r"[A-Z0-9]{1,20}")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_QUOTES: Final = frozenset({"USDT", "USDC", "USD"})


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentFiles:
    """One coin of the manifest and where its files are; None where it has none."""

    coin: str
    spot: Path | None = None
    perp: Path | None = None
    mark: Path | None = None
    funding: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A window over recorded files; times are UTC, on whole seconds."""

    path: Path
    name: str
    title: str
    start: datetime
    end: datetime
    quote: str
    note: str
    rules: Path | None
    instruments: tuple[InstrumentFiles, ...]
    raw: bytes
    """The bytes of the manifest itself, for the digest."""


def perp_symbol_of(coin: str) -> str:
    """KuCoin's name of a coin's USDT-settled perpetual.

    Example:
        >>> perp_symbol_of("BTC"), perp_symbol_of("SOL")
        ('XBTUSDTM', 'SOLUSDTM')
    """
    return "XBTUSDTM" if coin == "BTC" else f"{coin}USDTM"


def read_manifest(path: Path) -> Manifest:
    """Read a manifest file, or the ``market.toml`` of a folder.

    Raises:
        UsageError: The file is missing or not TOML, a key is unknown, missing or
            of the wrong kind, or the window is empty.
    """
    file = path / "market.toml" if path.is_dir() else path
    raw = _bytes_of(file)
    try:
        document = tomllib.loads(raw.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"The market file {file} is not readable TOML: {error}."
        ) from None
    return _manifest(file, raw, document)


def _bytes_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(
            f"The market file {file} cannot be read: {error.strerror}. "
            "Name a manifest, or a folder that holds one market.toml."
        ) from None


def _manifest(file: Path, raw: bytes, document: Mapping[str, object]) -> Manifest:
    _refuse_unknown(file, "the manifest", document, _TOP_KEYS)
    name = _text(file, document, "name")
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{file}: name must be letters, digits, dots, dashes and underscores, "
            f"at most 80, was {name!r}."
        )
    start, end = _time(file, document, "start"), _time(file, document, "end")
    if start >= end:
        raise UsageError(
            f"{file}: start must lie before end, but start is {start.isoformat()} "
            f"and end is {end.isoformat()}."
        )
    quote = _text(file, document, "quote", default="USDT")
    if quote not in _QUOTES:
        raise UsageError(f"{file}: quote must be USDT, USDC or USD, was {quote!r}.")
    rules = _path(file, document, "rules")
    return Manifest(
        path=file,
        name=name,
        title=_text(file, document, "title", default=name),
        start=start,
        end=end,
        quote=quote,
        note=_text(file, document, "note", default=""),
        rules=rules,
        instruments=_instruments(file, document),
        raw=raw,
    )


def _instruments(
    file: Path, document: Mapping[str, object]
) -> tuple[InstrumentFiles, ...]:
    rows = document.get("instrument")
    if not isinstance(rows, list) or not rows:
        raise UsageError(f"{file}: the manifest needs at least one [[instrument]].")
    found: dict[str, InstrumentFiles] = {}
    for number, row in enumerate(rows, start=1):
        files = _instrument(file, number, row)
        if files.coin in found:
            raise UsageError(
                f"{file}: instrument {number} repeats the coin {files.coin}; "
                "give each coin one [[instrument]]."
            )
        found[files.coin] = files
    return tuple(found[coin] for coin in sorted(found))


def _instrument(file: Path, number: int, row: object) -> InstrumentFiles:
    where = f"instrument {number}"
    if not isinstance(row, dict):
        raise UsageError(f"{file}: {where} must be a table, was {row!r}.")
    _refuse_unknown(file, where, row, frozenset({"coin", *_FILE_KEYS}))
    coin = _text(file, row, "coin", where=where)
    if not _COIN.fullmatch(coin) or coin == "USDT":
        raise UsageError(
            f"{file}: {where}: coin must be capital letters and digits, and not "
            f"USDT itself, was {coin!r}."
        )
    paths = {key: _path(file, row, key, where=where) for key in _FILE_KEYS}
    if paths["spot"] is None and paths["perp"] is None:
        raise UsageError(f"{file}: {where} ({coin}) needs a spot or a perp file.")
    return InstrumentFiles(coin=coin, **paths)


def _refuse_unknown(
    file: Path, where: str, table: Mapping[str, object], known: frozenset[str]
) -> None:
    unknown = sorted(set(table) - known)
    if unknown:
        raise UsageError(
            f"{file}: {where} has the unknown key {unknown[0]!r}; "
            f"known are {', '.join(sorted(known))}."
        )


def _text(
    file: Path,
    table: Mapping[str, object],
    key: str,
    *,
    where: str = "the manifest",
    default: str | None = None,
) -> str:
    value = table.get(key, default)
    if not isinstance(value, str):
        found = "missing" if value is None else f"{value!r}"
        raise UsageError(f"{file}: {where}: {key} must be text, was {found}.")
    return value


def _path(
    file: Path,
    table: Mapping[str, object],
    key: str,
    *,
    where: str = "the manifest",
) -> Path | None:
    if key not in table:
        return None
    value = table[key]
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise UsageError(f"{file}: {where}: {key} must be a file path, was {value!r}.")
    return file.parent / value


def _time(file: Path, table: Mapping[str, object], key: str) -> datetime:
    value = table.get(key)
    if not isinstance(value, datetime):
        raise UsageError(
            f"{file}: {key} must be a date and time such as 2025-10-06T00:00:00Z, "
            f"was {value!r}."
        )
    return whole_second(value, f"{file}: {key}")


def whole_second(value: datetime, field: str) -> datetime:
    """Take a time to UTC; refuse one without a zone or between two seconds.

    Raises:
        UsageError: The time is naive or has a fraction of a second.

    Example:
        >>> whole_second(datetime.fromisoformat("2025-10-06T02:00:00+02:00"), "start")
        datetime.datetime(2025, 10, 6, 0, 0, tzinfo=datetime.timezone.utc)
    """
    if value.utcoffset() is None:
        raise UsageError(
            f"{field} must carry a time zone, such as the Z of 2025-10-06T00:00:00Z, "
            f"was {value.isoformat()}."
        )
    if value.microsecond:
        raise UsageError(f"{field} must be a whole second, was {value.isoformat()}.")
    return value.astimezone(UTC)
