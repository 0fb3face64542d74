"""The accounts that a guard is tried on, made of whatever coins a market has.

``leverage`` is assets over equity of each pool; ``capital`` is the equity of all
accounts, the reserve in the main account included. A shape that a market cannot
carry is left out with a sentence. Nothing here reads a price: amounts are worth so
many USDT at the first mark.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

from bot.domain.accounts import MarginMode, PositionSide
from bot.domain.money import plain
from bot.study.markets import Survey
from connectors.venue.account_file import AccountFile, Amount, MarginPart, PositionPart

__all__ = ["SHAPES", "Shape", "Size", "account_of", "fitted"]

_MAJORS: Final = ("BTC", "ETH")
_KNOWN_ALTS: Final = ("DOGE", "XRP", "ADA", "SOL", "AVAX", "LINK")
_ALTS_MAX: Final = 3
_MIX: Final = ("BTC", "ETH", "SOL", "XRP", "DOGE")
_MIX_COINS: Final = 5
_MIX_LEAST: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large an account is, how levered, and what borrowing costs it.

    ``reserve`` is the share of the capital that waits in the main account.
    """

    leverage: int
    capital: Decimal = Decimal(100_000)
    reserve: Decimal = Decimal(0)
    borrow_x: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One kind of account on the coins of one market."""

    name: str
    coins: tuple[str, ...]
    perp: str | None = None
    note: str = ""
    """What is not as its name says, such as fewer coins than five."""


def fitted(survey: Survey, part: str) -> tuple[tuple[Shape, ...], tuple[str, ...]]:
    """The shapes that a part of a market carries, and why the others are left out.

    A rise hurts what is short: only the alt short and the pair with the short
    perpetual are replayed from the lowest mark.
    """
    coins = survey.coins[part]
    names = ("short", "carry") if part == "rise" else tuple(SHAPES)
    found: list[Shape] = []
    missing: list[str] = []
    for name in names:
        shape = SHAPES[name](coins, survey.perps)
        if isinstance(shape, Shape):
            found.append(shape)
        else:
            missing.append(f"{survey.source.name} {part}: no {name}, {shape}")
    return tuple(found), tuple(missing)


def account_of(shape: Shape, size: Size) -> AccountFile:
    """The account file of a shape at a size.

    Example:
        Three times leverage on 100,000: 300,000 of assets, 200,000 owed.

        >>> account = account_of(
        ...     Shape(name="long", coins=("BTC",)), Size(leverage=3)
        ... )
        >>> account.margin_cross.principal["USDT"].number
        Decimal('200000')
    """
    inside = size.capital * (1 - size.reserve)
    margin, positions, wallet = _PARTS[shape.name](shape, inside, size.leverage)
    words = f"{shape} {size.leverage} {plain(size.capital)} {plain(size.reserve)}"
    reserve = size.capital * size.reserve
    return AccountFile(
        path=Path("study"),
        digest=hashlib.sha256(words.encode()).hexdigest(),
        vip=0,
        main={"USDT": Amount(number=reserve)} if reserve else {},
        spot={},
        margin_cross=margin,
        margin_isolated={},
        wallet={"USDT": Amount(number=wallet)} if wallet else {},
        positions=positions,
    )


_Parts = tuple[MarginPart, tuple[PositionPart, ...], Decimal]


def _long(shape: Shape, equity: Decimal, leverage: int) -> _Parts:
    """Coins of equal value, bought with borrowed USDT."""
    margin = MarginPart(
        leverage=Decimal(5),
        balance=_shared(shape.coins, equity * leverage),
        principal={"USDT": Amount(number=equity * (leverage - 1))},
    )
    return margin, (), Decimal(0)


def _short(shape: Shape, equity: Decimal, leverage: int) -> _Parts:
    """Borrowed coins that were sold: USDT owned, coins owed."""
    margin = MarginPart(
        leverage=Decimal(5),
        balance={"USDT": Amount(number=equity * leverage)},
        principal=_shared(shape.coins, equity * (leverage - 1)),
    )
    return margin, (), Decimal(0)


def _carry(shape: Shape, equity: Decimal, leverage: int) -> _Parts:
    """Half the equity in each pool: the coin on borrowed USDT, its perpetual short."""
    half = equity / 2
    margin, _, _ = _long(shape, half, leverage)
    return margin, (_position(shape, -half * leverage, leverage),), half


def _reverse(shape: Shape, equity: Decimal, leverage: int) -> _Parts:
    """Half the equity in each pool: the coin owed and sold, its perpetual long."""
    half = equity / 2
    margin, _, _ = _short(shape, half, leverage)
    return margin, (_position(shape, half * (leverage - 1), leverage),), half


def _shared(coins: Sequence[str], value: Decimal) -> dict[str, Amount]:
    return {c: Amount(number=value / len(coins), is_worth=True) for c in coins}


def _position(shape: Shape, value: Decimal, leverage: int) -> PositionPart:
    if shape.perp is None:
        raise ValueError(f"a {shape.name} shape needs a perpetual")
    return PositionPart(
        name="study position",
        symbol=shape.perp,
        mode=MarginMode.CROSS,
        side=PositionSide.BOTH,
        lots=None,
        base=Amount(number=value, is_worth=True),
        entry=None,
        leverage=Decimal(leverage),
        margin=None,
    )


_PARTS: Final[Mapping[str, Callable[[Shape, Decimal, int], _Parts]]] = {
    "long": _long,
    "short": _short,
    "carry": _carry,
    "reverse_carry": _reverse,
    "mix": _long,
}

_Fit = Callable[[Sequence[str], Mapping[str, str]], Shape | str]


def _fit_long(coins: Sequence[str], perps: Mapping[str, str]) -> Shape | str:
    return Shape(name="long", coins=(coins[0],)) if coins else _NO_COIN


def _fit_short(coins: Sequence[str], perps: Mapping[str, str]) -> Shape | str:
    others = [coin for coin in coins if coin not in _MAJORS]
    alts: list[str] = [coin for coin in _KNOWN_ALTS if coin in others]
    alts += [coin for coin in others if coin not in alts]
    if alts:
        return Shape(name="short", coins=tuple(alts[:_ALTS_MAX]))
    if "ETH" in coins:
        return Shape(name="short", coins=("ETH",), note="ETH, for want of an alt")
    return "it trades nothing beside BTC" if coins else _NO_COIN


def _fit_pair(name: str, coins: Sequence[str], perps: Mapping[str, str]) -> Shape | str:
    coin = next((coin for coin in coins if coin in perps), None)
    if coin is None:
        return "no coin that trades the whole time has a perpetual"
    return Shape(name=name, coins=(coin,), perp=perps[coin])


def _fit_mix(coins: Sequence[str], perps: Mapping[str, str]) -> Shape | str:
    chosen = [coin for coin in _MIX if coin in coins]
    chosen += [coin for coin in coins if coin not in chosen]
    chosen = chosen[:_MIX_COINS]
    if len(chosen) < _MIX_LEAST:
        return "a mix needs two coins that trade the whole time"
    few = len(chosen) < _MIX_COINS
    note = f"{len(chosen)} coins, all that trade" if few else ""
    return Shape(name="mix", coins=tuple(chosen), note=note)


_NO_COIN: Final = "no coin trades the whole time"

SHAPES: Final[Mapping[str, _Fit]] = {
    "long": _fit_long,
    "short": _fit_short,
    "carry": lambda coins, perps: _fit_pair("carry", coins, perps),
    "reverse_carry": lambda coins, perps: _fit_pair("reverse_carry", coins, perps),
    "mix": _fit_mix,
}
"""Each shape's name and how it is fitted to the coins and perpetuals of a market."""
