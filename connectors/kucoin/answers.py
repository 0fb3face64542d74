"""What a request to the exchange came to, and the seam between client and users.

A *read* returns the answer's data or raises; a *write* never raises for what the
exchange or the network did: it returns an ``Answer`` whose outcome is proven or in
doubt. Only ``client.py`` makes answers. Nothing here does I/O.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from bot.domain.orders import Outcome
from connectors.kucoin.parse.node import Node

__all__ = ["Answer", "ExchangeRefusedError", "Rest", "Urgency"]


class Urgency(StrEnum):
    """Who asks: the guard may use what is kept of each rate pool for it."""

    ROUTINE = "routine"
    GUARD = "guard"


class ExchangeRefusedError(Exception):
    """A read that the exchange proved to refuse: its code and its words.

    It is caught inside the connector; a person sees one of ``bot.domain.errors``.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of one write.

    ``data`` is there only when ``outcome`` is DONE and the answer was sound.
    ``code`` is KuCoin's (or None where none was read), ``message`` its words or
    ours, cut and without control characters; never a secret.
    """

    outcome: Outcome
    code: str | None
    message: str
    data: Node | None = None


class Rest(Protocol):
    """The REST side of one account, by the names in ``endpoints.ENDPOINTS``."""

    async def read(
        self,
        endpoint: str,
        params: Mapping[str, str] | None = None,
        *,
        urgency: Urgency = Urgency.ROUTINE,
    ) -> Node:
        """The data of an answer, numbers exact.

        Args:
            endpoint: A name of the table; path parts and query both come from
                ``params``.
            params: Texts, exactly as they are to be sent.
            urgency: Whether the guard's reserve may be used.

        Raises:
            ExchangeRefusedError: The exchange answered with another code.
            UnreachableError: No sound answer within the deadline and the retries.
        """

    async def write(
        self,
        endpoint: str,
        params: Mapping[str, object],
        *,
        urgency: Urgency = Urgency.ROUTINE,
    ) -> Answer:
        """Send one request once, and say what is proven about it."""
