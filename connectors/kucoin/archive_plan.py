"""What a fetch of market data is asked for, checked before the first request.

Pure. Nothing here knows an endpoint or a file.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from bot.domain.errors import UsageError
from connectors.kucoin.archive_series import BAR_MINUTES
from connectors.markets.archive import Span

__all__ = ["FetchPlan", "coin_of", "in_ms", "plan_fetch"]

_MINUTE_MS: Final = 60_000
_MOST_BARS: Final = 5_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchPlan:
    """What is to be fetched, checked before the first request."""

    coins: tuple[str, ...]
    span: Span
    bar: str
    has_index: bool = False
    part_bars: int = 14_000
    """How many bars are stored at a time."""


def coin_of(word: str) -> str:
    """The coin that a pair, a contract or a coin's own name means.

    Raises:
        UsageError: It is none of these, or not quoted in USDT.

    Example:
        >>> coin_of("BTC-USDT"), coin_of("XBTUSDTM"), coin_of("sol")
        ('BTC', 'BTC', 'SOL')
    """
    name = word.strip().upper()
    base = name.removesuffix("-USDT").removesuffix("USDTM")
    coin = "BTC" if base == "XBT" else base
    if not (coin.isascii() and coin.isalnum()) or coin == "USDT":
        raise UsageError(
            f"{word!r} is no coin against USDT; name coins such as BTC, pairs such as "
            "BTC-USDT, or contracts such as XBTUSDTM."
        )
    return coin


def plan_fetch(  # noqa: PLR0913 - the options of one command
    symbols: Sequence[str],
    start: datetime,
    end: datetime,
    bar: str,
    *,
    now: datetime,
    has_index: bool = False,
) -> FetchPlan:
    """Check what is asked for.

    Args:
        symbols: Coins, pairs or contracts.
        start: The first bar opens here, UTC.
        end: No bar opens here or later, UTC.
        bar: A length of ``BAR_MINUTES``.
        now: The exchange's time: a bar that has not closed is not a bar.
        has_index: Whether index and premium are kept as well.

    Raises:
        UsageError: A symbol, a time or the length makes no sense.
    """
    if bar not in BAR_MINUTES:
        raise UsageError(f"Bars are {', '.join(BAR_MINUTES)} long, was {bar!r}.")
    step_ms = BAR_MINUTES[bar] * _MINUTE_MS
    span = Span(start_ms=in_ms(start), end_ms=in_ms(end), step_ms=step_ms)
    coins = tuple(dict.fromkeys(coin_of(word) for word in symbols))
    if not coins:
        raise UsageError("Name at least one symbol to fetch.")
    if span.start_ms % step_ms or span.end_ms % step_ms:
        raise UsageError(f"The times must lie on whole bars of {bar}.")
    if end > now:
        raise UsageError(
            f"The end {end.isoformat()} is not yet past (it is {now.isoformat()} at "
            "the exchange); name an earlier one."
        )
    if not 0 < span.bars <= _MOST_BARS:
        raise UsageError(
            f"From {start.isoformat()} to {end.isoformat()} are {span.bars} bars; "
            f"ask for 1 to {_MOST_BARS}."
        )
    return FetchPlan(coins=coins, span=span, bar=bar, has_index=has_index)


def in_ms(when: datetime) -> int:
    """A UTC time in milliseconds since 1970, cut to whole seconds.

    Raises:
        ValueError: It is in another zone, or in none.
    """
    if when.tzinfo is not UTC:
        raise ValueError(f"a time must carry tzinfo UTC, was {when!r}")
    return int(when.timestamp()) * 1_000
