"""What the account's owner is told that is no event of the venue.

Stop orders, margin modes and leverages live in the served venue's own parts; when one
of them changes, its part posts a notice and the sockets push it. A notice is a push
already: this module must not know any field of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from connectors.venue.server.backend import Backend

__all__ = ["Notice", "Noticeboard"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One private push: host ("spot", "futures"), topic, subject and data."""

    host: str
    topic: str
    subject: str
    data: Mapping[str, object]


class Noticeboard:
    """Hands every notice to whoever listens, in order."""

    def __init__(self, backend: "Backend") -> None:
        self._backend = backend
        self._listeners: list[Callable[[datetime, Notice], None]] = []

    def listen(self, listener: Callable[[datetime, Notice], None]) -> None:
        """Tell this listener every notice from now on."""
        self._listeners.append(listener)

    def post(self, notice: Notice) -> None:
        """Tell every listener; the time is the backend's."""
        at = self._backend.now()
        for listener in self._listeners:
            listener(at, notice)
