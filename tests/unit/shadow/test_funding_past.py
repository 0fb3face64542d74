"""What the shadow remembers of funding: one quote for each cycle that is over."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from bot.domain.events import FundingQuoted
from bot.domain.instruments import Rules
from bot.shadow.apply import apply
from bot.shadow.state import empty_shadow

START = datetime(2025, 1, 1, tzinfo=UTC)


def _quote(hour: float, rate: str, due: int) -> FundingQuoted:
    return FundingQuoted(
        at=START + timedelta(hours=hour),
        symbol="XBTUSDTM",
        funding_rate=Decimal(rate),
        settlement_at=START + timedelta(hours=due),
        funding_interval_h=Decimal(8),
    )


def test_the_last_quote_of_a_cycle_is_remembered() -> None:
    """Of two quotes for eight o'clock the later stays, once the next one is quoted."""
    shadow = empty_shadow(Rules())
    quotes = (_quote(1, "0.1", 8), _quote(7, "0.2", 8), _quote(8, "0.3", 16))
    for quote in quotes:
        shadow = apply(shadow, quote)

    assert shadow.funding["XBTUSDTM"] == quotes[2]
    assert shadow.funding_past["XBTUSDTM"] == (quotes[1],)


def test_a_cycle_that_is_only_announced_is_no_past() -> None:
    """A quote for the one after next, before the stamp, is not remembered."""
    shadow = empty_shadow(Rules())
    for quote in (_quote(1, "0.1", 8), _quote(2, "0.2", 16)):
        shadow = apply(shadow, quote)

    assert shadow.funding_past == {}


def test_the_past_has_a_limit() -> None:
    """Ninety cycles stay, the newest ones."""
    shadow = empty_shadow(Rules())
    for cycle in range(100):
        quote = _quote(8 * cycle, "0.1", 8 * cycle + 8)
        shadow = apply(shadow, replace(quote, funding_rate=Decimal(cycle)))

    rates = [int(each.funding_rate) for each in shadow.funding_past["XBTUSDTM"]]
    assert rates == list(range(9, 99))
