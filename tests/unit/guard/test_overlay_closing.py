"""What an overlay asks for while it closes: what rests goes first, then both legs."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from bot.domain.accounts import FUTURES, SPOT
from bot.domain.events import LiquidityQuoted
from bot.domain.intents import CancelOrder, PlaceOrder, Proposal
from bot.domain.overlay import Overlaid, Overlay
from bot.domain.strategy import Setback
from bot.guard.overlay_state import ALL, OverlayState
from bot.guard.overlays import closing
from bot.risk.strategy_book import Book, Leg, Market
from bot.shadow.state import Shadow
from tests.unit.strategies.bench import NOW, balance, position, view_of
from tests.unit.strategies.test_funding_arbitrage import carry, hedged
from tests.unit.strategies.test_funding_makers import ask, resting

LEGS = (Market("SOL", SPOT, "SOL-USDT"), Market("SOL", FUTURES, "SOLUSDTM"))
OVERLAID = Overlaid(carry(), Overlay(capital_usdt=Decimal(1000)))


def asked(shadow: Shadow, group: str = ALL) -> list[Proposal]:
    """What is asked for while the pair is being closed."""
    state = OverlayState(
        book=Book(legs={leg: Leg(Decimal(0), Decimal(0)) for leg in LEGS}),
        closing={group: "it lost too much"},
    )
    return list(closing({"carry": state}, [OVERLAID], view_of(shadow)))


def orders(found: list[Proposal]) -> Mapping[str, Decimal]:
    """Signed quantities by symbol."""
    intents = [each.intent for each in found]
    return {i.symbol: i.qty * i.side.sign for i in intents if isinstance(i, PlaceOrder)}


def test_what_rests_is_withdrawn_before_anything_is_closed() -> None:
    """A first leg that waits would open again what is being closed."""
    shadow = hedged(rate="-0.0005").shadow()
    (first,) = ask(shadow)
    shadow = resting(shadow, first)
    for group in (ALL, "SOL"):
        (withdrawal,) = asked(shadow, group)
        assert isinstance(withdrawal.intent, CancelOrder)
        assert withdrawal.intent.order_id == "1"
    assert asked(shadow, "BTC") == []


def test_both_legs_come_down_to_one_level() -> None:
    """Legs of ten and nine coins, two at a time: both are then at eight."""
    world = hedged(positions=(position("SOLUSDTM", -90),))
    coins = {"SOL": balance("10"), "USDT": balance("9000")}
    shadow = replace(world, balances={**world.balances, SPOT: coins}).shadow()
    assert orders(asked(_thin(shadow, "40"))) == {
        "SOL-USDT": Decimal(-2),
        "SOLUSDTM": Decimal(10),
    }
    assert orders(asked(_thin(shadow, "100"))) == {
        "SOL-USDT": Decimal(-5),
        "SOLUSDTM": Decimal(40),
    }


def _thin(shadow: Shadow, volume: str) -> Shadow:
    """The same with so many coins traded a minute, of which a twentieth is taken."""
    depth: dict[str, LiquidityQuoted] = {
        symbol: replace(each, volume_1m=Decimal(volume))
        for symbol, each in shadow.liquidity.items()
    }
    return replace(shadow, liquidity=depth)


def test_a_market_that_fell_short_rests_a_moment() -> None:
    """After an order that found the book empty nothing is asked for a second."""
    shadow = hedged().shadow()
    sale = asked(shadow)[0].intent
    short = Setback(at=NOW, intent=sale, reason="the depth is used up")
    tried = replace(shadow, setbacks={("carry", "SOL-USDT"): short})
    assert asked(tried) == []
    later = replace(tried, at=NOW + timedelta(seconds=1))
    assert set(orders(asked(later))) == {"SOL-USDT", "SOLUSDTM"}
