"""Requests: what leaves, that it leaves once, and what its answer settles."""

import asyncio
from decimal import Decimal

import pytest

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    SPOT,
    MarginMode,
    PositionSide,
    isolated_account,
)
from bot.domain.errors import UsageError
from bot.domain.intents import (
    AdjustMargin,
    Borrow,
    CancelOrder,
    Intent,
    PlaceOrder,
    Repay,
    Transfer,
)
from bot.domain.orders import OrderType, Outcome, Side, TimeInForce
from connectors.kucoin.answers import Answer, Urgency
from connectors.kucoin.order_words import request_for
from tests.unit.kucoin.gateway_bench import Bench, debt, loan_row
from tests.unit.kucoin.world_bench import (
    approved,
    lost,
    ok,
    settle,
    spot_row,
    unreachable,
)

D = Decimal
BUY = PlaceOrder(account=SPOT, symbol="BTC-USDT", side=Side.BUY, qty=D("0.10"))
BORROW = Borrow(account=MARGIN_CROSS, coin="USDT", amount=D(100))
REPAY = Repay(account=MARGIN_CROSS, coin="USDT", amount=D(40))


@pytest.mark.parametrize(
    ("intent", "endpoint", "params"),
    [
        (
            BUY,
            "place_spot_order",
            {"symbol": "BTC-USDT", "side": "buy", "type": "market", "size": "0.1"},
        ),
        (
            PlaceOrder(
                account=isolated_account("ETH-USDT"),
                symbol="ETH-USDT",
                side=Side.SELL,
                qty=D("1.50"),
                type=OrderType.LIMIT,
                price=D("1E+3"),
                time_in_force=TimeInForce.IOC,
            ),
            "place_margin_order",
            {
                "symbol": "ETH-USDT",
                "side": "sell",
                "type": "limit",
                "size": "1.5",
                "price": "1000",
                "timeInForce": "IOC",
                "isIsolated": True,
            },
        ),
        (
            PlaceOrder(
                account=FUTURES,
                symbol="XBTUSDTM",
                side=Side.SELL,
                qty=D(7),
                leverage=D("2.5"),
                reduce_only=True,
                position_side=PositionSide.LONG,
            ),
            "place_futures_order",
            {
                "symbol": "XBTUSDTM",
                "side": "sell",
                "type": "market",
                "leverage": 2,
                "marginMode": "CROSS",
                "positionSide": "LONG",
                "size": 7,
                "reduceOnly": True,
            },
        ),
        (
            PlaceOrder(
                account=FUTURES,
                symbol="XBTUSDTM",
                side=Side.SELL,
                qty=D(7),
                close=True,
                margin_mode=MarginMode.ISOLATED,
            ),
            "place_futures_order",
            {
                "symbol": "XBTUSDTM",
                "side": "sell",
                "type": "market",
                "leverage": 1,
                "marginMode": "ISOLATED",
                "closeOrder": True,
            },
        ),
        (
            Transfer(
                source=isolated_account("ETH-USDT"),
                target=FUTURES,
                coin="USDT",
                amount=D("12.340"),
            ),
            "transfer",
            {
                "type": "INTERNAL",
                "currency": "USDT",
                "amount": "12.34",
                "fromAccountType": "ISOLATED",
                "fromAccountTag": "ETH-USDT",
                "toAccountType": "CONTRACT",
            },
        ),
    ],
    ids=["spot", "isolated limit", "reduce only", "close", "transfer"],
)
def test_words_of_requests(
    intent: Intent, endpoint: str, params: dict[str, object]
) -> None:
    """Each intent has one request, with exact texts and our id as the client id."""
    request = request_for(approved(intent))
    assert request.endpoint == endpoint
    assert request.params == {"clientOid": "g1-i0000001", **params}


@pytest.mark.parametrize("intent", [BORROW, REPAY], ids=["borrow", "repay"])
def test_words_of_loans(intent: Borrow | Repay) -> None:
    """A loan says its coin, its amount and whether it is isolated, and never more."""
    params = request_for(approved(intent)).params
    assert params["currency"] == "USDT"
    assert params["isIsolated"] is False
    assert params.get("timeInForce") == ("FOK" if intent is BORROW else None)
    assert not {"autoBorrow", "autoRepay", "clientOid"} & set(params)


def test_partial_loans_take_what_there_is() -> None:
    """A borrow that may be partial is immediate-or-cancel."""
    partial = Borrow(account=MARGIN_CROSS, coin="USDT", amount=D(1), allow_partial=True)
    assert request_for(approved(partial)).params["timeInForce"] == "IOC"


@pytest.mark.parametrize(
    ("amount", "endpoint", "name"),
    [
        ("5", "deposit_isolated_margin", "margin"),
        ("-5", "withdraw_isolated_margin", "withdrawAmount"),
    ],
)
def test_words_of_margin_moves(amount: str, endpoint: str, name: str) -> None:
    """Margin in and margin out are two requests, both with a positive amount."""
    request = request_for(approved(AdjustMargin(symbol="XBTUSDTM", amount=D(amount))))
    assert request.endpoint == endpoint
    assert request.params[name] == "5"


@pytest.mark.parametrize(
    "intent",
    [
        PlaceOrder(account=MAIN, symbol="BTC-USDT", side=Side.BUY, qty=D(1)),
        PlaceOrder(account=FUTURES, symbol="XBTUSDTM", side=Side.BUY, qty=D("0.5")),
        PlaceOrder(account=SPOT, symbol="BTC-USDT", side=Side.BUY, qty=D("NaN")),
        Borrow(account=SPOT, coin="USDT", amount=D(1)),
        Transfer(source=MAIN, target=MAIN, coin="USDT", amount=D(1)),
    ],
    ids=["main", "half a lot", "no number", "spot loan", "to itself"],
)
def test_nothing_is_sent_without_words(intent: Intent) -> None:
    """What KuCoin has no request for is refused before anything leaves."""
    with pytest.raises(UsageError):
        request_for(approved(intent))


async def test_an_accepted_order_is_done_with_its_id() -> None:
    """The answer's order id belongs to the intent from then on."""
    bench = Bench()
    bench.rest.writes["place_spot_order"] = [ok({"orderId": "o1"})]
    bench.gateway.send_order(approved(BUY))
    assert not bench.events
    await settle()
    [event] = bench.events
    assert (event.outcome, event.order_id) == (Outcome.DONE, "o1")
    assert bench.registry.intent_of("o1") == "g1-i0000001"
    assert bench.touched == [{SPOT}]


async def test_a_refusal_keeps_code_and_reason() -> None:
    """A refused request says what KuCoin said."""
    bench = Bench()
    refusal = Answer(outcome=Outcome.REFUSED, code="200004", message="too little")
    bench.rest.writes["place_spot_order"] = [refusal]
    bench.gateway.send_order(approved(BUY))
    await settle()
    [event] = bench.events
    assert event.outcome is Outcome.REFUSED
    assert (event.code, event.reason) == ("200004", "too little")


async def test_an_id_is_never_sent_twice() -> None:
    """The second sending of an id raises, a recovered id's first one too."""
    old = approved(BUY, 9)
    bench = Bench(recovered=(old,))
    bench.gateway.send_order(approved(BUY))
    for again in (approved(BUY), old):
        with pytest.raises(ValueError, match="never resend"):
            bench.gateway.send_order(again)
    await settle()
    assert len(bench.rest.sent) == 1
    await bench.crew.close()


async def test_the_guard_uses_its_reserve() -> None:
    """Requests of the guard are urgent, those of strategies are not."""
    bench = Bench()
    bench.rest.writes["place_spot_order"] = [ok({"orderId": "a"}), ok({"orderId": "b"})]
    bench.gateway.send_order(approved(BUY, 1, owner="guard"))
    bench.gateway.send_order(approved(BUY, 2))
    await settle()
    assert [urgency for _, _, urgency in bench.rest.sent] == [
        Urgency.GUARD,
        Urgency.ROUTINE,
    ]
    await bench.crew.close()


async def test_a_duplicate_is_adopted() -> None:
    """Where KuCoin has our id already, the order behind it is found, not resent."""
    bench = Bench()
    duplicate = Answer(outcome=Outcome.DONE, code="126044", message="duplicate")
    bench.rest.writes["place_spot_order"] = [duplicate]
    bench.rest.reads["spot_order_by_client_id"] = spot_row("o7", "g1-i0000001")
    order = approved(BUY)
    bench.gateway.send_order(order)
    await settle()
    assert bench.outcomes == [Outcome.IN_DOUBT]
    bench.gateway.find_order(order)
    await settle()
    assert bench.outcomes == [Outcome.IN_DOUBT, Outcome.DONE]
    assert bench.events[1].order_id == "o7"
    assert len(bench.rest.sent) == 1


async def test_the_pre_image_is_durable_before_a_loan_leaves() -> None:
    """When the request leaves, the note of what was before is in the journal."""
    bench = Bench()
    bench.rest.reads |= debt("7", borrows=[loan_row("old", "5", "SUCCESS")])
    bench.rest.writes["borrow"] = [ok({"orderNo": "n1", "actualSize": "100"})]
    seen: list[int] = []
    bench.rest.before_write = lambda _: seen.append(len(bench.notes))
    bench.gateway.send_loan(approved(BORROW))
    await settle()
    assert seen == [1]
    [note] = bench.notes
    assert note.topic == "pre-image"
    assert note.inputs["intent_id"] == "g1-i0000001"
    assert (note.inputs["amount"], note.inputs["seen"]) == ("7", "old")
    [event] = bench.events
    assert (event.outcome, event.done_amount) == (Outcome.DONE, D(100))


async def test_a_partial_loan_says_how_much() -> None:
    """What was lent counts, not what was asked for."""
    bench = Bench()
    bench.rest.reads |= debt("0")
    bench.rest.writes["borrow"] = [ok({"orderNo": "n1", "actualSize": "60"})]
    bench.gateway.send_loan(approved(BORROW))
    await settle()
    assert bench.events[0].done_amount == D(60)


async def test_without_a_pre_image_nothing_leaves() -> None:
    """A loan whose account cannot be read before is refused as not sent."""
    bench = Bench()
    bench.rest.reads["borrow_history"] = unreachable()
    bench.gateway.send_loan(approved(BORROW))
    await settle()
    assert not bench.rest.sent
    assert bench.outcomes == [Outcome.REFUSED]
    assert "not sent" in (bench.events[0].reason or "")


async def test_loans_of_a_coin_go_one_at_a_time() -> None:
    """A repayment waits until the fate of a loan of its coin is proven."""
    bench = Bench()
    bench.rest.reads |= debt("0")
    bench.rest.writes |= {
        "borrow": [lost()],
        "repay": [ok({"orderNo": "r", "actualSize": "40"})],
    }
    loan = approved(BORROW, 1)
    bench.gateway.send_loan(loan)
    bench.gateway.send_loan(approved(REPAY, 2))
    await settle()
    assert [name for name, _, _ in bench.rest.sent] == ["borrow"]
    bench.gateway.find_loan(loan)
    bench.rest.reads |= debt("100", borrows=[loan_row("n1", "100", "SUCCESS")])
    await bench.time.advance(1)
    assert [name for name, _, _ in bench.rest.sent] == ["borrow", "repay"]
    assert bench.outcomes == [Outcome.IN_DOUBT, Outcome.DONE, Outcome.DONE]


async def test_other_coins_do_not_wait() -> None:
    """Single flight is for an account and a coin, not for everything."""
    bench = Bench()
    bench.rest.reads |= debt("0")
    bench.gateway.send_loan(approved(BORROW, 1))
    other = Borrow(account=MARGIN_CROSS, coin="BTC", amount=D(1))
    bench.gateway.send_loan(approved(other, 2))
    await settle()
    assert [name for name, _, _ in bench.rest.sent] == ["borrow", "borrow"]
    await bench.crew.close()


async def test_a_transfer_waits_for_a_loan_of_its_coin() -> None:
    """KuCoin refuses to lend and to transfer a coin of an account at once."""
    bench = Bench()
    bench.rest.reads |= debt("0")
    bench.gateway.send_loan(approved(BORROW, 1))
    move = Transfer(source=MARGIN_CROSS, target=FUTURES, coin="USDT", amount=D(5))
    bench.gateway.send_transfer(approved(move, 2))
    await settle()
    assert [name for name, _, _ in bench.rest.sent] == ["borrow"]
    assert bench.gateway.in_flight == 2
    await bench.crew.close()


async def test_a_wait_has_an_end() -> None:
    """A request that waited too long for an earlier one is refused as not sent."""
    bench = Bench(wait_s=0.02)
    bench.rest.reads |= debt("0")
    bench.gateway.send_loan(approved(BORROW, 1))
    bench.gateway.send_loan(approved(REPAY, 2))
    await asyncio.sleep(0.05)  # noqa: TID251 - the deadline is real
    assert bench.outcomes == [Outcome.REFUSED]
    assert bench.events[0].intent_id == "g1-i0000002"
    assert "not settled" in (bench.events[0].reason or "")
    await bench.crew.close()


async def test_a_recovered_loan_holds_its_lane() -> None:
    """A loan that an earlier process left in doubt blocks the next one of its coin."""
    bench = Bench(recovered=(approved(BORROW, 1),), wait_s=0.02)
    bench.rest.reads |= debt("0")
    bench.gateway.send_loan(approved(REPAY, 2))
    await asyncio.sleep(0.05)  # noqa: TID251 - the deadline is real
    assert not bench.rest.sent
    assert bench.outcomes == [Outcome.REFUSED]


async def test_a_cancel_of_an_order_that_filled_is_looked_up() -> None:
    """A cancel that comes too late is refused with what the order did instead."""
    bench = Bench()
    cancel = approved(CancelOrder(account=SPOT, symbol="BTC-USDT", order_id="o1"))
    bench.rest.writes["cancel_spot_order"] = [
        Answer(outcome=Outcome.IN_DOUBT, code="400100", message="order not exist")
    ]
    bench.rest.reads["spot_order"] = spot_row("o1", None, active=False, filled="0.1")
    bench.gateway.send_order(cancel)
    await settle()
    bench.gateway.find_order(cancel)
    await settle()
    assert bench.outcomes == [Outcome.IN_DOUBT, Outcome.REFUSED]
    assert "had filled" in (bench.events[1].reason or "")


async def test_a_market_order_without_a_push_is_asked_for() -> None:
    """An order that must have ended at once is read when no push says so."""
    bench = Bench()
    bench.rest.writes["place_spot_order"] = [ok({"orderId": "o1"})]
    bench.rest.reads["spot_order"] = spot_row(
        "o1", "g1-i0000001", active=False, filled="0.1"
    )
    bench.gateway.send_order(approved(BUY))
    await settle()
    assert bench.registry.is_open("o1")
    await bench.time.advance(2)
    assert not bench.registry.is_open("o1")
    assert bench.touched == [{SPOT}, {SPOT}]
