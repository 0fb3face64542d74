"""KuCoin's official Python client, untouched, pointed at a served venue.

The one thing that is set otherwise than for KuCoin is the base address. ``typed`` is
there because the client hides what its own models refuse: it then returns an answer
without content. Nothing here knows the venue.
"""

import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from importlib.metadata import version
from threading import Condition
from typing import Any, TypeVar

from tests.contract.served import PATIENCE_S, Key, Served

with warnings.catch_warnings():
    # Its models were written for an older form of the library they stand on.
    warnings.simplefilter("ignore", DeprecationWarning)
    from kucoin_universal_sdk.api.client import DefaultClient
    from kucoin_universal_sdk.generate.account import account as accounts
    from kucoin_universal_sdk.generate.account import fee as fees
    from kucoin_universal_sdk.generate.account import transfer as transfers
    from kucoin_universal_sdk.generate.futures import fundingfees as funding
    from kucoin_universal_sdk.generate.futures import market as contracts
    from kucoin_universal_sdk.generate.futures import order as futures_orders
    from kucoin_universal_sdk.generate.futures import positions
    from kucoin_universal_sdk.generate.margin import debit
    from kucoin_universal_sdk.generate.margin import market as margin_market
    from kucoin_universal_sdk.generate.margin import order as margin_orders
    from kucoin_universal_sdk.generate.margin import risklimit as risk_limits
    from kucoin_universal_sdk.generate.spot import market as spot_market
    from kucoin_universal_sdk.generate.spot import order as spot_orders
    from kucoin_universal_sdk.model.client_option import ClientOptionBuilder
    from kucoin_universal_sdk.model.common import RestError
    from kucoin_universal_sdk.model.transport_option import TransportOptionBuilder
    from kucoin_universal_sdk.model.websocket_option import (
        WebSocketClientOptionBuilder,
        WebSocketEvent,
    )

__all__ = [
    "ITS_WARNINGS",
    "VERSION",
    "Inbox",
    "RestError",
    "accounts",
    "contracts",
    "debit",
    "exact",
    "fees",
    "funding",
    "futures_orders",
    "margin_market",
    "margin_orders",
    "official_client",
    "positions",
    "risk_limits",
    "spot_market",
    "spot_orders",
    "transfers",
    "typed",
]

VERSION = version("kucoin-universal-sdk")
ITS_WARNINGS = "ignore:Accessing the 'model_fields' attribute:DeprecationWarning"
"""The client's own use of an old form of its models."""

Answer = TypeVar("Answer")
Tell = Callable[[WebSocketEvent, str, str], None]


def official_client(served: Served, key: Key, tell: Tell | None = None) -> Any:
    """The official client at the served venue, without retries."""
    sockets = WebSocketClientOptionBuilder().with_reconnect(reconnect=False)
    if tell is not None:
        sockets = sockets.with_event_callback(tell)
    option = (
        ClientOptionBuilder()
        .set_key(key.key)
        .set_secret(key.secret)
        .set_passphrase(key.passphrase)
        .set_spot_endpoint(served.spot)
        .set_futures_endpoint(served.futures)
        .set_broker_endpoint(served.spot)
        .set_transport_option(TransportOptionBuilder().set_max_retries(0).build())
        .set_websocket_client_option(sockets.build())
        .build()
    )
    return DefaultClient(option)


def typed(answer: Answer) -> Answer:
    """The same answer, once its model has read the document without bending a type.

    Raises:
        ValidationError: The model refuses what the server sent.
    """
    told: Any = answer
    raw = told.common_response.data
    told.from_dict(raw)
    document = raw if isinstance(raw, dict) else {"data": raw}
    type(told).model_validate_json(json.dumps(document), strict=True)
    return answer


def exact(number: float) -> Decimal:
    """The decimal that a JSON number was written as.

    Example:
        >>> exact(9999.63961738)
        Decimal('9999.63961738')
    """
    return Decimal(repr(number))


@dataclass(slots=True)
class Inbox:
    """Typed pushes as they arrive on the client's thread."""

    rows: list[tuple[str, str, Any]] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    """What the client said of its sockets, messages left out."""
    _changed: Condition = field(default_factory=Condition)

    def hear(self, topic: str, subject: str, event: Any) -> None:
        """Keep a push, once its model has read it without bending a type."""
        raw = json.dumps(event.common_response.raw_data)
        type(event).model_validate_json(raw, strict=True)
        with self._changed:
            self.rows.append((topic, subject, event))
            self._changed.notify_all()

    def note(self, event: WebSocketEvent, data: str, message: str) -> None:
        """Keep what the client says of its sockets."""
        if event is not WebSocketEvent.EVENT_MESSAGE_RECEIVED:
            self.events.append(f"{event} {data} {message}".strip())

    def wait(
        self, topic: str, is_it: Callable[[Any], bool] = lambda _: True, since: int = 0
    ) -> Any:
        """The first push of a topic that fits, waited for."""

        def found() -> list[Any]:
            rows = self.rows[since:]
            return [row[2] for row in rows if row[0] == topic and is_it(row[2])]

        with self._changed:
            arrived = self._changed.wait_for(lambda: bool(found()), PATIENCE_S)
            heard = sorted({row[:2] for row in self.rows})
            assert arrived, f"no such push of {topic}; heard {heard}, {self.events}"
            return found()[0]
