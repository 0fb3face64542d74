"""A book with depth, built from a price and a liquidity profile.

Theory of operation. Nobody recorded the books, so they are rebuilt: taking ``Q``
coins costs on average ``half_spread + sigma_1m x sqrt(Q / volume_1m)`` of the mid
price (DESIGN section 11), and no more than a tenth of a minute's volume is there
to be taken. The curve is cut into steps whose walk costs exactly that; every
price is then rounded to the tick, against the taker. ``DepthUse`` remembers what
was taken and lets it flow back at one cap a minute, so that over any longer time
no more than the stated share of the volume trades against us.

Quantities are whatever the caller counts in, as long as the step and the volume
count the same: coins on spot and margin, lots on futures (``in_lots``). This
module keeps no order and moves no money.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final

from bot.domain.instruments import ContractRules
from bot.domain.market import Liquidity
from bot.domain.money import ONE, ZERO, floor_to, round_up
from bot.domain.orders import Side

__all__ = [
    "DEPTH_SHARE",
    "UNKNOWN_HALF_SPREAD",
    "UNKNOWN_SIGMA_1M",
    "UNKNOWN_VOLUME_1M_USDT",
    "DepthUse",
    "Level",
    "Walk",
    "build_levels",
    "depth_cap",
    "impact_price",
    "in_lots",
    "unknown_liquidity",
    "walk",
]

DEPTH_SHARE: Final = Decimal("0.1")
"""The share of a minute's volume that can be taken at once (DESIGN section 11)."""

UNKNOWN_HALF_SPREAD: Final = Decimal("0.002")
UNKNOWN_SIGMA_1M: Final = Decimal("0.005")
UNKNOWN_VOLUME_1M_USDT: Final = Decimal(50000)
"""A market that states no liquidity: 20 bp, 0.5 % a minute, 50,000 USDT a minute.

Our own conservative guess, several times worse than a mid-sized KuCoin pair.
"""

_STEPS: Final = 20
_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Level:
    """One price and how much can be taken there."""

    price: Decimal
    qty: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """What a taker got: ``(price, qty)`` pairs, best first, and what is left."""

    fills: tuple[tuple[Decimal, Decimal], ...]
    remaining: Decimal

    @property
    def qty(self) -> Decimal:
        """The sum of what was filled."""
        return sum((qty for _, qty in self.fills), ZERO)


def unknown_liquidity(price: Decimal) -> Liquidity:
    """The conservative default for a symbol whose liquidity nobody stated.

    Args:
        price: USDT a coin.

    Example:
        >>> unknown_liquidity(Decimal(50000)).volume_1m
        Decimal('1')
    """
    return Liquidity(
        half_spread=UNKNOWN_HALF_SPREAD,
        sigma_1m=UNKNOWN_SIGMA_1M,
        volume_1m=UNKNOWN_VOLUME_1M_USDT / price,
    )


def in_lots(contract: ContractRules, liquidity: Liquidity, price: Decimal) -> Liquidity:
    """The same liquidity with its volume counted in lots of a contract.

    Args:
        contract: Linear: a lot is ``multiplier`` coins. Inverse: a lot is
            ``multiplier`` quote units, worth ``multiplier / price`` coins.
        liquidity: With ``volume_1m`` in base coins.
        price: Quote units a coin.
    """
    coins_a_lot = contract.multiplier
    if contract.is_inverse:
        coins_a_lot = contract.multiplier / price
    return Liquidity(
        half_spread=liquidity.half_spread,
        sigma_1m=liquidity.sigma_1m,
        volume_1m=liquidity.volume_1m / coins_a_lot,
    )


def depth_cap(liquidity: Liquidity, step: Decimal) -> Decimal:
    """The most that can be taken at once: a tenth of a minute's volume, in steps.

    Example:
        >>> from bot.domain.market import Liquidity
        >>> depth_cap(Liquidity(half_spread=ZERO, sigma_1m=ZERO,
        ...                     volume_1m=Decimal("12.34")), Decimal("0.01"))
        Decimal('1.23')
    """
    return floor_to(liquidity.volume_1m * DEPTH_SHARE, step)


def _cost(liquidity: Liquidity, qty: Decimal) -> Decimal:
    """The average cost of taking ``qty``, as a fraction of the mid."""
    if liquidity.volume_1m <= 0:
        return liquidity.half_spread
    root = (qty / liquidity.volume_1m).sqrt()
    return liquidity.half_spread + liquidity.sigma_1m * root


def _on_tick(price: Decimal, side: Side, tick: Decimal) -> Decimal:
    """The price on the grid, rounded against the taker."""
    rounding = ROUND_CEILING if side is Side.BUY else ROUND_FLOOR
    return (price / tick).to_integral_value(rounding=rounding) * tick


def impact_price(
    price: Decimal, liquidity: Liquidity, side: Side, qty: Decimal
) -> Decimal:
    """The average price of taking ``qty`` at once, beyond the cap as well.

    ``price x (1 +- (half_spread + sigma_1m x sqrt(qty / volume_1m)))``, not rounded.
    It can be zero or negative when a sale is absurdly large for its market.

    Example:
        >>> calm = Liquidity(half_spread=Decimal("0.0002"),
        ...                  sigma_1m=Decimal("0.001"), volume_1m=Decimal(100))
        >>> impact_price(Decimal(50000), calm, Side.SELL, Decimal(1)) # 2 bp + 1 bp
        Decimal('49985.0000')
    """
    return price * (ONE + side.sign * _cost(liquidity, qty))


def build_levels(
    price: Decimal, liquidity: Liquidity, side: Side, tick: Decimal, step: Decimal
) -> tuple[Level, ...]:
    """The levels that a taker meets, best first.

    The cumulated sizes grow with the square of the level's number, so that the
    cost grows evenly. Level ``i`` costs ``(Q_i C_i - Q_(i-1) C_(i-1)) / (Q_i -
    Q_(i-1))`` with ``C`` the average cost above; walking whole levels therefore
    costs what the formula says, plus at most a tick.

    Args:
        price: The mid price, positive.
        liquidity: Its ``volume_1m`` in the units of ``step``.
        side: The taker's side: BUY walks the asks.
        tick: The price increment.
        step: The size increment.

    Returns:
        No level at all where a tenth of a minute's volume is less than a step.
    """
    levels: list[Level] = []
    cap = depth_cap(liquidity, step)
    taken, paid = ZERO, ZERO
    for number in range(1, _STEPS + 1):
        reached = floor_to(cap * number * number / (_STEPS * _STEPS), step)
        if reached <= taken:
            continue
        total = reached * _cost(liquidity, reached)
        fraction = (total - paid) / (reached - taken)
        at = _on_tick(price * (ONE + side.sign * fraction), side, tick)
        if at <= 0:
            break
        levels.append(Level(at, reached - taken))
        taken, paid = reached, total
    return tuple(levels)


def walk(
    levels: Sequence[Level],
    qty: Decimal,
    limit_price: Decimal | None = None,
    side: Side = Side.BUY,
    used: Decimal = ZERO,
) -> Walk:
    """Take ``qty`` from the levels, no worse than ``limit_price``.

    Args:
        levels: Best first, as ``build_levels`` gives them.
        qty: How much is wanted.
        limit_price: None takes whatever is there.
        side: The taker's side, which says what is worse.
        used: How much of the front of the book is already gone.

    Example:
        >>> asks = (Level(Decimal(10), Decimal(2)), Level(Decimal(11), Decimal(5)))
        >>> walk(asks, Decimal(4), used=Decimal(1))
        Walk(fills=((Decimal('10'), Decimal('1')), (Decimal('11'), Decimal('3'))), \
remaining=Decimal('0'))
        >>> walk(asks, Decimal(4), Decimal(10)).remaining
        Decimal('2')
    """
    fills: list[tuple[Decimal, Decimal]] = []
    gone, remaining = used, qty
    for level in levels:
        if limit_price is not None and side.sign * (level.price - limit_price) > 0:
            break
        skipped = min(gone, level.qty)
        gone -= skipped
        take = min(level.qty - skipped, remaining)
        if take > 0:
            fills.append((level.price, take))
            remaining -= take
        if remaining == 0:
            break
    return Walk(fills=tuple(fills), remaining=remaining)


@dataclass(slots=True)
class DepthUse:
    """How much of one side of one book is taken, and how it comes back.

    What was taken flows back evenly, one whole cap a minute. The long-run rate is
    therefore a tenth of the volume, whatever the sizes of the orders.

    Example:
        >>> from datetime import UTC, timedelta
        >>> start = datetime(2025, 1, 1, tzinfo=UTC)
        >>> depth = DepthUse(step=Decimal("0.1"))
        >>> depth.take(start, Decimal(3), cap=Decimal(4))
        >>> depth.used(start + timedelta(seconds=15), cap=Decimal(4))
        Decimal('2.0')
        >>> depth.used(start + timedelta(seconds=60), cap=Decimal(4))
        Decimal('0')
    """

    step: Decimal
    _used: Decimal = ZERO
    _at: datetime | None = field(default=None)

    def used(self, at: datetime, cap: Decimal) -> Decimal:
        """What is missing from the front of the book at ``at``, in whole steps."""
        if self._at is None or self._used == 0:
            return ZERO
        passed = at - self._at
        seconds = Decimal(passed.days * 86400 + passed.seconds) + Decimal(
            passed.microseconds
        ).scaleb(-6)
        left = self._used - cap * seconds / _SECONDS
        return round_up(left, self.step) if left > 0 else ZERO

    def take(self, at: datetime, qty: Decimal, cap: Decimal) -> None:
        """Remember that ``qty`` was taken at ``at``."""
        self._used = self.used(at, cap) + qty
        self._at = at
