"""What a person is told while an account's marks are old: the range and the age.

It reads ``bot.risk.freshness`` and says it in words; it must not decide anything.
"""

from collections.abc import Iterable
from datetime import timedelta

from bot.report import figures
from bot.report.wording import ratio_word, subject_title
from bot.risk.aged import Aged, Staleness
from bot.risk.freshness import first_aging, interval_of
from bot.risk.lines import lines_of
from bot.risk.measure import SubjectMeasure
from bot.shadow.state import Shadow

__all__ = ["age_notices"]


def age_notices(
    shadow: Shadow, measures: Iterable[SubjectMeasure], cadence: timedelta
) -> list[str]:
    """A sentence for each account of which a mark is not fresh.

    Args:
        shadow: The account and the market.
        measures: Its exact numbers at the last known marks.
        cadence: How often a mark should come.

    Example:
        >>> from bot.domain.instruments import Rules
        >>> from bot.shadow.state import empty_shadow
        >>> age_notices(empty_shadow(Rules()), (), timedelta(seconds=1))
        []
    """
    since = first_aging(shadow, cadence, Staleness.STALE)
    if since is None or since >= shadow.at:
        return []
    lines = {line.subject: line for line in lines_of(shadow)}
    told: list[str] = []
    for measure in measures:
        line = lines.get(measure.subject)
        aged = None if line is None else interval_of(shadow, line, measure, cadence)
        if aged is not None:
            told.append(_sentence(measure.subject, aged))
    return told


def _sentence(subject: str, aged: Aged) -> str:
    word = ratio_word(subject)
    low, high = figures.ratio(aged.ratio_low), figures.ratio(aged.ratio_high)
    acts = "the guard judges the worst" if aged.staleness >= Staleness.AGED else ""
    rest = f"; {acts}" if acts else "; new risk waits"
    return f"{subject_title(subject)}: {word} {low} to {high}, {aged.words}{rest}"
