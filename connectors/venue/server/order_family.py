"""The orders of one family of accounts, spot or margin, as KuCoin's endpoints see them.

Both families have the same endpoints with other codes and a few other fields. A
cancel takes effect at the venue at once, but its answer confirms only the request:
what became of the order is told by a push or by looking it up, as at KuCoin.
The methods are handlers; only the venue matches.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from bot.domain.accounts import (
    MARGIN_CROSS,
    SPOT,
    AccountId,
    isolated_account,
    isolated_pair,
)
from bot.domain.intents import CancelOrder
from bot.domain.orders import OrderState, Outcome
from connectors.kucoin.parse.node import Node
from connectors.venue.orders import codes_for
from connectors.venue.server.archive import FillRecord, OrderRecord
from connectors.venue.server.asks import (
    body_flag,
    invalid,
    optional_body_text,
    query_text,
    query_word,
)
from connectors.venue.server.backend import Backend
from connectors.venue.server.calls import Call, ProblemError
from connectors.venue.server.order_forms import OrderNotes, read_form, sized
from connectors.venue.server.pages import newest_between, rows_before, window
from connectors.venue.server.words_spot_basic import trailing_number
from connectors.venue.server.words_spot_orders import fill_words, order_words

__all__ = ["MARGIN_ORDERS", "SPOT_ORDERS", "OrderFamily"]

_WEEK: Final = timedelta(days=7)
_TRADE_TYPES: Final = ("MARGIN_TRADE", "MARGIN_ISOLATED_TRADE")
_GONE: Final = "order_not_exist_or_not_allow_to_cancel"
_UNKNOWN: Final = "The order does not exist."


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFamily:
    """Handlers of the spot orders, or of the margin orders (cross and isolated)."""

    is_margin: bool

    def place(self, backend: Backend, call: Call) -> object:
        """``POST .../order(s)``: the ids of an accepted order."""
        record = self.placed(backend, call, call.body)
        return self._ack(record.order.order_id, record.order.intent_id)

    def test(self, backend: Backend, call: Call) -> object:
        """``POST .../order(s)/test``: everything is checked, nothing is placed."""
        account = self.account_of(call.body)
        order, _ = sized(backend, call.at, account, read_form(call.body))
        client_id = self._client_id(backend, account, call.body)
        refusal = backend.venue.check_order(call.at, order, client_id)
        if refusal is not None:
            raise ProblemError(refusal.code, refusal.sentence)
        return self._ack(backend.next_id("test"), client_id)

    def placed(self, backend: Backend, call: Call, body: Node) -> OrderRecord:
        """Place what a body asks for; the record of the accepted order.

        Raises:
            ProblemError: The request or the venue refuses it.
        """
        account = self.account_of(body)
        order, note = sized(backend, call.at, account, read_form(body))
        client_id = self._client_id(backend, account, body)
        backend.part(OrderNotes).keep(client_id, note)
        settled = backend.submit(call.at, order, client_id)
        record = backend.archive.orders.get(settled.order_id or "")
        if settled.outcome is not Outcome.DONE or record is None:
            raise ProblemError(settled.code or "500000", settled.reason or "refused.")
        return record

    def cancel(self, backend: Backend, call: Call) -> object:
        """``DELETE .../orders/{orderId}``: confirms the request."""
        record = self.found(backend, call, _GONE)
        self.cancelled(backend, call, record)
        return {"orderId": record.order.order_id}

    def cancel_by_client(self, backend: Backend, call: Call) -> object:
        """``DELETE .../orders/client-order/{clientOid}``: confirms the request."""
        record = self.found_by_client(backend, call, _GONE)
        self.cancelled(backend, call, record)
        return {"clientOid": record.order.intent_id}

    def cancel_all(self, backend: Backend, call: Call) -> object:
        """``DELETE .../orders``: every open order of a pair."""
        for record in self._open(backend, call):
            self.cancelled(backend, call, record)
        return "success"

    def cancelled(self, backend: Backend, call: Call, record: OrderRecord) -> None:
        """Cancel an order at the venue.

        Raises:
            ProblemError: It is done already.
        """
        order = record.order
        intent = CancelOrder(
            account=order.account, symbol=order.symbol, order_id=order.order_id
        )
        settled = backend.submit(call.at, intent, backend.next_id("cancel"))
        if settled.outcome is not Outcome.DONE:
            raise ProblemError(codes_for(order.account).not_found, _GONE)

    def by_id(self, backend: Backend, call: Call) -> object:
        """``GET .../orders/{orderId}``."""
        return self.words(backend, self.found(backend, call, _UNKNOWN))

    def by_client(self, backend: Backend, call: Call) -> object:
        """``GET .../orders/client-order/{clientOid}``."""
        return self.words(backend, self.found_by_client(backend, call, _UNKNOWN))

    def active(self, backend: Backend, call: Call) -> object:
        """``GET .../orders/active``: not paged, newest first."""
        return [self.words(backend, record) for record in self._open(backend, call)]

    def done(self, backend: Backend, call: Call) -> object:
        """``GET .../orders/done``: at most seven days, by the time they ended."""
        first, last = window(call, _WEEK)
        account, symbol = self._asked(call)
        side, kind = _side(call), _type(call)
        rows = [
            record
            for record in reversed(backend.archive.orders.values())
            if record.order.state is not OrderState.OPEN
            and (record.order.account, record.order.symbol) == (account, symbol)
            and first <= record.updated_at <= last
            and side in {None, str(record.order.side)}
            and kind in {None, str(record.order.type)}
        ]
        found, last_id = rows_before(call, rows, _order_number)
        items = [self.words(backend, record) for record in found]
        return {"lastId": last_id, "items": items}

    def fills(self, backend: Backend, call: Call) -> object:
        """``GET .../fills``: at most seven days, newest first."""
        span, asked = window(call, _WEEK), self._asked(call)
        side, kind = _side(call), _type(call)
        wanted = call.query.get("orderId", "")
        rows = [
            record
            for record in newest_between(
                backend.archive.fills, span, lambda r: r.fill.at
            )
            if (record.fill.account, record.fill.symbol) == asked
            and side in {None, str(record.fill.side)}
            and wanted in {"", record.fill.order_id}
        ]
        venue = backend.venue
        words = [
            (row, fill_words(row, venue.orders.get(row.fill.order_id), venue.rules))
            for row in rows
        ]
        matching = [pair for pair in words if kind in {None, pair[1]["type"]}]
        found, last_id = rows_before(call, matching, lambda pair: _fill_number(pair[0]))
        return {"items": [item for _, item in found], "lastId": last_id}

    def active_symbols(self, backend: Backend, call: Call) -> object:
        """``GET .../active/symbols``: the pairs where something is open."""
        kind = "" if not self.is_margin else query_text(call, "tradeType")
        symbols = sorted(
            {
                record.order.symbol
                for record in backend.archive.orders.values()
                if record.is_active
                and self._is_ours(record.order.account)
                and _has_kind(record.order.account, kind)
            }
        )
        if not self.is_margin:
            return {"symbols": symbols}
        return {"symbolSize": len(symbols), "symbols": symbols}

    def words(self, backend: Backend, record: OrderRecord) -> dict[str, object]:
        """The document of an order of this family."""
        note = backend.part(OrderNotes).of(record.order.intent_id)
        return order_words(record, note, with_stop=self.is_margin)

    def found(self, backend: Backend, call: Call, sentence: str) -> OrderRecord:
        """The order that the path names by its id."""
        record = backend.archive.orders.get(call.args["orderId"])
        return self._ours(call, record, sentence)

    def found_by_client(
        self, backend: Backend, call: Call, sentence: str
    ) -> OrderRecord:
        """The order that the path names by its client id."""
        record = backend.archive.order_by_client(call.args["clientOid"])
        return self._ours(call, record, sentence)

    def account_of(self, body: Node) -> AccountId:
        """The account that a request's body trades."""
        if not self.is_margin:
            return SPOT
        if not body_flag(body, "isIsolated"):
            return MARGIN_CROSS
        return isolated_account(optional_body_text(body, "symbol") or "")

    def _open(self, backend: Backend, call: Call) -> list[OrderRecord]:
        """The open orders that a query asks for, newest first."""
        asked = self._asked(call)
        return [
            record
            for record in reversed(backend.archive.orders.values())
            if record.is_active and (record.order.account, record.order.symbol) == asked
        ]

    def _asked(self, call: Call) -> tuple[AccountId, str]:
        """The account and the pair that a query names; margin needs both words."""
        symbol = query_text(call, "symbol")
        if not self.is_margin:
            return SPOT, symbol
        query_text(call, "tradeType")
        if query_word(call, "tradeType", _TRADE_TYPES) == "MARGIN_TRADE":
            return MARGIN_CROSS, symbol
        return isolated_account(symbol), symbol

    def _ours(
        self, call: Call, record: OrderRecord | None, sentence: str
    ) -> OrderRecord:
        """The record, if it is of this family and of the pair that is named."""
        symbol = query_text(call, "symbol")
        if (
            record is None
            or record.order.symbol != symbol
            or not self._is_ours(record.order.account)
        ):
            account = MARGIN_CROSS if self.is_margin else SPOT
            raise ProblemError(codes_for(account).not_found, sentence)
        return record

    def _is_ours(self, account: AccountId) -> bool:
        if not self.is_margin:
            return account == SPOT
        return account == MARGIN_CROSS or isolated_pair(account) is not None

    def _client_id(self, backend: Backend, account: AccountId, body: Node) -> str:
        """The client id of a request, never spent before; spot may leave it out."""
        client_id = optional_body_text(body, "clientOid")
        if client_id is None and not self.is_margin:
            return backend.next_id("spot")
        if client_id is None:
            raise invalid("clientOid is required.")
        codes = codes_for(account)
        refusal = backend.venue.orders.check_client_id(account, client_id)
        if refusal is None:
            return client_id
        if backend.venue.orders.by_client_id(client_id) is not None:
            raise ProblemError(codes.duplicate, "Duplicated clientOid.")
        raise invalid("clientOid is invalid: 1 to 40 letters, digits, _ and -.")

    def _ack(self, order_id: str, client_id: str) -> dict[str, object]:
        """What an accepted order is answered with; nothing was borrowed for it."""
        words: dict[str, object] = {"orderId": order_id, "clientOid": client_id}
        if self.is_margin:
            words |= {"borrowSize": None, "loanApplyId": None}
        return words


def _side(call: Call) -> str | None:
    return query_word(call, "side", ("buy", "sell"))


def _type(call: Call) -> str | None:
    return query_word(call, "type", ("limit", "market"))


def _order_number(record: OrderRecord) -> int:
    return trailing_number(record.order.order_id)


def _fill_number(record: FillRecord) -> int:
    return record.number


def _has_kind(account: AccountId, kind: str) -> bool:
    """Whether an account is of a trade type; every one is of an empty one."""
    if kind == "":
        return True
    return (account == MARGIN_CROSS) == (kind == "MARGIN_TRADE")


SPOT_ORDERS: Final = OrderFamily(is_margin=False)
MARGIN_ORDERS: Final = OrderFamily(is_margin=True)
