"""What protects an account while nobody is there, as a table for people.

It draws a ``Protection`` and computes nothing.
"""

from decimal import Decimal

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.domain.money import plain
from bot.report.protection import PartAccount, Protection, RestingStop
from bot.report.protection_orders import order_sentence

__all__ = ["protection_view"]

_COLUMNS = ("stop", "account", "size", "goes off at", "from the mark", "protects")


def protection_view(found: Protection) -> RenderableType:
    """The stops that rest, and below them what nothing protects."""
    parts: list[RenderableType] = [Text("While the process is down:", style="bold")]
    parts.append(_stops(found))
    for bare in found.unprotected:
        end = "" if bare.move is None else f", a move of {_percent(bare.move)} ends it"
        sentence = f"Not protected: {bare.subject}{end}: {bare.reason}."
        parts.append(Text(sentence, style="yellow"))
    for part in found.partly:
        head = f"Protected in part: {part.subject}, {_ends(part)}. It lacks:"
        parts.append(Text(head, style="yellow"))
        parts += [Text(f"  {told}", style="yellow") for told in part.lacks]
    parts += [Text(order_sentence(each), style="yellow") for each in found.orders]
    if found.stops:
        parts.append(Text("A stop is counted as filled in full, whatever the book."))
    if not found.unprotected and not found.partly:
        word = "Everything that" if found.protected else "Nothing"
        rest = " is protected." if found.protected else "."
        parts.append(Text(f"{word} a move of prices can liquidate{rest}"))
    return Group(*parts)


def _stops(found: Protection) -> RenderableType:
    """The stops that rest, as a table."""
    if not found.stops:
        return Text("No stop rests at the exchange.")
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for title in _COLUMNS:
        table.add_column(title, overflow="fold")
    for each in found.stops:
        table.add_row(*_row(each))
    return table


def _ends(part: PartAccount) -> str:
    """Which move ends an account, with its stops and without."""
    worst = part.worst
    without = f"a move of {_percent(worst.edge)} ends it without stops"
    if worst.end is None:
        return f"{without}, none with them"
    return f"{without}, {_percent(worst.end)} with them"


def _row(resting: RestingStop) -> tuple[str, ...]:
    stop = resting.stop
    whose = "" if resting.is_ours else " (not ours)"
    way = "above" if stop.is_up else "below"
    return (
        f"{stop.side} {stop.symbol}{whose}",
        stop.account,
        plain(stop.qty) if stop.qty else "all of it",
        f"{way} {plain(stop.stop_price)}",
        "unknown" if resting.move is None else _percent(resting.move),
        ", ".join(resting.protects) or _other(resting),
    )


def _other(resting: RestingStop) -> str:
    return "the other leg of a pair" if resting.is_ours else "nothing that is measured"


def _percent(move: Decimal) -> str:
    """A move for a sentence.

    Example:
        >>> _percent(Decimal("-0.1489"))
        '-14.9 %'
    """
    return f"{move * 100:+.1f} %"
