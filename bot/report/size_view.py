"""The largest size that there is room for, for people. Computes nothing."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.report.answers import Answer

__all__ = ["size_view"]

_NUMBERS = ("notional_usdt", "coins", "spot_qty", "perp_lots")


def size_view(answer: Answer) -> RenderableType:
    """The numbers, what binds and what scales them, and what was assumed."""
    title = f"{answer['coin']} {answer['legs']}, {answer['direction']}"
    table = Table(box=None, title=title, title_justify="left", show_header=False)
    for name in _NUMBERS:
        table.add_row(name, str(answer[name]))
    table.add_row("bound by", f"{answer['limit']}: {answer['sentence']}")
    table.add_row("scale", str(answer["scale"]))
    factors = answer["factors"]
    for each in factors if isinstance(factors, list) else []:
        if isinstance(each, dict):
            table.add_row(f"  {each['name']}", f"{each['value']} ({each['reason']})")
    said = answer["assumed"]
    notes = [Text(str(each), "dim") for each in said] if isinstance(said, list) else []
    return Group(table, *notes)
