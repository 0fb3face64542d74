"""``gnomon risk forecast``: how likely, and how soon, each account reaches its levels.

Pure: documents, closes and what is known to come in, one answer out. Beside each
probability stands its score, so that nobody takes it for more than it is worth. A
coin without history leaves null and the reason. Decides nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import inf
from typing import Final

from bot.domain.money import plain
from bot.guard.limits import GuardLimits
from bot.report.answers import Answer, Json, number
from bot.report.documents import Documents
from bot.report.forecast_known import Known, Window, drifts_of, read_known
from bot.report.subject_terms import Subject, subjects_of
from bot.risk.blackout import STRESS_MOVE
from bot.risk.forecast import HORIZONS_H, Forecast, Reach, SubjectForecast, forecast
from bot.risk.forecast_scored import SKILL
from bot.risk.forecast_trust import PROVENANCE, trust_of
from bot.risk.hourly_closes import HourlyCloses
from bot.risk.outlook import fitting
from bot.risk.path_levels import Drift
from bot.risk.scenarios import ROWS_MIN, Model
from bot.risk.terms import Terms

__all__ = ["Past", "forecast_answer"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SEED: Final = 20_250_101
_NO_HISTORY: Final = (
    "No price history of {} reaches the hour before the forecast with at least "
    f"{ROWS_MIN} hourly returns; give it with --history."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """Hourly closes up to now, and where they are from."""

    closes: HourlyCloses = field(default_factory=HourlyCloses)
    source: str = "none"

    @property
    def at(self) -> datetime:
        """The end of the last hour."""
        return _EPOCH + self.closes.hour * timedelta(hours=1)


def forecast_answer(
    documents: Documents, past: Past, given: Known, model: Model, at: datetime
) -> Answer:
    """The forecast of every account of a file.

    Args:
        documents: The account; its marks are the prices of now.
        past: What the paths are drawn from; it ends at ``at``.
        given: What is known to come, over what the documents say.
        model: How the past becomes paths.
        at: Now.

    Raises:
        UsageError: What is known to come lies in the past.

    Example:
        >>> from bot.report.documents import read_documents
        >>> nothing = read_documents("{}", "nothing")
        >>> answer = forecast_answer(nothing, Past(), Known(), Model(), _EPOCH)
        >>> answer["subjects"], answer["any_liquidation"]
        ({}, None)
    """
    known = read_known(documents, given, at)
    subjects = subjects_of(documents)
    drifts = drifts_of(documents, subjects, known, at)
    asked = [subject.terms for subject in subjects if subject.terms is not None]
    coins = sorted({coin for terms in asked for coin in terms.coins})
    used = fitting(model, max(HORIZONS_H), len(coins))
    history = past.closes.history(coins)
    found = forecast(asked, history, drifts=drifts, model=used, seed=_SEED)
    is_whole = bool(asked) and len(asked) == len(subjects)
    return {
        "at": _time(at),
        "horizons_h": [*HORIZONS_H],
        "history": _history(past, found, coins),
        "model": _model(used),
        "score": {"of": PROVENANCE, "brier_skill": _skills()},
        "subjects": {
            subject.name: _subject(subject, found, drifts, at) for subject in subjects
        },
        "any_liquidation": _any(found) if is_whole else None,
        "guard": None if known.limits is None else _guard(known.limits, found),
        "blackouts": [
            _blackout(window, asked, past.closes) for window in known.blackouts
        ],
    }


def _time(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _number(value: float | None) -> str | None:
    """A float as the shortest text that is read back as the same."""
    return None if value is None else number(Decimal(repr(value)))


def _history(past: Past, found: Forecast, coins: list[str]) -> Answer:
    listed: list[Json] = [coin for coin in coins if coin in past.closes.coins]
    return {"source": past.source, "coins": listed, "stretches": found.rows}


def _model(model: Model) -> Answer:
    return {
        "paths": model.paths,
        "half_life_h": _number(model.half_life_h),
        "block_h": model.block_h,
        "seed": _SEED,
    }


def _skills() -> Answer:
    return {
        str(hours): {
            "skill": _number(skill),
            "low": _number(low),
            "high": _number(high),
            "of_ewma_normal": _number(rival),
        }
        for hours, (skill, low, high, rival) in SKILL.items()
    }


def _subject(
    subject: Subject, found: Forecast, drifts: Mapping[str, Drift], at: datetime
) -> Answer:
    if subject.terms is None:
        unknown: Answer = {plain(level): None for level in subject.levels}
        return {"levels": unknown, "known": None, "reason": subject.reason}
    own = found.of(subject.name)
    answer: Answer = {
        "levels": {plain(level): _level(own, float(level)) for level in _told(subject)},
        "known": _drift(drifts[subject.name], at),
    }
    if own is not None and own.missing:
        answer["reason"] = _NO_HISTORY.format(", ".join(own.missing))
    return answer


def _told(subject: Subject) -> tuple[Decimal, ...]:
    """The levels of the subject that its terms hold: the warning and the last one."""
    return tuple(dict.fromkeys((subject.levels[0], subject.levels[-1])))


def _level(own: SubjectForecast | None, level: float) -> Json:
    reach = None if own is None else own.at(level)
    if reach is None:
        return None
    return {
        "probability": {
            str(hours): {"value": _number(likely), "score": _score(likely, hours)}
            for hours, likely in reach.probability.items()
        },
        **_times(reach),
    }


def _times(reach: Reach) -> Answer:
    """When it happens if it does; null where it does not within the last horizon."""
    return {"median_h": _number(reach.median_h), "mean_h": _number(reach.mean_h)}


def _score(likely: float, hours: int) -> Answer:
    trust = trust_of(likely, hours)
    return {
        "brier_skill": _number(trust.skill),
        "bin": [_number(trust.low), _number(trust.high)],
        "said": _number(trust.said),
        "came": _number(trust.came),
        "forecasts": trust.forecasts,
    }


def _drift(drift: Drift, at: datetime) -> Answer:
    hour = timedelta(hours=1)
    return {
        "interest_per_h": _number(drift.requirement_per_h),
        "fundings": [
            {"at": _time(at + each.after_h * hour), "amount": _number(each.margin)}
            for each in drift.booked
        ],
        "delistings": [_time(at + each.after_h * hour) for each in drift.shifts],
    }


def _guard(limits: GuardLimits, found: Forecast) -> Answer:
    """The accounts that are likelier liquidated than the guard allows.

    Told by the forecast horizon that is no shorter than the guard's, the longest of
    them where all are shorter.
    """
    asked = float(limits.horizon_h)
    hours = next((h for h in HORIZONS_H if h >= asked), HORIZONS_H[-1])
    limit = float(limits.max_liquidation_probability)
    over: Answer = {}
    for each in found.subjects:
        last = each.reaches[-1] if each.reaches else None
        over[each.subject] = None if last is None else last.probability[hours] > limit
    return {
        "max_liquidation_probability": number(limits.max_liquidation_probability),
        "horizon_h": hours,
        "is_over": over,
    }


def _any(found: Forecast) -> Json:
    """The chance that any account is liquidated; it has no score of its own."""
    if found.any_liquidation is None:
        return None
    return {str(h): _number(likely) for h, likely in found.any_liquidation.items()}


def _blackout(window: Window, asked: list[Terms], closes: HourlyCloses) -> Answer:
    """Each account after the move that it must stand before a window without us."""
    return {
        "start": _time(window.start),
        "end": _time(window.end),
        "stressed": {terms.subject: _stressed(terms, closes) for terms in asked},
    }


def _stressed(terms: Terms, closes: HourlyCloses) -> Answer:
    worst = max((closes.worst_hour(coin) or 0.0 for coin in terms.coins), default=0.0)
    move = max(float(STRESS_MOVE), worst)
    ratios = [
        terms.ratio(dict.fromkeys(terms.coins, max(1.0 + way, 0.0)))
        for way in (-move, move)
    ]
    ratio = max(ratios)
    return {
        "move": _number(move),
        "ratio": "Infinity" if ratio == inf else _number(ratio),
        "is_under_warning": ratio < terms.warning,
    }
