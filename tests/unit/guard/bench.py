"""Shadows for tests of the guard: an account, its marks, and verdicts about it.

Rules and prices are those of the small venue of ``tests/unit/venue/builders.py``.
Nothing here asserts anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from bot.domain.accounts import AccountId, AccountSnapshot, MarginMode, Position
from bot.domain.events import LiquidityQuoted, MarksTicked, SnapshotTaken
from bot.domain.instruments import Lots
from bot.domain.intents import Approved, Intent, PlaceOrder
from bot.domain.orders import IntentState
from bot.guard.judge import Verdict, VerdictKind
from bot.guard.limits import GuardLimits, Thresholds
from bot.guard.state import SubjectState
from bot.risk.measure import SubjectMeasure, measure_subject
from bot.shadow.apply import apply, register
from bot.shadow.state import Shadow, empty_shadow
from tests.unit.venue.builders import START, opening, rules

__all__ = [
    "LIMITS",
    "START",
    "THRESHOLDS",
    "cross_long",
    "depth",
    "later",
    "marked",
    "measured",
    "position",
    "requested",
    "shadow_of",
    "subject_state",
    "verdict_on",
]

LIMITS = GuardLimits()
THRESHOLDS = Thresholds(
    act=Decimal("0.15"), target=Decimal("0.25"), backstop=Decimal("0.85")
)
MARKS = {"BTC": "50000", "ETH": "2500"}


def shadow_of(account: AccountSnapshot, marks: Mapping[str, str] = MARKS) -> Shadow:
    """An account that was read and marked at ``START``; futures follow BTC."""
    told = SnapshotTaken(at=START, snapshot=account)
    return marked(apply(empty_shadow(rules()), told), marks)


def marked(shadow: Shadow, marks: Mapping[str, str], seconds: float = 0) -> Shadow:
    """The shadow some seconds later with new marks."""
    btc = marks.get("BTC", MARKS["BTC"])
    return apply(
        shadow,
        MarksTicked(
            at=shadow.at + timedelta(seconds=seconds) if seconds else START,
            margin_marks={coin: Decimal(mark) for coin, mark in marks.items()},
            futures_marks={"XBTUSDTM": Decimal(btc), "XBTUSDM": Decimal(btc)},
        ),
    )


def depth(shadow: Shadow, symbol: str, volume: str, spread: str = "0") -> Shadow:
    """The shadow with this much volume a minute on a symbol, sigma 0."""
    return apply(
        shadow,
        LiquidityQuoted(
            at=shadow.at,
            symbol=symbol,
            half_spread=Decimal(spread),
            sigma_1m=Decimal(0),
            volume_1m=Decimal(volume),
        ),
    )


def later(shadow: Shadow, seconds: float) -> Shadow:
    """The same account after some quiet seconds."""
    return replace(shadow, at=shadow.at + timedelta(seconds=seconds))


def cross_long(
    btc: str = "1", usdt_owed: str = "40000", **accounts: Mapping[str, str]
) -> Shadow:
    """A cross margin long: BTC against a debt in USDT."""
    return shadow_of(
        opening(
            {"margin_cross": {"BTC": btc}, **accounts},
            debts={"margin_cross": {"USDT": usdt_owed}},
        )
    )


def position(
    lots: int,
    *,
    symbol: str = "XBTUSDTM",
    entry: str = "50000",
    mode: MarginMode = MarginMode.CROSS,
    margin: str = "0",
) -> Position:
    """A position entered at one price."""
    contract = rules().contracts[symbol]
    return Position(
        symbol=symbol,
        lots=Lots(lots),
        entry_value=contract.value(Decimal(lots), Decimal(entry)),
        mode=mode,
        margin=Decimal(margin),
        leverage=Decimal(5),
    )


def measured(shadow: Shadow, subject: str) -> SubjectMeasure:
    """The measure of a subject that exists."""
    found = measure_subject(shadow, subject)
    if found is None:
        raise LookupError(f"{subject} has nothing to lose")
    return found


def verdict_on(
    shadow: Shadow, subject: str, thresholds: Thresholds = THRESHOLDS
) -> Verdict:
    """A verdict that the subject must be cured."""
    return Verdict(
        kind=VerdictKind.CURE,
        measure=measured(shadow, subject),
        thresholds=thresholds,
        reason="test",
    )


def subject_state(
    thresholds: Thresholds = THRESHOLDS, cut_at: Mapping[str, datetime] | None = None
) -> SubjectState:
    """An account under cure."""
    return SubjectState(
        thresholds=thresholds, is_acting=True, episode=1, cut_at=cut_at or {}
    )


def requested(
    shadow: Shadow,
    intents: Sequence[Intent],
    state: IntentState = IntentState.IN_DOUBT,
    owner: str = "test",
) -> Shadow:
    """The shadow with requests of ours in a state."""
    for intent in intents:
        name = f"r{len(shadow.requests)}"
        approved = Approved(intent_id=name, owner=owner, intent=intent, reason="test")
        shadow = register(shadow, approved, shadow.at)
        request = replace(shadow.requests[name], state=state)
        shadow = replace(shadow, requests={**shadow.requests, name: request})
    return shadow


def placed(intents: Sequence[Intent], account: AccountId) -> list[PlaceOrder]:
    """The orders among the intents that trade in an account."""
    return [i for i in intents if isinstance(i, PlaceOrder) and i.account == account]
