"""The rules of margin trading: thresholds, coefficients, limits, haircut tiers.

Reads ``GET /api/v1/margin/config``, ``/api/v3/margin/currencies`` (both shapes),
``/api/v3/margin/collateralRatio`` and ``/api/v1/isolated/symbols``. Whatever the
exchange leaves out stays None; this module holds no default of any rule.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from bot.domain.instruments import CollateralTier
from connectors.kucoin.parse.envelope import body, coin, only_of, rows
from connectors.kucoin.parse.node import Node

__all__ = [
    "CoinTerms",
    "IsolatedTerms",
    "MarginConfig",
    "MarginTerms",
    "collateral_tiers",
    "isolated_terms",
    "margin_config",
    "margin_terms",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginConfig:
    """Leverage and thresholds of cross margin; ratios are fractions."""

    max_leverage: Decimal | None
    warning_debt_ratio: Decimal | None
    liquidation_debt_ratio: Decimal | None
    coins: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinTerms:
    """Limits and weight of one coin, in cross margin or as a leg of a pair.

    ``coefficient`` weighs the coin in the debt ratio. Amounts are coins.
    """

    coin: str | None
    coefficient: Decimal | None
    borrow_enabled: bool | None
    borrow_max: Decimal | None
    borrow_min: Decimal | None
    borrow_unit: Decimal | None
    hold_max: Decimal | None
    buy_max: Decimal | None
    precision: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginTerms:
    """Terms of coins in cross margin, and of (base, quote) legs by pair."""

    coins: Mapping[str, CoinTerms] = field(default_factory=dict)
    legs: Mapping[str, tuple[CoinTerms, CoinTerms]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class IsolatedTerms:
    """One isolated pair: its leverage and the debt ratio that liquidates it."""

    symbol: str
    base: str
    quote: str
    max_leverage: Decimal | None
    liquidation_debt_ratio: Decimal | None
    trade_enabled: bool | None


def margin_config(document: Node) -> MarginConfig:
    """Read the thresholds of cross margin."""
    data = body(document)
    data.mapping()
    coins = data["currencyList"]
    return MarginConfig(
        max_leverage=_leverage(data["maxLeverage"]),
        warning_debt_ratio=_ratio(data["warningDebtRatio"]),
        liquidation_debt_ratio=_ratio(data["liqDebtRatio"]),
        coins=()
        if coins.is_blank
        else tuple(coin(item.text()) for item in coins.each()),
    )


def margin_terms(document: Node, only: Collection[str] | None = None) -> MarginTerms:
    """Read one or many answers of ``/api/v3/margin/currencies``.

    Accepts a list of answers (envelopes or their data), one answer, or rows. A
    row with a ``symbol`` states the legs of that pair, any other a cross coin. Where
    ``only`` is given, no other coins are read.

    Raises:
        UsageError: A row is broken, or states a coin or a pair a second time in
            other words.
    """
    coins: dict[str, CoinTerms] = {}
    legs: dict[str, tuple[CoinTerms, CoinTerms]] = {}
    for row in _flatten(body(document)):
        if row["symbol"].is_blank:
            name = coin(row["currency"].text())
            if only is not None and name not in only:
                continue
            terms = _coin_terms(row)
            if coins.setdefault(name, terms) != terms:
                row["currency"].refuse("a coin whose terms are stated once")
        else:
            symbol = row["symbol"].text()
            both = (_leg_terms(row, "base"), _leg_terms(row, "quote"))
            if legs.setdefault(symbol, both) != both:
                row["symbol"].refuse("a pair whose terms are stated once")
    return MarginTerms(coins=coins, legs=legs)


def _flatten(data: Node) -> Iterator[Node]:
    """Rows, however many envelopes and lists are around them (two levels)."""
    if data.is_object:
        yield data
        return
    for item in data.each():
        inner = body(item)
        if inner.is_list:
            yield from (body(row) for row in inner.each())
        else:
            inner.mapping()
            yield inner


def _coin_terms(row: Node) -> CoinTerms:
    return CoinTerms(
        coin=coin(row["currency"].text()),
        coefficient=row["marginCoefficient"].optional_fraction(),
        borrow_enabled=row["borrowEnabled"].optional_flag(),
        borrow_max=row["borrowMaxAmount"].optional_amount(),
        borrow_min=row["borrowMinAmount"].optional_amount(),
        borrow_unit=row["borrowMinUnit"].optional_price(),
        hold_max=row["holdMaxAmount"].optional_amount(),
        buy_max=row["buyMaxAmount"].optional_amount(),
        precision=row["precision"].optional_integer(),
    )


def _leg_terms(row: Node, leg: str) -> CoinTerms:
    return CoinTerms(
        coin=None,
        coefficient=row[f"{leg}MarginCoefficient"].optional_fraction(),
        borrow_enabled=row[f"{leg}BorrowEnabled"].optional_flag(),
        borrow_max=row[f"{leg}MaxBorrowAmount"].optional_amount(),
        borrow_min=row[f"{leg}BorrowMinAmount"].optional_amount(),
        borrow_unit=row[f"{leg}BorrowMinUnit"].optional_price(),
        hold_max=row[f"{leg}MaxHoldAmount"].optional_amount(),
        buy_max=row[f"{leg}MaxBuyAmount"].optional_amount(),
        precision=row[f"{leg}Precision"].optional_integer(),
    )


def collateral_tiers(document: Node) -> Mapping[str, tuple[CollateralTier, ...]]:
    """Read the haircut tiers by coin, in rising order; limits in USDT of value.

    A last tier without an upper limit ends at infinity. Value above the last
    tier does not count as collateral.

    Raises:
        UsageError: A tier is broken or overlaps, or a coin is listed twice.
    """
    found: dict[str, tuple[CollateralTier, ...]] = {}
    for row in rows(document):
        tiers = _tiers(row["items"])
        for name in row["currencyList"].each():
            word = coin(name.text())
            if word in found:
                name.refuse("a coin whose tiers are stated once")
            found[word] = tiers
    return found


def _tiers(node: Node) -> tuple[CollateralTier, ...]:
    tiers = sorted(
        ((_tier(item), item) for item in node.each()), key=lambda pair: pair[0].lower
    )
    floor = Decimal(0)
    for tier, item in tiers:
        if tier.lower < floor or tier.upper <= tier.lower:
            item.refuse("a tier that lies above the one before it")
        floor = tier.upper
    return tuple(tier for tier, _ in tiers)


def _tier(item: Node) -> CollateralTier:
    upper = item["upperLimit"].optional_amount()
    return CollateralTier(
        lower=item["lowerLimit"].amount(),
        upper=Decimal("Infinity") if upper is None else upper,
        ratio=item["collateralRatio"].fraction(),
    )


def isolated_terms(
    document: Node, only: Collection[str] | None = None
) -> Mapping[str, IsolatedTerms]:
    """Read the isolated pairs by symbol; where ``only`` is given, only these.

    Raises:
        UsageError: A row is broken or a pair is listed twice.
    """
    found: dict[str, IsolatedTerms] = {}
    for row in only_of(only, rows(document)):
        base, _, quote = row["symbol"].text().partition("-")
        terms = IsolatedTerms(
            symbol=row["symbol"].text(),
            base=coin(row["baseCurrency"].optional_text() or base),
            quote=coin(row["quoteCurrency"].optional_text() or quote),
            max_leverage=_leverage(row["maxLeverage"]),
            liquidation_debt_ratio=_ratio(row["flDebtRatio"]),
            trade_enabled=row["tradeEnable"].optional_flag(),
        )
        if terms.symbol in found:
            row["symbol"].refuse("a pair that is listed once")
        found[terms.symbol] = terms
    return found


def _ratio(node: Node) -> Decimal | None:
    """A threshold: above 0, at most 1, None where the exchange states none."""
    ratio = node.optional_fraction()
    if ratio is not None and ratio == 0:
        node.refuse("a ratio above 0 and at most 1")
    return ratio


def _leverage(node: Node) -> Decimal | None:
    """A leverage: at least 1, None where the exchange states none."""
    leverage = node.optional_decimal()
    if leverage is not None and leverage < 1:
        node.refuse("a leverage of at least 1")
    return leverage
