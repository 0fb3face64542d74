"""After a cure nothing adds exposure for a while; hedges and reductions do as ever."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.domain.accounts import FUTURES, SPOT
from bot.domain.intents import Approved, PlaceOrder, Transfer
from bot.domain.orders import Side
from bot.domain.room import RoomAsked
from bot.guard.admission import Admission
from bot.guard.largest import largest
from bot.guard.limits import GuardLimits, RiskLimits, Thresholds
from bot.guard.state import GuardState, SubjectState
from tests.unit.guard.asking import BORROW, BUY, OPEN, asked, held_to, rich, why

USUAL = Thresholds(
    act=Decimal("0.15"), target=Decimal("0.25"), backstop=Decimal("0.85")
)
HEDGE = replace(OPEN, side=Side.SELL)


def cured(ago: timedelta, rest: timedelta = timedelta(minutes=30)) -> Admission:
    """An account whose cross margin was cured some time ago."""
    shadow, limits = rich(), GuardLimits()
    until = shadow.at - ago + limits.cooldown
    subject = SubjectState(thresholds=USUAL, cooled_until=until)
    guard = GuardState(subjects={"margin_cross": subject})
    return held_to(shadow, guard=guard, limits=RiskLimits(rest_after_cure=rest))


@pytest.mark.parametrize("intent", [BUY, OPEN, BORROW])
def test_new_exposure_waits(intent: PlaceOrder) -> None:
    """An order or a loan that adds is refused, with the time from which it may come."""
    said = why(cured(timedelta(minutes=10)), intent)
    assert "has just cured margin_cross, new exposure waits until" in said


@pytest.mark.parametrize("intent", [BUY, OPEN, BORROW])
def test_the_rest_ends(intent: PlaceOrder) -> None:
    """Half an hour after the cure, or where none is asked for, it is let pass."""
    assert isinstance(asked(cured(timedelta(minutes=30)), intent), Approved)
    free = cured(timedelta(minutes=10), rest=timedelta(0))
    assert isinstance(asked(free, intent), Approved)


def test_a_hedge_may_come_at_once() -> None:
    """A short against coins that are owned lowers what can be lost: it is let pass."""
    assert isinstance(asked(cured(timedelta(minutes=1)), HEDGE), Approved)


def test_a_transfer_adds_no_exposure() -> None:
    """Collateral may move as ever."""
    move = Transfer(source=FUTURES, target=SPOT, coin="USDT", amount=Decimal(100))
    assert isinstance(asked(cured(timedelta(minutes=1)), move), Approved)


def test_there_is_no_room_meanwhile() -> None:
    """A strategy that asks how much may be opened hears that it is nothing, and why."""
    room = largest(
        cured(timedelta(minutes=1)),
        RoomAsked(
            coin="BTC",
            direction=1,
            account=SPOT,
            leverage=Decimal(3),
            most_usdt=Decimal(1000),
        ),
    )
    assert room.coins == 0
    assert (room.limit, "has just cured" in room.sentence) == (
        "rest after a cure",
        True,
    )
