"""A value inside a document, together with the path that leads to it.

Every reader of a field is here, so that every error reads the same: the path,
what was expected, what was found. This module knows no field of any document.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, Rounded
from functools import lru_cache
from typing import Final, NoReturn, TypeVar

from bot.domain.errors import UsageError
from bot.domain.money import ZERO

__all__ = ["Node", "at_ms", "at_ns"]

T = TypeVar("T")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MS: Final = 253_402_300_799_999
_MAX_DIGITS: Final = 60
_MAX_EXPONENT: Final = 40
_LONGEST: Final = Context(prec=_MAX_DIGITS, traps=[Rounded])
_SHOWN: Final = 60
_NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,6})?")


class _Absent:
    """The value of a field that is not in the document."""

    __slots__ = ()


_ABSENT: Final = _Absent()
_KINDS: Final[Mapping[type, str]] = {
    _Absent: "absent",
    type(None): "null",
    dict: "an object",
    list: "a list",
}


@lru_cache(maxsize=64)
def at_ms(milliseconds: int) -> datetime:
    """The UTC time of a count of milliseconds since 1970.

    All marks of a second carry the same one, so the last few are kept.

    Example:
        >>> at_ms(1729676522000).isoformat()
        '2024-10-23T09:42:02+00:00'
    """
    return _EPOCH + timedelta(milliseconds=milliseconds)


def at_ns(nanoseconds: int) -> datetime:
    """The UTC time of a count of nanoseconds, cut to microseconds."""
    return _EPOCH + timedelta(microseconds=nanoseconds // 1000)


def _read(value: object) -> Decimal | None:
    """A finite number, or None where the value is not one."""
    if isinstance(value, Decimal):
        return value if value.is_finite() else None
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        text = value.strip()
        return Decimal(text) if _NUMBER.fullmatch(text) else None
    return Decimal(value) if isinstance(value, int) else None


def _is_too_long(number: Decimal) -> bool:
    """Whether a number has more digits than anything of the exchange.

    Example:
        >>> _is_too_long(Decimal(10) ** 59), _is_too_long(Decimal("1" * 61))
        (False, True)
    """
    try:
        _LONGEST.plus(number)
    except Rounded:
        return True
    return False


@dataclass(slots=True)
class Node:
    """One value and its path, such as ``margin_cross.accounts[2].liability``.

    Nobody changes one. It is not frozen because a burst of marks makes a thousand,
    and a frozen one takes twice as long to make.
    """

    value: object
    path: str

    def __getitem__(self, name: str) -> "Node":
        """The field ``name``, absent or not; this value must be an object."""
        value = self.value
        if not isinstance(value, dict):
            self.refuse("an object")
        return Node(
            value.get(name, _ABSENT), f"{self.path}.{name}" if self.path else name
        )

    def mapping(self) -> Mapping[str, object]:
        """This value as an object."""
        if not isinstance(self.value, dict):
            self.refuse("an object")
        return self.value

    def entries(self) -> Iterator[tuple[str, "Node"]]:
        """Every key of this object with its value."""
        for name in self.mapping():
            yield name, self[name]

    def each(self) -> Iterator["Node"]:
        """Every element of this list."""
        if not isinstance(self.value, list):
            self.refuse("a list")
        for index, item in enumerate(self.value):
            yield Node(item, f"{self.path}[{index}]")

    @property
    def is_list(self) -> bool:
        """Whether this is a list."""
        return isinstance(self.value, list)

    @property
    def is_object(self) -> bool:
        """Whether this is an object."""
        return isinstance(self.value, dict)

    @property
    def is_absent(self) -> bool:
        """Whether the field is not in the document at all."""
        return self.value is _ABSENT

    @property
    def is_blank(self) -> bool:
        """Whether the field is absent, null or an empty text."""
        return (
            self.value is _ABSENT
            or self.value is None
            or (isinstance(self.value, str) and not self.value.strip())
        )

    def refuse(self, expected: str) -> NoReturn:
        """Raise the error that names this path.

        Raises:
            UsageError: Always.
        """
        name = self.path or "the document"
        raise UsageError(f"{name} must be {expected}, but it is {self._shown()}.")

    def _shown(self) -> str:
        for kind, words in _KINDS.items():
            if isinstance(self.value, kind):
                return words
        if isinstance(self.value, bool):
            return str(self.value).lower()
        text = str(self.value) if isinstance(self.value, Decimal) else repr(self.value)
        return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."

    def decimal(self, expected: str = "a number") -> Decimal:
        """This value as an exact number.

        Spaces around a number in a text are allowed, as are exponents. A float is
        refused because it has lost digits already.
        """
        number = _read(self.value)
        if number is None:
            self.refuse(expected)
        if number == 0:
            return ZERO
        if _is_too_long(number) or abs(number.adjusted()) > _MAX_EXPONENT:
            self.refuse(f"{expected} of at most {_MAX_DIGITS} digits within 1E+-40")
        return number

    def optional_decimal(self) -> Decimal | None:
        """This value as a number, None where it is absent, null or empty."""
        return None if self.is_blank else self.decimal()

    def amount(self) -> Decimal:
        """A number that is not negative."""
        number = self.decimal("a number that is not negative")
        if number < 0:
            self.refuse("a number that is not negative")
        return number

    def optional_amount(self) -> Decimal | None:
        """A number that is not negative, None where it is blank."""
        return None if self.is_blank else self.amount()

    def price(self) -> Decimal:
        """A number greater than zero."""
        number = self.decimal("a positive number")
        if number <= 0:
            self.refuse("a positive number")
        return number

    def optional_price(self) -> Decimal | None:
        """A positive number; None where it is blank or zero, which means none."""
        number = self.optional_amount()
        return None if number is None or number == 0 else number

    def fraction(self) -> Decimal:
        """A number from 0 to 1."""
        number = self.decimal("a number from 0 to 1")
        if not 0 <= number <= 1:
            self.refuse("a number from 0 to 1")
        return number

    def optional_fraction(self) -> Decimal | None:
        """A number from 0 to 1, None where it is blank."""
        return None if self.is_blank else self.fraction()

    def integer(self) -> int:
        """A whole number; ``"20000"`` and ``1E+3`` are, ``1.5`` is not."""
        number = self.decimal("a whole number")
        count = int(number)
        if count != number:
            self.refuse("a whole number")
        return count

    def optional_integer(self) -> int | None:
        """A whole number, None where it is blank."""
        return None if self.is_blank else self.integer()

    def text(self) -> str:
        """A text that is not empty, without the spaces around it."""
        if not isinstance(self.value, str) or not self.value.strip():
            self.refuse("a text")
        return self.value.strip()

    def optional_text(self) -> str | None:
        """A text, None where it is blank."""
        return None if self.is_blank else self.text()

    def identity(self) -> str:
        """An id, which the exchange writes as text or as a whole number."""
        if isinstance(self.value, str) and self.value.strip():
            return self.value.strip()
        if isinstance(self.value, bool) or not isinstance(self.value, int | Decimal):
            self.refuse("an id, a text or a whole number")
        return str(self.integer())

    def optional_identity(self) -> str | None:
        """An id, None where it is blank."""
        return None if self.is_blank else self.identity()

    def flag(self) -> bool:
        """True or false."""
        if not isinstance(self.value, bool):
            self.refuse("true or false")
        return self.value

    def optional_flag(self) -> bool | None:
        """True or false, None where it is blank."""
        return None if self.is_blank else self.flag()

    def word(self, table: Mapping[str, T]) -> T:
        """One word of a closed set, whatever its case, as our own value."""
        name = self.value.strip() if isinstance(self.value, str) else ""
        found = [own for known, own in table.items() if known.lower() == name.lower()]
        if not found:
            self.refuse("one of " + ", ".join(table))
        return found[0]

    def state(self, table: Mapping[str, str]) -> str | None:
        """One word of an open set, as ours; ``unknown`` for a word that is new.

        For states that are only reported: a word that the exchange invents must
        not stop the reading of an account. None where it is blank.
        """
        text = self.optional_text()
        if text is None:
            return None
        own = {known.lower(): meaning for known, meaning in table.items()}
        return own.get(text.lower(), "unknown")

    def time_ms(self) -> datetime:
        """A time in milliseconds since 1970, as a number or a text."""
        count = self.integer()
        if not 0 <= count <= _LAST_MS:
            self.refuse("a time in milliseconds since 1970")
        return at_ms(count)

    def time_ns(self) -> datetime:
        """A time in nanoseconds since 1970, as a number or a text."""
        count = self.integer()
        if not 0 <= count <= _LAST_MS * 1_000_000:
            self.refuse("a time in nanoseconds since 1970")
        return at_ns(count)

    def optional_time_ms(self) -> datetime | None:
        """A time in milliseconds, None where it is blank."""
        return None if self.is_blank else self.time_ms()
