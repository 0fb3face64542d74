"""Orders and requests: their words and the one table of their transitions.

Theory of operation. A request of ours (an *intent*) is journaled, then sent,
then settles with one of three outcomes: done, refused, or in doubt. An intent in
doubt settles later, by look-up, to done or refused, and never goes back. An
order that was accepted lives on at the exchange until it is filled, cancelled
or expired; what it filled comes from fills, never from our request. A stop rests
until it triggers, fails at that, or is cancelled; then it rests never again. A state
only moves down the table: it is a lattice, so late and repeated messages are
harmless. Everything that changes the state of an intent lives in this file.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

__all__ = [
    "IntentState",
    "OrderState",
    "OrderType",
    "Outcome",
    "Side",
    "StopState",
    "TimeInForce",
    "next_intent_state",
    "next_stop_state",
]


class Side(StrEnum):
    """Which way an order trades."""

    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell."""
        return 1 if self is Side.BUY else -1


class OrderType(StrEnum):
    """Limit or market."""

    LIMIT = "limit"
    MARKET = "market"


class TimeInForce(StrEnum):
    """How long an order rests; FOK only where the exchange has it (spot, margin)."""

    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"


class OrderState(StrEnum):
    """Where an order stands at the exchange."""

    OPEN = "open"
    FILLED = "filled"
    CANCELLED = "cancelled"
    """Done without filling in full; it may have fills."""


class StopState(StrEnum):
    """Where a stop order stands at the exchange."""

    RESTING = "resting"
    TRIGGERED = "triggered"
    """It became an order."""
    FAILED = "failed"
    """It triggered and its order was refused."""
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether it waits no more."""
        return self is not StopState.RESTING


class Outcome(StrEnum):
    """The three answers to a request."""

    DONE = "done"
    REFUSED = "refused"
    IN_DOUBT = "in_doubt"


class IntentState(StrEnum):
    """Where a request of ours stands."""

    SENT = "sent"
    IN_DOUBT = "in_doubt"
    DONE = "done"
    REFUSED = "refused"

    @property
    def is_final(self) -> bool:
        """Whether the outcome is proven."""
        return self in {IntentState.DONE, IntentState.REFUSED}


_INTENT_TABLE: Final[Mapping[tuple[IntentState, Outcome], IntentState]] = {
    (IntentState.SENT, Outcome.DONE): IntentState.DONE,
    (IntentState.SENT, Outcome.REFUSED): IntentState.REFUSED,
    (IntentState.SENT, Outcome.IN_DOUBT): IntentState.IN_DOUBT,
    (IntentState.IN_DOUBT, Outcome.DONE): IntentState.DONE,
    (IntentState.IN_DOUBT, Outcome.REFUSED): IntentState.REFUSED,
    (IntentState.IN_DOUBT, Outcome.IN_DOUBT): IntentState.IN_DOUBT,
}


def next_intent_state(state: IntentState, outcome: Outcome) -> IntentState:
    """The state after an outcome; a final state stays what it is.

    Example:
        >>> next_intent_state(IntentState.SENT, Outcome.IN_DOUBT)
        <IntentState.IN_DOUBT: 'in_doubt'>
        >>> next_intent_state(IntentState.DONE, Outcome.REFUSED)
        <IntentState.DONE: 'done'>
    """
    return _INTENT_TABLE.get((state, outcome), state)


def next_stop_state(state: StopState, told: StopState) -> StopState:
    """The state of a stop after one more message; what has ended stays ended.

    Example:
        >>> next_stop_state(StopState.RESTING, StopState.TRIGGERED)
        <StopState.TRIGGERED: 'triggered'>
        >>> next_stop_state(StopState.CANCELLED, StopState.RESTING)
        <StopState.CANCELLED: 'cancelled'>
    """
    return state if state.is_final else told
