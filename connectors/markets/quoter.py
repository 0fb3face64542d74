"""Funding, borrow rates and depth of a synthetic market, from what it has done.

Funding follows the mean premium since the last settlement by the formula that the
exchanges publish; the interval halves under stress and doubles again in calm.
Borrow rates rise with volatility and with negative funding; depth thins and volume
grows with volatility. Everything quoted at a mark comes from marks up to it.
"""

from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from bot.domain.market import BorrowRate, FundingQuote, FundingSettlement, Liquidity
from bot.domain.money import ZERO
from connectors.markets.figures import figure, time_of
from connectors.markets.funding import borrow_rate
from connectors.markets.liquidity import half_spread_base
from connectors.markets.manifest import perp_symbol_of
from connectors.markets.scenarios import COINS, MARKET

__all__ = ["FundingBook", "depth_quote", "funding_rate", "loan_quote"]

_HOUR_S: Final = 3_600
_DAY_S: Final = 86_400
_INTEREST_8H: Final = 0.0001
_DAMPER: Final = 0.0005
_INTERVAL_MAX_H: Final = 8
_STRESS: Final = 0.75
_CALM: Final = 0.10
_CALM_SETTLEMENTS: Final = 3
_HOURS_A_YEAR: Final = Decimal(8_760)
_DEMAND_SLOPE: Final = 0.25
_DEMAND_MAX: Final = 4.0


def funding_rate(premium: float, cap: float) -> float:
    """The 8 h rate of a mean premium: premium + clamp(interest - premium), capped.

    The interest is 0.01 % and the clamp 0.05 %, as the exchanges publish them.

    Example:
        >>> [round(funding_rate(p, 0.003), 6) for p in (0.0003, 0.001, -0.01)]
        [0.0001, 0.0005, -0.003]
    """
    damped = min(max(_INTEREST_8H - premium, -_DAMPER), _DAMPER)
    return min(max(premium + damped, -cap), cap)


@dataclass(slots=True, kw_only=True)
class FundingBook:
    """The funding of one contract as it goes along; it is told every mean premium."""

    coin: str
    cap: float
    begin_s: int
    interval_h: int = _INTERVAL_MAX_H
    due_s: int = 0
    _calm: int = 0
    _settled: deque[tuple[int, int, Decimal]] = field(default_factory=deque)
    _shown: Decimal | None = None

    def __post_init__(self) -> None:
        self.due_s = self._due_after(self.begin_s)

    def settle(self, at_s: int, premium: float) -> FundingSettlement:
        """Close the interval at its due time; sets the next interval and due time."""
        rate_8h = funding_rate(premium, self.cap)
        rate = self._rate(rate_8h)
        self._settled.append((at_s, self.interval_h, rate))
        while self._settled[0][0] <= at_s - _DAY_S:
            self._settled.popleft()
        self._adapt(abs(rate_8h))
        self.due_s = self._due_after(at_s)
        self._shown = None
        return FundingSettlement(symbol=perp_symbol_of(self.coin), funding_rate=rate)

    def quote(self, premium: float) -> FundingQuote | None:
        """The rate shown now, None when it is what was shown last."""
        rate = self._rate(funding_rate(premium, self.cap))
        if rate == self._shown:
            return None
        self._shown = rate
        return FundingQuote(
            symbol=perp_symbol_of(self.coin),
            funding_rate=rate,
            settlement_at=time_of(self.due_s),
            funding_interval_h=Decimal(self.interval_h),
        )

    def annual_mean(self) -> Decimal:
        """The rates settled in the last 24 h as a mean a year; zero before any."""
        hours = sum(interval for _, interval, _ in self._settled)
        if not hours:
            return ZERO
        total = sum((rate for _, _, rate in self._settled), ZERO)
        return total * _HOURS_A_YEAR / hours

    def _rate(self, rate_8h: float) -> Decimal:
        return Decimal(f"{rate_8h * self.interval_h / _INTERVAL_MAX_H:.6f}")

    def _adapt(self, size: float) -> None:
        if size >= _STRESS * self.cap:
            self.interval_h, self._calm = max(self.interval_h // 2, 1), 0
            return
        self._calm = self._calm + 1 if size < _CALM * self.cap else 0
        if self._calm >= _CALM_SETTLEMENTS and self.interval_h < _INTERVAL_MAX_H:
            self.interval_h, self._calm = self.interval_h * 2, 0

    def _due_after(self, at_s: int) -> int:
        step = self.interval_h * _HOUR_S
        return (at_s // step + 1) * step


def loan_quote(coin: str, annual_funding: Decimal, stress: float) -> BorrowRate:
    """What a coin costs to borrow when volatility is ``stress`` times the usual.

    The assumed rate rises by a quarter for each multiple, to five times at most.

    Example:
        >>> loan_quote("USDT", Decimal(0), 3.0).annual_rate
        Decimal('0.1650')
    """
    demand = min(max(_DEMAND_SLOPE * (stress - 1.0), 0.0), _DEMAND_MAX)
    quiet = borrow_rate(coin, ZERO, Decimal(1))
    loaded = borrow_rate(coin, annual_funding, Decimal(1))
    busy = quiet.annual_rate * Decimal(f"{1.0 + demand:.2f}")
    return BorrowRate(
        coin=coin,
        annual_rate=max(busy, loaded.annual_rate),
        available=loaded.available,
    )


def depth_quote(coin: str, price: float, sigma_1m: float, usual: float) -> Liquidity:
    """Depth of a coin whose volatility is ``sigma_1m`` where ``usual`` is usual."""
    stress = sigma_1m / usual
    spread = half_spread_base(coin) * max(stress, 0.5)
    volume = COINS[coin].volume_usdt_1m / price
    grown = volume * max(stress, 0.1) ** MARKET.volume_elasticity
    return Liquidity(
        half_spread=figure(spread, 4),
        sigma_1m=figure(sigma_1m, 4),
        volume_1m=figure(grown, 4),
    )
