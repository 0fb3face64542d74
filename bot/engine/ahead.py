"""The forecast inside the engine: the past it keeps, when it looks, what it leaves.

The hourly closes of all coins roll along with the shadow's. About once an hour of
market time, and sooner when an account has moved or changed, the accounts are looked
at along simulated paths (``bot.risk.outlook``): the odds go to the guard, a row to
the journal. Far accounts are looked at less often. The seed is fixed and the limits
are on counts, so the same facts leave the same rows. It must not read a clock, and it
never judges: the guard does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from bot.domain.entries import Entry
from bot.domain.money import ZERO
from bot.engine.outlook_note import outlook_note
from bot.guard.foresight import Foresight, within
from bot.guard.limits import GuardLimits
from bot.guard.state import GuardState
from bot.risk.blackout import STRESS_MOVE, Blackout, stress_distance
from bot.risk.hourly_closes import HourlyCloses
from bot.risk.known_flows import known_flows
from bot.risk.measure import SubjectMeasure, measure_subjects
from bot.risk.odds import Odds
from bot.risk.outlook import Asked, Outlook, look_ahead
from bot.risk.scenarios import Model
from bot.risk.terms_of import terms_of
from bot.shadow.state import Shadow

__all__ = ["Ahead", "Look", "blackout_at", "look"]

_HOUR: Final = timedelta(hours=1)
_FAR: Final = timedelta(hours=12)
"""How long no look is needed at accounts that are far, unless they come nearer."""
_FAR_SHARE: Final = 0.1
"""Far: at most this share of the likeliest liquidation that is allowed."""
_SOONEST: Final = timedelta(minutes=5)
"""Between two looks, however much happens."""
_MOVED: Final = Decimal("0.2")
"""The share by which a distance has changed that asks for a new look."""
_SEED: Final = 20_250_101


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """What the engine remembers between two looks.

    ``distances`` are those at the last look, by subject; None where no uniform move
    liquidates.
    """

    closes: HourlyCloses = field(default_factory=HourlyCloses)
    outlook: Outlook | None = None
    made_at: datetime | None = None
    due_at: datetime | None = None
    distances: Mapping[str, Decimal | None] = field(default_factory=dict)

    def followed(self, before: Shadow, after: Shadow) -> "Ahead":
        """With the closes of the hour that has just ended, if one has."""
        if before.closes is after.closes:
            return self
        newest = {coin: rows[-1] for coin, rows in after.closes.items() if rows}
        return replace(self, closes=self.closes.with_closes(newest))

    def is_late(self, at: datetime) -> bool:
        """Whether a look waits no longer for a moment without requests."""
        return self.due_at is not None and at >= self.due_at + _SOONEST

    def is_due(self, at: datetime, measures: Sequence[SubjectMeasure]) -> bool:
        """Whether the accounts should be looked at now.

        Without measures, because nothing asked for them, only the time counts.
        """
        if self.made_at is None or self.due_at is None or at >= self.due_at:
            return True
        if not measures or at < self.made_at + _SOONEST:
            return False
        if self.distances.keys() != {measure.subject for measure in measures}:
            return True
        return any(_has_moved(self.distances[m.subject], m.distance) for m in measures)


def _has_moved(before: Decimal | None, now: Decimal | None) -> bool:
    if before is None or now is None:
        return before is not now
    return abs(now - before) > before * _MOVED


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one look leads to."""

    ahead: Ahead
    guard: GuardState
    entries: tuple[Entry, ...] = ()


def look(
    ahead: Ahead,
    shadow: Shadow,
    measures: Sequence[SubjectMeasure],
    guard: GuardState,
    limits: GuardLimits,
) -> Look:
    """Look at every account if it is time to; otherwise nothing changes.

    What has no history is said to be unknown.

    Args:
        ahead: The past, and the last look.
        shadow: The account and the market.
        measures: Its exact numbers at this moment.
        guard: Gets the odds.
        limits: How likely a liquidation may be, within how many hours.
    """
    coming = blackout_at(limits, shadow.at)
    is_turning = (coming is None) is bool(guard.foresight.stress)
    if not ahead.is_due(shadow.at, measures) and not is_turning:
        return Look(ahead=ahead, guard=guard)
    measures = measures or measure_subjects(shadow)
    if not measures:
        return _nothing_to_lose(ahead, shadow.at, guard)
    asked, unknown = _asked(shadow, measures)
    coins = {coin for each in asked for coin in each.terms.coins}
    found = look_ahead(
        asked,
        ahead.closes.history(sorted(coins)),
        horizon_h=float(limits.horizon_h),
        model=Model(),
        seed=_SEED,
    )
    foresight = _foresight(found, limits, shadow.at)
    if coming is not None:
        stress = {m.subject: _stress(ahead.closes, m) for m in measures}
        foresight = replace(foresight, stress=stress)
    is_far = all(_is_far(found, each, guard, limits) for each in measures)
    body = outlook_note(found, foresight, unknown, coming)
    return Look(
        ahead=replace(
            ahead,
            outlook=found,
            made_at=shadow.at,
            due_at=_next(shadow.at, is_far=is_far),
            distances={m.subject: m.distance for m in measures},
        ),
        guard=replace(guard, foresight=foresight),
        entries=(Entry(at=shadow.at, body=body),),
    )


def _asked(
    shadow: Shadow, measures: Sequence[SubjectMeasure]
) -> tuple[list[Asked], Mapping[str, tuple[str, ...]]]:
    """The accounts to look at, and why the others cannot be."""
    known = terms_of(shadow)
    by_name = {measure.subject: measure for measure in measures}
    asked = [
        Asked(
            terms=terms,
            distance=_float(by_name[terms.subject].distance),
            drift=known_flows(shadow, by_name[terms.subject]),
        )
        for terms in known.known
        if terms.subject in by_name
    ]
    return asked, known.unknown


def _nothing_to_lose(ahead: Ahead, at: datetime, guard: GuardState) -> Look:
    """No account can be liquidated: ask again in an hour, or when one can."""
    empty = replace(ahead, made_at=at, due_at=_next(at, is_far=False), distances={})
    return Look(
        ahead=replace(empty, outlook=None),
        guard=replace(guard, foresight=Foresight()) if guard.foresight.as_of else guard,
    )


def blackout_at(limits: GuardLimits, at: datetime) -> Blackout | None:
    """The announced blackout that has to be prepared for now, if any."""
    coming = (each for each in limits.blackouts if each.is_prepared_for(at))
    return next(coming, None)


def _stress(closes: HourlyCloses, measure: SubjectMeasure) -> Decimal:
    """The distance from which the worst hour on record does not reach the warning."""
    hours = [closes.worst_hour(coin) for coin in measure.exposure_usdt]
    worst = max((hour for hour in hours if hour is not None), default=0.0)
    move = max(STRESS_MOVE, Decimal(repr(worst)))
    return stress_distance(move, measure.warning, measure.liquidation)


def _float(number: Decimal | None) -> float | None:
    return None if number is None else float(number)


def _next(at: datetime, *, is_far: bool) -> datetime:
    """The next full hour, or one of later where all accounts are far."""
    hour = at.replace(minute=0, second=0, microsecond=0)
    return hour + (_FAR if is_far else _HOUR)


def _foresight(found: Outlook, limits: GuardLimits, at: datetime) -> Foresight:
    curves = {a.subject: a.curve for a in found.accounts if a.curve is not None}
    return within(limits, Odds(curves, found.horizon_h), at)


def _is_far(
    found: Outlook, measure: SubjectMeasure, guard: GuardState, limits: GuardLimits
) -> bool:
    """Whether an account is beyond its target and its liquidation most unlikely."""
    own = next((a for a in found.accounts if a.subject == measure.subject), None)
    if own is None or own.missing:
        return True
    known = guard.subjects.get(measure.subject)
    target = ZERO if known is None else known.thresholds.target
    is_beyond = measure.distance is None or measure.distance >= target
    likely = max(own.probability.values(), default=0.0)
    return is_beyond and likely <= _FAR_SHARE * float(
        limits.max_liquidation_probability
    )
