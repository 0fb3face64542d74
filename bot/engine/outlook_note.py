"""One look ahead as a row of the journal: a sentence and its numbers as text.

Rounded to what the forecast is worth, so that the last bits of a float are no part
of a row. Unknown is said, never left out. Decides nothing.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from bot.domain.entries import Noted
from bot.guard.foresight import Foresight
from bot.risk.blackout import Blackout
from bot.risk.forecast_trust import trust_of
from bot.risk.outlook import AccountOutlook, Outlook

__all__ = ["OUTLOOK", "outlook_note"]

OUTLOOK: Final = "outlook"
"""The topic of what lies ahead of the accounts."""


def outlook_note(
    found: Outlook,
    foresight: Foresight,
    unknown: Mapping[str, tuple[str, ...]],
    coming: Blackout | None,
) -> Noted:
    """The row of one look.

    Args:
        found: The look.
        foresight: What the guard takes from it.
        unknown: Subjects without terms, and why.
        coming: A blackout that is being prepared for.
    """
    sentences = [_sentence(each, found.horizon_h) for each in found.accounts]
    sentences += [f"{name} unknown: {'; '.join(why)}" for name, why in unknown.items()]
    inputs = {"paths": str(found.paths), "hours_of_history": str(found.rows)}
    if coming is not None:
        sentences.append(f"preparing for the blackout of {coming.start.isoformat()}")
    for each in found.accounts:
        inputs |= {f"{each.subject} {key}": text for key, text in _numbers(each)}
        needed = foresight.needed.get(each.subject)
        if needed is not None:
            inputs[f"{each.subject} needed_distance"] = str(needed)
    for name, distance in foresight.stress.items():
        inputs[f"{name} blackout_distance"] = str(distance)
    for name, distance in foresight.shut_in.items():
        inputs[f"{name} slow_exit_distance"] = str(distance)
    return Noted(
        topic=OUTLOOK, text="; ".join(sentences) or "nothing at risk", inputs=inputs
    )


def _sentence(found: AccountOutlook, horizon_h: int) -> str:
    if found.missing:
        coins = ", ".join(found.missing)
        return f"{found.subject} has no forecast: too little history of {coins}"
    likely = found.probability[horizon_h]
    told = (
        f"{found.subject} liquidated within {horizon_h} h at {_percent(likely)} "
        f"({trust_of(likely, horizon_h).sentence})"
    )
    if found.shock is not None and found.shock.leading is not None:
        told += (
            f", the likeliest shock {found.shock.length_sd:.1f} deviations of a day, "
            f"led by {found.shock.leading}"
        )
    return told if found.bets is None else f"{told}, {found.bets:.1f} independent bets"


def _numbers(found: AccountOutlook) -> Iterator[tuple[str, str]]:
    for hours, likely in found.probability.items():
        yield f"p_{hours}h", f"{likely:.4f}"
    if found.missing:
        yield "no_history_of", ",".join(found.missing)
    if found.shock is not None:
        yield "shock_sd", f"{found.shock.length_sd:.2f}"
        yield "led_by", found.shock.leading or "none"
    if found.bets is not None:
        yield "independent_bets", f"{found.bets:.2f}"


def _percent(fraction: float) -> str:
    """A probability for a sentence.

    Example:
        >>> _percent(0.0123), _percent(0.00004)
        ('1.2 %', 'under 0.1 %')
    """
    return "under 0.1 %" if fraction < 0.001 else f"{fraction * 100:.1f} %"  # noqa: PLR2004 - one digit of a percentage
