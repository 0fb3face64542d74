"""One client of a socket: what it listens to, what waits to be sent to it.

Frames wait in one bounded line, because order is everything. A client that reads too
slowly misses states that the next one replaces, and is cut off when the line is full:
silence would be worse. Faults of a script are done at the point of sending. A session
knows no topic's meaning.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from aiohttp import web

from connectors.venue.server.fault_script import WebsocketRule
from connectors.venue.server.tokens import TokenOwner

__all__ = ["Dice", "Session"]

_MOST_WAITING: Final = 5000
_STATES_WAITING: Final = 500
"""Beyond this, states that the next one replaces are left out."""

_ABORTED: Final = 1006


class Dice(Protocol):
    """Who decides on faults of pushes."""

    def draw(self, host: str, topic: str, at: datetime) -> WebsocketRule | None:
        """The fault that hits a frame, or None."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A text in line; ``topic`` is empty for an answer, which no fault hits."""

    topic: str
    text: str


@dataclass(slots=True, kw_only=True, eq=False)
class Session:
    """A connection and its line.

    ``cut`` ends the connection at once, without a closing frame; ``now`` is the
    venue's time, ``wait`` sleeps for real seconds.
    """

    host: str
    socket: web.WebSocketResponse
    cut: Callable[[], None]
    owner: TokenOwner
    now: Callable[[], datetime]
    wait: Callable[[float], Awaitable[None]]
    dice: Dice | None = None
    topics: set[str] = field(default_factory=set)
    skipped: int = 0
    """States that were left out because the client reads slowly."""
    _line: asyncio.Queue[_Waiting] = field(
        default_factory=lambda: asyncio.Queue(_MOST_WAITING)
    )
    _stalled: list[tuple[WebsocketRule, datetime]] = field(default_factory=list)
    _held: list[tuple[int, str]] = field(default_factory=list)

    def answer(self, text: str) -> None:
        """Put an answer into the line."""
        self._put(_Waiting("", text))

    def offer(self, topic: str, text: str, *, is_state: bool) -> None:
        """Put a push into the line, unless it may be left out."""
        if is_state and self._line.qsize() >= _STATES_WAITING:
            self.skipped += 1
            return
        self._put(_Waiting(topic, text))

    def _put(self, waiting: _Waiting) -> None:
        try:
            self._line.put_nowait(waiting)
        except asyncio.QueueFull:
            self.cut()

    async def write(self) -> None:
        """Send what is in the line until the connection ends."""
        while not self.socket.closed:
            waiting = await self._line.get()
            await self._send(waiting)

    async def _send(self, waiting: _Waiting) -> None:
        if not waiting.topic:
            await self.socket.send_str(waiting.text)
            return
        at = self.now()
        self._stalled = [(r, until) for r, until in self._stalled if until > at]
        if any(rule.fits(self.host, waiting.topic) for rule, _ in self._stalled):
            return
        rule = None
        if self.dice is not None:
            rule = self.dice.draw(self.host, waiting.topic, at)
        if rule is not None and await self._spoil(rule, waiting.text, at):
            return
        await self.socket.send_str(waiting.text)
        await self._let_go()

    async def _spoil(self, rule: WebsocketRule, text: str, at: datetime) -> bool:
        """Do a fault; True: the frame is not to be sent now."""
        match rule.fault:
            case "stall":
                self._stalled.append((rule, at + timedelta(seconds=rule.for_s)))
            case "reorder":
                self._held.append((rule.frames, text))
            case "close":
                await self._close(rule.close_code)
            case "duplicate":
                await self.socket.send_str(text)
            case "slow":
                await self.wait(rule.delay_ms / 1000)
            case _:
                pass
        return rule.fault not in {"duplicate", "slow"}

    async def _close(self, code: int) -> None:
        """Close as the script says; 1006 is a cut, which has no closing frame."""
        if code == _ABORTED:
            self.cut()
        else:
            await self.socket.close(code=code)

    async def _let_go(self) -> None:
        """Send the frames that were held back long enough."""
        aged = [(left - 1, text) for left, text in self._held]
        self._held = [(left, text) for left, text in aged if left > 0]
        for left, text in aged:
            if left <= 0:
                await self.socket.send_str(text)
