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
    isolated_pair,
)
from bot.domain.entries import Noted
from bot.domain.errors import UnreachableError, UsageError
from bot.domain.events import (
    Event,
    Filled,
    HoldChanged,
    IntentSettled,
    LedgerBooked,
    PositionChanged,
    SnapshotTaken,
)
from bot.domain.orders import OrderState
from connectors.kucoin.answers import ExchangeRefusedError, Rest, Urgency
from connectors.kucoin.lookups import Sleep
from connectors.kucoin.order_reads import order_by_id
from connectors.kucoin.registry import OrderFact, OrderRegistry
from connectors.kucoin.supervisor import Spawn

__all__ = ["Look", "Looker", "Waker"]

_DEBOUNCE_S: Final = 0.02
_LOOK_S: Final = 30.0
_YIELD_S: Final = 1.0
"""What is left to a routine look, which may wait for its quota, once one is urgent."""
_PAUSES_S: Final = (0.2, 0.5, 1.0, 2.0)
_NOTE_AFTER: Final = 5
_FILLS_S: Final = (0.1, 0.2, 0.4, 0.8, 1.6)
"""Pauses between looks for the fills of an order; one for each look of patience."""
_OUTCOME_LOOKS: Final = 6
"""Looks after which an outcome is told even if its effect was not seen."""
_MOVING_S: Final = 0.3
_UNEXPLAINED_S: Final = 10.0
_HOMELESS_MAX: Final = 20
_HOME_TRIES: Final = 5


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

    @property
    def notes(self) -> Collection[str]:
        """Sentences worth keeping."""


class Looker(Protocol):
    """Reads accounts coherently."""

    @property
    def families(self) -> tuple[AccountId, ...]:
        """Every account that is kept; a look at all of them is a full one."""

    async def look(
        self,
        families: Iterable[AccountId],
        urgency: Urgency = Urgency.ROUTINE,
        symbols: Iterable[tuple[AccountId, str]] = (),
    ) -> Look:
        """Read these accounts and say what is new.

        ``symbols`` are known to have traded: their fills are read in any case.
        """


@dataclass(slots=True, kw_only=True)
class _Held:
    """An outcome that is told with what it booked; ``left`` was not looked at since."""

    event: IntentSettled
    left: frozenset[AccountId]
    tries: int = 0


@dataclass(slots=True, kw_only=True)
class Waker:
    """The touched accounts and the one look at a time.

    ``put`` takes each moment, ``remember`` makes a note durable, ``sleep`` waits wall
    seconds, ``spawn`` starts a supervised task.
    """

    looker: Looker
    rest: Rest
    registry: OrderRegistry
    put: Callable[[tuple[Event, ...]], None]
    remember: Callable[[Noted], None]
    sleep: Sleep
    spawn: Spawn
    held: frozenset[AccountId] = frozenset()
    """The accounts that held or owed something at the last full look or since."""
    looks: int = 0
    _touched: set[AccountId] = field(default_factory=set)
    _is_urgent: bool = False
    _is_full: bool = False
    _failures: int = 0
    _after_full: list[Callable[[], Iterable[Event]]] = field(default_factory=list)
    _tries: dict[str, int] = field(default_factory=dict)
    _outcomes: list[_Held] = field(default_factory=list)
    _bell: asyncio.Event = field(default_factory=asyncio.Event)
    _routine: asyncio.Timeout | None = None
    """The deadline of the look that runs, if that look is not urgent."""

    @property
    def accounts(self) -> frozenset[AccountId]:
        """Every account that is followed."""
        return frozenset(self.looker.families)

    def touch(
        self, accounts: Iterable[AccountId], *, urgency: Urgency = Urgency.ROUTINE
    ) -> None:
        """These accounts may have changed; those that we do not follow are left out."""
        known = self.accounts
        found = {a for a in accounts if a in known or isolated_pair(a) is not None}
        if not found:
            return
        self._touched |= found
        self._is_urgent |= urgency is Urgency.GUARD
        self._bell.set()
        if self._is_urgent and self._routine is not None:
            self._hurry(self._routine)

    def _hurry(self, limit: asyncio.Timeout) -> None:
        """A routine look makes way; what it was asked for is looked at again."""
        self._routine = None
        soon = asyncio.get_running_loop().time() + _YIELD_S
        limit.reschedule(min(limit.when() or soon, soon))

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
        self.touch(self.held | trading | self.registry.waiting())

    @property
    def owes_news(self) -> bool:
        """Whether something that was done has not been told with its bookings."""
        return bool(self._outcomes) or self.registry.owes_news

    def tell_with_look(
        self,
        event: IntentSettled,
        accounts: Iterable[AccountId],
        urgency: Urgency = Urgency.ROUTINE,
    ) -> None:
        """Tell what was done only with its bookings: alone, it could be asked twice."""
        left = self.accounts.intersection(accounts)
        self._outcomes.append(_Held(event=event, left=left))
        self.touch(left or self.accounts, urgency=urgency)

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
        if is_full:
            touched |= self.accounts
        urgency = Urgency.GUARD if self._is_urgent else Urgency.ROUTINE
        self._is_urgent = False
        then, self._after_full = self._after_full, []
        ripe = tuple(self._outcomes)
        try:
            async with asyncio.timeout(_LOOK_S) as limit:
                self._routine = limit if urgency is Urgency.ROUTINE else None
                look = await self._looked(touched, urgency)
        except TimeoutError:
            reason = "a look took too long"
        except (UnreachableError, UsageError, ExchangeRefusedError) as error:
            reason = str(error)
        else:
            self._failures = 0
            self._ripen(ripe, look, touched)
            self._told(look, touched, is_full=is_full, then=then)
            return 0
        finally:
            self._routine = None
        self._again(touched, urgency, is_full=is_full, then=then)
        return self._failed(reason)

    async def _looked(self, touched: frozenset[AccountId], urgency: Urgency) -> Look:
        if urgency is Urgency.ROUTINE:
            await self._find_homes()
        return await self.looker.look(sorted(touched), urgency, self.registry.traded())

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
                Noted(
                    topic="look failed",
                    text=f"the account could not be read {_NOTE_AFTER} times: {reason}",
                ),
            )
        return _PAUSES_S[min(self._failures, len(_PAUSES_S)) - 1]

    def _ripen(
        self, ripe: Iterable[_Held], look: Look, touched: frozenset[AccountId]
    ) -> None:
        """Which of the outcomes from before a look it has seen the effect of."""
        for held in ripe:
            if not held.left & touched:
                continue
            held.tries += 1
            if look.is_coherent and not look.unexplained and not self._rests(held):
                held.left -= touched

    def _rests(self, held: _Held) -> bool:
        """Whether the order that was cancelled is still in the book, as far as told."""
        order_id = held.event.order_id
        return order_id is not None and self.registry.is_open(order_id)

    def _outcomes_due(self) -> list[IntentSettled]:
        """The outcomes whose effect was seen, or was waited for long enough."""
        due = [h for h in self._outcomes if not h.left or h.tries >= _OUTCOME_LOOKS]
        self._outcomes = [h for h in self._outcomes if h not in due]
        for held in self._outcomes:
            later = self._later(_FILLS_S[0], held.left, is_full=False)
            self.spawn(later, f"look for {held.event.intent_id}")
        return [held.event for held in due]

    def _told(
        self,
        look: Look,
        touched: frozenset[AccountId],
        *,
        is_full: bool,
        then: list[Callable[[], Iterable[Event]]],
    ) -> None:
        """Hand out what a look found, and see that what is open is looked at again."""
        self.looks += 1
        self.registry.book(look.fills)
        self.held |= {p.account for b in look.bookings for p in b.postings}
        told = self.registry.tell(touched)
        moment: list[Event] = [*look.bookings, *look.fills, *look.positions]
        moment += [*look.holds, *told.orders, *self._outcomes_due()]
        is_sound = look.is_coherent and not look.unexplained
        if is_sound and is_full and look.snapshot is not None:
            moment.append(SnapshotTaken(at=look.at, snapshot=look.snapshot))
            self.held = _held(look.snapshot)
        if look.is_coherent:
            moment += [event for give in then for event in give()]
            then = []
        for text in (*look.notes, *told.notes):
            self.remember(Noted(topic="look", text=text))
        if moment:
            self.put(tuple(moment))
        self._come_back(look, touched, is_full=is_full, then=then)

    def _come_back(
        self,
        look: Look,
        touched: frozenset[AccountId],
        *,
        is_full: bool,
        then: list[Callable[[], Iterable[Event]]],
    ) -> None:
        """Arrange the next look at what this one left open."""
        if not look.is_coherent or look.unexplained:
            pause = _UNEXPLAINED_S if look.is_coherent else _MOVING_S
            self._after_full = [*then, *self._after_full]
            later = self._later(pause, touched, is_full=is_full)
            self.spawn(later, "look again")
        elif waiting := self.registry.waiting():
            looks = min(self.registry.looks_waited, len(_FILLS_S) - 1)
            later = self._later(_FILLS_S[looks], waiting or touched, is_full=False)
            self.spawn(later, "look for fills")

    async def _later(
        self, pause_s: float, accounts: frozenset[AccountId], *, is_full: bool
    ) -> None:
        await self.sleep(pause_s)
        self._is_full |= is_full
        self.touch(accounts)

    async def _find_homes(self) -> None:
        """Ask in which account orders trade that no message has placed.

        They are never ours, so an urgent look does not wait for the answers.
        """
        homeless = self.registry.homeless()
        tries = {f.order_id: self._tries.get(f.order_id, 0) for f in homeless}
        self._tries = tries
        for fact in homeless:
            is_over = fact.state is not OrderState.OPEN
            if is_over and tries[fact.order_id] >= _HOME_TRIES:
                self.registry.drop(fact.order_id)
        due = [fact for fact in homeless if tries[fact.order_id] < _HOME_TRIES]
        for fact in due[:_HOMELESS_MAX]:
            tries[fact.order_id] += 1
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
