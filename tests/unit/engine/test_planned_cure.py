"""The whole way of a planned cure: judge, plan, admit, and a venue that really does it.

The simulated exchange keeps its own books and its own rules; a step of a plan that it
would refuse is a fault of the planner.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from bot.domain.accounts import FUTURES, MARGIN_CROSS, AccountSnapshot, MarginMode
from bot.domain.events import Event, RulesRead, SnapshotTaken
from bot.domain.intents import AdjustMargin, Approved, Borrow, Intent, Transfer
from bot.domain.orders import Outcome
from bot.engine.core import Core, State
from bot.risk.measure import SubjectMeasure, measure_subject
from bot.shadow.state import empty_shadow
from connectors.venue.venue import Venue
from tests.unit.guard.bench import position
from tests.unit.venue.builders import (
    DEEP,
    RATES,
    START,
    instant,
    opening,
    rules,
    settled,
)

ROUNDS = 60


@dataclass
class Desk:
    """A core on a venue: every approved request is carried out at once."""

    account: AccountSnapshot
    first_btc: str = "50000"
    core: Core = field(default_factory=Core)
    sent: list[Intent] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Open the venue and let the core see the account."""
        first = instant(btc=self.first_btc, liquidity=DEEP, rates=RATES)
        self.venue = Venue(rules=rules(), opening=self.account, first=first, at=START)
        self.now = START
        self.state = State(shadow=empty_shadow(rules()))
        read = SnapshotTaken(at=START, snapshot=self.account)
        marks = self.venue.tick(first)
        self.see([RulesRead(at=START, rules=rules()), read, *marks])

    def see(self, moment: Sequence[Event]) -> None:
        """Step the core, and carry out what it asks for until nothing follows."""
        for _ in range(ROUNDS):
            step = self.core.step(self.state, moment)
            self.state = step.state
            if not step.approved:
                return
            moment = [
                event for each in step.approved for event in self.carried_out(each)
            ]

    def carried_out(self, approved: Approved) -> list[Event]:
        """What the venue makes of a request."""
        self.sent.append(approved.intent)
        events = self.venue.submit(self.now, approved)
        answer = settled(events)
        if answer.outcome is not Outcome.DONE:
            self.refused.append(f"{approved.intent}: {answer.reason}")
        return events

    def move(self, btc: str, seconds: float = 1) -> None:
        """The market moves, and time passes."""
        self.now += timedelta(seconds=seconds)
        self.see(self.venue.tick(instant(self.now, btc=btc, liquidity=DEEP)))

    def measure(self, subject: str) -> SubjectMeasure | None:
        """Where an account stands."""
        return measure_subject(self.state.shadow, subject)


def carry(wallet: str, **owed: str) -> AccountSnapshot:
    """One coin in margin and a short perpetual of one coin."""
    return opening(
        {"margin_cross": {"BTC": "1"}, "futures": {"USDT": wallet}},
        debts={"margin_cross": owed},
        positions=[position(-1000)],
    )


def test_a_loan_against_the_spot_leg_saves_the_short_before_anything_is_sold() -> None:
    """The coin stays, USDT is borrowed against it and moved: both legs stay whole."""
    desk = Desk(carry("17000"))
    desk.move("59000")
    kinds = [type(intent) for intent in desk.sent]
    assert kinds[:2] == [Borrow, Transfer]
    assert not desk.refused
    moved = desk.sent[1]
    assert isinstance(moved, Transfer)
    assert (moved.source, moved.target) == (MARGIN_CROSS, FUTURES)
    futures, margin = desk.measure("futures:USDT"), desk.measure(MARGIN_CROSS)
    assert futures is not None
    assert margin is not None
    assert (futures.distance or 0) >= Decimal("0.25")
    assert margin.distance is None or margin.distance >= Decimal("0.2")
    assert len(desk.state.shadow.positions) == 1


def test_a_pair_is_closed_when_its_margin_leg_cannot_borrow_more() -> None:
    """The coin is pledged already: both legs shrink, and what they free is moved."""
    desk = Desk(carry("13000", USDT="28500"))
    desk.move("56000")
    for count in range(1, 40):
        desk.move("56000", seconds=6)
        if count > 3 and not desk.state.guard.is_acting:
            break
    assert not desk.refused
    shadow = desk.state.shadow
    short = sum(p.lots for p in shadow.positions.values())
    coins = shadow.balance(MARGIN_CROSS, "BTC").total
    assert -1000 < short < 0
    assert abs(coins + Decimal(short) / 1000) < Decimal("0.02")
    futures = desk.measure("futures:USDT")
    assert futures is not None
    assert (futures.distance or 0) >= Decimal("0.25")


def test_free_futures_cash_helps_the_margin_account() -> None:
    """Futures without a need give their cash to a margin account that falls."""
    account = opening(
        {"margin_cross": {"BTC": "1"}, "futures": {"USDT": "9000"}},
        debts={"margin_cross": {"USDT": "34000"}},
    )
    desk = Desk(account)
    desk.move("41000")
    assert not desk.refused
    first = desk.sent[0]
    assert isinstance(first, Transfer)
    assert (first.source, first.target) == (FUTURES, MARGIN_CROSS)
    margin = desk.measure(MARGIN_CROSS)
    assert margin is not None
    assert (margin.distance or 0) >= Decimal("0.25")


def test_margin_goes_from_a_safe_isolated_position_to_the_cross_account() -> None:
    """An isolated position that keeps more than it needs gives the rest back."""
    lone = position(-10_000, symbol="XBTUSDM", mode=MarginMode.ISOLATED, margin="0.2")
    account = opening(
        {"futures": {"BTC": "0.2", "USDT": "11000"}, "main": {}},
        positions=[lone, position(1000)],
    )
    desk = Desk(account)
    desk.move("46000")
    assert not desk.refused
    assert not any(isinstance(i, AdjustMargin) for i in desk.sent)
    futures = desk.measure("futures:USDT")
    assert futures is None or (futures.distance or 0) >= Decimal("0.15")
