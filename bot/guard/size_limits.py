"""What scales new risk, as the operator chose it: the table ``[sizing]``.

Numbers only; ``size_factors`` and ``size_results`` say what becomes of them.
"""

from dataclasses import dataclass
from decimal import Decimal

__all__ = ["SizingLimits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SizingLimits:
    """Shares and scales are fractions, volatilities those of one day.

    ``stable_reserve`` of all equity stays idle in USDT after new risk. Gains count
    for sizing in steps of ``gain_step`` once they were held ``gain_hold_h`` hours.
    New risk is scaled down where the book is more volatile than
    ``target_volatility`` a day; a coin without history counts with
    ``assumed_volatility``. A rise of ``win_gain`` within ``results_days`` days cuts to
    ``win_scale``, a fall of ``drawdown`` to ``drawdown_scale``; ``raise_per_day`` of
    the whole is given back a day afterwards. ``bets_share`` is what each coin after
    the first must add to the number of independent bets.
    """

    stable_reserve: Decimal = Decimal("0.02")
    gain_step: Decimal = Decimal("0.10")
    gain_hold_h: Decimal = Decimal(24)
    target_volatility: Decimal = Decimal("0.05")
    assumed_volatility: Decimal = Decimal("0.10")
    results_days: int = 7
    win_gain: Decimal = Decimal("0.20")
    win_scale: Decimal = Decimal("0.75")
    drawdown: Decimal = Decimal("0.10")
    drawdown_scale: Decimal = Decimal("0.5")
    raise_per_day: Decimal = Decimal("0.05")
    bets_share: Decimal = Decimal("0.1")
