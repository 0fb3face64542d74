"""The rules that a simulated venue trades by, and an honest list of the assumed ones.

For each instrument of a market: its own documents win, then our table ``rules.toml``,
then the assumptions of DESIGN section 11, scaled to the first price. An instrument that
is neither stated nor traded at the start has no price to scale by and therefore no
rules: the venue refuses it as unknown. This module decides which source wins and
computes no rule itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from bot.domain.errors import UsageError
from bot.domain.fees import MAX_VIP, futures_fee_rates, spot_fee_rates
from bot.domain.instruments import (
    ContractRules,
    IsolatedPairRules,
    MarginCoinRules,
    Rules,
    SpotRules,
)
from bot.domain.market import MarketDescription, MarketInstant
from connectors.venue.rules_assumed import (
    assumed_spot,
    assumed_tiers,
    complete_contract,
    is_complete,
)
from connectors.venue.rules_documents import (
    StatedRules,
    coin_rules,
    pair_rules,
    read_documents,
    stated_contract,
    stated_spot,
)
from connectors.venue.rules_table import ContractFacts, RulesTable, read_table

__all__ = ["assumptions", "rules_for"]

_QUOTE: Final = "USDT"
_LINEAR_SUFFIX: Final = "USDTM"
_CROSS_LEVERAGE: Final = Decimal(5)
_WARNING: Final = Decimal("0.95")
_LIQUIDATION: Final = Decimal("0.97")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sources:
    """Where rules come from, in falling order of trust, and the fee level."""

    stated: StatedRules
    table: RulesTable
    first: MarketInstant
    vip: int


def rules_for(
    market: MarketDescription,
    first: MarketInstant,
    documents: Mapping[str, object] | None,
    vip: int,
) -> Rules:
    """The rules of every instrument of a market.

    Args:
        market: Says which symbols there are.
        first: The market at its start; assumed sizes are scaled to its prices.
        documents: KuCoin bodies by name (``rules_documents.DOCUMENT_KEYS``), decoded
            with exact numbers, or None.
        vip: Fee level, 0 to 12.

    Raises:
        UsageError: The level does not exist, or a document is broken.
    """
    if not 0 <= vip <= MAX_VIP:
        raise UsageError(f"vip must be a level from 0 to {MAX_VIP}, was {vip}.")
    sources = _Sources(
        stated=read_documents(documents), table=read_table(), first=first, vip=vip
    )
    spot, assumed_pairs = _spot(market, sources)
    contracts, assumed_contracts = _contracts(market, sources)
    config = sources.stated.config
    return Rules(
        spot=spot,
        contracts=contracts,
        margin_coins=_margin_coins(spot, sources),
        isolated_pairs=_isolated_pairs(spot, sources),
        margin_max_leverage=_or(config.max_leverage, _CROSS_LEVERAGE),
        margin_warning_debt_ratio=_or(config.warning_debt_ratio, _WARNING),
        margin_liquidation_debt_ratio=_or(config.liquidation_debt_ratio, _LIQUIDATION),
        spot_fee_rates={name: _spot_fees(pair, vip) for name, pair in spot.items()},
        assumed=frozenset(assumed_pairs | assumed_contracts),
    )


def _or(stated: Decimal | None, default: Decimal) -> Decimal:
    return default if stated is None else stated


def _spot_fees(pair: SpotRules, vip: int) -> tuple[Decimal, Decimal]:
    rates = spot_fee_rates(vip, pair.fee_class)
    return rates.maker, rates.taker


def _spot(
    market: MarketDescription, sources: _Sources
) -> tuple[dict[str, SpotRules], set[str]]:
    """Spot pairs by symbol, and which of them are assumed."""
    found: dict[str, SpotRules] = {}
    assumed: set[str] = set()
    for instrument in market.instruments:
        symbol, base = instrument.spot_symbol, instrument.coin
        if symbol is None:
            continue
        known = stated_spot(sources.stated, symbol) or sources.table.spot.get(symbol)
        price = sources.first.last_prices.get(
            symbol, sources.first.margin_marks.get(base)
        )
        if known is None and price is not None:
            known = assumed_spot(symbol, base, _QUOTE, price)
            assumed.add(symbol)
        if known is not None:
            found[symbol] = known
    return found, assumed


def _contracts(
    market: MarketDescription, sources: _Sources
) -> tuple[dict[str, ContractRules], set[str]]:
    """Contracts by symbol, and which of them rest on an assumption."""
    bases = {
        instrument.perp_symbol: instrument.coin
        for instrument in market.instruments
        if instrument.perp_symbol is not None
    }
    found: dict[str, ContractRules] = {}
    assumed: set[str] = set()
    for symbol in dict.fromkeys((*bases, *sorted(sources.first.futures_marks))):
        stated = stated_contract(sources.stated, symbol)
        if stated is not None:
            found[symbol] = _with_tiers(_with_level(stated, sources.vip))
            continue
        facts = _facts(symbol, bases.get(symbol), sources.table)
        price = sources.first.futures_marks.get(
            symbol, sources.first.last_prices.get(symbol)
        )
        if facts is None or price is None:
            continue
        found[symbol] = complete_contract(facts, price, sources.vip)
        if not is_complete(facts):
            assumed.add(symbol)
    return found, assumed


def _facts(symbol: str, base: str | None, table: RulesTable) -> ContractFacts | None:
    """What the table knows, or the bare name of a linear contract of a known coin."""
    if symbol in table.contracts:
        return table.contracts[symbol]
    if base is None and symbol.endswith(_LINEAR_SUFFIX):
        base = symbol.removesuffix(_LINEAR_SUFFIX)
    if base is None:
        return None
    return ContractFacts(
        symbol=symbol, base=base, quote=_QUOTE, settle=_QUOTE, is_inverse=False
    )


def _with_level(contract: ContractRules, vip: int) -> ContractRules:
    """A listed contract at our fee level; a special rate of its own is kept."""
    base, ours = futures_fee_rates(0), futures_fee_rates(vip)
    maker, taker = contract.maker_fee_rate, contract.taker_fee_rate
    return replace(
        contract,
        maker_fee_rate=ours.maker if maker == base.maker else maker,
        taker_fee_rate=ours.taker if taker == base.taker else taker,
    )


def _with_tiers(contract: ContractRules) -> ContractRules:
    """A listed contract whose isolated tiers nobody stated gets assumed ones."""
    initial = contract.initial_margin_rate
    maintenance = contract.maintenance_margin_rate
    if contract.tiers or initial is None or maintenance is None:
        return contract
    known = read_table().contracts.get(contract.symbol)
    if known is not None and known.tiers:
        return replace(contract, tiers=known.tiers)
    first = None if known is None else known.risk_limit
    if first is None:
        if contract.is_inverse:
            return contract
        first = Decimal(25_000)
    tiers = assumed_tiers(contract.max_leverage, (initial, maintenance), first)
    return replace(contract, tiers=tiers)


def _margin_coins(
    spot: Mapping[str, SpotRules], sources: _Sources
) -> dict[str, MarginCoinRules]:
    """The cross-margin rules of every coin that a pair trades."""
    coins = sorted({name for pair in spot.values() for name in (pair.base, pair.quote)})
    found: dict[str, MarginCoinRules] = {}
    for name in coins:
        terms = sources.stated.margin.coins.get(name)
        tiers = sources.stated.collateral.get(name, ())
        known = sources.table.margin.get(name)
        if terms is None and known is not None:
            found[name] = replace(known, tiers=tiers)
        else:
            found[name] = coin_rules(name, terms, tiers)
    return found


def _isolated_pairs(
    spot: Mapping[str, SpotRules], sources: _Sources
) -> dict[str, IsolatedPairRules]:
    """The isolated pairs: the listed ones, or every pair where nothing is listed."""
    listed = sources.stated.isolated
    return {
        symbol: pair_rules(sources.stated, pair)
        for symbol, pair in spot.items()
        if not listed or symbol in listed
    }


def assumptions(rules: Rules) -> tuple[str, ...]:
    """The assumed rules as sentences for a report; empty where all were stated."""
    if not rules.assumed:
        return ()
    names = ", ".join(sorted(rules.assumed))
    scaled = (
        f"Rules assumed for {names}: nobody stated them, so lots, ticks and margin "
        "curves are scaled to the first price (a lot worth 1 to 10 USDT, a tick about "
        "0.01 % of the price, constant 50 unless known, m 3 M and k 5 M USDT, limit "
        "0.3, f 1.3); spot fees are class B."
    )
    tiers = (
        "Isolated futures tiers follow the shape of XBTUSDTM's ladder where KuCoin's "
        "own tiers are not known."
    )
    margin = (
        f"Margin: coefficient 1 unless stated, cross leverage up to "
        f"{rules.margin_max_leverage}x, liquidation at a debt ratio of "
        f"{rules.margin_liquidation_debt_ratio}."
    )
    return scaled, tiers, margin
