"""Coherent looks at the account: rows explain, a statement proves.

Theory of operation. Pushes only wake a look. A look reads the lists that explain
the accounts it is asked for, then what the exchange states of them, then the lists
again, and those that the difference asks for (loan histories, funding, fills). When
no list has news the second time, nothing happened in between: the look is coherent
and what rows leave open counts (``settlement``). Otherwise it reads the statement
anew, a bounded number of times; an incoherent look books its rows and proves
nothing. A look that fails changes nothing.

Weights of a look without news: main 9 (Management), spot 4 (Spot) and 5
(Management), cross or isolated margin 19 (Spot), futures 12 and 9 for every settle
coin (Futures). A loan adds 115 (Spot), a trade its fills, a funding 16 (Futures).
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    SPOT,
    AccountId,
    AccountSnapshot,
    isolated_account,
    isolated_pair,
)
from bot.domain.errors import UnreachableError
from bot.domain.events import (
    Event,
    Filled,
    HoldChanged,
    LedgerBooked,
    PositionChanged,
)
from bot.ports import Clock
from connectors.kucoin.answers import Rest, Urgency
from connectors.kucoin.books import Explained, Names
from connectors.kucoin.cursors import Cursors
from connectors.kucoin.evidence import (
    WIDE_OVERLAP,
    Evidence,
    EvidenceReader,
    Question,
    debts_of,
    fills_of,
)
from connectors.kucoin.residues import CONFIRM_AFTER, Residues
from connectors.kucoin.row_lists import RowList
from connectors.kucoin.settlement import Books
from connectors.kucoin.snapshots import DEFAULT_LEVERAGE, SnapshotReader

__all__ = ["ATTEMPTS", "Look", "Looker"]

ATTEMPTS: Final = 5
"""How often one look reads the statement before it gives up on coherence."""
_OPENING_ATTEMPTS: Final = 20
_CLOCK_ERROR: Final = timedelta(seconds=5)
_TICK: Final = timedelta(microseconds=1)
_FILL_PATIENCE: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one look found, ready to be told in the order of ``events``.

    ``snapshot`` is there only after a coherent look at everything with nothing left
    to explain. ``unexplained`` are sentences about what waits for a late row; look
    again in ten seconds. ``notes`` are sentences worth keeping.
    """

    at: datetime
    bookings: tuple[LedgerBooked, ...] = ()
    fills: tuple[Filled, ...] = ()
    positions: tuple[PositionChanged, ...] = ()
    holds: tuple[HoldChanged, ...] = ()
    snapshot: AccountSnapshot | None = None
    is_coherent: bool = True
    unexplained: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def events(self) -> tuple[Event, ...]:
        """Money in its order of time, then trades, positions and holds."""
        return (*self.bookings, *self.fills, *self.positions, *self.holds)


class Looker:
    """Keeps books that equal the exchange's, by looking at it.

    Give it its books first: ``open`` with what a journal holds, or ``opening`` for a
    journal that is new. One look runs at a time; a second one waits for it.

    Args:
        rest: The exchange.
        clock: The exchange's time.
        reader: Reads statements.
        names: What order numbers and symbols mean to us.
        pairs: The isolated pairs to keep; those in use at the opening join them.
        leverage: The margin leverage that is set, which no endpoint tells.
        confirm_after: How long a residue must persist before it is booked.
    """

    def __init__(  # noqa: PLR0913 - everything is injected
        self,
        *,
        rest: Rest,
        clock: Clock,
        reader: SnapshotReader,
        names: Names,
        pairs: Iterable[str] = (),
        leverage: Mapping[AccountId, Decimal] = DEFAULT_LEVERAGE,
        confirm_after: timedelta = CONFIRM_AFTER,
    ) -> None:
        self._clock = clock
        self._reader = reader
        self._evidence = EvidenceReader(rest, clock, reader, names)
        self._leverage = leverage
        self._books = Books(residues=Residues(confirm_after=confirm_after))
        self._accounts = [
            MAIN,
            SPOT,
            MARGIN_CROSS,
            *map(isolated_account, pairs),
            FUTURES,
        ]
        self._cursors: Cursors | None = None
        self._fills_due: dict[tuple[RowList, str], datetime] = {}
        self._last: datetime | None = None
        self._lock = asyncio.Lock()

    @property
    def families(self) -> tuple[AccountId, ...]:
        """Every account that is kept; a look at all of them is a full one."""
        return tuple(self._accounts)

    @property
    def cursors(self) -> Cursors:
        """What is booked so far."""
        if self._cursors is None:
            raise ValueError("open the books first")
        return self._cursors

    def open(self, snapshot: AccountSnapshot, cursors: Cursors) -> None:
        """Start from books that exist: the journal's amounts, and what they rest on."""
        self._keep(snapshot.balances)
        self._reader.keep_settles(snapshot.balances.get(FUTURES, ()))
        self._books.open(snapshot)
        self._cursors = cursors

    async def opening(self, urgency: Urgency = Urgency.ROUTINE) -> Look:
        """Start new books from the exchange's statement; its rows count as booked.

        Raises:
            ExchangeRefusedError: The exchange refuses a question.
            UnreachableError: No sound answer, or the account never held still.
            UsageError: A field of an answer is missing or broken.
        """
        async with self._lock:
            self._keep(await self._reader.pairs_in_use(urgency))
            blank = Cursors(floor=self._clock.now() - WIDE_OVERLAP)
            question = Question(
                cursors=blank,
                accounts=self.families,
                kept=self.families,
                attempts=_OPENING_ATTEMPTS,
                wanted=debts_of,
            )
            seen = await self._evidence.read(question, urgency)
            if not seen.is_coherent:
                raise UnreachableError(
                    "The account never held still while it was read; stop what else "
                    "trades on it and start again."
                )
            at = self._next_time()
            snapshot = AccountSnapshot(
                balances={
                    name: held for name, held in seen.part.balances.items() if held
                },
                positions=seen.part.positions,
                margin_leverage=dict(self._leverage),
            )
            self._books.open(snapshot)
            rows = {row.row_id: row.at for row in seen.rows}
            cursors = Cursors(floor=seen.began - _CLOCK_ERROR, seen=rows)
            self._cursors = cursors.with_clean(self._accounts, seen.began)
            return Look(at=at, snapshot=snapshot)

    async def look(
        self,
        families: Iterable[AccountId],
        urgency: Urgency = Urgency.ROUTINE,
        symbols: Iterable[tuple[AccountId, str]] = (),
    ) -> Look:
        """Look at some accounts and book what is new.

        Args:
            families: Accounts, of ``families``; others that are isolated join them.
            urgency: Whether the guard asks.
            symbols: Spot or margin symbols, with their account, whose orders are
                known to have traded: their fills are read even before the ledger
                shows the trade.

        Raises:
            ExchangeRefusedError: The exchange refuses a question.
            UnreachableError: No sound answer.
            UsageError: A field of an answer is missing or broken.
        """
        async with self._lock:
            asked = dict.fromkeys(families)
            self._keep(asked)
            accounts = [name for name in self._accounts if name in asked]
            hinted = {fills_of(account, symbol) for account, symbol in symbols}
            due = hinted | {rows for rows, _ in self._fills_due}
            seen = await self._evidence.read(self._question(accounts, due), urgency)
            if any(row.is_unplaced for row in seen.rows):
                accounts += await self._turned_up(urgency)
                seen = await self._evidence.read(self._question(accounts, due), urgency)
            return self._settled(accounts, seen)

    async def _turned_up(self, urgency: Urgency) -> list[AccountId]:
        """Isolated pairs that are in use by now and were not kept; they are, then."""
        known = frozenset(self._accounts)
        self._keep(await self._reader.pairs_in_use(urgency))
        return [name for name in self._accounts if name not in known]

    def _question(
        self, accounts: Sequence[AccountId], due: Iterable[RowList]
    ) -> Question:
        books = self._books
        return Question(
            cursors=self.cursors,
            accounts=accounts,
            kept=self.families,
            attempts=ATTEMPTS,
            wanted=books.wanted,
            due=frozenset(due),
            unsettled=frozenset(filter(books.residues.is_unsettled, self.families)),
            positions=frozenset(books.positions),
        )

    def _settled(self, accounts: Sequence[AccountId], seen: Evidence) -> Look:
        at = self._next_time()
        books = self._books
        settled = books.settle(
            at, seen.rows, seen.part, seen.contracts, is_coherent=seen.is_coherent
        )
        self._keep({row.account: () for row in seen.rows})
        rows = {row.row_id: row.at for row in seen.rows}
        cursors = self.cursors.with_seen(rows)
        if seen.is_coherent:
            clean = [name for name in accounts if books.residues.is_clean(name)]
            cursors = cursors.with_clean(clean, seen.began)
        self._cursors = cursors
        unexplained = books.residues.sentences()
        is_full = set(accounts) == set(self._accounts)
        is_proven = is_full and seen.is_coherent and not unexplained
        return Look(
            at=at,
            bookings=settled.bookings,
            fills=tuple(row.fill for row in seen.rows if row.fill is not None),
            positions=settled.positions,
            holds=settled.holds,
            snapshot=books.stated(seen.part, self._leverage) if is_proven else None,
            is_coherent=seen.is_coherent,
            unexplained=unexplained,
            notes=(*settled.notes, *self._await_fills(at, seen.rows)),
        )

    def _await_fills(self, at: datetime, rows: Iterable[Explained]) -> list[str]:
        """Remember the trades whose fills are not listed yet, for a while."""
        for row in rows:
            if row.traded is not None and row.trade_id is not None:
                due = (fills_of(row.account, row.traded), row.trade_id)
                self._fills_due.setdefault(due, at)
        notes: list[str] = []
        for due, since in list(self._fills_due.items()):
            wanted, trade_id = due
            stem = f"fill:{wanted.word}:{trade_id}:"
            if any(stem + side in self.cursors.seen for side in ("buy", "sell")):
                del self._fills_due[due]
            elif at - since > _FILL_PATIENCE:
                del self._fills_due[due]
                notes.append(
                    f"The trade {trade_id} of {wanted.word} in {wanted.account} has "
                    "no fill in the exchange's list; its money is booked."
                )
        return notes

    def _next_time(self) -> datetime:
        """Now, and later than any look before: ids are made of it."""
        now = self._clock.now()
        if self._last is not None and now <= self._last:
            now = self._last + _TICK
        self._last = now
        return now

    def _keep(self, accounts: Iterable[AccountId]) -> None:
        """Look at isolated pairs that turned up, from now on."""
        for name in accounts:
            if name not in self._accounts and isolated_pair(name) is not None:
                self._accounts.insert(-1, name)
