"""Reading rows and statement so that together they prove something; books nothing.

The lists are read, then the statement, then the lists again together with those
that the difference asks for. When no list has news of money the second time, nothing
happened in between. Otherwise the statement is read anew, a bounded number of times.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from bot.domain.accounts import (
    MARGIN_CROSS,
    SPOT,
    AccountId,
    PositionKey,
    isolated_pair,
)
from bot.domain.instruments import ContractRules
from bot.ports import Clock
from connectors.kucoin.answers import Rest, Urgency
from connectors.kucoin.books import Explained, Names
from connectors.kucoin.cursors import Cursors
from connectors.kucoin.row_lists import (
    Kind,
    RowList,
    Sense,
    loan_lists,
    read_list,
    standing_lists,
)
from connectors.kucoin.snapshots import Part, SnapshotReader, gathered

__all__ = [
    "WIDE_OVERLAP",
    "Evidence",
    "EvidenceReader",
    "Question",
    "Wanted",
    "debts_of",
    "fills_of",
]

WIDE_OVERLAP: Final = timedelta(hours=2)
"""How far back rows are read again while something of an account is unexplained."""
_OVERLAP: Final = timedelta(minutes=5)

Wanted = Callable[
    [Sequence[Explained], Part, Mapping[str, ContractRules]], set[RowList]
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What one look asks.

    ``accounts`` are looked at, ``kept`` are all there are. ``wanted`` says which
    lists a difference asks for, ``due`` are read in any case. ``unsettled`` are the
    accounts that a late row may still explain. ``positions`` are those told so far.
    """

    cursors: Cursors
    accounts: Sequence[AccountId]
    kept: Sequence[AccountId]
    attempts: int
    wanted: Wanted
    due: frozenset[RowList] = frozenset()
    unsettled: frozenset[AccountId] = frozenset()
    positions: frozenset[PositionKey] = frozenset()

    def since(self, rows: RowList) -> datetime:
        """From when a list is read: wider where a late row may still explain."""
        users = {rows.account}
        if rows.kind is Kind.MARGIN_LEDGER:
            users = {name for name in self.kept if _is_margin(name)}
        is_wide = bool(users & self.unsettled)
        return self.cursors.start(users, WIDE_OVERLAP if is_wide else _OVERLAP)

    def pairs(self) -> Mapping[str, tuple[str, str]]:
        """The isolated pairs that are kept, with their two coins."""
        symbols = filter(None, map(isolated_pair, self.kept))
        return {symbol: _coins(symbol) for symbol in symbols}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What one look read: new rows by time, the statement, the contracts in both.

    ``began`` is when the reading began; what was visible then is in the rows.
    """

    rows: tuple[Explained, ...]
    part: Part
    is_coherent: bool
    began: datetime
    contracts: Mapping[str, ContractRules] = field(default_factory=dict)


class EvidenceReader:
    """Reads lists and statement until they fit, or too often."""

    def __init__(
        self, rest: Rest, clock: Clock, reader: SnapshotReader, names: Names
    ) -> None:
        self._rest = rest
        self._clock = clock
        self._reader = reader
        self._names = names

    async def read(self, question: Question, urgency: Urgency) -> Evidence:
        """Read what a question asks for.

        Raises:
            ExchangeRefusedError: The exchange refuses a question.
            UnreachableError: No sound answer.
            UsageError: A field of an answer is missing or broken.
        """
        accounts = question.accounts
        settles = self._reader.settles
        lists = {rows for name in accounts for rows in standing_lists(name, settles)}
        lists |= question.due
        began = self._clock.now()
        rows = await self._rows(question, lists, urgency)
        tries = 0
        while True:
            tries += 1
            part = await self._reader.read(accounts, urgency)
            contracts = await self._contracts(question, rows, part, urgency)
            lists |= question.wanted(_sorted(rows), part, contracts)
            lists |= _fill_lists(rows)
            again = await self._rows(question, lists, urgency)
            is_coherent = _money(again) == _money(rows)
            rows |= again
            if is_coherent or tries >= question.attempts:
                break
        return Evidence(
            rows=_sorted(rows),
            part=part,
            is_coherent=is_coherent,
            began=began,
            contracts=await self._contracts(question, rows, part, urgency),
        )

    async def _rows(
        self, question: Question, lists: Iterable[RowList], urgency: Urgency
    ) -> dict[str, Explained]:
        """The rows of some lists that are not booked yet, each once."""
        until = self._clock.now()
        sense = Sense(names=self._names, pairs=question.pairs())
        found = await gathered(
            read_list(self._rest, rows, (question.since(rows), until), sense, urgency)
            for rows in sorted(lists)
        )
        return {
            name: row
            for rows in found
            for name, row in rows.items()
            if name not in question.cursors.seen
        }

    async def _contracts(
        self,
        question: Question,
        rows: Mapping[str, Explained],
        part: Part,
        urgency: Urgency,
    ) -> Mapping[str, ContractRules]:
        """The rules of every contract that the look touches."""
        symbols = {key.symbol for key in (*part.positions, *question.positions)}
        symbols |= {
            row.futures_fill.symbol
            for row in rows.values()
            if row.futures_fill is not None
        }
        for symbol in sorted(symbols):
            await self._reader.contract(symbol, urgency)
        return self._reader.known_contracts()


def fills_of(account: AccountId, symbol: str) -> RowList:
    """The list of our trades of a symbol in the spot account or a margin one."""
    kind = Kind.SPOT_FILLS if account == SPOT else Kind.MARGIN_FILLS
    return RowList(kind, account, symbol)


def debts_of(
    rows: Sequence[Explained], part: Part, contracts: Mapping[str, ContractRules]
) -> set[RowList]:
    """The loan lists of every coin that is owed: what an opening wants to know."""
    return {
        loans
        for account, held in part.balances.items()
        for coin, line in held.items()
        if line.liability
        for loans in loan_lists(account, coin)
    }


def _coins(pair: str) -> tuple[str, str]:
    base, _, quote = pair.partition("-")
    return base, quote


def _is_margin(account: AccountId) -> bool:
    return account == MARGIN_CROSS or isolated_pair(account) is not None


def _sorted(rows: Mapping[str, Explained]) -> tuple[Explained, ...]:
    return tuple(sorted(rows.values(), key=lambda row: (row.at, row.row_id)))


def _money(rows: Mapping[str, Explained]) -> set[str]:
    """The rows that move money, a position or a debt."""
    return {
        name
        for name, row in rows.items()
        if row.bookings or row.futures_fill is not None or row.owes is not None
    }


def _fill_lists(rows: Mapping[str, Explained]) -> set[RowList]:
    return {
        fills_of(row.account, row.traded)
        for row in rows.values()
        if row.traded is not None
    }
