"""Futures fills, funding and transfers as bookings: pure functions.

Theory of operation. KuCoin's futures ledger folds fees and funding into one
realised profit, so it is not booked from. Fees come from the fills, funding from
the funding history, transfers from the ledger's other rows. The profit of a close
follows from the position's exact entry value: the closing part releases its share,
rounded to 1e-8, and what is realised is its value at the fill's price against that
share. The exchange rounds in its own way, so what its wallet shows beyond that, up
to ``TOLERANCE`` of the traded value, belongs to the profit too; more does not.
Nothing here reads, remembers, or knows a wallet's balance.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from bot.domain.accounts import (
    FUTURES,
    MarginMode,
    Position,
    PositionKey,
)
from bot.domain.events import Bucket, Cause, Filled, LedgerBooked, Posting
from bot.domain.instruments import ContractRules, Lots
from bot.domain.money import ONE, ZERO, plain, round_half_up
from connectors.kucoin.books import Explained, Names, fill_id
from connectors.kucoin.parse.envelope import coin
from connectors.kucoin.parse.funding import FundingPayment
from connectors.kucoin.parse.futures_orders import FuturesFill
from connectors.kucoin.parse.ledgers import FuturesLedgerRow

__all__ = [
    "TOLERANCE",
    "Traded",
    "funding_row",
    "futures_fill_row",
    "futures_ledger_row",
    "margin_moves",
    "trade",
]

TOLERANCE: Final = Decimal("0.000001")
"""Share of the traded value by which a profit may differ from ours by rounding."""

_FORCED: Final = {"liquid": "liquidation", "liquidation": "liquidation"}
_TRANSFERS: Final = frozenset({"TRANSFERIN", "TRANSFEROUT", "DEPOSIT", "WITHDRAWAL"})
_FOLDED: Final = frozenset({"REALISEDPNL", "REALIZEDPNL"})
_OUT: Final = frozenset({"TRANSFEROUT", "WITHDRAWAL"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Traded:
    """What some fills came to: bookings, positions after them, value by coin.

    ``values`` is the unsigned traded value by settle coin.
    """

    bookings: tuple[LedgerBooked, ...] = ()
    positions: Mapping[PositionKey, Position] = field(default_factory=dict)
    values: Mapping[str, Decimal] = field(default_factory=dict)


# -- rows -------------------------------------------------------------------


def futures_fill_row(row: FuturesFill, names: Names) -> Explained:
    """A fill; what it books depends on the position and is left to ``trade``."""
    trade_id = fill_id(row.symbol, row.trade_id, row.side.value)
    mark = names.mark_of(row.symbol)
    fill = Filled(
        at=row.at,
        trade_id=trade_id,
        order_id=row.order_id,
        intent_id=names.intent_of(row.order_id),
        account=FUTURES,
        symbol=row.symbol,
        side=row.side,
        qty=Decimal(row.lots),
        price=row.price,
        reference_price=row.price if mark is None else mark,
        fee=row.fee,
        fee_coin=coin(row.fee_currency),
        is_maker=row.is_maker,
        forced=_FORCED.get(row.forced or "", row.forced),
    )
    return Explained(
        row_id=f"fill:{trade_id}",
        at=row.at,
        account=FUTURES,
        fill=fill,
        futures_fill=row,
    )


def funding_row(row: FundingPayment) -> Explained:
    """One settlement of funding: above zero was received."""
    row_id = f"funding:{row.payment_id}"
    if row.amount == 0:
        return Explained(row_id=row_id, at=row.settlement_at, account=FUTURES)
    booked = LedgerBooked(
        at=row.settlement_at,
        entry_id=row_id,
        cause=Cause.FUNDING,
        postings=(_posting(coin(row.settle), row.amount),),
        symbol=row.symbol,
        rate=row.funding_rate,
    )
    return Explained(
        row_id=row_id, at=row.settlement_at, account=FUTURES, bookings=(booked,)
    )


def futures_ledger_row(row: FuturesLedgerRow) -> Explained | None:
    """A transfer; realised profit is skipped. None while a transfer is open."""
    kind = "".join(letter for letter in row.kind.upper() if letter.isalpha())
    row_id = f"futures:{row.row_id}"
    if kind in _FOLDED:
        return Explained(row_id=row_id, at=row.at, account=FUTURES)
    if not row.is_completed:
        return None
    is_known = kind in _TRANSFERS
    amount = -abs(row.amount) if kind in _OUT else row.amount
    booked = LedgerBooked(
        at=row.at,
        entry_id=row_id,
        cause=Cause.TRANSFER if is_known else Cause.ADJUSTMENT,
        postings=(_posting(coin(row.currency), amount),),
    )
    note = None
    if not is_known:
        note = (
            f"The futures ledger's row {row.row_id} is of the kind {row.kind!r}, "
            f"which is not known; {plain(amount)} {row.currency} were booked as an "
            "adjustment."
        )
    return Explained(
        row_id=row_id,
        at=row.at,
        account=FUTURES,
        bookings=(booked,) if amount != 0 else (),
        note=note,
    )


# -- positions --------------------------------------------------------------


def trade(
    rows: Iterable[Explained],
    positions: Mapping[PositionKey, Position],
    contracts: Mapping[str, ContractRules],
) -> Traded:
    """Book the fees and profits of fills, in their order of time.

    Args:
        rows: Futures fills among them are booked, others are passed over.
        positions: The positions before the first of them.
        contracts: The rules of every contract that traded.
    """
    held = dict(positions)
    bookings: list[LedgerBooked] = []
    values: dict[str, Decimal] = {}
    for row in rows:
        fill = row.futures_fill
        if fill is None:
            continue
        rules = contracts[fill.symbol]
        key = PositionKey(fill.symbol, fill.position_side)
        after, profit = _filled(held.get(key) or _flat(key, fill), fill, rules)
        held[key] = after
        value = abs(rules.value(Decimal(fill.lots), fill.price))
        values[rules.settle] = values.get(rules.settle, ZERO) + value
        bookings += _bookings(row, rules, profit)
    return Traded(
        bookings=tuple(bookings),
        positions={key: each for key, each in held.items() if each.lots != 0},
        values=values,
    )


def _flat(key: PositionKey, fill: FuturesFill) -> Position:
    return Position(
        symbol=key.symbol,
        lots=Lots(0),
        entry_value=ZERO,
        mode=fill.mode or MarginMode.CROSS,
        side=key.side,
        leverage=ONE,
    )


def _filled(
    old: Position, fill: FuturesFill, rules: ContractRules
) -> tuple[Position, Decimal]:
    """The position after a fill, and the profit of the part that it closed."""
    signed = fill.side.sign * fill.lots
    closing = min(fill.lots, abs(old.lots)) if old.lots * signed < 0 else 0
    profit, left = ZERO, old
    if closing:
        closed = closing if old.lots > 0 else -closing
        cost = old.entry_value
        if closing < abs(old.lots):
            cost = round_half_up(old.entry_value * closing / abs(old.lots))
        value = round_half_up(rules.value(Decimal(closed), fill.price))
        profit = cost - value if rules.is_inverse else value - cost
        left = replace(
            old, lots=Lots(old.lots - closed), entry_value=old.entry_value - cost
        )
    opening = fill.side.sign * (fill.lots - closing)
    value = round_half_up(rules.value(Decimal(opening), fill.price))
    after = replace(
        left, lots=Lots(left.lots + opening), entry_value=left.entry_value + value
    )
    return after, profit


def _bookings(
    row: Explained, rules: ContractRules, profit: Decimal
) -> list[LedgerBooked]:
    fill = row.fill
    if fill is None:
        return []
    is_taken_over = fill.forced == "liquidation"
    fee_cause = Cause.LIQUIDATION_FEE if is_taken_over else Cause.FEE
    parts = (
        (":pnl", Cause.REALISED_PNL, rules.settle, profit),
        (":fee", fee_cause, fill.fee_coin, -fill.fee),
    )
    return [
        LedgerBooked(
            at=row.at,
            entry_id=row.row_id + suffix,
            cause=cause,
            postings=(_posting(name, amount),),
            intent_id=fill.intent_id,
            symbol=fill.symbol,
        )
        for suffix, cause, name, amount in parts
        if amount != 0
    ]


def margin_moves(
    before: Mapping[PositionKey, Position],
    after: Mapping[PositionKey, Position],
    contracts: Mapping[str, ContractRules],
) -> Sequence[Posting]:
    """The earmarks that isolated margins changed by; they move no coins."""
    moves = []
    for key in sorted({*before, *after}):
        was = before[key].margin if key in before else ZERO
        now = after[key].margin if key in after else ZERO
        if now != was:
            posting = Posting(
                account=FUTURES,
                coin=contracts[key.symbol].settle,
                amount=now - was,
                bucket=Bucket.MARGIN,
                symbol=str(key),
            )
            moves.append(posting)
    return moves


def _posting(name: str, amount: Decimal) -> Posting:
    return Posting(account=FUTURES, coin=name, amount=amount)
