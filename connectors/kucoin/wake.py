"""Pushes only wake: what they touched is looked at, once, and told as one moment.

Theory of operation. Whoever learns that something may have changed marks accounts as
touched. After a short debounce one look reads all that is touched; while it runs more
may gather for the next. What a look found and the orders it explains become one
moment: bookings, fills, positions, holds, orders, snapshot. An order waits here until
its fills are booked, with bounded patience. A failed look leaves its accounts touched
and is tried again after a pause. Only one look runs at a time; marks never wait here.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from bot.domain.accounts import (
    FUTURES,
    SPOT,
    AccountId,
    AccountSnapshot,
)
from bot.domain.entries import Noted
from bot.domain.errors import UnreachableError, UsageError
from bot.domain.events import (
    Event,
    Filled,
    HoldChanged,
    LedgerBooked,
    PositionChanged,
    SnapshotTaken,
)
from connectors.kucoin.answers import ExchangeRefusedError, Rest, Urgency
from connectors.kucoin.lookups import Sleep
from connectors.kucoin.order_reads import order_by_id
from connectors.kucoin.registry import OrderFact, OrderRegistry

__all__ = ["Look", "Looker", "Waker"]

_DEBOUNCE_S: Final = 0.02
_LOOK_S: Final = 30.0
_PAUSES_S: Final = (0.2, 0.5, 1.0, 2.0, 5.0)
_NOTE_AFTER: Final = 5
_WAITING_S: Final = 0.3
_HOMELESS_MAX: Final = 20


class Look(Protocol):
    """What a look at accounts found, as ``looks.Looker`` returns it."""

    @property
    def at(self) -> datetime:
        """The exchange's time of the look."""

    @property
    def bookings(self) -> Collection[LedgerBooked]:
        """Money that moved, in time order."""

    @property
    def fills(self) -> Collection[Filled]:
        """Trades of ours."""

    @property
    def positions(self) -> Collection[PositionChanged]:
        """Positions that changed."""

    @property
    def holds(self) -> Collection[HoldChanged]:
        """Holds that changed."""

    @property
    def snapshot(self) -> AccountSnapshot | None:
        """The whole account, of a look at all of it."""

    @property
    def is_coherent(self) -> bool:
        """Whether nothing happened while it was read."""

    @property
    def unexplained(self) -> Collection[str]:
        """Differences that no row explains yet."""


class Looker(Protocol):
    """Reads accounts coherently."""

    async def look(self, families: Collection[AccountId], urgency: Urgency) -> Look:
        """Read these accounts and say what is new."""


@dataclass(slots=True, kw_only=True)
class Waker:
    """The touched accounts and the one look at a time.

    ``put`` takes each moment, ``remember`` makes a note durable, ``sleep`` waits wall
    seconds. ``accounts`` is everything that a full look reads.
    """

    looker: Looker
    rest: Rest
    registry: OrderRegistry
    accounts: frozenset[AccountId]
    put: Callable[[tuple[Event, ...]], None]
    remember: Callable[[datetime, Noted], None]
    now: Callable[[], datetime]
    sleep: Sleep
    held: frozenset[AccountId] = frozenset()
    """The accounts that held or owed something at the last full look."""
    looks: int = 0
    _touched: set[AccountId] = field(default_factory=set)
    _is_urgent: bool = False
    _is_full: bool = False
    _failures: int = 0
    _after_full: list[Callable[[], Iterable[Event]]] = field(default_factory=list)
    _bell: asyncio.Event = field(default_factory=asyncio.Event)

    def touch(
        self, accounts: Iterable[AccountId], *, urgency: Urgency = Urgency.ROUTINE
    ) -> None:
        """These accounts may have changed; those that we do not follow are left out."""
        found = self.accounts.intersection(accounts)
        if not found:
            return
        self._touched |= found
        self._is_urgent |= urgency is Urgency.GUARD
        self._bell.set()

    def touch_all(self, then: Callable[[], Iterable[Event]] | None = None) -> None:
        """Look at everything; ``then`` gives events once that look has succeeded."""
        self._is_full = True
        if then is not None:
            self._after_full.append(then)
        self.touch(self.accounts)

    def touch_held(self) -> None:
        """Look at every account that holds, owes or has an open order."""
        trading = {
            account
            for fact in self.registry.open_orders()
            if (account := self.registry.account_of(fact)) is not None
        }
        self.touch(self.held | trading)

    async def run(self) -> None:
        """Look whenever something was touched, for ever."""
        while True:
            await self._bell.wait()
            await self.sleep(_DEBOUNCE_S)
            pause = await self._turn()
            if pause:
                await self.sleep(pause)

    async def _turn(self) -> float:
        """One look at what is touched now; how long to pause before the next."""
        self._bell.clear()
        touched, self._touched = frozenset(self._touched), set()
        is_full, self._is_full = self._is_full, False
        urgency = Urgency.GUARD if self._is_urgent else Urgency.ROUTINE
        self._is_urgent = False
        then, self._after_full = self._after_full, []
        try:
            async with asyncio.timeout(_LOOK_S):
                await self._find_homes()
                look = await self.looker.look(sorted(touched), urgency)
        except TimeoutError:
            reason = f"a look took longer than {_LOOK_S:g} s"
        except (UnreachableError, UsageError, ExchangeRefusedError) as error:
            reason = str(error)
        else:
            self._failures = 0
            return self._told(look, touched, is_full=is_full, then=then)
        self._again(touched, urgency, is_full=is_full, then=then)
        return self._failed(reason)

    def _again(
        self,
        touched: frozenset[AccountId],
        urgency: Urgency,
        *,
        is_full: bool,
        then: list[Callable[[], Iterable[Event]]],
    ) -> None:
        self._is_full |= is_full
        self._after_full = [*then, *self._after_full]
        self.touch(touched, urgency=urgency)

    def _failed(self, reason: str) -> float:
        self._failures += 1
        if self._failures == _NOTE_AFTER:
            self.remember(
                self.now(),
                Noted(
                    topic="look failed",
                    text=f"the account could not be read {_NOTE_AFTER} times: {reason}",
                ),
            )
        return _PAUSES_S[min(self._failures, len(_PAUSES_S)) - 1]

    def _told(
        self,
        look: Look,
        touched: frozenset[AccountId],
        *,
        is_full: bool,
        then: list[Callable[[], Iterable[Event]]],
    ) -> float:
        """Hand out what a look found; an unfinished one is looked at again."""
        self.looks += 1
        self.registry.book(look.fills)
        told = self.registry.tell()
        moment: list[Event] = [*look.bookings, *look.fills, *look.positions]
        moment += [*look.holds, *told.orders]
        is_sound = look.is_coherent and not look.unexplained
        if is_sound and is_full and look.snapshot is not None:
            moment.append(SnapshotTaken(at=look.at, snapshot=look.snapshot))
            self.held = _held(look.snapshot)
        for note in told.notes:
            self.remember(look.at, Noted(topic="order", text=note))
        if look.is_coherent:
            moment += [event for give in then for event in give()]
        if moment:
            self.put(tuple(moment))
        if not look.is_coherent:
            self._again(touched, Urgency.ROUTINE, is_full=is_full, then=then)
            return _WAITING_S
        if look.unexplained:
            self._again(touched, Urgency.ROUTINE, is_full=is_full, then=[])
            return _PAUSES_S[-1] if self.looks % 2 else _WAITING_S
        if self.registry.is_waiting:
            self.touch(self._accounts_of_waiting(touched))
            return _WAITING_S
        return 0

    def _accounts_of_waiting(
        self, touched: frozenset[AccountId]
    ) -> frozenset[AccountId]:
        return touched or self.held

    async def _find_homes(self) -> None:
        """Ask in which account orders trade that no message has placed."""
        for fact in self.registry.homeless()[:_HOMELESS_MAX]:
            found = await self._home_of(fact)
            if found is not None:
                self.registry.see(found)

    async def _home_of(self, fact: OrderFact) -> OrderFact | None:
        margin = next((a for a in self.accounts if a not in {SPOT, FUTURES}), None)
        for account in (SPOT, margin):
            if account is None:
                continue
            found = await order_by_id(self.rest, account, fact.symbol, fact.order_id)
            if found is not None and found.account is not None:
                return found
        return None


def _held(snapshot: AccountSnapshot) -> frozenset[AccountId]:
    """The accounts of a snapshot in which anything is owned or owed."""
    found = {
        account
        for account, coins in snapshot.balances.items()
        if any(b.total or b.liability for b in coins.values())
    }
    if snapshot.positions:
        found.add(FUTURES)
    return frozenset(found)
