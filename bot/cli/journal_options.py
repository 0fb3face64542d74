"""Options that the journal's commands share, and what they mean.

Which journal, which times, which rows. This module must not read a journal.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.domain.errors import JournalError, UsageError
from bot.settings import read_settings
from storage.queries import Filters

__all__ = [
    "AccountOption",
    "CoinOption",
    "JournalOption",
    "JsonOption",
    "LimitOption",
    "SinceOption",
    "SymbolOption",
    "UntilOption",
    "filters_from",
    "find_journal",
    "read_instant",
]

JournalOption = Annotated[
    Path | None,
    typer.Option(
        "--journal",
        help="The journal; default: GNOMON_JOURNAL, else the newest in ./runs.",
        show_default=False,
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="One JSON object on standard output.")
]

SinceOption = Annotated[
    str | None,
    typer.Option(help="From this time on: RFC 3339, or a date (midnight UTC)."),
]
UntilOption = Annotated[
    str | None, typer.Option(help="Up to and including this time; as --since.")
]
AccountOption = Annotated[
    str | None, typer.Option(help="One account: main, spot, margin_cross, futures, ...")
]
CoinOption = Annotated[str | None, typer.Option(help="One coin, such as USDT.")]
SymbolOption = Annotated[
    str | None, typer.Option(help="One symbol: BTC-USDT, XBTUSDTM.")
]
LimitOption = Annotated[
    int | None, typer.Option(min=1, help="Only the newest so many rows.")
]


def find_journal(named: Path | None, runs: Path = Path("runs")) -> Path:
    """The journal that was named, else that of the settings, else the newest.

    Args:
        named: What ``--journal`` says.
        runs: The folder of runs, for the newest.

    Raises:
        JournalError: None was named and none is there.
        UsageError: The settings are wrong.
    """
    if named is not None:
        return named
    if told := read_settings().journal:
        return Path(told)
    found = sorted(
        runs.glob("*/journal.sqlite"), key=lambda path: (path.stat().st_mtime_ns, path)
    )
    if not found:
        raise JournalError(
            f"There is no journal in {runs.resolve()}: run `gnomon paper` to make one, "
            f"or name one with --journal."
        )
    return found[-1]


def read_instant(text: str | None, option: str) -> datetime | None:
    """Read a time of the command line; a date is its midnight, no zone is UTC.

    Raises:
        UsageError: It is no time.

    Example:
        >>> read_instant("2025-10-10T23:20:00+02:00", "--since").isoformat()
        '2025-10-10T21:20:00+00:00'
    """
    if text is None:
        return None
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{option} must be a time such as 2025-10-10T21:20:00Z, was {text!r}."
        ) from None
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)


def filters_from(
    since: str | None = None,
    until: str | None = None,
    **rest: Any,
) -> Filters:
    """The filters of a command line.

    Raises:
        UsageError: A time cannot be read.
    """
    return Filters(
        since=read_instant(since, "--since"),
        until=read_instant(until, "--until"),
        **rest,
    )
