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
from bot.engine.holdings import Holdings, have_changed, holdings_of
from bot.engine.outlook_note import outlook_note
from bot.guard.announced import is_announced_soon
from bot.guard.exits import shut_in
from bot.guard.foresight import Foresight, within
from bot.guard.limits import GuardLimits
from bot.guard.state import GuardState
from bot.risk.announced import delistings_of
from bot.risk.blackout import STRESS_MOVE, Blackout, stress_distance
from bot.risk.coming_shifts import coming_shifts
from bot.risk.forecast_trust import as_it_came
from bot.risk.hourly_closes import HourlyCloses
from bot.risk.known_flows import known_flows
from bot.risk.measure import SubjectMeasure, measure_subjects
from bot.risk.odds import Odds, OddsCurve
from bot.risk.outlook import Asked, Outlook, look_ahead
from bot.risk.scenarios import Model
from bot.risk.terms_of import terms_of
from bot.shadow.state import Shadow

__all__ = ["Ahead", "Look", "blackout_at", "look"]

_HOUR: Final = timedelta(hours=1)
_FAR: Final = timedelta(hours=24)
"""How long no look is needed at accounts that are far, unless they come nearer."""
_FAR_SHARE: Final = 0.1
"""Far: at most this share of the likeliest liquidation that is allowed."""
_SOONEST: Final = timedelta(minutes=5)
"""Between two looks, however much happens."""
_MOVED: Final = Decimal("0.2")
"""The share of a distance that a coin moves before a new look is asked for."""
_LEAST: Final = Decimal("0.02")
"""The least move that asks for one, of an account beyond its target."""
_SEED: Final = 20_250_101


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """What the engine remembers between two looks.

    A look is made when it is ``due_at``; sooner, but not before ``check_at``, when
    the holdings ``has_changed`` since those of the last look or a coin has moved by
    more than its room. ``room`` is coin to its mark at that look and the relative
    move that asks for another one.
    """

    closes: HourlyCloses = field(default_factory=HourlyCloses)
    outlook: Outlook | None = None
    made_at: datetime | None = None
    due_at: datetime | None = None
    check_at: datetime | None = None
    room: Mapping[str, tuple[Decimal, Decimal]] = field(default_factory=dict)
    holdings: Holdings = field(default_factory=dict)
    has_changed: bool = False

    def followed(self, before: Shadow, after: Shadow) -> "Ahead":
        """With the closes of the hour that has just ended, and what was traded."""
        found = self
        if before.closes is not after.closes:
            newest = {coin: rows[-1] for coin, rows in after.closes.items() if rows}
            found = replace(found, closes=self.closes.with_closes(newest))
        is_same = (
            before.balances is after.balances and before.positions is after.positions
        )
        if self.has_changed or self.made_at is None:
            return found
        if before.rules is not after.rules:
            return replace(found, has_changed=True)
        if is_same:
            return found
        if not have_changed(self.holdings, holdings_of(after)):
            return found
        return replace(found, has_changed=True)

    def is_due(self, at: datetime) -> bool:
        """Whether it is time for a look."""
        return self.due_at is None or at >= self.due_at

    def is_late(self, at: datetime) -> bool:
        """Whether a look waits no longer for a moment without requests."""
        return self.due_at is not None and at >= self.due_at + _SOONEST

    def has_moved(self, marks: Mapping[str, Decimal]) -> bool:
        """Whether a coin has moved by more than its room."""
        return any(
            abs(marks.get(coin, mark) - mark) > mark * room
            for coin, (mark, room) in self.room.items()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one look leads to."""

    ahead: Ahead
    guard: GuardState
    entries: tuple[Entry, ...] = ()


def look(
    ahead: Ahead,
    shadow: Shadow,
    guard: GuardState,
    limits: GuardLimits,
) -> Look:
    """Look at every account if it is time to; otherwise nothing changes.

    What has no history is said to be unknown. Everything is measured here, so that a
    look is the same whatever else this moment asked for.

    Args:
        ahead: The past, and the last look.
        shadow: The account and the market.
        guard: Gets the odds.
        limits: How likely a liquidation may be, within how many hours.
    """
    at, coming = shadow.at, blackout_at(limits, shadow.at)
    is_turning = (coming is None) is bool(guard.foresight.stress)
    if not (is_turning or ahead.is_due(at)):
        if ahead.check_at is not None and at < ahead.check_at:
            return Look(ahead=ahead, guard=guard)
        if not (ahead.has_changed or ahead.has_moved(shadow.margin_marks)):
            return Look(ahead=replace(ahead, check_at=at + _SOONEST), guard=guard)
    measures = measure_subjects(shadow)
    if not measures:
        return _nothing_to_lose(ahead, shadow.at, guard)
    asked, unknown = _asked(shadow, measures, limits)
    coins = {coin for each in asked for coin in each.terms.coins}
    found = look_ahead(
        asked,
        ahead.closes.history(sorted(coins)),
        horizon_h=float(limits.horizon_h),
        model=Model(),
        seed=_SEED,
    )
    foresight = replace(
        _foresight(found, limits, shadow.at),
        shut_in=shut_in(shadow, measures, limits),
    )
    if coming is not None:
        stress = {m.subject: _stress(ahead.closes, m) for m in measures}
        foresight = replace(foresight, stress=stress)
    is_far = all(_is_far(found, each, guard, limits) for each in measures)
    is_far = is_far and not is_announced_soon(shadow, limits, _FAR)
    body = outlook_note(found, foresight, unknown, coming)
    return Look(
        ahead=replace(
            ahead,
            outlook=found,
            made_at=shadow.at,
            due_at=_next(shadow.at, is_far=is_far),
            check_at=at + _SOONEST,
            room=_room(shadow, measures, guard),
            holdings=holdings_of(shadow),
            has_changed=False,
        ),
        guard=replace(guard, foresight=foresight),
        entries=(Entry(at=shadow.at, body=body),),
    )


def _asked(
    shadow: Shadow, measures: Sequence[SubjectMeasure], limits: GuardLimits
) -> tuple[list[Asked], Mapping[str, tuple[str, ...]]]:
    """The accounts to look at, and why the others cannot be."""
    known, hours = terms_of(shadow), limits.forecast_hours
    by_name = {measure.subject: measure for measure in measures}
    leaving = delistings_of(shadow, limits.delistings)
    shifts = coming_shifts(shadow, leaving, shadow.at + hours * _HOUR)
    asked = [
        Asked(
            terms=terms,
            distance=_float(by_name[terms.subject].distance),
            drift=replace(
                known_flows(shadow, by_name[terms.subject], hours, leaving),
                shifts=shifts.get(terms.subject, ()),
            ),
        )
        for terms in known.known
        if terms.subject in by_name
    ]
    return asked, known.unknown


def _room(
    shadow: Shadow, measures: Sequence[SubjectMeasure], guard: GuardState
) -> dict[str, tuple[Decimal, Decimal]]:
    """How far each coin may move until the accounts are looked at again."""
    found: dict[str, tuple[Decimal, Decimal]] = {}
    for measure in measures:
        room = _room_of(measure.distance, _target(guard, measure.subject))
        for coin in measure.exposure_usdt:
            mark = shadow.margin_marks.get(coin)
            if mark is not None:
                _, least = found.get(coin, (mark, room))
                found[coin] = mark, min(room, least)
    return found


def _room_of(distance: Decimal | None, target: Decimal) -> Decimal:
    """A share of the distance, and no further than to the target.

    Under its target an account may be cured for its odds, so it is looked at before
    it gets there.

    Example:
        >>> _room_of(Decimal("0.5"), Decimal("0.25"))
        Decimal('0.10')
        >>> _room_of(Decimal("0.30"), Decimal("0.25"))
        Decimal('0.05')
    """
    if distance is None:
        return _MOVED
    room = _MOVED * distance
    return min(room, max(distance - target, _LEAST)) if distance > target else room


def _target(guard: GuardState, subject: str) -> Decimal:
    known = guard.known(subject)
    return ZERO if known is None else known.thresholds.target


def _nothing_to_lose(ahead: Ahead, at: datetime, guard: GuardState) -> Look:
    """No account can be liquidated: ask again in an hour, or when one can."""
    empty = Ahead(
        closes=ahead.closes,
        made_at=at,
        due_at=_next(at, is_far=False),
        check_at=at + _SOONEST,
    )
    return Look(
        ahead=empty,
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
    """The odds as the guard takes them: as such numbers came true, not as they say."""
    curves = {
        each.subject: OddsCurve(
            each.curve.distances,
            tuple(as_it_came(p, found.horizon_h) for p in each.curve.probabilities),
        )
        for each in found.accounts
        if each.curve is not None
    }
    return within(limits, Odds(curves, found.horizon_h), at)


def _is_far(
    found: Outlook, measure: SubjectMeasure, guard: GuardState, limits: GuardLimits
) -> bool:
    """Whether an account is beyond its target and its liquidation most unlikely."""
    own = next((a for a in found.accounts if a.subject == measure.subject), None)
    if own is None or own.missing:
        return True
    target = _target(guard, measure.subject)
    is_beyond = measure.distance is None or measure.distance >= target
    likely = max(own.probability.values(), default=0.0)
    return is_beyond and likely <= _FAR_SHARE * float(
        limits.max_liquidation_probability
    )
