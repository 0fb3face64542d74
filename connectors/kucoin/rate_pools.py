"""KuCoin's request quotas, counted as the exchange counts them.

A pool is a fixed window of 30 s that begins with its first request; each request
costs its weight. Routine requests may use at most 60 % of a pool, so that the guard
always finds the rest, and the guard's own reads at most 90 %, so that looking never
keeps it from acting. The exchange's own headers overrule our count. ``RatePool`` is
pure; ``RatePools`` adds the waiting. Nothing here sends anything.

What stops a pool: its quota, a 429000 with headers (until the reset, for everybody),
an overload without headers (a doubling pause, for routine requests only), a block by
IP address (1015, for everybody). 200002 stops one endpoint for 10 s.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from connectors.kucoin.answers import Urgency
from connectors.kucoin.endpoints import Endpoint, Pool

__all__ = ["PoolWaitError", "RatePool", "RatePools", "quota"]

WINDOW_S: Final = 30.0
_SLACK_S: Final = 1.0
"""We let a window last longer by this: the exchange's begins when a request arrives."""
_ROUTINE_SHARE: Final = 0.6
_READ_SHARE: Final = 0.9
_PAUSES_S: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
_ENDPOINT_PAUSE_S: Final = 10.0
_BLOCK_S: Final = 30.0
_RESET_MAX_S: Final = 60.0
"""The longest that a header can stop us; a window is half of it."""
_LEAST_SLEEP_S: Final = 0.001

_QUOTAS: Final[Mapping[Pool, tuple[int, ...]]] = {
    Pool.SPOT: (
        *(4000, 6000, 8000, 10000, 13000, 16000, 20000),
        *(23000, 26000, 30000, 33000, 36000, 40000),
    ),
    Pool.FUTURES: (
        *(2000, 2000, 4000, 5000, 6000, 7000, 8000),
        *(10000, 12000, 14000, 16000, 18000, 20000),
    ),
    Pool.MANAGEMENT: (
        *(2000, 2000, 4000, 5000, 6000, 7000, 8000),
        *(10000, 12000, 14000, 16000, 18000, 20000),
    ),
    Pool.PUBLIC: (2000,) * 13,
}


class PoolWaitError(Exception):
    """A request would have to wait too long for its quota; nothing was sent."""


def quota(pool: Pool, vip: int) -> int:
    """The weights a window that a pool grants at a VIP level, 0 to 12.

    Example:
        >>> quota(Pool.SPOT, 0), quota(Pool.FUTURES, 3)
        (4000, 5000)
    """
    levels = _QUOTAS[pool]
    return levels[min(max(vip, 0), len(levels) - 1)]


class RatePool:
    """One pool; every time is of one monotonic clock, in seconds."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._ends_s: float | None = None
        self._used = 0
        self._in_flight = 0
        self._shut_until_s = 0.0
        self._slow_until_s = 0.0
        self._pauses = 0

    @property
    def limit(self) -> int:
        """Weights a window, as last heard."""
        return self._limit

    @property
    def used(self) -> int:
        """Weights of this window, ours and what the exchange says of others."""
        return self._used

    def wait_s(
        self, weight: int, urgency: Urgency, now_s: float, *, is_read: bool = False
    ) -> float:
        """How long a request must wait; 0 when it may go now."""
        self._roll(now_s)
        is_routine = urgency is Urgency.ROUTINE
        held_until_s = max(
            self._shut_until_s, self._slow_until_s if is_routine else 0.0
        )
        share = 1.0
        if is_routine or is_read:
            share = _ROUTINE_SHARE if is_routine else _READ_SHARE
        if self._used + weight > int(self._limit * share):
            ends_s = now_s + WINDOW_S if self._ends_s is None else self._ends_s
            held_until_s = max(held_until_s, ends_s)
        return max(held_until_s - now_s, 0.0)

    def take(self, weight: int, now_s: float) -> None:
        """Count a request that is sent now."""
        self._roll(now_s)
        if self._ends_s is None:
            self._ends_s = now_s + WINDOW_S + _SLACK_S
        self._used += weight
        self._in_flight += weight

    def leave(self, weight: int) -> None:
        """Note that a request has its answer, or never will."""
        self._in_flight -= weight

    def told(self, limit: int, remaining: int, reset_s: float, now_s: float) -> None:
        """Take over what the exchange counts itself.

        Args:
            limit: Weights a window.
            remaining: Weights left in this one.
            reset_s: Seconds to its end.
            now_s: When the answer was read.
        """
        self._roll(now_s)
        ends_s = now_s + min(reset_s, _RESET_MAX_S) + _SLACK_S
        is_later = self._ends_s is None or ends_s > self._ends_s + 2 * _SLACK_S
        ours = self._in_flight if is_later else self._used
        counted = limit - remaining
        self._used = counted + ours if is_later else max(ours, counted)
        self._limit = limit
        self._ends_s = ends_s

    def shut(self, seconds: float, now_s: float) -> None:
        """Stop everybody for some seconds."""
        until_s = now_s + min(seconds, _RESET_MAX_S)
        self._shut_until_s = max(self._shut_until_s, until_s)

    def pause(self, now_s: float) -> None:
        """Stop routine requests, each time in a row for twice as long."""
        step = min(self._pauses, len(_PAUSES_S) - 1)
        self._slow_until_s = max(self._slow_until_s, now_s + _PAUSES_S[step])
        self._pauses = min(self._pauses + 1, len(_PAUSES_S))

    def went_well(self) -> None:
        """Note an answer that was no overload: the next pause is short again."""
        self._pauses = 0

    def _roll(self, now_s: float) -> None:
        """Begin anew where the window is over; what is in flight may fall in it."""
        if self._ends_s is not None and now_s >= self._ends_s:
            self._ends_s = None
            self._used = self._in_flight


@dataclass(frozen=True, slots=True)
class _Quota:
    """The three headers of one answer."""

    limit: int
    remaining: int
    reset_s: float


def _quota_of(headers: Mapping[str, str]) -> _Quota | None:
    """Read the headers, names in lower case; None where one is missing or unsound."""
    names = ("limit", "remaining", "reset")
    texts = [headers.get(f"gw-ratelimit-{name}", "").strip() for name in names]
    if not all(text.isascii() and text.isdigit() and len(text) < 12 for text in texts):  # noqa: PLR2004 - longer is no count
        return None
    limit, remaining, reset_ms = (int(text) for text in texts)
    if not 0 <= remaining <= limit or limit == 0:
        return None
    return _Quota(limit=limit, remaining=remaining, reset_s=reset_ms / 1000)


class RatePools:
    """All pools of one user on one address, and the waiting for them.

    Args:
        vip: The user's VIP level; headers correct it.
        monotonic: Seconds of a clock that never goes back.
        sleep: Waits for some seconds.
        rate: Seconds of the exchange's world in one of those; its windows are in its
            own. 1 at KuCoin itself.
    """

    def __init__(
        self,
        *,
        vip: int,
        monotonic: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        rate: float = 1.0,
    ) -> None:
        self._pools = {pool: RatePool(quota(pool, vip)) for pool in Pool}
        self._monotonic = monotonic
        self._sleep = sleep
        self._rate = rate
        self._paused_until_s: dict[str, float] = {}

    def pool(self, name: Pool) -> RatePool:
        """One pool, to look at."""
        return self._pools[name]

    async def enter(
        self, endpoint: Endpoint, urgency: Urgency, patience_s: float
    ) -> None:
        """Wait until a request may be sent, and count it.

        Every ``enter`` that returned needs its ``leave``.

        Raises:
            PoolWaitError: It would have to wait longer than ``patience_s``.
        """
        pool = self._pools[endpoint.pool]
        give_up_s = self._monotonic() + patience_s
        while (wait_s := self._wait_s(endpoint, urgency) / self._rate) > 0:
            if self._monotonic() + wait_s > give_up_s:
                raise PoolWaitError(
                    f"KuCoin's {endpoint.pool} quota has no room for {endpoint.name} "
                    f"for {wait_s:.1f} s; nothing was sent."
                )
            await self._sleep(max(wait_s, _LEAST_SLEEP_S))
        pool.take(endpoint.weight, self._now_s())

    def leave(self, endpoint: Endpoint) -> None:
        """Note that a request has its answer, or never will."""
        self._pools[endpoint.pool].leave(endpoint.weight)

    def heard(
        self, endpoint: Endpoint, busy_code: str | None, headers: Mapping[str, str]
    ) -> None:
        """Learn from one answer.

        Args:
            endpoint: What was asked.
            busy_code: The code, where it says that we ask too much, else None.
            headers: Of the answer, names in lower case.
        """
        now_s = self._now_s()
        pool = self._pools[endpoint.pool]
        said = _quota_of(headers)
        if said is not None:
            pool.told(said.limit, said.remaining, said.reset_s, now_s)
        if busy_code is None:
            pool.went_well()
        elif busy_code == "1015":
            self._block(now_s)
        elif busy_code == "200002":
            self._paused_until_s[endpoint.name] = now_s + _ENDPOINT_PAUSE_S
        elif said is not None:
            pool.shut(said.reset_s, now_s)
        else:
            pool.pause(now_s)

    def pushed_back(self) -> None:
        """Learn that something before the exchange refused us, with 403 or 429."""
        now_s = self._now_s()
        for pool in self._pools.values():
            pool.pause(now_s)

    def _now_s(self) -> float:
        """Seconds of the exchange's world."""
        return self._monotonic() * self._rate

    def _block(self, now_s: float) -> None:
        for pool in self._pools.values():
            pool.shut(_BLOCK_S, now_s)

    def _wait_s(self, endpoint: Endpoint, urgency: Urgency) -> float:
        now_s = self._now_s()
        paused_s = self._paused_until_s.get(endpoint.name, 0.0) - now_s
        pool = self._pools[endpoint.pool]
        wait_s = pool.wait_s(
            endpoint.weight, urgency, now_s, is_read=not endpoint.is_write
        )
        return max(paused_s, wait_s, 0.0)
