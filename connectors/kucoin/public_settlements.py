"""Funding settlements of a public market: each one once, with the rate it settled at.

A settlement is known by the exchange's notice of it, or, where none came, by the list
of past rates. Its time is the key: what was handed out is never handed out again, and
nothing from before the start is. A settlement that was expected and never stated is
given up after a while and said. Pure state; times are the exchange's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from bot.domain.market import FundingSettlement

__all__ = ["Settlements"]

_SAME: Final = timedelta(minutes=10)
"""Two times nearer than this name one settlement; intervals are an hour or more."""
_PATIENCE: Final = timedelta(minutes=15)
_ASK_EVERY: Final = timedelta(seconds=5)


@dataclass(slots=True, kw_only=True)
class Settlements:
    """What settled since ``start`` and was not handed out yet.

    Example:
        >>> from datetime import UTC
        >>> start = datetime(2026, 1, 1, tzinfo=UTC)
        >>> known, at = Settlements(start=start), start + timedelta(hours=8)
        >>> known.stated("XBTUSDTM", at, Decimal("0.0001"))
        >>> known.stated("XBTUSDTM", at, Decimal("0.0001"))
        >>> len(known.take("XBTUSDTM", at)), len(known.take("XBTUSDTM", at))
        (1, 0)
    """

    start: datetime
    _done: dict[str, datetime] = field(default_factory=dict)
    _expected: dict[str, datetime] = field(default_factory=dict)
    _asked: dict[str, datetime] = field(default_factory=dict)
    _ready: dict[str, dict[datetime, Decimal]] = field(default_factory=dict)

    def since(self, symbol: str) -> datetime:
        """Everything of a contract up to this time is settled."""
        return self._done.get(symbol, self.start)

    def expect(self, symbol: str, settlement_at: datetime, now: datetime) -> None:
        """The exchange says at ``now`` when a contract settles next.

        A time that lies ahead may be moved; one that has passed is still owed.
        """
        known = self._expected.get(symbol)
        is_owed = known is not None and known <= now
        if not is_owed and self._is_new(symbol, settlement_at):
            self._expected[symbol] = settlement_at

    def stated(self, symbol: str, settlement_at: datetime, rate: Decimal) -> None:
        """A contract settled, or settles, at a time and a rate."""
        ready = self._ready.setdefault(symbol, {})
        is_known = any(abs(settlement_at - at) < _SAME for at in ready)
        if self._is_new(symbol, settlement_at) and not is_known:
            ready[settlement_at] = rate

    def overdue(self, now: datetime) -> tuple[str, ...]:
        """Contracts whose settlement has passed unheard: ask for their past rates.

        Each is named again only after some seconds.
        """
        found = []
        for symbol, expected in sorted(self._expected.items()):
            if now < expected + _ASK_EVERY or self._has_ready(symbol, expected):
                continue
            asked = self._asked.get(symbol)
            if asked is None or now - asked >= _ASK_EVERY:
                self._asked[symbol] = now
                found.append(symbol)
        return tuple(found)

    def given_up(self, now: datetime) -> Mapping[str, datetime]:
        """Settlements that nobody stated for too long; they are not waited for."""
        lost = {
            symbol: expected
            for symbol, expected in self._expected.items()
            if now - expected > _PATIENCE and not self._has_ready(symbol, expected)
        }
        for symbol, expected in lost.items():
            self._settled(symbol, expected)
        return lost

    def take(self, symbol: str, now: datetime) -> tuple[FundingSettlement, ...]:
        """What settled up to ``now``, oldest first; it will not be given again."""
        ready = self._ready.get(symbol, {})
        due = sorted(at for at in ready if at <= now)
        taken = tuple(
            FundingSettlement(symbol=symbol, funding_rate=ready.pop(at)) for at in due
        )
        for at in due:
            self._settled(symbol, at)
        return taken

    def _settled(self, symbol: str, at: datetime) -> None:
        self._done[symbol] = max(self.since(symbol), at)
        expected = self._expected.get(symbol)
        if expected is not None and not self._is_new(symbol, expected):
            del self._expected[symbol]

    def _is_new(self, symbol: str, at: datetime) -> bool:
        done = self._done.get(symbol)
        return at > self.start if done is None else at - done >= _SAME

    def _has_ready(self, symbol: str, expected: datetime) -> bool:
        ready = self._ready.get(symbol, {})
        return any(abs(at - expected) < _SAME for at in ready)
