"""How many lots each symbol can still open, as far as the documents allow.

Glue between ``futures_state`` and the formulas of ``bot.risk``; holds none itself.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from bot.domain.accounts import MarginMode, Position
from bot.domain.money import ZERO
from bot.domain.orders import Side
from bot.report.answers import Json, number
from bot.report.documents import FuturesDocuments
from bot.report.futures_state import FuturesState, SettleState
from bot.risk.curves import max_open_lots
from bot.risk.futures_shape import FuturesAccount, OpenOrder
from bot.risk.order_margin import ContractTerms, contract_margin

__all__ = ["max_open"]


def max_open(
    documents: FuturesDocuments,
    state: FuturesState,
    item: SettleState,
    total_margin: Decimal | None,
) -> dict[str, Json]:
    """Lots that can be bought and sold by symbol, at mark and without a fee.

    A symbol is listed where its leverage is known, from a cross position or order,
    and its contract states every parameter. What other contracts take is their
    initial margin; while that of one is not known, no other symbol is listed.
    """
    if total_margin is None or item.is_blind:
        return {}
    accounts = _by_symbol(item.account)
    terms = _terms(state, item)
    used = {
        symbol: contract_margin(account, terms[symbol]) if symbol in terms else None
        for symbol, account in accounts.items()
    }
    unknown = {symbol for symbol, margin in used.items() if margin is None}
    all_used = sum((margin for margin in used.values() if margin is not None), ZERO)
    found: dict[str, Json] = {}
    for symbol, own in used.items():
        listed = documents.contracts.get(symbol)
        if listed is None or listed.lot_size is None or listed.max_order_lots is None:
            continue
        if symbol not in terms or unknown - {symbol}:
            continue
        funds = total_margin - all_used + (own or ZERO)
        sides = _sides(accounts[symbol], terms[symbol], funds)
        if None not in sides.values():
            found[symbol] = {name: number(lots) for name, lots in sides.items()}
    return found


def _terms(state: FuturesState, item: SettleState) -> Mapping[str, ContractTerms]:
    return {
        symbol: ContractTerms(rules=rules, mark=mark, leverage=leverage)
        for symbol, leverage in item.leverages.items()
        if (rules := state.rules.get(symbol)) is not None
        and (mark := state.marks.get(symbol)) is not None
    }


def _by_symbol(account: FuturesAccount) -> Mapping[str, FuturesAccount]:
    """The cross positions and opening orders of each symbol, as accounts."""
    positions: dict[str, list[Position]] = {}
    orders: dict[str, list[OpenOrder]] = {}
    for position in account.positions:
        if position.mode is MarginMode.CROSS:
            positions.setdefault(position.symbol, []).append(position)
    for order in account.orders:
        if order.can_open:
            orders.setdefault(order.symbol, []).append(order)
    return {
        symbol: replace(
            account,
            positions=tuple(positions.get(symbol, ())),
            orders=tuple(orders.get(symbol, ())),
        )
        for symbol in sorted(positions.keys() | orders.keys())
    }


def _sides(
    account: FuturesAccount, terms: ContractTerms, funds: Decimal
) -> dict[str, int | None]:
    """Lots to buy and lots to sell of the only symbol of an account."""
    held = sum(each.lots for each in account.positions)
    ordered = {
        side: sum(each.lots for each in account.orders if each.side is side)
        for side in Side
    }
    return {
        side.value: max_open_lots(
            terms.rules,
            terms.mark,
            terms.leverage,
            funds,
            side.sign * held + ordered[side],
        )
        for side in Side
    }
