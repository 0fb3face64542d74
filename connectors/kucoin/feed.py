"""What each push means: events to hand out now, and accounts to look at.

Theory of operation. Marks, ratios and statuses are facts and become events. Pushes
about money, orders and positions only wake: what they touch is read by a look, which
explains it with ledgers. A mapping from the type of a frame's value to one method; a
value that nobody knows is counted, touches everything private on its host and never
raises. No network, no clock, no waiting.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    SPOT,
    AccountId,
    isolated_account,
)
from bot.domain.events import (
    AccountStatus,
    AdlRankReported,
    Event,
    FundingQuoted,
    TradingHalted,
)
from bot.domain.orders import OrderState, StopState
from connectors.kucoin.mark_slot import MarkSlot
from connectors.kucoin.order_reads import of_futures_push, of_spot_push
from connectors.kucoin.parse.account_pushes import StopOrderPush
from connectors.kucoin.parse.funding import RatePush, SettlementNotice
from connectors.kucoin.parse.futures_orders import FuturesOrderPush
from connectors.kucoin.parse.ledgers import BalancePush
from connectors.kucoin.parse.margin_pushes import (
    CrossRatio,
    CrossStatus,
    IsolatedChange,
)
from connectors.kucoin.parse.marks import ContractMark, MarginMark
from connectors.kucoin.parse.positions import PositionUpdate, Settlement
from connectors.kucoin.parse.spot_orders import SpotOrderPush
from connectors.kucoin.parse.wallets import Wallet
from connectors.kucoin.registry import OrderRegistry
from connectors.kucoin.standing import Standing
from connectors.kucoin.streams import Frame

__all__ = ["Feed", "Interests", "Taken"]

_PREDICTED_MS: Final = 60_000
_FORCED: Final = frozenset({"liquidation", "adl"})
_NOTHING: Final[frozenset[AccountId]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Interests:
    """What a run cares about: coins, symbols and accounts."""

    coins: frozenset[str]
    """Margin coins, USDT included."""
    spot_symbols: frozenset[str] = frozenset()
    contracts: frozenset[str] = frozenset()
    pairs: frozenset[str] = frozenset()
    """Isolated margin pairs."""
    settles: frozenset[str] = frozenset({"USDT"})
    """Settle coins of the futures account, in our words."""

    @property
    def accounts(self) -> frozenset[AccountId]:
        """Every account that is read."""
        isolated = {isolated_account(pair) for pair in self.pairs}
        return frozenset({MAIN, SPOT, MARGIN_CROSS, FUTURES, *isolated})


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What one push leads to.

    ``events`` are handed out at once; ``touched`` accounts are looked at;
    ``is_urgent`` lets that look use the guard's share of the quota;
    ``funding_of`` names a contract whose funding must be read.
    """

    events: tuple[Event, ...] = ()
    touched: frozenset[AccountId] = _NOTHING
    is_urgent: bool = False
    funding_of: str | None = None


_NO_NEWS: Final = Taken()
_Handler = Callable[[Frame, Any], Taken]


@dataclass(slots=True, kw_only=True)
class Feed:
    """Frames in, events and touched accounts out.

    ``marks`` keeps the marks until they are taken; ``registry`` learns of orders;
    ``standing`` of ratios and statuses.
    """

    interests: Interests
    registry: OrderRegistry
    standing: Standing
    marks: MarkSlot = field(default_factory=MarkSlot)
    unknown: int = 0
    """Frames whose value no mapping knows."""
    ratio_at: datetime | None = None
    """When the cross ratio was last pushed."""
    _funding: dict[str, FundingQuoted] = field(default_factory=dict)
    _ranks: dict[str, int] = field(default_factory=dict)
    _wallets: dict[str, tuple[Decimal | None, ...]] = field(default_factory=dict)
    _halted: dict[str, str] = field(default_factory=dict)
    _handlers: Mapping[type, _Handler] = field(init=False)

    def __post_init__(self) -> None:
        """Exactly one method for each type of value that a socket delivers."""
        self._handlers = {
            MarginMark: self._margin_mark,
            ContractMark: self._contract_mark,
            RatePush: self._rate,
            SettlementNotice: self._notice,
            CrossRatio: self._cross_ratio,
            CrossStatus: self._cross_status,
            IsolatedChange: self._isolated,
            BalancePush: self._balance,
            SpotOrderPush: self._spot_order,
            FuturesOrderPush: self._futures_order,
            Wallet: self._wallet,
            PositionUpdate: self._position,
            Settlement: self._settlement,
            StopOrderPush: self._stop,
        }

    def take(self, frame: Frame) -> Taken:
        """What one frame leads to; it never raises for what the frame holds."""
        handler = self._handlers.get(type(frame.value))
        if handler is not None:
            return handler(frame, frame.value)
        self.unknown += 1
        if not frame.channel.is_private:
            return _NO_NEWS
        return Taken(touched=self.accounts_of_host(frame.channel.host))

    def accounts_of_host(self, host: str) -> frozenset[AccountId]:
        """The accounts that a private channel of a host tells of."""
        if host == "futures":
            return frozenset({FUTURES})
        return self.interests.accounts - {FUTURES}

    # -- facts that polls read too -----------------------------------------

    def quote_funding(self, quote: FundingQuoted) -> tuple[Event, ...]:
        """A contract's funding as read by REST; told when it changed."""
        known = self._funding.get(quote.symbol)
        self._funding[quote.symbol] = quote
        if known is not None and replace(known, at=quote.at) == quote:
            return ()
        return (quote,)

    def halt(
        self, at: datetime, symbol: str, cause: str, reason: str | None
    ) -> tuple[Event, ...]:
        """A symbol is halted for a cause (``reason`` set) or no longer (None).

        Causes are independent: a symbol opens when no cause is left.
        """
        key = f"{symbol} {cause}"
        before = self._is_halted(symbol)
        if reason is None:
            self._halted.pop(key, None)
        else:
            self._halted[key] = reason
        after = self._is_halted(symbol)
        if before == after:
            return ()
        words = reason or f"{cause} is over"
        halted = TradingHalted(at=at, symbol=symbol, is_halted=after, reason=words)
        return (halted,)

    def _is_halted(self, symbol: str) -> bool:
        return any(key.partition(" ")[0] == symbol for key in self._halted)

    # -- one method for each kind of push ----------------------------------

    def _margin_mark(self, frame: Frame, mark: MarginMark) -> Taken:
        self.marks.put_margin(mark, frame.received_s, frame.skipped)
        return _NO_NEWS

    def _contract_mark(self, frame: Frame, mark: ContractMark) -> Taken:
        self.marks.put_contract(mark, frame.received_s, frame.skipped)
        return _NO_NEWS

    def _rate(self, frame: Frame, push: RatePush) -> Taken:
        """A predicted rate updates what is known; a settled one begins a new cycle."""
        known = self._funding.get(push.symbol)
        is_current = known is not None and push.at < known.settlement_at
        if known is None or not is_current or push.granularity_ms != _PREDICTED_MS:
            return Taken(funding_of=push.symbol)
        quote = replace(known, at=push.at, funding_rate=push.funding_rate)
        return Taken(events=self.quote_funding(quote))

    def _notice(self, frame: Frame, notice: SettlementNotice) -> Taken:
        reason = "funding is being settled" if notice.is_beginning else None
        events = self.halt(notice.at, notice.symbol, "settlement", reason)
        return Taken(
            events=events,
            touched=_NOTHING if notice.is_beginning else frozenset({FUTURES}),
            funding_of=notice.symbol,
        )

    def _cross_ratio(self, frame: Frame, ratio: CrossRatio) -> Taken:
        self.ratio_at = ratio.at
        told = self.standing.margin_ratio(ratio.at, MARGIN_CROSS, ratio.debt_ratio)
        return Taken(events=told)

    def _cross_status(self, frame: Frame, push: CrossStatus) -> Taken:
        if push.status is AccountStatus.LIQUIDATED:
            events = self.standing.released(push.at, MARGIN_CROSS)
        else:
            events = self.standing.status(push.at, MARGIN_CROSS, push.status)
        return Taken(events=events, touched=frozenset({MARGIN_CROSS}), is_urgent=True)

    def _isolated(self, frame: Frame, push: IsolatedChange) -> Taken:
        account = isolated_account(push.pair)
        events = self.standing.margin_word(push.at, account, push.status)
        return Taken(events=events, touched=frozenset({account}))

    def _balance(self, frame: Frame, push: BalancePush) -> Taken:
        if push.account is not None:
            return Taken(touched=frozenset({push.account}))
        return Taken(touched=self.accounts_of_host("spot"))

    def _spot_order(self, frame: Frame, push: SpotOrderPush) -> Taken:
        fact = of_spot_push(push)
        self.registry.see(fact)
        account = self.registry.account_of(fact)
        if account is not None:
            return Taken(touched=frozenset({account}))
        isolated = isolated_account(push.symbol)
        return Taken(
            touched=frozenset({SPOT, MARGIN_CROSS, isolated})
            & (self.interests.accounts)
        )

    def _futures_order(self, frame: Frame, push: FuturesOrderPush) -> Taken:
        self.registry.see(of_futures_push(push))
        is_forced = push.forced is not None and push.state is not OrderState.OPEN
        return Taken(touched=frozenset({FUTURES}), is_urgent=is_forced)

    def _stop(self, frame: Frame, push: StopOrderPush) -> Taken:
        """A stop that has triggered trades now: its account is looked at in haste."""
        told = self.registry.stops.pushed(push)
        if told is None:
            return _NO_NEWS
        has_traded = told.state is StopState.TRIGGERED
        touched = frozenset({told.account}) if has_traded else _NOTHING
        return Taken(events=(told,), touched=touched, is_urgent=has_traded)

    def _wallet(self, frame: Frame, push: Wallet) -> Taken:
        """Only what money or orders changed wakes; profit follows the mark."""
        now = (
            push.balance,
            push.hold,
            push.isolated_order_margin,
            push.isolated_position_margin,
            push.cross_order_margin,
        )
        if self._wallets.get(push.currency) == now:
            return _NO_NEWS
        self._wallets[push.currency] = now
        return Taken(touched=frozenset({FUTURES}))

    def _position(self, frame: Frame, push: PositionUpdate) -> Taken:
        events: tuple[Event, ...] = ()
        rank = push.adl_rank
        if rank is not None and rank != self._ranks.get(push.symbol):
            at = push.at
            if at is not None:
                self._ranks[push.symbol] = rank
                events = (AdlRankReported(at=at, symbol=push.symbol, rank=rank),)
        if push.line is None:
            return Taken(events=events)
        return Taken(
            events=events,
            touched=frozenset({FUTURES}),
            is_urgent=push.reason.lower() in _FORCED,
        )

    def _settlement(self, frame: Frame, push: Settlement) -> Taken:
        return Taken(touched=frozenset({FUTURES}), funding_of=push.symbol)
