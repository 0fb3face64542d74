"""An assessment for people: tables of the same numbers, rounded for reading.

Rounds to the careful side through ``bot.report.figures``; nothing here is read
back by the program.
"""

from collections.abc import Iterator
from decimal import Context, Decimal
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.report import figures
from bot.report.answers import Answer, Json

__all__ = ["assessment_view", "what_if_view"]

_NONE: Final = "none"
_DIGITS: Final = 6
_FUTURES_FIELDS: Final = (
    "total_margin",
    "maintenance_margin",
    "order_maintenance_margin",
    "closing_fee",
    "opening_fee",
)


def assessment_view(answer: Answer) -> RenderableType:
    """The tables of one assessment, with what is missing below them."""
    parts: list[RenderableType] = [_margin_table(answer), _futures_table(answer)]
    positions = _position_table(answer)
    if positions.row_count:
        parts.append(positions)
    parts.extend(_missing(answer))
    return Group(*parts)


def what_if_view(answer: Answer) -> RenderableType:
    """Before, after and frontier, one below the other."""
    return Group(
        Text("Before", style="bold"),
        assessment_view(_object(answer["before"])),
        Text("After the shocks", style="bold"),
        assessment_view(_object(answer["after"])),
        _frontier_table(_object(answer["frontier"])),
    )


def _object(value: Json) -> Answer:
    return value if isinstance(value, dict) else {}


def _decimal(value: Json) -> Decimal | None:
    return Decimal(value) if isinstance(value, str) else None


def _short(value: Json, *, signed: bool = False) -> str:
    """An amount with six digits, as much as a table can hold."""
    found = _decimal(value)
    if found is not None and found.is_finite():
        found = Context(prec=_DIGITS).plus(found)
    return figures.amount(found, signed=signed)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(columns[0], overflow="fold")
    for column in columns[1:]:
        table.add_column(column, justify="right", overflow="fold")
    return table


def _margin_table(answer: Answer) -> Table:
    table = _table(
        "Margin",
        "account",
        "debt ratio",
        "liquidated at",
        "assets BTC",
        "debt BTC",
        "liquidation price",
    )
    accounts = dict(_object(answer["margin_isolated"]))
    if answer["margin_cross"] is not None:
        accounts = {"cross": answer["margin_cross"], **accounts}
    for name, value in accounts.items():
        item = _object(value)
        is_pair = "liquidation_price" in item
        limit = _decimal(item.get("liquidation_debt_ratio"))
        price = _decimal(item.get("liquidation_price"))
        table.add_row(
            figures.clean(name),
            figures.banded(_decimal(item["debt_ratio"])),
            figures.percent(limit) if is_pair else "",
            _short(item["total_asset_btc"]),
            _short(item["total_debt_btc"]),
            (_NONE if price is None and limit is not None else figures.price(price))
            if is_pair
            else "",
        )
    return table


def _futures_table(answer: Answer) -> Table:
    table = _table(
        "Futures, cross",
        "settles in",
        "risk rate",
        "TMMR",
        "margin",
        "maintenance",
        "of orders",
        "closing fee",
        "opening fee",
    )
    for name, value in _object(answer["futures"]).items():
        item = _object(value)
        ratio = _decimal(item["tmmr"])
        table.add_row(
            figures.clean(name),
            figures.banded(_decimal(item["risk_rate"])),
            _NONE if ratio is None else _short(item["tmmr"]),
            *(_short(item[field]) for field in _FUTURES_FIELDS),
        )
    return table


def _position_table(answer: Answer) -> Table:
    table = _table(
        "Positions",
        "symbol",
        "mode",
        "unrealised",
        "maintenance",
        "rate",
        "margin rate",
        "liquidation price",
    )
    for value in _object(answer["futures"]).values():
        for symbol, inner in _object(_object(value)["positions"]).items():
            item = _object(inner)
            is_isolated = item["margin_mode"] == "isolated"
            table.add_row(
                figures.clean(symbol),
                str(item["margin_mode"]),
                _short(item["unrealised_pnl"], signed=True),
                _short(item["maintenance_margin"]),
                figures.ratio(_decimal(item["maintenance_margin_rate"]), 3),
                figures.banded(_decimal(item["margin_rate"])) if is_isolated else "",
                figures.price(_decimal(item["liquidation_price"]))
                if is_isolated
                else "",
            )
    return table


def _frontier_table(frontier: Answer) -> Table:
    table = _table(
        "Moves of all coins that reach a threshold",
        "account",
        "threshold",
        "down",
        "up",
        "down, by beta",
        "up, by beta",
    )
    for account, levels in frontier.items():
        for level, value in _object(levels).items():
            item = _object(value)
            cells = [
                _move(_object(item[kind]), way)
                for kind in ("uniform", "beta_weighted")
                for way in ("down", "up")
            ]
            table.add_row(figures.clean(account), level, *cells)
    return table


def _move(item: Answer, way: str) -> str:
    move = _decimal(item[way])
    if move is None:
        return figures.UNKNOWN if "reason" in item else _NONE
    return figures.move(move)


def _missing(answer: Answer) -> Iterator[RenderableType]:
    """One line for each thing that is missing, wherever it is."""
    for place, item in _objects(answer, ""):
        missing = item.get("missing")
        for each in missing if isinstance(missing, list) else []:
            words = _object(each)
            line = f"{place} missing {words['field']}: {words['reason']}"
            yield Text(figures.clean(line.strip()), style="yellow")


def _objects(value: Json, place: str) -> Iterator[tuple[str, Answer]]:
    if isinstance(value, dict):
        yield place, value
        for name, inner in value.items():
            if name != "missing":
                yield from _objects(inner, f"{place}.{name}" if place else name)
