"""Words that several documents of the spot host share.

Times, numbers of ids, trade types and the conversion of marks into BTC. They turn
a value of ours into KuCoin's way of writing it and decide nothing.
"""

import zlib
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

from bot.domain.accounts import MARGIN_CROSS, AccountId, isolated_pair
from connectors.venue.tape import Tape

__all__ = [
    "account_number",
    "btc_mark",
    "btc_symbol",
    "in_seconds",
    "ms",
    "ns",
    "trade_type",
    "trailing_number",
]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MARK: Final = Context(prec=12, rounding=ROUND_HALF_EVEN)


def ms(at: datetime) -> int:
    """Milliseconds since 1970.

    Example:
        >>> ms(datetime(2024, 10, 23, 9, 42, 2, tzinfo=UTC))
        1729676522000
    """
    return (at - _EPOCH) // timedelta(milliseconds=1)


def ns(at: datetime) -> int:
    """Nanoseconds since 1970, exact to the microsecond."""
    return (at - _EPOCH) // timedelta(microseconds=1) * 1000


def in_seconds(at: datetime) -> int:
    """Whole seconds since 1970."""
    return (at - _EPOCH) // timedelta(seconds=1)


def trailing_number(text: str) -> int:
    """The count at the end of an id of the venue, where KuCoin has bare numbers.

    Example:
        >>> trailing_number("trade-17")
        17
    """
    return int(text.rpartition("-")[2])


def account_number(account: AccountId, coin: str) -> str:
    """The id of a coin's account: a number as text that never changes."""
    return str(10**11 + zlib.crc32(f"{account}/{coin}".encode()))


def trade_type(account: AccountId) -> str:
    """KuCoin's ``tradeType`` of the account that an order belongs to.

    Example:
        >>> trade_type(AccountId("spot")), trade_type(MARGIN_CROSS)
        ('TRADE', 'MARGIN_TRADE')
    """
    if account == MARGIN_CROSS:
        return "MARGIN_TRADE"
    return "TRADE" if isolated_pair(account) is None else "MARGIN_ISOLATED_TRADE"


def btc_symbol(coin: str) -> str:
    """The symbol of a coin's mark: KuCoin counts its margin marks in BTC.

    Example:
        >>> btc_symbol("USDT")
        'USDT-BTC'
    """
    return f"{coin}-BTC"


def btc_mark(tape: Tape, coin: str) -> Decimal | None:
    """What one coin is worth in BTC, 12 digits; None while a mark is missing.

    Twelve digits, because the exchange's own marks come with up to fifteen decimals
    and a ratio of two marks must not differ from the venue's in the fourth decimal.
    """
    own, btc = tape.mark(coin), tape.mark("BTC")
    if own is None or btc is None or btc == 0:
        return None
    return _MARK.divide(own, btc)
