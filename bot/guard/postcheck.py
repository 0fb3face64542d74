"""Did the action help? The proof after each action of the guard.

What is held now is compared with what was held before, both at today's marks, so
that the market's own move does not count.

An action that did not lengthen the distance (or lower the ratio where no move
liquidates) is a strike against its instrument; after some strikes, or at once
after a refusal, the instrument is benched for a while and the next plan uses
another one.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from bot.domain.money import ZERO, short
from bot.domain.strategy import Setback
from bot.guard.limits import GuardLimits
from bot.guard.paydown import paid_down
from bot.guard.state import (
    BORROWING,
    CANCELLING,
    GUARD,
    SWAPPING,
    Before,
    SubjectState,
)
from bot.risk.measure import SubjectMeasure, measure_subject
from bot.risk.subjects import POSITION_PREFIX, is_margin
from bot.shadow.state import Shadow

__all__ = ["Checked", "check_after", "remember_before"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The next state of the account and what was found, in words."""

    state: SubjectState
    has_helped: bool
    sentence: str


def remember_before(
    state: SubjectState, shadow: Shadow, instrument: str, symbols: Iterable[str]
) -> SubjectState:
    """Keep the holdings as they are before an action on ``instrument``.

    ``symbols`` are the markets that the action takes depth from.
    """
    before = Before(
        balances=shadow.balances,
        positions=shadow.positions,
        orders=shadow.orders,
        stops=shadow.stops,
        instrument=instrument,
        at=shadow.at,
    )
    return replace(
        state,
        before=before,
        actions=state.actions + 1,
        cut_at={**state.cut_at, **dict.fromkeys(symbols, shadow.at)},
    )


def check_after(
    state: SubjectState, shadow: Shadow, subject: str, limits: GuardLimits
) -> Checked | None:
    """Judge the last action, None when there is none to judge, or none yet.

    While a request of it has no answer nobody knows what it did. One that was refused
    leaves its instrument alone for a while; one that was lost on its way counts as one
    of a few useless attempts, since it says little of the instrument.
    """
    before = state.before
    if before is None or _is_unanswered(shadow, before):
        return None
    then = replace(
        shadow,
        balances=before.balances,
        positions=before.positions,
        orders=before.orders,
    )
    was, now = measure_subject(then, subject), measure_subject(shadow, subject)
    helped = _is_better(was, now) or _is_better(was, _repaid(then, shadow, was))
    helped = helped or _has_prepared(shadow, before, subject)
    is_denied = any(not each.was_lost for each in _setbacks(shadow, before))
    if is_denied and SWAPPING in before.instrument:
        helped = False  # one half without the other is no swap
    cleared = replace(state, before=None)
    if not helped and before.instrument:
        strikes = limits.max_strikes if is_denied else 1
        cleared = _struck(cleared, before.instrument, shadow.at, limits, strikes)
    return Checked(
        state=cleared, has_helped=helped, sentence=_sentence(was, now, before)
    )


def _is_unanswered(shadow: Shadow, before: Before) -> bool:
    """Whether a request of the guard since the action is still under way."""
    return any(
        shadow.is_under_way(request)
        and request.approved.owner == GUARD
        and request.sent_at >= before.at
        for request in shadow.requests.values()
    )


def _has_prepared(shadow: Shadow, before: Before, subject: str) -> bool:
    """Whether an action did what need not change a number yet.

    A cancel took an order or a stop away; a loan came, which is moved next; coins came
    into the wallet of a lone position, whose margin they become.
    """
    if before.instrument == CANCELLING:
        orders_gone = before.orders.keys() - shadow.orders.keys()
        return bool(orders_gone or before.stops.keys() - shadow.stops.keys())
    is_lone = subject.startswith(POSITION_PREFIX)
    has_moved = before.instrument == BORROWING or (
        is_lone and shadow.positions == before.positions
    )
    has_come = shadow.balances != before.balances
    return has_moved and has_come and not _was_refused(shadow, before)


def _was_refused(shadow: Shadow, before: Before) -> bool:
    """Whether a request of the guard came to nothing since the action."""
    return bool(_setbacks(shadow, before))


def _setbacks(shadow: Shadow, before: Before) -> list[Setback]:
    """Requests of the guard that came to nothing since the action."""
    return [
        setback
        for (owner, _), setback in shadow.setbacks.items()
        if owner == GUARD and setback.at >= before.at
    ]


def _repaid(
    then: Shadow, now: Shadow, was: SubjectMeasure | None
) -> SubjectMeasure | None:
    """The account once what an action gained is put against its debt.

    A sale leaves a ratio as it was until the repayment that follows it: the action is
    held to what it was planned for.
    """
    if was is None or not is_margin(was.account):
        return was
    return measure_subject(paid_down(then, now, was.account), was.subject)


def _is_better(was: SubjectMeasure | None, now: SubjectMeasure | None) -> bool:
    if now is None:
        return True
    if was is None or was.ratio is None or now.ratio is None:
        return False
    if was.distance is None:
        return now.ratio < was.ratio or _gross(now) < _gross(was)
    if now.distance is None:
        return True
    return now.distance > was.distance or now.ratio < was.ratio


def _gross(measure: SubjectMeasure) -> Decimal:
    """What is at stake, both sides: where no uniform move liquidates, less of it."""
    return sum((abs(value) for value in measure.exposure_usdt.values()), ZERO)


def _struck(
    state: SubjectState,
    instrument: str,
    at: datetime,
    limits: GuardLimits,
    strikes: int,
) -> SubjectState:
    strikes += state.strikes.get(instrument, 0)
    benched = dict(state.benched_until)
    if strikes >= limits.max_strikes:
        benched[instrument] = at + limits.bench
        strikes = 0
    return replace(
        state, strikes={**state.strikes, instrument: strikes}, benched_until=benched
    )


def _sentence(
    was: SubjectMeasure | None, now: SubjectMeasure | None, before: Before
) -> str:
    what = before.instrument or "the collateral"
    return f"after acting on {what}: {_numbers(was)} became {_numbers(now)}"


def _numbers(measure: SubjectMeasure | None) -> str:
    if measure is None:
        return "nothing to lose"
    distance = "none" if measure.distance is None else short(measure.distance)
    ratio = "unknown" if measure.ratio is None else short(measure.ratio)
    return f"ratio {ratio} at distance {distance}"
