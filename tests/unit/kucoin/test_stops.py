"""Stops at KuCoin: what leaves, what an answer, a push and a list say of one."""

import asyncio
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.accounts import (
    FUTURES,
    MARGIN_CROSS,
    SPOT,
    AccountId,
    isolated_account,
)
from bot.domain.errors import UsageError
from bot.domain.intents import Approved, CancelStop, Intent, PlaceStop
from bot.domain.orders import Outcome, Side, StopState
from bot.domain.stops import StopChanged, stop_of
from connectors.kucoin.adoption import adopt_stops
from connectors.kucoin.answers import Urgency
from connectors.kucoin.order_words import request_for, urgency_of
from connectors.kucoin.parse.account_pushes import StopOrderPush
from connectors.kucoin.parse.node import Node
from connectors.kucoin.parse.stop_orders import futures_stops, spot_stops
from connectors.kucoin.registry import OrderRegistry
from connectors.kucoin.stop_reads import list_stops, news_of_stops
from tests.unit.kucoin.gateway_bench import Bench
from tests.unit.kucoin.test_feed_orders import feed_of, take
from tests.unit.kucoin.world_bench import (
    START,
    FakeRest,
    Time,
    approved,
    gone,
    lost,
    ms,
    ok,
    settle,
)

D = Decimal
SHORT = PlaceStop(
    account=FUTURES,
    symbol="XBTUSDTM",
    side=Side.BUY,
    qty=D(751),
    stop_price=D("56270.0"),
    is_up=True,
    leverage=D(3),
)
HELD = PlaceStop(
    account=MARGIN_CROSS,
    symbol="BTC-USDT",
    side=Side.SELL,
    qty=D("0.50"),
    stop_price=D(40000),
    is_up=False,
)


def futures_row(stop_id: str, client_id: str, **fields: object) -> dict[str, object]:
    """A row of the futures host's stops, as KuCoin prints it."""
    row: dict[str, object] = {
        "id": stop_id,
        "symbol": "XBTUSDTM",
        "type": "market",
        "side": "buy",
    }
    row |= {"price": None, "size": 751, "value": "0", "dealValue": "0", "dealSize": 0}
    row |= {"stop": "up", "stopPriceType": "MP", "stopTriggered": False}
    row |= {"stopPrice": "56270.0", "timeInForce": "GTC", "leverage": "3"}
    row |= {"closeOrder": False, "reduceOnly": True, "clientOid": client_id}
    row |= {"isActive": True, "cancelExist": False, "status": "open"}
    row |= {"createdAt": ms(START), "marginMode": "CROSS", "positionSide": "BOTH"}
    return {**row, **fields}


def margin_row(stop_id: str, client_id: str, **fields: object) -> dict[str, object]:
    """A row of the margin stops, as KuCoin prints it."""
    row: dict[str, object] = {
        "id": stop_id,
        "symbol": "BTC-USDT",
        "status": "NEW",
        "type": "market",
    }
    row |= {"side": "sell", "price": None, "size": "0.50000000000000000000"}
    row |= {"clientOid": client_id, "tradeType": "MARGIN_TRADE", "stop": "loss"}
    row |= {"stopPrice": "40000.00000000000000000000", "createdAt": ms(START)}
    return {**row, **fields}


def lists(futures: Iterable[object] = (), margin: Iterable[object] = ()) -> Any:
    """The three lists of stops."""
    return {
        "futures_stops": {"totalPage": 1, "items": list(futures)},
        "margin_stops": {"totalPage": 1, "items": list(margin)},
        "spot_stops": {"totalPage": 1, "items": []},
    }


@pytest.mark.parametrize(
    ("intent", "endpoint", "params"),
    [
        (
            SHORT,
            "place_futures_order",
            {
                "symbol": "XBTUSDTM",
                "side": "buy",
                "type": "market",
                "leverage": 3,
                "marginMode": "CROSS",
                "size": 751,
                "reduceOnly": True,
                "stop": "up",
                "stopPrice": "56270",
                "stopPriceType": "MP",
            },
        ),
        (
            HELD,
            "place_margin_stop",
            {
                "symbol": "BTC-USDT",
                "side": "sell",
                "type": "market",
                "size": "0.5",
                "isIsolated": False,
                "stop": "loss",
                "stopPrice": "40000",
            },
        ),
    ],
)
def test_a_stop_in_kucoins_words(
    intent: Intent, endpoint: str, params: dict[str, object]
) -> None:
    """Futures reduce only on the mark; margin has neither of the two words."""
    request = request_for(approved(intent, 1))
    assert request.endpoint == endpoint
    assert request.params == {"clientOid": "g1-i0000001", **params}


@pytest.mark.parametrize(
    ("account", "endpoint"),
    [
        (FUTURES, "cancel_futures_order"),
        (MARGIN_CROSS, "cancel_margin_stop"),
        (isolated_account("BTC-USDT"), "cancel_margin_stop"),
        (SPOT, "cancel_spot_stop"),
    ],
)
def test_a_withdrawal_names_the_stop(account: AccountId, endpoint: str) -> None:
    """By the exchange's own id of it."""
    cancel = CancelStop(account=account, symbol="BTC-USDT", stop_id="s7")
    request = request_for(approved(cancel, 1))
    assert (request.endpoint, request.params) == (endpoint, {"orderId": "s7"})


def test_stops_are_routine_requests() -> None:
    """What rests for a dead bot never takes the guard's share of a quota."""
    asked = Approved(
        intent_id="g1-i0000001", owner="stops", intent=SHORT, reason="test"
    )
    assert urgency_of(asked) is Urgency.ROUTINE


def test_a_stop_that_was_taken_rests_under_its_id() -> None:
    """Done with the id; nothing is looked at, because nothing has moved."""

    async def story() -> Bench:
        bench = Bench()
        bench.rest.writes["place_futures_order"] = [ok({"orderId": "s1"})]
        bench.gateway.send_order(approved(SHORT, 1))
        await settle()
        return bench

    bench = asyncio.run(story())
    (told,) = bench.events
    assert (told.outcome, told.order_id) == (Outcome.DONE, "s1")
    assert [s.stop_id for s in bench.registry.stops.resting()] == ["s1"]
    assert not any(bench.touched)


def test_a_lost_answer_is_found_among_the_stops() -> None:
    """In doubt, then done under the exchange's id, by our id in the list."""

    async def story() -> Bench:
        bench = Bench()
        bench.rest.writes["place_margin_stop"] = [lost()]
        bench.rest.reads |= lists(margin=[margin_row("s1", "g1-i0000001")])
        asked = approved(HELD, 1)
        bench.gateway.send_order(asked)
        await settle()
        bench.gateway.find_order(asked)
        await bench.time.advance(30)
        return bench

    bench = asyncio.run(story())
    assert bench.outcomes == [Outcome.IN_DOUBT, Outcome.DONE]
    assert bench.events[-1].order_id == "s1"


def test_a_stop_that_never_arrived_is_refused_with_proof() -> None:
    """Two looks, ten seconds and more after it can last have been on its way."""

    async def story() -> Bench:
        bench = Bench()
        bench.rest.writes["place_margin_stop"] = [lost()]
        bench.rest.reads |= lists()
        bench.rest.reads["margin_order_by_client_id"] = gone()
        asked = approved(HELD, 1)
        bench.gateway.send_order(asked)
        await settle()
        bench.gateway.find_order(asked)
        await bench.time.advance(30)
        return bench

    bench = asyncio.run(story())
    assert bench.outcomes == [Outcome.IN_DOUBT, Outcome.REFUSED]
    assert (bench.time.now() - START).total_seconds() >= 10


def test_a_withdrawal_in_doubt_is_proven_by_the_list() -> None:
    """It waits no more and became no order: withdrawn."""

    async def story() -> Bench:
        bench = Bench()
        bench.registry.stops.placed(START, HELD, "s1", "g1-i0000001")
        bench.registry.adopt("s1", "g1-i0000001")
        bench.rest.writes["cancel_margin_stop"] = [lost()]
        bench.rest.reads |= lists()
        bench.rest.reads["margin_order_by_client_id"] = gone()
        cancel = CancelStop(account=MARGIN_CROSS, symbol="BTC-USDT", stop_id="s1")
        asked = approved(cancel, 2)
        bench.gateway.send_order(asked)
        await settle()
        bench.gateway.find_order(asked)
        await bench.time.advance(30)
        return bench

    bench = asyncio.run(story())
    assert bench.outcomes == [Outcome.IN_DOUBT, Outcome.DONE]
    assert bench.registry.stops.resting() == ()


def push(stop_id: str, change: str, *, is_placed: bool | None = None) -> StopOrderPush:
    """One message about a stop."""
    return StopOrderPush(
        order_id=stop_id,
        symbol="XBTUSDTM",
        side=Side.BUY,
        change=change,
        size=D(751),
        price=None,
        stop="up",
        stop_price=D(56270),
        account=None,
        at=START,
        is_placed=is_placed,
    )


@pytest.mark.parametrize(
    ("change", "is_placed", "state"),
    [
        ("triggered", True, StopState.TRIGGERED),
        ("triggered", None, StopState.TRIGGERED),
        ("triggered", False, StopState.FAILED),
        ("cancel", None, StopState.CANCELLED),
    ],
)
def test_a_push_ends_a_stop_that_is_known(
    change: str, *, is_placed: bool | None, state: StopState
) -> None:
    """One that traded has its account looked at in haste; the rest is a fact alone."""
    feed = feed_of()
    feed.registry.stops.placed(START, SHORT, "s1", "g1-i0000001")
    taken = take(feed, push("s1", change, is_placed=is_placed))
    (told,) = taken.events
    assert isinstance(told, StopChanged)
    assert (told.state, told.intent_id) == (state, "g1-i0000001")
    has_traded = state is StopState.TRIGGERED
    assert taken.is_urgent is has_traded
    assert taken.touched == (frozenset({FUTURES}) if has_traded else frozenset())
    assert take(feed, push("s1", change)).events == ()


def test_a_push_of_a_stop_that_nobody_knows_is_left_to_the_list() -> None:
    """Whose it is the push does not say."""
    assert take(feed_of(), push("s9", "open")).events == ()
    assert take(feed_of(), push("s9", "cancel")).events == ()


def news(registry: OrderRegistry, answers: Any) -> list[Any]:
    """What a look at the lists tells."""
    rest = FakeRest()
    rest.reads |= answers
    accounts = (FUTURES, SPOT, MARGIN_CROSS)
    return list(asyncio.run(news_of_stops(rest, Time(), registry, accounts)))


def test_a_list_tells_of_stops_that_nobody_has_shown() -> None:
    """Ours by the form of our id, foreign ones without; each once."""
    registry = OrderRegistry()
    rows = lists([futures_row("s1", "g7-i3")], [margin_row("s2", "a-person")])
    told = news(registry, rows)
    assert [(s.stop_id, s.intent_id) for s in told] == [("s1", "g7-i3"), ("s2", None)]
    assert news(registry, rows) == []


def test_a_start_takes_over_what_rests() -> None:
    """Every stop is told anew, ours under our id."""
    registry, rest = OrderRegistry(), FakeRest()
    rest.reads |= lists([futures_row("s1", "g7-i3")])
    known = [stop_of(SHORT, START, "s1", "g7-i3")]
    told = asyncio.run(adopt_stops(rest, Time(), registry, known))
    assert [s for s in told if isinstance(s, StopChanged)] == known


def test_stops_of_any_kind_can_be_read() -> None:
    """A kind that KuCoin invents, a stop by funds, one that closes everything."""
    (odd,) = spot_stops(Node([margin_row("s1", "x", stop="tso", size=None)], "stops"))
    assert not odd.is_up
    assert odd.qty == 0
    row = futures_row("s2", "y", closeOrder=True, size=0, reduceOnly=False)
    (closing,) = futures_stops(Node([row], "stops"))
    assert closing.reduce_only
    with pytest.raises(UsageError, match="stopPrice"):
        futures_stops(Node([futures_row("s3", "z", stopPrice=None)], "stops"))


async def test_stops_of_every_page_are_listed_but_none_is_missed_for_sure() -> None:
    """Two pages: both are read, and a stop on neither is not said to be over."""

    def page(asked: Mapping[str, str]) -> object:
        number = asked["currentPage"]
        row = futures_row(f"stop-{number}", f"client-{number}")
        return {"totalPage": 2, "items": [row]}

    rest = FakeRest(reads=lists() | {"futures_stops": page})
    found = await list_stops(rest, Time(), (FUTURES,))
    assert [row.stop_id for row in found.rows] == ["stop-1", "stop-2"]
    assert not found.is_complete
    rest.reads |= lists([futures_row("stop-1", "client-1")])
    found = await list_stops(rest, Time(), (FUTURES,))
    assert found.is_complete
