"""Rate limits as KuCoin has them: weights out of pools, in fixed windows.

A window of 30 seconds begins with the first request that it counts. Private pools
count by user, the public pool by address. The table is KuCoin's for each VIP level
(``spot-margin.md`` 10.2). Times come from the caller's clock, which is the market's:
at ten times the wall's time a window is over in 3 s. Nothing waits here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["WINDOW_S", "Quota", "Quotas", "pool_limits"]

WINDOW_S: Final = 30.0
"""Seconds that a window lasts."""

_SPOT: Final = (
    *(4000, 6000, 8000, 10000, 13000, 16000, 20000),
    *(23000, 26000, 30000, 33000, 36000, 40000),
)
_FUTURES: Final = (
    *(2000, 2000, 4000, 5000, 6000, 7000, 8000),
    *(10000, 12000, 14000, 16000, 18000, 20000),
)
_PUBLIC: Final = 2000
_MOST_OWNERS: Final = 4096


def pool_limits(vip: int) -> Mapping[str, int]:
    """What each pool holds at a VIP level, 0 to 12.

    Example:
        >>> pool_limits(0)
        {'Spot': 4000, 'Futures': 2000, 'Management': 2000, 'Public': 2000}
    """
    futures = _FUTURES[vip]
    return {
        "Spot": _SPOT[vip],
        "Futures": futures,
        "Management": futures,
        "Public": _PUBLIC,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What a pool says to one request; ``is_empty`` refuses it."""

    limit: int
    remaining: int
    reset_ms: int
    is_empty: bool

    def headers(self) -> dict[str, str]:
        """KuCoin's headers of a private answer."""
        return {
            "gw-ratelimit-limit": str(self.limit),
            "gw-ratelimit-remaining": str(self.remaining),
            "gw-ratelimit-reset": str(self.reset_ms),
        }


@dataclass(slots=True)
class _Window:
    began_s: float
    used: int = 0


class Quotas:
    """The windows of every pool and owner.

    Args:
        now_s: A monotonic clock, in seconds.
        limits: Pool to what it holds in a window.

    Example:
        >>> quotas = Quotas(lambda: 0.0, {"Public": 10})
        >>> quotas.take("Public", 8, "1.2.3.4").remaining
        2
        >>> quotas.take("Public", 3, "1.2.3.4").is_empty
        True
        >>> quotas.take("Public", 3, "5.6.7.8").is_empty
        False
    """

    def __init__(self, now_s: Callable[[], float], limits: Mapping[str, int]) -> None:
        self._now_s = now_s
        self._limits = limits
        self._windows: dict[tuple[str, str], _Window] = {}

    def take(self, pool: str, weight: int, owner: str) -> Quota:
        """Take a weight out of a pool, if there is so much left.

        Args:
            pool: Spot, Futures, Management or Public.
            weight: Of the endpoint.
            owner: The user of a private pool, the address at the public one.

        Raises:
            KeyError: There is no such pool.
        """
        limit, now = self._limits[pool], self._now_s()
        window = self._window(pool, owner, now)
        is_empty = window.used + weight > limit
        if not is_empty:
            window.used += weight
        left_s = max(window.began_s + WINDOW_S - now, 0.0)
        return Quota(
            limit=limit,
            remaining=limit - window.used,
            reset_ms=round(left_s * 1000),
            is_empty=is_empty,
        )

    def _window(self, pool: str, owner: str, now: float) -> _Window:
        key = (pool, owner)
        window = self._windows.get(key)
        if window is None or now >= window.began_s + WINDOW_S:
            self._windows.pop(key, None)
            window = self._windows[key] = _Window(now)
        while len(self._windows) > _MOST_OWNERS:
            del self._windows[next(iter(self._windows))]
        return window
