"""The table ``[sizing]`` of ``gnomon.toml`` as limits.

The keys and their ranges stand in ``settings_keys``; here they become one value. Reads
no file and no environment.
"""

from collections.abc import Mapping
from decimal import Decimal

from bot.guard.size_limits import SizingLimits

__all__ = ["sizing_from"]


def sizing_from(values: Mapping[str, object]) -> SizingLimits:
    """What scales new risk, from values that were read against their keys.

    Example:
        >>> from bot.settings_keys import KEYS, read_value
        >>> read = {k.name: read_value(k, k.default) for k in KEYS if k.kind != "bool"}
        >>> sizing_from(read) == SizingLimits()
        True
    """

    def number(name: str) -> Decimal:
        return Decimal(str(values[f"sizing.{name}"]))

    return SizingLimits(
        stable_reserve=number("stable_reserve"),
        gain_step=number("gain_step"),
        gain_hold_h=number("gain_hold_h"),
        target_volatility=number("target_volatility"),
        assumed_volatility=number("assumed_volatility"),
        results_days=int(number("results_days")),
        win_gain=number("win_gain"),
        win_scale=number("win_scale"),
        drawdown=number("drawdown"),
        drawdown_scale=number("drawdown_scale"),
        raise_per_day=number("raise_per_day"),
        bets_share=number("min_bets_share"),
    )
