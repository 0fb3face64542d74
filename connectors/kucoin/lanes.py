"""One thing at a time: a bounded queue in front of accounts and coins.

Borrowing and repaying have no idempotency key at KuCoin, so two of them of one coin
must never be under way together: what became of the first could not be told from the
second. Who enters a lane holds it until the fate of its request is proven. Lanes know
no request and no clock but the deadline they are given.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

__all__ = ["Key", "Lanes", "LanesFullError"]

Key = tuple[str, str]
"""An account and a coin (or a contract)."""


class LanesFullError(Exception):
    """Nothing more may wait, or the wait was too long; nothing was sent."""


@dataclass(slots=True)
class _Waiting:
    keys: frozenset[Key]
    turn: asyncio.Event = field(default_factory=asyncio.Event)


class Lanes:
    """Who holds which keys, and who waits for them, first come first served."""

    def __init__(self, *, limit: int = 64) -> None:
        self._limit = limit
        self._held: dict[str, frozenset[Key]] = {}
        self._waiting: dict[str, _Waiting] = {}

    @property
    def held(self) -> Mapping[str, frozenset[Key]]:
        """The holders and what they hold."""
        return MappingProxyType(self._held)

    def seize(self, holder: str, keys: frozenset[Key]) -> None:
        """Hold keys at once: a request that an earlier process left open.

        Two such requests may share a key; the lane is free when both are proven.
        """
        self._held[holder] = keys

    async def enter(self, holder: str, keys: frozenset[Key], wait_s: float) -> None:
        """Return when the keys are ours.

        Raises:
            LanesFullError: Too many wait, or nobody left within ``wait_s`` seconds.
        """
        if holder in self._held or holder in self._waiting:
            raise ValueError(f"{holder} is in the lanes already")
        if len(self._waiting) >= self._limit:
            raise LanesFullError(f"{len(self._waiting)} requests wait already")
        mine = _Waiting(keys)
        self._waiting[holder] = mine
        self._advance()
        try:
            async with asyncio.timeout(wait_s):
                await mine.turn.wait()
        except TimeoutError:
            if mine.turn.is_set():
                return
            raise LanesFullError(
                f"an earlier request for {_named(keys)} was not settled "
                f"within {wait_s:g} s"
            ) from None
        finally:
            if not mine.turn.is_set():
                self._waiting.pop(holder, None)
                self._advance()

    def leave(self, holder: str) -> None:
        """The fate of a request is proven: the next one may go."""
        if self._held.pop(holder, None) is not None:
            self._advance()

    def _advance(self) -> None:
        """Let everyone in whose keys are free and not wanted by an earlier one."""
        taken = set().union(*self._held.values())
        for holder, waiting in list(self._waiting.items()):
            if taken.isdisjoint(waiting.keys):
                del self._waiting[holder]
                self._held[holder] = waiting.keys
                waiting.turn.set()
            taken |= waiting.keys


def _named(keys: frozenset[Key]) -> str:
    return " and ".join(f"{coin} in {account}" for account, coin in sorted(keys))
