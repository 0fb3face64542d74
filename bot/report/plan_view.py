"""A plan for people: what to do, in order, and where each step leads.

The numbers of the answer, rounded to the careful side for reading; nothing here is
read back by the program.
"""

from collections.abc import Iterator
from decimal import Decimal

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.report import figures
from bot.report.answers import Answer, Json

__all__ = ["plan_view"]


def plan_view(answer: Answer) -> RenderableType:
    """Every plan, then the accounts that need none, then what was assumed."""
    parts: list[RenderableType] = []
    for plan in _objects(answer["plans"]):
        parts += [*_head(plan), *([_steps(plan)] if plan["steps"] else [])]
    parts += [Text(line) for line in _others(answer)]
    if not answer["plans"]:
        parts.append(Text("No account is under its thresholds: nothing to do."))
    notes = [str(each) for each in _list(answer["assumed"])]
    notes += [str(each["reason"]) for each in _objects(answer["missing"])]
    parts += [Text(figures.clean(line), style="yellow") for line in notes]
    return Group(*parts, Text("Nothing was sent.", style="bold"))


def _head(plan: Answer) -> Iterator[Text]:
    before, after = _object(plan["before"]), plan["after"]
    cost = _object(plan["cost_usdt"])
    yield Text(figures.clean(f"{plan['subject']}: {plan['trigger']}"), style="bold")
    if after is None:
        word = "nothing is left to do" if plan["is_reached"] else "nothing can be done"
        yield Text(f"At {_place(before)}: {word}.")
        return
    reached = "reaches" if plan["is_reached"] else "does NOT reach"
    yield Text(
        f"From {_place(before)} to {_place(_object(after))}; "
        f"it {reached} the target of {_distance(plan['target_distance'])}. "
        f"Expected cost {figures.usdt(Decimal(str(cost['total'])))} USDT."
    )


def _steps(plan: Answer) -> Table:
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for name in ("", "step", "chunks", "cost USDT", "after it"):
        table.add_column(
            name, justify="left" if name in {"step", "after it"} else "right"
        )
    for step in _objects(plan["steps"]):
        after = [
            f"{name} {_place(_object(each))}"
            for name, each in _object(step["after"]).items()
        ]
        cost = Decimal(str(_object(step["cost_usdt"])["total"]))
        table.add_row(
            str(step["step"]),
            figures.clean(str(step["does"])),
            str(step["chunks"]),
            figures.usdt(cost),
            figures.clean("; ".join(after)),
        )
    return table


def _others(answer: Answer) -> Iterator[str]:
    for each in _objects(answer["safe"]):
        yield figures.clean(f"{each['subject']} needs nothing: {_place(each)}.")
    for each in _objects(answer["unknown"]):
        reasons = "; ".join(str(reason) for reason in _list(each["reasons"]))
        yield figures.clean(f"{each['subject']} is unknown: {reasons}.")


def _place(numbers: Answer) -> str:
    """Ratio and distance in words.

    Example:
        >>> _place({"ratio": "0.5", "distance": None})
        'ratio 0.5000, no distance'
    """
    ratio = numbers["ratio"]
    said = "unknown" if ratio is None else f"{Decimal(str(ratio)):.4f}"
    if numbers["distance"] is None:
        return f"ratio {said}, no distance"
    return f"ratio {said}, distance {_distance(numbers['distance'])}"


def _distance(value: Json) -> str:
    return f"{Decimal(str(value)) * 100:.2f} %"


def _object(value: Json) -> Answer:
    if not isinstance(value, dict):
        raise TypeError("an object of the answer was expected")
    return value


def _list(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise TypeError("a list of the answer was expected")
    return value


def _objects(value: Json) -> list[Answer]:
    return [_object(each) for each in _list(value)]
