"""Futures contracts: their rules, parameters and current quotes.

Reads ``GET /api/v1/contracts/active``, ``/api/v1/contracts/{symbol}``,
``/api/v1/contracts/risk-limit/{symbol}`` and ``/api/v2/batchGetCrossOrderLimit``.
A contract before its opening lacks many fields, so each may be None here;
``contract_rules`` is what refuses a contract that cannot be traded on.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, TypeVar

from bot.domain.announced import RiskChange
from bot.domain.errors import UsageError
from bot.domain.instruments import ContractRules, RiskTier
from connectors.kucoin.parse.envelope import body, coin, only_of
from connectors.kucoin.parse.node import Node

__all__ = [
    "Contract",
    "CrossOrderLimit",
    "contract",
    "contract_rules",
    "contracts",
    "cross_order_limits",
    "risk_tiers",
]

T = TypeVar("T")

_HOUR: Final = timedelta(hours=1)
_STATUSES: Final[Mapping[str, str]] = {
    "Init": "announced",
    "Open": "open",
    "BeingSettled": "settling",
    "Settled": "settled",
    "Paused": "paused",
    "Closed": "closed",
    "CancelOnly": "cancel_only",
}

_PERPETUAL: Final = "perpetual"
_TYPES: Final[Mapping[str, str]] = {"FFWCSX": _PERPETUAL, "FFICSX": "dated"}
_UNSTATED: Final = datetime.fromtimestamp(0, UTC)
"""When a change is in force whose time is not stated: already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractCoins:
    """What a contract is of and settles in, in our words; None is not stated."""

    base: str | None
    settle: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """One contract as the exchange lists it; None is what it does not state.

    ``base`` and ``quote`` are in our words; ``settle`` keeps the exchange's word
    (XBT), as wallets do. ``multiplier`` is positive: coins a lot (linear) or quote
    units a lot (inverse). Rates are fractions; ``k`` and ``m`` count coins (linear)
    or lots (inverse).
    """

    symbol: str
    base: str | None
    quote: str | None
    settle: str | None
    is_inverse: bool | None
    multiplier: Decimal | None
    status: str | None
    lot_size: int | None
    tick_size: Decimal | None
    max_order_lots: int | None
    max_leverage: Decimal | None
    k: Decimal | None
    m: Decimal | None
    f: Decimal | None
    mmr_limit: Decimal | None
    mmr_lev_constant: Decimal | None
    maker_fee_rate: Decimal | None
    taker_fee_rate: Decimal | None
    price_band: Decimal | None
    cross_risk_limit: Decimal | None
    initial_margin_rate: Decimal | None
    maintenance_margin_rate: Decimal | None
    funding_rate_cap: Decimal | None
    funding_rate_floor: Decimal | None
    funding_rate: Decimal | None
    predicted_funding_rate: Decimal | None
    funding_interval_h: Decimal | None
    settlement_at: datetime | None
    mark_price: Decimal | None
    index_price: Decimal | None
    last_price: Decimal | None
    adjust_k: Decimal | None
    adjust_m: Decimal | None
    adjust_mmr_lev_constant: Decimal | None
    adjust_at: datetime | None
    is_perpetual: bool = False
    ends_at: datetime | None = None
    """When it is settled for good, where that is stated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossOrderLimit:
    """The exchange's own answer to "how much can be opened", for calibration."""

    symbol: str
    max_lots: int
    total_margin: Decimal
    price: Decimal
    leverage: Decimal
    maintenance_margin_rate: Decimal
    initial_margin_rate: Decimal


def contracts(
    document: Node, only: Collection[str] | None = None
) -> Mapping[str, Contract]:
    """Read all contracts by symbol; one single contract is accepted too.

    Args:
        document: A listing, or one contract.
        only: Of a listing only these are read: an odd row of a contract that nobody
            follows must not hide the others. None reads all.

    Raises:
        UsageError: A field is broken or a symbol is listed twice.
    """
    data = body(document)
    if data.is_object:
        single = contract(data)
        return {single.symbol: single}
    found: dict[str, Contract] = {}
    for row in only_of(only, data.each()):
        item = contract(row)
        if item.symbol in found:
            row["symbol"].refuse("a contract that is listed once")
        found[item.symbol] = item
    return found


def contract_coins(document: Node) -> Mapping[str, ContractCoins]:
    """Read of every listed contract the coins, and nothing else.

    A row whose names cannot be read is left out: what is held in it is read by itself.

    Example:
        >>> row = {"symbol": "XBTMZ26", "baseCurrency": "XBT", "settleCurrency": "XBT"}
        >>> contract_coins(Node([row, {"symbol": 7}], "contracts"))["XBTMZ26"].settle
        'BTC'
    """
    found: dict[str, ContractCoins] = {}
    for row in body(document).each():
        try:
            symbol = row["symbol"].text()
            base = row["baseCurrency"].optional_text()
            settle = row["settleCurrency"].optional_text()
        except UsageError:
            continue
        found[symbol] = ContractCoins(
            base=coin(base) if base else None, settle=coin(settle) if settle else None
        )
    return found


def contract(document: Node) -> Contract:
    """Read one contract.

    Raises:
        UsageError: The symbol is missing, or a field that is there is broken.
    """
    data = body(document)
    base, quote = data["baseCurrency"].optional_text(), data["quoteCurrency"]
    multiplier, is_inverse = _size(data)
    return Contract(
        symbol=data["symbol"].text(),
        base=None if base is None else coin(base),
        quote=None if quote.is_blank else coin(quote.text()),
        settle=data["settleCurrency"].optional_text(),
        is_inverse=is_inverse,
        multiplier=multiplier,
        status=data["status"].state(_STATUSES),
        lot_size=_positive_integer(data["lotSize"]),
        tick_size=data["tickSize"].optional_price(),
        max_order_lots=_positive_integer(data["maxOrderQty"]),
        max_leverage=data["maxLeverage"].optional_price(),
        k=data["k"].optional_price(),
        m=data["m"].optional_price(),
        f=data["f"].optional_price(),
        mmr_limit=data["mmrLimit"].optional_price(),
        mmr_lev_constant=data["mmrLevConstant"].optional_price(),
        maker_fee_rate=data["makerFeeRate"].optional_decimal(),
        taker_fee_rate=data["takerFeeRate"].optional_amount(),
        price_band=_price_band(data),
        cross_risk_limit=data["crossRiskLimit"].optional_amount(),
        initial_margin_rate=data["initialMargin"].optional_price(),
        maintenance_margin_rate=data["maintainMargin"].optional_price(),
        funding_rate_cap=data["fundingRateCap"].optional_decimal(),
        funding_rate_floor=data["fundingRateFloor"].optional_decimal(),
        funding_rate=data["fundingFeeRate"].optional_decimal(),
        predicted_funding_rate=data["predictedFundingFeeRate"].optional_decimal(),
        funding_interval_h=_interval(data),
        settlement_at=data["nextFundingRateDateTime"].optional_time_ms(),
        mark_price=data["markPrice"].optional_price(),
        index_price=data["indexPrice"].optional_price(),
        last_price=data["lastTradePrice"].optional_price(),
        adjust_k=data["adjustK"].optional_price(),
        adjust_m=data["adjustM"].optional_price(),
        adjust_mmr_lev_constant=data["adjustMmrLevConstant"].optional_price(),
        adjust_at=data["adjustActiveTime"].optional_time_ms(),
        is_perpetual=data["type"].state(_TYPES) == _PERPETUAL,
        ends_at=_end(data),
    )


def _end(data: Node) -> datetime | None:
    """The earlier of expiry and settlement; a perpetual states neither, while it is.

    Zero is no time at which a contract ends.
    """
    nodes = (data[name] for name in ("expireDate", "settleDate"))
    times = (node.time_ms() for node in nodes if node.optional_integer())
    return min(times, default=None)


def _size(data: Node) -> tuple[Decimal | None, bool | None]:
    """The size of a lot and whether the contract is inverse.

    The exchange writes the multiplier of an inverse contract as negative. Where
    ``isInverse`` is absent the sign or the settle currency tells.
    """
    multiplier = data["multiplier"].optional_decimal()
    is_inverse = data["isInverse"].optional_flag()
    if multiplier is not None and multiplier == 0:
        data["multiplier"].refuse("a number other than 0")
    if multiplier is not None and multiplier < 0:
        if is_inverse is False:
            data["multiplier"].refuse("positive for a contract that is not inverse")
        return -multiplier, True
    if is_inverse is None:
        is_inverse = _settles_in_base(data)
    return multiplier, is_inverse


def _settles_in_base(data: Node) -> bool | None:
    settle = data["settleCurrency"].optional_text()
    base = data["baseCurrency"].optional_text()
    if settle is None:
        return None
    if settle == data["quoteCurrency"].optional_text():
        return False
    return None if base is None else settle == base


def _positive_integer(node: Node) -> int | None:
    number = node.optional_integer()
    if number is not None and number < 0:
        node.refuse("a whole number that is not negative")
    return number or None


def _price_band(data: Node) -> Decimal | None:
    """How far from the mark an order may be priced, a fraction.

    Newer listings state it (``orderPriceRange``); else it follows from the two
    limits, which lie at (1 + band) and (1 - band) of one reference price.
    """
    stated = data["orderPriceRange"].optional_fraction()
    if stated is not None:
        return stated
    buy, sell = data["buyLimit"].optional_price(), data["sellLimit"].optional_price()
    if buy is None or sell is None or sell >= buy:
        return None
    return (buy - sell) / (buy + sell)


def _interval(data: Node) -> Decimal | None:
    """Hours between settlements: the interval in force, else the configured one."""
    for name in ("currentFundingRateGranularity", "fundingRateGranularity"):
        milliseconds = data[name].optional_price()
        if milliseconds is not None:
            return milliseconds / (_HOUR // timedelta(milliseconds=1))
    return None


def contract_rules(item: Contract, tiers: tuple[RiskTier, ...] = ()) -> ContractRules:
    """The rules of a contract that can be traded.

    Raises:
        UsageError: The exchange leaves out a rule without which no order can be
            sized, priced or margined.
    """

    def need(value: T | None, name: str) -> T:
        if value is None:
            raise UsageError(
                f"The contract {item.symbol} states no {name}; it cannot be traded on."
            )
        return value

    return ContractRules(
        symbol=item.symbol,
        base=need(item.base, "baseCurrency"),
        quote=need(item.quote, "quoteCurrency"),
        settle=need(item.settle, "settleCurrency"),
        is_inverse=need(item.is_inverse, "isInverse"),
        multiplier=need(item.multiplier, "multiplier"),
        lot_size=need(item.lot_size, "lotSize"),
        tick_size=need(item.tick_size, "tickSize"),
        max_order_lots=need(item.max_order_lots, "maxOrderQty"),
        max_leverage=need(item.max_leverage, "maxLeverage"),
        k=item.k,
        m=item.m,
        f=item.f,
        mmr_limit=item.mmr_limit,
        mmr_lev_constant=item.mmr_lev_constant,
        maker_fee_rate=need(item.maker_fee_rate, "makerFeeRate"),
        taker_fee_rate=need(item.taker_fee_rate, "takerFeeRate"),
        price_band=need(item.price_band, "orderPriceRange"),
        cross_risk_limit=item.cross_risk_limit,
        tiers=tiers,
        initial_margin_rate=item.initial_margin_rate,
        maintenance_margin_rate=item.maintenance_margin_rate,
        funding_rate_cap=item.funding_rate_cap,
        funding_rate_floor=item.funding_rate_floor,
        announced=_announced(item),
    )


def _announced(item: Contract) -> RiskChange | None:
    """The constants that the exchange says will change; None where none is another."""
    parts = {
        "k": (item.k, item.adjust_k),
        "m": (item.m, item.adjust_m),
        "mmr_lev_constant": (item.mmr_lev_constant, item.adjust_mmr_lev_constant),
    }
    moved = {
        name: then
        for name, (now, then) in parts.items()
        if then is not None and now is not None and then != now
    }
    return RiskChange(at=item.adjust_at or _UNSTATED, **moved) if moved else None


def risk_tiers(document: Node) -> Mapping[str, tuple[RiskTier, ...]]:
    """Read the isolated risk-limit tiers by contract, smallest first."""
    found: dict[str, list[RiskTier]] = {}
    for row in body(document).each():
        tier = RiskTier(
            max_notional=row["maxRiskLimit"].price(),
            max_leverage=row["maxLeverage"].price(),
            initial_margin_rate=row["initialMargin"].price(),
            maintenance_margin_rate=row["maintainMargin"].price(),
        )
        found.setdefault(row["symbol"].text(), []).append(tier)
    return {
        symbol: tuple(sorted(tiers, key=lambda tier: tier.max_notional))
        for symbol, tiers in found.items()
    }


def cross_order_limits(document: Node) -> tuple[CrossOrderLimit, ...]:
    """Read the exchange's own limits of cross orders."""
    return tuple(
        CrossOrderLimit(
            symbol=row["symbol"].text(),
            max_lots=row["maxOpenSize"].integer(),
            total_margin=row["totalMargin"].amount(),
            price=row["price"].price(),
            leverage=row["leverage"].price(),
            maintenance_margin_rate=row["mmr"].amount(),
            initial_margin_rate=row["imr"].amount(),
        )
        for row in body(document).each()
    )
