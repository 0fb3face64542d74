"""The shadow as a strategy may see it: read only, stale marks are unknown.

``ShadowView`` implements ``bot.domain.strategy.View`` over one shadow. A mark
older than its limit is returned as ``None``, so that a strategy cannot trade on
it. Risk numbers are computed when asked for. Nothing here changes anything.
What a strategy is given is made by ``strategy_view``: whatever can be reached from it
is read only, so that no strategy can change the books that the guard reads.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from bot.domain.accounts import (
    FUTURES,
    AccountId,
    Balance,
    Position,
    PositionKey,
)
from bot.domain.events import (
    BorrowRateQuoted,
    FundingQuoted,
    LiquidityQuoted,
    OrderChanged,
)
from bot.domain.instruments import Rules
from bot.domain.intents import (
    AdjustMargin,
    Approved,
    Borrow,
    CancelOrder,
    CancelStop,
    Intent,
    PlaceOrder,
    PlaceStop,
    Repay,
    Transfer,
)
from bot.domain.money import ONE
from bot.domain.orders import IntentState
from bot.domain.room import Room, RoomAsked
from bot.domain.strategy import OpenOrder, Setback
from bot.risk.free_margin import affordable_lots
from bot.risk.measure import measure_subject
from bot.shadow.read_only import read_only
from bot.shadow.state import Shadow

__all__ = ["ShadowView", "strategy_view", "touched"]

_NOTHING: Final[Mapping[str, Balance]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ShadowView:
    """One shadow, read only."""

    shadow: Shadow
    stale_after: timedelta
    due_job: str | None = None
    """The job that fired, None when a fact about requests or positions did."""
    sizer: Callable[[RoomAsked], Room] | None = None
    """Finds how much new risk would be admitted."""

    @property
    def at(self) -> datetime:
        """The time of the newest fact."""
        return self.shadow.at

    @property
    def rules(self) -> Rules:
        """The exchange's rules as last read."""
        return self.shadow.rules

    def mark(self, coin: str) -> Decimal | None:
        """Margin mark price of a coin, None when unknown or stale."""
        if coin == "USDT" and coin not in self.shadow.margin_marks:
            return ONE
        return self._fresh(coin, self.shadow.margin_marks)

    def futures_mark(self, symbol: str) -> Decimal | None:
        """Mark price of a contract, None when unknown or stale."""
        return self._fresh(symbol, self.shadow.futures_marks)

    def _fresh(self, name: str, marks: Mapping[str, Decimal]) -> Decimal | None:
        age = self.shadow.mark_age(name)
        if age is None or age > self.stale_after:
            return None
        return marks.get(name)

    def balance(self, account: AccountId, coin: str) -> Balance:
        """A coin in an account."""
        return self.shadow.balance(account, coin)

    def balances(self, account: AccountId) -> Mapping[str, Balance]:
        """All coins of an account."""
        return self.shadow.balances.get(account, _NOTHING)

    def accounts(self) -> Sequence[AccountId]:
        """The accounts that exist, sorted."""
        return tuple(sorted(self.shadow.balances))

    def position(self, symbol: str) -> Position | None:
        """The one-way position of a contract."""
        return self.shadow.positions.get(PositionKey(symbol))

    def positions(self) -> Sequence[Position]:
        """All futures positions, sorted by key."""
        found = self.shadow.positions
        return tuple(found[key] for key in sorted(found))

    def funding(self, symbol: str) -> FundingQuoted | None:
        """The current funding quote of a contract."""
        return self.shadow.funding.get(symbol)

    def funding_past(self, symbol: str) -> Sequence[FundingQuoted]:
        """The last quote of each cycle that is over, oldest first."""
        return self.shadow.funding_past.get(symbol, ())

    def borrow_rate(self, coin: str) -> BorrowRateQuoted | None:
        """The current borrow rate and inventory of a coin."""
        return self.shadow.borrow.get(coin)

    def liquidity(self, symbol: str) -> LiquidityQuoted | None:
        """The depth of a market."""
        return self.shadow.liquidity.get(symbol)

    def debt_ratio(self, account: AccountId) -> Decimal | None:
        """Debt ratio of a margin account; zero without debt."""
        measure = measure_subject(self.shadow, account)
        return Decimal(0) if measure is None else measure.ratio

    def risk_rate(self, settle: str) -> Decimal | None:
        """Cross risk rate of a settle currency; zero without positions."""
        measure = measure_subject(self.shadow, f"futures:{settle}")
        return Decimal(0) if measure is None else measure.ratio

    def distance(self, account: AccountId) -> Decimal | None:
        """Nearest adverse uniform move of a margin account, or of USDT futures."""
        subject = "futures:USDT" if account == FUTURES else account
        measure = measure_subject(self.shadow, subject)
        return None if measure is None else measure.distance

    def affordable_lots(self, order: PlaceOrder) -> Decimal:
        """The most lots of an opening futures order that the free margin carries."""
        return affordable_lots(self.shadow, order)

    def room(self, asked: RoomAsked) -> Room | None:
        """The largest that may be opened now, found by ``sizer``; None without one."""
        return None if self.sizer is None else self.sizer(asked)

    def fee_rates(self, symbol: str) -> tuple[Decimal, Decimal] | None:
        """(maker, taker) fee rates of a symbol."""
        contract = self.shadow.rules.contracts.get(symbol)
        if contract is not None:
            return contract.maker_fee_rate, contract.taker_fee_rate
        return self.shadow.rules.spot_fee_rates.get(symbol)

    def returns(self, coin: str) -> Sequence[tuple[datetime, Decimal]]:
        """Past hourly closes of a coin, oldest first."""
        return self.shadow.closes.get(coin, ())

    def open_orders(self) -> Sequence[OpenOrder]:
        """Orders that rest at the exchange, ours and foreign ones."""
        return tuple(map(self._open_order, self.shadow.orders.values()))

    def _open_order(self, order: OrderChanged) -> OpenOrder:
        request = self.shadow.request_of_order(order)
        return OpenOrder(
            order_id=order.order_id,
            intent_id=order.intent_id,
            account=order.account,
            symbol=order.symbol,
            side_sign=order.side.sign,
            remaining=order.qty - order.filled_qty,
            price=order.price,
            reduce_only=order.reduce_only,
            placed_at=None if request is None else request.sent_at,
        )

    def in_flight(self, owner: str) -> Sequence[Approved]:
        """Requests of an owner whose outcome is not known yet.

        An order that was accepted is one until it has left the book: its fills may
        be on their way.
        """
        return tuple(
            request.approved
            for request in self.shadow.requests.values()
            if request.approved.owner == owner
        )

    def pairs_in_flight(self) -> frozenset[str]:
        """Coins of which anybody trades both legs now and is not done."""
        found = (r.approved.pair for r in self.shadow.requests.values())
        return frozenset(coin for coin in found if coin is not None)

    def setback(self, owner: str, name: str) -> Setback | None:
        """What was last refused or fell short of an owner on a coin or symbol."""
        return self.shadow.setbacks.get((owner, name))

    def is_halted(self, symbol: str) -> bool:
        """Whether a symbol takes no new orders."""
        return symbol in self.shadow.halted

    def is_frozen(self, account: AccountId, name: str) -> bool:
        """Whether a request in doubt blocks new risk on a coin or symbol.

        An order in doubt freezes its symbol and the coins that it would trade.
        """
        return any(
            request.state is IntentState.IN_DOUBT
            and (account, name) in touched(self.shadow.rules, request.approved.intent)
            for request in self.shadow.requests.values()
        )


def strategy_view(
    shadow: Shadow,
    stale_after: timedelta,
    due_job: str | None = None,
    sizer: Callable[[RoomAsked], Room] | None = None,
) -> ShadowView:
    """The view that a strategy is asked with: in depth, nothing of it can be changed.

    Args:
        shadow: The account and the market now.
        stale_after: From this age on a mark is unknown.
        due_job: The job that fired, None for a fact.
        sizer: Finds how much new risk would be admitted.
    """
    return ShadowView(read_only(shadow), stale_after, due_job, sizer)


def touched(rules: Rules, intent: Intent) -> tuple[tuple[AccountId, str], ...]:
    """The coins and symbols that an intent changes, each with its account.

    Example:
        >>> from decimal import Decimal
        >>> from bot.domain.intents import Repay
        >>> touched(Rules(), Repay(
        ...     account=AccountId("margin_cross"), coin="USDT", amount=Decimal(1)))
        (('margin_cross', 'USDT'),)
    """
    match intent:
        case Transfer(source=source, target=target, coin=coin):
            return ((source, coin), (target, coin))
        case Borrow(account=account, coin=coin) | Repay(account=account, coin=coin):
            return ((account, coin),)
        case PlaceOrder(account=account, symbol=symbol):
            names = (symbol, *_coins_of(rules, symbol))
            return tuple((account, name) for name in names)
        case CancelOrder() | PlaceStop() | CancelStop():
            return ((intent.account, intent.symbol),)
        case AdjustMargin(symbol=symbol):
            return tuple(
                (FUTURES, name) for name in (symbol, *_coins_of(rules, symbol))
            )


def _coins_of(rules: Rules, symbol: str) -> tuple[str, ...]:
    """The coins that trading a symbol moves in its account."""
    pair = rules.spot.get(symbol)
    if pair is not None:
        return (pair.base, pair.quote)
    contract = rules.contracts.get(symbol)
    return () if contract is None else (contract.settle,)
