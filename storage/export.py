"""Parts of a journal as CSV and JSON, for other programs.

Numbers are the journal's own text, times RFC 3339. In CSV a text that a
spreadsheet would run as a formula gets a quote in front; numbers never do. This
module must not choose where the text goes.
"""

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from io import StringIO
from typing import Any, Final

import msgspec

from storage.queries import (
    Filters,
    Record,
    intents,
    orders,
    postings_of,
    records,
)
from storage.reader import JournalReader
from storage.rows import (
    DecisionRow,
    FillRow,
    NoteRow,
    PositionRow,
    PostingRow,
    RefusalRow,
    SampleRow,
)

__all__ = ["TABLES", "as_csv", "as_json"]

_Query = Callable[[JournalReader, Filters], list[Record]]

TABLES: Final[Mapping[str, _Query]] = {
    "fills": lambda reader, filters: records(reader, FillRow, filters),
    "postings": lambda reader, filters: records(reader, PostingRow, filters),
    "funding": lambda reader, filters: postings_of(reader, "funding", filters),
    "interest": lambda reader, filters: postings_of(reader, "interest", filters),
    "decisions": lambda reader, filters: records(reader, DecisionRow, filters),
    "intents": intents,
    "refusals": lambda reader, filters: records(reader, RefusalRow, filters),
    "orders": orders,
    "positions": lambda reader, filters: records(reader, PositionRow, filters),
    "samples": lambda reader, filters: records(reader, SampleRow, filters),
    "notes": lambda reader, filters: records(reader, NoteRow, filters),
}
"""What can be exported, and the query behind each name."""

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?")


def as_json(rows: Sequence[Record]) -> str:
    """A JSON list of objects, one row a line.

    Example:
        >>> print(as_json([{"coin": "BTC", "amount": "-0.1"}]), end="")
        [
        {"coin":"BTC","amount":"-0.1"}
        ]
    """
    lines = [msgspec.json.encode(row).decode() for row in rows]
    return "[\n" + ",\n".join(lines) + ("\n" if lines else "") + "]\n"


def as_csv(rows: Sequence[Record]) -> str:
    """CSV with a header line; nothing when there are no rows.

    Example:
        >>> print(as_csv([{"coin": "=BTC()", "amount": "-0.1"}]), end="")
        coin,amount
        '=BTC(),-0.1
    """
    if not rows:
        return ""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(rows[0])
    writer.writerows([_cell(value) for value in row.values()] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return msgspec.json.encode(value).decode()
    is_formula = value.startswith(_FORMULA) and not _NUMBER.fullmatch(value)
    return f"'{value}" if is_formula else value
