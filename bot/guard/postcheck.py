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

from bot.domain.money import plain
from bot.guard.limits import GuardLimits
from bot.guard.state import Before, SubjectState
from bot.risk.measure import SubjectMeasure, measure_subject
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
    """Judge the last action, None when there is none to judge."""
    before = state.before
    if before is None:
        return None
    then = replace(shadow, balances=before.balances, positions=before.positions)
    was, now = measure_subject(then, subject), measure_subject(shadow, subject)
    helped = _is_better(was, now)
    cleared = replace(state, before=None)
    if helped or not before.instrument:
        return Checked(
            state=cleared, has_helped=helped, sentence=_sentence(was, now, before)
        )
    return Checked(
        state=_struck(cleared, before.instrument, shadow.at, limits),
        has_helped=False,
        sentence=_sentence(was, now, before),
    )


def _is_better(was: SubjectMeasure | None, now: SubjectMeasure | None) -> bool:
    if now is None:
        return True
    if was is None or was.ratio is None or now.ratio is None:
        return False
    if now.distance is None:
        return was.distance is not None or now.ratio < was.ratio
    if was.distance is None:
        return False
    return now.distance > was.distance or now.ratio < was.ratio


def _struck(
    state: SubjectState, instrument: str, at: datetime, limits: GuardLimits
) -> SubjectState:
    strikes = state.strikes.get(instrument, 0) + 1
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
    distance = "none" if measure.distance is None else plain(round(measure.distance, 4))
    ratio = "unknown" if measure.ratio is None else plain(round(measure.ratio, 4))
    return f"ratio {ratio} at distance {distance}"
