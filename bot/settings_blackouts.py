"""``guard.blackouts`` of ``gnomon.toml``: announced times without orders or transfers.

A list of texts, ``START/END``, each with a zone. It is the one setting that is no
number, so it has its own reader. Reads no file and no clock.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from bot.domain.errors import UsageError
from bot.risk.blackout import Blackout

__all__ = ["BLACKOUTS", "shown_blackouts", "take_blackouts"]

BLACKOUTS: Final = "guard.blackouts"
_MOST: Final = 100
_EXPECTED: Final = (
    "must be a list of at most 100 texts such as "
    '"2025-10-11T02:00:00Z/2025-10-11T03:00:00Z"'
)


def take_blackouts(
    document: Mapping[str, object],
) -> tuple[Mapping[str, object], tuple[Blackout, ...]]:
    """The document without its blackouts, and these in the order of their starts.

    Raises:
        UsageError: Names the entry, what was expected and what was found.

    Example:
        >>> rest, found = take_blackouts({"guard": {
        ...     "blackouts": ["2025-10-11T02:00:00Z/2025-10-11T03:00:00Z"]}})
        >>> rest, found[0].start.hour
        ({'guard': {}}, 2)
    """
    guard = document.get("guard")
    if not isinstance(guard, Mapping) or "blackouts" not in guard:
        return document, ()
    rest = {name: value for name, value in guard.items() if name != "blackouts"}
    listed = guard["blackouts"]
    if not isinstance(listed, list) or len(listed) > _MOST:
        raise UsageError(f"{BLACKOUTS} {_EXPECTED}, was {listed!r}.")
    found = sorted(_blackout(place, text) for place, text in enumerate(listed))
    return {**document, "guard": rest}, tuple(found)


def _blackout(place: int, text: object) -> Blackout:
    if isinstance(text, str):
        start, _, end = text.partition("/")
        try:
            return Blackout(_time(start), _time(end))
        except ValueError:
            pass
    raise UsageError(
        f"{BLACKOUTS}[{place}] must be START/END, two times with a zone of which the "
        f"second is later, was {text!r}."
    )


def _time(text: str) -> datetime:
    """A time with a zone, in UTC.

    Raises:
        ValueError: It is none.
    """
    when = datetime.fromisoformat(text)
    if when.utcoffset() is None:
        raise ValueError("a time needs a zone")
    return when.astimezone(UTC)


def shown_blackouts(found: tuple[Blackout, ...]) -> dict[str, object]:
    """The setting as text, for whatever tells two sets of settings apart.

    Example:
        >>> shown_blackouts(())
        {}
    """
    if not found:
        return {}
    texts = [f"{each.start.isoformat()}/{each.end.isoformat()}" for each in found]
    return {BLACKOUTS: ", ".join(texts)}
