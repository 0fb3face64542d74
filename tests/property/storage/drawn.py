"""Entries of every kind, drawn from the types of the domain itself."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from bot.domain.entries import Entry, EntryBody

__all__ = ["amounts", "bodies", "entries", "of_type", "times"]

times = st.datetimes(
    min_value=datetime(2017, 1, 1),  # noqa: DTZ001 - Hypothesis adds the zone
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001 - as above
    timezones=st.just(UTC),
)
amounts = st.decimals(
    min_value=Decimal(-(10**24)),
    max_value=Decimal(10**24),
    allow_nan=False,
    allow_infinity=False,
) | st.builds(
    Decimal, st.sampled_from(["1E-18", "1E+9", "-0", "0.10", "123456789012.123456789"])
)
_texts = st.text(
    # SQLite ends a text at NUL, so the codec writes a replacement for it.
    st.characters(codec="utf-8", exclude_characters="\0"),
    max_size=12,
) | st.just("XBTUSDTM")
_LEAVES: Mapping[Any, st.SearchStrategy[Any]] = {
    str: _texts,
    int: st.integers(min_value=-(2**53), max_value=2**53),
    bool: st.booleans(),
    Decimal: amounts,
    datetime: times,
    NoneType: st.none(),
}


def of_type(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a type of the domain, every field drawn."""
    hint = getattr(hint, "__supertype__", hint)
    if hint in _LEAVES:
        return _LEAVES[hint]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(list(hint))
    return _of_dataclass(hint) if is_dataclass(hint) else _of_generic(hint)


def _of_dataclass(cls: Any) -> st.SearchStrategy[Any]:
    hints = get_type_hints(cls)
    parts = {field.name: of_type(hints[field.name]) for field in fields(cls)}
    return st.builds(cls, **parts)


def _of_generic(hint: Any) -> st.SearchStrategy[Any]:
    arguments = get_args(hint)
    if get_origin(hint) is tuple:
        return st.lists(of_type(arguments[0]), max_size=3).map(tuple)
    if get_origin(hint) is not None and issubclass(get_origin(hint), Mapping):
        key, value = (of_type(each) for each in arguments)
        return st.dictionaries(key, value, max_size=3)
    return st.one_of([of_type(member) for member in arguments])


bodies: Mapping[str, st.SearchStrategy[Any]] = {
    member.__name__: of_type(member) for member in get_args(EntryBody)
}
entries = st.builds(Entry, at=times, body=st.one_of(list(bodies.values())))
