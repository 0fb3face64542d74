"""Coin-margined contracts on a market that records only the linear ones.

No recorded source has them, so an inverse contract (XBTUSDM) takes the price, the
mark and the depth of the linear contract of the same coin (XBTUSDTM), one dollar
counted as one USDT, and pays no funding. It is labelled derived. Only contracts
that an account asks for are added; this module invents no price.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Final, TypeVar

from bot.domain.events import FundingQuoted
from bot.domain.market import Instrument, MarketDescription, MarketInstant, PathOrder
from bot.ports import Market

__all__ = ["inverse_twin", "with_inverse"]

_LINEAR: Final = "USDTM"
_INVERSE: Final = "USDM"
_T = TypeVar("_T")


def inverse_twin(symbol: str) -> str | None:
    """The linear contract whose price an inverse one takes, None if it is not one.

    Example:
        >>> inverse_twin("XBTUSDM"), inverse_twin("XBTUSDTM")
        ('XBTUSDTM', None)
    """
    if symbol.endswith(_LINEAR) or not symbol.endswith(_INVERSE):
        return None
    return symbol.removesuffix(_INVERSE) + _LINEAR


def with_inverse(market: Market, symbols: Sequence[str]) -> Market:
    """The market with the inverse contracts among ``symbols`` that it can derive.

    A market without any is returned as it is.
    """
    traded = {i.perp_symbol: i for i in market.description.instruments}
    twins = {
        symbol: twin
        for symbol in sorted(set(symbols))
        if (twin := inverse_twin(symbol)) is not None and twin in traded
    }
    if not twins:
        return market
    derived = [
        replace(
            traded[twin],
            spot_symbol=None,
            perp_symbol=symbol,
            derived=(f"{symbol} derived from {twin}, no funding",),
        )
        for symbol, twin in twins.items()
    ]
    return _WithInverse(market, twins, tuple(derived))


@dataclass(frozen=True, slots=True)
class _WithInverse:
    """A market and the inverse contracts that ride on its linear ones."""

    market: Market
    twins: Mapping[str, str]
    derived: tuple[Instrument, ...]

    @property
    def description(self) -> MarketDescription:
        """The market's, with the derived contracts named."""
        own = self.market.description
        names = ",".join(self.twins)
        return replace(
            own,
            instruments=(*own.instruments, *self.derived),
            digest=f"{own.digest}+{names}",
        )

    def first_prices(self) -> MarketInstant:
        """The first instant with the derived contracts."""
        return self._with(self.market.first_prices())

    def instants(self, path_order: Mapping[str, PathOrder]) -> Iterator[MarketInstant]:
        """Every instant with the derived contracts."""
        return map(self._with, self.market.instants(path_order))

    def history(self) -> Mapping[str, Sequence[tuple[datetime, Decimal]]]:
        """The market's own."""
        return self.market.history()

    def funding_past(self) -> Mapping[str, tuple[FundingQuoted, ...]]:
        """The market's own; a derived contract has none."""
        return self.market.funding_past()

    def _with(self, instant: MarketInstant) -> MarketInstant:
        """The instant with each inverse contract beside its twin."""
        return replace(
            instant,
            last_prices=self._beside(instant.last_prices),
            futures_marks=self._beside(instant.futures_marks),
            liquidity=self._beside(instant.liquidity),
            halted=self._beside(instant.halted),
        )

    def _beside(self, values: Mapping[str, _T]) -> Mapping[str, _T]:
        found = {s: values[t] for s, t in self.twins.items() if t in values}
        return {**values, **found} if found else values
