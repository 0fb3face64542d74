"""``guard.delistings`` of ``gnomon.toml``: coins and contracts that leave, and when.

A list of texts, ``NAME TIME``, a coin or a contract and a time with a zone. It has its
own reader, as the blackouts have. Reads no file and no clock.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from bot.domain.announced import Delisting
from bot.domain.errors import UsageError

__all__ = ["DELISTINGS", "shown_delistings", "take_delistings"]

DELISTINGS: Final = "guard.delistings"
_MOST: Final = 100
_EXPECTED: Final = (
    'must be a list of at most 100 texts such as "ABC 2025-10-11T08:00:00Z"'
)
_NAME: Final = re.compile(r"[A-Z0-9]{1,30}")
_CASH: Final = "USDT"


def take_delistings(
    document: Mapping[str, object],
) -> tuple[Mapping[str, object], tuple[Delisting, ...]]:
    """The document without its delistings, and these in the order of their times.

    Raises:
        UsageError: Names the entry, what was expected and what was found.

    Example:
        >>> rest, found = take_delistings(
        ...     {"guard": {"delistings": ["ABC 2025-10-11T08:00:00Z"]}})
        >>> rest, found[0].name, found[0].at.hour
        ({'guard': {}}, 'ABC', 8)
    """
    guard = document.get("guard")
    if not isinstance(guard, Mapping) or "delistings" not in guard:
        return document, ()
    rest = {name: value for name, value in guard.items() if name != "delistings"}
    listed = guard["delistings"]
    if not isinstance(listed, list) or len(listed) > _MOST:
        raise UsageError(f"{DELISTINGS} {_EXPECTED}, was {listed!r}.")
    found = sorted(_delisting(place, text) for place, text in enumerate(listed))
    _refuse_twice(found)
    return {**document, "guard": rest}, tuple(found)


def _delisting(place: int, text: object) -> Delisting:
    name, _, when = text.partition(" ") if isinstance(text, str) else ("", "", "")
    if name == _CASH:
        raise UsageError(
            f"{DELISTINGS}[{place}] cannot be {_CASH}: everything that is left becomes "
            "USDT; take the entry out and move the account by hand."
        )
    try:
        at = datetime.fromisoformat(when)
    except ValueError:
        at = datetime.min  # noqa: DTZ901 - no zone, so it is refused below
    if _NAME.fullmatch(name) is None or at.utcoffset() is None:
        raise UsageError(
            f"{DELISTINGS}[{place}] must be NAME TIME, a coin or contract in capitals "
            f'and a time with a zone such as "ABC 2025-10-11T08:00:00Z", was {text!r}.'
        )
    return Delisting(at.astimezone(UTC), name)


def _refuse_twice(found: list[Delisting]) -> None:
    """One name, one time.

    Raises:
        UsageError: A name is there twice.
    """
    names = [each.name for each in found]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"{DELISTINGS} names {name} twice; keep one of them.")


def shown_delistings(found: tuple[Delisting, ...]) -> dict[str, object]:
    """The setting as text, for whatever tells two sets of settings apart.

    Example:
        >>> shown_delistings(())
        {}
    """
    if not found:
        return {}
    return {DELISTINGS: ", ".join(f"{d.name} {d.at.isoformat()}" for d in found)}
