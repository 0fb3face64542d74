"""How large an order may be: grids that two legs share, and what the depth costs.

The two legs of a pair count in different steps: whole lots and base increments. A
pair is only as equal as the grid that both can meet. The cost of depth is the one
of DESIGN section 11. Nothing here knows an account or decides anything.
"""

import math
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from typing import Final

from bot.domain.events import LiquidityQuoted
from bot.domain.instruments import ContractRules, SpotRules
from bot.domain.money import ZERO, floor_to

__all__ = [
    "DEPTH_SHARE",
    "common_step",
    "depth_cap",
    "fill_rate",
    "lot_coins",
    "nearest_lots",
    "pair_step",
    "spot_qty",
]

DEPTH_SHARE: Final = Decimal("0.05")
"""The share of a minute's volume that one order of a strategy takes at most."""


def common_step(one: Decimal, other: Decimal) -> Decimal:
    """The smallest quantity that is a whole multiple of both steps.

    Example:
        >>> common_step(Decimal("0.001"), Decimal("0.00000001"))
        Decimal('0.001')
        >>> common_step(Decimal("0.4"), Decimal("0.6"))
        Decimal('1.2')
    """
    if one <= 0 or other <= 0:
        raise ValueError(f"steps must be positive, were {one} and {other}")
    places = 0
    for step in (one, other):
        exponent = step.normalize().as_tuple().exponent
        places = max(places, -exponent if isinstance(exponent, int) else 0)
    scale = Decimal(10) ** places
    return Decimal(math.lcm(int(one * scale), int(other * scale))) / scale


def lot_coins(contract: ContractRules) -> Decimal:
    """The coins of the smallest trade of a linear contract.

    Example:
        >>> from bot.risk.examples import XBTUSDTM
        >>> lot_coins(XBTUSDTM)
        Decimal('0.001')
    """
    if contract.is_inverse:
        raise ValueError(f"{contract.symbol} is inverse: a lot is no number of coins")
    return contract.multiplier * contract.lot_size


def pair_step(spot: SpotRules, contract: ContractRules) -> Decimal:
    """The coins that both legs of a pair can trade exactly, and no fewer."""
    return common_step(lot_coins(contract), spot.base_increment)


def nearest_lots(contract: ContractRules, coins: Decimal) -> Decimal:
    """Coins without sign as lots, to the nearest tradable number of them.

    Example:
        A short of 0.1999999 coins is closed by 200 lots, not by 199.

        >>> from bot.risk.examples import XBTUSDTM
        >>> nearest_lots(XBTUSDTM, Decimal("-0.1999999"))
        Decimal('200')
    """
    steps = (abs(coins) / lot_coins(contract)).to_integral_value(ROUND_HALF_UP)
    return steps * contract.lot_size


def spot_qty(
    rules: SpotRules,
    coins: Decimal,
    price: Decimal | None,
    *,
    rounds_up: bool = False,
) -> Decimal:
    """Coins as an order that the pair's rules accept; zero when none does.

    Args:
        rules: The pair.
        coins: What is wanted, positive.
        price: USDT a coin, for the least value; None leaves that to the exchange.
        rounds_up: To the next increment and to the least order, for buying back
            a debt so that nothing of it stays.

    Example:
        >>> rules = SpotRules(symbol="BTC-USDT", base="BTC", quote="USDT",
        ...     base_increment=Decimal("0.001"), quote_increment=Decimal("0.01"),
        ...     price_increment=Decimal("0.1"), base_min=Decimal("0.002"),
        ...     base_max=Decimal(100), min_funds=Decimal(1),
        ...     price_limit_rate=Decimal("0.1"), fee_class=1)
        >>> price = Decimal(50000)
        >>> spot_qty(rules, Decimal("0.0123"), price)
        Decimal('0.012')
        >>> spot_qty(rules, Decimal("0.0123"), price, rounds_up=True)
        Decimal('0.013')
        >>> spot_qty(rules, Decimal("0.0011"), price)
        Decimal('0')
    """
    step, least = rules.base_increment, rules.base_min
    if price is not None and price > 0:
        least = max(least, rules.min_funds / price)
    if rounds_up:
        wanted = max(coins, least)
        qty = (wanted / step).to_integral_value(ROUND_CEILING) * step
    else:
        qty = floor_to(coins, step)
    qty = min(qty, floor_to(rules.base_max, step))
    return qty if qty >= least else ZERO


def fill_rate(depth: LiquidityQuoted | None, coins: Decimal) -> Decimal | None:
    """What taking ``coins`` at once costs, a fraction of the price; None is unknown.

    ``half_spread + sigma_1m x sqrt(Q / volume_1m)``, DESIGN section 11.

    Example:
        >>> from datetime import UTC, datetime
        >>> depth = LiquidityQuoted(at=datetime(2025, 1, 1, tzinfo=UTC),
        ...     symbol="BTC-USDT", half_spread=Decimal("0.0002"),
        ...     sigma_1m=Decimal("0.001"), volume_1m=Decimal(100))
        >>> fill_rate(depth, Decimal(1))
        Decimal('0.0003')
    """
    if depth is None or depth.volume_1m <= 0:
        return None
    root = (abs(coins) / depth.volume_1m).sqrt()
    return depth.half_spread + depth.sigma_1m * root


def depth_cap(depth: LiquidityQuoted | None, coins: Decimal) -> Decimal:
    """``coins`` cut to what one order may take; uncut where the depth is unknown.

    Cutting is for reductions, which an unknown depth must not stop.
    """
    if depth is None or depth.volume_1m <= 0:
        return coins
    return min(coins, depth.volume_1m * DEPTH_SHARE)
