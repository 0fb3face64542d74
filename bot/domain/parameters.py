"""The own parameters of a strategy: declared once, as fields of its dataclass.

A field made by ``decimal``, ``whole``, ``flag``, ``text`` or ``texts`` carries its
default, its range and a sentence. The same declaration checks a ``[strategy.NAME]``
table, fills in what is absent and is listed by ``gnomon strategy list``. TOML gives
``Decimal``, ``int``, text, booleans and lists; a number may be quoted. This module
knows no strategy.
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from bot.domain.errors import UsageError
from bot.domain.money import decimal_from, plain

__all__ = [
    "Parameter",
    "decimal",
    "flag",
    "parameters_of",
    "read_parameters",
    "text",
    "texts",
    "whole",
]

_KEY: Final = "parameter"


class _Sort(StrEnum):
    """What sort of value a parameter takes."""

    DECIMAL = "a number"
    WHOLE = "a whole number"
    FLAG = "true or false"
    TEXT = "a text"
    TEXTS = "a list of different texts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One declared parameter; ``above`` is an exclusive bound, the others inclusive.

    ``default`` None means that the strategy chooses where nothing is said.
    """

    sort: _Sort
    default: object
    above: Decimal | None = None
    low: Decimal | None = None
    high: Decimal | None = None
    choices: tuple[str, ...] = ()
    sentence: str = ""

    @property
    def expected(self) -> str:
        """What a value must be, in words.

        Example:
            >>> decimal("1", above="0", high="5").metadata["parameter"].expected
            'a number over 0 and at most 5'
        """
        if self.choices:
            return " or ".join(self.choices)
        bounds = (("over", self.above), ("at least", self.low), ("at most", self.high))
        words = [f"{word} {plain(b)}" for word, b in bounds if b is not None]
        return " ".join([self.sort.value, " and ".join(words)]).strip()

    def read(self, where: str, value: object) -> object:
        """The value as the strategy gets it.

        Raises:
            UsageError: It is of another sort, or outside its range.
        """
        match self.sort, value:
            case _Sort.FLAG, bool():
                return value
            case _Sort.TEXT, str() if value and self._is_chosen(value):
                return value
            case _Sort.TEXTS, list() | tuple() if _are_texts(value):
                return tuple(value)
            case ((_Sort.DECIMAL | _Sort.WHOLE), _):
                return self._number(where, value)
            case _:
                raise self._wrong(where, value)

    def prove(self, where: str) -> None:
        """Hold the default to what a value must be.

        Raises:
            UsageError: It is none; a default that is not there is no fault.
        """
        if self.default is not None and self.default != "":
            self.read(where, self.default)

    def _is_chosen(self, value: str) -> bool:
        return not self.choices or value in self.choices

    def _number(self, where: str, value: object) -> Decimal | int:
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
            raise self._wrong(where, value)
        try:
            number = decimal_from(value, where)
        except ValueError:
            raise self._wrong(where, value) from None
        if not self._is_in_range(number):
            raise self._wrong(where, value)
        if self.sort is _Sort.DECIMAL:
            return number
        if number != number.to_integral_value():
            raise self._wrong(where, value)
        return int(number)

    def _is_in_range(self, number: Decimal) -> bool:
        return (
            (self.above is None or number > self.above)
            and (self.low is None or number >= self.low)
            and (self.high is None or number <= self.high)
        )

    def _wrong(self, where: str, value: object) -> UsageError:
        shown = str(value) if isinstance(value, Decimal) else repr(value)
        return UsageError(f"{where} must be {self.expected}, was {shown}.")


def _are_texts(values: Sequence[object]) -> bool:
    found = {each for each in values if isinstance(each, str) and each}
    return len(found) == len(values)


def decimal(
    default: str | None,
    *,
    above: str | None = None,
    low: str | None = None,
    high: str | None = None,
    sentence: str = "",
) -> Any:
    """Declare a number; ``above`` is an exclusive bound, ``low`` and ``high`` not.

    With the default None the strategy chooses where nothing is said.

    Example:
        >>> decimal("0.5", low="0", high="1").default
        Decimal('0.5')
    """
    bounds = [None if b is None else Decimal(b) for b in (above, low, high)]
    return _declared(
        Parameter(
            sort=_Sort.DECIMAL,
            default=None if default is None else Decimal(default),
            above=bounds[0],
            low=bounds[1],
            high=bounds[2],
            sentence=sentence,
        )
    )


def whole(default: int | None, *, low: int, high: int, sentence: str = "") -> Any:
    """Declare a whole number within two inclusive bounds; None as for ``decimal``."""
    return _declared(
        Parameter(
            sort=_Sort.WHOLE,
            default=default,
            low=Decimal(low),
            high=Decimal(high),
            sentence=sentence,
        )
    )


def flag(*, default: bool | None, sentence: str = "") -> Any:
    """Declare true or false; None where the strategy chooses unless told."""
    return _declared(Parameter(sort=_Sort.FLAG, default=default, sentence=sentence))


def text(default: str, *, choices: tuple[str, ...] = (), sentence: str = "") -> Any:
    """Declare a text that is not empty, one of ``choices`` where there are any."""
    return _declared(
        Parameter(sort=_Sort.TEXT, default=default, choices=choices, sentence=sentence)
    )


def texts(*default: str, sentence: str = "") -> Any:
    """Declare a list of texts, none of them empty or named twice; order is kept."""
    return _declared(Parameter(sort=_Sort.TEXTS, default=default, sentence=sentence))


def _declared(parameter: Parameter) -> Any:
    return field(default=parameter.default, metadata={_KEY: parameter})


def parameters_of(kind: type[Any]) -> Mapping[str, Parameter]:
    """The declared parameters of a dataclass by name, in their order."""
    return {
        each.name: each.metadata[_KEY] for each in fields(kind) if _KEY in each.metadata
    }


def read_parameters(
    where: str, known: Mapping[str, Parameter], given: Mapping[str, object]
) -> dict[str, object]:
    """The given values, checked; what is absent is left to its declared default.

    Args:
        where: The table as the reader finds it, such as ``[strategy.carry]``.
        known: The declared parameters.
        given: The table's own keys.

    Raises:
        UsageError: A key is not known, or a value is not what it must be; names it.

    Example:
        >>> known = {"share": decimal("0.5", low="0").metadata["parameter"]}
        >>> read_parameters("[strategy.x]", known, {"share": "0.25"})
        {'share': Decimal('0.25')}
    """
    values: dict[str, object] = {}
    for key, value in given.items():
        if key not in known:
            raise UsageError(_unknown(where, key, tuple(known)))
        values[key] = known[key].read(f"{where} {key}", value)
    return values


def _unknown(where: str, key: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    listed = f"known: {', '.join(known)}." if known else "there is none."
    hint = f"did you mean {near[0]}?" if near else listed
    return f"{where} {key} is not known; {hint}"
