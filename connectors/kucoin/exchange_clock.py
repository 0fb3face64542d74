"""The exchange's time, kept by our monotonic clock between measurements.

``now`` is the time of the exchange's world; it runs at the clock rate, which is 1 at
KuCoin and may be faster at a served venue. Requests are signed with wall time, which
is what the signature window is checked against; only at rate 1 is it the same time,
so only there is it corrected. Durations never come from the wall clock. This module
reads clocks and asks for the server's time; it decides nothing.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from bot.domain.errors import UnreachableError
from connectors.kucoin.answers import Rest
from connectors.kucoin.parse.service import server_time

__all__ = ["ExchangeClock"]

_SAMPLES: Final = 5
_JUMP_S: Final = 1.0
_STAMP_S: Final = 0.001
"""The server's time is told in whole milliseconds."""
_HELD_S: Final = 1.0
"""A correction backwards up to this is waited out, so that ``now`` does not go back."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measurement:
    """The exchange's time at one instant of our clocks, and how sure it is."""

    exchange_s: float
    monotonic_s: float
    wall_s: float
    error_s: float


class ExchangeClock:
    """The exchange's clock as far as we know it; a ``Clock`` of the bot.

    Args:
        rate: Seconds of the exchange's world a second; 1 at KuCoin itself.
        monotonic: Seconds of a clock that never goes back.
        wall: Seconds since 1970 by this machine's clock.
    """

    def __init__(
        self,
        rate: Decimal | float = 1,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,  # noqa: TID251 - signing needs wall time
    ) -> None:
        if not rate > 0:
            raise ValueError(f"rate must be positive, was {rate}")
        self._rate = float(rate)
        self._monotonic = monotonic
        self._wall = wall
        self._last: _Measurement | None = None
        self._latest_s = 0.0

    @property
    def rate(self) -> float:
        """Seconds of the exchange's world a second; 1 at KuCoin itself."""
        return self._rate

    @property
    def is_measured(self) -> bool:
        """Whether the exchange's time is known at all."""
        return self._last is not None

    @property
    def offset_s(self) -> float | None:
        """The exchange's time less ours when it was measured; None before that."""
        last = self._last
        return None if last is None else last.exchange_s - last.wall_s

    @property
    def error_s(self) -> float | None:
        """How far off the measurement can be, in seconds of the exchange's time."""
        return None if self._last is None else self._last.error_s

    @property
    def age_s(self) -> float | None:
        """Real seconds since the measurement; None before the first."""
        if self._last is None:
            return None
        return self._monotonic() - self._last.monotonic_s

    @property
    def jump_s(self) -> float:
        """By how much the wall clock has left the monotonic one since measuring.

        Positive after a suspend or a step forward, negative after a step back.
        """
        if self._last is None:
            return 0.0
        walked_s = self._wall() - self._last.wall_s
        return walked_s - (self._monotonic() - self._last.monotonic_s)

    @property
    def has_jumped(self) -> bool:
        """Whether the machine slept or its clock was set: measure again first."""
        return abs(self.jump_s) > _JUMP_S

    def now(self) -> datetime:
        """The exchange's time.

        It does not go back by a small correction: it stands until time catches up.

        Raises:
            UnreachableError: It was never measured.
        """
        last = self._last
        if last is None:
            raise UnreachableError(
                "The exchange's time is not known yet; connect to the exchange first."
            )
        passed_s = (self._monotonic() - last.monotonic_s) * self._rate
        now_s = last.exchange_s + passed_s
        if self._latest_s - _HELD_S * self._rate <= now_s < self._latest_s:
            now_s = self._latest_s
        self._latest_s = now_s
        return _EPOCH + timedelta(seconds=now_s)

    def signing_ms(self) -> int:
        """The milliseconds to sign with: wall time, corrected where that is right."""
        offset_s = self.offset_s if self._rate == 1 else None
        return int((self._wall() + (offset_s or 0.0)) * 1000)

    async def measure(
        self, rest: Rest, *, endpoint: str = "spot_time", samples: int = _SAMPLES
    ) -> None:
        """Ask for the server's time and keep the quickest of some answers.

        Args:
            rest: Where to ask.
            endpoint: ``spot_time`` or ``futures_time``.
            samples: How often to ask; the first answer pays for the connection.

        Raises:
            UnreachableError: No answer at all; the last measurement stands.
        """
        found: list[_Measurement] = []
        trouble: UnreachableError | None = None
        for _ in range(samples):
            try:
                found.append(await self._sample(rest, endpoint))
            except UnreachableError as error:
                trouble = error
        if found:
            self._last = min(found, key=lambda sample: sample.error_s)
        elif trouble is not None:
            raise trouble

    async def _sample(self, rest: Rest, endpoint: str) -> _Measurement:
        sent_s = self._monotonic()
        told = server_time(await rest.read(endpoint))
        read_s, wall_s = self._monotonic(), self._wall()
        half_s = (read_s - sent_s) / 2
        return _Measurement(
            exchange_s=(told - _EPOCH).total_seconds(),
            monotonic_s=sent_s + half_s,
            wall_s=wall_s - half_s,
            error_s=half_s * self._rate + _STAMP_S,
        )
