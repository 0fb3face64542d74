"""How far the market may move before a threshold is reached: the guard's distance.

A *move* ``s`` multiplies the USDT price of every coin but USDT by ``1 + s``; with
betas, each coin's by ``max(0, 1 + beta x s)``. USDT and everything that is owed
or owned in it stay; for the guard so do the other coins that are pegged to the
dollar, which no market move takes along. A margin account and a futures account each
have one number that is negative while they are under their threshold and that is a
(broken) straight line in the move, so the distance is exact and costs a few
multiplications a coin. Contracts that settle in a coin are straight in
``1 / (1 + beta x s)``: their wallet and their risk rate count coins.

Nothing here may decide anything, and an unknown distance is never a safe one: it
is None *with* ``missing`` set.
"""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bot.domain.accounts import Balance
from bot.domain.money import ONE, ZERO
from bot.risk.futures_shape import BookShape, FuturesShape
from bot.risk.missing import Missing, MissingKind
from bot.risk.ray import FLOOR_MOVE, nearest_zeros

__all__ = [
    "PEGGED_COINS",
    "UNMOVED_COIN",
    "Distance",
    "MarginTerms",
    "futures_distance",
    "futures_excess",
    "margin_distance",
]

UNMOVED_COIN: Final = "USDT"
"""The coin that moves are measured in."""
PEGGED_COINS: Final = frozenset(
    {"USDT", "USDC", "DAI", "FDUSD", "PYUSD", "TUSD", "USD1", "USDD", "USDE", "USDP"}
)
"""Coins pegged to the dollar: a move of the market leaves them where they are.

A peg that breaks is a move of its own: of each coin alone, of the forecast, and of what
a person asks of ``gnomon risk what-if``, where only USDT stays.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Distance:
    """The nearest moves that reach a threshold, as fractions of the price.

    ``down`` is in (-1, 0], ``up`` is zero or more; both are 0 when the account is
    at or over the threshold now. None means that no move in that direction
    reaches it, unless ``missing`` names an input: then it is not known.
    """

    down: Decimal | None
    up: Decimal | None
    missing: tuple[Missing, ...] = ()

    @property
    def is_known(self) -> bool:
        """Whether None can be trusted to mean "never"."""
        return not self.missing


_NEVER: Final = Distance(down=None, up=None)
_REACHED: Final = Distance(down=ZERO, up=ZERO)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginTerms:
    """What a margin account is weighed with: prices in USDT, coefficients, level.

    A held coin without a coefficient weighs 1, as in ``margin_numbers``.
    """

    prices: Mapping[str, Decimal]
    coefficients: Mapping[str, Decimal]
    level: Decimal
    """The debt ratio to reach, such as 0.97."""


def margin_distance(
    balances: Mapping[str, Balance],
    terms: MarginTerms,
    betas: Mapping[str, Decimal] | None = None,
    unmoved: AbstractSet[str] = frozenset({UNMOVED_COIN}),
) -> Distance:
    """The moves at which a margin account's debt ratio reaches a level.

    Args:
        balances: Coin to what is owned and owed.
        terms: Prices in USDT, coefficients and the level.
        betas: Coin to its beta; None moves every coin alike. When given, every owned
            or owed coin that moves needs one.
        unmoved: The coins that stay.

    Example:
        A 5x long: 1 BTC at 100 USDT, owing 80.

        >>> long = {
        ...     "BTC": Balance(total=Decimal(1)),
        ...     "USDT": Balance(principal=Decimal(80)),
        ... }
        >>> terms = MarginTerms(
        ...     prices={"BTC": Decimal(100), "USDT": Decimal(1)},
        ...     coefficients={"BTC": Decimal(1)},
        ...     level=Decimal("0.97"),
        ... )
        >>> round(margin_distance(long, terms).down, 6)
        Decimal('-0.175258')
        >>> round(margin_distance(long, terms, {"BTC": Decimal(2)}).down, 6)
        Decimal('-0.087629')
    """
    weights: dict[Decimal, Decimal] = {}
    missing: list[Missing] = []
    has_debt = False
    for coin, balance in balances.items():
        owed = balance.principal + balance.interest
        if not balance.total and not owed:
            continue
        has_debt = has_debt or bool(owed)
        price = terms.prices.get(coin, ZERO)
        beta = ZERO if coin in unmoved else _beta(coin, betas)
        if price <= 0 or beta is None:
            kind = MissingKind.PRICE if price <= 0 else MissingKind.BETA
            missing.append(Missing(kind, coin))
            continue
        coefficient = terms.coefficients.get(coin, ONE)
        excess = (owed - terms.level * balance.total * coefficient) * price
        weights[beta] = weights.get(beta, ZERO) + excess
    if not has_debt:
        return _NEVER
    if missing:
        return Distance(down=None, up=None, missing=tuple(missing))
    return _distance(weights.pop(ZERO, ZERO), weights)


def _beta(coin: str, betas: Mapping[str, Decimal] | None) -> Decimal | None:
    if coin == UNMOVED_COIN:
        return ZERO
    return ONE if betas is None else betas.get(coin)


def _distance(constant: Decimal, weights: Mapping[Decimal, Decimal]) -> Distance:
    if constant + sum(weights.values(), ZERO) >= 0:
        return _REACHED
    down, up = nearest_zeros(constant, weights)
    return Distance(down=down, up=up)


def futures_excess(book: BookShape, level: Decimal) -> Decimal | None:
    """What one unit value of a book adds to (requirement - level x margin).

    The account's total is this times the unit value, over all books, plus
    ``level x (sum of signed entry values - cross wallet)``; it is negative while
    the risk rate is under the level. None when a rate is not known.
    """
    burden = book.burden
    if burden is None:
        return None
    return burden + level * (book.opening - book.sign * book.lots)


def futures_distance(
    shape: FuturesShape,
    marks: Mapping[str, Decimal],
    level: Decimal,
    betas: Mapping[str, Decimal] | None = None,
) -> Distance:
    """The moves at which a futures account's risk rate reaches a level.

    Args:
        shape: One settle currency's books, or one isolated position.
        marks: Contract symbol to its mark price.
        level: The risk rate to reach: 1 is liquidation, 0.95 cancels orders.
        betas: Coin (BTC, never XBT) to its beta; None moves every contract alike.

    Example:
        Short 1 BTC at 60 000 with a wallet of 20 000 USDT.

        >>> from bot.domain.accounts import Position
        >>> from bot.domain.instruments import Lots
        >>> from bot.risk.examples import XBTUSDTM
        >>> from bot.risk.futures_shape import FuturesAccount, futures_shape
        >>> short = Position(
        ...     symbol="XBTUSDTM", lots=Lots(-1000), entry_value=Decimal(-60000)
        ... )
        >>> shape = futures_shape(
        ...     FuturesAccount(
        ...         settle="USDT", wallet=Decimal(20000), positions=(short,)
        ...     ),
        ...     {"XBTUSDTM": XBTUSDTM},
        ... )
        >>> distance = futures_distance(shape, {"XBTUSDTM": Decimal(60000)}, Decimal(1))
        >>> distance.down, round(distance.up, 6)
        (None, Decimal('0.327210'))
    """
    if not shape.has_exposure:
        return _NEVER
    missing = [*shape.missing, *_gaps(shape, marks, betas)]
    if missing or shape.cross_wallet is None:
        return Distance(down=None, up=None, missing=tuple(dict.fromkeys(missing)))
    constant = -level * shape.cross_wallet
    lines: dict[bool, dict[Decimal, Decimal]] = {False: {}, True: {}}
    for book in shape.books:
        excess = futures_excess(book, level)
        beta = _beta(book.base, betas)
        if excess is None or beta is None:
            raise AssertionError(f"{book.key} passed without a rate or a beta")
        constant += level * book.sign * book.entry_value
        line = lines[book.is_inverse]
        value = excess * book.unit_value(marks[book.key.symbol])
        line[beta] = line.get(beta, ZERO) + value
    if not lines[True]:
        return _distance(lines[False].pop(ZERO, ZERO) + constant, lines[False])
    if lines[False] or len(lines[True]) > 1:
        return Distance(down=None, up=None, missing=tuple(_mixed(shape.books)))
    return _inverse_distance(constant, *next(iter(lines[True].items())))


def _gaps(
    shape: FuturesShape,
    marks: Mapping[str, Decimal],
    betas: Mapping[str, Decimal] | None,
) -> Iterator[Missing]:
    """Every input that the distance of a futures account lacks."""
    if shape.cross_wallet is None:
        yield Missing(MissingKind.WALLET, shape.settle)
    for book in shape.books:
        if book.worst_rate is None:
            yield Missing(MissingKind.CURVE, book.key.symbol)
        if marks.get(book.key.symbol, ZERO) <= 0:
            yield Missing(MissingKind.MARK, book.key.symbol)
        if _beta(book.base, betas) is None:
            yield Missing(MissingKind.BETA, book.base)


def _mixed(books: Iterable[BookShape]) -> Iterable[Missing]:
    """KuCoin settles a coin in one sort of contract only; another is not understood."""
    return [Missing(MissingKind.CONTRACT, book.key.symbol) for book in books]


def _inverse_distance(constant: Decimal, beta: Decimal, weight: Decimal) -> Distance:
    """The distance where the account is ``constant + weight / (1 + beta x s)``.

    The factor ``1 + beta x s`` at the zero is ``-weight / constant``; it is
    positive at a price, so a zero at or below it is none.
    """
    if constant + weight >= 0:
        return _REACHED
    if constant == 0 or beta == 0:
        return _NEVER
    factor = -weight / constant
    move = (factor - 1) / beta
    if factor <= 0 or move <= FLOOR_MOVE:
        return _NEVER
    return Distance(down=move, up=None) if move < 0 else Distance(down=None, up=move)
