"""The topics that are read: which channel a push belongs to and who reads it.

A push of the spot host is told by its topic. A push of the futures host is told by
its subject, because the topic of a position push names another topic than the one
that was subscribed. Nothing here does I/O or keeps anything.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Final

from connectors.kucoin.parse.account_pushes import (
    MarginModeChange,
    risk_limit_push,
    stop_order_push,
    user_config_push,
)
from connectors.kucoin.parse.funding import funding_push, settlement_notice
from connectors.kucoin.parse.futures_orders import futures_order_push
from connectors.kucoin.parse.ledgers import balance_push
from connectors.kucoin.parse.margin_pushes import (
    cross_position_push,
    isolated_position_push,
)
from connectors.kucoin.parse.marks import (
    ContractMark,
    MarginMark,
    contract_mark_push,
    margin_mark_push,
)
from connectors.kucoin.parse.node import Node
from connectors.kucoin.parse.positions import position_change_push, settlement_push
from connectors.kucoin.parse.spot_orders import spot_order_push
from connectors.kucoin.parse.wallets import wallet
from connectors.kucoin.streams import Channel

__all__ = [
    "CONTRACT_ANNOUNCEMENTS",
    "CONTRACT_MARKS",
    "CROSS_LEVERAGE",
    "CROSS_POSITION",
    "FUTURES_HOST",
    "FUTURES_ORDERS",
    "FUTURES_STOPS",
    "FUTURES_WALLET",
    "ISOLATED_POSITION",
    "MARGIN_MARKS",
    "MARGIN_MODES",
    "POSITIONS",
    "SPOT_BALANCES",
    "SPOT_HOST",
    "SPOT_ORDERS",
    "SPOT_STOPS",
    "Push",
    "TopicKind",
    "Waits",
    "full_topic",
    "kind_of",
    "read_push",
    "symbol_of",
    "topic_of",
]

SPOT_HOST: Final = "spot"
FUTURES_HOST: Final = "futures"

MARGIN_MARKS: Final = Channel(SPOT_HOST, "/indicator/markPrice", stale_after_s=10.0)
"""Marks of margin coins; symbols such as ``USDT-BTC``."""
CROSS_POSITION: Final = Channel(SPOT_HOST, "/margin/position", is_private=True)
"""The debt ratio, every 4 s while there is debt and silent without."""
ISOLATED_POSITION: Final = Channel(
    SPOT_HOST, "/margin/isolatedPosition", is_private=True
)
"""Isolated accounts; symbols are pairs such as ``BTC-USDT``."""
SPOT_ORDERS: Final = Channel(SPOT_HOST, "/spotMarket/tradeOrdersV2", is_private=True)
SPOT_STOPS: Final = Channel(SPOT_HOST, "/spotMarket/advancedOrders", is_private=True)
SPOT_BALANCES: Final = Channel(SPOT_HOST, "/account/balance", is_private=True)
CONTRACT_MARKS: Final = Channel(
    FUTURES_HOST, "/contract/instrument", stale_after_s=10.0
)
"""Marks each second and the predicted funding rate each minute, by contract."""
CONTRACT_ANNOUNCEMENTS: Final = Channel(FUTURES_HOST, "/contract/announcement")
FUTURES_ORDERS: Final = Channel(
    FUTURES_HOST, "/contractMarket/tradeOrders", is_private=True
)
FUTURES_WALLET: Final = Channel(
    FUTURES_HOST, "/contractAccount/wallet", is_private=True
)
POSITIONS: Final = Channel(FUTURES_HOST, "/contract/positionAll", is_private=True)
MARGIN_MODES: Final = Channel(FUTURES_HOST, "/contract/marginMode", is_private=True)
CROSS_LEVERAGE: Final = Channel(
    FUTURES_HOST, "/contract/crossLeverage", is_private=True
)
FUTURES_STOPS: Final = Channel(
    FUTURES_HOST, "/contractMarket/advancedOrders", is_private=True
)


class Waits(Enum):
    """How the pushes of a subject wait to be read."""

    IN_A_SLOT = auto()
    """Only the newest of each symbol counts: marks."""
    IN_LINE = auto()
    """Each one counts; the same one twice is the same event."""
    IN_LINE_UNMARKED = auto()
    """Each one counts, and nothing in it tells a repetition from a return."""


@dataclass(frozen=True, slots=True)
class TopicKind:
    """What is known about a topic before anything comes from it.

    ``takes_symbols``: it is subscribed by symbol; ``joins_symbols``: many of them
    in one request, separated by commas. ``pulse``: the subjects that come so
    regularly that their silence means something; empty means all.
    """

    channel: Channel
    takes_symbols: bool = False
    joins_symbols: bool = False
    pulse: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """A push that was read.

    ``at`` is the exchange's time of it, None where it carries none. ``slot`` is
    the symbol whose newest push counts, None for a push that waits in line.
    ``identity`` is equal only for repetitions of one event, None where that
    cannot be told.
    """

    topic: str
    subject: str
    value: object
    at: datetime | None
    slot: str | None
    identity: str | None


@dataclass(frozen=True, slots=True)
class _Reading:
    topic: str
    read: Callable[[Node], object]
    waits: Waits = Waits.IN_LINE


_KINDS: Final[Mapping[tuple[str, str], TopicKind]] = {
    (kind.channel.host, kind.channel.topic): kind
    for kind in (
        TopicKind(MARGIN_MARKS, takes_symbols=True, joins_symbols=True),
        TopicKind(CROSS_POSITION),
        TopicKind(ISOLATED_POSITION, takes_symbols=True),
        TopicKind(SPOT_ORDERS),
        TopicKind(SPOT_STOPS),
        TopicKind(SPOT_BALANCES),
        TopicKind(
            CONTRACT_MARKS,
            takes_symbols=True,
            joins_symbols=True,
            pulse=frozenset({"mark.index.price"}),
        ),
        TopicKind(CONTRACT_ANNOUNCEMENTS, takes_symbols=True, joins_symbols=True),
        TopicKind(FUTURES_ORDERS),
        TopicKind(FUTURES_WALLET),
        TopicKind(POSITIONS),
        TopicKind(MARGIN_MODES),
        TopicKind(CROSS_LEVERAGE),
        TopicKind(FUTURES_STOPS),
    )
}
_SPOT: Final[Mapping[str, _Reading]] = {
    reading.topic: reading
    for reading in (
        _Reading(MARGIN_MARKS.topic, margin_mark_push, Waits.IN_A_SLOT),
        _Reading(CROSS_POSITION.topic, cross_position_push),
        _Reading(ISOLATED_POSITION.topic, isolated_position_push),
        _Reading(SPOT_ORDERS.topic, spot_order_push),
        _Reading(SPOT_STOPS.topic, stop_order_push),
        _Reading(SPOT_BALANCES.topic, balance_push),
    )
}
_FUTURES: Final[Mapping[str, _Reading]] = {
    "mark.index.price": _Reading(
        CONTRACT_MARKS.topic, contract_mark_push, Waits.IN_A_SLOT
    ),
    "funding.rate": _Reading(CONTRACT_MARKS.topic, funding_push),
    "funding.begin": _Reading(CONTRACT_ANNOUNCEMENTS.topic, settlement_notice),
    "funding.end": _Reading(CONTRACT_ANNOUNCEMENTS.topic, settlement_notice),
    "symbolOrderChange": _Reading(FUTURES_ORDERS.topic, futures_order_push),
    "orderChange": _Reading(FUTURES_ORDERS.topic, futures_order_push),
    "walletBalance.change": _Reading(FUTURES_WALLET.topic, wallet),
    "orderMargin.change": _Reading(FUTURES_WALLET.topic, wallet),
    "availableBalance.change": _Reading(FUTURES_WALLET.topic, wallet),
    "withdrawHold.change": _Reading(FUTURES_WALLET.topic, wallet),
    "position.change": _Reading(POSITIONS.topic, position_change_push),
    "position.settlement": _Reading(POSITIONS.topic, settlement_push),
    "position.adjustRiskLimit": _Reading(
        POSITIONS.topic, risk_limit_push, Waits.IN_LINE_UNMARKED
    ),
    "user.config": _Reading(
        MARGIN_MODES.topic, user_config_push, Waits.IN_LINE_UNMARKED
    ),
    "stopOrder": _Reading(FUTURES_STOPS.topic, stop_order_push),
}
_ALIASES: Final[Mapping[str, str]] = {"/contract/position": POSITIONS.topic}


def kind_of(channel: Channel) -> TopicKind | None:
    """What is known about the topic of a channel; None: it is not read here.

    Example:
        >>> kind_of(POSITIONS).takes_symbols, kind_of(Channel("spot", "/x"))
        (False, None)
    """
    kind = _KINDS.get((channel.host, channel.topic))
    fits = kind is not None and kind.channel.is_private == channel.is_private
    return kind if fits else None


def full_topic(topic: str, symbol: str) -> str:
    """The topic of one symbol, or the topic itself where ``symbol`` is empty.

    Example:
        >>> full_topic("/contract/instrument", "XBTUSDTM")
        '/contract/instrument:XBTUSDTM'
    """
    return f"{topic}:{symbol}" if symbol else topic


def symbol_of(topic: str) -> str:
    """What stands behind the colon of a topic, empty without one."""
    return topic.partition(":")[2]


def topic_of(host: str, document: Node) -> str | None:
    """The topic without symbols that a push belongs to, as far as it can be told.

    None for a push that names nothing we know. It is also right for a push that
    cannot be read further, so that its channel can be told of the loss.
    """
    push = document.value
    if not isinstance(push, dict):
        return None
    subject, topic = str(push.get("subject")), str(push.get("topic"))
    if host == FUTURES_HOST and subject in _FUTURES and subject != "user.config":
        return _FUTURES[subject].topic
    head = topic.partition(":")[0]
    head = _ALIASES.get(head, head) if host == FUTURES_HOST else head
    return head if (host, head) in _KINDS else None


def read_push(host: str, document: Node) -> Push:
    """Read one push of a host.

    Raises:
        UsageError: A field is missing or broken, or nobody reads such a push.
    """
    subject = document["subject"].text()
    if host == FUTURES_HOST:
        reading = _FUTURES.get(subject)
    else:
        reading = _SPOT.get(document["topic"].text().partition(":")[0])
    if reading is None:
        document["subject"].refuse("a subject of a topic that is read")
    value = reading.read(document)
    return Push(
        topic=_topic(reading, value),
        subject=subject,
        value=value,
        at=getattr(value, "at", None),
        slot=_slot(value) if reading.waits is Waits.IN_A_SLOT else None,
        identity=_identity(host, subject, document, reading.waits),
    )


def _topic(reading: _Reading, value: object) -> str:
    """``user.config`` serves two topics; its values tell which."""
    if reading.read is not user_config_push:
        return reading.topic
    is_mode = isinstance(value, MarginModeChange)
    return MARGIN_MODES.topic if is_mode else CROSS_LEVERAGE.topic


def _slot(value: object) -> str | None:
    if isinstance(value, MarginMark):
        return f"{value.base}-{value.quote}"
    return value.symbol if isinstance(value, ContractMark) else None


def _identity(host: str, subject: str, document: Node, waits: Waits) -> str | None:
    if waits is not Waits.IN_LINE:
        return None
    topic = symbol_of(str(document["topic"].value))
    return f"{host} {subject} {topic} {document['data'].value!r}"
