"""A forecast for people: each account and level, with what came of such numbers.

Probabilities are rounded up. Nothing here is read back by the program.
"""

from collections.abc import Iterator
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.report import figures
from bot.report.answers import Answer, Json
from bot.report.outlook_view import percent

__all__ = ["forecast_view"]

_HOURS: Final = ("1", "8", "24")


def forecast_view(answer: Answer) -> RenderableType:
    """The table, the chance of any liquidation, the score and what is not known."""
    return Group(
        _table(_object(answer["subjects"])),
        *(Text(figures.clean(line)) for line in _lines(answer)),
        *(Text(figures.clean(line), style="yellow") for line in _gaps(answer)),
    )


def _table(subjects: Answer) -> Table:
    table = Table(
        title="How likely each level is reached if nobody acts",
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("account", overflow="fold")
    for name in ("level", *(f"in {h} h" for h in _HOURS), "such came in 24 h"):
        table.add_column(name, justify="right", overflow="fold")
    table.add_column("if so, after", justify="right", overflow="fold")
    for name, subject in subjects.items():
        for level, item in _object(_object(subject)["levels"]).items():
            table.add_row(figures.clean(name), level, *_cells(_object(item)))
    return table


def _cells(item: Answer) -> list[str]:
    if not item:
        return [figures.UNKNOWN] * (len(_HOURS) + 1) + [figures.DASH]
    likely = _object(item["probability"])
    values = [_share(_object(likely[hours])["value"]) for hours in _HOURS]
    score = _object(_object(likely[_HOURS[-1]])["score"])
    came = f"{_share(score['came'])} of {score['forecasts']}"
    half = item["median_h"]
    after = f"{float(half):.1f} h" if isinstance(half, str) else figures.DASH
    return [*values, came, after]


def _share(value: Json) -> str:
    return percent(float(value)) if isinstance(value, str) else figures.UNKNOWN


def _lines(answer: Answer) -> Iterator[str]:
    total = _object(answer["any_liquidation"])
    if total:
        told = ", ".join(f"{_share(total[h])} in {h} h" for h in _HOURS)
        yield f"Any liquidation: {told}."
    score = _object(answer["score"])
    skill = _object(_object(score["brier_skill"])["24"])
    yield (
        f"Brier skill in 24 h {skill['skill']} ({skill['low']} to {skill['high']}); "
        f"0 is the usual rate. Scored on {score['of']}."
    )
    blackouts = answer["blackouts"]
    for each in blackouts if isinstance(blackouts, list) else ():
        yield from _blackout(_object(each))


def _blackout(window: Answer) -> Iterator[str]:
    for name, item in _object(window["stressed"]).items():
        found = _object(item)
        verdict = "stands" if found["is_under_warning"] else "does not stand"
        yield (
            f"From {window['start']} to {window['end']} {name} {verdict} a move of "
            f"{_share(found['move'])}: its ratio would be {found['ratio']}."
        )


def _gaps(answer: Answer) -> Iterator[str]:
    for name, subject in _object(answer["subjects"]).items():
        reason = _object(subject).get("reason")
        if reason:
            yield f"{name}: {reason}"


def _object(value: Json) -> Answer:
    return value if isinstance(value, dict) else {}
