"""What new risk must leave behind: distance, stress set, reserve, each as a sentence.

Theory of operation. A change of the account is looked at as a whole: the shadow before
it and the shadow after it, requests without an answer counted as done in both. Each
limit is scaled: with a scale of one half an account must be twice as far, stand moves
twice as large, and net leverage may be half. What makes an account no worse passes,
whatever its number is. A hedge, which lowers the net exposure, is held to the limits
as they are. Exact; nothing here approves anything.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bot.domain.accounts import AccountId
from bot.domain.money import ONE, ZERO
from bot.domain.room import Scale
from bot.guard.admission import Admission, thresholds_of
from bot.guard.idle_stable import idle_stable
from bot.risk.exposures import net_exposures
from bot.risk.measure import (
    Known,
    SubjectMeasure,
    equity_usdt,
    measure_subjects,
)
from bot.risk.stress_set import Scenario, stress_set
from bot.risk.stressed import Stressed, stressed
from bot.shadow.state import Shadow

__all__ = [
    "Blocked",
    "Change",
    "change_between",
    "change_objection",
    "distance_objection",
    "net_values",
    "scale_of",
]

_FURTHEST: Final = Decimal("0.95")
"""No distance beyond this is asked for: a fall cannot take more than all."""
_SCALE_LEAST: Final = Decimal("0.001")
"""A smaller scale asks for what this one asks for, which nothing meets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An account before and after something new, and which accounts it touches.

    ``was`` and ``values`` are the signed net USDT by coin before and after it,
    ``measures`` every subject after it.
    """

    before: Shadow
    after: Shadow
    accounts: frozenset[AccountId]
    was: Mapping[str, Decimal]
    values: Mapping[str, Decimal]
    measures: tuple[SubjectMeasure, ...]


def change_between(
    before: Shadow,
    after: Shadow,
    accounts: frozenset[AccountId],
    known: Known | None = None,
) -> Change:
    """A change with what every gate needs of it, measured once.

    Args:
        before: The account before.
        after: The account as if it were done.
        accounts: What it touches.
        known: A shadow whose subjects were measured already.
    """
    return Change(
        before=before,
        after=after,
        accounts=accounts,
        was=net_values(before),
        values=net_values(after),
        measures=measure_subjects(after, known),
    )


@dataclass(frozen=True, slots=True)
class Blocked:
    """The limit that something new would pass: its name, and the sentence."""

    limit: str
    sentence: str


def change_objection(
    admission: Admission, change: Change, scale: Scale
) -> Blocked | None:
    """The first limit that a change would pass, None when it fits.

    Raises:
        UnknownPriceError: A price or a rule that is needed is not known.
    """
    for limit, gate in _GATES.items():
        found = gate(admission, change, scale)
        if found is not None:
            return Blocked(limit, found)
    return None


def scale_of(admission: Admission, change: Change) -> Scale:
    """What a change is scaled by; a hedge, which lowers the exposure, by nothing."""
    if admission.sizing.is_hedge(change.was, change.values):
        return Scale()
    return admission.sizing.scale(change.was, change.values)


def net_values(shadow: Shadow) -> Mapping[str, Decimal]:
    """Signed net USDT by coin over all accounts: a hedged pair counts its delta."""
    return {
        coin: qty * shadow.margin_marks.get(coin, ZERO)
        for coin, qty in net_exposures(shadow).items()
    }


def _gross(values: Mapping[str, Decimal]) -> Decimal:
    return sum((abs(value) for value in values.values()), ZERO)


# -- leverage --------------------------------------------------------------


def _leverage(admission: Admission, change: Change, scale: Scale) -> str | None:
    """Net exposure must stay within its sum and its multiple of the equity."""
    gross = _gross(change.values)
    if gross <= _gross(change.was):
        return None
    limits = admission.limits
    if gross > limits.max_gross_usdt * scale.value:
        told = scale.of(limits.max_gross_usdt)
        return f"gross exposure would be {gross:.2f} USDT, over max_gross_usdt {told}"
    equity = equity_usdt(change.after)
    if equity is None or equity <= 0:
        return "the equity after it would not be positive"
    leverage = gross / equity
    if leverage > limits.max_leverage * scale.value:
        told = scale.of(limits.max_leverage)
        return f"net leverage would be {leverage:.2f}, over max_leverage {told}"
    return None


# -- distance --------------------------------------------------------------


def distance_objection(
    admission: Admission, change: Change, scale: Scale
) -> str | None:
    """After it, no account may be nearer than its act distance, or at its backstop."""
    before = {m.subject: m for m in measure_subjects(change.before, admission.known)}
    for after in change.measures:
        if after.ratio is None:
            return f"{after.subject} would be unknown: {'; '.join(after.missing)}"
        found = _too_near(admission, before.get(after.subject), after, scale)
        if found is not None:
            return found
    return None


def _too_near(
    admission: Admission,
    before: SubjectMeasure | None,
    after: SubjectMeasure,
    scale: Scale,
) -> str | None:
    limits = thresholds_of(admission, after)
    act = _divided(limits.act, scale)
    if after.distance is not None and after.distance < act:
        known = None if before is None else before.distance
        if known is None or after.distance < known:
            told = f"{after.subject} would be {after.distance:.4f} from liquidation, "
            if act == limits.act:
                return told + f"under its act distance {limits.act}"
            return (
                f"{told}under {act:.4f}: its act distance {limits.act} over "
                f"{scale.value:.3f} ({scale.words})"
            )
    if after.ratio is not None and after.ratio >= limits.backstop:
        ratio = None if before is None else before.ratio
        if ratio is None or after.ratio > ratio:
            return (
                f"{after.subject} would be at {after.ratio:.4f}, "
                f"its backstop is {limits.backstop}"
            )
    return None


def _divided(distance: Decimal, scale: Scale) -> Decimal:
    if scale.value >= ONE:
        return distance
    wide = distance / max(scale.value, _SCALE_LEAST)
    return max(distance, min(wide, _FURTHEST))


# -- stress set ------------------------------------------------------------


def _stress(admission: Admission, change: Change, scale: Scale) -> str | None:
    """Every account that it touches must survive the stress set after it."""
    for after in change.measures:
        if after.account not in change.accounts:
            continue
        target = thresholds_of(admission, after).target
        coins = frozenset(after.exposure_usdt)
        least = max(min(scale.value, ONE), _SCALE_LEAST)
        scenarios = stress_set(coins, target, least)
        then = stressed(change.after, after.subject, scenarios)
        for scenario, found in zip(scenarios, then, strict=True):
            why = _dies(change, after.subject, scenario, found)
            if why is not None:
                told = f" (scale {least:.3f}: {scale.words})" if least < ONE else ""
                return why + told
    return None


def _dies(
    change: Change, subject: str, scenario: Scenario, then: Stressed | None
) -> str | None:
    """Why an account does not survive a scenario, unless it is no worse than before."""
    if then is None or then.survives:
        return None
    if then.ratio is None:
        why = "; ".join(then.missing)
        return f"{subject} would be unknown with {scenario.name}: {why}"
    (was,) = stressed(change.before, subject, (scenario,))
    if was is not None and _is_no_worse(was, then):
        return None
    return (
        f"{subject} would not survive the stress set: with {scenario.name} it would be "
        f"at {then.ratio:.4f}, it is liquidated at {then.liquidation}"
    )


def _is_no_worse(was: Stressed, then: Stressed) -> bool:
    """Its ratio is not higher; without any margin left, no more of it is lacking."""
    if was.ratio is None or then.ratio is None:
        return False
    if was.ratio.is_finite() or then.ratio.is_finite():
        return then.ratio <= was.ratio
    if was.lacking_usdt is None or then.lacking_usdt is None:
        return False
    return then.lacking_usdt <= was.lacking_usdt


# -- reserve ---------------------------------------------------------------


def _reserve(admission: Admission, change: Change, scale: Scale) -> str | None:
    """A share of all equity stays in idle USDT; what takes none of it passes."""
    share = admission.sizing.stable_reserve
    if share <= 0 or admission.sizing.is_hedge(change.was, change.values):
        return None
    equity = equity_usdt(change.after)
    if equity is None:
        return "the equity after it would not be known"
    idle = idle_stable(change.after, lambda m: thresholds_of(admission, m))
    if idle >= share * equity:
        return None
    if idle >= idle_stable(change.before, lambda m: thresholds_of(admission, m)):
        return None
    return (
        f"{idle:.2f} USDT would stay idle, under the stable_reserve {share} of "
        f"{equity:.2f} USDT equity"
    )


_GATES: Final[Mapping[str, Callable[[Admission, Change, Scale], str | None]]] = {
    "leverage": _leverage,
    "act distance": distance_objection,
    "stress set": _stress,
    "stable reserve": _reserve,
}
