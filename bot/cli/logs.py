"""Where the live bot logs: standard error, and a file that turns over by size.

Every line is redacted and escaped at the sink. Values of local variables are never
written, because they may be secrets. One line a decision, none a tick.
"""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from loguru import logger

from bot.domain.errors import UsageError

if TYPE_CHECKING:
    from loguru import Record

__all__ = ["open_log", "redacted"]

_KEPT: Final = 10
_SIZE: Final = "10 MB"
_FORMAT: Final = "{time:YYYY-MM-DD HH:mm:ss.SSS!UTC} {level: <8} {message}"
_SECRETS: Final = (
    re.compile(r"(?i)(token|sign|passphrase|secret|key)=[^&\s\"']+"),
    re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"),
)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def redacted(text: str) -> str:
    r"""A text without what looks like a secret and without control characters.

    Example:
        >>> redacted("GET /endpoint?token=abc123&connectId=1")
        'GET /endpoint?token=***&connectId=1'
    """
    for pattern in _SECRETS:
        text = pattern.sub(_hidden, text)
    return _CONTROL.sub("?", text)


def _hidden(found: re.Match[str]) -> str:
    name = found.groups()[0] if found.groups() else None
    return "***" if name is None else f"{name}=***"


def _patch(record: "Record") -> None:
    record["message"] = redacted(record["message"])


def open_log(folder: Path, *, is_quiet: bool) -> None:
    """Log to ``gnomon.log`` in a folder and, unless it is quiet, to standard error.

    A quiet log still shows warnings when standard error is no terminal.

    Raises:
        UsageError: Nothing can be written in the folder.
    """
    logger.remove()
    logger.configure(patcher=_patch)
    level = "WARNING" if is_quiet else "INFO"
    if not (is_quiet and sys.stderr.isatty()):
        logger.add(sys.stderr, format=_FORMAT, level=level, diagnose=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _log_to(folder / "gnomon.log")
    except OSError as error:
        raise UsageError(
            f"Nothing can be written in {folder}, where log and journal belong: "
            f"{error.strerror}. Make it writable for this user, or name another "
            "folder with --journal or GNOMON_JOURNAL."
        ) from None


def _log_to(path: Path) -> None:
    logger.add(
        path,
        format=_FORMAT,
        level="INFO",
        rotation=_SIZE,
        retention=_KEPT,
        diagnose=False,
        backtrace=False,
    )
