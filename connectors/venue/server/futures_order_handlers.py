"""The futures host's orders: placing and cancelling, one or many, now or by a stop.

The venue judges every order; its refusals come back with KuCoin's codes. A cancel is
done at once here, and its answer confirms the request only, as at KuCoin: what became
of the order is told by the pushes and the lists.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Final

from bot.domain.accounts import FUTURES
from bot.domain.intents import CancelOrder, PlaceOrder
from bot.domain.orders import OrderType, Outcome, Side
from connectors.kucoin.parse.node import Node
from connectors.venue.orders import VenueOrder
from connectors.venue.server.asks import body_word, invalid, optional_body_number
from connectors.venue.server.backend import Backend
from connectors.venue.server.calls import Call, ProblemError
from connectors.venue.server.futures_forms import (
    BAD_PARAMETER,
    asked_contract,
    field,
    query,
    refuse,
)
from connectors.venue.server.futures_order_forms import (
    FuturesForm,
    StopTerms,
    read_futures_form,
)
from connectors.venue.server.futures_settings import FuturesSettings
from connectors.venue.server.futures_stops import FuturesStop, futures_stops
from connectors.venue.server.order_forms import OrderNotes

__all__ = [
    "cancel_all",
    "cancel_all_of_symbol",
    "cancel_by_client_id",
    "cancel_by_id",
    "cancel_many",
    "cancel_stops",
    "check_order",
    "place_many",
    "place_order",
    "place_protected",
]

_MOST_ORDERS: Final = 20
_NOT_CANCELLABLE: Final = "100004"
_GONE: Final = "The order cannot be canceled."


def place_order(backend: Backend, call: Call) -> object:
    """``POST /api/v1/orders``: at once, or as a stop order."""
    return _place(backend, call.at, read_futures_form(backend, call.body))


def _place(backend: Backend, at: datetime, form: FuturesForm) -> dict[str, object]:
    stops = backend.part(futures_stops)
    refuse(stops.check(form.client_id))
    if form.stop is not None:
        order_id = stops.add(form.client_id, form.intent, form.stop).order_id
    else:
        settled = backend.submit(at, form.intent, form.client_id)
        if settled.outcome is not Outcome.DONE or settled.order_id is None:
            raise ProblemError(settled.code or BAD_PARAMETER, settled.reason or "no")
        order_id = settled.order_id
    intent = form.intent
    settings = backend.part(FuturesSettings)
    settings.touched(intent.symbol, intent.margin_mode, intent.leverage)
    backend.part(OrderNotes).keep(form.client_id, form.note)
    return {"orderId": order_id, "clientOid": form.client_id}


def check_order(backend: Backend, call: Call) -> object:
    """``POST /api/v1/orders/test``: every check, and no order."""
    form = read_futures_form(backend, call.body)
    refuse(backend.part(futures_stops).check(form.client_id))
    if form.stop is None:
        at = max(call.at, backend.venue.now)
        refuse(backend.venue.check_order(at, form.intent, form.client_id))
    return {"orderId": backend.next_id("test"), "clientOid": form.client_id}


def place_many(backend: Backend, call: Call) -> object:
    """``POST /api/v1/orders/multi``: up to 20, each with its own code."""
    bodies = field(lambda: list(call.body.each()))
    if not 1 <= len(bodies) <= _MOST_ORDERS:
        raise invalid(f"1 to {_MOST_ORDERS} orders at a time.")
    return [_one_of_many(backend, call.at, body) for body in bodies]


def _one_of_many(backend: Backend, at: datetime, body: Node) -> Mapping[str, object]:
    names = {name: body[name].value for name in ("clientOid", "symbol")}
    texts = {k: v if isinstance(v, str) else None for k, v in names.items()}
    try:
        placed = _place(backend, at, read_futures_form(backend, body))
    except ProblemError as problem:
        return {
            "orderId": None,
            **texts,
            "code": problem.code,
            "msg": problem.message,
        }
    return {**placed, "symbol": texts["symbol"], "code": "200000", "msg": "success"}


def place_protected(backend: Backend, call: Call) -> object:
    """``POST /api/v1/st-orders``: an order with a take-profit and a stop-loss."""
    form = read_futures_form(backend, call.body)
    source = body_word(call.body, "stopPriceType", ("TP", "MP", "IP"), "TP")
    terms = [
        StopTerms(is_up=is_up, price=price, source=source)
        for name, is_up in (
            ("triggerStopUpPrice", True),
            ("triggerStopDownPrice", False),
        )
        if (price := _trigger(call.body, name)) is not None
    ]
    if not terms:
        raise invalid("triggerStopUpPrice or triggerStopDownPrice is required.")
    answer = _place(backend, call.at, replace(form, stop=None))
    placed = backend.venue.orders.by_client_id(form.client_id)
    if placed is not None:
        intent = _closing(form.intent, placed)
        backend.part(futures_stops).pair(form.client_id, intent, terms)
    return answer


def _trigger(body: Node, name: str) -> Decimal | None:
    price = optional_body_number(body, name)
    if price is not None and price <= 0:
        raise invalid(f"{name} must be greater than 0.")
    return price


def _closing(intent: PlaceOrder, placed: VenueOrder) -> PlaceOrder:
    """The order that undoes another at the market."""
    return replace(
        intent,
        side=Side.SELL if placed.side is Side.BUY else Side.BUY,
        qty=placed.qty,
        type=OrderType.MARKET,
        price=None,
        post_only=False,
        close=False,
        reduce_only=True,
    )


# -- cancelling -----------------------------------------------------------


def _cancel(backend: Backend, at: datetime, order: VenueOrder) -> bool:
    """Cancel an order of the venue; False when it is done already."""
    intent = CancelOrder(account=FUTURES, symbol=order.symbol, order_id=order.order_id)
    settled = backend.submit(at, intent, backend.next_id("cancel"))
    return settled.outcome is Outcome.DONE


def _cancel_either(
    backend: Backend, at: datetime, order: VenueOrder | None, stop: FuturesStop | None
) -> None:
    """Cancel a stop that waits, or the order.

    Raises:
        ProblemError: Neither is there, or it is done already.
    """
    if stop is not None and backend.part(futures_stops).cancel(stop):
        return
    is_ours = order is not None and order.account == FUTURES
    if order is None or not is_ours or not _cancel(backend, at, order):
        raise ProblemError(_NOT_CANCELLABLE, _GONE)


def _by_id(backend: Backend, at: datetime, order_id: str) -> None:
    stops = backend.part(futures_stops)
    order = backend.venue.orders.get(stops.venue_id(order_id))
    _cancel_either(backend, at, order, stops.get(order_id))


def _by_client_id(backend: Backend, at: datetime, symbol: str, client_id: str) -> None:
    stop = backend.part(futures_stops).by_client_id(client_id)
    order = backend.venue.orders.by_client_id(client_id)
    found = stop.intent.symbol if stop is not None else order and order.symbol
    if found != symbol:
        raise ProblemError(_NOT_CANCELLABLE, _GONE)
    _cancel_either(backend, at, order, stop)


def cancel_by_id(backend: Backend, call: Call) -> object:
    """``DELETE /api/v1/orders/{orderId}``, of a stop order too."""
    order_id = query(call, "orderId")
    _by_id(backend, call.at, order_id)
    return {"cancelledOrderIds": [order_id]}


def cancel_by_client_id(backend: Backend, call: Call) -> object:
    """``DELETE /api/v1/orders/client-order/{clientOid}`` of a contract."""
    client_id = query(call, "clientOid")
    _by_client_id(backend, call.at, asked_contract(backend, call).symbol, client_id)
    return {"clientOid": client_id}


def cancel_many(backend: Backend, call: Call) -> object:
    """``DELETE /api/v1/orders/multi-cancel``, by ids or by client ids."""
    ids = [field(node.text) for node in _list(call.body["orderIdsList"])]
    pairs = [
        (field(node["symbol"].text), field(node["clientOid"].text))
        for node in _list(call.body["clientOidsList"])
    ]
    if bool(ids) is bool(pairs):
        raise invalid("exactly one of orderIdsList and clientOidsList is required.")
    at = call.at
    rows = [_item(partial(_by_id, backend, at, i), i, None) for i in ids]
    rows += [
        _item(partial(_by_client_id, backend, at, symbol, name), None, name)
        for symbol, name in pairs
    ]
    return rows


def _list(node: Node) -> Sequence[Node]:
    return () if node.is_blank else field(lambda: list(node.each()))


def _item(
    cancel: Callable[[], None], order_id: str | None, client_id: str | None
) -> Mapping[str, object]:
    """One line of a batch; its success is 200, not 200000."""
    code, message = "200", "success"
    try:
        cancel()
    except ProblemError as problem:
        code, message = problem.code, problem.message
    return {"orderId": order_id, "clientOid": client_id, "code": code, "msg": message}


def _cancel_resting(
    backend: Backend, at: datetime, symbol: str | None
) -> Mapping[str, object]:
    stops = backend.part(futures_stops)
    gone = [
        stops.shown_id(order.order_id)
        for order in backend.venue.orders.resting_of(FUTURES)
        if symbol in {None, order.symbol} and _cancel(backend, at, order)
    ]
    return {"cancelledOrderIds": gone}


def _wanted_symbol(backend: Backend, call: Call) -> str | None:
    if not call.query.get("symbol", "").strip():
        return None
    return asked_contract(backend, call).symbol


def cancel_all(backend: Backend, call: Call) -> object:
    """``DELETE /api/v1/orders``: every resting order, of one contract or of all."""
    return _cancel_resting(backend, call.at, _wanted_symbol(backend, call))


def cancel_all_of_symbol(backend: Backend, call: Call) -> object:
    """``DELETE /api/v3/orders``: every resting order of a contract."""
    return _cancel_resting(backend, call.at, asked_contract(backend, call).symbol)


def cancel_stops(backend: Backend, call: Call) -> object:
    """``DELETE /api/v1/stopOrders``: every stop that waits."""
    symbol, stops = _wanted_symbol(backend, call), backend.part(futures_stops)
    gone = [
        stop.order_id
        for stop in stops.waiting()
        if symbol in {None, stop.intent.symbol} and stops.cancel(stop)
    ]
    return {"cancelledOrderIds": gone}
