"""The shadow and the venue compute the same account twice, independently."""

from collections.abc import Sequence
from decimal import Decimal

from hypothesis import given

from bot.domain.accounts import MarginMode
from bot.domain.events import SnapshotTaken
from bot.domain.intents import Intent, PlaceOrder
from bot.risk.measure import equity_usdt, measure_subjects
from bot.shadow.apply import apply, register
from bot.shadow.drift import compare
from bot.shadow.state import Shadow, empty_shadow
from connectors.venue.venue import Venue
from tests.property.venue.scripts import opened, scripts
from tests.unit.venue.builders import (
    DEEP,
    RATES,
    START,
    THIN,
    approved,
    instant,
    later,
)

TINY = Decimal("1e-12")


def _rests_isolated(shadow: Shadow, script: Sequence[object]) -> bool:
    """Whether an isolated futures order rests; an order push does not name its mode.

    The shadow then takes it for a cross order and sees more risk than there is.
    """
    isolated = {
        f"i-{number}"
        for number, step in enumerate(script)
        if isinstance(step, PlaceOrder) and step.margin_mode is MarginMode.ISOLATED
    }
    return any(order.intent_id in isolated for order in shadow.orders.values())


def _agree(shadow: Shadow, sim: Venue, script: Sequence[object]) -> None:
    """Equal books and equity; equal ratios where both know them."""
    assert compare(shadow, sim.snapshot()) == ()
    assert equity_usdt(shadow) == sim.equity_usdt()
    known = sim.debt_ratios() | sim.risk_rates()
    is_stricter = _rests_isolated(shadow, script)
    for subject in measure_subjects(shadow):
        true = known.get(subject.settle or subject.account)
        if subject.position is not None or true is None or subject.ratio is None:
            continue
        if is_stricter and subject.is_futures:
            assert subject.ratio >= true - TINY
        elif true.is_finite():
            assert abs(subject.ratio - true) <= TINY * max(true, Decimal(1))


@given(scripts)
def test_the_shadow_never_drifts_from_the_venue(
    script: Sequence[Intent | tuple[int, Decimal, bool]],
) -> None:
    """Same events, two engines: equal balances, positions, ratios and equity."""
    sim, _ = opened()
    shadow = apply(
        empty_shadow(sim.rules), SnapshotTaken(at=START, snapshot=sim.snapshot())
    )
    first = instant(later(0), liquidity=DEEP, rates=RATES)
    for event in sim.tick(first):
        shadow = apply(shadow, event)
    now = 0
    for number, step in enumerate(script):
        if isinstance(step, tuple):
            now += step[0]
            moved = instant(
                later(now),
                btc=str(step[1]),
                eth=str(step[1] / 20),
                liquidity=THIN if step[2] else DEEP,
                rates=RATES,
            )
            events = sim.tick(moved)
        else:
            request = approved(step, f"i-{number}")
            shadow = register(shadow, request, later(now))
            events = sim.submit(later(now), request)
        for event in events:
            shadow = apply(shadow, event)
        _agree(shadow, sim, script)
