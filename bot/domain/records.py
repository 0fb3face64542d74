"""Copies of frozen records with some fields changed, for the paths of every mark.

``dataclasses.replace`` calls ``__init__`` with every field again; a record of thirty
fields that is copied on every mark is copied three times faster slot by slot. Only for
frozen dataclasses with slots, of two fields or more, whose ``__init__`` does nothing
but keep its arguments.
Everywhere else ``replace`` is the clearer word.
"""

from collections.abc import Callable
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

__all__ = ["changed"]

_Record = TypeVar("_Record")


@cache
def _slots(kind: type[Any]) -> tuple[Callable[[Any], Any], dict[str, Any]]:
    """How to read all fields of a kind of record at once, and how to set each."""
    if hasattr(kind, "__post_init__"):
        raise TypeError(f"{kind.__name__} checks its fields: use dataclasses.replace")
    names = tuple(field.name for field in fields(kind))
    return attrgetter(*names), {name: getattr(kind, name).__set__ for name in names}


def changed(record: _Record, **changes: object) -> _Record:
    """A copy of a record in which some fields differ.

    Args:
        record: A frozen dataclass with slots.
        changes: The new values, by the fields' names.

    Raises:
        TypeError: The record checks its fields, or has no such field.

    Example:
        >>> from decimal import Decimal
        >>> from bot.domain.accounts import Balance
        >>> before = Balance(total=Decimal(2), hold=Decimal(1))
        >>> changed(before, total=Decimal(5)) == Balance(total=Decimal(5),
        ...     hold=Decimal(1))
        True
        >>> changed(before, totals=Decimal(5))
        Traceback (most recent call last):
        ...
        TypeError: Balance has no field totals
    """
    kind: Any = type(record)
    read, setters = _slots(kind)
    copy: _Record = object.__new__(kind)
    for put, value in zip(setters.values(), read(record), strict=True):
        put(copy, value)
    for name, value in changes.items():
        if name not in setters:
            raise TypeError(f"{kind.__name__} has no field {name}")
        setters[name](copy, value)
    return copy
