"""What a proposal of new risk is held to, and the thresholds of each account for it.

Values only: the gates (``gates``, ``size_gates``) judge. Nothing here approves.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from bot.domain.money import ZERO
from bot.guard.limits import (
    GuardLimits,
    Opening,
    RiskLimits,
    Thresholds,
    thresholds_for,
)
from bot.guard.size_factors import Sizing
from bot.guard.state import GuardState
from bot.risk.jumps import Jumps
from bot.risk.measure import Known, SubjectMeasure
from bot.shadow.state import Shadow

__all__ = ["Admission", "thresholds_of"]

_OPENING_MARGIN: Final = Decimal("1.05")
"""A new account opens a little further than its act distance: the price moves on
until the order is filled, and an account that opens nearer is not cured at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What a proposal is held to at this moment."""

    shadow: Shadow
    guard: GuardState
    limits: RiskLimits
    guard_limits: GuardLimits
    day_open_equity: Decimal | None
    day_turnover: Decimal = ZERO
    """USDT that was traded since midnight UTC."""
    known: Known | None = None
    """What was measured at this moment already."""
    jumps: Jumps = field(default_factory=dict)
    """Marks that jumped and that nothing has confirmed yet."""
    sizing: Sizing = field(default_factory=Sizing)
    """What scales new risk at this moment."""


def thresholds_of(admission: Admission, measure: SubjectMeasure) -> Thresholds:
    """The thresholds of a known account, or those that a new one will have."""
    guard = admission.guard
    known = admission.guard.subjects.get(measure.subject)
    if known is not None:
        return guard.thresholds_of(measure.subject, known.thresholds)
    new = thresholds_for(
        admission.guard_limits,
        Opening(
            exposure_usdt=measure.exposure_usdt,
            distance=None,
            ratio=None,
            liquidation=measure.liquidation,
            is_futures=measure.is_futures,
        ),
    )
    opened = Thresholds(
        act=new.act * _OPENING_MARGIN, target=new.target, backstop=new.backstop
    )
    return guard.thresholds_of(measure.subject, opened)
