"""How the futures host writes times, amounts, coins and contracts.

KuCoin calls bitcoin XBT on its futures side, writes REST sizes as whole numbers and
most sums as bare numbers (a ``Decimal`` here), and pushes them as texts. This module
is pure and knows no endpoint.
"""

from decimal import Decimal
from typing import Final

from bot.domain.accounts import MarginMode
from bot.domain.instruments import ContractRules
from bot.domain.money import ZERO, plain, round_half_up
from connectors.venue.server.words_spot_basic import ms, ns

__all__ = [
    "SCALE",
    "coin_of",
    "exact",
    "mode_word",
    "ms",
    "ns",
    "scaled",
    "signed_value",
    "text",
    "word",
]

SCALE: Final = Decimal("0.0000000001")
"""Ten decimals, what KuCoin's futures database keeps of a quotient."""

_WORDS: Final = {"BTC": "XBT"}
_COINS: Final = {word: coin for coin, word in _WORDS.items()}


def word(coin: str) -> str:
    """The futures side's word for a coin.

    Example:
        >>> word("BTC"), word("USDT")
        ('XBT', 'USDT')
    """
    return _WORDS.get(coin, coin)


def coin_of(name: str) -> str:
    """Our word for a coin of the futures side.

    Example:
        >>> coin_of("XBT"), coin_of("USDT")
        ('BTC', 'USDT')
    """
    return _COINS.get(name, name)


def exact(number: Decimal) -> Decimal:
    """A number as it is, without needless zeros or an exponent.

    Example:
        >>> exact(Decimal("1.50E-5"))
        Decimal('0.000015')
    """
    return Decimal(plain(number))


def scaled(number: Decimal, step: Decimal = SCALE) -> Decimal:
    """A number rounded to ``step``, without needless zeros, never minus zero.

    Example:
        >>> scaled(Decimal("0.33333333333333")), scaled(Decimal("-0E-12"))
        (Decimal('0.3333333333'), Decimal('0'))
    """
    rounded = round_half_up(number, step)
    return Decimal(plain(rounded))


def text(number: Decimal) -> str:
    """A number as a text, rounded to ten decimals.

    Example:
        >>> text(Decimal("15.50")), text(Decimal("1E+3"))
        ('15.5', '1000')
    """
    return plain(scaled(number))


def mode_word(mode: MarginMode) -> str:
    """``CROSS`` or ``ISOLATED``."""
    return mode.name


def signed_value(contract: ContractRules, lots: int, price: Decimal) -> Decimal:
    """The value of lots as KuCoin signs it: an inverse long is negative.

    Example:
        >>> from connectors.venue.examples import XBTUSDM, XBTUSDTM
        >>> signed_value(XBTUSDTM, -2, Decimal(50000)), signed_value(
        ...     XBTUSDM, 2, Decimal(50000))
        (Decimal('-100.000'), Decimal('-0.00004'))
    """
    if price == 0:
        return ZERO
    value = contract.value(Decimal(lots), price)
    return -value if contract.is_inverse else value
