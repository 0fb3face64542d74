"""The books whose hedges are studied: holdings as signed shares of their gross value.

Each alternative coin alone, all of them alike, mixes with shorts, and a core of BTC and
ETH, held in spot, in margin (a short is borrowed coins) and in perpetuals. A book knows
no price and no policy.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

__all__ = ["Book", "Holding", "Kind", "books_of"]

_MAJORS: Final = ("BTC", "ETH")
_PAIR: Final = 2
_CORE: Final = 0.6
"""The share of the core in the book that has one, the rest are satellites."""
_LONG: Final = 0.7
"""The share of longs in the book that is mostly long."""


class Kind(StrEnum):
    """Where a holding lies, which says at which price it is valued."""

    SPOT = "spot"
    MARGIN = "margin"
    FUTURES = "futures"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A coin with its signed share of the book's gross value at the start."""

    coin: str
    share: float
    kind: Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """Holdings whose shares without signs add up to 1."""

    name: str
    holdings: tuple[Holding, ...]


def books_of(coins: Sequence[str], majors: Sequence[str] = _MAJORS) -> tuple[Book, ...]:
    """All books that these coins allow, in a fixed order.

    Args:
        coins: What trades.
        majors: The coins that hedges are in, the first one the reference: it is in
            no book but the one with a core.

    Example:
        >>> [book.name for book in books_of(["BTC", "ETH", "SOL"])]
        ['SOL', 'ETH', 'SOL perpetual', 'core']
        >>> [book.name for book in books_of(["SOL", "XRP"], majors=["SOL"])]
        ['XRP', 'XRP perpetual', 'core']
    """
    alts = [coin for coin in coins if coin not in majors]
    others = [*alts, *(coin for coin in coins if coin in majors[1:])]
    books = [_alike(coin, [coin], Kind.SPOT) for coin in others]
    books += [
        _alike(f"{coin} perpetual", [coin], Kind.FUTURES)
        for coin in (alts or others)[:_PAIR]
    ]
    return (*books, *_mixes(alts), *_cores([c for c in coins if c in majors], alts))


def _mixes(alts: Sequence[str]) -> Iterator[Book]:
    """Books of at least two alternative coins."""
    if len(alts) < _PAIR:
        return
    yield _alike("alts", alts, Kind.SPOT)
    yield _alike("alts perpetuals", alts, Kind.FUTURES)
    half = len(alts) // 2
    ups, downs = alts[:half], alts[half:]
    yield _sides("long spot, short margin", ups, downs, 0.5, Kind.MARGIN)
    yield _sides("mostly long, short perpetuals", ups, downs, _LONG, Kind.FUTURES)
    yield _sides("mostly short margin", ups, downs, 1 - _LONG, Kind.MARGIN)


def _cores(majors: Sequence[str], alts: Sequence[str]) -> Iterator[Book]:
    if not majors or not alts:
        return
    core = [_held(c, _CORE / len(majors), Kind.SPOT) for c in majors]
    rest = [_held(c, (1 - _CORE) / len(alts), Kind.SPOT) for c in alts]
    yield Book(name="core", holdings=(*core, *rest))


def _alike(name: str, coins: Sequence[str], kind: Kind) -> Book:
    share = 1 / len(coins)
    return Book(name=name, holdings=tuple(_held(c, share, kind) for c in coins))


def _sides(
    name: str, ups: Sequence[str], downs: Sequence[str], long: float, short: Kind
) -> Book:
    bought = [_held(c, long / len(ups), Kind.SPOT) for c in ups]
    sold = [_held(c, (long - 1) / len(downs), short) for c in downs]
    return Book(name=name, holdings=(*bought, *sold))


def _held(coin: str, share: float, kind: Kind) -> Holding:
    return Holding(coin=coin, share=share, kind=kind)
