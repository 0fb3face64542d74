"""An opening account as a clairvoyant's program counts it: float64, linear, one perp.

Read from the plan's own snapshot and rules, so that shapes, lots and rounding are
those of the replay. Isolated margin, inverse contracts and hedge mode are not held
by any shape of the study and are refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from bot.compose import Plan
from bot.domain.accounts import FUTURES, MAIN, MARGIN_CROSS, MarginMode
from bot.domain.instruments import ContractRules

__all__ = ["Holdings", "PerpHolding", "SpotHolding", "holdings_of"]

_SETTLE = "USDT"
_LEAST_TAKER = 0.0006
"""KuCoin's closing fee counts at least this rate in the risk rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotHolding:
    """One coin of the cross margin account, in coins; ``fee`` is the taker rate."""

    coin: str
    symbol: str
    owned: float
    owed: float
    weight: float
    fee: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PerpHolding:
    """One cross futures position: ``size`` in coins, unsigned, ``sign`` its side.

    Maintenance is ``size x mark x min(limit, (1 + size / m) / (2 x constant))``.
    """

    symbol: str
    size: float
    sign: float
    entry: float
    leverage: float
    fee: float
    m: float
    constant: float
    limit: float

    def maintenance(self, size: float) -> tuple[float, float]:
        """Maintenance in coins at a size, and its slope there."""
        rate = (1.0 + size / self.m) / (2.0 * self.constant)
        if rate >= self.limit:
            return 0.0, 0.5 / self.constant
        slope = (1.0 + 2.0 * size / self.m) / (2.0 * self.constant)
        return size * rate, slope


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """What an account holds before anything happens. Amounts of USDT are plain.

    ``level`` is the debt ratio of liquidation.
    """

    spots: tuple[SpotHolding, ...]
    perps: tuple[PerpHolding, ...]
    cash: float
    owed_cash: float
    wallet: float
    reserve: float
    level: float

    @property
    def borrowed(self) -> Mapping[str, float]:
        """What is owed in coins, by coin, USDT included."""
        owed = {spot.coin: spot.owed for spot in self.spots}
        return {**owed, _SETTLE: self.owed_cash}


def holdings_of(plan: Plan) -> Holdings:
    """The opening of a plan.

    Raises:
        ValueError: It holds what no shape of the study holds.
    """
    opening, rules = plan.opening, plan.rules
    margin = opening.balances.get(MARGIN_CROSS, {})
    wallet = opening.balances.get(FUTURES, {}).get(_SETTLE)
    reserve = opening.balances.get(MAIN, {}).get(_SETTLE)
    spots = []
    for coin, balance in sorted(margin.items()):
        if coin == _SETTLE:
            continue
        symbol = f"{coin}-{_SETTLE}"
        known = rules.margin_coins.get(coin)
        spots.append(
            SpotHolding(
                coin=coin,
                symbol=symbol,
                owned=float(balance.total),
                owed=float(balance.liability),
                weight=1.0 if known is None else float(known.coefficient),
                fee=float(rules.spot_fee_rates[symbol][1]),
            )
        )
    cash = margin.get(_SETTLE)
    return Holdings(
        spots=tuple(spots),
        perps=_perps(plan),
        cash=0.0 if cash is None else float(cash.total),
        owed_cash=0.0 if cash is None else float(cash.liability),
        wallet=0.0 if wallet is None else float(wallet.total),
        reserve=0.0 if reserve is None else float(reserve.total),
        level=float(rules.margin_liquidation_debt_ratio),
    )


def _perps(plan: Plan) -> tuple[PerpHolding, ...]:
    found: list[PerpHolding] = []
    for key, position in sorted(plan.opening.positions.items()):
        contract = plan.rules.contracts[key.symbol]
        if contract.is_inverse or position.mode is not MarginMode.CROSS:
            raise ValueError(f"{key}: the bound knows linear cross positions only")
        m, constant, limit = _curve(contract)
        size = abs(Decimal(position.lots)) * contract.multiplier
        found.append(
            PerpHolding(
                symbol=key.symbol,
                size=float(size),
                sign=1.0 if position.lots > 0 else -1.0,
                entry=float(abs(position.entry_value) / size),
                leverage=float(position.leverage),
                fee=max(float(contract.taker_fee_rate), _LEAST_TAKER),
                m=m,
                constant=constant,
                limit=limit,
            )
        )
    return tuple(found)


def _curve(contract: ContractRules) -> tuple[float, float, float]:
    m, constant, limit = contract.m, contract.mmr_lev_constant, contract.mmr_limit
    if m is None or constant is None or limit is None:
        raise ValueError(f"{contract.symbol}: the bound needs its margin curve")
    return float(m), float(constant), float(limit)
