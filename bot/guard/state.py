"""What the guard remembers between ticks, an account at a time.

Frozen; each judgement returns the next state. Nothing here decides.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.domain.accounts import AccountId, Balance, Position, PositionKey
from bot.domain.events import OrderChanged
from bot.domain.money import ZERO
from bot.domain.stops import StopChanged
from bot.domain.strategy import Setback
from bot.guard.buffer import ErrorTrack, shift_of, widened
from bot.guard.foresight import Foresight, foreseen
from bot.guard.limits import Thresholds
from bot.guard.repair import PairWatch

__all__ = [
    "BORROWING",
    "CANCELLING",
    "GUARD",
    "SWAPPING",
    "Before",
    "GuardState",
    "LeavingState",
    "RestingState",
    "SubjectState",
]

GUARD: Final = "guard"
"""Who owns the guard's requests."""

CANCELLING: Final = "cancelling orders"
"""The lever that takes resting orders away; the one that need not change a ratio."""

BORROWING: Final = "borrowing"
"""The lever that helps only with the transfer that follows it."""

SWAPPING: Final = " and "
"""Between the two instruments of a swap, whose halves help only together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """The holdings before an action, to measure what it did at today's marks."""

    balances: Mapping[AccountId, Mapping[str, Balance]]
    positions: Mapping[PositionKey, Position]
    orders: Mapping[str, OrderChanged]
    stops: Mapping[str, StopChanged]
    instrument: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectState:
    """One guarded account: its thresholds and the episode it is in, if any."""

    thresholds: Thresholds
    is_acting: bool = False
    acting_since: datetime | None = None
    episode: int = 0
    actions: int = 0
    cooled_until: datetime | None = None
    before: Before | None = None
    strikes: Mapping[str, int] = field(default_factory=dict)
    benched_until: Mapping[str, datetime] = field(default_factory=dict)
    cut_at: Mapping[str, datetime] = field(default_factory=dict)
    """When each instrument was last cut: its depth needs a minute to recover."""
    stuck_noted_at: datetime | None = None
    has_slow_exits: bool = False
    """The last plan had more to leave than the target distance asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestingState:
    """What is remembered between two plans of the stops that rest at the exchange.

    ``edges`` says where each account's stops would go off, in USDT of its exposure;
    ``used`` counts the requests since ``hour_at``.
    """

    planned_at: datetime | None = None
    compared_at: datetime | None = None
    balances: Mapping[AccountId, Mapping[str, Balance]] = field(default_factory=dict)
    positions: Mapping[PositionKey, Position] = field(default_factory=dict)
    stops: Mapping[str, StopChanged] = field(default_factory=dict)
    setbacks: Mapping[tuple[str, str], Setback] = field(default_factory=dict)
    edges: Mapping[str, Decimal] = field(default_factory=dict)
    is_replacing: bool = False
    """Stops were withdrawn to make room for others, which follow without a pause."""
    is_paused: bool = False
    """A person has withdrawn all stops; none rests until that person says so."""
    hour_at: datetime | None = None
    used: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LeavingState:
    """What is remembered between two rounds of leaving what is delisted.

    ``cut_at`` says when each symbol was last cut, ``begun`` what is being left.
    """

    cut_at: Mapping[str, datetime] = field(default_factory=dict)
    begun: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardState:
    """All guarded accounts by subject name."""

    subjects: Mapping[str, SubjectState] = field(default_factory=dict)
    pairs: Mapping[str, PairWatch] = field(default_factory=dict)
    """Coins whose hedge the guard has cut and not yet found even again."""
    resting: RestingState = field(default_factory=RestingState)
    """What is remembered of the stops that rest at the exchange."""
    parity: Mapping[str, ErrorTrack] = field(default_factory=dict)
    """By subject, how the exchange's ratio and ours have compared."""
    foresight: Foresight = field(default_factory=Foresight)
    """What the forecast says of the hours ahead."""
    leaving: LeavingState = field(default_factory=LeavingState)
    """What is remembered of coins that are delisted and left."""

    def thresholds_of(self, subject: str, own: Thresholds) -> Thresholds:
        """The thresholds that hold now: its own, with our errors and what lies ahead.

        Example:
            >>> from decimal import Decimal
            >>> own = Thresholds(act=Decimal("0.15"), target=Decimal("0.25"),
            ...     backstop=Decimal("0.85"))
            >>> GuardState().thresholds_of("margin_cross", own) == own
            True
        """
        wide = widened(own, shift_of(self.parity.get(subject)))
        ahead = self.foresight
        stress = ahead.stress.get(subject, ZERO)
        shut_in = ahead.shut_in.get(subject, ZERO)
        return foreseen(wide, ahead.needed.get(subject), stress, shut_in)

    def known(self, subject: str) -> SubjectState | None:
        """A guarded account with the thresholds that hold now; None is not guarded.

        Example:
            >>> GuardState().known("margin_cross") is None
            True
        """
        found = self.subjects.get(subject)
        if found is None:
            return None
        return replace(found, thresholds=self.thresholds_of(subject, found.thresholds))

    @property
    def is_acting(self) -> bool:
        """Whether any account is in an episode."""
        return any(s.is_acting for s in self.subjects.values())

    @property
    def has_work(self) -> bool:
        """Whether there is an episode or an uneven pair to look after."""
        return bool(self.pairs) or self.is_acting
