"""How many lots each symbol can still open, as far as the documents allow.

Glue between ``futures_state`` and the formulas of ``bot.risk``; holds none itself.
"""

from collections.abc import Mapping
from decimal import Decimal

from bot.domain.accounts import MarginMode
from bot.domain.orders import Side
from bot.report.answers import Json, number
from bot.report.documents import FuturesDocuments
from bot.report.futures_state import FuturesState, SettleState
from bot.risk.curves import max_open_lots
from bot.risk.futures_shape import FuturesAccount
from bot.risk.order_margin import ContractTerms, funds_used

__all__ = ["max_open"]


def max_open(
    documents: FuturesDocuments,
    state: FuturesState,
    item: SettleState,
    total_margin: Decimal | None,
) -> dict[str, Json]:
    """Lots that can be bought and sold by symbol, at mark and without a fee.

    A symbol is listed where its leverage is known, from a cross position or order,
    and its contract states every parameter. A symbol of which something else is
    not known is left out, never guessed.
    """
    if total_margin is None or item.is_blind:
        return {}
    terms = {
        symbol: ContractTerms(rules=rules, mark=mark, leverage=leverage)
        for symbol, leverage in item.leverages.items()
        if (rules := state.rules.get(symbol)) is not None
        and (mark := state.marks.get(symbol)) is not None
    }
    found: dict[str, Json] = {}
    for symbol in sorted(terms):
        listed = documents.contracts[symbol]
        if listed.lot_size is None or listed.max_order_lots is None:
            continue
        sides = _sides(item.account, terms, symbol, total_margin)
        if None not in sides.values():
            found[symbol] = {name: number(lots) for name, lots in sides.items()}
    return found


def _sides(
    account: FuturesAccount,
    terms: Mapping[str, ContractTerms],
    symbol: str,
    total_margin: Decimal,
) -> dict[str, int | None]:
    """Lots to buy and lots to sell; None where a margin is not known."""
    used = funds_used(account, terms.values(), but=symbol)
    if used is None:
        return {"buy": None, "sell": None}
    item = terms[symbol]
    held = sum(
        each.lots
        for each in account.positions
        if each.symbol == symbol and each.mode is MarginMode.CROSS
    )
    return {
        side.value: max_open_lots(
            item.rules,
            item.mark,
            item.leverage,
            total_margin - used,
            side.sign * held + _ordered(account, symbol, side),
        )
        for side in Side
    }


def _ordered(account: FuturesAccount, symbol: str, side: Side) -> int:
    return sum(
        each.lots
        for each in account.orders
        if each.symbol == symbol and each.side is side and each.can_open
    )
