"""What the venue knows of the market now: prices, marks, depth, rates, halts.

An instant states only some of it anew; the tape keeps the last statement of
each. A price that was never stated is None, and nobody may trade on it. The tape
decides nothing: it must not know accounts or orders.
"""

from decimal import Decimal
from typing import Final

from bot.domain.events import (
    BorrowRateQuoted,
    Event,
    FundingQuoted,
    LiquidityQuoted,
    MarksTicked,
    TradingHalted,
)
from bot.domain.market import BorrowRate, Liquidity, MarketInstant
from bot.domain.money import ONE
from bot.domain.prices import PricesSeen

__all__ = ["NUMERAIRE", "Tape", "spot_symbol"]

NUMERAIRE: Final = "USDT"
"""The coin that marks count in; worth 1 unless its own mark says otherwise."""


class Tape:
    """The last statement of everything the market states.

    Example:
        >>> from datetime import UTC, datetime
        >>> tape = Tape()
        >>> events = tape.take(MarketInstant(
        ...     at=datetime(2025, 1, 1, tzinfo=UTC),
        ...     last_prices={"BTC-USDT": Decimal(50000)},
        ...     margin_marks={"BTC": Decimal(50001)}, futures_marks={}))
        >>> tape.mark("BTC"), tape.mark("USDT"), tape.mark("ETH")
        (Decimal('50001'), Decimal('1'), None)
    """

    def __init__(self) -> None:
        self._last: dict[str, Decimal] = {}
        self._margin_marks: dict[str, Decimal] = {}
        self._futures_marks: dict[str, Decimal] = {}
        self._liquidity: dict[str, Liquidity] = {}
        self._borrow: dict[str, BorrowRate] = {}
        self._halted: dict[str, bool] = {}

    def take(self, instant: MarketInstant) -> list[Event]:
        """Keep what an instant states and say it as events, in a fixed order.

        Halts and depth come first, marks last, so that whoever reads the marks
        already knows what can be traded at them.
        """
        self._last.update(instant.last_prices)
        self._margin_marks.update(instant.margin_marks)
        self._futures_marks.update(instant.futures_marks)
        self._liquidity.update(instant.liquidity)
        self._borrow.update({rate.coin: rate for rate in instant.borrow_rates})
        at = instant.at
        events: list[Event] = [*self._halts(instant), *_depths(instant)]
        events += [
            FundingQuoted(
                at=at,
                symbol=quote.symbol,
                funding_rate=quote.funding_rate,
                settlement_at=quote.settlement_at,
                funding_interval_h=quote.funding_interval_h,
            )
            for quote in instant.funding_quotes
        ]
        events += [
            BorrowRateQuoted(
                at=at,
                coin=rate.coin,
                annual_rate=rate.annual_rate,
                available=rate.available,
            )
            for rate in instant.borrow_rates
        ]
        if instant.margin_marks or instant.futures_marks:
            events.append(_marks(instant))
        return [*_lasts(instant), *events]

    def last(self, symbol: str) -> Decimal | None:
        """The last traded price of a symbol, None before its first trade."""
        return self._last.get(symbol)

    def mark(self, coin: str) -> Decimal | None:
        """The margin mark of a coin in USDT, None before its first mark."""
        mark = self._margin_marks.get(coin)
        return ONE if mark is None and coin == NUMERAIRE else mark

    def futures_mark(self, symbol: str) -> Decimal | None:
        """The mark price of a contract, None before its first mark."""
        return self._futures_marks.get(symbol)

    def liquidity(self, symbol: str) -> Liquidity | None:
        """The depth of a symbol, None where the market never stated it."""
        return self._liquidity.get(symbol)

    def borrow_rate(self, coin: str) -> BorrowRate | None:
        """What a coin costs to borrow, None where it was never quoted."""
        return self._borrow.get(coin)

    def is_halted(self, symbol: str) -> bool:
        """Whether a symbol takes no new orders."""
        return self._halted.get(symbol, False)

    def _halts(self, instant: MarketInstant) -> list[Event]:
        """Symbols that stopped or resumed, said once for each change."""
        changed = {
            symbol: is_halted
            for symbol, is_halted in instant.halted.items()
            if self._halted.get(symbol, False) != is_halted
        }
        self._halted.update(changed)
        return [
            TradingHalted(
                at=instant.at,
                symbol=symbol,
                is_halted=is_halted,
                reason="the market stopped" if is_halted else "the market resumed",
            )
            for symbol, is_halted in sorted(changed.items())
        ]


def _depths(instant: MarketInstant) -> list[Event]:
    """The depth that an instant states, sorted by symbol."""
    return [
        LiquidityQuoted(
            at=instant.at,
            symbol=symbol,
            half_spread=depth.half_spread,
            sigma_1m=depth.sigma_1m,
            volume_1m=depth.volume_1m,
        )
        for symbol, depth in sorted(instant.liquidity.items())
    ]


def _lasts(instant: MarketInstant) -> list[Event]:
    """The contracts' last trades where they are no marks: recorded beside them."""
    marks = instant.futures_marks
    found = {
        symbol: price
        for symbol, price in instant.last_prices.items()
        if symbol in marks and marks[symbol] != price
    }
    return [PricesSeen(at=instant.at, last_prices=found)] if found else []


def _marks(instant: MarketInstant) -> MarksTicked:
    """The marks of an instant, complete, because an unsaid mark would look stale."""
    return MarksTicked(
        at=instant.at,
        margin_marks=dict(instant.margin_marks),
        futures_marks=dict(instant.futures_marks),
    )


def spot_symbol(base: str, quote: str = NUMERAIRE) -> str:
    """KuCoin's name of a spot pair.

    Example:
        >>> spot_symbol("BTC")
        'BTC-USDT'
    """
    return f"{base}-{quote}"
