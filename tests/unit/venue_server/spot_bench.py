"""A served venue without a network: requests in, JSON out, on a synthetic market.

It finds the handler by its route and passes the answer through the envelope and
back, so that a test sees the kinds that go over the wire. It asserts nothing.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.accounts import AccountSnapshot
from bot.domain.instruments import Rules
from connectors.kucoin.parse.decode import decode
from connectors.kucoin.parse.node import Node
from connectors.venue.server.backend import Backend
from connectors.venue.server.calls import Call, ProblemError, Route
from connectors.venue.server.envelope import success
from connectors.venue.server.spot_routes import PARTS, ROUTES
from tests.unit.venue.builders import (
    DEEP,
    RATES,
    START,
    instant,
    opening,
    venue,
)

__all__ = ["Bench", "full_account", "moment", "number", "refusal"]

PERMISSIONS = frozenset({"General", "Spot", "Margin", "Futures", "InnerTransfer"})


def full_account() -> AccountSnapshot:
    """Coins in every account, and debts in both kinds of margin account."""
    return opening(
        {
            "main": {"USDT": "1000"},
            "spot": {"USDT": "10000", "BTC": "1"},
            "margin_cross": {"USDT": "20000", "BTC": "1"},
            "margin_isolated:BTC-USDT": {"USDT": "10000"},
            "futures": {"USDT": "500"},
        },
        debts={
            "margin_cross": {"ETH": "2"},
            "margin_isolated:BTC-USDT": {"BTC": "0.02"},
        },
    )


class Bench:
    """A backend with its clock, and KuCoin's verbs on it."""

    def __init__(
        self, account: AccountSnapshot | None = None, rules: Rules | None = None
    ) -> None:
        self.at = START
        self.backend = Backend(
            venue=venue(account or full_account(), with_rules=rules),
            uid="165111215",
            now=lambda: self.at,
        )
        self.backend.socket_urls["spot"] = "ws://127.0.0.1:1/endpoint"
        for part in PARTS:
            self.backend.part(part)

    def tick(self, seconds: float = 1, btc: str = "50000", eth: str = "2500") -> None:
        """Let time pass and the market move to these prices."""
        self.at += timedelta(seconds=seconds)
        now = instant(self.at, btc=btc, eth=eth, liquidity=DEEP, rates=RATES)
        self.backend.tick(now)

    def get(self, path: str, **query: object) -> Any:
        """The data of a read."""
        return self._call("GET", path, query, {})

    def delete(self, path: str, **query: object) -> Any:
        """The data of a cancel."""
        return self._call("DELETE", path, query, {})

    def post(self, path: str, **body: object) -> Any:
        """The data of a request with a body."""
        return self._call("POST", path, {}, body)

    def order(self, **changes: object) -> dict[str, Any]:
        """Place a margin order, a resting cross buy unless told otherwise."""
        body: dict[str, object] = {
            "clientOid": f"c-{self.backend.next_id('bench')}",
            "side": "buy",
            "symbol": "BTC-USDT",
            "type": "limit",
            "price": "49000",
            "size": "0.01",
        }
        body |= changes
        sent = {name: value for name, value in body.items() if value is not None}
        answer = self.post("/api/v3/hf/margin/order", **sent)
        assert isinstance(answer, dict)
        return answer

    def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, object],
        body: Mapping[str, object],
    ) -> object:
        route, args = _find(method, path)
        call = Call(
            at=self.at,
            method=method,
            path=path,
            args=args,
            query={name: str(value) for name, value in query.items()},
            body=Node(dict(body), "body"),
            permissions=PERMISSIONS,
        )
        document = decode(success(route.handler(self.backend, call)))
        assert isinstance(document, dict)
        return document["data"]


def _find(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """The route of a path: fixed ones first, as the router has it."""
    ranked = sorted(ROUTES, key=lambda route: route.path.count("{"))
    for route in ranked:
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", route.path)
        match = re.fullmatch(pattern, path)
        if route.method == method and match is not None:
            return route, match.groupdict()
    raise LookupError(f"no route for {method} {path}")


@contextmanager
def refusal(code: str, words: str | None = None) -> Iterator[None]:
    """The block must be refused with this code and words like these."""
    with pytest.raises(ProblemError, match=words) as caught:
        yield
    assert caught.value.code == code


def number(text: object) -> Decimal:
    """A number of a document, text or bare."""
    return Decimal(str(text))


def moment(milliseconds: object) -> datetime:
    """A time of a document."""
    return Node(milliseconds, "time").time_ms()
