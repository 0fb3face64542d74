"""The stop order endpoints of the spot host: the older route and the margin one.

The older route (``/api/v1/stop-order``) takes spot and, by ``tradeType``, margin
stops; the margin route (``/api/v3/hf/margin/stop-order``) says ``isIsolated``. Both
read one register. They check the form; the order behind a stop is checked by the
venue when it triggers.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from bot.domain.accounts import (
    MARGIN_CROSS,
    SPOT,
    AccountId,
    isolated_account,
)
from connectors.kucoin.parse.node import Node
from connectors.venue.orders import codes_for
from connectors.venue.server.asks import (
    body_number,
    body_text,
    body_word,
    invalid,
    names,
    optional_body_text,
    query_text,
    query_time,
    query_word,
)
from connectors.venue.server.backend import Backend
from connectors.venue.server.calls import Call, ProblemError
from connectors.venue.server.market_handlers import spot_pair
from connectors.venue.server.order_family import MARGIN_ORDERS
from connectors.venue.server.order_forms import read_form
from connectors.venue.server.pages import numbered_page
from connectors.venue.server.stops import SpotStops, StopOrder
from connectors.venue.server.words_spot_basic import trade_type
from connectors.venue.server.words_spot_stops import stop_words

__all__ = [
    "add_margin_stop",
    "add_stop",
    "cancel_by_client",
    "cancel_margin_by_client",
    "cancel_margin_by_id",
    "cancel_stop",
    "cancel_stops",
    "margin_stop_by_client",
    "margin_stop_by_id",
    "stop_by_client",
    "stop_by_id",
    "stops",
]

_TRADE_TYPES: Final = ("TRADE", "MARGIN_TRADE", "MARGIN_ISOLATED_TRADE")
_KINDS: Final = ("loss", "entry")
_MOST_IDS: Final = 100
_UNKNOWN: Final = "The order does not exist."


def add_stop(backend: Backend, call: Call) -> object:
    """``POST /api/v1/stop-order``: ``tradeType`` says which account."""
    kind = body_word(call.body, "tradeType", _TRADE_TYPES, "TRADE")
    account: AccountId = SPOT
    if kind == "MARGIN_TRADE":
        account = MARGIN_CROSS
    elif kind == "MARGIN_ISOLATED_TRADE":
        account = isolated_account(body_text(call.body, "symbol"))
    return {"orderId": _add(backend, call, account).stop_id}


def add_margin_stop(backend: Backend, call: Call) -> object:
    """``POST /api/v3/hf/margin/stop-order``: ``isIsolated`` says which account."""
    stop = _add(backend, call, MARGIN_ORDERS.account_of(call.body))
    return {"orderId": stop.stop_id, "clientOid": stop.client_id}


def _add(backend: Backend, call: Call, account: AccountId) -> StopOrder:
    """Check a stop and let it wait."""
    body = call.body
    form = read_form(body)
    pair = spot_pair(backend, form.symbol)
    stop_price = body_number(body, "stopPrice")
    if stop_price % pair.price_increment != 0:
        raise invalid(f"stopPrice must be a multiple of {pair.price_increment}.")
    client_id = optional_body_text(body, "clientOid")
    if client_id is None:
        raise invalid("clientOid is required.")
    if backend.venue.orders.by_client_id(client_id) is not None:
        raise ProblemError(codes_for(account).duplicate, "Duplicated clientOid.")
    if backend.venue.orders.check_client_id(account, client_id) is not None:
        raise invalid("clientOid is invalid: 1 to 40 letters, digits, _ and -.")
    stop = StopOrder(
        stop_id=backend.next_id("stop"),
        client_id=client_id,
        account=account,
        form=form,
        kind=_kind(backend, body, form.symbol, stop_price),
        stop_price=stop_price,
        created_at=call.at,
    )
    backend.part(SpotStops).add(stop)
    return stop


def _kind(backend: Backend, body: Node, symbol: str, stop_price: Decimal) -> str:
    """``loss`` or ``entry``; unsaid it follows from where the price stands."""
    if not body["stop"].is_blank:
        return body_word(body, "stop", _KINDS)
    last = backend.venue.tape.last(symbol)
    return "entry" if last is not None and stop_price > last else "loss"


def stops(backend: Backend, call: Call) -> object:
    """``GET /api/v1/stop-order`` and ``/api/v3/hf/margin/stop-orders``."""
    rows = [stop for stop in _listed(backend, call) if _is_in_time(call, stop)]
    venue = backend.venue
    return numbered_page(
        call, rows, lambda stop: stop_words(stop, venue.rules, backend.uid)
    )


def _listed(backend: Backend, call: Call) -> Sequence[StopOrder]:
    """The waiting stops that a query or a mass cancel names, newest first."""
    symbol, ids = call.query.get("symbol", ""), names(call, "orderIds", _MOST_IDS)
    kind = query_word(call, "tradeType", _TRADE_TYPES)
    side = query_word(call, "side", ("buy", "sell"))
    order_type = query_word(call, "type", ("limit", "market"))
    return [
        stop
        for stop in backend.part(SpotStops).waiting()
        if symbol in {"", stop.form.symbol}
        and (not ids or stop.stop_id in ids)
        and kind in {None, trade_type(stop.account)}
        and side in {None, str(stop.form.side)}
        and order_type in {None, str(stop.form.type)}
    ]


def _is_in_time(call: Call, stop: StopOrder) -> bool:
    first, last = query_time(call, "startAt"), query_time(call, "endAt")
    return (first is None or first <= stop.created_at) and (
        last is None or stop.created_at <= last
    )


def cancel_stops(backend: Backend, call: Call) -> object:
    """``DELETE /api/v1/stop-order/cancel`` and the margin route's ``cancel``."""
    found = _listed(backend, call)
    return {"cancelledOrderIds": backend.part(SpotStops).cancel(call.at, found)}


def _known(stop: StopOrder | None, *, is_margin: bool) -> StopOrder:
    """A stop that exists.

    Raises:
        ProblemError: There is none.
    """
    if stop is None:
        code = codes_for(MARGIN_CROSS if is_margin else SPOT).not_found
        raise ProblemError(code, _UNKNOWN)
    return stop


def _by_id(backend: Backend, stop_id: str, *, is_margin: bool) -> StopOrder:
    return _known(backend.part(SpotStops).get(stop_id), is_margin=is_margin)


def _by_client(backend: Backend, call: Call, *, is_margin: bool) -> StopOrder:
    client_id = query_text(call, "clientOid")
    stop = backend.part(SpotStops).by_client(client_id)
    return _known(stop, is_margin=is_margin)


def _cancel(backend: Backend, call: Call, stop: StopOrder) -> list[str]:
    """Cancel one stop that must still wait."""
    gone = backend.part(SpotStops).cancel(call.at, [stop])
    if not gone:
        code = codes_for(stop.account).not_found
        raise ProblemError(code, "order_not_exist_or_not_allow_to_cancel")
    return gone


def cancel_stop(backend: Backend, call: Call) -> object:
    """``DELETE /api/v1/stop-order/{orderId}``."""
    stop = _by_id(backend, call.args["orderId"], is_margin=False)
    return {"cancelledOrderIds": _cancel(backend, call, stop)}


def cancel_margin_by_id(backend: Backend, call: Call) -> object:
    """``DELETE /api/v3/hf/margin/stop-order/cancel-by-id``."""
    stop = _by_id(backend, query_text(call, "orderId"), is_margin=True)
    return {"cancelledOrderIds": _cancel(backend, call, stop)}


def cancel_by_client(backend: Backend, call: Call) -> object:
    """``DELETE /api/v1/stop-order/cancelOrderByClientOid``."""
    stop = _by_client(backend, call, is_margin=False)
    _cancel(backend, call, stop)
    return {"cancelledOrderId": stop.stop_id, "clientOid": stop.client_id}


def cancel_margin_by_client(backend: Backend, call: Call) -> object:
    """``DELETE /api/v3/hf/margin/stop-order/cancel-by-clientOid``."""
    stop = _by_client(backend, call, is_margin=True)
    return {"cancelledOrderIds": _cancel(backend, call, stop)}


def _words(backend: Backend, stop: StopOrder) -> dict[str, object]:
    return stop_words(stop, backend.venue.rules, backend.uid)


def stop_by_id(backend: Backend, call: Call) -> object:
    """``GET /api/v1/stop-order/{orderId}``."""
    return _words(backend, _by_id(backend, call.args["orderId"], is_margin=False))


def margin_stop_by_id(backend: Backend, call: Call) -> object:
    """``GET /api/v3/hf/margin/stop-order/orderId``."""
    stop_id = query_text(call, "orderId")
    return _words(backend, _by_id(backend, stop_id, is_margin=True))


def stop_by_client(backend: Backend, call: Call) -> object:
    """``GET /api/v1/stop-order/queryOrderByClientOid``: a list of one."""
    return [_words(backend, _by_client(backend, call, is_margin=False))]


def margin_stop_by_client(backend: Backend, call: Call) -> object:
    """``GET /api/v3/hf/margin/stop-order/clientOid``."""
    return _words(backend, _by_client(backend, call, is_margin=True))
