"""What the engine is told, what it remembers, and what a moment led to.

Frozen values: the settings of a run, the state between two moments, the outcome of a
step. Nothing here decides or changes anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from bot.domain.entries import Entry
from bot.domain.intents import Approved
from bot.domain.money import ZERO
from bot.domain.overlay import Overlaid
from bot.domain.strategy import Strategy
from bot.engine.ahead import Ahead
from bot.engine.asking import Agenda, Asking, agenda_of
from bot.engine.parity import Readings
from bot.engine.twins import Twins
from bot.guard.judge import Verdict
from bot.guard.limits import GuardLimits, RiskLimits
from bot.guard.overlay_state import OverlayState
from bot.guard.size_limits import SizingLimits
from bot.guard.size_results import Results
from bot.guard.state import GuardState
from bot.risk.jumps import Jumps
from bot.risk.kernel_row import KernelNumbers
from bot.risk.measure import SubjectMeasure
from bot.shadow.state import Shadow

__all__ = ["Policy", "State", "Step"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The settings of a run, which never change in it."""

    guard_limits: GuardLimits = field(default_factory=GuardLimits)
    risk_limits: RiskLimits = field(default_factory=RiskLimits)
    sizing: SizingLimits = field(default_factory=SizingLimits)
    strategies: tuple[Strategy, ...] = ()
    is_guarding: bool = True
    epoch: int = 1
    sample_every: timedelta = timedelta(seconds=60)
    is_parity_kept: bool = False
    """Whether each ratio that the exchange reports is journaled and followed; if not,
    only a difference is noted."""
    agenda: Agenda = field(init=False, repr=False)
    """What the strategies wait for, read from them once."""
    overlaid: tuple[Overlaid, ...] = field(init=False, repr=False)
    """The strategies that have an overlay."""

    def __post_init__(self) -> None:
        """Read what the strategies wait for."""
        object.__setattr__(self, "agenda", agenda_of(self.strategies))
        overlaid = tuple(s for s in self.strategies if isinstance(s, Overlaid))
        object.__setattr__(self, "overlaid", overlaid)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Everything the engine remembers between moments."""

    shadow: Shadow
    guard: GuardState = field(default_factory=GuardState)
    next_seq: int = 1
    day: str = ""
    day_open_equity: Decimal | None = None
    day_turnover: Decimal = ZERO
    next_sample_at: datetime | None = None
    jumps: Jumps = field(default_factory=dict)
    """Marks that jumped and that nothing has confirmed yet."""
    own_readings: Readings = ()
    """Our numbers of the last seconds, where the exchange's are kept beside them."""
    ahead: Ahead = field(default_factory=Ahead)
    results: Results = field(default_factory=Results)
    """How the equity went, which scales new risk."""
    asking: Asking = field(default_factory=Asking)
    """Whom of the strategies to ask next, and which of them failed."""
    overlays: Mapping[str, OverlayState] = field(default_factory=dict)
    """What is remembered of each strategy's overlay."""
    twins: Twins = field(default_factory=Twins)
    """By episode, the account as it would be without the guard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one moment led to.

    ``approved`` is executed in order after ``entries`` are durable; ``lookups``
    are intents in doubt whose fate must be asked for. ``measures`` are the exact
    numbers of this moment, empty when nothing was measured; ``numbers`` are those of
    the kernel, where they were enough.
    """

    state: State
    approved: tuple[Approved, ...] = ()
    lookups: tuple[Approved, ...] = ()
    entries: tuple[Entry, ...] = ()
    measures: tuple[SubjectMeasure, ...] = ()
    numbers: tuple[KernelNumbers, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    mark_cadence: timedelta = timedelta(seconds=1)
    """How often a mark should come in this run; older ones are told as such."""
