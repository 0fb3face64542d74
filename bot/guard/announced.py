"""What the guard makes of announced changes: how early, and how an account is judged.

Theory of operation. What is announced is known, so an account must stand it before it
comes. A contract's new constants count from the horizon of the forecast on: the worse
of the rules of now and of then is judged. A delisted coin is not bought any more, left
over the last day (``bot.guard.leaving``), and in the last two hours what is still
there is judged as if it counted nothing already. The exchange's own ratio, and what is
compared with it, stays that of the rules in force. Nothing here sends anything.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from bot.domain.accounts import FUTURES
from bot.domain.instruments import Rules
from bot.domain.intents import Intent, Transfer
from bot.guard.limits import GuardLimits
from bot.risk.announced import (
    Announced,
    announced_rules,
    coins_out,
    delistings_of,
    is_held,
)
from bot.risk.blackout import LEAD
from bot.risk.measure import SubjectMeasure, measure_subject
from bot.risk.view import touched
from bot.shadow.state import Shadow

__all__ = [
    "delisting_objection",
    "is_announced_soon",
    "judged_rules",
    "measures_as_announced",
]

_HOUR: Final = timedelta(hours=1)


def judged_rules(shadow: Shadow, limits: GuardLimits) -> Rules | None:
    """The rules to come that the account is judged by too; None where none matter."""
    if shadow.rules_change_at is None and not _has_delistings(shadow, limits):
        return None
    leaving = delistings_of(shadow, limits.delistings)
    by = shadow.at + limits.forecast_hours * _HOUR
    return announced_rules(shadow, coins_out(leaving, shadow.at + LEAD), by)


def measures_as_announced(
    shadow: Shadow, measures: Sequence[SubjectMeasure], limits: GuardLimits
) -> tuple[SubjectMeasure, ...]:
    """The measures that the guard judges: each under the worse of now and then.

    Args:
        shadow: The account and the market.
        measures: Its numbers by the rules of now, old marks at their worst end.
        limits: How far ahead a change counts.
    """
    rules = judged_rules(shadow, limits)
    if rules is None:
        return tuple(measures)
    return tuple(_worse(shadow, each, rules) for each in measures)


def _worse(shadow: Shadow, measure: SubjectMeasure, rules: Rules) -> SubjectMeasure:
    seen = shadow if measure.aged is None else measure.aged.on(shadow)
    then = measure_subject(replace(seen, rules=rules), measure.subject)
    if then is None or then.ratio is None or measure.ratio is None:
        return measure
    if then.ratio <= measure.ratio and not _is_nearer(then, measure):
        return measure
    known = measure.aged or measure
    marked = Announced(rules=rules, ratio=known.ratio, distance=known.distance)
    return replace(then, aged=measure.aged, announced=marked)


def _is_nearer(one: SubjectMeasure, other: SubjectMeasure) -> bool:
    if one.distance is None:
        return False
    return other.distance is None or one.distance < other.distance


def is_announced_soon(shadow: Shadow, limits: GuardLimits, within: timedelta) -> bool:
    """Whether something announced comes into a forecast's horizon within a time."""
    if shadow.rules_change_at is None and not _has_delistings(shadow, limits):
        return False
    by = shadow.at + limits.forecast_hours * _HOUR + within
    if shadow.rules_change_at is not None and shadow.rules_change_at <= by:
        return True
    leaving = delistings_of(shadow, limits.delistings)
    return any(at <= by and is_held(shadow, name) for name, at in leaving.items())


def _has_delistings(shadow: Shadow, limits: GuardLimits) -> bool:
    return bool(limits.delistings or shadow.rules.delistings)


def delisting_objection(
    shadow: Shadow, limits: GuardLimits, intent: Intent
) -> str | None:
    """Why new risk may not be taken on what leaves the exchange, from its notice on.

    Coins may be moved: to take them out is the owner's way to leave.
    """
    if isinstance(intent, Transfer) or not _has_delistings(shadow, limits):
        return None
    leaving = delistings_of(shadow, limits.delistings)
    names = [name for _, name in touched(shadow.rules, intent)]
    for account, name in touched(shadow.rules, intent):
        contract = shadow.rules.contracts.get(name) if account == FUTURES else None
        if contract is not None:
            names.append(contract.base)
    for name in names:
        if name in leaving:
            return f"{name} is delisted at {leaving[name].isoformat()}"
    return None
