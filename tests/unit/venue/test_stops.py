"""Stops at the simulated venue: they wait, hold nothing, go off once, and cost."""

from decimal import Decimal

import pytest

from bot.domain.accounts import FUTURES, MARGIN_CROSS, AccountId
from bot.domain.events import Event, Filled, OrderChanged
from bot.domain.intents import CancelStop, PlaceStop
from bot.domain.market import MarketInstant
from bot.domain.orders import OrderState, Outcome, Side, StopState
from bot.domain.stops import StopChanged
from connectors.venue.stops import MOST_FUTURES_STOPS, MOST_STOPS_A_PAIR
from connectors.venue.venue import Venue
from tests.unit.guard.bench import position
from tests.unit.venue.builders import (
    DEEP,
    approved,
    instant,
    later,
    opening,
    settled,
    venue,
)

ACCOUNT = opening(
    {"margin_cross": {"BTC": "1"}, "futures": {"USDT": "20000"}},
    debts={"margin_cross": {"USDT": "20000"}},
    positions=[position(-500)],
)


def stop(
    account: AccountId = MARGIN_CROSS,
    price: str = "45000",
    *,
    qty: str | None = None,
    is_up: bool = False,
) -> PlaceStop:
    """A sale in margin, or a purchase of lots on futures."""
    is_futures = account == FUTURES
    return PlaceStop(
        account=account,
        symbol="XBTUSDTM" if is_futures else "BTC-USDT",
        side=Side.BUY if is_futures else Side.SELL,
        qty=Decimal(qty or ("200" if is_futures else "0.5")),
        stop_price=Decimal(price),
        is_up=is_up,
        leverage=Decimal(3),
    )


def ticked(place: Venue, seconds: float, btc: str) -> list[Event]:
    """What a new price of BTC leads to, stops that are due included."""
    return moved(place, instant(later(seconds), btc=btc, liquidity=DEEP))


def moved(place: Venue, market: MarketInstant) -> list[Event]:
    """What an instant of the market leads to, and the timers after it."""
    return [*place.tick(market), *place.advance(market.at)]


def told(events: list[Event]) -> list[StopState]:
    """The states of stops, in order."""
    return [e.state for e in events if isinstance(e, StopChanged)]


def test_a_stop_that_waits_holds_nothing() -> None:
    """Neither coins nor margin, and it is no order."""
    place = venue(ACCOUNT)
    events = place.submit(later(1), approved(stop(), "i-1"))
    assert settled(events).order_id == "stop-1"
    assert told(events) == [StopState.RESTING]
    assert place.snapshot().balances[MARGIN_CROSS]["BTC"].hold == 0
    assert place.orders.resting_of(MARGIN_CROSS) == ()


@pytest.mark.parametrize("account", [MARGIN_CROSS, FUTURES])
def test_it_goes_off_once_at_its_price(account: AccountId) -> None:
    """Not a tick above, then as a market order of the taker that ends at once."""
    place = venue(ACCOUNT)
    place.submit(later(1), approved(stop(account), "i-1"))
    assert told(ticked(place, 2, "45000.1")) == []
    events = ticked(place, 3, "45000")
    assert told(events) == [StopState.TRIGGERED]
    fills = [e for e in events if isinstance(e, Filled)]
    assert {f.intent_id for f in fills} == {"i-1"}
    assert not any(f.is_maker for f in fills)
    assert all(f.fee > 0 for f in fills)
    (ended,) = [e for e in events if isinstance(e, OrderChanged)]
    assert ended.state is OrderState.FILLED
    assert told(ticked(place, 4, "44000")) == []


def test_a_futures_stop_only_reduces() -> None:
    """More lots than are held close the position, and never open another."""
    place = venue(ACCOUNT)
    place.submit(later(1), approved(stop(FUTURES, qty="900"), "i-1"))
    ticked(place, 2, "44000")
    assert place.snapshot().positions == {}


def test_a_stop_with_nothing_left_to_close_fails() -> None:
    """It went off, its order was refused, and it says why."""
    place = venue(opening({"futures": {"USDT": "20000"}}, positions=[position(1)]))
    place.submit(later(1), approved(stop(FUTURES, qty="900"), "i-1"))
    events = ticked(place, 2, "44000")
    (gone,) = [e for e in events if isinstance(e, StopChanged)]
    assert gone.state is StopState.FAILED
    assert gone.reason


def test_the_mark_decides_on_futures_and_the_last_trade_in_margin() -> None:
    """A mark that moves alone sets off the contract's stop only."""
    place = venue(ACCOUNT)
    place.submit(later(1), approved(stop(), "i-1"))
    place.submit(later(1), approved(stop(FUTURES), "i-2"))
    calm = instant(later(2), btc="50000", liquidity=DEEP)
    fallen = {"XBTUSDTM": Decimal(44900), "XBTUSDM": Decimal(50000)}
    at_mark = type(calm)(
        at=calm.at,
        last_prices=calm.last_prices,
        margin_marks=calm.margin_marks,
        futures_marks=fallen,
        liquidity=calm.liquidity,
    )
    gone = [e for e in moved(place, at_mark) if isinstance(e, StopChanged)]
    assert [s.account for s in gone] == [FUTURES]


def test_a_stop_is_withdrawn_once() -> None:
    """A cancel ends it, a second one is refused, and the price finds nothing."""
    place = venue(ACCOUNT)
    place.submit(later(1), approved(stop(), "i-1"))
    cancel = CancelStop(account=MARGIN_CROSS, symbol="BTC-USDT", stop_id="stop-1")
    events = place.submit(later(2), approved(cancel, "i-2"))
    assert told(events) == [StopState.CANCELLED]
    again = place.submit(later(3), approved(cancel, "i-3"))
    assert settled(again).outcome is Outcome.REFUSED
    assert place.find(later(4), approved(cancel, "i-2")).outcome is Outcome.DONE
    assert told(ticked(place, 5, "40000")) == []


def test_a_lost_answer_is_found_by_its_client_id() -> None:
    """The venue knows what it did, and takes no client id twice."""
    place = venue(ACCOUNT)
    place.submit(later(1), approved(stop(), "i-1"))
    found = place.find(later(2), approved(stop(), "i-1"))
    assert (found.outcome, found.order_id) == (Outcome.DONE, "stop-1")
    again = settled(place.submit(later(3), approved(stop(price="44000"), "i-1")))
    assert (again.outcome, again.code) == (Outcome.REFUSED, "126044")
    missing = place.find(later(4), approved(stop(), "i-9"))
    assert missing.outcome is Outcome.REFUSED


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (stop(price="45000.05"), "400400"),
        (stop(FUTURES, price="45000.03"), "300000"),
        (stop(AccountId("main")), "126004"),
    ],
)
def test_what_cannot_wait_is_refused(wrong: PlaceStop, code: str) -> None:
    """A price off the tick, and an account that does not trade."""
    answer = settled(venue(ACCOUNT).submit(later(1), approved(wrong, "i-1")))
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, code)


@pytest.mark.parametrize(
    ("account", "most"),
    [(MARGIN_CROSS, MOST_STOPS_A_PAIR), (FUTURES, MOST_FUTURES_STOPS)],
)
def test_there_is_room_for_so_many(account: AccountId, most: int) -> None:
    """The first one too many is refused."""
    place = venue(ACCOUNT)
    answers = [
        settled(place.submit(later(1), approved(stop(account), f"i-{number}")))
        for number in range(most + 1)
    ]
    assert [a.outcome for a in answers].count(Outcome.DONE) == most
    assert answers[-1].outcome is Outcome.REFUSED


def test_a_takeover_cancels_the_stops_of_its_account() -> None:
    """A margin account that is frozen sells nothing by a stop any more."""
    place = venue(
        opening(
            {"margin_cross": {"BTC": "1"}}, debts={"margin_cross": {"USDT": "40000"}}
        )
    )
    place.submit(later(1), approved(stop(price="30000"), "i-1"))
    events = ticked(place, 2, "41000")
    assert told(events) == [StopState.CANCELLED]


def test_a_halted_symbol_is_waited_for() -> None:
    """Nothing trades while trading is halted; afterwards the stop goes off."""
    place = venue(ACCOUNT)
    place.submit(later(1), approved(stop(), "i-1"))
    halted = instant(later(2), btc="44000", halted={"BTC-USDT": True})
    assert told(moved(place, halted)) == []
    opened = instant(later(3), btc="44000", liquidity=DEEP, halted={"BTC-USDT": False})
    assert told(moved(place, opened)) == [StopState.TRIGGERED]
