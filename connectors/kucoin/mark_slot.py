"""The newest marks, waiting to be taken: one place a name, latest exchange time wins.

KuCoin marks margin coins in BTC and values accounts with all of them, so one price
set has one time: a coin's price in USDT is as old as the older of the two marks that
make it. Pure state; a mark that is older than the one known is dropped.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from bot.domain.events import MarksTicked
from bot.domain.money import ONE
from bot.domain.prices import PricesSeen
from connectors.kucoin.parse.marks import ContractMark, MarginMark, usdt_prices

__all__ = ["MarkSlot"]

_Timed = tuple[Decimal, datetime]


@dataclass(slots=True)
class MarkSlot:
    """Marks by name since they were last taken.

    Example:
        >>> from datetime import UTC
        >>> at, slot = datetime(2026, 1, 1, tzinfo=UTC), MarkSlot()
        >>> for base, price in (("USDT", "0.00002"), ("ETH", "0.05")):
        ...     slot.put_margin(MarginMark(base=base, quote="BTC",
        ...                                price=Decimal(price), at=at))
        >>> [ticked] = slot.take()
        >>> {k: int(v) for k, v in sorted(ticked.margin_marks.items())}
        {'BTC': 50000, 'ETH': 2500, 'USDT': 1}
    """

    received_s: float = 0.0
    """Monotonic time at which the newest mark in here was read."""
    _btc: dict[str, _Timed] = field(default_factory=dict)
    _contracts: dict[str, datetime] = field(default_factory=dict)
    _margin: dict[str, _Timed] = field(default_factory=dict)
    _futures: dict[str, _Timed] = field(default_factory=dict)
    _indexes: dict[str, _Timed] = field(default_factory=dict)
    _skipped: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing has come since the last taking."""
        return not self._margin and not self._futures

    @property
    def newest_at(self) -> datetime | None:
        """The exchange's time of the newest mark that ever came; None before one."""
        times = [at for _, at in self._btc.values()]
        return max([*times, *self._contracts.values()], default=None)

    def late_coins(self, coins: Iterable[str], since: datetime) -> frozenset[str]:
        """The coins whose newest mark is from before ``since``, or was never heard.

        BTC has no mark of its own: it is as old as that of USDT.
        """
        return frozenset(
            coin
            for coin in coins
            if coin != "BTC"
            and ((known := self._btc.get(coin)) is None or known[1] < since)
        )

    def late_contracts(self, symbols: Iterable[str], since: datetime) -> frozenset[str]:
        """The same of contracts."""
        return frozenset(
            symbol
            for symbol in symbols
            if (known := self._contracts.get(symbol)) is None or known < since
        )

    def put_margin(
        self, mark: MarginMark, received_s: float = 0.0, skipped: int = 0
    ) -> None:
        """One margin mark; ``skipped`` were overwritten before they came here."""
        self._skipped += skipped
        if mark.quote != "BTC" or mark.base == "BTC" or mark.price is None:
            return
        known = self._btc.get(mark.base)
        if mark.at is None or (known is not None and mark.at < known[1]):
            return
        self._btc[mark.base] = (mark.price, mark.at)
        self.received_s = max(self.received_s, received_s)
        usdt = self._btc.get("USDT")
        if usdt is None:
            return
        moved = self._btc if mark.base == "USDT" else {mark.base: self._btc[mark.base]}
        self._value(moved, usdt)

    def _value(self, moved: Mapping[str, _Timed], usdt: _Timed) -> None:
        """Value coins in USDT, each as old as the older of its two marks."""
        prices = {name: price for name, (price, _) in moved.items()}
        prices["USDT"] = usdt[0]
        times = {name: min(at, usdt[1]) for name, (_, at) in moved.items()}
        if "USDT" in moved:
            prices["BTC"], times["BTC"] = ONE, usdt[1]
        valued = usdt_prices(prices)
        for name, at in times.items():
            self._skipped += name in self._margin
            self._margin[name] = (valued[name], at)

    def put_contract(
        self, mark: ContractMark, received_s: float = 0.0, skipped: int = 0
    ) -> None:
        """One contract's mark."""
        self._skipped += skipped
        known = self._contracts.get(mark.symbol)
        if mark.at is None or (known is not None and mark.at < known):
            return
        self._contracts[mark.symbol] = mark.at
        self.received_s = max(self.received_s, received_s)
        self._skipped += mark.symbol in self._futures
        self._futures[mark.symbol] = (mark.mark_price, mark.at)
        if mark.index_price is not None:
            self._indexes[mark.symbol] = (mark.index_price, mark.at)

    def take_indexes(self) -> tuple[PricesSeen, ...]:
        """The index prices since the last taking, one event for each time."""
        seen = tuple(
            PricesSeen(
                at=at,
                index_prices={n: p for n, (p, t) in self._indexes.items() if t == at},
            )
            for at in sorted({at for _, at in self._indexes.values()})
        )
        self._indexes = {}
        return seen

    def take(self) -> tuple[MarksTicked, ...]:
        """Everything since the last taking, one event for each time, oldest first."""
        times = {at for _, at in (*self._margin.values(), *self._futures.values())}
        newest = max(times, default=None)
        ticked = tuple(
            MarksTicked(
                at=at,
                margin_marks={n: p for n, (p, t) in self._margin.items() if t == at},
                futures_marks={n: p for n, (p, t) in self._futures.items() if t == at},
                skipped=self._skipped if at == newest else 0,
            )
            for at in sorted(times)
        )
        self._margin, self._futures, self._skipped = {}, {}, 0
        return ticked
