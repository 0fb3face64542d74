"""A bot and its exchange for state machines, and a ledger that only adds up.

The exchange is the small venue of the unit tests; requests arrive when a test says
so. Nothing here asserts anything.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    AccountId,
    Position,
    PositionKey,
)
from bot.domain.entries import Entry
from bot.domain.events import (
    Bucket,
    Event,
    IntentSettled,
    LedgerBooked,
    PositionChanged,
    RulesRead,
    ScheduleDue,
    SnapshotTaken,
)
from bot.domain.instruments import Lots
from bot.domain.intents import Approved, Borrow, PlaceOrder, Proposal, Repay, Transfer
from bot.domain.market import Liquidity
from bot.domain.orders import OrderType, Outcome, Side
from bot.domain.strategy import Job, View
from bot.engine.core import Core, State, Step
from bot.shadow.state import empty_shadow
from connectors.venue.venue import Venue
from tests.unit.venue.builders import RATES, START, instant, opening, rules, venue

__all__ = ["CHOICES", "Bench", "Chooser", "Naive"]

DEPTH = Liquidity(
    half_spread=Decimal("0.0002"), sigma_1m=Decimal("0.0005"), volume_1m=Decimal(20)
)


def _spot(side: Side, qty: str, price: str | None = None) -> PlaceOrder:
    return PlaceOrder(
        account=MARGIN_CROSS,
        symbol="BTC-USDT",
        side=side,
        qty=Decimal(qty),
        type=OrderType.MARKET if price is None else OrderType.LIMIT,
        price=None if price is None else Decimal(price),
    )


def _futures(side: Side, lots: int) -> PlaceOrder:
    return PlaceOrder(
        account=FUTURES,
        symbol="XBTUSDTM",
        side=side,
        qty=Decimal(lots),
        leverage=Decimal(3),
    )


CHOICES: dict[str, tuple[PlaceOrder | Borrow | Repay | Transfer, ...]] = {
    "borrow": (Borrow(account=MARGIN_CROSS, coin="USDT", amount=Decimal(5000)),),
    "buy": (_spot(Side.BUY, "0.1"),),
    "bid": (_spot(Side.BUY, "0.05", "45000"),),
    "sell": (_spot(Side.SELL, "0.1"),),
    "close": (replace(_spot(Side.SELL, "0.1"), is_reduction=True),),
    "repay": (Repay(account=MARGIN_CROSS, coin="USDT", amount=Decimal(500)),),
    "long": (_futures(Side.BUY, 40),),
    "short": (_futures(Side.SELL, 40),),
    "less": (replace(_futures(Side.BUY, 20), reduce_only=True),),
    "pair": (_spot(Side.BUY, "0.05"), _futures(Side.SELL, 50)),
    "in": (
        Transfer(source=MAIN, target=MARGIN_CROSS, coin="USDT", amount=Decimal(300)),
    ),
    "out": (
        Transfer(source=MARGIN_CROSS, target=MAIN, coin="USDT", amount=Decimal(300)),
    ),
    "nonsense": (_spot(Side.SELL, "-3"), _futures(Side.BUY, 10**9)),
}
"""What the strategy of the bench proposes, by the name of its job."""


@dataclass(frozen=True, slots=True)
class Chooser:
    """A strategy that does what its job is called; it never asks by itself."""

    name: str
    due: str

    @property
    def jobs(self) -> Sequence[Job]:
        """The one job."""
        return (Job(name=self.due, schedule="every 60s"),)

    @property
    def claims(self) -> frozenset[str]:
        """None: several of them share the account."""
        return frozenset()

    def decide(self, view: View, due_at: object) -> Sequence[Proposal]:
        """Its proposals, whatever the account looks like; never at a follow-up."""
        if view.due_job is None:
            return ()
        return [
            Proposal(owner=self.name, intent=intent, reason="test")
            for intent in CHOICES[self.due]
        ]


class Naive:
    """Adds up every posting it is told and keeps the last word on positions."""

    def __init__(self) -> None:
        self.sums: defaultdict[tuple[AccountId, str, Bucket], Decimal] = defaultdict(
            Decimal
        )
        self.positions: dict[PositionKey, Position] = {}

    def take(self, events: Sequence[Event]) -> None:
        """Add the bookings of some events."""
        for event in events:
            if isinstance(event, LedgerBooked):
                for posting in event.postings:
                    key = (posting.account, posting.coin, posting.bucket)
                    self.sums[key] += posting.amount
            if isinstance(event, PositionChanged):
                self.positions[event.position.key] = event.position
            if isinstance(event, SnapshotTaken):
                self.positions.update(event.snapshot.positions)


@dataclass
class Bench:
    """A core, its state, an exchange and the requests on their way."""

    sim: Venue
    core: Core
    state: State
    opening: tuple[Event, ...] = ()
    """The first moment that was told."""
    naive: Naive = field(default_factory=Naive)
    journal: list[Entry] = field(default_factory=list)
    sent: list[Approved] = field(default_factory=list)
    flying: list[Approved] = field(default_factory=list)
    doubted: list[Approved] = field(default_factory=list)
    last: tuple[State, tuple[Event, ...], Step] | None = None

    @classmethod
    def opened(cls) -> "Bench":
        """A levered account of every kind that the engine has read."""
        short = Position(symbol="XBTUSDTM", lots=Lots(-100), entry_value=Decimal(-5000))
        sim = venue(
            opening(
                {
                    "main": {"USDT": "1500"},
                    "margin_cross": {"BTC": "0.5"},
                    "futures": {"USDT": "3000"},
                },
                debts={"margin_cross": {"USDT": "18000"}},
                positions=[short],
            ),
            first=instant(liquidity=DEPTH, rates=RATES),
        )
        strategies = tuple(Chooser(name=f"s-{due}", due=due) for due in CHOICES)
        core = Core(strategies=strategies, sample_every=timedelta(seconds=30))
        bench = cls(sim=sim, core=core, state=State(shadow=empty_shadow(rules())))
        bench.opening = (
            *sim.opening_events,
            RulesRead(at=START, rules=rules()),
            SnapshotTaken(at=START, snapshot=sim.snapshot()),
        )
        bench.tell(bench.opening)
        return bench

    def tell(self, moment: Sequence[Event]) -> None:
        """One step of the engine; what it approves is on its way."""
        if not moment:
            return
        before, told = self.state, tuple(moment)
        step = self.core.step(before, told)
        self.state, self.last = step.state, (before, told, step)
        self.naive.take(told)
        self.journal += step.entries
        self.sent += step.approved
        self.flying += step.approved
        self.doubted += step.lookups

    def tick(self, seconds: int, btc: str) -> None:
        """Time passes and the price moves."""
        at = self.state.shadow.at + timedelta(seconds=seconds)
        self.tell(self.sim.tick(instant(at, btc=btc)))

    def ask(self, job: str) -> None:
        """A scheduled job fires."""
        at = self.state.shadow.at
        self.tell((ScheduleDue(at=at, job=job, due_at=at),))

    def arrive(self, fate: str) -> None:
        """The oldest request is done, done without an answer, or lost."""
        if not self.flying:
            return
        approved = self.flying.pop(0)
        at = self.state.shadow.at + timedelta(milliseconds=100)
        told: list[Event] = []
        if fate != "request lost":
            told += self.sim.submit(at, approved)
        if fate != "answered":
            told = [e for e in told if not isinstance(e, IntentSettled)]
            told.append(
                IntentSettled(
                    at=at,
                    intent_id=approved.intent_id,
                    outcome=Outcome.IN_DOUBT,
                    reason="no answer",
                )
            )
        self.tell(told)

    def look_up(self) -> None:
        """The oldest doubt is resolved."""
        if self.doubted:
            at = self.state.shadow.at + timedelta(seconds=1)
            self.tell((self.sim.find(at, self.doubted.pop(0)),))
