"""The futures documents of a file as accounts, contracts and marks.

Groups wallets, positions and orders by settle currency and says what is lacking.
Glue between the documents and ``bot.risk``; holds no formula.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bot.domain.accounts import MarginMode, Position, PositionKey
from bot.domain.errors import UsageError
from bot.domain.instruments import ContractRules, Lots
from bot.domain.money import ONE, ZERO
from bot.domain.orders import OrderState
from bot.report.answers import Gap
from bot.report.documents import FuturesDocuments
from bot.risk.futures_shape import (
    MIN_TAKER_FEE_RATE,
    FuturesAccount,
    FuturesShape,
    OpenOrder,
    futures_shape,
)
from connectors.kucoin.parse.contracts import Contract
from connectors.kucoin.parse.envelope import coin
from connectors.kucoin.parse.futures_orders import FuturesOrder
from connectors.kucoin.parse.positions import PositionLine, position
from connectors.kucoin.parse.wallets import Wallet

__all__ = ["FuturesState", "SettleState", "futures_state"]

_UNREAD: Final = Decimal("NaN")
"""Stands for rules that no risk formula reads; comparing it is an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleState:
    """One settle currency. ``gaps`` is what the documents do not tell.

    ``hides_positions`` and ``hides_orders`` are set where positions or orders may
    exist that the documents do not show: then what depends on them is unknown.
    ``leverages`` is what the positions and orders of a symbol state.
    """

    settle: str
    account: FuturesAccount
    shape: FuturesShape
    lines: Mapping[PositionKey, PositionLine]
    positions: Mapping[PositionKey, Position]
    leverages: Mapping[str, Decimal]
    gaps: tuple[Gap, ...]
    hides_positions: bool
    hides_orders: bool

    @property
    def is_blind(self) -> bool:
        """Whether the risk rate depends on something that is not shown."""
        return self.hides_positions or self.hides_orders


@dataclass(frozen=True, slots=True, kw_only=True)
class FuturesState:
    """All settle currencies, with the rules and marks that they share."""

    settles: Mapping[str, SettleState]
    rules: Mapping[str, ContractRules]
    marks: Mapping[str, Decimal]


def futures_state(documents: FuturesDocuments | None) -> FuturesState:
    """Group the futures documents by settle currency, in the wallet's words.

    Raises:
        UsageError: A position or order tells no settle currency and its contract
            is not known.
    """
    if documents is None:
        return FuturesState(settles={}, rules={}, marks={})
    rules = {
        symbol: known
        for symbol, item in documents.contracts.items()
        if (known := _rules(item)) is not None
    }
    names = {coin(word): word for word in documents.wallets}
    lines: dict[str, list[PositionLine]] = {}
    for line in (documents.positions or {}).values():
        settle = _settle(line, documents.contracts, names)
        lines.setdefault(settle, []).append(line)
    orders: dict[str, list[FuturesOrder]] = {}
    for order in () if documents.orders is None else documents.orders.orders:
        if _counts(order):
            settle = _settle(order, documents.contracts, names)
            orders.setdefault(settle, []).append(order)
    settles = [*documents.wallets]
    settles += sorted((lines.keys() | orders.keys()) - documents.wallets.keys())
    return FuturesState(
        settles={
            name: _settle_state(
                documents, rules, name, lines.get(name, []), orders.get(name, [])
            )
            for name in settles
        },
        rules=rules,
        marks=_marks(documents),
    )


def _counts(order: FuturesOrder) -> bool:
    """Whether an order is live: not done and not a stop that waits."""
    return order.state is OrderState.OPEN and not order.is_waiting


def _settle(
    item: PositionLine | FuturesOrder,
    contracts: Mapping[str, Contract],
    names: dict[str, str],
) -> str:
    """The settle currency of a position or order, in the wallet's word."""
    listed = contracts.get(item.symbol)
    word = item.settle or (None if listed is None else listed.settle)
    if word is None:
        raise UsageError(
            f"{item.path}.settleCurrency must be a text, but it is absent and the "
            f"contract {item.symbol} is not among the contracts."
        )
    return names.setdefault(coin(word), word)


def _marks(documents: FuturesDocuments) -> Mapping[str, Decimal]:
    """The contract's mark, else a mark that one of its positions carries."""
    marks = {
        line.symbol: line.mark_price
        for line in (documents.positions or {}).values()
        if line.mark_price is not None
    }
    for symbol, item in documents.contracts.items():
        if item.mark_price is not None:
            marks[symbol] = item.mark_price
    return marks


def _rules(item: Contract) -> ContractRules | None:
    """The rules that the risk formulas read; None without size or direction.

    A rule that only trading needs and the document lacks is not a number here.
    A taker rate that is not stated counts as the exchange's default.
    """
    if item.multiplier is None or item.is_inverse is None:
        return None
    taker = item.taker_fee_rate
    return ContractRules(
        symbol=item.symbol,
        base=item.base or "",
        quote=item.quote or "",
        settle=item.settle or "",
        is_inverse=item.is_inverse,
        multiplier=item.multiplier,
        lot_size=item.lot_size or 1,
        tick_size=_UNREAD if item.tick_size is None else item.tick_size,
        max_order_lots=item.max_order_lots or 0,
        max_leverage=_UNREAD if item.max_leverage is None else item.max_leverage,
        k=item.k,
        m=item.m,
        f=item.f,
        mmr_limit=item.mmr_limit,
        mmr_lev_constant=item.mmr_lev_constant,
        maker_fee_rate=_UNREAD if item.maker_fee_rate is None else item.maker_fee_rate,
        taker_fee_rate=MIN_TAKER_FEE_RATE if taker is None else taker,
        price_band=_UNREAD if item.price_band is None else item.price_band,
        cross_risk_limit=item.cross_risk_limit,
        initial_margin_rate=item.initial_margin_rate,
        maintenance_margin_rate=item.maintenance_margin_rate,
    )


def _settle_state(
    documents: FuturesDocuments,
    rules: Mapping[str, ContractRules],
    name: str,
    lines: list[PositionLine],
    orders: list[FuturesOrder],
) -> SettleState:
    wallet = documents.wallets.get(name)
    held = {line.key: _position(line, rules.get(line.symbol)) for line in lines}
    modes = {line.symbol: line.mode for line in lines}
    gaps = [*_wallet_gaps(wallet), *_taker_gaps(documents, lines, orders)]
    unseen = _unseen_positions(documents, wallet, lines)
    order_gap, hides_orders = _unseen_orders(documents, wallet)
    gaps += [each for each in (unseen, order_gap) if each is not None]
    account = FuturesAccount(
        settle=name,
        wallet=_cross_wallet(wallet),
        positions=tuple(held.values()),
        orders=tuple(
            opened for each in orders if (opened := _order(each, modes)) is not None
        ),
    )
    return SettleState(
        settle=name,
        account=account,
        shape=futures_shape(account, rules),
        lines={line.key: line for line in lines},
        positions=held,
        leverages=_leverages(lines, orders),
        gaps=tuple(gaps),
        hides_positions=unseen is not None,
        hides_orders=hides_orders,
    )


def _cross_wallet(wallet: Wallet | None) -> Decimal | None:
    """The wallet less what isolated positions and orders took; None if unknown."""
    if wallet is None:
        return None
    parts = (wallet.isolated_order_margin, wallet.isolated_position_margin)
    if wallet.balance is None or None in parts:
        return None
    return wallet.balance - sum((part for part in parts if part is not None), ZERO)


def _wallet_gaps(wallet: Wallet | None) -> list[Gap]:
    if wallet is None:
        return []
    stated = {
        "walletBalance": wallet.balance,
        "isolatedOrderMargin": wallet.isolated_order_margin,
        "isolatedPosMargin": wallet.isolated_position_margin,
    }
    return [
        (
            f"futures.wallets.{wallet.currency}.{field}",
            f"The {wallet.currency} wallet does not state {field}.",
        )
        for field, value in stated.items()
        if value is None
    ]


def _taker_gaps(
    documents: FuturesDocuments, lines: list[PositionLine], orders: list[FuturesOrder]
) -> list[Gap]:
    symbols = dict.fromkeys(
        [*(line.symbol for line in lines), *(order.symbol for order in orders)]
    )
    return [
        (
            f"futures.contracts.{symbol}.takerFeeRate",
            f"{symbol} states no taker fee rate; {MIN_TAKER_FEE_RATE} was taken.",
        )
        for symbol in symbols
        if symbol in documents.contracts
        and documents.contracts[symbol].taker_fee_rate is None
    ]


def _unseen_positions(
    documents: FuturesDocuments, wallet: Wallet | None, lines: list[PositionLine]
) -> Gap | None:
    """Positions that were not given: none exist only if the wallet says so.

    A list without a cross position, beside a wallet that holds margin for one, is
    not the whole list.
    """
    if wallet is None or wallet.cross_position_margin == 0:
        return None
    margin, word = wallet.cross_position_margin, wallet.currency
    if documents.positions is None:
        reason = f"The positions of the {word} wallet were not given."
        return ("futures.positions", reason)
    if margin is None or any(line.mode is MarginMode.CROSS for line in lines):
        return None
    reason = f"The {word} wallet holds {margin} for cross positions; none is listed."
    return ("futures.positions", reason)


def _unseen_orders(
    documents: FuturesDocuments, wallet: Wallet | None
) -> tuple[Gap | None, bool]:
    """Orders that were not given, and whether there may be any.

    Without a word from the wallet none are taken, and that is said.
    """
    field = "futures.orders"
    if documents.orders is not None:
        if documents.orders.is_complete:
            return None, False
        return (field, "Only one page of several was given."), True
    margin = None if wallet is None else wallet.cross_order_margin
    if margin is None:
        return (field, "The open orders were not given; none were taken."), False
    if margin == 0:
        return None, False
    reason = f"The wallet holds {margin} for open orders that were not given."
    return (field, reason), True


def _position(line: PositionLine, rules: ContractRules | None) -> Position:
    """The position in the domain's words; without rules it has no exact cost.

    A position of an unknown contract is only carried along so that its absence
    from the sums is noticed; nothing reads its cost.
    """
    if rules is not None and (line.mode is MarginMode.CROSS or line.margin is not None):
        return position(line, rules)
    return Position(
        symbol=line.symbol,
        lots=line.lots,
        entry_value=_UNREAD,
        mode=line.mode,
        side=line.side,
        leverage=ONE if line.leverage is None else line.leverage,
    )


def _order(order: FuturesOrder, modes: Mapping[str, MarginMode]) -> OpenOrder | None:
    """A live order as the formulas see it; one that tells no side only closes."""
    if order.side is None:
        return None
    mode = order.mode or modes.get(order.symbol, MarginMode.CROSS)
    return OpenOrder(
        symbol=order.symbol,
        side=order.side,
        lots=Lots(order.remaining_lots),
        price=order.price,
        reduce_only=order.reduce_only,
        close=order.close,
        mode=mode,
        position_side=order.position_side,
    )


def _leverages(
    lines: list[PositionLine], orders: list[FuturesOrder]
) -> Mapping[str, Decimal]:
    """The leverage of each symbol, from its orders or (better) its position."""
    found: dict[str, Decimal] = {}
    items: list[FuturesOrder | PositionLine] = [*orders, *lines]
    for item in items:
        mode = item.mode or MarginMode.CROSS
        if item.leverage is not None and mode is MarginMode.CROSS:
            found[item.symbol] = item.leverage
    return found
