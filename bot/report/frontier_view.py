"""A frontier for people: tables of the same numbers, rounded for reading.

Distances are rounded towards zero, never further away than they are; nothing here
is read back by the program.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.domain.money import ONE
from bot.report import figures
from bot.report.answers import Answer, Json

__all__ = ["frontier_view"]

_NONE: Final = "none"
_Row = tuple[str, str, Answer]


def frontier_view(answer: Answer) -> RenderableType:
    """Every account and threshold, then each coin of it, then what is not known."""
    rows = list(_rows(_object(answer["frontier"])))
    return Group(
        _ways_table(rows, _object(answer["covariance"])),
        _coins_table(rows),
        *(Text(line, style="yellow") for line in _notes(rows)),
        *(Text(line, style="yellow") for line in _taken(answer["missing"])),
    )


def _taken(missing: Json) -> Iterator[str]:
    """What was not given and taken for granted."""
    for each in missing if isinstance(missing, list) else []:
        yield figures.clean(str(_object(each)["reason"]))


def _rows(frontier: Answer) -> Iterator[_Row]:
    for account, levels in frontier.items():
        for level, item in _object(levels).items():
            yield figures.clean(account), level, _object(item)


def _ways_table(rows: list[_Row], covariance: Answer) -> Table:
    """All coins alike, by their betas where any are known, and the likeliest moves."""
    hours = covariance["horizon_h"]
    title = "Nearest ways to a level"
    if hours is not None:
        title += f"; sd of {hours} h"
    kinds = [("uniform", "all")]
    if any("reason" not in _object(item["beta_weighted"]) for *_, item in rows):
        kinds.append(("beta_weighted", "beta"))
    ways = [f"{words} {way}" for _, words in kinds for way in ("down", "up")]
    table = _table(title, "account", "level", *ways, "sd", "led by")
    for account, level, item in rows:
        shock = _object(item["shock"])
        cells = [
            _move(_object(item[kind]), way)
            for kind, _ in kinds
            for way in ("down", "up")
        ]
        table.add_row(account, level, *cells, _length(shock), _leading(shock))
    return table


def _coins_table(rows: list[_Row]) -> Table:
    table = _table(
        "Each coin",
        *("account", "level", "coin", "alone down", "alone up"),
        *("likeliest", "share"),
    )
    for account, level, item in rows:
        shock = _object(item["shock"])
        moves, shares = (_object(shock.get(each)) for each in ("moves", "shares"))
        for coin, alone in _object(item["alone"]).items():
            factors = _object(alone)
            table.add_row(
                account,
                level,
                figures.clean(coin),
                _factor(factors["down_factor"]),
                _factor(factors["up_factor"]),
                figures.move(_decimal(moves[coin])) if coin in moves else figures.DASH,
                figures.percent(_decimal(shares[coin]), 0)
                if coin in shares
                else figures.DASH,
            )
    return table


def _notes(rows: list[_Row]) -> Iterator[str]:
    """Each reason and each assumption once, with its account."""
    said: dict[str, None] = {}
    for account, _, item in rows:
        shock = _object(item["shock"])
        for part in (_object(item["uniform"]), _object(item["beta_weighted"]), shock):
            if "reason" in part:
                said[f"{account}: {part['reason']}"] = None
        assumed = shock.get("assumed")
        if isinstance(assumed, list) and assumed:
            coins = ", ".join(str(coin) for coin in assumed)
            said[f"{account}: too little history of {coins}; assumed wild."] = None
        if shock.get("regularised"):
            said[f"{account}: the covariance was nearly singular and was mended."] = (
                None
            )
    yield from (figures.clean(line) for line in said)


def _length(shock: Answer) -> str:
    if shock["length_sd"] is None:
        return figures.UNKNOWN if "reason" in shock else _NONE
    found = _decimal(shock["length_sd"])
    return figures.distance(found / 100 if found is not None else None).split(
        figures.NBSP
    )[0]


def _leading(shock: Answer) -> str:
    leading = shock.get("leading")
    return figures.clean(leading) if isinstance(leading, str) else figures.DASH


def _move(item: Answer, way: str) -> str:
    move = _decimal(item[way])
    if move is None:
        return figures.UNKNOWN if "reason" in item else _NONE
    return figures.move(move)


def _factor(value: Json) -> str:
    factor = _decimal(value)
    return _NONE if factor is None else figures.move(factor - ONE)


def _object(value: Json) -> Answer:
    return value if isinstance(value, dict) else {}


def _decimal(value: Json) -> Decimal | None:
    return Decimal(value) if isinstance(value, str) else None


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(columns[0], overflow="fold", min_width=12)
    for column in columns[1:]:
        table.add_column(column, justify="right", overflow="fold")
    return table
