"""What a live start and a running session read the account with.

A start knows what it has read already; a session asks again. Nothing here decides.
A part of the composition root.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bot.domain.accounts import AccountSnapshot
from bot.domain.events import FundingQuoted
from bot.domain.instruments import Rules
from bot.ports import Clock
from connectors.kucoin.client import KucoinClient
from connectors.kucoin.feed import Interests
from connectors.kucoin.funding_past import read_funding_past
from connectors.kucoin.history import read_history
from connectors.kucoin.rules_reader import RulesReader
from connectors.kucoin.snapshots import SnapshotReader, read_snapshot

__all__ = ["FixedReader", "LiveReader", "Past", "read_past"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """The market before a start: hourly closes by coin, settled rates by contract."""

    closes: Mapping[str, Sequence[tuple[datetime, Decimal]]]
    funding: Mapping[str, tuple[FundingQuoted, ...]]


async def read_past(client: KucoinClient, clock: Clock, interests: Interests) -> Past:
    """What the estimators know from the first moment on."""
    return Past(
        closes=await read_history(client, clock, interests.coins),
        funding=await read_funding_past(client, clock, interests.contracts),
    )


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
