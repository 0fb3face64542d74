"""The books of one account owner: rows and statements in, events out; no I/O.

Theory of operation. ``Books`` holds every number as the journal's postings make it,
what was last told of positions and holds, and the residues. ``wanted`` says which
more lists could explain a difference, ``settle`` books a look. Rows are booked
whether or not the look was coherent, for they are facts; a statement is compared
with the books only where it was: then what is left goes to ``Residues``.

A debt whose total agrees and whose split does not was moved by the exchange:
interest became principal. The first hour's interest of a new loan is charged at
once, and the exchange's own records do not list it; a small rest of the debt beside
a loan just made is booked as that.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    SPOT,
    AccountId,
    AccountSnapshot,
    Balance,
    Position,
    PositionKey,
)
from bot.domain.events import (
    Bucket,
    Cause,
    HoldChanged,
    LedgerBooked,
    PositionChanged,
    Posting,
)
from bot.domain.instruments import ContractRules
from bot.domain.money import ZERO
from connectors.kucoin.books import Explained
from connectors.kucoin.cursors import to_us
from connectors.kucoin.futures_books import TOLERANCE, Traded, margin_moves, trade
from connectors.kucoin.residues import Number, Residues
from connectors.kucoin.row_lists import Kind, RowList, loan_lists
from connectors.kucoin.snapshots import Part
from connectors.kucoin.sums import (
    EMPTY,
    adjustment_notes,
    after_bookings,
    at_our_cost,
    bookings_of,
    contracts_of,
    differ,
    is_near,
    position_changes,
)

__all__ = ["Books", "Settled"]

FIRST_HOUR_MAX: Final = Decimal("0.0005")
"""No loan costs more of itself in an hour; a larger rest is not interest."""
_HELD: Final = timedelta(hours=6)
_FILLS_LATE: Final = timedelta(minutes=5)
"""How long a position may differ from its fills before it is taken as stated."""
_Contracts = Mapping[str, ContractRules]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The events of one look, each kind in its order."""

    bookings: tuple[LedgerBooked, ...]
    positions: tuple[PositionChanged, ...]
    holds: tuple[HoldChanged, ...]
    notes: tuple[str, ...]


@dataclass(slots=True)
class Books:
    """Every number as booked so far, and what else was told."""

    residues: Residues = field(default_factory=Residues)
    balances: dict[AccountId, dict[str, Balance]] = field(default_factory=dict)
    positions: dict[PositionKey, Position] = field(default_factory=dict)
    _replayed: dict[PositionKey, Position] = field(default_factory=dict)
    """Positions as the fills booked so far make them: what profits follow from."""
    _astray: dict[PositionKey, datetime] = field(default_factory=dict)
    """Since when a position is not what its fills made it."""
    _held_at: dict[str, datetime] = field(default_factory=dict)
    """When a contract was last held; its funding may be listed late."""
    _slack: dict[str, Decimal] = field(default_factory=dict)
    """By settle coin: how much of the wallet may be rounding of profits."""
    _lent: dict[tuple[AccountId, str], Decimal] = field(default_factory=dict)
    """Loans whose account has not balanced since."""

    def open(self, snapshot: AccountSnapshot) -> None:
        """Start from what is booked, or from the exchange's first statement."""
        self.balances = {name: dict(held) for name, held in snapshot.balances.items()}
        self.positions = dict(snapshot.positions)
        self._replayed = dict(snapshot.positions)

    # -- what else to read --------------------------------------------------

    def wanted(
        self, rows: Sequence[Explained], part: Part, contracts: _Contracts
    ) -> set[RowList]:
        """The lists that could explain what rows and statement leave open."""
        traded = trade(rows, self._replayed, contracts)
        after = after_bookings(self.balances, [*bookings_of(rows), *traded.bookings])
        wanted = {
            loans
            for row in rows
            if row.owes is not None
            for loans in loan_lists(row.account, row.owes)
        }
        for account, held in part.balances.items():
            for coin in self._puzzling(account, held, after.get(account, {}), traded):
                if account == FUTURES:
                    wanted |= self._fundings(rows, part)
                elif account not in {MAIN, SPOT}:
                    wanted |= loan_lists(account, coin)
        return wanted

    def _puzzling(
        self,
        account: AccountId,
        held: Mapping[str, Balance],
        booked: Mapping[str, Balance],
        traded: Traded,
    ) -> set[str]:
        """The coins whose statement differs, or whose adjustment waits for its row."""
        found = self.residues.to_explain(account)
        for coin in {*booked, *held}:
            ours, theirs = booked.get(coin, EMPTY), held.get(coin, EMPTY)
            if account == FUTURES:
                rest = abs(theirs.total - ours.total)
                is_puzzling = rest > self._slack_of(coin, traded)
            else:
                is_puzzling = differ(ours, theirs)
            if is_puzzling:
                found.add(coin)
        return found

    def _slack_of(self, coin: str, traded: Traded) -> Decimal:
        return self._slack.get(coin, ZERO) + TOLERANCE * traded.values.get(coin, ZERO)

    def _fundings(self, rows: Sequence[Explained], part: Part) -> set[RowList]:
        keys = {*self.positions, *self._replayed, *part.positions}
        symbols = {*self._held_at, *(key.symbol for key in keys), *contracts_of(rows)}
        return {RowList(Kind.FUNDINGS, FUTURES, symbol) for symbol in symbols}

    # -- booking ------------------------------------------------------------

    def settle(
        self,
        at: datetime,
        rows: Sequence[Explained],
        part: Part,
        contracts: _Contracts,
        *,
        is_coherent: bool,
    ) -> Settled:
        """Book a look and say what it changed.

        Args:
            at: Its time, later than that of any look before it.
            rows: The rows not booked before, by time.
            part: The statement of the accounts that were looked at.
            contracts: The rules of every contract in rows or statement.
            is_coherent: Whether nothing happened while the statement was read.
        """
        traded = trade(rows, self._replayed, contracts)
        keys = {*self._replayed, *part.positions}
        self._remember(at, {*contracts_of(rows), *(key.symbol for key in keys)})
        self._replayed = dict(traded.positions)
        for coin, value in traded.values.items():
            self._slack[coin] = self._slack.get(coin, ZERO) + TOLERANCE * value
        for row in rows:
            if row.borrowed and row.owes is not None:
                key = (row.account, row.owes)
                self._lent[key] = self._lent.get(key, ZERO) + row.borrowed
        bookings = [*bookings_of(rows), *traded.bookings]
        self.balances = after_bookings(self.balances, bookings)
        notes = [row.note for row in rows if row.note is not None]
        if is_coherent:
            bookings += self._reordered(at, part, contracts)
            bookings += self._residual(at, part)
        moved = self._moved(at, rows, part, contracts)
        if FUTURES in part.balances and is_coherent:
            notes += self._resynced(at, self.positions)
        bookings += moved[0]
        bookings.sort(key=lambda booked: booked.at)
        return Settled(
            bookings=tuple(bookings),
            positions=moved[1],
            holds=tuple(self._held(at, part)),
            notes=(*notes, *adjustment_notes(bookings)),
        )

    def _remember(self, at: datetime, symbols: Iterable[str]) -> None:
        """Which contracts are held, or were not long ago."""
        self._held_at |= dict.fromkeys(symbols, at)
        for symbol, last in list(self._held_at.items()):
            if at - last > _HELD:
                del self._held_at[symbol]

    def stated(
        self, part: Part, leverage: Mapping[AccountId, Decimal]
    ) -> AccountSnapshot:
        """The statement as a snapshot, in the amounts that were booked.

        Only for a coherent look at everything with nothing left to explain: books
        and statement differ by less than a ledger's quantum then.
        """
        return AccountSnapshot(
            balances={
                account: dict(held)
                for account, held in self.balances.items()
                if held and account in part.balances
            },
            positions=dict(self.positions),
            margin_leverage=dict(leverage),
        )

    def _reordered(
        self, at: datetime, part: Part, contracts: _Contracts
    ) -> Iterator[LedgerBooked]:
        """Profit that moved between the closed and the open part of a position.

        Fills that were listed out of order make the same lots at another cost. When
        the wallet lacks just what the cost has too much, that is profit.
        """
        for key in sorted({*self._replayed} & {*part.positions}):
            ours, theirs = self._replayed[key], part.positions[key]
            if ours.lots != theirs.lots or is_near(ours, theirs):
                continue
            rules = contracts[key.symbol]
            moved = theirs.entry_value - ours.entry_value
            moved = -moved if rules.is_inverse else moved
            number = Number(FUTURES, rules.settle, Bucket.BALANCE)
            stated = part.balances.get(FUTURES, {}).get(rules.settle, EMPTY).total
            open_amount = self.residues.adjusted(number)
            rest = stated - self._line(FUTURES, rules.settle).total + open_amount
            if abs(rest - moved) <= TOLERANCE * abs(theirs.entry_value):
                self._replayed[key] = theirs
                yield self._book(at, Cause.REALISED_PNL, number, rest, str(key))

    def _residual(self, at: datetime, part: Part) -> list[LedgerBooked]:
        """Bookings that bring the books to the statement, where that is due."""
        found: list[LedgerBooked] = []
        for account in sorted(part.balances):
            held, booked = part.balances[account], self.balances.get(account, {})
            for coin in sorted({*held, *booked, *self.residues.coins(account)}):
                stated = held.get(coin, EMPTY)
                found += self._owned(at, account, coin, stated)
                if account not in {MAIN, SPOT, FUTURES}:
                    found += self._owed(at, account, coin, stated)
        return found

    def _owned(
        self, at: datetime, account: AccountId, coin: str, stated: Balance
    ) -> Iterator[LedgerBooked]:
        number = Number(account, coin, Bucket.BALANCE)
        rest = stated.total - self._line(account, coin).total
        if account == FUTURES:
            slack = self._slack.get(coin, ZERO)
            if 0 < abs(rest) <= slack:
                self.residues.assume(number, Cause.REALISED_PNL, rest, at)
                yield self._book(at, Cause.REALISED_PNL, number, rest)
                rest = ZERO
            if rest == 0:
                self._slack.pop(coin, None)
        for cause, amount in self.residues.settle(number, rest, at):
            yield self._book(at, cause, number, amount)

    def _owed(
        self, at: datetime, account: AccountId, coin: str, stated: Balance
    ) -> Iterator[LedgerBooked]:
        debt = Number(account, coin, Bucket.PRINCIPAL)
        rest = stated.liability - self._line(account, coin).liability
        lent = self._lent.get((account, coin), ZERO)
        is_early = self.residues.adjusted(debt) < 0
        if 0 < rest <= lent * FIRST_HOUR_MAX and not is_early:
            interest = Number(account, coin, Bucket.INTEREST)
            self.residues.assume(debt, Cause.INTEREST, rest, at)
            yield self._book(at, Cause.INTEREST, interest, rest)
            rest = ZERO
        for cause, amount in self.residues.settle(debt, rest, at):
            yield self._book(at, cause, debt, amount)
        if self.residues.is_waiting(debt):
            return
        self._lent.pop((account, coin), None)
        rolled = stated.principal - self._line(account, coin).principal
        if rolled:
            yield self._roll(at, account, coin, rolled)

    def _roll(
        self, at: datetime, account: AccountId, coin: str, amount: Decimal
    ) -> LedgerBooked:
        """Interest became principal (or, where it is negative, the other way)."""
        moves = ((Bucket.PRINCIPAL, amount), (Bucket.INTEREST, -amount))
        booked = LedgerBooked(
            at=at,
            entry_id=f"rolled:{account}:{coin}:{to_us(at)}",
            cause=Cause.INTEREST,
            postings=tuple(
                Posting(account=account, coin=coin, amount=part, bucket=bucket)
                for bucket, part in moves
            ),
        )
        self.balances = after_bookings(self.balances, [booked])
        return booked

    def _book(
        self,
        at: datetime,
        cause: Cause,
        number: Number,
        amount: Decimal,
        symbol: str | None = None,
    ) -> LedgerBooked:
        """Book a rest that no row explains; one an instant for a cause and number."""
        name = f"{cause.value}:{number.account}:{number.coin}:{number.bucket.value}"
        if symbol is not None:
            name += f":{symbol}"
        posting = Posting(
            account=number.account,
            coin=number.coin,
            amount=amount,
            bucket=number.bucket,
        )
        booked = LedgerBooked(
            at=at,
            entry_id=f"residue:{name}:{to_us(at)}",
            cause=cause,
            postings=(posting,),
        )
        self.balances = after_bookings(self.balances, [booked])
        return booked

    def _line(self, account: AccountId, coin: str) -> Balance:
        return self.balances.get(account, {}).get(coin, EMPTY)

    # -- positions and holds --------------------------------------------------

    def _moved(
        self,
        at: datetime,
        rows: Sequence[Explained],
        part: Part,
        contracts: _Contracts,
    ) -> tuple[list[LedgerBooked], tuple[PositionChanged, ...]]:
        """Take over the stated positions; what changed, and the margins earmarked."""
        if FUTURES not in part.balances:
            return [], ()
        before, after = self.positions, at_our_cost(self._replayed, part.positions)
        changes = tuple(position_changes(at, rows, before, after))
        bookings = [
            LedgerBooked(
                at=at,
                entry_id=f"margin_move:{posting.symbol}:{to_us(at)}",
                cause=Cause.MARGIN_MOVE,
                postings=(posting,),
                symbol=posting.symbol,
            )
            for posting in margin_moves(before, after, contracts)
        ]
        self.positions = after
        return bookings, changes

    def _resynced(
        self, at: datetime, stated: Mapping[PositionKey, Position]
    ) -> Iterator[str]:
        """Let profits follow from the stated positions, once fills lead there too."""
        for key in sorted({*self._replayed, *stated}):
            ours, theirs = self._replayed.get(key), stated.get(key)
            if not is_near(ours, theirs):
                since = self._astray.setdefault(key, at)
                if at - since < _FILLS_LATE:
                    continue
                yield (
                    f"The position in {key} is not what its fills make it; it was "
                    "taken as the exchange states it."
                )
            self._astray.pop(key, None)
            self._replayed.pop(key, None)
            if theirs is not None:
                self._replayed[key] = theirs

    def _held(self, at: datetime, part: Part) -> Iterator[HoldChanged]:
        for account in sorted(part.balances):
            held, booked = part.balances[account], self.balances.get(account, {})
            for coin in sorted({*held, *booked}):
                line, hold = booked.get(coin, EMPTY), held.get(coin, EMPTY).hold
                if line.hold != hold:
                    coins = self.balances.setdefault(account, {})
                    coins[coin] = replace(line, hold=hold)
                    yield HoldChanged(at=at, account=account, coin=coin, hold=hold)
