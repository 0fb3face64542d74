"""What is read of KuCoin's public side before a run on paper begins, without any key.

The exchange's own rules as documents, its prices of this moment, and what is followed.
What needs a key (the terms of margin coins, the user's own fees, lending rates) is not
read; who opens the run takes assumptions for it and says so. Nothing here decides.

Weights: about 60 once, and 10 for every contract and pair that is followed.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.domain.errors import UsageError
from bot.domain.market import Instrument, MarketInstant
from connectors.kucoin.answers import ExchangeRefusedError, Rest
from connectors.kucoin.feed import Interests
from connectors.kucoin.interests import with_coins
from connectors.kucoin.parse.contracts import contracts
from connectors.kucoin.parse.envelope import body, only_of
from connectors.kucoin.parse.marks import contract_mark, usdt_marks
from connectors.kucoin.parse.node import Node
from connectors.kucoin.parse.spot_rules import spot_listings
from connectors.kucoin.parse.tickers import Ticker, futures_ticker, spot_ticker

__all__ = [
    "PublicStart",
    "instruments_of",
    "market_digest",
    "read_start",
    "read_ticker",
]

_COINS_AT_ONCE: Final = 50
_BY_SYMBOL: Final = ("contracts", "symbols", "isolated_symbols")
_FAMILIES: Final = (*_BY_SYMBOL, "margin_config")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicStart:
    """The market at the start.

    ``documents`` are KuCoin's bodies by the names that the simulated venue reads, with
    the rows of what is followed: an odd row of anything else is nobody's trouble.
    ``interests`` what was asked for and is listed.
    """

    interests: Interests
    documents: Mapping[str, object]
    first: MarketInstant


async def read_start(rest: Rest, at: datetime, wanted: Interests) -> PublicStart:
    """Read rules and prices.

    Args:
        rest: The public side.
        at: The exchange's time.
        wanted: What is to be followed; pairs that are not listed are left out.

    Raises:
        UsageError: A contract is not listed, or an answer is broken.
        ExchangeRefusedError: The exchange refuses a question.
        UnreachableError: No sound answer.
    """
    bodies = {name: body(await rest.read(name)) for name in _FAMILIES}
    interests = _listed(wanted, bodies)
    documents = {name: node.value for name, node in bodies.items()}
    followed = interests.contracts | interests.spot_symbols
    documents |= {
        name: [row.value for row in only_of(followed, bodies[name].each())]
        for name in _BY_SYMBOL
    }
    documents["collateral_ratio"] = await _collateral(rest, interests)
    documents["risk_limits"] = await _tiers(rest, interests)
    return PublicStart(
        interests=interests,
        documents=documents,
        first=await _first(rest, at, interests),
    )


def _listed(wanted: Interests, bodies: Mapping[str, Node]) -> Interests:
    """What is listed of it, with the coins of its contracts.

    Raises:
        UsageError: A contract is not: nothing could stand for it.
    """
    known = contracts(bodies["contracts"], wanted.contracts)
    missing = sorted(wanted.contracts - known.keys())
    if missing:
        raise UsageError(
            f"KuCoin lists no contract {missing[0]} now; remove it from the account "
            "file and from the strategies."
        )
    more = with_coins(wanted, known)
    listed = spot_listings(bodies["symbols"], more.spot_symbols).keys()
    return replace(more, spot_symbols=frozenset(more.spot_symbols & frozenset(listed)))


async def _collateral(rest: Rest, interests: Interests) -> object:
    coins = sorted(interests.coins)
    rows: list[object] = []
    for first in range(0, len(coins), _COINS_AT_ONCE):
        names = ",".join(coins[first : first + _COINS_AT_ONCE])
        rows += _rows(await rest.read("collateral_ratio", {"currencyList": names}))
    return rows


async def _tiers(rest: Rest, interests: Interests) -> object:
    """The isolated tiers of each contract; what is not stated is left out."""
    rows: list[object] = []
    for symbol in sorted(interests.contracts):
        try:
            rows += _rows(await rest.read("risk_limits", {"symbol": symbol}))
        except ExchangeRefusedError:
            continue
    return rows


def _rows(document: Node) -> Iterable[object]:
    data = body(document)
    return [row.value for row in (data["items"] if data.is_object else data).each()]


async def _first(rest: Rest, at: datetime, interests: Interests) -> MarketInstant:
    """Marks and last prices as they are now; what is not stated is left out."""
    marks = usdt_marks(await rest.read("spot_marks"), interests.coins)
    if not marks:
        raise UsageError(
            "KuCoin states no mark of USDT in BTC now, so nothing can be valued; try "
            "again later."
        )
    futures: dict[str, Decimal] = {}
    for symbol in sorted(interests.contracts):
        stated = contract_mark(await rest.read("futures_mark", {"symbol": symbol}))
        futures[symbol] = stated.mark_price
    last: dict[str, Decimal] = {}
    for symbol in sorted(interests.spot_symbols | interests.contracts):
        price = (await read_ticker(rest, symbol)).last
        if price is not None:
            last[symbol] = price
    return MarketInstant(
        at=at,
        last_prices=last,
        margin_marks={c: marks[c] for c in sorted(interests.coins & marks.keys())},
        futures_marks=futures,
    )


async def read_ticker(rest: Rest, symbol: str) -> Ticker:
    """The ticker of a spot pair or a contract; weight 2 (Public)."""
    if "-" in symbol:
        return spot_ticker(await rest.read("spot_ticker", {"symbol": symbol}))
    return futures_ticker(await rest.read("futures_ticker", {"symbol": symbol}))


def instruments_of(start: PublicStart) -> tuple[Instrument, ...]:
    """One row for each coin with its pair and its contract, more for further ones."""
    listed = contracts(Node(start.documents["contracts"], "contracts"))
    pairs = {s.partition("-")[0]: s for s in sorted(start.interests.spot_symbols)}
    found: list[Instrument] = []
    for symbol in sorted(start.interests.contracts):
        base = listed[symbol].base or symbol
        found.append(_instrument(base, pairs.pop(base, None), symbol))
    shown = {row.spot_symbol for row in found}
    rest = sorted(start.interests.spot_symbols - shown)
    return (*found, *(_instrument(s.partition("-")[0], s, None) for s in rest))


def _instrument(coin: str, pair: str | None, contract: str | None) -> Instrument:
    return Instrument(
        coin=coin, spot_symbol=pair, perp_symbol=contract, resolution="1s"
    )


def market_digest(spot_url: str, futures_url: str) -> str:
    """What tells one exchange from another: its two addresses."""
    return hashlib.sha256(f"{spot_url}\n{futures_url}".encode()).hexdigest()
