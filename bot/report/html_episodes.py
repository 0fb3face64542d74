"""The part of the HTML report that looks back: each episode of the guard, left out.

Prints what ``episodes`` found, one row an episode, and the sums. This module must not
open a file, and must not decide what is good or bad.
"""

from decimal import Decimal

from bot.report import figures
from bot.report.episodes import Episode
from bot.report.episodes_view import episode_sentence
from bot.report.html_parts import Column, Markup, join, paragraph, table, text
from bot.report.run_report import RunReport

__all__ = ["episode_table"]


def episode_table(report: RunReport) -> Markup:
    """What would have happened without each cure; nothing where there was none."""
    if not report.episodes:
        return Markup("")
    columns = [
        Column(title="Began, UTC", style="when"),
        Column(title="Without it", style="wide"),
        Column(title="Fees", style="num"),
        Column(title="Slippage", style="num"),
        Column(title="Carry", style="num"),
        Column(title="Price", style="num"),
        Column(title="Worth, USDT", style="num"),
        Column(title="Explain", style="id"),
    ]
    rows = [_row(each) for each in report.episodes]
    caption = "What would have happened without each cure, on the later marks."
    sums = [paragraph(sentence) for sentence in report.episode_sums]
    return join([table(caption, columns, rows), *sums])


def _row(episode: Episode) -> list[Markup]:
    costs = episode.costs
    told = episode_sentence(episode)
    if not episode.is_counted:
        told += " Counted with the cure before it."
    parts = [_part(costs.get(n)) for n in ("fees", "slippage", "carry", "price")]
    return [
        text(figures.moment(episode.begun_at)),
        text(told),
        *parts,
        _part(episode.worth),
        Markup(f"<code>{text(episode.decision_id)}</code>"),
    ]


def _part(value: Decimal | None) -> Markup:
    return text(figures.DASH if value is None else figures.usdt(value, signed=True))
