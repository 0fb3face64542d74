"""Which topics the sockets know, and what is wrong with a request for one.

A request names one topic, or one head with a list of symbols behind a colon. Public
topics are anybody's, private ones need a private token and ``privateChannel``. The
codes of the error frames are our own reading where KuCoin documents none. This module
sends nothing.
"""

from collections.abc import Mapping
from typing import Final

from connectors.venue.server.calls import FUTURES_HOST, SPOT_HOST
from connectors.venue.server.pushes_futures_market import FUTURES_TOPICS
from connectors.venue.server.pushes_market import MarketTopic
from connectors.venue.server.pushes_spot_market import SPOT_TOPICS

__all__ = [
    "MARKET_TOPICS",
    "MOST_A_REQUEST",
    "MOST_A_SESSION",
    "TopicError",
    "split_topics",
]

MOST_A_REQUEST: Final = 100
MOST_A_SESSION: Final = 400
"""Topics of one subscription, and of one connection."""

MARKET_TOPICS: Final[Mapping[str, tuple[MarketTopic, ...]]] = {
    SPOT_HOST: SPOT_TOPICS,
    FUTURES_HOST: FUTURES_TOPICS,
}
_OTHER_PUBLIC: Final[Mapping[str, frozenset[str]]] = {
    SPOT_HOST: frozenset({"/market/match", "/market/level2"}),
    FUTURES_HOST: frozenset(
        {
            "/contractMarket/execution",
            "/contractMarket/level2",
            "/contract/announcement",
        }
    ),
}
_PRIVATE: Final[Mapping[str, Mapping[str, bool | None]]] = {
    SPOT_HOST: {
        "/spotMarket/tradeOrdersV2": False,
        "/spotMarket/tradeOrders": False,
        "/spotMarket/advancedOrders": False,
        "/account/balance": False,
        "/margin/position": False,
        "/margin/isolatedPosition": True,
    },
    FUTURES_HOST: {
        "/contractMarket/tradeOrders": None,
        "/contractMarket/advancedOrders": False,
        "/contractAccount/wallet": False,
        "/contract/position": True,
        "/contract/positionAll": False,
        "/contract/marginMode": False,
        "/contract/crossLeverage": False,
    },
}
"""Whether a private topic has symbols: True must, False must not, None may."""

_MAY_BE_BARE: Final = frozenset({"/contract/announcement"})


class TopicError(Exception):
    """A request for topics that is refused, as an error frame says it."""

    def __init__(self, code: int, data: str) -> None:
        super().__init__(f"{code} {data}")
        self.code = code
        self.data = data


def _public_heads(host: str) -> frozenset[str]:
    return _OTHER_PUBLIC[host].union(topic.head for topic in MARKET_TOPICS[host])


def split_topics(
    host: str, topic: str, *, may_be_private: bool, is_private_channel: bool
) -> list[str]:
    """The single topics of a request, each with at most one symbol.

    Args:
        host: The host of the socket.
        topic: As it was sent, such as ``/market/ticker:BTC-USDT,ETH-USDT``.
        may_be_private: Whether the token is a private one.
        is_private_channel: What the request says of itself.

    Raises:
        TopicError: The topic is unknown, lacks symbols, has too many, or is private.

    Example:
        >>> split_topics("spot", "/indicator/markPrice:USDT-BTC,ETH-BTC",
        ...              may_be_private=False, is_private_channel=False)
        ['/indicator/markPrice:USDT-BTC', '/indicator/markPrice:ETH-BTC']
    """
    head, colon, rest = topic.partition(":")
    symbols = [symbol.strip() for symbol in rest.split(",") if symbol.strip()]
    if head in _public_heads(host):
        needs: bool | None = None if head in _MAY_BE_BARE else True
    elif head in _PRIVATE[host]:
        needs = _PRIVATE[host][head]
        _check_private(topic, may_be=may_be_private, is_said=is_private_channel)
    else:
        raise TopicError(404, f"topic {topic[:100]} is not found")
    if (needs is True and not symbols) or (needs is False and colon):
        raise TopicError(404, f"topic {topic[:100]} is not found")
    if len(symbols) > MOST_A_REQUEST:
        raise TopicError(
            509,
            f"exceed max subscription count limitation of {MOST_A_REQUEST} per time",
        )
    return [f"{head}:{symbol}" for symbol in symbols] or [head]


def _check_private(topic: str, *, may_be: bool, is_said: bool) -> None:
    if not may_be:
        raise TopicError(403, f"topic {topic[:100]} needs a private token")
    if not is_said:
        raise TopicError(400, f"topic {topic[:100]} needs privateChannel true")
