"""Episodes of the guard for people and machines: an object, tables, sentences.

Amounts are USDT, rounded for reading in tables and never in the object. Nothing here
decides anything.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.domain.money import plain
from bot.report import figures
from bot.report.episodes import Episode, EpisodeStep, EpisodeTotals
from bot.report.wording import subject_title

__all__ = [
    "episode_document",
    "episode_sentence",
    "episodes_document",
    "episodes_view",
    "totals_sentences",
]


def episodes_document(
    journal: str, episodes: Sequence[Episode], totals: EpisodeTotals
) -> dict[str, object]:
    """The machine's form of the whole report."""
    return {
        "journal": journal,
        "episodes": [episode_document(each) for each in episodes],
        "totals": {
            "counts": dict(totals.counts),
            "saved_usdt": plain(totals.saved),
            "too_early_usdt": plain(totals.too_early),
            "others_usdt": plain(totals.others),
            "unknown": totals.unknown,
            "months": plain(totals.months),
            "too_early_usdt_a_month": _number(totals.too_early_a_month),
        },
    }


def episode_document(episode: Episode) -> dict[str, object]:
    """One episode; numbers as plain text, null where they are not known."""
    return {
        "decision_id": episode.decision_id,
        "subject": episode.subject,
        "begun_at": _time(episode.begun_at),
        "ended_at": _time(episode.ended_at),
        "trigger": episode.trigger,
        "before": _numbers(episode.before),
        "after": _numbers(episode.after),
        "steps": [_step(step) for step in episode.steps],
        "outcome": episode.outcome,
        "reason": episode.reason,
        "decided_at": _time(episode.decided_at),
        "liquidated_at": _time(episode.liquidated_at),
        "nearest_distance": _number(episode.nearest),
        "nearest_at": _time(episode.nearest_at),
        "marks": _numbers(episode.marks),
        "cost": _numbers(episode.costs),
        "difference_usdt": _number(episode.difference),
        "loss_avoided_usdt": _number(episode.loss),
        "worth_usdt": _number(episode.worth),
        "is_counted": episode.is_counted,
    }


def _step(step: EpisodeStep) -> dict[str, object]:
    return {
        "at": _time(step.at),
        "intent_id": step.intent_id,
        "what": step.what,
        "outcome": step.outcome,
    }


def _numbers(values: Mapping[str, Decimal]) -> dict[str, str]:
    return {name: plain(value) for name, value in values.items()}


def _number(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")


# -- for people ---------------------------------------------------------------


def episode_sentence(episode: Episode) -> str:
    """What would have happened without an episode, and that it was in vain if so."""
    told = _without(episode)
    if episode.liquidated_at is None:
        return told
    return f"{told} The account was liquidated {_moment(episode.liquidated_at)}."


def _without(episode: Episode) -> str:
    name = subject_title(episode.subject)
    near = figures.distance(episode.nearest)
    if episode.nearest is None:
        near = "any move"
    match episode.outcome:
        case "saved":
            loss, at = figures.usdt(episode.loss), _moment(episode.decided_at)
            return (
                f"Without it {name} would have been liquidated {at}, with {loss} USDT "
                f"lost; {_worth(episode)}."
            )
        case "too early":
            stayed = f"Without it {name} stayed {near} from liquidation"
            return f"{stayed}; {_worth(episode)}."
        case "useful":
            came = f"Without it {name} came within {near} of liquidation"
            return f"{came}; {_worth(episode)}."
        case "unclear":
            return f"What would have happened is unclear. {episode.reason}".strip()
        case _:
            told = f"Not decided: {episode.reason}"
            return f"{told}; so far {near} from liquidation at the nearest."


def _worth(episode: Episode) -> str:
    """What it was worth, in words that carry the sign."""
    worth = episode.worth
    if worth is None:
        return "what it was worth is not known"
    word = "it gained" if worth >= 0 else "it cost"
    return f"{word} {figures.usdt(abs(worth))} USDT"


def _moment(at: datetime | None) -> str:
    return "at an unknown time" if at is None else f"at {figures.moment(at)}"


def totals_sentences(totals: EpisodeTotals) -> list[str]:
    """The sums in sentences, those that are zero left out."""
    counts = totals.counts
    told = [f"{count} {word}" for word, count in counts.items() if count]
    sentences = [f"Episodes: {', '.join(told) or 'none'}."]
    if counts.get("saved"):
        saved = figures.usdt(totals.saved)
        sentences.append(
            f"Liquidations prevented: {saved} USDT at the moments they would have "
            "come; what the market did with it afterwards is not in it."
        )
    if counts.get("too early"):
        a_month = figures.usdt(totals.too_early_a_month)
        cost = figures.usdt(totals.too_early)
        sentences.append(f"Acted too early: {cost} USDT, {a_month} USDT a month.")
    return sentences


def episodes_view(episodes: Sequence[Episode], totals: EpisodeTotals) -> RenderableType:
    """The report for a terminal: one block an episode, the sums below."""
    if not episodes:
        return Text("The guard has not acted in this journal.")
    blocks = [part for each in episodes for part in _block(each)]
    return Group(*blocks, *(Text(line) for line in totals_sentences(totals)))


def _block(episode: Episode) -> list[RenderableType]:
    title = f"{episode.decision_id}  {subject_title(episode.subject)}"
    lines: list[RenderableType] = [
        Text(f"{title}, {figures.moment(episode.begun_at)}", style="bold"),
        Text(f"  because {figures.clean(episode.trigger)}"),
        Text(f"  {_before_after(episode)}"),
        Text(f"  {episode_sentence(episode)}"),
    ]
    if not episode.is_counted:
        lines.append(Text("  Counted with the episode before it.", style="dim"))
    if episode.costs:
        lines.append(Text(f"  {_costs(episode.costs)}", style="dim"))
    if episode.steps:
        lines.append(_steps(episode.steps))
    return [*lines, Text("")]


def _before_after(episode: Episode) -> str:
    was, now = episode.before, episode.after
    ended = "still acting" if episode.ended_at is None else "after"
    parts = [f"ratio {figures.banded(was.get('ratio'))}"]
    if now:
        parts.append(f"{ended} {figures.banded(now.get('ratio'))}")
    if "distance" in was:
        parts.append(f"distance {figures.distance(was['distance'])}")
    if "distance" in now:
        parts.append(f"{ended} {figures.distance(now['distance'])}")
    return ", ".join(parts)


def _costs(costs: Mapping[str, Decimal]) -> str:
    parts = (f"{name} {figures.usdt(each)}" for name, each in costs.items())
    return f"in USDT: {', '.join(parts)}"


def _steps(steps: Sequence[EpisodeStep]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for title in ("at", "request", "", "outcome"):
        table.add_column(title, overflow="fold")
    for step in steps:
        at = figures.moment(step.at)
        table.add_row(at, step.intent_id, figures.clean(step.what), step.outcome)
    return table
