"""The keys of one table of a fault script, read one by one and all accounted for.

Every complaint names the file, the table, the key, what it must be and what it was.
This module knows no fault.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, NoReturn

from bot.domain.errors import UsageError

__all__ = ["Table"]

_MOST_TABLES: Final = 1000
_NOTHING: Final = object()


@dataclass(slots=True, kw_only=True)
class Table:
    """One table and which of its keys were read.

    Example:
        >>> table = Table(source="f", name="rest[0]", values={"rate": Decimal("0.5")})
        >>> table.number("rate", 1.0), table.text("path", "*")
        (0.5, '*')
        >>> table.close()
    """

    source: str
    name: str
    values: Mapping[str, object]
    _read: set[str] = field(default_factory=set)

    def refuse(self, key: str, expected: str, found: object) -> NoReturn:
        """Say what a key must be and what it is.

        Raises:
            UsageError: Always.
        """
        said = "is missing" if found is None else f"is {found!r}"
        raise UsageError(
            f"{self.source}: {self._full(key)} must be {expected}, but it {said}."
        )

    def close(self) -> None:
        """Refuse a key that nobody read.

        Raises:
            UsageError: Names the key and those that are known here.
        """
        for key in self.values:
            if key not in self._read:
                known = ", ".join(sorted(self._read))
                raise UsageError(
                    f"{self.source}: {self._full(key)} is not known; "
                    f"known here: {known}."
                )

    def tables(self, key: str) -> Iterator["Table"]:
        """The tables of a list such as ``[[rest]]``, each with its place as name."""
        value = self._take(key)
        if value is _NOTHING:
            return
        if not isinstance(value, list) or len(value) > _MOST_TABLES:
            self.refuse(key, f"at most {_MOST_TABLES} tables, written [[{key}]]", value)
        for index, item in enumerate(value):
            name = f"{key}[{index}]"
            if not isinstance(item, dict):
                self.refuse(name, "a table", item)
            yield Table(source=self.source, name=name, values=item)

    def text(self, key: str, default: str | None = None) -> str:
        """A text; without a default it must be there."""
        value = self._take(key)
        if value is _NOTHING and default is not None:
            return default
        if not isinstance(value, str) or (not value and default is None):
            self.refuse(key, "a text", None if value is _NOTHING else value)
        return value

    def word(self, key: str, known: Sequence[str], default: str | None = None) -> str:
        """One of a closed set of words."""
        value = self.text(key, default)
        if value not in known:
            self.refuse(key, "one of " + ", ".join(known), value)
        return value

    def flag(self, key: str) -> bool:
        """True or false; absent is false."""
        value = self._take(key)
        if value is _NOTHING:
            return False
        if not isinstance(value, bool):
            self.refuse(key, "true or false", value)
        return value

    def number(
        self,
        key: str,
        default: float | None = None,
        *,
        low: float = -math.inf,
        high: float = math.inf,
    ) -> float:
        """A number in a range; without a default it must be there."""
        value = self.optional_number(key, low=low, high=high)
        if value is not None:
            return value
        if default is None:
            self.refuse(key, "a number", None)
        return default

    def optional_number(
        self, key: str, *, low: float = -math.inf, high: float = math.inf
    ) -> float | None:
        """A number in a range, None where it is absent."""
        value = self._take(key)
        if value is _NOTHING:
            return None
        words = f"a number from {low:g} to {high:g}"
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            self.refuse(key, words, value)
        number = float(value)
        if not low <= number <= high or not math.isfinite(number):
            self.refuse(key, words, str(value))
        return number

    def integer(
        self,
        key: str,
        default: int | None = None,
        *,
        low: int | None = None,
        high: int | None = None,
    ) -> int:
        """A whole number in a range; without a default it must be there."""
        value = self.optional_integer(key, low=low, high=high)
        if value is not None:
            return value
        if default is None:
            self.refuse(key, "a whole number", None)
        return default

    def optional_integer(
        self, key: str, *, low: int | None = None, high: int | None = None
    ) -> int | None:
        """A whole number in a range, None where it is absent."""
        value = self._take(key)
        if value is _NOTHING:
            return None
        words = "a whole number"
        if low is not None:
            words += f", {low} at least"
        if high is not None:
            words += f", {high} at most"
        if isinstance(value, bool) or not isinstance(value, int):
            self.refuse(key, words, value)
        if (low is not None and value < low) or (high is not None and value > high):
            self.refuse(key, words, value)
        return value

    def price(self, key: str) -> Decimal | None:
        """A positive number, quoted or bare; None where it is absent."""
        value = self._take(key)
        if value is _NOTHING:
            return None
        words = "a positive number, quoted"
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
            self.refuse(key, words, value)
        try:
            number = Decimal(value)
        except ArithmeticError:
            self.refuse(key, words, value)
        if not number.is_finite() or number <= 0:
            self.refuse(key, words, value)
        return number

    def _take(self, key: str) -> object:
        self._read.add(key)
        return self.values.get(key, _NOTHING)

    def _full(self, key: str) -> str:
        return f"{self.name}.{key}" if self.name else key
