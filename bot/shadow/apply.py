"""The one place where the shadow changes.

Theory of operation. ``apply`` takes a shadow and one fact and returns the next
shadow. Each type of event has exactly one function in ``_APPLIERS``; an unknown
type is a bug and raises. Facts are idempotent where the exchange may repeat
them: orders only move forward, snapshots and positions are absolute, a status
replaces a status. Ledger lines are not idempotent, so their ids must be unique;
whoever feeds them sees to it. Nothing here asks a clock or judges a number.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, assert_never

from bot.domain.accounts import Balance, Position
from bot.domain.events import (
    AccountStatus,
    AccountStatusChanged,
    AdlRankReported,
    BorrowRateQuoted,
    Bucket,
    Event,
    FeedChanged,
    Filled,
    FundingQuoted,
    HoldChanged,
    IntentSettled,
    LedgerBooked,
    LiquidityQuoted,
    MarksTicked,
    OperatorAsked,
    OrderChanged,
    PositionChanged,
    Posting,
    RatioReported,
    RulesRead,
    ScheduleDue,
    SnapshotTaken,
    TradingHalted,
)
from bot.domain.instruments import Rules
from bot.domain.intents import Approved, PlaceOrder, Refused, intent_coin
from bot.domain.orders import IntentState, OrderState, next_intent_state
from bot.domain.prices import PricesSeen
from bot.domain.records import changed
from bot.domain.stops import StopChanged
from bot.domain.strategy import Setback
from bot.shadow.seen import prices_seen
from bot.shadow.state import (
    CLOSED_LIMIT,
    EMPTY_BALANCE,
    HISTORY_LIMIT,
    Request,
    Shadow,
)
from bot.shadow.stops import order_ended, stop_changed, stop_settled

__all__ = ["apply", "leave_unexplained", "opening_closes", "register", "set_back"]

_HOUR: Final = timedelta(hours=1)
_FUNDING_PAST_MAX: Final = 90


def apply(shadow: Shadow, event: Event) -> Shadow:
    """The shadow after one more fact; a late one does not turn its time back."""
    after = _APPLIERS[type(event)](shadow, event)
    return after if after.at >= shadow.at else replace(after, at=shadow.at)


def register(shadow: Shadow, approved: Approved, at: datetime) -> Shadow:
    """The shadow that knows that a request is about to leave."""
    request = Request(approved=approved, state=IntentState.SENT, sent_at=at)
    return replace(shadow, requests={**shadow.requests, approved.intent_id: request})


def set_back(
    shadow: Shadow,
    tried: Approved | Refused,
    at: datetime,
    reason: str,
    *,
    was_lost: bool = False,
) -> Shadow:
    """The shadow that remembers that an owner's request came to nothing, or to less."""
    name = intent_coin(tried.intent)
    if name is None:
        return shadow
    setback = Setback(at=at, intent=tried.intent, reason=reason, was_lost=was_lost)
    return replace(shadow, setbacks={**shadow.setbacks, (tried.owner, name): setback})


def leave_unexplained(shadow: Shadow, sentences: tuple[str, ...]) -> Shadow:
    """The shadow that knows what the last reconciliation could not explain."""
    if shadow.unexplained == sentences:
        return shadow
    return replace(shadow, unexplained=sentences)


def _marks(shadow: Shadow, event: MarksTicked) -> Shadow:
    margin_marks = _not_older(shadow, event.margin_marks, event.at)
    futures_marks = _not_older(shadow, event.futures_marks, event.at)
    ticked = changed(
        shadow,
        at=event.at,
        margin_marks=_with(shadow.margin_marks, margin_marks),
        futures_marks=_with(shadow.futures_marks, futures_marks),
        mark_times={
            **shadow.mark_times,
            **dict.fromkeys(margin_marks, event.at),
            **dict.fromkeys(futures_marks, event.at),
        },
    )
    if shadow.rules_change_at is not None and event.at >= shadow.rules_change_at:
        ticked = _with_rules(ticked, shadow.rules)
    return _close_hour(ticked) if event.at >= shadow.next_close_at else ticked


def _with(
    known: Mapping[str, Decimal], news: Mapping[str, Decimal]
) -> Mapping[str, Decimal]:
    """What is known with the news in it; the same object where there are none."""
    return {**known, **news} if news else known


def _not_older(
    shadow: Shadow, marks: Mapping[str, Decimal], at: datetime
) -> Mapping[str, Decimal]:
    """The marks that are no older than what is known under the same names."""
    if at >= shadow.at:
        return marks
    times = shadow.mark_times
    return {name: mark for name, mark in marks.items() if times.get(name, at) <= at}


def _close_hour(shadow: Shadow) -> Shadow:
    """Keep one close an hour of every coin, the newest ``HISTORY_LIMIT`` of them.

    A mark that did not move for an hour or more is no close: its coin does not trade.
    """
    hour = shadow.at.replace(minute=0, second=0, microsecond=0)
    closes = dict(shadow.closes)
    for coin, mark in shadow.margin_marks.items():
        kept = closes.get(coin, ())
        if shadow.at - shadow.mark_times[coin] >= _HOUR:
            continue
        if not kept or kept[-1][0] < shadow.at:
            closes[coin] = (*kept, (shadow.at, mark))[-HISTORY_LIMIT:]
    return replace(shadow, closes=closes, next_close_at=hour + _HOUR)


def _ledger(shadow: Shadow, event: LedgerBooked) -> Shadow:
    balances = dict(shadow.balances)
    for posting in event.postings:
        coins = dict(balances.get(posting.account, {}))
        coins[posting.coin] = _posted(coins.get(posting.coin, EMPTY_BALANCE), posting)
        balances[posting.account] = coins
    return replace(shadow, at=event.at, balances=balances)


def _posted(balance: Balance, posting: Posting) -> Balance:
    match posting.bucket:
        case Bucket.BALANCE:
            return replace(balance, total=balance.total + posting.amount)
        case Bucket.PRINCIPAL:
            return replace(balance, principal=balance.principal + posting.amount)
        case Bucket.INTEREST:
            return replace(balance, interest=balance.interest + posting.amount)
        case Bucket.MARGIN:
            return balance
        case never:
            assert_never(never)


def _hold(shadow: Shadow, event: HoldChanged) -> Shadow:
    coins = dict(shadow.balances.get(event.account, {}))
    balance = coins.get(event.coin, EMPTY_BALANCE)
    coins[event.coin] = replace(balance, hold=event.hold)
    return replace(
        shadow, at=event.at, balances={**shadow.balances, event.account: coins}
    )


def _filled(shadow: Shadow, event: Filled) -> Shadow:
    request = shadow.requests.get(event.intent_id or "")
    if request is None:
        return replace(shadow, at=event.at)
    grown = replace(request, filled_qty=request.filled_qty + event.qty)
    return replace(
        shadow,
        at=event.at,
        requests={**shadow.requests, request.approved.intent_id: grown},
    )


def _order(shadow: Shadow, event: OrderChanged) -> Shadow:
    if event.order_id in shadow.closed_orders:
        return replace(shadow, at=event.at)
    if event.state is OrderState.OPEN:
        known = shadow.orders.get(event.order_id)
        if known is not None and known.filled_qty > event.filled_qty:
            return replace(shadow, at=event.at)
        orders = {**shadow.orders, event.order_id: event}
        return replace(shadow, at=event.at, orders=orders)
    shadow = order_ended(shadow, event)
    orders = {k: v for k, v in shadow.orders.items() if k != event.order_id}
    closed = (*shadow.closed_orders, event.order_id)[-CLOSED_LIMIT:]
    request = shadow.request_of_order(event)
    if request is not None and event.filled_qty < event.qty:
        reason = event.reason or "it ended before it was filled"
        shadow = set_back(shadow, request.approved, event.at, reason)
    return replace(
        shadow,
        at=event.at,
        orders=orders,
        closed_orders=closed,
        requests=_without(shadow.requests, event.intent_id),
    )


def _settled(shadow: Shadow, event: IntentSettled) -> Shadow:
    request = shadow.requests.get(event.intent_id)
    if request is None:
        return replace(shadow, at=event.at)
    state = next_intent_state(request.state, event.outcome)
    if state is IntentState.REFUSED:
        reason = event.reason or "the exchange gave no reason"
        was_lost = request.state is IntentState.IN_DOUBT
        shadow = set_back(shadow, request.approved, event.at, reason, was_lost=was_lost)
    shadow = stop_settled(shadow, request, state, event)
    if _is_over(request, state, event) or event.order_id in shadow.closed_orders:
        return replace(
            shadow,
            at=event.at,
            requests=_without(shadow.requests, event.intent_id),
        )
    moved = replace(request, state=state, order_id=event.order_id or request.order_id)
    return replace(
        shadow, at=event.at, requests={**shadow.requests, event.intent_id: moved}
    )


def _is_over(request: Request, state: IntentState, event: IntentSettled) -> bool:
    """An accepted order lives on; every other final outcome ends its request."""
    if not state.is_final:
        return False
    is_order = isinstance(request.approved.intent, PlaceOrder)
    return not (is_order and state is IntentState.DONE and event.order_id is not None)


def _stop(shadow: Shadow, event: StopChanged) -> Shadow:
    return replace(stop_changed(shadow, event), at=event.at)


def _without(requests: Mapping[str, Request], gone: str | None) -> dict[str, Request]:
    return {name: request for name, request in requests.items() if name != gone}


def _position(shadow: Shadow, event: PositionChanged) -> Shadow:
    positions = dict(shadow.positions)
    position = event.position
    if position.lots == 0:
        positions.pop(position.key, None)
    else:
        positions[position.key] = _with_rank(position, positions.get(position.key))
    return replace(shadow, at=event.at, positions=positions)


def _with_rank(position: Position, known: Position | None) -> Position:
    """A position that does not forget its place in the queue of deleveraging."""
    if position.adl_rank is not None or known is None or known.adl_rank is None:
        return position
    return replace(position, adl_rank=known.adl_rank)


def _adl_rank(shadow: Shadow, event: AdlRankReported) -> Shadow:
    positions = {
        key: replace(position, adl_rank=event.rank)
        if key.symbol == event.symbol
        else position
        for key, position in shadow.positions.items()
    }
    return replace(shadow, at=event.at, positions=positions)


def _status(shadow: Shadow, event: AccountStatusChanged) -> Shadow:
    statuses = dict(shadow.statuses)
    key = (event.account, event.coin or "")
    if event.status is AccountStatus.NORMAL:
        statuses.pop(key, None)
    else:
        statuses[key] = event.status
    return replace(shadow, at=event.at, statuses=statuses)


def _funding(shadow: Shadow, event: FundingQuoted) -> Shadow:
    """The newest quote; the one before is kept when its cycle is over."""
    symbol, known = event.symbol, shadow.funding.get(event.symbol)
    quotes = {**shadow.funding, symbol: event}
    if known is None or not known.settlement_at <= event.at < event.settlement_at:
        return replace(shadow, at=event.at, funding=quotes)
    past = (*shadow.funding_past.get(symbol, ()), known)[-_FUNDING_PAST_MAX:]
    return replace(
        shadow,
        at=event.at,
        funding=quotes,
        funding_past={**shadow.funding_past, symbol: past},
    )


def _borrow(shadow: Shadow, event: BorrowRateQuoted) -> Shadow:
    return replace(shadow, at=event.at, borrow={**shadow.borrow, event.coin: event})


def _liquidity(shadow: Shadow, event: LiquidityQuoted) -> Shadow:
    return changed(
        shadow, at=event.at, liquidity={**shadow.liquidity, event.symbol: event}
    )


def _halted(shadow: Shadow, event: TradingHalted) -> Shadow:
    told = {event.symbol}
    halted = shadow.halted | told if event.is_halted else shadow.halted - told
    return replace(shadow, at=event.at, halted=halted)


def _feed(shadow: Shadow, event: FeedChanged) -> Shadow:
    silent = {k: v for k, v in shadow.silent_feeds.items() if k != event.feed}
    if event.is_silent:
        silent[event.feed] = event.reason
    return replace(shadow, at=event.at, silent_feeds=silent)


def _snapshot(shadow: Shadow, event: SnapshotTaken) -> Shadow:
    snapshot = event.snapshot
    positions = {
        key: _with_rank(position, shadow.positions.get(key))
        for key, position in snapshot.positions.items()
    }
    return replace(
        shadow,
        at=event.at,
        balances=snapshot.balances,
        positions=positions,
        margin_leverage=snapshot.margin_leverage,
        is_open=True,
    )


def _rules(shadow: Shadow, event: RulesRead) -> Shadow:
    return _with_rules(replace(shadow, at=event.at), event.rules)


def _with_rules(shadow: Shadow, rules: Rules) -> Shadow:
    """The shadow under the rules that are in force at its time."""
    now = rules.as_of(shadow.at)
    return replace(shadow, rules=now, rules_change_at=now.next_change_at)


def _time_only(
    shadow: Shadow, event: RatioReported | ScheduleDue | OperatorAsked
) -> Shadow:
    """The fact changes nothing here: parity and strategies read the event itself."""
    return shadow if event.at <= shadow.at else replace(shadow, at=event.at)


_APPLIERS: Final[Mapping[type, Callable[[Shadow, Any], Shadow]]] = {
    MarksTicked: _marks,
    PricesSeen: prices_seen,
    LedgerBooked: _ledger,
    HoldChanged: _hold,
    Filled: _filled,
    OrderChanged: _order,
    StopChanged: _stop,
    IntentSettled: _settled,
    PositionChanged: _position,
    AdlRankReported: _adl_rank,
    AccountStatusChanged: _status,
    RatioReported: _time_only,
    TradingHalted: _halted,
    FeedChanged: _feed,
    ScheduleDue: _time_only,
    OperatorAsked: _time_only,
    SnapshotTaken: _snapshot,
    RulesRead: _rules,
    FundingQuoted: _funding,
    BorrowRateQuoted: _borrow,
    LiquidityQuoted: _liquidity,
}


def opening_closes(
    history: Mapping[str, tuple[tuple[datetime, Decimal], ...]],
) -> dict[str, tuple[tuple[datetime, Decimal], ...]]:
    """History from before the run, cut to what the shadow keeps."""
    return {coin: tuple(rows)[-HISTORY_LIMIT:] for coin, rows in history.items()}
