"""The body of a spot or margin order request, read into an order of ours.

A market order that names ``funds`` is turned into a size on the book as it stands.
What KuCoin keeps of an order besides (funds, remark, tags) goes into a note. The
venue checks sizes, prices and balances; here only the form is checked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.domain.accounts import AccountId
from bot.domain.intents import PlaceOrder
from bot.domain.money import ZERO, floor_to
from bot.domain.orders import OrderType, Side, TimeInForce
from connectors.kucoin.parse.node import Node
from connectors.venue.orders import codes_for
from connectors.venue.server.asks import (
    body_flag,
    body_number,
    body_text,
    body_word,
    invalid,
    optional_body_number,
    optional_body_text,
)
from connectors.venue.server.backend import Backend
from connectors.venue.server.calls import ProblemError
from connectors.venue.server.market_handlers import spot_pair

__all__ = ["OrderForm", "OrderNote", "OrderNotes", "read_form", "sized"]

_TIMES: Final[Mapping[str, TimeInForce]] = {
    "GTC": TimeInForce.GTC,
    "IOC": TimeInForce.IOC,
    "FOK": TimeInForce.FOK,
}
_PREVENTIONS: Final = ("CN", "CO", "CB", "DC")
_MOST_NOTES: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderForm:
    """An order as it was asked for: exactly one of ``size`` and ``funds`` is set."""

    symbol: str
    side: Side
    type: OrderType
    price: Decimal | None
    size: Decimal | None
    funds: Decimal | None
    time_in_force: TimeInForce
    post_only: bool
    note: "OrderNote"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderNote:
    """What KuCoin shows of an order and the matching engine does not need.

    ``is_cut`` says that the book held less than the ``funds`` asked for.
    """

    funds: Decimal | None = None
    stp: str | None = None
    remark: str | None = None
    tags: str | None = None
    is_cut: bool = False


class OrderNotes:
    """A part of a backend: the notes of its orders by client id, newest 100,000."""

    def __init__(self, backend: Backend) -> None:
        self._notes: dict[str, OrderNote] = {}

    def keep(self, client_id: str, note: OrderNote) -> None:
        """Remember what was asked for."""
        self._notes[client_id] = note
        if len(self._notes) > _MOST_NOTES:
            del self._notes[next(iter(self._notes))]

    def of(self, client_id: str) -> OrderNote:
        """The note of an order; an empty one for an order of another door."""
        return self._notes.get(client_id, OrderNote())


def read_form(body: Node) -> OrderForm:
    """Read an order request.

    Raises:
        ProblemError: A field is missing, malformed or no longer supported.
    """
    _refuse_gone(body)
    kind = OrderType(body_word(body, "type", ("limit", "market"), "limit"))
    size, funds = (optional_body_number(body, name) for name in ("size", "funds"))
    is_limit = kind is OrderType.LIMIT
    if is_limit:
        size, funds = body_number(body, "size"), None
    if (size is None) == (funds is None):
        raise invalid("a market order needs either size or funds, not both.")
    stp = optional_body_text(body, "stp")
    if stp is not None and stp not in _PREVENTIONS:
        raise invalid(f"stp must be one of {', '.join(_PREVENTIONS)}.")
    return OrderForm(
        symbol=body_text(body, "symbol"),
        side=Side(body_word(body, "side", ("buy", "sell"))),
        type=kind,
        price=body_number(body, "price") if is_limit else None,
        size=size,
        funds=funds,
        time_in_force=_time(body) if is_limit else TimeInForce.GTC,
        post_only=body_flag(body, "postOnly"),
        note=OrderNote(
            funds=funds,
            stp=stp,
            remark=optional_body_text(body, "remark"),
            tags=optional_body_text(body, "tags"),
        ),
    )


def _refuse_gone(body: Node) -> None:
    """Refuse what KuCoin took away, and what is not offered here."""
    gone = [name for name in ("hidden", "iceberg") if body_flag(body, name)]
    if gone or not body["visibleSize"].is_blank:
        raise ProblemError("400413", "hidden and iceberg orders are not supported.")
    for name in ("autoBorrow", "autoRepay"):
        if body_flag(body, name):
            raise invalid(
                f"{name} is not offered here: borrow and repay with their own requests."
            )


def _time(body: Node) -> TimeInForce:
    word = body_word(body, "timeInForce", ("GTC", "GTT", "IOC", "FOK"), "GTC")
    if word not in _TIMES:
        raise invalid("timeInForce GTT is not offered here: cancel in time yourself.")
    return _TIMES[word]


def sized(
    backend: Backend, at: datetime, account: AccountId, form: OrderForm
) -> tuple[PlaceOrder, OrderNote]:
    """The order for the venue, with ``funds`` turned into a size, and its note.

    Raises:
        ProblemError: The pair is unknown, the funds of a purchase are not there, or
            they buy less than one step.
    """
    size, note = form.size, form.note
    if size is None:
        _check_funds(backend, account, form)
        size, note = _size_for(backend, at, form)
    order = PlaceOrder(
        account=account,
        symbol=form.symbol,
        side=form.side,
        qty=size,
        type=form.type,
        price=form.price,
        time_in_force=form.time_in_force,
        post_only=form.post_only,
    )
    return order, note


def _check_funds(backend: Backend, account: AccountId, form: OrderForm) -> None:
    """A purchase by funds needs all of them, whatever the book holds."""
    if form.side is not Side.BUY:
        return
    coin, funds = spot_pair(backend, form.symbol).quote, form.funds or ZERO
    line = backend.venue.snapshot().balances.get(account, {}).get(coin)
    available = ZERO if line is None else line.available
    if funds > available:
        raise ProblemError(
            codes_for(account).balance,
            f"buy {form.symbol} for {funds:f} {coin} in {account}, available is "
            f"{available:f}: lower the funds.",
        )


def _size_for(
    backend: Backend, at: datetime, form: OrderForm
) -> tuple[Decimal, OrderNote]:
    """How many coins the funds are worth on the book, in whole steps."""
    pair, note = spot_pair(backend, form.symbol), form.note
    funds = form.funds or ZERO
    if funds % pair.quote_increment != 0:
        raise invalid("Funds increment invalid.")
    if funds < pair.min_funds:
        least = f"{pair.min_funds:f} {pair.quote}"
        raise invalid(f"The order funds should more then {least}.")
    left, size = funds, ZERO
    for level in backend.venue.book(at, pair.symbol, form.side):
        wanted = floor_to(left / level.price, pair.base_increment)
        size += min(wanted, level.qty)
        left -= min(wanted, level.qty) * level.price
        if wanted < level.qty:
            break
    else:
        note = OrderNote(
            funds=note.funds,
            stp=note.stp,
            remark=note.remark,
            tags=note.tags,
            is_cut=True,
        )
    if size <= 0:
        raise invalid(f"The funds buy less than one step of {pair.base}.")
    return size, note
