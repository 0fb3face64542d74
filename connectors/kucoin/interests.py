"""What a live run follows: coins, pairs and contracts, and the channels for them.

Everything that is held, owed or claimed by a strategy is followed, with the spot
pair that would reduce it and the coin behind every contract. What a contract is of is
read from its listing, never from its name: 1000BONKUSDTM is of BONK or of 1000BONK, and
XBTMZ26 ends in no coin at all. Pure.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields, replace
from typing import Final, Protocol

from bot.domain.accounts import (
    FUTURES,
    AccountSnapshot,
    isolated_pair,
)
from bot.domain.instruments import Rules
from connectors.kucoin.feed import Interests
from connectors.kucoin.parse.envelope import coin
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

__all__ = [
    "Coined",
    "channels_of",
    "interests_of",
    "joined",
    "listed",
    "with_coins",
]

_CASH: Final = "USDT"
_ALWAYS: Final = frozenset({"BTC", _CASH})
"""Marks are quoted in BTC, and everything is valued in USDT."""


class Coined(Protocol):
    """A contract whose coins are known: its rules, or its row in the listing."""

    @property
    def base(self) -> str | None:
        """The coin that it is of."""

    @property
    def settle(self) -> str | None:
        """The coin that it settles in."""


def interests_of(
    snapshot: AccountSnapshot,
    claims: Iterable[str],
    contracts: Mapping[str, Coined],
) -> Interests:
    """What to follow for an account and the markets that strategies claim.

    Args:
        snapshot: The account as it is.
        claims: Contracts such as ``XBTUSDTM``, or ``BTC-USDT in spot``.
        contracts: What is listed; a contract that is not brings no coin.

    Example:
        >>> found = interests_of(AccountSnapshot(balances={}),
        ...                      ["XBTUSDTM", "ETH-USDT in spot"], {})
        >>> sorted(found.coins), sorted(found.contracts)
        (['BTC', 'ETH', 'USDT'], ['XBTUSDTM'])
    """
    names = [claim.split()[0] for claim in claims]
    pairs = {p for a in snapshot.balances if (p := isolated_pair(a)) is not None}
    followed = {name for name in names if "-" not in name}
    followed |= {key.symbol for key in snapshot.positions}
    symbols = {name for name in names if "-" in name} | pairs
    coins = set(_ALWAYS)
    for account, held in snapshot.balances.items():
        if account != FUTURES:
            coins |= {c for c, b in held.items() if b.total or b.liability}
    for symbol in symbols:
        coins |= set(symbol.split("-"))
    named = Interests(
        coins=frozenset(coins),
        spot_symbols=frozenset(symbols | _priced(coins)),
        contracts=frozenset(followed),
        pairs=frozenset(pairs),
        settles=frozenset({_CASH, *snapshot.balances.get(FUTURES, ())}),
    )
    return with_coins(named, contracts)


def _priced(coins: Iterable[str]) -> set[str]:
    """The pairs in which coins are sold and bought back."""
    return {f"{name}-{_CASH}" for name in coins if name != _CASH}


def with_coins(interests: Interests, contracts: Mapping[str, Coined]) -> Interests:
    """With the coin, its pair and the settle coin of each contract that is listed.

    Example:
        >>> from connectors.kucoin.parse.contracts import ContractCoins
        >>> row = ContractCoins(base="BTC", settle="BTC")
        >>> one = Interests(coins=frozenset(), contracts=frozenset({"XBTMZ26"}))
        >>> sorted(with_coins(one, {"XBTMZ26": row}).settles)
        ['BTC', 'USDT']
    """
    known = [contracts[name] for name in interests.contracts & contracts.keys()]
    bases = {coin(each.base) for each in known if each.base}
    return replace(
        interests,
        coins=interests.coins | bases,
        spot_symbols=interests.spot_symbols | _priced(bases),
        settles=interests.settles | {coin(e.settle) for e in known if e.settle},
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


def channels_of(interests: Interests) -> Mapping[Channel, Collection[str]]:
    """Every channel that a run listens to, with its symbols."""
    marks = {f"{name}-BTC" for name in interests.coins if name != "BTC"}
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
