"""A served venue for tests of the futures host: clock by hand, no network.

Requests go through the table of routes and come back as the JSON that a client would
read. Nothing here asserts anything.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from bot.domain.accounts import AccountSnapshot
from bot.domain.events import Event
from bot.domain.instruments import RiskTier
from bot.domain.market import FundingQuote, FundingSettlement
from connectors.kucoin.parse.decode import decode
from connectors.kucoin.parse.node import Node
from connectors.venue.examples import XBTUSDTM
from connectors.venue.server.backend import Backend
from connectors.venue.server.calls import Call, ProblemError, Route
from connectors.venue.server.envelope import dumps
from connectors.venue.server.futures_routes import ROUTES, prepare
from tests.unit.venue.builders import (
    DEEP,
    RATES,
    START,
    instant,
    opening,
    rules,
    venue,
)

TIERS = tuple(
    RiskTier(
        max_notional=Decimal(limit),
        max_leverage=Decimal(leverage),
        initial_margin_rate=2 * Decimal(rate),
        maintenance_margin_rate=Decimal(rate),
    )
    for limit, leverage, rate in (
        ("100000", "125", "0.004"),
        ("500000", "100", "0.005"),
        ("1000000", "75", "0.007"),
    )
)


class Served:
    """A backend and its clock; ``events`` is everything that was published."""

    def __init__(
        self, account: AccountSnapshot | None = None, *, first: str = "50000"
    ) -> None:
        self.at = START
        known = rules()
        contract = replace(XBTUSDTM, tiers=TIERS)
        known = replace(known, contracts={**known.contracts, "XBTUSDTM": contract})
        self.backend = Backend(
            venue=venue(
                account or opening({"futures": {"USDT": "10000", "BTC": "1"}}),
                first=instant(btc=first, liquidity=DEEP, rates=RATES),
                with_rules=known,
            ),
            uid="1234567",
            now=lambda: self.at,
        )
        self.backend.socket_urls.update(
            spot="ws://127.0.0.1:1/endpoint", futures="ws://127.0.0.1:2/endpoint"
        )
        self.events: list[Event] = []
        self.backend.listen(lambda _at, events: self.events.extend(events))
        prepare(self.backend)
        self.tick(first, seconds=0)

    def tick(
        self,
        btc: str,
        *,
        seconds: float = 1,
        settled: str | None = None,
        quoted: str | None = None,
    ) -> None:
        """Let time pass, then move every price of BTC."""
        self.at += timedelta(seconds=seconds)
        moved = instant(self.at, btc=btc, liquidity=DEEP, rates=RATES)
        if settled is not None:
            settlement = FundingSettlement(
                symbol="XBTUSDTM", funding_rate=Decimal(settled)
            )
            moved = replace(moved, settlements=(settlement,))
        if quoted is not None:
            quote = FundingQuote(
                symbol="XBTUSDTM",
                funding_rate=Decimal(quoted),
                settlement_at=self.at + timedelta(hours=4),
                funding_interval_h=Decimal(8),
            )
            moved = replace(moved, funding_quotes=(quote,))
        self.backend.tick(moved)

    def ask(self, method: str, path: str, body: object = None, **query: str) -> Any:
        """The data of an answer as a client decodes it.

        Raises:
            ProblemError: The venue refuses.
        """
        route, args = _route(method, path)
        call = Call(
            at=self.at,
            method=method,
            path=path,
            args=args,
            query=query,
            body=Node({} if body is None else decode(dumps(body)), ""),
        )
        return decode(dumps(route.handler(self.backend, call)))

    def node(self, method: str, path: str, body: object = None, **query: str) -> Node:
        """The same as a node, for the readers of the bot."""
        return Node(self.ask(method, path, body, **query), "data")

    def code(self, method: str, path: str, body: object = None, **query: str) -> str:
        """The code of the refusal, ``200000`` where there is none."""
        try:
            self.ask(method, path, body, **query)
        except ProblemError as problem:
            return problem.code
        return "200000"

    def place(self, client_id: str, **fields: object) -> str:
        """Place a cross order of XBTUSDTM; its id."""
        placed = self.ask("POST", "/api/v1/orders", order(client_id, **fields))
        return str(placed["orderId"])


def order(client_id: str, **fields: object) -> dict[str, object]:
    """The body of a market buy of one lot in cross mode, changed by ``fields``."""
    body: dict[str, object] = {
        "clientOid": client_id,
        "symbol": "XBTUSDTM",
        "side": "buy",
        "type": "market",
        "size": 1,
        "leverage": 10,
        "marginMode": "CROSS",
    }
    body.update(fields)
    return {name: value for name, value in body.items() if value is not None}


def _route(method: str, path: str) -> tuple[Route, Mapping[str, str]]:
    """The first route that fits, as the server matches them."""
    for route in ROUTES:
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", route.path)
        match = re.fullmatch(pattern, path)
        if route.method == method and match is not None:
            return route, match.groupdict()
    raise LookupError(f"no route for {method} {path}")


def at_ms(at: datetime) -> int:
    """Milliseconds since 1970."""
    return int(at.timestamp() * 1000)
