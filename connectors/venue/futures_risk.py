"""The venue's own futures numbers: margins, the risk rate, what is free.

Written naively from KuCoin's pages (futures-and-unified.md, sections 2 and 3) to
check the product, so it may not import ``bot.risk``. Everything is per settle
currency and at mark. Readings where KuCoin is silent: the taker rate is the larger
of 0.06 % and the contract's; a contract's size is its worst one-sided execution of
open orders; in hedge mode the long and the short side are two books that add up;
orders that only close count nowhere. Nothing here changes any state.
"""

from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Final

from bot.domain.accounts import MarginMode, Position, PositionKey
from bot.domain.instruments import ContractRules, RiskTier
from bot.domain.money import ONE, ZERO
from bot.domain.orders import Side
from connectors.venue.futures_state import FuturesOrder, FuturesState

__all__ = [
    "LIQUIDATION_FEE_RATE",
    "SideBook",
    "book_margin",
    "cross_margin",
    "equity",
    "free_cash",
    "has_maintenance_rate",
    "imr",
    "initial_margin_in_use",
    "isolated_maintenance_rate",
    "isolated_margin_rate",
    "isolated_order_margin",
    "isolated_tier",
    "maximum_size",
    "mmr",
    "opening_cash",
    "position_value",
    "risk_rate",
    "side_books",
    "taker_rate",
    "tier_of",
    "tier_value",
    "unrealised_pnl",
]

LIQUIDATION_FEE_RATE: Final = Decimal("0.0006")
"""Isolated liquidation fee since May 2025, and the floor of the taker rate."""

_CURVE_DIGITS: Final = 50
_USUAL_F: Final = Decimal("1.3")


def taker_rate(contract: ContractRules) -> Decimal:
    """The taker rate that the risk rate reckons with: at least 0.06 %."""
    return max(LIQUIDATION_FEE_RATE, contract.taker_fee_rate)


def has_maintenance_rate(contract: ContractRules) -> bool:
    """Whether a contract states enough for ``mmr``; others must not be held."""
    curve = (contract.m, contract.mmr_lev_constant, contract.mmr_limit)
    flat = contract.maintenance_margin_rate
    return flat is not None or all(part is not None for part in curve)


def mmr(contract: ContractRules, lots: int) -> Decimal:
    """Maintenance margin rate in cross mode: ``min(limit, (1 + n/m)/(2 const))``.

    Source: futures-and-unified.md 2.2. Example: 12.102 BTC of XBTUSDTM with m 300
    and constant 125 is (1 + 12.102/300)/250 = 0.00416136.

    Raises:
        ValueError: The contract has neither the curve nor a flat rate.
    """
    size = abs(contract.curve_size(Decimal(lots)))
    m, constant = contract.m, contract.mmr_lev_constant
    if m is not None and constant is not None and contract.mmr_limit is not None:
        return min(contract.mmr_limit, (ONE + size / m) / (2 * constant))
    if contract.maintenance_margin_rate is None:
        raise ValueError(f"{contract.symbol} states no maintenance margin rate")
    return contract.maintenance_margin_rate


def imr(contract: ContractRules, lots: int, leverage: Decimal) -> Decimal:
    """Initial margin rate in cross mode: ``max(1/leverage, f x MMR)`` (2.3).

    A contract that states no ``f`` gets 1.3, which every listed one has.
    """
    factor = _USUAL_F if contract.f is None else contract.f
    return max(ONE / leverage, factor * mmr(contract, lots))


def maximum_size(contract: ContractRules, leveraged: Decimal, price: Decimal) -> int:
    """The most lots that ``leveraged`` (free margin x leverage) can carry (2.6).

    ``k x ln(1 + leveraged / (k x u))`` with ``u`` the value of one unit of size,
    floored to lots. Example: k 490, 100,000 USDT at 10x and 60,000 gives 16.38949
    BTC, which is 16389 lots of XBTUSDTM.
    """
    if contract.k is None or leveraged <= 0:
        return 0
    unit_size = contract.curve_size(ONE)
    unit = contract.value(ONE, price) / unit_size
    with localcontext() as context:
        context.prec = _CURVE_DIGITS
        size = contract.k * (ONE + leveraged / (contract.k * unit)).ln()
    return int(size / unit_size)


def position_value(state: FuturesState, position: Position) -> Decimal:
    """The unsigned value of a position at mark, in the settle currency."""
    contract = state.contract(position.symbol)
    return abs(contract.value(Decimal(position.lots), state.mark(position.symbol)))


def unrealised_pnl(state: FuturesState, position: Position) -> Decimal:
    """Profit at mark, in the settle currency, not rounded.

    Linear: value less cost. Inverse: cost less value (a long gains when a lot is
    worth fewer coins).
    """
    contract = state.contract(position.symbol)
    value = contract.value(Decimal(position.lots), state.mark(position.symbol))
    gain = value - position.entry_value
    return -gain if contract.is_inverse else gain


def _unrealised(state: FuturesState, settle: str, mode: MarginMode) -> Decimal:
    return sum((unrealised_pnl(state, p) for p in state.held(settle, mode)), ZERO)


def equity(state: FuturesState, settle: str) -> Decimal:
    """Wallet and every unrealised profit, in the settle currency."""
    return (
        state.wallet(settle)
        + _unrealised(state, settle, MarginMode.CROSS)
        + _unrealised(state, settle, MarginMode.ISOLATED)
    )


def isolated_order_margin(state: FuturesState, settle: str) -> Decimal:
    """What resting isolated orders keep: value x (1/leverage + taker) (3.3)."""
    total = ZERO
    for order in state.resting(settle, MarginMode.ISOLATED):
        if order.opens:
            contract = state.contract(order.symbol)
            value = contract.value(Decimal(order.lots), order.price)
            total += value * (ONE / order.leverage + taker_rate(contract))
    return total


def cross_margin(state: FuturesState, settle: str) -> Decimal:
    """Total cross margin C: wallet, less everything isolated, plus cross PnL (2.1)."""
    return (
        state.wallet(settle)
        - isolated_order_margin(state, settle)
        - state.isolated_margin(settle)
        + _unrealised(state, settle, MarginMode.CROSS)
    )


@dataclass(slots=True, kw_only=True)
class SideBook:
    """One contract (one side of it in hedge mode): a position and opening orders."""

    key: PositionKey
    position: int = 0
    buys: int = 0
    sells: int = 0
    leverage: Decimal | None = None
    """The lowest leverage of the position and its opening orders."""

    def add(self, order: FuturesOrder) -> None:
        """Count an opening order."""
        if order.side is Side.BUY:
            self.buys += order.lots
        else:
            self.sells += order.lots
        self.lower_leverage(order.leverage)

    def lower_leverage(self, leverage: Decimal) -> None:
        """Keep the lowest leverage, which needs the most margin."""
        known = self.leverage
        self.leverage = leverage if known is None else min(known, leverage)

    @property
    def worst(self) -> int:
        """Unsigned lots after the worst one-sided execution of the orders (2.4)."""
        return max(abs(self.position + self.buys), abs(self.position - self.sells))

    @property
    def opening(self) -> int:
        """Lots whose opening fee is expected: the larger side of the orders."""
        return max(self.buys, self.sells)


def side_books(state: FuturesState, settle: str) -> dict[PositionKey, SideBook]:
    """The cross books of a settle currency by symbol and side, sorted."""
    books: dict[PositionKey, SideBook] = {}
    for position in state.held(settle, MarginMode.CROSS):
        books[position.key] = SideBook(
            key=position.key, position=position.lots, leverage=position.leverage
        )
    for order in state.resting(settle, MarginMode.CROSS):
        if order.opens:
            books.setdefault(order.key, SideBook(key=order.key)).add(order)
    return dict(sorted(books.items()))


def risk_rate(state: FuturesState, settle: str) -> Decimal | None:
    """KuCoin's risk rate R of a settle currency (2.4); 1 is liquidation.

    ``(sum n x mark x MMR(n) + closing fees) / (C - opening fees)``. Zero without
    exposure; None when the margin is used up while there is exposure.
    """
    due, opening_fee = ZERO, ZERO
    for book in side_books(state, settle).values():
        contract = state.contract(book.key.symbol)
        lot = contract.value(ONE, state.mark(book.key.symbol))
        rate = taker_rate(contract)
        due += book.worst * lot * (mmr(contract, book.worst) + rate)
        opening_fee += book.opening * lot * rate
    if due == 0:
        return ZERO
    margin = cross_margin(state, settle) - opening_fee
    return due / margin if margin > 0 else None


def book_margin(state: FuturesState, book: SideBook) -> Decimal:
    """Initial margin of one cross book at mark, opening fees of its orders included."""
    contract = state.contract(book.key.symbol)
    lot = contract.value(ONE, state.mark(book.key.symbol))
    rate = imr(contract, book.worst, book.leverage or ONE)
    return lot * (book.worst * rate + book.opening * taker_rate(contract))


def initial_margin_in_use(state: FuturesState, settle: str) -> Decimal:
    """Initial margin of all cross positions and opening orders, in settle currency."""
    books = side_books(state, settle).values()
    return sum((book_margin(state, book) for book in books), ZERO)


def opening_cash(state: FuturesState, settle: str) -> Decimal:
    """What a new cross order may use: C less the initial margin in use."""
    return cross_margin(state, settle) - initial_margin_in_use(state, settle)


def free_cash(state: FuturesState, settle: str) -> Decimal:
    """What may leave the wallet: a cross profit is not cash, a cross loss counts."""
    profit = max(ZERO, _unrealised(state, settle, MarginMode.CROSS))
    return max(ZERO, opening_cash(state, settle) - profit)


def tier_of(contract: ContractRules, value: Decimal) -> int | None:
    """The number of the isolated tier that holds ``value``; None is above the last."""
    for number, tier in enumerate(contract.tiers):
        if value <= tier.max_notional:
            return number
    return None


def isolated_tier(contract: ContractRules, value: Decimal) -> RiskTier | None:
    """The isolated tier of a value; the last one for anything larger."""
    if not contract.tiers:
        return None
    number = tier_of(contract, value)
    return contract.tiers[-1 if number is None else number]


def tier_value(state: FuturesState, position: Position) -> Decimal:
    """The value that picks an isolated tier: at mark or at entry, the larger.

    KuCoin does not say which; the larger one is the conservative reading.
    """
    return max(position_value(state, position), abs(position.entry_value))


def isolated_maintenance_rate(
    contract: ContractRules, value: Decimal, lots: int
) -> Decimal:
    """MMR of an isolated position: its tier's, else the contract's flat one."""
    tier = isolated_tier(contract, value)
    if tier is not None:
        return tier.maintenance_margin_rate
    flat = contract.maintenance_margin_rate
    return mmr(contract, lots) if flat is None else flat


def isolated_margin_rate(state: FuturesState, position: Position) -> Decimal | None:
    """Maintenance over margin of an isolated position; 1 is liquidation (3.1).

    ``mark value x (MMR + 0.0006) / (margin + unrealised profit)`` by the rules of
    22 May 2025, without the funding term. None when the margin is used up.
    """
    contract = state.contract(position.symbol)
    value = position_value(state, position)
    tiered = tier_value(state, position)
    rate = isolated_maintenance_rate(contract, tiered, position.lots)
    margin = position.margin + unrealised_pnl(state, position)
    return value * (rate + LIQUIDATION_FEE_RATE) / margin if margin > 0 else None
