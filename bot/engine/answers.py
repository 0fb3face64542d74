"""What a strategy's answer may be, field by field.

A strategy is its author's code, and its answer goes to admission, to the journal and
to the exchange. So every field of every proposal is tested here against what it is
declared to be; the first that is wrong is a sentence that names the field and its
value, and nothing of that answer is used. Whether a proposal is wise is the guard's
to say, not ours. Pure; call it behind the fence, for it reads foreign objects.
"""

import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from enum import Enum
from itertools import islice
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from bot.domain.fence import Fault, shown
from bot.domain.intents import Intent, Proposal

__all__ = ["MOST_PROPOSALS", "read_answer", "taken"]

MOST_PROPOSALS: Final = 300
"""More in one answer is no decision but a loop that has run away."""

_LONGEST_TEXT: Final = 2000
_MOST_INPUTS: Final = 100
_MOST_DIGITS: Final = 40
"""Before the point; a number of the market has ten."""
_MOST_DECIMALS: Final = 100
"""After the point; the quotient of two small numbers has some sixty."""

_INTENTS: Final = get_args(Intent)


@dataclass(frozen=True, slots=True)
class _Sort:
    """What a field must be: in words, and as a test."""

    words: str
    is_right: Callable[[Any], bool]


def _is_text(value: object) -> bool:
    """A text that can be written to the journal: not endless, no half characters."""
    return (
        isinstance(value, str)
        and len(value) <= _LONGEST_TEXT
        and (value.isascii() or not any("\ud800" <= each <= "\udfff" for each in value))
    )


def _is_number(value: object) -> bool:
    """A finite Decimal of ordinary size: one that can be written out and computed."""
    if type(value) is not Decimal or not value.is_finite():
        return False
    exponent = value.as_tuple().exponent
    is_fine = isinstance(exponent, int) and exponent >= -_MOST_DECIMALS
    return is_fine and value.adjusted() < _MOST_DIGITS


def _are_inputs(value: object) -> bool:
    return (
        isinstance(value, dict)
        and len(value) <= _MOST_INPUTS
        and all(_is_text(key) and _is_text(each) for key, each in value.items())
    )


_TEXT: Final = _Sort(f"a text of at most {_LONGEST_TEXT} characters", _is_text)
_LEAVES: Final[Mapping[Any, _Sort]] = {
    str: _TEXT,
    bool: _Sort("True or False", lambda value: isinstance(value, bool)),
    Decimal: _Sort("a finite Decimal such as Decimal('0.1')", _is_number),
}


def _sort_of(hint: Any) -> _Sort:
    """What a type hint of an intent asks for; an unknown kind is a bug and raises."""
    hint = getattr(hint, "__supertype__", hint)
    if hint in _LEAVES:
        return _LEAVES[hint]
    if isinstance(hint, type) and issubclass(hint, Enum):
        members = " or ".join(f"{hint.__name__}.{each.name}" for each in hint)
        return _Sort(members, lambda value: isinstance(value, hint))
    if get_origin(hint) in {Union, types.UnionType}:
        (some,) = (each for each in get_args(hint) if each is not types.NoneType)
        inner = _sort_of(some)
        return _Sort(
            f"{inner.words} or None",
            lambda value: value is None or inner.is_right(value),
        )
    if get_origin(hint) is Mapping:
        words = f"texts by name, at most {_MOST_INPUTS}"
        return _Sort(words, _are_inputs)
    raise TypeError(f"an answer has no test for {hint!r}")


def _sorts_of(kind: Any, *, but: str = "") -> Mapping[str, _Sort]:
    hints = get_type_hints(kind)
    names = [field.name for field in fields(kind) if field.name != but]
    return {name: _sort_of(hints[name]) for name in names}


_OF_PROPOSAL: Final = _sorts_of(Proposal, but="intent")
_OF_INTENT: Final = {kind: _sorts_of(kind) for kind in _INTENTS}


def taken(answer: object) -> object:
    """An answer that can be read twice: a list of any sort as a tuple, else itself.

    No more is taken than shows that it is too long, so an endless one ends here.
    """
    if isinstance(answer, list | tuple):
        return tuple(answer[: MOST_PROPOSALS + 1])
    if isinstance(answer, str | bytes | Mapping) or not isinstance(answer, Iterable):
        return answer
    return tuple(islice(answer, MOST_PROPOSALS + 1))


def read_answer(name: str, answer: object) -> tuple[Proposal, ...] | Fault:
    """The proposals of an answer, or what is wrong with the first wrong thing in it.

    Args:
        name: Of the strategy that answered: all must be its own.
        answer: Whatever ``decide`` returned.

    Example:
        >>> found = read_answer("mine", None)
        >>> isinstance(found, Fault) and found.sentence
        'returned None; decide must return a list of proposals, empty for nothing'
    """
    found = taken(answer)
    if not isinstance(found, tuple):
        return _returned(
            f"{shown(found)}; decide must return a list of proposals, empty for nothing"
        )
    if len(found) > MOST_PROPOSALS:
        return _returned(
            f"more than {MOST_PROPOSALS} proposals at once; that is the most that one "
            "answer may hold"
        )
    proposals: list[Proposal] = []
    for each in found:
        wrong = _wrong_proposal(name, each)
        if wrong is not None:
            return _returned(wrong)
        proposals.append(replace(each, inputs=dict(each.inputs)))
    return tuple(proposals)


def _returned(words: str) -> Fault:
    return Fault(words, verb="returned")


def _wrong_proposal(name: str, proposal: object) -> str | None:
    """What is wrong with one proposal; None where nothing is."""
    if type(proposal) is not Proposal:
        return (
            f"{shown(proposal)} in its list; each must be a proposal, made by "
            "self.propose(intent, reason)"
        )
    if isinstance(proposal.inputs, Mapping):
        proposal = replace(proposal, inputs=dict(proposal.inputs))
    intent = proposal.intent
    if type(intent) not in _INTENTS:
        kinds = ", ".join(kind.__name__ for kind in _INTENTS)
        return (
            f"a proposal whose intent is {shown(intent)}; it must be one of {kinds} "
            "(trade gives None where there is nothing to trade)"
        )
    wrong = _wrong_field("a proposal", proposal, _OF_PROPOSAL)
    if wrong is None and proposal.owner != name:
        wrong = (
            f"a proposal whose owner is {shown(proposal.owner)}; it must be {name!r}"
        )
    kind = type(intent)
    return wrong or _wrong_field(f"a {kind.__name__}", intent, _OF_INTENT[kind])


def _wrong_field(what: str, record: object, sorts: Mapping[str, _Sort]) -> str | None:
    """The first field of a record that is not what it must be, in words."""
    for field, sort in sorts.items():
        value = getattr(record, field)
        if not sort.is_right(value):
            return f"{what} whose {field} is {shown(value)}; it must be {sort.words}"
    return None
