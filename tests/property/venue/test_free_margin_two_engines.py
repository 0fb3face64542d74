"""What the free margin carries, by the product and by the venue, computed apart."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.accounts import FUTURES, MarginMode, Position
from bot.domain.events import IntentSettled
from bot.domain.instruments import Lots
from bot.domain.intents import PlaceOrder
from bot.domain.money import round_half_up
from bot.domain.orders import Outcome, Side
from bot.guard.funds import funds_objection
from bot.risk.free_margin import affordable_lots, free_margin
from bot.shadow.state import Shadow
from connectors.venue.venue import Venue
from tests.unit.guard.bench import depth, shadow_of
from tests.unit.venue.builders import approved, later, opening, rules, venue

D = Decimal
WANTED = D(4000)


@st.composite
def _accounts(draw: st.DrawFn) -> tuple[Shadow, Venue, PlaceOrder]:
    """A futures account, the venue that holds it, and an order it may not carry."""
    held = []
    if lots := draw(st.integers(-500, 500)):
        price = D(50000) * draw(st.decimals("0.9", "1.1", places=4))
        value = rules().contracts["XBTUSDTM"].value(D(lots), price)
        leverage = D(draw(st.integers(1, 20)))
        held.append(
            Position(
                symbol="XBTUSDTM",
                lots=Lots(lots),
                entry_value=round_half_up(value),
                mode=MarginMode.CROSS,
                leverage=leverage,
            )
        )
    wallet = draw(st.integers(6_000, 60_000))
    account = opening({"futures": {"USDT": str(wallet)}}, positions=held)
    order = PlaceOrder(
        account=FUTURES,
        symbol="XBTUSDTM",
        side=draw(st.sampled_from(Side)),
        qty=WANTED,
        margin_mode=MarginMode.CROSS,
        leverage=held[0].leverage if held else D(draw(st.integers(1, 20))),
    )
    shadow = depth(shadow_of(account), "XBTUSDTM", "1000000")
    return shadow, venue(account), order


def _answer(place: Venue, order: PlaceOrder) -> IntentSettled:
    head = place.submit(later(1), approved(order))[0]
    assert isinstance(head, IntentSettled)
    return head


@given(_accounts())
def test_what_is_affordable_the_venue_takes(
    drawn: tuple[Shadow, Venue, PlaceOrder],
) -> None:
    """The fitted order is taken; our gate says the same of it."""
    shadow, place, order = drawn
    fitted = replace(order, qty=affordable_lots(shadow, order))
    assert 0 <= fitted.qty <= WANTED
    if fitted.qty:
        assert funds_objection(shadow, fitted) is None
        found = _answer(place, fitted)
        assert found.outcome is not Outcome.REFUSED, (fitted, found)


@given(_accounts())
def test_what_the_gate_refuses_the_venue_refuses(
    drawn: tuple[Shadow, Venue, PlaceOrder],
) -> None:
    """One that our gate finds no margin for gets 300003 there, or is over the size."""
    shadow, place, order = drawn
    beyond = (affordable_lots(shadow, order) * D("1.15") + 1).to_integral_value()
    larger = replace(order, qty=min(beyond, WANTED))
    if funds_objection(shadow, larger) is None:
        return
    found = _answer(place, larger)
    assert found.outcome is Outcome.REFUSED, (larger, free_margin(shadow, "USDT"))
    assert found.code in {"300003", "330008"}
