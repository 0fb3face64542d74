"""What a request of ours is called at KuCoin: intent in, endpoint and body out.

Pure: no clock, no network, no state. Amounts leave as exact text in plain notation,
lots as whole numbers. ``autoBorrow`` and ``autoRepay`` are never sent: the bot borrows
and repays by itself, with its own memory of it. An intent that the exchange has no
words for is refused here, before anything is sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    SPOT,
    AccountId,
    MarginMode,
    PositionSide,
    isolated_pair,
)
from bot.domain.errors import UsageError
from bot.domain.intents import (
    AdjustMargin,
    Approved,
    Borrow,
    CancelOrder,
    CancelStop,
    PlaceOrder,
    PlaceStop,
    Repay,
    Transfer,
)
from bot.domain.money import plain
from bot.domain.orders import OrderType, TimeInForce
from bot.domain.stops import triggered_order
from connectors.kucoin.answers import Urgency

__all__ = [
    "Request",
    "is_margin_account",
    "request_for",
    "trade_type",
    "urgency_of",
]

_GUARD: Final = "guard"
_CLIENT_ID_MAX: Final = 40
_ACCOUNT_TYPES: Final[Mapping[AccountId, str]] = {
    MAIN: "MAIN",
    SPOT: "TRADE",
    MARGIN_CROSS: "MARGIN",
    FUTURES: "CONTRACT",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One write: the name of its endpoint and what goes with it."""

    endpoint: str
    params: Mapping[str, object] = field(default_factory=dict)


def urgency_of(approved: Approved) -> Urgency:
    """The guard may use what is kept of each rate pool for it."""
    return Urgency.GUARD if approved.owner == _GUARD else Urgency.ROUTINE


def request_for(approved: Approved) -> Request:
    """The one request that does an approved intent.

    Raises:
        UsageError: The exchange has no such request; nothing must be sent.
    """
    intent = approved.intent
    match intent:
        case PlaceOrder() | PlaceStop():
            return _placing(intent, _client_id(approved))
        case CancelOrder() | CancelStop():
            return _cancel(intent)
        case Borrow() | Repay():
            return _loan(intent)
        case Transfer():
            return _transfer(intent, _client_id(approved))
        case AdjustMargin():
            return _margin_move(intent, _client_id(approved))


def _placing(intent: PlaceOrder | PlaceStop, client_id: str) -> Request:
    if isinstance(intent, PlaceStop):
        return _stop(intent, client_id)
    make = _futures_order if intent.account == FUTURES else _spot_order
    return make(intent, client_id)


def is_margin_account(account: AccountId) -> bool:
    """Whether an account can owe: cross margin or an isolated pair.

    Example:
        >>> is_margin_account(MARGIN_CROSS), is_margin_account(SPOT)
        (True, False)
    """
    return account == MARGIN_CROSS or isolated_pair(account) is not None


def trade_type(account: AccountId) -> str:
    """The word that lists of margin orders want for an account.

    Example:
        >>> trade_type(MARGIN_CROSS)
        'MARGIN_TRADE'
    """
    if isolated_pair(account) is not None:
        return "MARGIN_ISOLATED_TRADE"
    return "MARGIN_TRADE" if account == MARGIN_CROSS else "TRADE"


def _client_id(approved: Approved) -> str:
    """Our id as the exchange takes it: letters, digits, dash and underscore."""
    found = approved.intent_id
    if len(found) > _CLIENT_ID_MAX or not found.replace("-", "").isalnum():
        raise UsageError(f"The id {found!r} is no client id that KuCoin takes.")
    return found


def _positive(amount: Decimal, name: str) -> str:
    if not amount.is_finite() or amount <= 0:
        raise UsageError(f"The {name} of a request must be positive, was {amount}.")
    return plain(amount)


def _spot_order(intent: PlaceOrder, client_id: str) -> Request:
    """A spot or margin order; market orders are sized in base coins too."""
    if intent.account != SPOT and not is_margin_account(intent.account):
        raise UsageError(f"{intent.account} does not trade; transfer the coins first.")
    params: dict[str, object] = {
        "clientOid": client_id,
        "symbol": intent.symbol,
        "side": str(intent.side),
        "type": str(intent.type),
        "size": _positive(intent.qty, "size"),
    }
    if intent.type is OrderType.LIMIT:
        params |= _limit_terms(intent)
    if intent.account == SPOT:
        return Request(endpoint="place_spot_order", params=params)
    pair = isolated_pair(intent.account)
    if pair is not None and pair != intent.symbol:
        raise UsageError(f"{intent.account} trades {pair} only, not {intent.symbol}.")
    params["isIsolated"] = pair is not None
    return Request(endpoint="place_margin_order", params=params)


def _limit_terms(intent: PlaceOrder) -> dict[str, object]:
    if intent.price is None:
        raise UsageError(f"A limit order of {intent.symbol} needs a price.")
    terms: dict[str, object] = {
        "price": _positive(intent.price, "price"),
        "timeInForce": str(intent.time_in_force).upper(),
    }
    if intent.post_only:
        terms["postOnly"] = True
    return terms


def _futures_order(intent: PlaceOrder, client_id: str) -> Request:
    """A futures order: leverage and margin mode are always said."""
    if intent.time_in_force is TimeInForce.FOK:
        raise UsageError("KuCoin futures know no fill-or-kill orders; use IOC.")
    params: dict[str, object] = {
        "clientOid": client_id,
        "symbol": intent.symbol,
        "side": str(intent.side),
        "type": str(intent.type),
        "leverage": _whole_leverage(intent.leverage),
        "marginMode": _mode(intent.margin_mode),
    }
    if intent.position_side is not PositionSide.BOTH:
        params["positionSide"] = intent.position_side.name
    if intent.close:
        params["closeOrder"] = True
    else:
        params["size"] = _lots(intent)
        if intent.reduce_only:
            params["reduceOnly"] = True
    if intent.type is OrderType.LIMIT:
        params |= _limit_terms(intent)
    return Request(endpoint="place_futures_order", params=params)


def _lots(intent: PlaceOrder) -> int:
    whole = int(intent.qty)
    if whole <= 0 or whole != intent.qty:
        raise UsageError(f"{intent.symbol} trades whole lots, not {intent.qty}.")
    return whole


def _whole_leverage(leverage: Decimal) -> int:
    """Orders carry a whole leverage: the lower one, which asks for more margin."""
    return max(1, int(leverage))


def _mode(mode: MarginMode) -> str:
    return "ISOLATED" if mode is MarginMode.ISOLATED else "CROSS"


def _stop(intent: PlaceStop, client_id: str) -> Request:
    """A stop: the order behind it, and its trigger; futures watch the mark."""
    order, price = triggered_order(intent), _positive(intent.stop_price, "stop price")
    if intent.account == FUTURES:
        placed = _futures_order(order, client_id)
        kind = "up" if intent.is_up else "down"
        trigger = {"stop": kind, "stopPrice": price, "stopPriceType": "MP"}
        return Request(endpoint=placed.endpoint, params={**placed.params, **trigger})
    placed = _spot_order(order, client_id)
    kind = "entry" if intent.is_up else "loss"
    is_spot = intent.account == SPOT
    return Request(
        endpoint="place_spot_stop" if is_spot else "place_margin_stop",
        params={**placed.params, "stop": kind, "stopPrice": price},
    )


def _cancel(intent: CancelOrder | CancelStop) -> Request:
    if isinstance(intent, CancelStop):
        kinds = {FUTURES: "cancel_futures_order", SPOT: "cancel_spot_stop"}
        name = kinds.get(intent.account, "cancel_margin_stop")
        return Request(endpoint=name, params={"orderId": intent.stop_id})
    if intent.account == FUTURES:
        return Request(
            endpoint="cancel_futures_order", params={"orderId": intent.order_id}
        )
    name = "cancel_spot_order" if intent.account == SPOT else "cancel_margin_order"
    return Request(
        endpoint=name, params={"orderId": intent.order_id, "symbol": intent.symbol}
    )


def _loan(intent: Borrow | Repay) -> Request:
    if not is_margin_account(intent.account):
        raise UsageError(f"{intent.account} is no margin account; it cannot owe.")
    pair = isolated_pair(intent.account)
    params: dict[str, object] = {
        "currency": intent.coin,
        "size": _positive(intent.amount, "amount"),
        "isIsolated": pair is not None,
        "isHf": True,
    }
    if pair is not None:
        params["symbol"] = pair
    if isinstance(intent, Repay):
        return Request(endpoint="repay", params=params)
    params["timeInForce"] = "IOC" if intent.allow_partial else "FOK"
    return Request(endpoint="borrow", params=params)


def _transfer(intent: Transfer, client_id: str) -> Request:
    if intent.source == intent.target:
        raise UsageError(f"A transfer from {intent.source} to itself moves nothing.")
    params: dict[str, object] = {
        "clientOid": client_id,
        "type": "INTERNAL",
        "currency": intent.coin,
        "amount": _positive(intent.amount, "amount"),
    }
    for name, account in (("from", intent.source), ("to", intent.target)):
        pair = isolated_pair(account)
        if pair is not None:
            params[f"{name}AccountType"] = "ISOLATED"
            params[f"{name}AccountTag"] = pair
        elif account in _ACCOUNT_TYPES:
            params[f"{name}AccountType"] = _ACCOUNT_TYPES[account]
        else:
            raise UsageError(f"KuCoin has no account that is called {account}.")
    return Request(endpoint="transfer", params=params)


def _margin_move(intent: AdjustMargin, client_id: str) -> Request:
    """Isolated margin in or out; the deposit's own number is our id."""
    params: dict[str, object] = {"symbol": intent.symbol}
    if intent.position_side is not PositionSide.BOTH:
        params["positionSide"] = intent.position_side.name
    if intent.amount > 0:
        params |= {"margin": _positive(intent.amount, "margin"), "bizNo": client_id}
        return Request(endpoint="deposit_isolated_margin", params=params)
    params["withdrawAmount"] = _positive(-intent.amount, "margin")
    return Request(endpoint="withdraw_isolated_margin", params=params)
