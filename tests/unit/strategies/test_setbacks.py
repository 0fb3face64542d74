"""What a strategy is told of its own requests: under way, refused, fallen short."""

from decimal import Decimal

from bot.domain.accounts import SPOT
from bot.domain.events import IntentSettled, OrderChanged
from bot.domain.intents import Approved, PlaceOrder
from bot.domain.orders import OrderState, Outcome, Side
from bot.shadow.apply import apply, register
from bot.shadow.state import Shadow
from tests.unit.strategies.bench import NOW, World, usdt, view_of

ORDER = PlaceOrder(account=SPOT, symbol="SOL-USDT", side=Side.BUY, qty=Decimal(5))


def _sent() -> Shadow:
    approved = Approved(intent_id="i1", owner="carry", intent=ORDER, reason="begins")
    return register(World(balances=usdt()).shadow(), approved, NOW)


def _settled(outcome: Outcome) -> IntentSettled:
    done = outcome is Outcome.DONE
    return IntentSettled(
        at=NOW,
        intent_id="i1",
        outcome=outcome,
        order_id="o1" if done else None,
        reason=None if done else "too little margin",
    )


def _ended(state: OrderState, filled: int) -> OrderChanged:
    return OrderChanged(
        at=NOW,
        order_id="o1",
        intent_id="i1",
        account=SPOT,
        symbol="SOL-USDT",
        side=Side.BUY,
        state=state,
        qty=Decimal(5),
        filled_qty=Decimal(filled),
        reason="the depth is used up",
    )


def test_a_refusal_is_remembered_with_its_reason() -> None:
    """The owner sees the refused order on its symbol; nobody else does."""
    view = view_of(apply(_sent(), _settled(Outcome.REFUSED)))
    setback = view.setback("carry", "SOL-USDT")

    assert setback is not None
    assert (setback.at, setback.intent) == (NOW, ORDER)
    assert setback.reason == "too little margin"
    assert view.setback("guard", "SOL-USDT") is None
    assert list(view.in_flight("carry")) == []


def test_a_doubt_is_no_setback_yet() -> None:
    """What became of a request in doubt is not known, so it is still under way."""
    view = view_of(apply(_sent(), _settled(Outcome.IN_DOUBT)))

    assert view.setback("carry", "SOL-USDT") is None
    assert len(view.in_flight("carry")) == 1


def test_a_doubt_that_ends_in_nothing_was_lost_on_its_way() -> None:
    """Nobody refused it, which an owner that waits with half a pair must know."""
    doubted = apply(_sent(), _settled(Outcome.IN_DOUBT))
    lost = view_of(apply(doubted, _settled(Outcome.REFUSED)))
    refused = view_of(apply(_sent(), _settled(Outcome.REFUSED)))

    for view, was_lost in ((lost, True), (refused, False)):
        setback = view.setback("carry", "SOL-USDT")
        assert setback is not None
        assert setback.was_lost is was_lost


def test_an_accepted_order_is_under_way_until_it_has_ended() -> None:
    """Between the acceptance and the last fill nobody may send the same again."""
    shadow = apply(_sent(), _settled(Outcome.DONE))
    assert len(view_of(shadow).in_flight("carry")) == 1

    view = view_of(apply(shadow, _ended(OrderState.FILLED, 5)))
    assert list(view.in_flight("carry")) == []
    assert view.setback("carry", "SOL-USDT") is None


def test_a_short_fill_is_a_setback() -> None:
    """Three of five coins, the rest cancelled: the owner is told that it fell short."""
    shadow = apply(_sent(), _settled(Outcome.DONE))
    setback = view_of(apply(shadow, _ended(OrderState.CANCELLED, 3))).setback(
        "carry", "SOL-USDT"
    )

    assert setback is not None
    assert setback.reason == "the depth is used up"
