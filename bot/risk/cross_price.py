"""At which price of one contract an account reaches a level of risk.

Two answers are given. ``price_at_level`` is exact: one contract moves, everything
else stays. ``help_page_liquidation_price`` is the exchange's own figure for its
screens, which shares the margin over all positions in proportion to their value;
it equals the exact one for a single position and is a rough guide otherwise.
Nothing here may decide anything.

Source: KuCoin help 35084431335065 for the latter; the former is derived from the
definition of the risk rate and prints KuCoin's ETHUSDM example to its last digit.
"""

from collections.abc import Mapping
from decimal import Decimal

from bot.domain.money import ONE, ZERO
from bot.risk.distance import futures_excess
from bot.risk.futures_shape import BookShape, FuturesShape

__all__ = [
    "average_margin_rate",
    "bankruptcy_price",
    "help_page_liquidation_price",
    "price_at_level",
    "price_from_amr",
]


def price_at_level(
    shape: FuturesShape, marks: Mapping[str, Decimal], symbol: str, level: Decimal
) -> Decimal | None:
    """The mark of ``symbol`` at which the risk rate is ``level``, all else fixed.

    Args:
        shape: One settle currency's books (with their orders), or one isolated
            position.
        marks: Symbol to mark of every *other* contract.
        symbol: The contract that moves.
        level: 1 is liquidation, 0.95 cancels orders, lower ones are our own.

    Returns:
        The border between under and over the level, unrounded. None when there
        is no such positive price, or when an input is missing.

    Example:
        One ETH sold at 3 800 with 1 000 USDT in the wallet, MMR 1 %.

        >>> from bot.risk.futures_shape import BookShape, FuturesShape
        >>> from bot.domain.accounts import PositionKey
        >>> one = Decimal(1)
        >>> book = BookShape(
        ...     key=PositionKey("ETHUSDTM"), base="ETH", is_inverse=False,
        ...     multiplier=one, lots=-one, entry_value=Decimal(-3800),
        ...     worst_lots=one, opening_lots=Decimal(0),
        ...     taker_fee_rate=Decimal("0.0006"), position_rate=Decimal("0.01"),
        ...     worst_rate=Decimal("0.01"),
        ... )
        >>> shape = FuturesShape(
        ...     settle="USDT", cross_wallet=Decimal(1000), books=(book,)
        ... )
        >>> round(price_at_level(shape, {}, "ETHUSDTM", one), 2)
        Decimal('4749.65')
    """
    if shape.cross_wallet is None or shape.missing:
        return None
    constant, slope, moving = -level * shape.cross_wallet, ZERO, None
    for book in shape.books:
        excess = futures_excess(book, level)
        if excess is None:
            return None
        constant += level * book.sign * book.entry_value
        if book.key.symbol == symbol:
            moving = book
            slope += excess
            continue
        mark = marks.get(book.key.symbol, ZERO)
        if mark <= 0:
            return None
        constant += excess * book.unit_value(mark)
    return _price(constant, slope, moving)


def bankruptcy_price(
    shape: FuturesShape, marks: Mapping[str, Decimal], symbol: str
) -> Decimal | None:
    """The mark of ``symbol`` at which the total cross margin is zero, all else fixed.

    None when no positive price does that, or when an input is missing.

    Example:
        >>> from bot.domain.accounts import Position
        >>> from bot.domain.instruments import Lots
        >>> from bot.risk.examples import XBTUSDTM
        >>> from bot.risk.futures_shape import FuturesAccount, futures_shape
        >>> long = Position(symbol="XBTUSDTM", lots=Lots(1000),
        ...                 entry_value=Decimal(60000))
        >>> shape = futures_shape(
        ...     FuturesAccount(settle="USDT", wallet=Decimal(20000), positions=(long,)),
        ...     {"XBTUSDTM": XBTUSDTM},
        ... )
        >>> bankruptcy_price(shape, {}, "XBTUSDTM") == 40000
        True
    """
    if shape.cross_wallet is None or shape.missing:
        return None
    constant, slope, moving = shape.cross_wallet, ZERO, None
    for book in shape.books:
        constant -= book.sign * book.entry_value
        if book.key.symbol == symbol:
            moving = book
            slope += book.sign * book.lots
            continue
        mark = marks.get(book.key.symbol, ZERO)
        if mark <= 0:
            return None
        constant += book.sign * book.lots * book.unit_value(mark)
    return _price(constant, slope, moving)


def _price(
    constant: Decimal, slope: Decimal, moving: BookShape | None
) -> Decimal | None:
    """The price where ``constant + slope x unit value`` is zero, if it is positive."""
    if moving is None or slope == 0:
        return None
    unit = -constant / slope
    if unit <= 0:
        return None
    return moving.multiplier / unit if moving.is_inverse else unit / moving.multiplier


def help_page_liquidation_price(
    shape: FuturesShape, marks: Mapping[str, Decimal], symbol: str
) -> Decimal | None:
    """The liquidation price as KuCoin shows it, by the average margin rate (AMR).

    ``AMR = total cross margin / sum of all |mark values|``; linear ``P = mark x
    (1 - side x AMR) / (1 - side x (MMR + taker))``, inverse ``P = mark x (1 + side
    x (MMR + taker)) / (1 + side x AMR)``, side +1 long, -1 short. Open orders are
    not in it.

    Returns:
        The price, or None without such a position, without a positive price, or
        with an input missing.

    Example:
        KuCoin's page: 1 000 USDT, long 0.01 BTC at 62 000, short 1 ETH at 3 800
        with MMR 1 % (the page rounds the AMR and prints 4 610.7).

        >>> from bot.domain.accounts import PositionKey
        >>> from bot.risk.futures_shape import BookShape, FuturesShape
        >>> def book(symbol, lots, entry, mmr):
        ...     return BookShape(
        ...         key=PositionKey(symbol), base=symbol, is_inverse=False,
        ...         multiplier=Decimal(1), lots=lots, entry_value=entry,
        ...         worst_lots=abs(lots), opening_lots=Decimal(0),
        ...         taker_fee_rate=Decimal("0.0006"), position_rate=mmr,
        ...         worst_rate=mmr,
        ...     )
        >>> shape = FuturesShape(settle="USDT", cross_wallet=Decimal(1000), books=(
        ...     book("BTC", Decimal("0.01"), Decimal(620), Decimal("0.005")),
        ...     book("ETH", Decimal(-1), Decimal(-3800), Decimal("0.01")),
        ... ))
        >>> marks = {"BTC": Decimal(62000), "ETH": Decimal(3800)}
        >>> round(help_page_liquidation_price(shape, marks, "ETH"), 2)
        Decimal('4610.85')
    """
    mine = [book for book in shape.books if book.lots and book.key.symbol == symbol]
    amr = average_margin_rate(shape, marks)
    if amr is None or len(mine) != 1:
        return None
    return price_from_amr(mine[0], marks[symbol], amr)


def average_margin_rate(
    shape: FuturesShape, marks: Mapping[str, Decimal]
) -> Decimal | None:
    """KuCoin's AMR: total cross margin over the unsigned mark value of all positions.

    None without positions or when an input is missing.
    """
    if shape.cross_wallet is None or shape.missing:
        return None
    margin, gross = shape.cross_wallet, ZERO
    for book in shape.books:
        mark = marks.get(book.key.symbol, ZERO)
        if mark <= 0:
            return None
        value = book.lots * book.unit_value(mark)
        margin += book.sign * (value - book.entry_value)
        gross += abs(value)
    return margin / gross if gross else None


def price_from_amr(book: BookShape, mark: Decimal, amr: Decimal) -> Decimal | None:
    """The page's formula for one position at a given AMR; None for no positive price.

    Example:
        The ETH short of the page, with the AMR as it prints it: 4 610.7.

        >>> from bot.domain.accounts import PositionKey
        >>> short = BookShape(
        ...     key=PositionKey("ETHUSDTM"), base="ETH", is_inverse=False,
        ...     multiplier=Decimal("0.01"), lots=Decimal(-100),
        ...     entry_value=Decimal(-3800), worst_lots=Decimal(100),
        ...     opening_lots=Decimal(0), taker_fee_rate=Decimal("0.0006"),
        ...     position_rate=Decimal("0.01"), worst_rate=Decimal("0.01"),
        ... )
        >>> round(price_from_amr(short, Decimal(3800), Decimal("0.2262")), 2)
        Decimal('4610.69')
    """
    if book.position_rate is None:
        return None
    side = ONE if book.lots > 0 else -ONE
    cost = side * (book.position_rate + book.taker_fee_rate)
    top, bottom = (
        (1 + cost, 1 + side * amr) if book.is_inverse else (1 - side * amr, 1 - cost)
    )
    if top <= 0 or bottom <= 0:
        return None
    return mark * top / bottom
