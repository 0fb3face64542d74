"""The exchange's rules as of now, for what a run cares about.

The same readings as the simulated venue's (``parse.stated_rules``), from the
exchange's own answers, with the fees of this account. A perpetual contract that states
its end is delisted then; a coin that margin trading listed and lists no more, twice in
a row, is gone already. What is announced is a sentence, too. Nothing here decides what
a change means.

Weights: contracts 3 and 8 for each one followed, spot pairs 4 and 3 for every ten,
margin 58 and 20 for every isolated pair.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from bot.domain.announced import Delisting
from bot.domain.instruments import (
    CollateralTier,
    ContractRules,
    RiskTier,
    Rules,
    SpotRules,
)
from connectors.kucoin.answers import Rest, Urgency
from connectors.kucoin.feed import Interests
from connectors.kucoin.parse.contracts import Contract, contracts, risk_tiers
from connectors.kucoin.parse.margin_rules import (
    CoinTerms,
    collateral_tiers,
    isolated_terms,
    margin_config,
    margin_terms,
)
from connectors.kucoin.parse.spot_rules import fee_rates, spot_listings
from connectors.kucoin.parse.stated_rules import (
    StatedRules,
    coin_rules,
    pair_rules,
    stated_contract,
    stated_spot,
)
from connectors.kucoin.snapshots import gathered

__all__ = ["RulesReader", "changed", "read_rules"]

_FEES_AT_ONCE: Final = 10
_COINS_AT_ONCE: Final = 50
_CASH: Final = "USDT"
_MISSED: Final = 2
_NOW: Final = datetime.fromtimestamp(0, UTC)
"""The time of a delisting that has happened already."""

_Rates = Mapping[str, tuple[Decimal, Decimal]]


class RulesReader:
    """Reads rules again and again, and remembers the contracts it met.

    Args:
        rest: The exchange.
    """

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._contracts: dict[str, ContractRules] = {}
        self._notices: tuple[str, ...] = ()
        self._missed: dict[str, int] = {}
        """Coins that margin trading has listed, to how often in a row it did not."""

    def known_contracts(self) -> Mapping[str, ContractRules]:
        """The rules of the contracts that were read last."""
        return self._contracts

    @property
    def notices(self) -> tuple[str, ...]:
        """Changes that the exchange has announced, as sentences."""
        return self._notices

    async def read(
        self, interests: Interests, urgency: Urgency = Urgency.ROUTINE
    ) -> Rules:
        """The rules of everything a run cares about; what is not listed is left out.

        Raises:
            ExchangeRefusedError: The exchange refuses a question.
            UnreachableError: No sound answer.
            UsageError: A field of an answer is missing or broken.
        """
        stated = await self._stated(interests, urgency)
        listed = sorted(interests.contracts & stated.contracts.keys())
        spot = _spot(stated, interests.spot_symbols | interests.pairs)
        futures_fees = await self._futures_fees(listed, urgency)
        spot_fees = await self._spot_fees(sorted(spot), urgency)
        self._contracts = dict(_contracts(stated, listed, futures_fees))
        ends = _ends(stated.contracts[name] for name in listed)
        gone = self._gone(interests.coins, stated.margin.coins.keys())
        told = _announced(stated.contracts[name] for name in listed)
        self._notices = (*told, *(_left(each) for each in (*ends, *gone)))
        rules = _rules(stated, interests, (spot, spot_fees), self._contracts)
        return replace(rules, delistings=tuple(sorted((*ends, *gone))))

    def _gone(
        self, coins: Iterable[str], listed: Collection[str]
    ) -> tuple[Delisting, ...]:
        """The coins that were listed for margin before, and twice now are not.

        One answer may be incomplete; nothing is left because of one.
        """
        for coin in sorted(set(coins) - {_CASH}):
            if coin in listed:
                self._missed[coin] = 0
            elif coin in self._missed:
                self._missed[coin] += 1
        return tuple(
            Delisting(_NOW, coin)
            for coin, times in sorted(self._missed.items())
            if times >= _MISSED
        )

    async def _stated(self, interests: Interests, urgency: Urgency) -> StatedRules:
        listing, symbols, config, currencies, isolated = await gathered(
            self._rest.read(name, asked, urgency=urgency)
            for name, asked in (
                ("contracts", {}),
                ("symbols", {}),
                ("margin_config", {}),
                ("margin_currencies", {"isIsolated": "false"}),
                ("isolated_symbols", {}),
            )
        )
        known = contracts(listing, interests.contracts)
        pairs = interests.spot_symbols | interests.pairs
        legs = await self._legs(sorted(interests.pairs), urgency)
        terms = margin_terms(currencies, interests.coins)
        return StatedRules(
            contracts=known,
            tiers=await self._tiers(
                sorted(interests.contracts & known.keys()), urgency
            ),
            spot=spot_listings(symbols, pairs),
            margin=replace(terms, legs=legs),
            isolated=isolated_terms(isolated, interests.pairs),
            collateral=await self._collateral(sorted(interests.coins), urgency),
            config=margin_config(config),
        )

    async def _legs(
        self, pairs: Sequence[str], urgency: Urgency
    ) -> Mapping[str, tuple[CoinTerms, CoinTerms]]:
        """The borrowing terms of the two coins of each isolated pair."""
        documents = await gathered(
            self._rest.read(
                "margin_currencies",
                {"isIsolated": "true", "symbol": pair},
                urgency=urgency,
            )
            for pair in pairs
        )
        return {k: v for each in documents for k, v in margin_terms(each).legs.items()}

    async def _tiers(
        self, symbols: Sequence[str], urgency: Urgency
    ) -> Mapping[str, tuple[RiskTier, ...]]:
        documents = await gathered(
            self._rest.read("risk_limits", {"symbol": symbol}, urgency=urgency)
            for symbol in symbols
        )
        return {k: v for each in documents for k, v in risk_tiers(each).items()}

    async def _collateral(
        self, coins: Sequence[str], urgency: Urgency
    ) -> Mapping[str, tuple[CollateralTier, ...]]:
        documents = await gathered(
            self._rest.read(
                "collateral_ratio", {"currencyList": names}, urgency=urgency
            )
            for names in _joined(coins, _COINS_AT_ONCE)
        )
        return {k: v for each in documents for k, v in collateral_tiers(each).items()}

    async def _futures_fees(self, symbols: Sequence[str], urgency: Urgency) -> _Rates:
        documents = await gathered(
            self._rest.read("futures_trade_fees", {"symbol": symbol}, urgency=urgency)
            for symbol in symbols
        )
        return {k: v for each in documents for k, v in fee_rates(each).items()}

    async def _spot_fees(self, symbols: Sequence[str], urgency: Urgency) -> _Rates:
        documents = await gathered(
            self._rest.read("spot_trade_fees", {"symbols": names}, urgency=urgency)
            for names in _joined(symbols, _FEES_AT_ONCE)
        )
        return {k: v for each in documents for k, v in fee_rates(each).items()}


async def read_rules(
    rest: Rest, interests: Interests, urgency: Urgency = Urgency.ROUTINE
) -> Rules:
    """The rules once; see ``RulesReader.read``."""
    return await RulesReader(rest).read(interests, urgency)


def _joined(names: Sequence[str], most: int) -> Iterator[str]:
    """Names as comma lists of at most so many.

    Example:
        >>> list(_joined(["A", "B", "C"], 2))
        ['A,B', 'C']
    """
    for start in range(0, len(names), most):
        yield ",".join(names[start : start + most])


# -- values into rules ------------------------------------------------------


def _spot(stated: StatedRules, symbols: Iterable[str]) -> dict[str, SpotRules]:
    found = {symbol: stated_spot(stated, symbol) for symbol in sorted(symbols)}
    return {symbol: rules for symbol, rules in found.items() if rules is not None}


def _contracts(
    stated: StatedRules, symbols: Iterable[str], fees: _Rates
) -> Iterator[tuple[str, ContractRules]]:
    """Each contract with this account's fees."""
    for symbol in symbols:
        rules = stated_contract(stated, symbol)
        if rules is None:
            continue
        maker, taker = fees.get(symbol, (rules.maker_fee_rate, rules.taker_fee_rate))
        yield symbol, replace(rules, maker_fee_rate=maker, taker_fee_rate=taker)


def _ends(listed: Iterable[Contract]) -> tuple[Delisting, ...]:
    """The perpetual contracts that have an end."""
    return tuple(
        Delisting(item.ends_at, item.symbol)
        for item in listed
        if item.is_perpetual and item.ends_at is not None
    )


def _left(each: Delisting) -> str:
    """A sentence about what leaves.

    Example:
        >>> _left(Delisting(_NOW, "ABC"))
        'ABC counts no more in margin trading.'
    """
    if each.at == _NOW:
        return f"{each.name} counts no more in margin trading."
    return f"KuCoin settles {each.name} for good at {each.at:%Y-%m-%d %H:%M} UTC."


def _announced(listed: Iterable[Contract]) -> Iterator[str]:
    for item in listed:
        parts = {
            "k": (item.k, item.adjust_k),
            "m": (item.m, item.adjust_m),
            "leverage constant": (item.mmr_lev_constant, item.adjust_mmr_lev_constant),
        }
        moves = [
            f"{name} from {now} to {then}"
            for name, (now, then) in parts.items()
            if then is not None and then != now
        ]
        if moves:
            when = "at a time not stated"
            if item.adjust_at is not None:
                when = f"at {item.adjust_at:%Y-%m-%d %H:%M} UTC"
            yield (
                f"KuCoin changes {item.symbol} {when}: {', '.join(moves)}; the account "
                "must stand the worse of both a day before."
            )


def _rules(
    stated: StatedRules,
    interests: Interests,
    spot: tuple[Mapping[str, SpotRules], _Rates],
    known: Mapping[str, ContractRules],
) -> Rules:
    """All of it; a coin that margin trading does not list cannot be borrowed."""
    pairs, fees = spot
    terms, config = stated.margin.coins, stated.config
    margin_coins = {
        name: coin_rules(name, terms[name], stated.collateral.get(name, ()))
        for name in sorted(interests.coins & terms.keys())
    }
    isolated = {
        symbol: pair_rules(stated, pairs[symbol])
        for symbol in sorted(interests.pairs & pairs.keys() & stated.isolated.keys())
    }
    base = Rules()
    return Rules(
        spot=pairs,
        contracts=dict(known),
        margin_coins=margin_coins,
        isolated_pairs=isolated,
        margin_max_leverage=_or(config.max_leverage, base.margin_max_leverage),
        margin_warning_debt_ratio=_or(
            config.warning_debt_ratio, base.margin_warning_debt_ratio
        ),
        margin_liquidation_debt_ratio=_or(
            config.liquidation_debt_ratio, base.margin_liquidation_debt_ratio
        ),
        spot_fee_rates={name: fees[name] for name in pairs if name in fees},
    )


def _or(stated: Decimal | None, default: Decimal) -> Decimal:
    return default if stated is None else stated


# -- what changed -----------------------------------------------------------


def changed(old: Rules, new: Rules) -> list[str]:
    """A sentence for every rule that is another one, in a fixed order.

    Example:
        >>> changed(Rules(), Rules(margin_max_leverage=Decimal(3)))
        ['margin_max_leverage is 3 and was 5.']
    """
    return list(_differences("", old, new))


def _differences(where: str, old: object, new: object) -> Iterator[str]:
    """Walk down mappings and rules to the values that differ."""
    if old == new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in sorted({*old, *new}):
            yield from _differences(f"{where} {name}", old.get(name), new.get(name))
        return
    if is_dataclass(old) and type(old) is type(new):
        for field in fields(old):
            name = f"{where} {field.name}"
            was, now = getattr(old, field.name), getattr(new, field.name)
            yield from _differences(name, was, now)
        return
    yield f"{where.strip()} {_change(old, new)}"


def _change(old: object, new: object) -> str:
    if old is None and is_dataclass(new):
        return "is listed now."
    if new is None and is_dataclass(old):
        return "is no longer listed."
    return f"is {new} and was {old}."
