"""A shadow that nobody can change, for code that is not ours.

The shadow is frozen, but the mappings in it are plain for speed: whoever holds one
could change the books under the guard. ``read_only`` puts a read-only proxy before
each of them, in depth, and copies none. It is made when a strategy is asked, never on
every mark. It must not change what is read.
"""

from collections.abc import Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Any, Final, TypeVar, get_origin, get_type_hints

from bot.domain.instruments import Rules
from bot.domain.intents import Approved
from bot.domain.records import changed
from bot.shadow.state import Shadow

__all__ = ["read_only"]

_Record = TypeVar("_Record", Shadow, Rules, Approved)


def _mappings_of(kind: type[Any]) -> tuple[str, ...]:
    """The fields of a record that are mappings."""
    hints = get_type_hints(kind)
    return tuple(f.name for f in fields(kind) if get_origin(hints[f.name]) is Mapping)


_MAPPINGS: Final = {kind: _mappings_of(kind) for kind in (Shadow, Rules, Approved)}


def _sealed(record: _Record, **own: object) -> _Record:
    """A record whose mappings are read only; ``own`` are those deeper than that."""
    proxies = {
        name: MappingProxyType(getattr(record, name))
        for name in _MAPPINGS[type(record)]
    }
    return changed(record, **{**proxies, **own})


def read_only(shadow: Shadow) -> Shadow:
    """The same shadow with every mapping in it, however deep, read only.

    Example:
        >>> from bot.shadow.state import empty_shadow
        >>> read_only(empty_shadow(Rules())).rules.contracts.clear()
        Traceback (most recent call last):
        ...
        AttributeError: 'mappingproxy' object has no attribute 'clear'
    """
    balances = {
        account: MappingProxyType(coins) for account, coins in shadow.balances.items()
    }
    requests = {
        name: changed(request, approved=_sealed(request.approved))
        for name, request in shadow.requests.items()
    }
    return _sealed(
        shadow,
        rules=_sealed(shadow.rules),
        balances=MappingProxyType(balances),
        requests=MappingProxyType(requests),
    )
