"""What an exit costs is read from the newest minutes first."""

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.events import LiquidityQuoted
from connectors.kucoin.depth import MINUTES, liquidity_of
from connectors.kucoin.parse.depth import Minute, TopOfBook

D = Decimal
AT = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)
TOP = TopOfBook(bid=D("99.95"), ask=D("100.05"))


def bar(age: int, volume: str = "60", close: str = "100") -> Minute:
    """A candle that was over so many minutes ago; -1 is the one that is not."""
    begin = AT.replace(second=0) - timedelta(minutes=age + 1)
    return Minute(at=begin, close=D(close), volume=D(volume))


def quoted(*bars: Minute) -> LiquidityQuoted:
    """The one estimate."""
    (found,) = liquidity_of(AT, "SOL-USDT", TOP, bars)
    return found


def test_a_burst_of_trading_is_followed_within_minutes() -> None:
    """Ten times the volume since six minutes: three quarters of the way there."""
    calm = [bar(age, "10") for age in range(MINUTES - 1, 5, -1)]
    wild = [bar(age, "100") for age in range(5, -1, -1)]
    assert float(quoted(*calm, *wild).volume_1m) == pytest.approx(77.5, abs=0.1)


def test_the_minute_that_is_not_over_is_left_out() -> None:
    """Half a minute of trading is not a quiet minute."""
    hour = [bar(age) for age in range(MINUTES - 1, -1, -1)]
    assert quoted(*hour, bar(-1, "1", "50")) == quoted(*hour)


def test_volatility_is_that_of_the_newest_minutes() -> None:
    """Returns of 1 % that ended half an hour ago are all but forgotten."""
    then = [bar(age, close="101" if age % 2 else "100") for age in range(59, 29, -1)]
    now = [bar(age) for age in range(29, -1, -1)]
    assert quoted(*then, *now).sigma_1m < D("0.0005")
    moved = [bar(age, close="101" if age % 2 else "100") for age in range(59, -1, -1)]
    expected = math.log(1.01)
    assert float(quoted(*moved).sigma_1m) == pytest.approx(expected, rel=1e-6)


def test_without_a_book_or_a_minute_nothing_is_said() -> None:
    """Unknown depth is unknown, not zero; one minute alone has no volatility."""
    assert liquidity_of(AT, "SOL-USDT", None, [bar(1), bar(0)]) == ()
    assert liquidity_of(AT, "SOL-USDT", TOP, [bar(0)]) == ()
    assert liquidity_of(AT, "SOL-USDT", TOP, [bar(1), bar(0)]) != ()
    assert liquidity_of(AT, "SOL-USDT", TOP, [bar(-1)]) == ()
    assert liquidity_of(AT, "SOL-USDT", TOP, [bar(MINUTES)]) == ()


@given(st.lists(st.integers(0, MINUTES - 1), min_size=2, unique=True))
def test_volume_lies_between_nothing_and_the_largest_minute(ages: list[int]) -> None:
    """Minutes without a candle are empty ones."""
    bars = [bar(age, str(age + 1)) for age in sorted(ages, reverse=True)]
    assert 0 < quoted(*bars).volume_1m <= max(ages) + 1
