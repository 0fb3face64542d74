"""The own parameters of a strategy: read from TOML, checked, named in every error.

``[strategy.NAME]`` holds ``kind``, ``schedule`` and ``enabled`` and whatever the
kind declares. TOML gives ``Decimal``, ``int``, text, booleans and lists; a number
may be quoted. This module knows no strategy and fills in nothing silently: what is
absent is the caller's stated default, what is not known is refused.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from bot.domain.errors import UsageError
from bot.domain.money import decimal_from

__all__ = ["ParameterTable"]


@dataclass(frozen=True, slots=True)
class ParameterTable:
    """The parameters of one ``[strategy.NAME]`` table.

    Example:
        >>> table = ParameterTable("carry", {"coins": ["BTC"], "max_pairs": 2})
        >>> table.whole("max_pairs", 3, low=1, high=10), table.texts("coins", ())
        (2, ('BTC',))
        >>> table.decimal("chunk_usdt", "500", above="0")
        Decimal('500')
    """

    name: str
    values: Mapping[str, object]

    def only(self, *known: str) -> None:
        """Refuse every key that is not ``known``.

        Raises:
            UsageError: Names the first unknown key and the nearest known one.
        """
        for key in self.values:
            if key in known:
                continue
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}."
            raise UsageError(f"{self._at(key)} is not known; {hint}")

    def decimal(
        self,
        key: str,
        default: str,
        *,
        above: str | None = None,
        low: str | None = None,
        high: str | None = None,
    ) -> Decimal:
        """A number; ``above`` is an exclusive bound, ``low`` and ``high`` inclusive.

        Raises:
            UsageError: It is no number, or outside its range.
        """
        value = self.values.get(key, default)
        bounds = (("over", above), ("at least", low), ("at most", high))
        words = [f"{word} {bound}" for word, bound in bounds if bound is not None]
        expected = " ".join(["a number", " and ".join(words)]).strip()
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
            raise self._wrong(key, expected)
        try:
            number = decimal_from(value, key)
        except ValueError:
            raise self._wrong(key, expected) from None
        is_low = (above is not None and number <= Decimal(above)) or (
            low is not None and number < Decimal(low)
        )
        if is_low or (high is not None and number > Decimal(high)):
            raise self._wrong(key, expected)
        return number

    def whole(self, key: str, default: int, *, low: int, high: int) -> int:
        """A whole number within two inclusive bounds.

        Raises:
            UsageError: It is no whole number, or outside its range.
        """
        number = self.decimal(key, str(default), low=str(low), high=str(high))
        if number != number.to_integral_value():
            raise self._wrong(key, f"a whole number from {low} to {high}")
        return int(number)

    def flag(self, key: str, *, default: bool) -> bool:
        """True or false.

        Raises:
            UsageError: It is neither.
        """
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false")
        return value

    def text(self, key: str, default: str, choices: tuple[str, ...] = ()) -> str:
        """A text that is not empty, one of ``choices`` where there are any.

        Raises:
            UsageError: It is no text, or none of the choices.
        """
        value = self.values.get(key, default)
        expected = " or ".join(choices) if choices else "a text"
        if not isinstance(value, str) or not value:
            raise self._wrong(key, expected)
        if choices and value not in choices:
            raise self._wrong(key, expected)
        return value

    def texts(self, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
        """A list of texts, none of them empty or named twice; order is kept.

        Raises:
            UsageError: It is no such list.
        """
        value = self.values.get(key, default)
        expected = "a list of different texts"
        if not isinstance(value, list | tuple):
            raise self._wrong(key, expected)
        found = tuple(each for each in value if isinstance(each, str) and each)
        if len(found) != len(value) or len(set(found)) != len(found):
            raise self._wrong(key, expected)
        return found

    def _wrong(self, key: str, expected: str) -> UsageError:
        found = self.values.get(key)
        return UsageError(f"{self._at(key)} must be {expected}, was {found!r}.")

    def _at(self, key: str) -> str:
        return f"[strategy.{self.name}] {key}"
