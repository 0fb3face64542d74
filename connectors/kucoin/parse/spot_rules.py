"""The rules of spot pairs, in both forms the exchange has.

Reads ``GET /api/v2/symbols``, ``/api/v2/symbols/{symbol}``, ``/api/v3/margin/symbols``
and ``/api/v1/trade-fees``.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal

from bot.domain.instruments import SpotRules
from connectors.kucoin.parse.envelope import body, coin, only_of, rows
from connectors.kucoin.parse.node import Node

__all__ = ["SpotListing", "fee_rates", "spot_listings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotListing:
    """One pair: its rules, None where one is not stated, and whether it trades.

    The margin form states no fee class: ``rules`` is None there until it is
    joined with the spot form.
    """

    symbol: str
    base: str
    quote: str
    base_increment: Decimal
    quote_increment: Decimal
    price_increment: Decimal
    base_min: Decimal
    base_max: Decimal
    min_funds: Decimal | None
    price_limit_rate: Decimal
    fee_class: int | None
    is_trading: bool
    is_margin: bool | None

    def rules(self) -> SpotRules | None:
        """The pair's rules in the domain's words, None while one is not known."""
        if self.fee_class is None or self.min_funds is None:
            return None
        return SpotRules(
            symbol=self.symbol,
            base=self.base,
            quote=self.quote,
            base_increment=self.base_increment,
            quote_increment=self.quote_increment,
            price_increment=self.price_increment,
            base_min=self.base_min,
            base_max=self.base_max,
            min_funds=self.min_funds,
            price_limit_rate=self.price_limit_rate,
            fee_class=self.fee_class,
        )


def spot_listings(
    document: Node, only: Collection[str] | None = None
) -> Mapping[str, SpotListing]:
    """Read the pairs by symbol: a list, a page with ``items``, or one pair.

    Args:
        document: The pairs.
        only: Which of them are read: an odd row of a pair that nobody follows must not
            hide the others. None reads all.

    Raises:
        UsageError: A field is missing or broken, or a pair is listed twice.
    """
    data = body(document)
    single = data.is_object and not data["symbol"].is_absent
    found: dict[str, SpotListing] = {}
    for row in only_of(only, (data,) if single else rows(data)):
        item = _listing(row)
        if item.symbol in found:
            row["symbol"].refuse("a pair that is listed once")
        found[item.symbol] = item
    return found


def _listing(row: Node) -> SpotListing:
    fee_class = row["feeCategory"].optional_integer()
    if fee_class is not None and fee_class not in {1, 2, 3}:
        row["feeCategory"].refuse("1, 2 or 3")
    return SpotListing(
        symbol=row["symbol"].text(),
        base=coin(row["baseCurrency"].text()),
        quote=coin(row["quoteCurrency"].text()),
        base_increment=row["baseIncrement"].price(),
        quote_increment=row["quoteIncrement"].price(),
        price_increment=row["priceIncrement"].price(),
        base_min=row["baseMinSize"].amount(),
        base_max=row["baseMaxSize"].price(),
        min_funds=row["minFunds"].optional_amount(),
        price_limit_rate=row["priceLimitRate"].fraction(),
        fee_class=fee_class,
        is_trading=row["enableTrading"].flag(),
        is_margin=row["isMarginEnabled"].optional_flag(),
    )


def fee_rates(document: Node) -> Mapping[str, tuple[Decimal, Decimal]]:
    """Read our own (maker, taker) rates by symbol; makers may be paid.

    The spot host answers a list, the futures host one object.
    """
    data = body(document)
    items = (data,) if data.is_object else tuple(data.each())
    return {
        row["symbol"].text(): (
            row["makerFeeRate"].decimal(),
            row["takerFeeRate"].decimal(),
        )
        for row in items
    }
