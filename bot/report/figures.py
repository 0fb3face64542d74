"""How numbers, times and foreign text are written for people.

One place for units, digits and signs, so that the terminal, the report and the
sentences agree. What is rounded is rounded to the careful side: a ratio up, a
distance towards zero. None and NaN are the word ``unknown``. Nothing here is
ever read back by the program; machines get the unrounded numbers.
"""

import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_HALF_UP,
    Context,
    Decimal,
    localcontext,
)
from typing import Final

from bot.risk.bands import Band, band_of

__all__ = [
    "DASH",
    "INFINITE",
    "NBSP",
    "UNKNOWN",
    "amount",
    "banded",
    "clean",
    "difference",
    "distance",
    "duration",
    "moment",
    "move",
    "percent",
    "price",
    "ratio",
    "share",
    "total",
    "usdt",
]

UNKNOWN: Final = "unknown"
INFINITE: Final = "∞"
DASH: Final = "\u2013"
"""Stands where a number does not apply; it is neither zero nor unknown."""
NBSP: Final = "\u00a0"
_MINUS: Final = "\u2212"
_HUGE: Final = 18
"""Powers of ten from which a number is written in scientific notation."""
_PRICE_DIGITS: Final = 6
_COIN_DECIMALS: Final = 8
_PERCENT_SHIFT: Final = 2
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_WIDE: Final = Context(prec=60, traps=[])
"""Room to move the point of any number without a trap."""
_DAY_S: Final = 86_400
_HOUR_S: Final = 3_600
_MINUTE_S: Final = 60


def clean(text: str) -> str:
    r"""Foreign text with every invisible or steering character made visible.

    Line breaks and tabs become spaces; control, direction and half characters
    become the replacement sign, so that no name can move the cursor, turn the
    reading direction or break the encoding of a file.

    Example:
        >>> ascii(clean("BTC\n\x1b[31mred"))
        "'BTC \\ufffd[31mred'"
    """
    return "".join(
        " "
        if char in "\t\n\r"
        else "\ufffd"
        if unicodedata.category(char) in _HIDDEN
        else char
        for char in text
    )


def difference(left: Decimal | None, right: Decimal | None) -> Decimal | None:
    """One number less another; unknown when either is unknown or not finite.

    Example:
        >>> difference(Decimal(3), Decimal(5)), difference(Decimal(3), None)
        (Decimal('-2'), None)
    """
    if left is None or right is None:
        return None
    if not left.is_finite() or not right.is_finite():
        return None
    with localcontext(_WIDE):
        return left - right


def total(parts: Iterable[Decimal]) -> Decimal:
    """The sum of finite numbers, with more digits than any account has.

    Example:
        >>> total([Decimal("1e20"), Decimal("1e-20")]) > Decimal("1e20")
        True
    """
    with localcontext(_WIDE):
        return sum(parts, Decimal(0))


def share(part: Decimal | None, whole: Decimal | None) -> Decimal | None:
    """A part of a whole, a fraction; unknown unless the whole is above zero.

    Example:
        >>> share(Decimal(1), Decimal(4)), share(Decimal(1), Decimal(0))
        (Decimal('0.25'), None)
    """
    if part is None or whole is None or whole.is_nan() or whole <= 0:
        return None
    if not part.is_finite() or not whole.is_finite():
        return None
    with localcontext(_WIDE):
        return part / whole


def _fixed(value: Decimal, decimals: int, rounding: str = ROUND_HALF_UP) -> str:
    """Grouped digits with a true minus sign; very large numbers in powers of ten."""
    if value.is_infinite():
        return INFINITE if value > 0 else _MINUS + INFINITE
    with localcontext(Context(rounding=rounding)):
        if value.adjusted() >= _HUGE:
            text = format(value, ".2e")
        else:
            text = format(value, f",.{decimals}f")
    if text.startswith("-"):
        is_nought = not any(char in "123456789" for char in text)
        text = text[1:] if is_nought else _MINUS + text[1:]
    return text


def _signed(text: str, value: Decimal) -> str:
    return "+" + text if value > 0 else text


def usdt(value: Decimal | None, *, signed: bool = False) -> str:
    """Money in USDT, two decimals; less than a cent keeps two digits.

    Example:
        >>> usdt(Decimal("48213.5549"))
        '48,213.55'
        >>> usdt(Decimal("0.00341"), signed=True)
        '+0.0034'
        >>> usdt(None)
        'unknown'
    """
    if value is None or value.is_nan():
        return UNKNOWN
    decimals = 2
    if value.is_finite() and value != 0 and value.copy_abs() < Decimal("0.01"):
        decimals = min(1 - value.adjusted(), _COIN_DECIMALS)
    text = _fixed(value, decimals)
    return _signed(text, value) if signed else text


def percent(
    value: Decimal | None,
    decimals: int = 2,
    *,
    signed: bool = False,
    rounding: str = ROUND_HALF_UP,
) -> str:
    r"""A fraction as a percentage.

    Example:
        >>> percent(Decimal("0.0357"), signed=True)
        '+3.57\xa0%'
    """
    if value is None or value.is_nan():
        return UNKNOWN
    with localcontext(_WIDE):
        scaled = value.scaleb(_PERCENT_SHIFT)
    text = _fixed(scaled, decimals, rounding)
    return (_signed(text, value) if signed else text) + NBSP + "%"


def ratio(value: Decimal | None, decimals: int = 2) -> str:
    r"""A debt ratio or risk rate in percent, rounded up: never safer than it is.

    Example:
        >>> ratio(Decimal("0.96991"))
        '97.00\xa0%'
    """
    return percent(value, decimals, rounding=ROUND_CEILING)


def banded(value: Decimal | None) -> str:
    r"""A ratio with KuCoin's word for it.

    Example:
        >>> banded(Decimal("0.612")), banded(None)
        ('61.20\xa0% (medium risk)', 'unknown')
    """
    band = band_of(value)
    return UNKNOWN if band is Band.UNKNOWN else f"{ratio(value)} ({band.words})"


def distance(value: Decimal | None, decimals: int = 1) -> str:
    r"""How far a level is, without sign, rounded towards zero.

    Example:
        >>> distance(Decimal("-0.1829"))
        '18.2\xa0%'
    """
    size = None if value is None else value.copy_abs()
    return percent(size, decimals, rounding=ROUND_DOWN)


def move(value: Decimal | None, decimals: int = 1) -> str:
    r"""A market move with its sign, rounded towards zero.

    Example:
        >>> ascii(move(Decimal("-0.0639")))
        "'\\u22126.3\\xa0%'"
    """
    return percent(value, decimals, signed=True, rounding=ROUND_DOWN)


def price(value: Decimal | None) -> str:
    """A price with six digits, or two decimals where that is more.

    Example:
        >>> price(Decimal("113421.87")), price(Decimal("0.0000123456789"))
        ('113,421.87', '0.0000123457')
        >>> price(Decimal("0.5"))
        '0.500000'
    """
    if value is None or value.is_nan():
        return UNKNOWN
    if not value.is_finite() or value == 0:
        return _fixed(value, 2)
    return _fixed(value, max(2, min(_PRICE_DIGITS - 1 - value.adjusted(), 18)))


def amount(value: Decimal | None, *, signed: bool = False) -> str:
    """An amount of coins, at most eight decimals, without needless zeros.

    Example:
        >>> amount(Decimal("1234.50000000")), amount(Decimal("0"))
        ('1,234.5', '0')
    """
    if value is None or value.is_nan():
        return UNKNOWN
    text = _fixed(value, _COIN_DECIMALS)
    if "." in text and "e" not in text:
        text = text.rstrip("0").rstrip(".")
    return _signed(text, value) if signed else text


def moment(at: datetime | None, *, date: bool = True) -> str:
    """A time in UTC, to the second.

    Example:
        >>> moment(datetime(2025, 10, 10, 21, 17, 30, tzinfo=UTC))
        '2025-10-10 21:17:30'
    """
    if at is None:
        return UNKNOWN
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S" if date else "%H:%M:%S")


def duration(span: timedelta | None) -> str:
    r"""A length of time in its two largest units.

    Example:
        >>> duration(timedelta(hours=2, minutes=13, seconds=30))
        '2\xa0h\xa013\xa0min'
        >>> duration(timedelta(seconds=-5))
        'due'
    """
    if span is None:
        return UNKNOWN
    seconds = int(span.total_seconds())
    if seconds <= 0:
        return "due"
    units = ((_DAY_S, "d"), (_HOUR_S, "h"), (_MINUTE_S, "min"), (1, "s"))
    parts: list[tuple[int, str]] = []
    for size, name in units:
        count, seconds = divmod(seconds, size)
        if count or parts:
            parts.append((count, name))
    return NBSP.join(f"{count}{NBSP}{name}" for count, name in parts[:2] if count)
