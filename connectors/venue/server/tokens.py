"""Tokens that open a WebSocket: issued over REST, checked by the sockets.

A token lives 24 hours of the venue's time and says whether its owner may hear
private topics. The REST handlers of both hosts issue, both sockets check. This
module must not know any topic, and a token is never written into a log.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

__all__ = ["TOKEN_LIFE", "TokenOwner", "Tokens"]

TOKEN_LIFE: Final = timedelta(hours=24)
"""How long a token opens a socket, and how long that socket may live."""

_MOST_KEPT: Final = 4096
_TOKEN_BYTES: Final = 96


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenOwner:
    """Whom a token was given to; private topics need ``is_private``."""

    uid: str
    is_private: bool
    expires_at: datetime


class Tokens:
    """The tokens that were issued and have not expired.

    At most 4096 are kept: the oldest is forgotten when more are asked for.

    Example:
        >>> from datetime import UTC
        >>> time = [datetime(2025, 1, 1, tzinfo=UTC)]
        >>> tokens = Tokens(lambda: time[0])
        >>> token = tokens.issue(True, "7", time[0])
        >>> tokens.check(token).is_private, tokens.check("another")
        (True, None)
        >>> time[0] += timedelta(hours=24)
        >>> tokens.check(token) is None
        True
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._owners: dict[str, TokenOwner] = {}

    def issue(
        self,
        is_private: bool,  # noqa: FBT001 - one of two kinds, named at the call
        uid: str,
        at: datetime,
    ) -> str:
        """A fresh token for a user; ``at`` is the venue's time."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        self._owners[token] = TokenOwner(
            uid=uid, is_private=is_private, expires_at=at + TOKEN_LIFE
        )
        while len(self._owners) > _MOST_KEPT:
            del self._owners[next(iter(self._owners))]
        return token

    def check(self, token: str) -> TokenOwner | None:
        """Who owns a token now; None for one that is unknown or too old."""
        owner = self._owners.get(token)
        if owner is None:
            return None
        if self._now() >= owner.expires_at:
            del self._owners[token]
            return None
        return owner
