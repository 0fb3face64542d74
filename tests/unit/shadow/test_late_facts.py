"""Facts that come late, twice or out of order: the shadow does not go back."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from bot.domain.accounts import MARGIN_CROSS
from bot.domain.events import IntentSettled, MarksTicked, OrderChanged
from bot.domain.intents import PlaceOrder
from bot.domain.orders import IntentState, OrderState, Outcome, Side
from bot.shadow.apply import apply
from tests.unit.guard.bench import START, cross_long, marked, requested

RESTING = OrderChanged(
    at=START,
    order_id="o1",
    intent_id="r0",
    account=MARGIN_CROSS,
    symbol="BTC-USDT",
    side=Side.SELL,
    state=OrderState.OPEN,
    qty=Decimal(1),
    filled_qty=Decimal("0.5"),
    price=Decimal(60000),
)
ORDER = PlaceOrder(
    account=MARGIN_CROSS, symbol="BTC-USDT", side=Side.SELL, qty=Decimal(1)
)


def test_a_late_mark_neither_wins_nor_turns_the_time_back() -> None:
    """A mark of 9 seconds ago must not make a later one look fresh, or replace it."""
    shadow = marked(cross_long(), {"BTC": "48000"}, seconds=10)
    stale = MarksTicked(
        at=START + timedelta(seconds=1),
        margin_marks={"BTC": Decimal(1), "SOL": Decimal(150)},
    )
    after = apply(shadow, stale)
    assert after.at == shadow.at
    assert after.margin_marks["BTC"] == Decimal(48000)
    assert after.mark_age("BTC") == timedelta(0)
    assert after.mark_age("SOL") == timedelta(seconds=9)


def test_an_older_count_of_fills_does_not_replace_a_newer_one() -> None:
    """News of an open order that come out of order do not unfill it."""
    shadow = apply(cross_long(), RESTING)
    older = replace(RESTING, filled_qty=Decimal("0.2"))
    assert apply(shadow, older).orders["o1"].filled_qty == Decimal("0.5")


def test_an_answer_about_an_order_that_is_done_ends_its_request() -> None:
    """The order was seen to end before the answer said that it was accepted."""
    shadow = requested(cross_long(), [ORDER])
    ended = replace(RESTING, intent_id=None, state=OrderState.FILLED)
    shadow = apply(shadow, ended)
    answer = IntentSettled(
        at=START, intent_id="r0", outcome=Outcome.DONE, order_id="o1"
    )
    assert apply(shadow, answer).requests == {}


def test_an_accepted_order_stays_a_request_until_it_leaves_the_book() -> None:
    """It is proven, not finished: it may still trade."""
    shadow = requested(cross_long(), [ORDER], IntentState.SENT)
    answer = IntentSettled(
        at=START, intent_id="r0", outcome=Outcome.DONE, order_id="o1"
    )
    shadow = apply(apply(shadow, answer), RESTING)
    assert shadow.requests["r0"].state is IntentState.DONE
    ended = replace(RESTING, state=OrderState.CANCELLED)
    assert apply(shadow, ended).requests == {}


def test_a_coin_that_stopped_trading_has_no_new_closes() -> None:
    """The old mark of a silent coin is not the close of another hour."""
    shadow = marked(cross_long(), {"BTC": "50000", "ETH": "2500"})
    shadow = marked(shadow, {"BTC": "51000"}, seconds=7200)
    assert len(shadow.closes["BTC"]) == 2
    assert len(shadow.closes["ETH"]) == 1
