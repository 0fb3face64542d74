"""How long, and how much of, a hedged pair stood with one leg uncovered.

A coin counts as a pair from the moment its legs cancel (net within the larger of
one lot and 0.5 % of the pair) until both legs are gone. From then on every
stretch of time with more than that uncovered is one episode. Times are the
venue's. This module only measures.
"""

from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from typing import Final

from bot.domain.accounts import FUTURES, MAIN
from bot.domain.money import ZERO, plain
from bot.risk.exposures import Exposure, coin_exposures
from bot.shadow.state import Shadow

__all__ = ["NakedMeter"]

_SHARE: Final = Decimal("0.005")


class NakedMeter:
    """Episodes of uncovered legs, by coin."""

    def __init__(self) -> None:
        self._since: dict[str, datetime | None] = {}
        self._lasted: list[Decimal] = []
        self._max_usdt = ZERO
        self._seen: Shadow | None = None

    def see(self, shadow: Shadow) -> None:
        """Look at the holdings if they changed, and at open episodes' size."""
        seen, self._seen = self._seen, shadow
        coins = {coin for coin, since in self._since.items() if since is not None}
        if seen is None or not _holds_same(seen, shadow):
            coins |= {*_coins(shadow), *self._since}
        for coin in sorted(coins):
            self._see_coin(shadow, coin)

    def close(self, shadow: Shadow) -> None:
        """End what is still open at the end of the run."""
        for coin, since in self._since.items():
            if since is not None:
                self._ended(since, shadow.at)
                self._since[coin] = None

    def _see_coin(self, shadow: Shadow, coin: str) -> None:
        legs = coin_exposures(shadow, coin)
        futures = [leg for leg in legs if leg.account == FUTURES and not leg.is_wallet]
        net = sum((leg.base_qty for leg in legs), ZERO)
        limit = _limit(shadow, legs, futures)
        since = self._since.get(coin)
        if coin not in self._since:
            if futures and len(legs) > len(futures) and abs(net) <= limit:
                self._since[coin] = None
            return
        if abs(net) <= limit:
            if since is not None:
                self._ended(since, shadow.at)
            self._since[coin] = None
            if not futures:
                del self._since[coin]
            return
        value = abs(net) * shadow.margin_marks.get(coin, ZERO)
        self._max_usdt = max(self._max_usdt, value)
        if since is None:
            self._since[coin] = shadow.at

    def _ended(self, since: datetime, at: datetime) -> None:
        self._lasted.append(Decimal(str((at - since).total_seconds())))

    def figures(self) -> dict[str, object]:
        """``p99_s`` and ``max_s`` of the episodes' lengths, largest size in USDT."""
        lasted = sorted(self._lasted)
        rank = (Decimal(len(lasted)) * Decimal("0.99")).to_integral_value(
            rounding=ROUND_CEILING
        )
        p99 = lasted[max(int(rank) - 1, 0)] if lasted else ZERO
        return {
            "p99_s": float(p99),
            "max_s": float(max(lasted, default=ZERO)),
            "max_usdt": plain(self._max_usdt),
        }


def _holds_same(one: Shadow, other: Shadow) -> bool:
    """Whether two shadows share their holdings; they are never changed in place."""
    return one.balances is other.balances and one.positions is other.positions


def _coins(shadow: Shadow) -> list[str]:
    found = {
        shadow.rules.contracts[key.symbol].base
        for key in shadow.positions
        if key.symbol in shadow.rules.contracts
    }
    for account, coins in shadow.balances.items():
        if account != MAIN:
            found |= {c for c, b in coins.items() if b.total or b.principal}
    return sorted(found - {"USDT"})


def _limit(
    shadow: Shadow, legs: tuple[Exposure, ...], futures: list[Exposure]
) -> Decimal:
    """The larger of one lot and 0.5 % of the pair, in coins."""
    lot = max(
        (
            shadow.rules.contracts[leg.symbol].multiplier
            for leg in futures
            if not shadow.rules.contracts[leg.symbol].is_inverse
        ),
        default=ZERO,
    )
    pair = max((abs(leg.base_qty) for leg in legs), default=ZERO)
    return max(lot, pair * _SHARE)
