"""What stands between here and a live start, from what lies on this machine.

Checks of settings, secrets, journal and disk, as the same ``Check`` values that
the connector makes of the exchange; and how all of them are shown. Nothing here
asks the network or changes a file, but the disk's sync is measured in the
journal's folder.
"""

import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.domain.entries import RunStarted
from bot.domain.errors import JournalError
from bot.engine.memory import owner_title
from bot.report.protection import Protection
from bot.settings import Settings
from bot.settings_keys import KEY_PARTS
from connectors.kucoin.checks import Check, CheckState
from connectors.system.disk import DISK_FLOOR_BYTES, free_bytes, gigabytes
from storage.reader import JournalReader
from storage.sidefiles import measure_fsync_ms

__all__ = [
    "as_document",
    "disk_room",
    "is_ready",
    "local_checks",
    "owner_checks",
    "secrecy",
    "view",
]

_FREE_WARN: Final = 2 * 1024**3
_FREE_FAIL: Final = 256 * 1024**2
_ROOM_ADVICE: Final = (
    f"Make room: under {gigabytes(DISK_FLOOR_BYTES)} GB a live bot takes no new risk, "
    f"under {gigabytes(_FREE_FAIL)} GB it does not start."
)
_FSYNC_WARN_MS: Final = 20.0
_TONES: Final = {
    CheckState.PASS: "green",
    CheckState.WARN: "yellow",
    CheckState.FAIL: "bold red",
    CheckState.UNKNOWN: "bold magenta",
}


def local_checks(
    settings: Settings, journal: Path, env_file: Path
) -> tuple[Check, ...]:
    """Every check that needs no network, in a fixed order."""
    return (
        *_keys(settings),
        *secrecy(settings, env_file),
        _armed(settings),
        _journal(journal),
        disk_room(journal),
        _disk_sync(journal),
    )


def owner_checks(journal: Path, checks: Sequence[Check]) -> tuple[Check, ...]:
    """Whether the journal is that of the account that the key belongs to.

    Args:
        journal: What a live start would write on; damage is told elsewhere.
        checks: What the exchange said; the account is among them if it is known.
    """
    uid = next((check.subject for check in checks if check.subject), None)
    if uid is None or not journal.exists():
        return ()
    try:
        with JournalReader.open(journal) as reader:
            runs = [stored.entry.body for stored in reader.entries("RunStarted")]
    except JournalError:
        return ()
    owners = [
        run.identity.get("account") for run in runs if isinstance(run, RunStarted)
    ]
    if not owners or owners[-1] == uid:
        return ()
    whose = owner_title(owners[-1])
    return (
        Check(
            name="journal's account",
            state=CheckState.FAIL,
            sentence=f"{journal} is the journal of {whose}, not of account {uid}.",
            advice="Name another with --journal.",
        ),
    )


def is_ready(checks: Sequence[Check]) -> bool:
    """Whether nothing failed and nothing is unknown."""
    return all(c.state in {CheckState.PASS, CheckState.WARN} for c in checks)


def as_document(
    checks: Sequence[Check], protected: Protection | None = None
) -> Mapping[str, object]:
    """The machine's form: a verdict, every check, and what protects the account.

    ``protection`` is null where the account could not be read.
    """
    return {
        "ready": is_ready(checks),
        "protection": None if protected is None else protected.as_document(),
        "checks": [
            {
                "name": check.name,
                "state": str(check.state),
                "sentence": check.sentence,
                "advice": check.advice,
            }
            for check in checks
        ],
    }


def view(checks: Sequence[Check]) -> RenderableType:
    """The table for people, the advice below it."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for title in ("check", "", "what was found"):
        table.add_column(title, overflow="fold")
    for check in checks:
        state = Text(str(check.state), style=_TONES[check.state])
        table.add_row(check.name, state, Text(check.sentence))
    advice = [
        Text(f"{check.name}: {check.advice}")
        for check in checks
        if check.advice and check.state is not CheckState.PASS
    ]
    ready = is_ready(checks)
    last = Text(
        "Ready for a live start." if ready else "Not ready for a live start.",
        style="green" if ready else "bold red",
    )
    return Group(table, *advice, *([Text("")] if advice else []), last)


def _keys(settings: Settings) -> Iterator[Check]:
    parts = (settings.api_key, settings.api_secret, settings.api_passphrase)
    missing = [name for name, part in zip(KEY_PARTS, parts, strict=True) if not part]
    yield Check(
        name="settings",
        state=CheckState.FAIL if missing else CheckState.PASS,
        sentence=(
            f"Empty: {', '.join(missing)}." if missing else "The key is complete."
        ),
        advice="Fill in .env from .env.example." if missing else "",
    )


def secrecy(settings: Settings, env_file: Path) -> tuple[Check, ...]:
    """Whether only its owner can read the file that holds the key, if there is one."""
    if not env_file.exists() or not settings.api_secret:
        return ()
    mode = stat.S_IMODE(env_file.stat().st_mode)
    is_open = bool(mode & (stat.S_IRWXG | stat.S_IRWXO))
    check = Check(
        name="secrets",
        state=CheckState.FAIL if is_open else CheckState.PASS,
        sentence=(
            f"Others on this machine may read {env_file} (mode {mode:o})."
            if is_open
            else f"Only its owner may read {env_file}."
        ),
        advice=f"chmod 600 {env_file}" if is_open else "",
    )
    return (check,)


def _armed(settings: Settings) -> Check:
    return Check(
        name="arming",
        state=CheckState.PASS if settings.is_live_armed else CheckState.FAIL,
        sentence=(
            "GNOMON_LIVE is yes, the first of the two steps."
            if settings.is_live_armed
            else "GNOMON_LIVE is not yes."
        ),
        advice=(
            ""
            if settings.is_live_armed
            else "Set GNOMON_LIVE=yes in .env, then `gnomon live --arm ACCOUNT-UID`."
        ),
    )


def _journal(path: Path) -> Check:
    """Whether the journal that a live start would write on can be written on."""
    if not path.exists():
        return Check(
            name="journal",
            state=CheckState.PASS,
            sentence=f"{path} does not exist yet; a first start makes it.",
        )
    try:
        with JournalReader.open(path) as reader:
            rows = reader.head.seq
    except JournalError as error:
        return Check(
            name="journal",
            state=CheckState.FAIL,
            sentence=str(error),
            advice="Restore it from a backup, or name another with --journal.",
        )
    return Check(
        name="journal",
        state=CheckState.PASS,
        sentence=f"{path} holds {rows} rows, every hash checked.",
    )


def disk_room(
    journal: Path, room: Callable[[Path], int] = free_bytes, *, kept_bytes: int = 0
) -> Check:
    """Whether the disk under a journal has room for a live start.

    Args:
        journal: Its folder need not exist yet.
        room: Free bytes under a folder.
        kept_bytes: What the journal's reserve holds already, which is room too.
    """
    free = room(_folder_of(journal)) + kept_bytes
    state = CheckState.PASS
    if free < _FREE_WARN:
        state = CheckState.WARN if free >= _FREE_FAIL else CheckState.FAIL
    return Check(
        name="disk room",
        state=state,
        sentence=f"{gigabytes(free)} GB are free under the journal.",
        advice="" if state is CheckState.PASS else _ROOM_ADVICE,
    )


def _disk_sync(journal: Path) -> Check:
    """How long a durable write takes, where one is possible at all."""
    folder = _folder_of(journal).absolute()
    try:
        took_ms = measure_fsync_ms(folder)
    except OSError as error:
        return Check(
            name="disk sync",
            state=CheckState.FAIL,
            sentence=f"Nothing can be written in {folder}: {error.strerror}.",
            advice=(
                "Make it writable for this user, or name another folder with "
                "--journal or GNOMON_JOURNAL."
            ),
        )
    is_slow = took_ms > _FSYNC_WARN_MS
    return Check(
        name="disk sync",
        state=CheckState.WARN if is_slow else CheckState.PASS,
        sentence=f"A durable write takes {took_ms:.2f} ms, before every request.",
        advice="Put the journal on a faster local disk." if is_slow else "",
    )


def _folder_of(journal: Path) -> Path:
    """The folder of a journal, or the nearest above it that exists."""
    folder = journal.parent
    while not folder.exists():
        folder = folder.parent
    return folder
