"""Years of a carry policy in seconds: one decision a settlement, hour by hour risk.

Every policy answers with the same ``bot.risk.carry_choice``; they differ in what
they offer it. Charged are taker fees of both legs, half-spread and impact of chunks,
borrow interest by the hour, and the basis between the two recorded legs. Sizes are
not cut to lots, collateral is moved between the accounts at a decision without cost,
and at most a twentieth of the minutes' volume is traded, in an hour before the
settlement and on after it. A futures account whose worst hour reaches a risk rate of
1 is liquidated: its perpetuals cost one more hundredth, and everything is left.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from bot.risk.carry_choice import ChoiceRules, Offer, choose
from bot.risk.carry_offer import HOLD_H
from bot.risk.curves import maintenance_rate
from bot.risk.sizing import DEPTH_SHARE
from bot.study.carry_data import CarryCoin, CarryData

__all__ = [
    "CarryPolicy",
    "CarrySize",
    "Held",
    "Replayed",
    "chunk_cost",
    "replay_carry",
]

_HOURS_A_YEAR: Final = 8_760
_CHUNK_USDT: Final = 500.0
_LIQUIDATION_FEE: Final = 0.01
_SHARE: Final = float(DEPTH_SHARE)
_TINY: Final = 1e-9

Held = Mapping[tuple[str, int], float]
"""USDT of notional by coin and direction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrySize:
    """How large an account is, and under what limits; shares are fractions.

    ``margin_share`` lies behind each new USDT of a perpetual or a loan, and
    ``margin_floor`` at least behind one that is held, at every decision.
    """

    capital: float = 100_000.0
    reserve: float = 0.0
    borrow_x: float = 1.0
    margin_share: float = 0.3
    margin_floor: float = 0.2
    hold_h: float = HOLD_H

    @property
    def usable(self) -> float:
        """What is not kept back."""
        return self.capital * (1 - self.reserve)


Offering = Callable[[CarryData, CarrySize, int, Held], list[Offer]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CarryPolicy:
    """What a policy offers, and how much a change must pay for itself."""

    offers: Offering
    enter: float = 1.0
    leave: float = 1.0
    switch: float = 4.0


@dataclass(slots=True)
class Replayed:
    """What became of it, USDT; ``equity`` at every row, the reserve included."""

    equity: list[float]
    parts: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(
            ("price", "funding", "interest", "fees", "slippage", "liquidation"), 0.0
        )
    )
    traded: float = 0.0
    max_risk: float = 0.0
    liquidations: int = 0
    hours_held: float = 0.0

    @property
    def drawdown(self) -> float:
        """The deepest fall from a high of before, a fraction of that high."""
        high, worst = self.equity[0], 0.0
        for value in self.equity:
            high = max(high, value)
            worst = max(worst, 1 - value / high)
        return worst


def chunk_cost(coin: CarryCoin, row: int, usdt: float) -> float:
    """Half-spread and impact of both legs once, in chunks of at most 500 USDT."""
    volume = float(coin.volume_1m[row] * coin.spot[row])
    chunk = min(usdt, _CHUNK_USDT, volume * _SHARE)
    impact = float(coin.sigma_1m[row]) * math.sqrt(chunk / volume)
    return float(coin.half_spread[row]) + 2 * impact


def replay_carry(data: CarryData, policy: CarryPolicy, size: CarrySize) -> Replayed:
    """Walk a stretch from cash to its last row, marked there and not sold.

    Args:
        data: The stretch.
        policy: Who decides.
        size: The account.
    """
    return _Walk(data, policy, size).run()


class _Walk:
    def __init__(self, data: CarryData, policy: CarryPolicy, size: CarrySize) -> None:
        self.data, self.policy, self.size = data, policy, size
        self.coins = {each.coin: each for each in data.coins}
        self.held: dict[tuple[str, int], float] = {}
        self.result = Replayed(equity=[size.capital])
        self.equity = size.capital

    def run(self) -> Replayed:
        """Decide, trade, and let each step happen."""
        for row, hours in enumerate(self.data.hours.tolist()):
            self._decide(row, hours)
            self._happen(row, hours)
            self.result.equity.append(self.equity)
        return self.result

    def _decide(self, row: int, hours: float) -> None:
        notional = {
            key: coins * float(self.coins[key[0]].spot[row])
            for key, coins in self.held.items()
        }
        offers = self.policy.offers(self.data, self.size, row, notional)
        reserve = self.size.capital - self.size.usable
        rules = ChoiceRules(
            capital=max(self.equity - reserve, 0.0),
            enter=self.policy.enter,
            leave=self.policy.leave,
            switch=self.policy.switch,
        )
        targets = choose(offers, rules)
        grows = []
        for key, target in targets.items():
            change = target.notional - notional.get(key, 0.0)
            if change < 0:
                self._trade(key, change, row, hours)
            elif change > 0:
                grows.append((key, change))
        for key, change in grows:
            self._trade(key, change, row, hours)

    def _trade(
        self, key: tuple[str, int], change: float, row: int, hours: float
    ) -> None:
        """Both legs of one pair by at most what the depth of the step takes."""
        coin = self.coins[key[0]]
        if not coin.trades[row] or abs(change) < _TINY:
            return
        price, volume = float(coin.spot[row]), float(coin.volume_1m[row])
        most = volume * price * _SHARE * 60 * hours
        done = math.copysign(min(abs(change), most), change)
        fees = abs(done) * float(coin.fee[row])
        slippage = abs(done) * chunk_cost(coin, row, abs(done))
        self._book("fees", -fees)
        self._book("slippage", -slippage)
        self.result.traded += abs(done)
        coins = self.held.get(key, 0.0) + done / price
        if coins * price <= _TINY:
            self.held.pop(key, None)
        else:
            self.held[key] = coins

    def _happen(self, row: int, hours: float) -> None:
        """Prices, funding and interest of one step, and the risk in between."""
        margin, required = self._risk(row)
        rate = 0.0 if required <= 0 else math.inf if margin <= 0 else required / margin
        self.result.max_risk = max(self.result.max_risk, rate)
        self.result.hours_held += hours if self.held else 0.0
        for key, coins in self.held.items():
            coin, direction = self.coins[key[0]], key[1]
            spot = float(coin.spot[row + 1] - coin.spot[row])
            perp = float(coin.perp[row + 1] - coin.perp[row])
            self._book("price", direction * coins * (spot - perp))
            self._book("funding", direction * coins * float(coin.funding[row]))
            if direction < 0:
                rate_h = float(coin.annual[row]) * self.size.borrow_x / _HOURS_A_YEAR
                owed = coins * float(coin.spot[row])
                self._book("interest", -owed * rate_h * hours)
        if rate >= 1:
            self._liquidate(row)

    def _risk(self, row: int) -> tuple[float, float]:
        """Margin and maintenance of the perpetuals at the worst prices of a step."""
        margin = self.equity - (self.size.capital - self.size.usable)
        lost = required = 0.0
        for (name, direction), coins in self.held.items():
            coin = self.coins[name]
            price = float(coin.perp[row])
            margin -= (
                coins
                * float(coin.spot[row])
                * (1 if direction > 0 else self.size.margin_share)
            )
            extreme = float(coin.high[row] if direction > 0 else coin.low[row])
            extreme = extreme if math.isfinite(extreme) else 1.0
            lost += max(direction * coins * price * (extreme - 1), 0.0)
            rate = maintenance_rate(coin.contract, Decimal(repr(coins)))
            fee = float(coin.contract.taker_fee_rate)
            required += coins * price * extreme * (float(rate or 0) + fee)
        return margin - lost, required

    def _liquidate(self, row: int) -> None:
        self.result.liquidations += 1
        for name, _ in list(self.held):
            coin = self.coins[name]
            coins = sum(n for key, n in self.held.items() if key[0] == name)
            value = coins * float(coin.perp[row + 1])
            self._book("liquidation", -value * _LIQUIDATION_FEE)
            self._book("fees", -value * float(coin.fee[row + 1]))
        self.held.clear()

    def _book(self, part: str, usdt: float) -> None:
        self.result.parts[part] += usdt
        self.equity += usdt
