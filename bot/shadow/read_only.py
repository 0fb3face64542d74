"""A shadow that nobody can change, for code that is not ours.

The shadow is frozen, but the mappings in it are plain for speed: whoever holds one
could change the books under the guard. ``read_only`` puts a read-only proxy before
each of them, in depth, and copies none of them; the rules are read only by
themselves. It is made when a strategy is asked, slot by slot as in
``bot/domain/records.py``, and never on every mark. It must not change what is read.
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final, get_origin, get_type_hints

from bot.domain.records import changed
from bot.shadow.state import Request, Shadow

__all__ = ["read_only"]

_KIND: Final[Any] = Shadow
_NAMES: Final = tuple(field.name for field in fields(Shadow))
_HINTS: Final = get_type_hints(Shadow)
_READ: Final = attrgetter(*_NAMES)
_PUTS: Final = tuple(
    (getattr(_KIND, name).__set__, get_origin(_HINTS[name]) is Mapping)
    for name in _NAMES
)
_BALANCES: Final = _KIND.balances.__set__
_REQUESTS: Final = _KIND.requests.__set__


def read_only(shadow: Shadow) -> Shadow:
    """The same shadow with every mapping in it, however deep, read only.

    Example:
        >>> from bot.domain.instruments import Rules
        >>> from bot.shadow.state import empty_shadow
        >>> read_only(empty_shadow(Rules())).margin_marks.clear()
        Traceback (most recent call last):
        ...
        AttributeError: 'mappingproxy' object has no attribute 'clear'
    """
    copy: Shadow = object.__new__(_KIND)
    for (put, is_mapping), value in zip(_PUTS, _READ(shadow), strict=True):
        put(copy, MappingProxyType(value) if is_mapping else value)
    balances = {name: MappingProxyType(b) for name, b in shadow.balances.items()}
    _BALANCES(copy, MappingProxyType(balances))
    if shadow.requests:
        requests = {name: _sealed(each) for name, each in shadow.requests.items()}
        _REQUESTS(copy, MappingProxyType(requests))
    return copy


def _sealed(request: Request) -> Request:
    """A request whose numbers for the journal are read only."""
    measured = MappingProxyType(request.approved.measured)
    return changed(request, approved=replace(request.approved, measured=measured))
