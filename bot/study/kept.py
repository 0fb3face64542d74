"""What a study has finished already, so that one that was cut short goes on.

A job is known by its title and a digest of everything it was asked with: its settings,
its span and the market's manifest. Whoever keeps the rows is not known here. Rows of
another version of the program or of other recorded prices are not told apart: a file
of them is for one study. Nothing here runs a job.
"""

import hashlib
from collections.abc import Sequence
from typing import Protocol

from bot.study.markets import Source
from bot.study.rows import Job, Row

__all__ = ["Forgetful", "Kept", "key_of"]


class Kept(Protocol):
    """Finished jobs by their key."""

    def find(self, key: str) -> list[Row] | None:
        """The rows of a finished job; None where it is not."""

    def keep(self, key: str, rows: Sequence[Row]) -> None:
        """Remember the rows of a job that has just finished, durably."""


class Forgetful:
    """Keeps nothing: every job is run."""

    def find(self, key: str) -> list[Row] | None:
        """Nothing is ever known."""
        return None

    def keep(self, key: str, rows: Sequence[Row]) -> None:
        """It is forgotten."""


def _manifest(source: Source) -> bytes:
    """The manifest's text; the squeeze has none."""
    if source.path is None:
        return b""
    is_folder = source.path.is_dir()
    return (source.path / "market.toml" if is_folder else source.path).read_bytes()


def key_of(job: Job) -> str:
    """The title of a job and a digest of all that it was asked with."""
    manifest = _manifest(job.source)
    asked = repr((job.settings, job.part, job.shape, job.size, job.seed))
    digest = hashlib.sha256(asked.encode() + b"\n" + manifest).hexdigest()
    return f"{job.title} {digest[:16]}"
