"""Hand-made parts for tests of the live world: time, REST, sockets, looks.

Time stands still until a test moves it. REST answers from a table of functions and
remembers every request. Nothing here asserts anything.
"""

import asyncio
import heapq
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    SPOT,
    AccountId,
    AccountSnapshot,
)
from bot.domain.entries import Noted
from bot.domain.errors import UnreachableError
from bot.domain.events import Filled, HoldChanged, LedgerBooked, PositionChanged
from bot.domain.instruments import Rules
from bot.domain.intents import Approved, Intent
from bot.domain.orders import Outcome, Side
from connectors.kucoin.answers import Answer, ExchangeRefusedError, Rest, Urgency
from connectors.kucoin.parse.node import Node
from connectors.kucoin.streams import Channel, Frame, Gap, Restored

__all__ = [
    "START",
    "FakeLook",
    "FakeLooker",
    "FakeReader",
    "FakeRest",
    "FakeStreams",
    "Settlements",
    "Time",
    "approved",
    "filled",
    "gone",
    "lost",
    "ms",
    "note_topics",
    "ok",
    "settle",
    "spot_row",
    "unreachable",
]

START = datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC)


def ms(at: datetime) -> int:
    """A time as the exchange writes it."""
    return int(at.timestamp() * 1000)


class Time:
    """The exchange's clock and the waits; both stand still until ``advance``."""

    def __init__(self) -> None:
        self.passed_s = 0.0
        self.has_jumped = False
        self.measured = 0
        self._waits: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0

    def now(self) -> datetime:
        """The exchange's time."""
        return START + timedelta(seconds=self.passed_s)

    def monotonic(self) -> float:
        """Seconds since the test began."""
        return self.passed_s

    async def measure(self, rest: Rest) -> None:
        """Count it; a jump is over."""
        self.measured += 1
        self.has_jumped = False

    async def sleep(self, seconds: float) -> None:
        """Wait until ``advance`` has passed that long."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        due = self.passed_s + seconds
        heapq.heappush(self._waits, (due, self._count, future))
        await future

    async def advance(self, seconds: float) -> None:
        """Let time pass; everyone who is due wakes at their own time."""
        end = self.passed_s + seconds
        await settle()
        while self._waits and self._waits[0][0] <= end:
            due, _, future = heapq.heappop(self._waits)
            self.passed_s = max(self.passed_s, due)
            if not future.done():
                future.set_result(None)
            await settle()
        self.passed_s = end
        await settle()


async def settle() -> None:
    """Give every task its turns."""
    for _ in range(20):
        await asyncio.sleep(0)  # noqa: TID251 - turns, not a wait


Handler = Callable[[Mapping[str, str]], object]


@dataclass(slots=True)
class FakeRest:
    """Answers reads by endpoint from ``reads``, writes from ``writes`` in turn.

    An exception that a read returns is raised; a write that is missing hangs.
    """

    reads: dict[str, object] = field(default_factory=dict)
    writes: dict[str, list[Answer]] = field(default_factory=dict)
    sent: list[tuple[str, Mapping[str, object], Urgency]] = field(default_factory=list)
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    before_write: Callable[[str], None] | None = None

    async def read(
        self,
        endpoint: str,
        params: Mapping[str, str] | None = None,
        *,
        urgency: Urgency = Urgency.ROUTINE,
    ) -> Node:
        """Answer from the table."""
        self.asked.append((endpoint, params or {}))
        found = self.reads.get(endpoint, unreachable())
        if callable(found):
            found = found(params or {})
        if isinstance(found, asyncio.Event):
            await found.wait()
            found = unreachable()
        if isinstance(found, Exception):
            raise found
        return Node(found, endpoint)

    async def write(
        self,
        endpoint: str,
        params: Mapping[str, object],
        *,
        urgency: Urgency = Urgency.ROUTINE,
    ) -> Answer:
        """Remember the request and give the next answer."""
        if self.before_write is not None:
            self.before_write(endpoint)
        self.sent.append((endpoint, params, urgency))
        answers = self.writes.get(endpoint, [])
        if not answers:
            await asyncio.Event().wait()
        return answers.pop(0)

    def count(self, endpoint: str) -> int:
        """How often an endpoint was read."""
        return sum(name == endpoint for name, _ in self.asked)


def unreachable() -> UnreachableError:
    """No answer at all."""
    return UnreachableError("KuCoin did not answer.")


def gone() -> ExchangeRefusedError:
    """There is no such order."""
    return ExchangeRefusedError("400100", "order not exist.")


def ok(data: object) -> Answer:
    """A sound success."""
    return Answer(
        outcome=Outcome.DONE, code="200000", message="", data=Node(data, "data")
    )


def lost() -> Answer:
    """The answer never came."""
    return Answer(outcome=Outcome.IN_DOUBT, code=None, message="no answer within 5 s")


def approved(intent: Intent, number: int = 1, owner: str = "strategy") -> Approved:
    """An intent as admission hands it out."""
    name = f"g1-i{number:07d}"
    return Approved(intent_id=name, owner=owner, intent=intent, reason="a test")


def spot_row(
    order_id: str,
    client_id: str | None,
    *,
    active: bool = True,
    filled: str = "0",
    cancelled: bool = False,
    trade_type: str = "TRADE",
    symbol: str = "BTC-USDT",
) -> dict[str, object]:
    """One spot or margin order as KuCoin lists it."""
    return {
        "id": order_id,
        "clientOid": client_id,
        "symbol": symbol,
        "type": "limit",
        "side": "buy",
        "price": "50000",
        "size": "0.1",
        "funds": "5000",
        "dealSize": filled,
        "dealFunds": "0",
        "fee": "0",
        "feeCurrency": "USDT",
        "timeInForce": "GTC",
        "postOnly": False,
        "cancelExist": cancelled,
        "tradeType": trade_type,
        "active": active,
        "createdAt": ms(START),
    }


def filled(order_id: str, qty: str, trade_id: str = "t1") -> Filled:
    """A spot trade of an order."""
    return Filled(
        at=START,
        trade_id=trade_id,
        order_id=order_id,
        intent_id=None,
        account=SPOT,
        symbol="BTC-USDT",
        side=Side.BUY,
        qty=Decimal(qty),
        price=Decimal(50000),
        reference_price=Decimal(50000),
        fee=Decimal(5),
        fee_coin="USDT",
        is_maker=False,
    )


@dataclass(slots=True, kw_only=True)
class FakeLook:
    """What a look found."""

    at: datetime = START
    bookings: tuple[LedgerBooked, ...] = ()
    fills: tuple[Filled, ...] = ()
    positions: tuple[PositionChanged, ...] = ()
    holds: tuple[HoldChanged, ...] = ()
    snapshot: AccountSnapshot | None = None
    is_coherent: bool = True
    unexplained: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class FakeLooker:
    """Gives the looks of ``script`` in turn, then empty ones; may hang or fail."""

    script: list[FakeLook | Exception] = field(default_factory=list)
    families: tuple[AccountId, ...] = (MAIN, SPOT, MARGIN_CROSS, FUTURES)
    looked: list[tuple[tuple[AccountId, ...], Urgency]] = field(default_factory=list)
    hints: list[tuple[tuple[AccountId, str], ...]] = field(default_factory=list)
    gate: asyncio.Event | None = None
    default: FakeLook = field(default_factory=FakeLook)

    async def look(
        self,
        families: Iterable[AccountId],
        urgency: Urgency = Urgency.ROUTINE,
        symbols: Iterable[tuple[AccountId, str]] = (),
    ) -> FakeLook:
        """The next look of the script."""
        self.looked.append((tuple(families), urgency))
        self.hints.append(tuple(symbols))
        if self.gate is not None:
            await self.gate.wait()
        found = self.script.pop(0) if self.script else self.default
        if isinstance(found, Exception):
            raise found
        return found


class FakeReader:
    """Whole snapshots and rules."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules

    async def read_snapshot(self) -> AccountSnapshot:
        """An empty account."""
        return AccountSnapshot(balances={})

    async def read_rules(self) -> Rules:
        """The rules as set."""
        return self.rules


@dataclass(slots=True)
class FakeStreams:
    """Hands out what a test pushes; an exception ends the iterator with it."""

    channels: tuple[Channel, ...] = ()
    items: "asyncio.Queue[Frame | Gap | Restored | Exception]" = field(
        default_factory=asyncio.Queue
    )
    wanted: list[Mapping[Channel, Collection[str]]] = field(default_factory=list)

    def health(self) -> Mapping[Channel, object]:
        """The channels."""
        return dict.fromkeys(self.channels)

    async def frames(self) -> AsyncIterator[Frame | Gap | Restored]:
        """What was pushed."""
        while True:
            item = await self.items.get()
            if isinstance(item, Exception):
                raise item
            yield item

    def subscribe(self, wanted: Mapping[Channel, Collection[str]]) -> None:
        """Remember what is wanted."""
        self.wanted.append(wanted)

    def push(self, item: Frame | Gap | Restored | Exception) -> None:
        """Deliver one item."""
        self.items.put_nowait(item)


@dataclass(slots=True)
class Settlements:
    """A scheduler that remembers what it was told."""

    told: list[tuple[str, datetime]] = field(default_factory=list)

    def told_settlement(self, symbol: str, settlement_at: datetime) -> None:
        """Remember it."""
        self.told.append((symbol, settlement_at))


def note_topics(notes: Iterable[Noted]) -> list[str]:
    """The topics of some notes."""
    return [note.topic for note in notes]
