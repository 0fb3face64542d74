"""What the public market said since the last instant, besides marks and prices.

Depth, funding quotes, lending terms and halts wait here until an instant carries them;
of each only the newest counts. Lending rates need a key and are therefore given, as an
assumption; the stock is the exchange's own. Pure state.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from bot.domain.events import Event, FundingQuoted, LiquidityQuoted, TradingHalted
from bot.domain.market import BorrowRate, FundingQuote, Liquidity, MarketInstant

__all__ = ["News"]


@dataclass(slots=True, kw_only=True)
class News:
    """The newest statements; ``borrow`` is what each coin is assumed to cost a year."""

    borrow: Mapping[str, Decimal]
    _liquidity: dict[str, Liquidity] = field(default_factory=dict)
    _quotes: dict[str, FundingQuote] = field(default_factory=dict)
    _halted: dict[str, bool] = field(default_factory=dict)
    _stock: dict[str, Decimal] = field(default_factory=dict)
    _lending: dict[str, BorrowRate] = field(init=False)

    def __post_init__(self) -> None:
        """Every coin can be lent from the first instant on, stock unknown."""
        self._lending = {
            coin: BorrowRate(coin=coin, annual_rate=rate)
            for coin, rate in self.borrow.items()
        }

    def take(self, events: Iterable[Event]) -> None:
        """Keep what the polls and the feed of the live connector tell."""
        for event in events:
            match event:
                case LiquidityQuoted():
                    self._liquidity[event.symbol] = Liquidity(
                        half_spread=event.half_spread,
                        sigma_1m=event.sigma_1m,
                        volume_1m=event.volume_1m,
                    )
                case FundingQuoted():
                    self._quotes[event.symbol] = FundingQuote(
                        symbol=event.symbol,
                        funding_rate=event.funding_rate,
                        settlement_at=event.settlement_at,
                        funding_interval_h=event.funding_interval_h,
                    )
                case TradingHalted():
                    self._halted[event.symbol] = event.is_halted
                case _:
                    pass

    def restock(self, left: Mapping[str, Decimal]) -> None:
        """What the platform has left to lend; a coin that is not stated is unknown."""
        for coin, rate in self.borrow.items():
            stock = left.get(coin)
            if stock is not None and stock != self._stock.get(coin):
                self._stock[coin] = stock
                lent = BorrowRate(coin=coin, annual_rate=rate, available=stock)
                self._lending[coin] = lent

    def stated(self, instant: MarketInstant) -> MarketInstant:
        """The instant with everything that waited; nothing waits afterwards."""
        carried = replace(
            instant,
            liquidity=self._liquidity,
            funding_quotes=tuple(self._quotes[s] for s in sorted(self._quotes)),
            borrow_rates=tuple(self._lending[c] for c in sorted(self._lending)),
            halted=self._halted,
        )
        self._liquidity, self._quotes, self._halted, self._lending = {}, {}, {}, {}
        return carried
