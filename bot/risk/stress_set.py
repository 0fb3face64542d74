"""The stress set: the moves that every account must survive, defined only here.

A uniform fall or rise of all coins is what the distance measures: thresholds hold it.
It forgives a long of one coin against a short of another, so beside it the majors and
the other coins part: by half of the account's target distance, in either direction.
A plan ends where its account survives these moves (``bot/guard/plan_rows.py``, in
floats); new risk is admitted where every account that it touches does
(``bot/guard/stress_gate.py``, exact). *Surviving* is a ratio under the one at which the
exchange liquidates. USDT keeps its price. Nothing here measures or decides.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from bot.domain.money import ONE
from bot.risk.distance import PEGGED_COINS
from bot.shadow.state import Shadow

__all__ = ["MAJORS", "Scenario", "moved", "moved_alike", "stress_set", "uniform"]

MAJORS: Final = frozenset({"BTC", "ETH"})
"""The coins that move together and least."""

_APART: Final = Decimal("0.5")
"""How far the two groups part, a share of the target distance."""

_UNMOVED: Final = "USDT"
_LEAST: Final = Decimal("0.001")
"""No price falls further than to this share of itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One move of the market: relative moves by coin, -0.1 is a fall of a tenth."""

    name: str
    moves: Mapping[str, Decimal]


def stress_set(
    coins: frozenset[str], target: Decimal, scale: Decimal = ONE
) -> tuple[Scenario, ...]:
    """The moves beside the uniform ones that an account with these coins must survive.

    Empty where there is only one group: then no two of its coins part.

    Args:
        coins: Whose price matters to the account.
        target: The account's target distance, a fraction.
        scale: Of new risk, over 0 and at most 1; a half asks for moves twice as far.

    Example:
        >>> for each in stress_set(frozenset({"BTC", "DOGE"}), Decimal("0.2")):
        ...     print(each.name, each.moves["BTC"], each.moves["DOGE"])
        majors 10.0 % down, others up -0.10 0.10
        majors 10.0 % up, others down 0.10 -0.10
    """
    majors, others = coins & MAJORS, coins - MAJORS - PEGGED_COINS
    if not majors or not others:
        return ()
    by = _APART * target / scale
    return tuple(
        Scenario(
            name=f"majors {by * 100:.1f} % {way}, others {other_way}",
            moves={**dict.fromkeys(majors, move), **dict.fromkeys(others, -move)},
        )
        for move, way, other_way in ((-by, "down", "up"), (by, "up", "down"))
    )


def uniform(coins: frozenset[str], distance: Decimal) -> tuple[Scenario, Scenario]:
    """A fall and a rise of all coins by a distance, those pegged to the dollar aside.

    Example:
        >>> [each.name for each in uniform(frozenset({"BTC"}), Decimal("0.15"))]
        ['all coins 15.0 % down', 'all coins 15.0 % up']
    """
    told = f"all coins {distance * 100:.1f} %"
    coins -= PEGGED_COINS
    return (
        Scenario(name=f"{told} down", moves=dict.fromkeys(coins, -distance)),
        Scenario(name=f"{told} up", moves=dict.fromkeys(coins, distance)),
    )


def moved_alike(shadow: Shadow, move: Decimal) -> Shadow:
    """The shadow at the marks of the uniform move that a distance is: pegs stay."""
    factor = ONE + move
    return replace(
        shadow,
        margin_marks={
            coin: mark if coin in PEGGED_COINS else mark * factor
            for coin, mark in shadow.margin_marks.items()
        },
        futures_marks={
            symbol: mark * factor for symbol, mark in shadow.futures_marks.items()
        },
    )


def moved(shadow: Shadow, scenario: Scenario) -> Shadow:
    """The shadow at the prices of a scenario, exactly: spot and contracts alike.

    A price never falls to nothing: what would is left a thousandth.
    """
    contracts = shadow.rules.contracts
    times = {
        coin: max(ONE + move, _LEAST)
        for coin, move in scenario.moves.items()
        if coin != _UNMOVED
    }
    return replace(
        shadow,
        margin_marks={
            coin: mark * times.get(coin, ONE)
            for coin, mark in shadow.margin_marks.items()
        },
        futures_marks={
            symbol: mark * times.get(contracts[symbol].base, ONE)
            if symbol in contracts
            else mark
            for symbol, mark in shadow.futures_marks.items()
        },
    )
