"""What a live run follows: coins, pairs and contracts, and the channels for them.

Everything that is held, owed or claimed by a strategy is followed, with the spot
pair that would reduce it and the coin behind every contract. Pure.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields, replace
from typing import Final

from bot.domain.accounts import (
    FUTURES,
    AccountSnapshot,
    isolated_pair,
)
from bot.domain.instruments import Rules
from connectors.kucoin.feed import Interests
from connectors.kucoin.streams import Channel
from connectors.kucoin.topics import (
    CONTRACT_ANNOUNCEMENTS,
    CONTRACT_MARKS,
    CROSS_LEVERAGE,
    CROSS_POSITION,
    FUTURES_ORDERS,
    FUTURES_STOPS,
    FUTURES_WALLET,
    ISOLATED_POSITION,
    MARGIN_MARKS,
    MARGIN_MODES,
    POSITIONS,
    SPOT_BALANCES,
    SPOT_ORDERS,
    SPOT_STOPS,
)

__all__ = ["channels_of", "interests_of", "joined", "listed"]

_QUARTERLY: Final = re.compile(r"(?<=M)[FGHJKMNQUVXZ][0-9]{2}$")
"""The month and year of a contract that ends: XBTMZ26 ends in December 2026."""
_CASH: Final = "USDT"
_ALWAYS: Final = frozenset({"BTC", _CASH})
"""Marks are quoted in BTC, and everything is valued in USDT."""


def interests_of(snapshot: AccountSnapshot, claims: Iterable[str]) -> Interests:
    """What to follow for an account and the markets that strategies claim.

    Args:
        snapshot: The account as it is.
        claims: Contracts such as ``XBTUSDTM``, or ``BTC-USDT in spot``.

    Example:
        >>> found = interests_of(AccountSnapshot(balances={}),
        ...                      ["XBTUSDTM", "ETH-USDT in spot"])
        >>> sorted(found.coins), sorted(found.contracts)
        (['BTC', 'ETH', 'USDT'], ['XBTUSDTM'])
    """
    names = [claim.split()[0] for claim in claims]
    pairs = {p for a in snapshot.balances if (p := isolated_pair(a)) is not None}
    contracts = {name for name in names if "-" not in name}
    contracts |= {key.symbol for key in snapshot.positions}
    symbols = {name for name in names if "-" in name} | pairs
    coins = set(_ALWAYS)
    for account, held in snapshot.balances.items():
        if account != FUTURES:
            coins |= {c for c, b in held.items() if b.total or b.liability}
    for symbol in symbols:
        coins |= set(symbol.split("-"))
    coins |= {_base_of(contract) for contract in contracts}
    symbols |= {f"{coin}-{_CASH}" for coin in coins if coin != _CASH}
    settles = {_settle_of(contract) for contract in contracts}
    return Interests(
        coins=frozenset(coins),
        spot_symbols=frozenset(symbols),
        contracts=frozenset(contracts),
        pairs=frozenset(pairs),
        settles=frozenset({_CASH, *settles, *snapshot.balances.get(FUTURES, ())}),
    )


def joined(known: Interests, more: Interests) -> Interests:
    """Everything that either of two names.

    Example:
        >>> one, two = Interests(coins=frozenset({"BTC"})), Interests(coins=frozenset())
        >>> joined(one, two) == one
        True
    """
    names = [field.name for field in fields(Interests)]
    return Interests(**{n: getattr(known, n) | getattr(more, n) for n in names})


def listed(interests: Interests, rules: Rules) -> Interests:
    """The same without the pairs that the rules do not list: no one can ask for those.

    A coin that is held need not have a pair against USDT.

    Example:
        >>> held = Interests(coins=frozenset(), spot_symbols=frozenset({"FOO-USDT"}))
        >>> listed(held, Rules()).spot_symbols
        frozenset()
    """
    symbols = interests.spot_symbols & rules.spot.keys()
    return replace(interests, spot_symbols=frozenset(symbols))


def _base_of(contract: str) -> str:
    """The coin behind a contract's name; KuCoin writes BTC as XBT.

    Example:
        >>> _base_of("XBTUSDTM"), _base_of("ETHUSDM"), _base_of("XBTMZ26")
        ('BTC', 'ETH', 'BTC')
    """
    name = _QUARTERLY.sub("", contract).removesuffix("M")
    for quote in ("USDT", "USDC", "USD"):
        if name.endswith(quote):
            name = name.removesuffix(quote)
            break
    return "BTC" if name == "XBT" else name


def _settle_of(contract: str) -> str:
    """The coin that a contract settles in, by its name."""
    name = contract.removesuffix("M")
    for quote in ("USDT", "USDC"):
        if name.endswith(quote):
            return quote
    return _base_of(contract)


def channels_of(interests: Interests) -> Mapping[Channel, Collection[str]]:
    """Every channel that a run listens to, with its symbols."""
    marks = {f"{coin}-BTC" for coin in interests.coins if coin != "BTC"}
    wanted: dict[Channel, Collection[str]] = {
        MARGIN_MARKS: sorted(marks),
        CROSS_POSITION: (),
        SPOT_ORDERS: (),
        SPOT_STOPS: (),
        SPOT_BALANCES: (),
        FUTURES_ORDERS: (),
        FUTURES_WALLET: (),
        POSITIONS: (),
        MARGIN_MODES: (),
        CROSS_LEVERAGE: (),
        FUTURES_STOPS: (),
    }
    if interests.pairs:
        wanted[ISOLATED_POSITION] = sorted(interests.pairs)
    if interests.contracts:
        wanted[CONTRACT_MARKS] = sorted(interests.contracts)
        wanted[CONTRACT_ANNOUNCEMENTS] = sorted(interests.contracts)
    return wanted
