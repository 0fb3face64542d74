"""One subject of the kernel: its terms in floats at the marks of now.

A row keeps what each of its legs adds to requirement and margin; a new mark replaces
one leg's part and the sums are taken anew with one rounding each. A missing mark is
NaN, and what needs it is unknown. Nothing here knows where a mark comes from.
"""

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bot.domain.money import ZERO
from bot.risk.distance import PEGGED_COINS
from bot.risk.lines import Kind, Leg, Line

__all__ = ["FLOAT_ERROR", "KernelNumbers", "Row"]

FLOAT_ERROR: Final = 1e-12
"""What a sum may be wrong by, as a share of the sum of its absolute terms.

Each term is a weight times a mark, all three correctly rounded (3 x 2^-53), and so is
the sum: the bound is two thousand times wider than that."""

_NOISE: Final = 1e-14
"""A slope under this share of the absolute terms is a rounding of zero."""

_INFINITE: Final = Decimal("Infinity")

_FAR: Final = 1e10
"""A move beyond this is never: no price rises ten-billionfold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelNumbers:
    """The numbers of one subject, in USDT or in the settle currency of futures.

    None is unknown; for ``down`` and ``up`` it also is "no move does", as in
    ``SubjectMeasure``: only a known ``ratio`` tells them apart. ``margin`` is what the
    ratio divides by, of cross futures after opening fees. ``gross`` is the sum of the
    absolute terms of both that are known; each is within ``FLOAT_ERROR`` of it.
    """

    subject: str
    requirement: float | None
    margin: float | None
    ratio: float | None
    down: float | None
    up: float | None
    gross: float
    ratio_error: float
    """The exact ratio is no further from this one; infinite near a margin of zero."""
    distance_error: float
    """The same for ``down`` and ``up``; infinite where they are a rounding of never."""

    @property
    def distance(self) -> float | None:
        """The nearest uniform move to liquidation, a positive fraction."""
        moves = [abs(m) for m in (self.down, self.up) if m is not None]
        return min(moves, default=None)

    @property
    def ratio_bounds(self) -> tuple[Decimal, Decimal] | None:
        """Where the exact ratio lies at least and at most; None is unknown."""
        if self.ratio is None:
            return None
        if math.isinf(self.ratio_error):
            return -_INFINITE, _INFINITE
        ratio, error = Decimal(self.ratio), Decimal(self.ratio_error)
        return ratio - error, ratio + error


class Row:
    """The terms of one subject: marks are placed, numbers are read."""

    __slots__ = (
        "_fixed",
        "_gross",
        "_is_inverse",
        "_is_mixed",
        "_is_owing",
        "_level",
        "_margin",
        "_pegged",
        "_requirement",
        "_weights",
        "line",
        "value",
    )

    def __init__(self, line: Line) -> None:
        self.line = line
        self.value = math.nan
        """What a position with a ladder is worth at its mark, unsigned."""
        legs = line.legs
        self._weights = [
            (float(leg.requirement or 0), float(leg.margin or 0)) for leg in legs
        ]
        self._fixed = [i for i, leg in enumerate(legs) if not leg.is_moved]
        self._pegged = [i for i, leg in enumerate(legs) if _is_pegged(line, leg)]
        self._level = float(line.liquidation)
        self._is_inverse, self._is_mixed = line.is_inverse, line.is_mixed
        self._is_owing = any(leg.requirement is not None for leg in legs)
        nothing = [math.nan] * len(legs)
        ends = (math.nan, math.nan)
        if line.is_known:
            ends = float(line.requirement), float(line.margin)
        self._requirement = [*nothing, ends[0]]
        self._margin = [*nothing, ends[1]]
        self._gross = [0.0] * len(legs) + [abs(ends[0]) + abs(ends[1])]

    def place(self, index: int, mark: Decimal | None) -> None:
        """Give one leg its mark; None is missing.

        Example:
            >>> from bot.risk.lines import Leg, Quote
            >>> leg = Leg(quote=Quote(is_futures=False, name="BTC"), coin="BTC",
            ...     requirement=None, margin=Decimal(2))
            >>> row = Row(Line(subject="margin_cross", kind=Kind.MARGIN, legs=(leg,),
            ...     warning=Decimal("0.95"), liquidation=Decimal("0.97")))
            >>> row.place(0, Decimal(100))
            >>> row.numbers().margin
            200.0
        """
        leg = self.line.legs[index]
        required, held = self._weights[index]
        unit = math.nan if mark is None else float(mark)
        if leg.is_inverse:
            unit = 1.0 / unit
        ladder = self.line.ladder
        if ladder is not None:
            value = leg.value(leg.requirement or ZERO, mark) if mark else ZERO
            self.value = float(value) if mark else math.nan
            required *= float(ladder.rate_at(value))
        requirement = 0.0 if leg.requirement is None else required * unit
        margin = 0.0 if leg.margin is None else held * unit
        self._requirement[index], self._margin[index] = requirement, margin
        self._gross[index] = 0.0 if mark is None else abs(requirement) + abs(margin)

    def terms(self, index: int) -> tuple[float, float]:
        """What one leg adds to requirement and margin now; NaN where unknown."""
        return self._requirement[index], self._margin[index]

    @property
    def constants(self) -> tuple[float, float]:
        """What no mark of a moved coin changes in requirement and margin."""
        return self._without_moves_of(self._fixed)

    def _without_moves_of(self, legs: list[int]) -> tuple[float, float]:
        required, held = self._requirement[-1], self._margin[-1]
        for index in legs:
            required += self._requirement[index]
            held += self._margin[index]
        return required, held

    def numbers(self) -> KernelNumbers:
        """Sum up and solve, at the marks that were placed."""
        required, held = math.fsum(self._requirement), math.fsum(self._margin)
        gross = sum(self._gross)
        ratio = _ratio(required, held, is_margin=self.line.kind is Kind.MARGIN)
        error = FLOAT_ERROR * gross
        down, up, slack = self._moves(required, held, gross)
        return KernelNumbers(
            subject=self.line.subject,
            requirement=None if math.isnan(required) else required,
            margin=None if math.isnan(held) else held,
            ratio=None if math.isnan(ratio) else ratio,
            down=down,
            up=up,
            gross=gross,
            ratio_error=_ratio_error(ratio, held, error),
            distance_error=slack,
        )

    def slopes(self) -> dict[str, float] | None:
        """By coin, d ratio / d ln(price): what a price move of 1 adds, to first order.

        Contracts of a coin move with it. None where the ratio is unknown or infinite.
        """
        required, held = math.fsum(self._requirement), math.fsum(self._margin)
        ratio = _ratio(required, held, is_margin=self.line.kind is Kind.MARGIN)
        if not math.isfinite(ratio) or not math.isfinite(held) or held == 0.0:
            return None
        found: dict[str, float] = {}
        for index, leg in enumerate(self.line.legs):
            if leg.is_moved:
                part = self._requirement[index] - ratio * self._margin[index]
                found[leg.coin] = found.get(leg.coin, 0.0) + leg.power * part / held
        return found

    def _moves(
        self, required: float, held: float, gross: float
    ) -> tuple[float | None, float | None, float]:
        """The uniform moves to liquidation, down and up, and what they may be off."""
        if not self._is_owing or self._is_mixed:
            return None, None, 0.0
        level = self._level
        excess = required - level * held
        if math.isnan(excess):
            return None, None, math.inf
        fixed_requirement, fixed_margin = self._without_moves_of(self._pegged)
        constant = fixed_requirement - level * fixed_margin
        slope = constant if self._is_inverse else excess - constant
        return _zeros(excess, slope, gross)


def _is_pegged(line: Line, leg: Leg) -> bool:
    """Whether a move of the market leaves a leg: of margin accounts pegged coins."""
    return not leg.is_moved or (line.kind is Kind.MARGIN and leg.coin in PEGGED_COINS)


def _zeros(
    excess: float, slope: float, gross: float
) -> tuple[float | None, float | None, float]:
    """Where a line of this height and slope is zero: below, above, and the error.

    Inverse contracts are straight in one over the factor; their zero is the same
    fraction with the constant in the place of the slope.
    """
    error = 2.0 * FLOAT_ERROR * gross
    room = abs(slope) - error
    slack = error / room if room > 0.0 else math.inf
    if excess >= 0.0:
        return 0.0, 0.0, slack
    noise = _NOISE * gross
    if abs(slope) <= noise:
        is_never = -excess - error > _FAR * (abs(slope) + error)
        return None, None, 0.0 if is_never else slack
    move = -excess / slope
    slack *= 1.0 + abs(move)
    if move > 0.0:
        return None, move, slack
    is_price = (1.0 + move) * abs(slope) > noise
    return (move if is_price else None), None, slack


def _ratio(required: float, held: float, *, is_margin: bool) -> float:
    """The debt ratio or risk rate as far as it is known; NaN is unknown.

    The order of the cases is that of ``margin.debt_ratio`` and ``futures.risk_rate``.
    """
    if is_margin and held < 0.0:
        return math.inf
    if required <= 0.0:
        return 0.0
    if held <= 0.0:
        return math.inf
    return required / held


def _ratio_error(ratio: float, held: float, error: float) -> float:
    """How far the exact ratio may be from this one."""
    if math.isinf(ratio):
        return 0.0 if held < -error else math.inf
    room = held - error
    return error * (1.0 + ratio) / room if room > 0.0 else math.inf
