"""What a live start and a running session read the account with.

A start knows what it has read already; a session asks again. Nothing here decides.
A part of the composition root.
"""

from collections.abc import Callable
from dataclasses import dataclass

from bot.domain.accounts import AccountSnapshot
from bot.domain.instruments import Rules
from connectors.kucoin.feed import Interests
from connectors.kucoin.rules_reader import RulesReader
from connectors.kucoin.snapshots import SnapshotReader, read_snapshot

__all__ = ["FixedReader", "LiveReader"]


@dataclass(frozen=True, slots=True)
class FixedReader:
    """The reader of a start: what was read already."""

    rules: Rules
    snapshot: AccountSnapshot

    async def read_snapshot(self) -> AccountSnapshot:
        """The account as it was read."""
        return self.snapshot

    async def read_rules(self) -> Rules:
        """The rules as they were read."""
        return self.rules


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveReader:
    """The reader of a running session."""

    snapshots: SnapshotReader
    rules: RulesReader
    wanted: Callable[[], Interests]

    async def read_snapshot(self) -> AccountSnapshot:
        """The account as it is now."""
        return await read_snapshot(self.snapshots)

    async def read_rules(self) -> Rules:
        """The rules of all that is followed by now."""
        return await self.rules.read(self.wanted())
