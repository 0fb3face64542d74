"""What the account's own results say about how large new risk may be.

Gains count in steps that were held for some hours; a run of wins or a drawdown cuts
the scale at once, and calm days give it back slowly. ``advanced`` is a pure step from
one look at the equity to the next; the whole state fits into one row of the journal,
so that a restart goes on where it was. Nothing here reads a clock or decides.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Final

from bot.domain.entries import Noted
from bot.domain.money import ONE, ZERO, plain
from bot.domain.room import Factor
from bot.guard.size_limits import SizingLimits

__all__ = [
    "SIZING",
    "Results",
    "advanced",
    "recalled",
    "results_factor",
    "results_note",
    "shifted",
]

SIZING: Final = "sizing"
"""The topic of the rows that keep this state."""

_HOUR: Final = timedelta(hours=1)
_DAY_S: Final = Decimal(86_400)
_DIGITS: Final = Decimal("0.001")
_STEPS_MAX: Final = 100
"""Gains are credited at most so many steps at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """How the equity went. Amounts in USDT.

    ``credited`` is the gain step that counts; ``above_since`` and ``above_low`` are
    since when the next one is passed, and the least since then. ``days`` is UTC date
    to its lowest and highest equity, of the newest days. ``scale`` is what wins and
    losses have left, ``cause`` what cut it last.
    """

    seen_at: datetime | None = None
    credited: Decimal | None = None
    above_since: datetime | None = None
    above_low: Decimal | None = None
    days: Mapping[date, tuple[Decimal, Decimal]] = field(default_factory=dict)
    scale: Decimal = ONE
    cause: str = ""

    def is_due(self, at: datetime) -> bool:
        """Whether the equity is to be looked at again: once in an hour."""
        seen = self.seen_at
        return seen is None or at - seen >= _HOUR or at.hour != seen.hour


def advanced(
    was: Results, at: datetime, equity: Decimal, limits: SizingLimits
) -> Results:
    """The state after a look at the equity.

    Example:
        A fall of an eighth halves the scale at once; when the week of it is over, a day
        gives back a twentieth.

        >>> from datetime import UTC
        >>> start, limits = datetime(2025, 1, 1, tzinfo=UTC), SizingLimits()
        >>> found = advanced(Results(), start, Decimal(100), limits)
        >>> found = advanced(found, start + _HOUR, Decimal("87.5"), limits)
        >>> found.scale, found.cause
        (Decimal('0.5'), 'a drawdown of 12.5 % within 7 days')
        >>> for hour in range(2, 8 * 24):
        ...     found = advanced(found, start + _HOUR * hour, Decimal(88), limits)
        >>> round(found.scale, 4)
        Decimal('0.5500')
    """
    days = _days(was.days, at, equity, limits.results_days)
    cut, cause = _cut(days, equity, limits)
    scale = was.scale
    if cut is None:
        scale = min(ONE, scale + _raised(was.seen_at, at, limits.raise_per_day))
    elif cut < scale:
        scale = cut
    else:
        cause = was.cause
    credited, since, low = _credited(was, at, equity, limits)
    return Results(
        seen_at=at,
        credited=credited,
        above_since=since,
        above_low=low,
        days=days,
        scale=scale,
        cause="" if scale == ONE else cause or was.cause,
    )


def _days(
    was: Mapping[date, tuple[Decimal, Decimal]],
    at: datetime,
    equity: Decimal,
    kept: int,
) -> dict[date, tuple[Decimal, Decimal]]:
    """The lowest and highest equity by day, of the newest days."""
    today = at.date()
    first = today - timedelta(days=kept - 1)
    found = {day: ends for day, ends in was.items() if first <= day <= today}
    low, high = found.get(today, (equity, equity))
    found[today] = (min(low, equity), max(high, equity))
    return found


def _cut(
    days: Mapping[date, tuple[Decimal, Decimal]],
    equity: Decimal,
    limits: SizingLimits,
) -> tuple[Decimal | None, str]:
    """To what the results of the newest days cut the scale, and why; None is calm."""
    low = min(ends[0] for ends in days.values())
    high = max(ends[1] for ends in days.values())
    within = f"within {limits.results_days} days"
    found: list[tuple[Decimal, str]] = []
    if high > 0 and high - equity >= limits.drawdown * high:
        lost = (high - equity) / high * 100
        told = f"a drawdown of {lost:.1f} % {within}"
        found.append((limits.drawdown_scale, told))
    if low > 0 and equity - low >= limits.win_gain * low:
        won = (equity - low) / low * 100
        found.append((limits.win_scale, f"a gain of {won:.1f} % {within}"))
    return min(found, default=(None, ""), key=lambda each: each[0])


def _raised(seen_at: datetime | None, at: datetime, a_day: Decimal) -> Decimal:
    """What the time since the last look gives back; what nobody saw was not calm."""
    if seen_at is None or at <= seen_at:
        return ZERO
    seconds = int(min(at - seen_at, _HOUR).total_seconds())
    return a_day * Decimal(seconds) / _DAY_S


def _credited(
    was: Results, at: datetime, equity: Decimal, limits: SizingLimits
) -> tuple[Decimal, datetime | None, Decimal | None]:
    """The step that counts, and since when the next one is passed."""
    if was.credited is None or was.credited <= 0:
        return equity, None, None
    step = ONE + limits.gain_step
    if equity < was.credited * step:
        return was.credited, None, None
    if was.above_since is None or was.above_low is None:
        return was.credited, at, equity
    low = min(was.above_low, equity)
    hold = timedelta(seconds=float(limits.gain_hold_h * 3600))
    if at - was.above_since < hold:
        return was.credited, was.above_since, low
    credited = was.credited
    for _ in range(_STEPS_MAX):
        if credited * step > low:
            break
        credited *= step
    return credited, None, None


def shifted(was: Results, equity_before: Decimal, paid_in: Decimal) -> Results:
    """After money came from outside or left: neither a gain nor a loss.

    Args:
        was: The state.
        equity_before: USDT before it.
        paid_in: USDT that came; negative is what left.

    Example:
        >>> half = shifted(Results(credited=Decimal(100)), Decimal(120), Decimal(-60))
        >>> half.credited
        Decimal('50.0')
    """
    if equity_before <= 0 or equity_before + paid_in <= 0:
        return Results()
    times = (equity_before + paid_in) / equity_before
    return replace(
        was,
        credited=None if was.credited is None else was.credited * times,
        above_low=None if was.above_low is None else was.above_low * times,
        days={d: (low * times, high * times) for d, (low, high) in was.days.items()},
    )


def results_factor(results: Results) -> Factor:
    """What wins and losses have left of the scale.

    Example:
        >>> results_factor(Results()).value
        Decimal('1.000')
    """
    reason = results.cause or "no run of wins and no drawdown"
    value = max(results.scale.quantize(_DIGITS, ROUND_DOWN), ZERO)
    return Factor(name="results", value=value, reason=reason)


def results_note(results: Results, equity: Decimal) -> Noted:
    """The row that keeps the state; ``recalled`` reads it back, digit by digit."""
    told = f"{results.credited:.2f} of {equity:.2f} USDT count for sizing"
    if results.scale < ONE:
        told += f", results scale new risk to {results.scale:.3f}: {results.cause}"
    since, low = results.above_since, results.above_low
    return Noted(
        topic=SIZING,
        text=told,
        inputs={
            "seen_at": "" if results.seen_at is None else results.seen_at.isoformat(),
            "equity_usdt": plain(equity),
            "credited_usdt": str(results.credited),
            "above_since": "" if since is None else since.isoformat(),
            "above_low_usdt": "" if low is None else str(low),
            "days": " ".join(
                f"{day.isoformat()}/{low}/{high}"
                for day, (low, high) in sorted(results.days.items())
            ),
            "scale": str(results.scale),
            "cause": results.cause,
        },
    )


def recalled(inputs: Mapping[str, str]) -> Results:
    """The state of a row.

    Raises:
        KeyError, ValueError, ArithmeticError: It is not a row of ``results_note``.

    Example:
        >>> from datetime import UTC
        >>> found = advanced(Results(), datetime(2025, 1, 1, tzinfo=UTC), Decimal(7),
        ...     SizingLimits())
        >>> recalled(results_note(found, Decimal(7)).inputs) == found
        True
    """
    days: dict[date, tuple[Decimal, Decimal]] = {}
    for each in inputs["days"].split():
        day, low, high = each.split("/")
        days[date.fromisoformat(day)] = (Decimal(low), Decimal(high))
    since, least = inputs["above_since"], inputs["above_low_usdt"]
    return Results(
        seen_at=datetime.fromisoformat(inputs["seen_at"]),
        credited=Decimal(inputs["credited_usdt"]),
        above_since=datetime.fromisoformat(since) if since else None,
        above_low=Decimal(least) if least else None,
        days=days,
        scale=Decimal(inputs["scale"]),
        cause=inputs["cause"],
    )
