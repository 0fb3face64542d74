"""The two tables of the terminal view: futures positions and loans.

Columns have fixed widths, so that numbers stand under each other and do not move
between two frames; a number that is too long pushes, and is never cut. This
module must not compute a risk number.
"""

from collections.abc import Sequence
from decimal import Decimal
from itertools import accumulate
from typing import Final

from rich.text import Text

from bot.domain.accounts import MarginMode
from bot.report import figures
from bot.report.frame import LoanLine, PositionLine

__all__ = ["loan_lines", "position_lines"]

_SHORT_FROM: Final = 10_000
_MODES: Final = {MarginMode.CROSS: "cross", MarginMode.ISOLATED: "iso"}


def _row(cells: Sequence[tuple[str, int]], style: str = "") -> Text:
    """Cells of a table; a negative width aligns to the left."""
    parts = [
        text.ljust(-width) if width < 0 else text.rjust(width) for text, width in cells
    ]
    return Text(" " + " ".join(parts), style=style)


_POSITION_TITLES: Final = (
    *("symbol", "lots", "notional", "entry", "mark", "uPnL"),
    *("margin", "funding"),
)
_POSITION_SIZES: Final = (-10, 6, 10, 10, 10, 9, -8, 9)


def position_lines(positions: Sequence[PositionLine], width: int) -> list[Text]:
    """The futures positions; margin mode and funding only where there is room."""
    ends = accumulate(abs(size) + 1 for size in _POSITION_SIZES)
    count = sum(1 for end in ends if end <= width)
    rows = [_POSITION_TITLES, *(_position(line) for line in positions)]
    return [
        _row(
            list(zip(cells, _POSITION_SIZES, strict=True))[:count],
            "" if index else "dim",
        )
        for index, cells in enumerate(rows)
    ]


def _position(line: PositionLine) -> tuple[str, ...]:
    return (
        figures.clean(line.symbol),
        figures.amount(Decimal(line.lots)),
        _short(line.notional_usdt),
        figures.price(line.entry),
        figures.price(line.mark),
        _short(line.upnl_usdt, signed=True),
        _margin_word(line),
        figures.percent(line.funding_rate, 4, signed=True),
    )


def _short(value: Decimal | None, *, signed: bool = False) -> str:
    """Money for a narrow column: from ten thousand on without the cents."""
    text = figures.usdt(value, signed=signed)
    if value is None or not value.is_finite() or abs(value) < _SHORT_FROM:
        return text
    return text if "e" in text else text.partition(".")[0]


def _margin_word(line: PositionLine) -> str:
    word = _MODES[line.mode]
    if line.leverage is None:
        return word
    return f"{word} {figures.amount(line.leverage)}x"


def loan_lines(loans: Sequence[LoanLine]) -> list[Text]:
    """The loans, with interest and what they cost a year."""
    sizes = (-16, -6, 15, 12, 9)
    rows = [_row(list(zip(_LOAN_TITLES, sizes, strict=True)), "dim")]
    for loan in loans:
        cells = (
            figures.clean(loan.account),
            figures.clean(loan.coin),
            figures.amount(loan.principal),
            figures.amount(loan.interest),
            figures.percent(loan.annual_rate),
        )
        rows.append(_row(list(zip(cells, sizes, strict=True))))
    return rows


_LOAN_TITLES: Final = ("loan", "coin", "principal", "interest", "a year")
