"""The thresholds of an account when what lies ahead is taken into account.

Theory of operation. The distances of the settings are the floor. Three things move
them outwards, never inwards: the forecast, when at the act distance a liquidation
within the horizon is likelier than the limit; an announced blackout, before which an
account must be able to take a fall without us; and exposure that takes minutes to
leave, whose market may fall while it is being left. For its odds an account is cured
from where its probability meets the limit, if that is nearer than its target, to a
little beyond it, never beyond one and a half times its target. Accounts that opened
nearer than their default distances keep the ones they opened with: their odds were
over the limit from the start. Pure; what is not known changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.domain.money import ZERO
from bot.guard.limits import GuardLimits, Thresholds
from bot.risk.odds import Odds

__all__ = ["Foresight", "foreseen", "within"]

_BEYOND: Final = Decimal("1.1")
"""How much further than the needed distance a cure goes: no flutter."""

_MOST: Final = Decimal("1.5")
"""The furthest a cure goes for the odds, in targets."""

_WIDEST: Final = Decimal("0.90")
"""No distance is asked for beyond this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Foresight:
    """What the guard knows of the hours ahead.

    ``odds`` answers for any distance; ``needed`` is, by subject, the distance at
    which a liquidation within the horizon is as likely as the limit allows, and
    ``as_of`` when both were made. An account that is in neither has no forecast.
    """

    odds: Odds = field(default_factory=Odds)
    needed: Mapping[str, Decimal] = field(default_factory=dict)
    as_of: datetime | None = None
    stress: Mapping[str, Decimal] = field(default_factory=dict)
    """By subject, the distance that an announced blackout asks for, while it does."""
    shut_in: Mapping[str, Decimal] = field(default_factory=dict)
    """By subject, the distance that what leaves too slowly asks for."""

    def words(self, subject: str, distance: Decimal, act: Decimal) -> str:
        """Why the act distance is what it is, and the odds; empty without a forecast.

        Example:
            >>> Foresight().words("margin_cross", Decimal("0.1"), Decimal("0.15"))
            ''
        """
        told = ""
        if self.stress.get(subject) == act:
            told = ", before an announced blackout"
        elif self.shut_in.get(subject) == act:
            told = ", as it cannot be left at once"
        odds = self.odds.at(subject, distance)
        return told if odds is None else f"{told}, forecast at {odds * 100:.2g} %"


def foreseen(
    thresholds: Thresholds,
    needed: Decimal | None,
    stress: Decimal = ZERO,
    shut_in: Decimal = ZERO,
) -> Thresholds:
    """The thresholds with the odds, slow exits and an announced blackout in them.

    Args:
        thresholds: Of the account, wider by its buffer.
        needed: The distance that the odds ask for; None is not known.
        stress: The distance that an announced blackout asks for, 0 for none.
        shut_in: The one that slow exits ask for, 0 for none; at most the target.

    Example:
        The odds ask for 20 %, then for far more than there can be use in.

        >>> usual = Thresholds(act=Decimal("0.15"), target=Decimal("0.25"),
        ...     backstop=Decimal("0.85"))
        >>> found = foreseen(usual, Decimal("0.20"))
        >>> found.act, found.target
        (Decimal('0.20'), Decimal('0.25'))
        >>> found = foreseen(usual, Decimal("0.60"))
        >>> found.act, found.target
        (Decimal('0.25'), Decimal('0.375'))
    """
    act, target = thresholds.act, thresholds.target
    if needed is not None and needed > act and not thresholds.is_adapted:
        act = min(needed, thresholds.target)
        target = max(target, min(needed * _BEYOND, target * _MOST, _WIDEST))
    if shut_in > act and not thresholds.is_adapted:
        act = min(shut_in, thresholds.target)
    if stress > act:
        act, target = stress, max(target, min(stress * _BEYOND, _WIDEST))
    if act == thresholds.act and target == thresholds.target:
        return thresholds
    return replace(thresholds, act=act, target=max(target, act))


def within(limits: GuardLimits, odds: Odds, as_of: datetime) -> Foresight:
    """The foresight that follows from odds under the limits of the settings.

    Example:
        >>> from bot.risk.odds import OddsCurve
        >>> odds = Odds({"margin_cross": OddsCurve((0.1, 0.2), (0.1, 0.001))})
        >>> within(GuardLimits(), odds, datetime(2025, 1, 1)).needed["margin_cross"]
        Decimal('0.1500')
    """
    limit = float(limits.max_liquidation_probability)
    needed = {name: curve.distance_of(limit) for name, curve in odds.curves.items()}
    return Foresight(odds=odds, needed=needed, as_of=as_of)
