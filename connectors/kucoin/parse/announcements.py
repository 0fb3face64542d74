"""What the exchange writes to people: title, time and link, and no more.

Reads ``GET /api/v3/announcements``. The text is never read for its meaning: whether a
coin's name stands in a title is all that is asked of it.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from connectors.kucoin.parse.envelope import rows
from connectors.kucoin.parse.node import Node

__all__ = ["Announcement", "announcements"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """One notice, as it is shown to a person."""

    title: str
    at: datetime
    url: str | None

    def names(self, word: str) -> bool:
        """Whether a coin or a contract stands in the title as a word of its own.

        Example:
            >>> from datetime import UTC
            >>> told = Announcement(title="KuCoin Will Delist the ABC (ABC) Project",
            ...     at=datetime(2025, 1, 1, tzinfo=UTC), url=None)
            >>> told.names("ABC"), told.names("AB")
            (True, False)
        """
        return re.search(rf"\b{re.escape(word)}\b", self.title) is not None


def announcements(document: Node) -> tuple[Announcement, ...]:
    """Read a page of notices, newest first as the exchange sends them."""
    return tuple(
        Announcement(
            title=row["annTitle"].text(),
            at=row["cTime"].time_ms(),
            url=row["annUrl"].optional_text(),
        )
        for row in rows(document)
    )
