"""What the spot host's sockets push about the user: orders, balances, margin accounts.

Each publication of the venue becomes pushes in order; once a second of the venue's
time ``beat`` says what KuCoin repeats: the debt ratio every four seconds while there is
debt. Balances are kept here, because a push states them after its own change and not
after all that followed. The ratio and its parts are the venue's own numbers.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    SPOT,
    AccountId,
    Balance,
    isolated_account,
    isolated_pair,
)
from bot.domain.events import (
    AccountStatus,
    AccountStatusChanged,
    Bucket,
    Cause,
    Event,
    Filled,
    HoldChanged,
    LedgerBooked,
)
from bot.domain.money import ZERO, plain
from connectors.venue.margin import truncate_ratio
from connectors.venue.server.backend import Backend
from connectors.venue.server.order_steps import OrderStep, OrderSteps
from connectors.venue.server.pushes import Push
from connectors.venue.server.words_futures_common import exact, scaled
from connectors.venue.server.words_spot_basic import account_number, ms, ns

__all__ = ["SpotPushes"]

_RATIO_EVERY: Final = timedelta(seconds=4)
_ORDERS: Final = ("/spotMarket/tradeOrdersV2", "/spotMarket/tradeOrders")
_CROSS: Final = "/margin/position"
_ISOLATED: Final = "/margin/isolatedPosition"
_BALANCE: Final = "/account/balance"
_STATUSES: Final[Mapping[AccountStatus, str]] = {
    AccountStatus.LIQUIDATING: "FROZEN_FL",
    AccountStatus.LIQUIDATED: "UNFROZEN_FL",
    AccountStatus.BANKRUPT: "LIABILITY",
}
_STEPS: Final[Mapping[str, str]] = {
    "received": "new",
    "open": "open",
    "match": "match",
    "filled": "done",
    "canceled": "done",
}
_REASONS: Final[Mapping[Cause, str]] = {
    Cause.BORROW: "USER_BORROW",
    Cause.REPAY: "USER_REPAY",
    Cause.LIQUIDATION: "FORCE_LIQUIDATION",
    Cause.LIQUIDATION_FEE: "FORCE_LIQUIDATION",
    Cause.INSURANCE: "FORCE_LIQUIDATION",
}
_RELATIONS: Final[Mapping[Cause, str]] = {
    Cause.TRADE: "setted",
    Cause.FEE: "setted",
    Cause.TRANSFER: "transfer",
}
_PLACES: Final[Mapping[AccountId, str]] = {
    MAIN: "main",
    SPOT: "trade",
    MARGIN_CROSS: "margin",
}
_DIGITS: Final = Decimal("1E-16")


class SpotPushes:
    """The private pushes of the spot host, from the moment it is made."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._steps = OrderSteps(backend.venue.orders, lambda a: a != FUTURES)
        self._balances: dict[tuple[AccountId, str], Balance] = {
            (account, coin): balance
            for account, coins in backend.venue.snapshot().balances.items()
            for coin, balance in coins.items()
        }
        self._told: dict[AccountId, datetime] = {}
        self._numbers = 0

    def of_events(self, at: datetime, events: Sequence[Event]) -> Iterator[Push]:
        """The pushes that a publication of the venue brings, in order."""
        for step in self._steps.of(events):
            yield from self._order(step)
        yield from self._accounts(events)
        yield from self._statuses(events)
        yield from self._pairs(at, events)

    def beat(self, at: datetime) -> Iterator[Push]:
        """The ratio of the cross account and the state of each pair, while in debt."""
        numbers = self._backend.venue.numbers
        pairs = map(isolated_account, self._backend.venue.rules.isolated_pairs)
        for account in (MARGIN_CROSS, *pairs):
            last = self._told.get(account)
            if last is not None and at - last < _RATIO_EVERY:
                continue
            if numbers.has_debt(account):
                self._told[account] = at
                yield from self._state_of(account, at)
            elif last is not None:
                del self._told[account]
                yield from self._state_of(account, at)

    def _state_of(self, account: AccountId, at: datetime) -> Iterator[Push]:
        if account == MARGIN_CROSS:
            yield from self._cross(at)
        else:
            coins = self._coins(account)
            yield self._pair(account, at, None, coins)

    # -- orders -----------------------------------------------------------

    def _order(self, step: OrderStep) -> Iterator[Push]:
        order = step.order
        if order is None:
            return
        record = self._backend.archive.orders.get(order.order_id)
        created = step.at if record is None else record.created_at
        data: dict[str, object] = {
            "clientOid": order.intent_id,
            "orderId": order.order_id,
            "orderTime": ms(created),
            "orderType": order.type.value,
            "originSize": plain(order.qty),
            "side": order.side.value,
            "status": _STEPS[step.kind],
            "symbol": order.symbol,
            "ts": ns(step.at),
            "type": step.kind,
        }
        if order.price is not None:
            data["price"] = plain(order.price)
        if step.kind != "received":
            data |= _progress(step)
        topics = _ORDERS[:1] if step.kind == "received" else _ORDERS
        for topic in topics:
            yield Push(
                subject="orderChange",
                data=data,
                topics=(topic,),
                is_private=True,
            )

    # -- balances ---------------------------------------------------------

    def _accounts(self, events: Sequence[Event]) -> Iterator[Push]:
        """A push for each change of a balance or a hold."""
        trade: Filled | None = None
        for event in events:
            match event:
                case Filled():
                    trade = event
                case LedgerBooked():
                    yield from self._booked(event, trade)
                case HoldChanged():
                    yield from self._held(event)
                case _:
                    pass

    def _booked(self, booking: LedgerBooked, trade: Filled | None) -> Iterator[Push]:
        for posting in booking.postings:
            if posting.account == FUTURES or posting.bucket is not Bucket.BALANCE:
                continue
            key = (posting.account, posting.coin)
            before = self._balances.get(key, Balance())
            after = Balance(total=before.total + posting.amount, hold=before.hold)
            self._balances[key] = after
            is_trade = booking.cause in {Cause.TRADE, Cause.FEE} and trade is not None
            context: dict[str, object] = {}
            if is_trade and trade is not None:
                context = {
                    "symbol": trade.symbol,
                    "orderId": trade.order_id,
                    "tradeId": trade.trade_id,
                }
            word = _RELATIONS.get(booking.cause, "other")
            yield from self._balance(booking.at, key, before, (word, context))

    def _held(self, event: HoldChanged) -> Iterator[Push]:
        if event.account == FUTURES:
            return
        key = (event.account, event.coin)
        before = self._balances.get(key, Balance())
        self._balances[key] = Balance(total=before.total, hold=event.hold)
        yield from self._balance(event.at, key, before, ("hold", {}))

    def _balance(
        self,
        at: datetime,
        key: tuple[AccountId, str],
        before: Balance,
        relation: tuple[str, Mapping[str, object]],
    ) -> Iterator[Push]:
        """One change; a balance below zero inside a takeover is never printed."""
        (account, coin), after = key, self._balances[key]
        if after.total < 0 or after.available < 0:
            return
        self._numbers += 1
        number = str(self._numbers)
        pair = isolated_pair(account)
        place = _PLACES.get(account) or f"isolated_{pair}"
        word, context = relation
        yield Push(
            subject="account.balance",
            push_id=number,
            topics=(_BALANCE,),
            is_private=True,
            data={
                "accountId": account_number(account, coin),
                "currency": coin,
                "total": plain(after.total),
                "available": plain(after.available),
                "hold": plain(after.hold),
                "availableChange": plain(after.available - before.available),
                "holdChange": plain(after.hold - before.hold),
                "relationContext": context,
                "relationEvent": f"{place}.{word}",
                "relationEventId": number,
                "time": str(ms(at)),
            },
        )

    # -- margin -----------------------------------------------------------

    def _statuses(self, events: Sequence[Event]) -> Iterator[Push]:
        """The exchange froze or released the cross account."""
        for event in events:
            if not isinstance(event, AccountStatusChanged):
                continue
            word = _STATUSES.get(event.status)
            if event.account == MARGIN_CROSS and word is not None:
                yield Push(
                    subject="position.status",
                    data={"type": word, "timestamp": ms(event.at)},
                    topics=(_CROSS,),
                    is_private=True,
                )

    def _coins(self, account: AccountId) -> Mapping[str, Balance]:
        return self._backend.venue.snapshot().balances.get(account, {})

    def _cross(self, at: datetime) -> Iterator[Push]:
        """The cross account's ratio and its parts in BTC; none while a mark lacks."""
        venue = self._backend.venue
        numbers, btc = venue.numbers, venue.tape.mark("BTC")
        ratio = numbers.debt_ratio(MARGIN_CROSS)
        parts = [
            value(MARGIN_CROSS)
            for value in (numbers.assets, numbers.weighted, numbers.debt)
        ]
        if btc is None or ratio is None or not ratio.is_finite():
            return
        assets, weighted, debt = (
            scaled((part or ZERO) / btc, _DIGITS) for part in parts
        )
        coins = self._coins(MARGIN_CROSS)
        yield Push(
            subject="debt.ratio",
            topics=(_CROSS,),
            is_private=True,
            data={
                "debtRatio": exact(truncate_ratio(ratio)),
                "totalAsset": assets,
                "marginCoefficientTotalAsset": plain(weighted),
                "totalDebt": plain(debt),
                "assetList": {
                    coin: {
                        "total": plain(balance.total),
                        "available": plain(balance.available),
                        "hold": plain(balance.hold),
                    }
                    for coin, balance in coins.items()
                },
                "debtList": {
                    coin: plain(balance.liability) for coin, balance in coins.items()
                },
                "timestamp": ms(at),
            },
        )

    def _pairs(self, at: datetime, events: Sequence[Event]) -> Iterator[Push]:
        """Each isolated account that changed, with the coins that did."""
        changed: dict[AccountId, set[str]] = {}
        causes: dict[AccountId, Cause] = {}
        for event in events:
            if isinstance(event, HoldChanged) and isolated_pair(event.account):
                changed.setdefault(event.account, set()).add(event.coin)
            if isinstance(event, LedgerBooked):
                for posting in event.postings:
                    if isolated_pair(posting.account) is not None:
                        coins = changed.setdefault(posting.account, set())
                        coins.add(posting.coin)
                        causes[posting.account] = event.cause
        for account, names in changed.items():
            known = self._coins(account)
            shown = {name: known.get(name, Balance()) for name in sorted(names)}
            yield self._pair(account, at, causes.get(account), shown)

    def _pair(
        self,
        account: AccountId,
        at: datetime,
        cause: Cause | None,
        coins: Mapping[str, Balance],
    ) -> Push:
        pair = isolated_pair(account) or ""
        venue = self._backend.venue
        has_debt = venue.numbers.has_debt(account)
        status = "DEBT" if has_debt else "CLEAR"
        reason = None if cause is None else _REASONS.get(cause)
        if venue.is_taken(account):
            status, reason = "IN_LIQUIDATION", "FORCE_LIQUIDATION"
        topic = f"{_ISOLATED}:{pair}"
        return Push(
            subject="positionChange",
            topics=(topic,),
            is_private=True,
            data={
                "tag": pair,
                "status": status,
                "statusBizType": reason or f"DEFAULT_{status}",
                "accumulatedPrincipal": self._own_capital(account),
                "changeAssets": {
                    coin: {
                        "total": plain(max(ZERO, balance.total)),
                        "hold": plain(balance.hold),
                        "liabilityPrincipal": plain(balance.principal),
                        "liabilityInterest": plain(balance.interest),
                    }
                    for coin, balance in coins.items()
                },
                "timestamp": ms(at),
            },
        )

    def _own_capital(self, account: AccountId) -> str:
        """What the account is worth without its debts, in USDT at the marks."""
        numbers = self._backend.venue.numbers
        assets, debt = numbers.assets(account), numbers.debt(account)
        if assets is None or debt is None:
            return "0"
        return plain(scaled(assets - debt))


def _progress(step: OrderStep) -> dict[str, object]:
    """What was filled, what is left and what it traded."""
    order, fill = step.order, step.fill
    if order is None:
        return {}
    left = order.qty - step.filled
    is_gone = step.kind == "canceled"
    data: dict[str, object] = {
        "canceledSize": plain(left) if is_gone else "0",
        "filledSize": plain(step.filled),
        "remainSize": "0" if is_gone else plain(left),
        "size": plain(order.qty),
    }
    if fill is not None:
        data |= {
            "matchPrice": plain(fill.price),
            "matchSize": plain(fill.qty),
            "tradeId": fill.trade_id,
            "liquidity": "maker" if fill.is_maker else "taker",
            "feeType": "makerFee" if fill.is_maker else "takerFee",
        }
    return data
