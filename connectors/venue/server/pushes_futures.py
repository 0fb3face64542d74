"""What the futures host's sockets push about the user: orders, wallets, positions.

Each publication of the venue becomes pushes in order; ``beat`` says once a second of
the venue's time what follows the marks: positions in part, and wallets whose free part
moved under the same version. Every number is the venue's own.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from bot.domain.accounts import FUTURES, MarginMode, Position, PositionKey
from bot.domain.events import (
    Cause,
    Event,
    LedgerBooked,
    OrderChanged,
    PositionChanged,
)
from bot.domain.money import plain
from connectors.venue.server.backend import Backend
from connectors.venue.server.calls import FUTURES_HOST
from connectors.venue.server.futures_position_handlers import position_sight
from connectors.venue.server.futures_position_log import position_log
from connectors.venue.server.futures_stops import futures_stops
from connectors.venue.server.notices import Notice
from connectors.venue.server.order_steps import OrderStep, OrderSteps
from connectors.venue.server.pushes import Push
from connectors.venue.server.words_futures_common import (
    exact,
    mode_word,
    ms,
    ns,
    word,
)
from connectors.venue.server.words_futures_positions import (
    flat_position,
    following_mark,
    position_v1,
)
from connectors.venue.server.words_futures_wallets import wallet_figures, wallet_push

__all__ = ["FuturesPushes", "notice_push"]

_ORDERS: Final = "/contractMarket/tradeOrders"
_WALLET: Final = "/contractAccount/wallet"
_POSITION: Final = "/contract/position"
_ALL_POSITIONS: Final = "/contract/positionAll"
_STATUSES: Final[Mapping[str, str]] = {
    "open": "open",
    "match": "match",
    "filled": "done",
    "canceled": "done",
}
_REASONS: Final[Mapping[str, str]] = {
    "trade": "positionChange",
    "margin": "marginChange",
    "funding": "marginChange",
    "liquidation": "liquidation",
    "adl": "adl",
}
_FORCED: Final[Mapping[str | None, str]] = {
    None: "trade",
    "liquidation": "liquid",
    "adl": "adl",
}


def notice_push(notice: Notice) -> Push:
    """A notice as the push that it is."""
    return Push(
        subject=notice.subject,
        data=notice.data,
        topics=(notice.topic,),
        is_private=True,
    )


class FuturesPushes:
    """The private pushes of the futures host, from the moment it is made."""

    host: Final = FUTURES_HOST

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._steps = OrderSteps(backend.venue.orders, lambda a: a == FUTURES)
        self._versions: dict[str, int] = {}
        self._wallets: dict[str, Mapping[str, object]] = {}
        self._marks: dict[PositionKey, object] = {}
        self._numbers = 0

    def of_events(self, at: datetime, events: Sequence[Event]) -> Iterator[Push]:
        """The pushes that a publication of the venue brings, in order."""
        for step in self._steps.of(events):
            yield from self._order(step)
        yield from self._settlements(events)
        yield from self._positions(at, events)
        for settle in self._touched(events):
            self._versions[settle] = self._versions.get(settle, 0) + 1
            yield from self._wallet(settle, at)

    def beat(self, at: datetime) -> Iterator[Push]:
        """What followed the marks since the last beat."""
        held = self._backend.venue.futures.positions
        for key in sorted(held):
            mark = self._backend.venue.tape.futures_mark(key.symbol)
            if self._marks.get(key) != mark:
                self._marks[key] = mark
                yield self._position(key.symbol, self._following(held[key]))
        rules = self._backend.venue.rules.contracts
        for settle in sorted({rules[key.symbol].settle for key in held}):
            yield from self._wallet(settle, at)

    # -- orders -----------------------------------------------------------

    def _order(self, step: OrderStep) -> Iterator[Push]:
        data = self._order_data(step)
        if data is None:
            return
        topic = f"{_ORDERS}:{data['symbol']}"
        yield Push(
            subject="symbolOrderChange",
            data=data,
            topics=(_ORDERS, topic),
            is_private=True,
        )

    def _order_data(self, step: OrderStep) -> dict[str, object] | None:
        order = step.order
        if order is None:
            return self._forced(step)
        if step.kind == "received":
            return None
        left = order.qty - step.filled
        is_gone = step.kind == "canceled"
        record = self._backend.archive.orders.get(order.order_id)
        stops = self._backend.part(futures_stops)
        return {
            "symbol": order.symbol,
            "orderType": order.type.value,
            "side": order.side.value,
            "canceledSize": plain(left) if is_gone else "0",
            "orderId": stops.shown_id(order.order_id),
            "clientOid": order.intent_id,
            "positionSide": order.position_side.name,
            "marginMode": mode_word(order.margin_mode),
            "type": step.kind,
            "orderTime": ns(step.at if record is None else record.created_at),
            "size": plain(order.qty),
            "filledSize": plain(step.filled),
            "price": "0" if order.price is None else plain(order.price),
            "remainSize": "0" if is_gone else plain(left),
            "status": _STATUSES[step.kind],
            **_match(step),
            "ts": ns(step.at),
        }

    def _forced(self, step: OrderStep) -> dict[str, object] | None:
        """A trade that the venue made in the user's name, whole and done."""
        fill = step.fill
        if fill is None:
            return None
        split = self._backend.part(position_log).splits.get(fill.trade_id)
        size = plain(fill.qty)
        return {
            "symbol": fill.symbol,
            "orderType": "market",
            "side": fill.side.value,
            "canceledSize": "0",
            "orderId": fill.order_id,
            "positionSide": "BOTH" if split is None else split.key.side.name,
            "marginMode": mode_word(MarginMode.CROSS if split is None else split.mode),
            "type": "match",
            "orderTime": ns(fill.at),
            "size": size,
            "filledSize": size,
            "price": "0",
            "remainSize": "0",
            "status": "done",
            **_match(step),
            "ts": ns(fill.at),
        }

    # -- positions --------------------------------------------------------

    def _positions(self, at: datetime, events: Sequence[Event]) -> Iterator[Push]:
        """Each position that changed, as it stands after all of them."""
        last = {
            event.position.key: event
            for event in events
            if isinstance(event, PositionChanged)
        }
        for key, event in last.items():
            held = event.position
            self._marks.pop(key, None)
            data = (
                self._closed(held, at)
                if held.lots == 0
                else position_v1(position_sight(self._backend, held))
            )
            reason = _REASONS.get(event.reason, "positionChange")
            yield self._position(key.symbol, data | {"changeReason": reason})

    def _following(self, held: Position) -> Mapping[str, object]:
        return following_mark(position_sight(self._backend, held))

    def _closed(self, held: Position, at: datetime) -> dict[str, object]:
        """A position that was closed, with what it had earned."""
        rules = self._backend.venue.rules.contracts[held.symbol]
        mark = self._backend.venue.tape.futures_mark(held.symbol)
        data = flat_position(rules, held.mode, mark, at)
        data |= {"positionSide": held.side.name, "leverage": exact(held.leverage)}
        closed = self._backend.part(position_log).closed
        story = next((s for s in reversed(closed) if s.key == held.key), None)
        if story is None:
            return data
        return data | {
            "id": str(story.position_id),
            "openingTimestamp": ms(story.opened_at),
            "realisedGrossCost": exact(-story.gross),
            "realisedGrossPnl": exact(story.gross),
            "currentComm": exact(story.fees - story.funding),
            "realisedCost": exact(-story.realised),
            "realisedPnl": exact(story.realised),
        }

    def _position(self, symbol: str, data: Mapping[str, object]) -> Push:
        topic = f"{_POSITION}:{symbol}"
        return Push(
            subject="position.change",
            data=data,
            topics=(_ALL_POSITIONS, topic),
            is_private=True,
        )

    def _settlements(self, events: Sequence[Event]) -> Iterator[Push]:
        """A funding payment of each position that was settled."""
        paid = [
            event
            for event in events
            if isinstance(event, LedgerBooked) and event.cause is Cause.FUNDING
        ]
        records = self._backend.archive.funding[-len(paid) :] if paid else []
        for record in records:
            topic = f"{_POSITION}:{record.symbol}"
            yield Push(
                subject="position.settlement",
                topics=(_ALL_POSITIONS, topic),
                is_private=True,
                data={
                    "symbol": record.symbol,
                    "fundingTime": ms(record.at),
                    "qty": record.lots,
                    "markPrice": exact(record.mark_price),
                    "fundingRate": exact(record.funding_rate),
                    "fundingFee": exact(record.amount),
                    "ts": ns(record.at),
                    "settleCurrency": word(record.settle),
                },
            )

    # -- wallets ----------------------------------------------------------

    def _touched(self, events: Sequence[Event]) -> list[str]:
        """The settle currencies whose wallet or margins these events change."""
        rules, found = self._backend.venue.rules.contracts, set[str]()
        for event in events:
            match event:
                case LedgerBooked(postings=postings):
                    found |= {p.coin for p in postings if p.account == FUTURES}
                case OrderChanged(account=account, symbol=symbol):
                    if account == FUTURES:
                        found.add(rules[symbol].settle)
                case PositionChanged(position=held):
                    found.add(rules[held.symbol].settle)
                case _:
                    pass
        return sorted(found)

    def _wallet(self, settle: str, at: datetime) -> Iterator[Push]:
        """The wallet of a settle currency, if it is another than was told last."""
        futures = self._backend.venue.futures
        data = wallet_push(
            wallet_figures(futures.state, settle),
            futures.free_cash(settle),
            self._versions.get(settle, 0),
            at,
        )
        what = {name: value for name, value in data.items() if name != "timestamp"}
        if self._wallets.get(settle) == what:
            return
        self._wallets[settle] = what
        self._numbers += 1
        yield Push(
            subject="walletBalance.change",
            push_id=f"wallet{self._numbers}",
            data=data,
            topics=(_WALLET,),
            is_private=True,
        )


def _match(step: OrderStep) -> dict[str, object]:
    """What a step traded, empty for the others."""
    fill = step.fill
    if fill is None:
        return {}
    return {
        "matchPrice": plain(fill.price),
        "matchSize": plain(fill.qty),
        "tradeId": fill.trade_id,
        "liquidity": "maker" if fill.is_maker else "taker",
        "feeType": "makerFee" if fill.is_maker else "takerFee",
        "tradeType": _FORCED.get(fill.forced, "trade"),
    }
