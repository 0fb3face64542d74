"""The numbers of every endangered account in floats, kept up to date mark by mark.

A mark changes the accounts that feel it and nothing else. Each of their sums is then
taken anew over its terms with one rounding, so no error is carried from mark to mark:
after any number of updates a kernel is bit for bit the one built afresh.
``bot.risk.measure`` is what is exact; ``ratio_error`` and ``distance_error`` bound what
floats may differ from it. Nothing here decides anything, and unknown is never safe.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import compress
from operator import is_not

from bot.risk.kernel_row import KernelNumbers, Row
from bot.risk.kernel_stress import Floats, stressed
from bot.risk.lines import Quote, lines_of, mark_of
from bot.risk.unchanged import has_same_holdings
from bot.shadow.state import Shadow

__all__ = ["Kernel"]


class Kernel:
    """All subjects of one shadow, in the order of ``measure_subjects``.

    It changes in place: ``follow`` is told every next shadow. Amounts are in USDT, of
    futures in their settle currency.

    Example:
        1 BTC at 100 USDT, owing 80; then a fall to 90 and a stress of another tenth.

        >>> import numpy as np
        >>> from bot.domain.accounts import MARGIN_CROSS, Balance
        >>> from bot.domain.instruments import Rules
        >>> from bot.shadow.state import empty_shadow
        >>> kernel = Kernel(Shadow(
        ...     at=empty_shadow(Rules()).at, rules=Rules(),
        ...     balances={MARGIN_CROSS: {
        ...         "BTC": Balance(total=Decimal(1)),
        ...         "USDT": Balance(principal=Decimal(80)),
        ...     }},
        ...     margin_marks={"BTC": Decimal(100)},
        ... ))
        >>> kernel.numbers()[0].ratio
        0.8
        >>> kernel.set_margin_mark("BTC", Decimal(90))
        >>> round(kernel.numbers()[0].ratio, 6)
        0.888889
        >>> kernel.coins, kernel.stress(np.array([[1.0], [0.9]])).round(6).tolist()
        (('BTC',), [[0.888889], [0.987654]])
    """

    __slots__ = (
        "_by_hand",
        "_numbers",
        "_rows",
        "_shadow",
        "_touching",
        "coins",
        "subjects",
    )

    def __init__(self, shadow: Shadow) -> None:
        self._shadow = shadow
        self._build(shadow)

    def follow(self, shadow: Shadow) -> None:
        """Go on to another shadow: mark by mark, or afresh if more has changed.

        The parts of a shadow are never changed in place, so the same object is the
        same content.
        """
        before = self._shadow
        if not has_same_holdings(before, shadow):
            self._build(shadow)
            return
        self._shadow = shadow
        changed = {
            *self._by_hand,
            *_changed(before.margin_marks, shadow.margin_marks, is_futures=False),
            *_changed(before.futures_marks, shadow.futures_marks, is_futures=True),
        }
        self._by_hand.clear()
        self._place(quote for quote in changed if quote in self._touching)

    def set_margin_mark(self, coin: str, mark: Decimal) -> None:
        """Give a coin its mark in the margin accounts; zero or less is missing."""
        self._set(Quote(is_futures=False, name=coin), mark)

    def set_futures_mark(self, symbol: str, mark: Decimal) -> None:
        """Give a contract its mark; zero or less is missing."""
        self._set(Quote(is_futures=True, name=symbol), mark)

    def numbers(self) -> tuple[KernelNumbers, ...]:
        """The numbers of every subject."""
        return tuple(self._numbers)

    def sensitivities(self) -> dict[str, Mapping[str, float] | None]:
        """By subject and coin, d ratio / d ln(price).

        A price that rises by a hundredth adds about a hundredth of it to the ratio.
        All contracts of a coin move with it, each from its own mark. None where the
        ratio is unknown or infinite.
        """
        return {row.line.subject: row.slopes() for row in self._rows}

    def stress(self, factors: Floats) -> Floats:
        """The ratio of each subject in each scenario.

        Args:
            factors: Of shape (scenarios, coins) in the order of ``coins``: what each
                price is multiplied with, 1 for no move.

        Returns:
            Shape (scenarios, subjects): NaN is unknown, infinity a margin used up.

        Raises:
            ValueError: A factor that is not positive and finite, or a wrong shape.
        """
        return stressed(self._rows, self.coins, factors)

    def _build(self, shadow: Shadow) -> None:
        self._shadow = shadow
        self._by_hand: set[Quote] = set()
        """Quotes whose mark was set and may not be that of the shadow."""
        self._rows = [Row(line) for line in lines_of(shadow)]
        self._numbers: list[KernelNumbers] = [row.numbers() for row in self._rows]
        self._touching: dict[Quote, list[tuple[int, int]]] = {}
        for number, row in enumerate(self._rows):
            for index, leg in enumerate(row.line.legs):
                self._touching.setdefault(leg.quote, []).append((number, index))
        self.subjects = tuple(row.line.subject for row in self._rows)
        legs = [leg for row in self._rows for leg in row.line.legs]
        self.coins = tuple(sorted({leg.coin for leg in legs if leg.is_moved}))
        self._place(self._touching)

    def _place(self, quotes: Iterable[Quote]) -> None:
        """Read some marks of the shadow and sum up what feels them, each row once."""
        moved: set[int] = set()
        for quote in quotes:
            moved |= self._mark(quote, mark_of(self._shadow, quote))
        self._sum(moved)

    def _set(self, quote: Quote, mark: Decimal) -> None:
        self._by_hand.add(quote)
        self._sum(self._mark(quote, mark if mark > 0 else None))

    def _mark(self, quote: Quote, mark: Decimal | None) -> set[int]:
        touching = self._touching.get(quote, ())
        for number, index in touching:
            self._rows[number].place(index, mark)
        return {number for number, _ in touching}

    def _sum(self, rows: Iterable[int]) -> None:
        for number in rows:
            self._numbers[number] = self._rows[number].numbers()


def _changed(
    before: Mapping[str, Decimal], after: Mapping[str, Decimal], *, is_futures: bool
) -> list[Quote]:
    """The quotes whose mark is another now, come or gone."""
    if before is after:
        return []
    if list(before) == list(after):
        is_other = map(is_not, before.values(), after.values())
        names = list(compress(after, is_other))
    else:
        names = [name for name, mark in after.items() if before.get(name) != mark]
        names += [name for name in before if name not in after]
    return [Quote(is_futures=is_futures, name=name) for name in names]
