"""How long, and how much of, a hedged pair stood with one leg uncovered.

A coin counts as a pair from the first request that names it as one, or from the moment
its legs cancel (net within the larger of one lot and 0.5 % of the pair), until the
contract is gone and nothing is asked for. From then on every stretch of time with more
than that uncovered is one episode; what was held before the pair is no part of it.
While a market of the coin takes no orders nobody can cover anything: that time, and
what it gained or lost, is kept apart. Times are the venue's. This module only measures.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from typing import Final

from bot.domain.accounts import FUTURES, MAIN
from bot.domain.money import ZERO, plain
from bot.guard.state import GUARD
from bot.risk.exposures import Exposure, coin_exposures
from bot.shadow.state import Shadow

__all__ = ["NakedMeter"]

_SHARE: Final = Decimal("0.005")
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(slots=True)
class _Watched:
    """One pair: what was there before it, and the episode that it is in, if any."""

    base: Decimal
    is_open: bool = False
    open_s: Decimal = ZERO
    """How long this episode has lasted while every market of the coin took orders."""
    at: datetime | None = None
    """When it was last looked at, and what it was then."""
    naked: Decimal = ZERO
    mark: Decimal = ZERO
    is_halted: bool = False


class NakedMeter:
    """Episodes of uncovered legs, by coin.

    Args:
        pairs: Coins of which nothing was held before and all is a pair, for books that
            know no requests; they are followed from the first look to the last.
    """

    def __init__(self, pairs: Iterable[str] = ()) -> None:
        self._all = frozenset(pairs)
        self._pairs = {coin: _Watched(base=ZERO) for coin in self._all}
        self._lasted: list[Decimal] = []
        self._max_usdt = ZERO
        self._halted_s = ZERO
        self._halted_usdt = ZERO
        self._seen: Shadow | None = None

    def see(self, shadow: Shadow) -> None:
        """Look at the holdings if they changed, and at open episodes' size."""
        seen, self._seen = self._seen, shadow
        coins = {coin for coin, pair in self._pairs.items() if pair.is_open}
        if seen is None or seen.requests is not shadow.requests:
            coins |= self._asked(shadow)
        if seen is None or not _holds_same(seen, shadow):
            coins |= {*_coins(shadow), *self._pairs}
        for coin in sorted(coins):
            self._see_coin(shadow, coin)

    def close(self, shadow: Shadow) -> None:
        """End what is still open at the end of the run."""
        for pair in self._pairs.values():
            if pair.is_open:
                self._passed(pair, shadow.at, pair.mark)
                self._ended(pair)

    @property
    def lasted(self) -> tuple[Decimal, ...]:
        """How long each episode that ended lasted while orders were taken, seconds."""
        return tuple(self._lasted)

    def figures(self) -> dict[str, object]:
        """What was measured.

        ``p99_s`` and ``max_s`` of the ``episodes``' lengths while orders were taken,
        the largest size in USDT; ``halted_s`` and ``halted_usdt`` are the time on one
        leg while no orders were taken, and what the prices of it gained or lost.
        """
        lasted = sorted(self._lasted)
        rank = (Decimal(len(lasted)) * Decimal("0.99")).to_integral_value(
            rounding=ROUND_CEILING
        )
        p99 = lasted[max(int(rank) - 1, 0)] if lasted else ZERO
        return {
            "episodes": len(lasted),
            "p99_s": float(p99),
            "max_s": float(max(lasted, default=ZERO)),
            "max_usdt": plain(self._max_usdt),
            "halted_s": float(self._halted_s),
            "halted_usdt": plain(self._halted_usdt),
        }

    def _asked(self, shadow: Shadow) -> set[str]:
        """Coins of which a request names both legs; new ones are followed from here."""
        found: set[str] = set()
        for request in shadow.requests.values():
            coin = request.approved.pair
            if coin is None or request.approved.owner == GUARD:
                continue  # the guard cuts what is there in proportion, hedged or not
            found.add(coin)
            if coin not in self._pairs:
                net = _net(coin_exposures(shadow, coin))
                self._pairs[coin] = _Watched(base=net)
        return found

    def _see_coin(self, shadow: Shadow, coin: str) -> None:
        legs = coin_exposures(shadow, coin)
        futures = [leg for leg in legs if leg.account == FUTURES and not leg.is_wallet]
        net, limit = _net(legs), _limit(shadow, coin, legs)
        pair = self._pairs.get(coin)
        if pair is None:
            if futures and len(legs) > len(futures) and abs(net) <= limit:
                self._pairs[coin] = _Watched(base=ZERO)
            return
        mark = shadow.margin_marks.get(coin, ZERO)
        self._passed(pair, shadow.at, mark)
        if futures and abs(net) <= limit:
            pair.base = ZERO
        pair.naked = net - pair.base
        pair.mark, pair.at = mark, shadow.at
        pair.is_halted = _is_halted(shadow, coin)
        if abs(pair.naked) <= limit:
            self._ended(pair)
            if not (futures or coin in self._all or _is_asked(shadow, coin)):
                del self._pairs[coin]
            return
        pair.is_open = True
        self._max_usdt = max(self._max_usdt, abs(pair.naked) * mark)

    def _passed(self, pair: _Watched, at: datetime, mark: Decimal) -> None:
        """Count the time since the last look to where it belongs."""
        if not pair.is_open or pair.at is None:
            return
        spent = Decimal((at - pair.at) // _MICROSECOND) / 1_000_000
        if pair.is_halted:
            self._halted_s += spent
            self._halted_usdt += pair.naked * (mark - pair.mark)
        else:
            pair.open_s += spent

    def _ended(self, pair: _Watched) -> None:
        if pair.is_open:
            self._lasted.append(pair.open_s)
        pair.is_open, pair.open_s = False, ZERO


def _holds_same(one: Shadow, other: Shadow) -> bool:
    """Whether two shadows share their holdings; they are never changed in place."""
    return one.balances is other.balances and one.positions is other.positions


def _net(legs: Sequence[Exposure]) -> Decimal:
    return sum((leg.base_qty for leg in legs), ZERO)


def _is_asked(shadow: Shadow, coin: str) -> bool:
    return any(each.approved.pair == coin for each in shadow.requests.values())


def _is_halted(shadow: Shadow, coin: str) -> bool:
    """Whether a market of the coin takes no orders now."""
    return any(_base_of(shadow, symbol) == coin for symbol in shadow.halted)


def _base_of(shadow: Shadow, symbol: str) -> str | None:
    contract = shadow.rules.contracts.get(symbol)
    if contract is not None:
        return contract.base
    spot = shadow.rules.spot.get(symbol)
    return None if spot is None else spot.base


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


def _limit(shadow: Shadow, coin: str, legs: Sequence[Exposure]) -> Decimal:
    """The larger of one lot and 0.5 % of the pair, in coins."""
    rules = shadow.rules.contracts
    held = [rules[leg.symbol] for leg in legs if leg.symbol in rules]
    lots = [each.multiplier for each in held if not each.is_inverse]
    if not held:
        known = (each for each in rules.values() if each.base == coin)
        lots = [each.multiplier for each in known if not each.is_inverse]
    pair = max((abs(leg.base_qty) for leg in legs), default=ZERO)
    return max(max(lots, default=ZERO), pair * _SHARE)
