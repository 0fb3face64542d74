"""What became of a request in doubt: proofs, and what is none."""

from datetime import timedelta
from decimal import Decimal

import pytest

from bot.domain.accounts import FUTURES, MARGIN_CROSS, SPOT
from bot.domain.entries import Noted
from bot.domain.intents import (
    AdjustMargin,
    Approved,
    Borrow,
    CancelOrder,
    PlaceOrder,
    Repay,
    Transfer,
)
from bot.domain.orders import OrderState, Outcome, Side
from connectors.kucoin.pre_images import PreImage
from tests.unit.kucoin.gateway_bench import Bench, debt, loan_row
from tests.unit.kucoin.world_bench import (
    START,
    gone,
    lost,
    ms,
    settle,
    spot_row,
    unreachable,
)
from tests.unit.kucoin.world_bench import approved as approved_

D = Decimal
BUY = approved_(
    PlaceOrder(account=SPOT, symbol="BTC-USDT", side=Side.BUY, qty=D("0.1"))
)
LOAN = approved_(Borrow(account=MARGIN_CROSS, coin="USDT", amount=D(100)))
REPAYMENT = approved_(Repay(account=MARGIN_CROSS, coin="USDT", amount=D(40)))
MOVE = approved_(
    Transfer(source=SPOT, target=FUTURES, coin="USDT", amount=D(25)),
)
DEPOSIT = approved_(AdjustMargin(symbol="XBTUSDTM", amount=D(10)))


async def doubted_order() -> Bench:
    """An order whose answer was lost; KuCoin shows nothing of it."""
    bench = Bench()
    bench.rest.writes["place_spot_order"] = [lost()]
    bench.rest.reads |= {
        "spot_order_by_client_id": gone(),
        "active_spot_orders": [],
        "done_spot_orders": {"items": []},
        "spot_fills": {"items": []},
    }
    bench.gateway.send_order(BUY)
    await settle()
    bench.gateway.find_order(BUY)
    await settle()
    return bench


async def test_a_lost_answer_is_found_by_our_id() -> None:
    """An order that KuCoin lists under our id was accepted; nothing is resent."""
    bench = await doubted_order()
    bench.rest.reads["spot_order_by_client_id"] = spot_row("o1", BUY.intent_id)
    await bench.time.advance(2)
    assert bench.outcomes == [Outcome.IN_DOUBT, Outcome.DONE]
    assert bench.events[1].order_id == "o1"
    assert len(bench.rest.sent) == 1


async def test_not_found_inside_the_window_is_no_information() -> None:
    """However often KuCoin knows nothing in ten seconds, the doubt remains."""
    bench = await doubted_order()
    await bench.time.advance(9.9)
    assert bench.rest.count("spot_order_by_client_id") >= 4
    assert bench.outcomes == [Outcome.IN_DOUBT]


async def test_absence_is_proven_by_two_late_looks() -> None:
    """Two looks, ten seconds after the last send, that see nothing are a proof.

    A leg that waits for it is not hedged, so the proof comes as soon as it may.
    """
    bench = await doubted_order()
    await bench.time.advance(40)
    assert bench.outcomes == [Outcome.IN_DOUBT, Outcome.REFUSED]
    settled_at = bench.events[1].at
    assert timedelta(seconds=10) <= settled_at - START <= timedelta(seconds=13)
    assert not bench.lookups.open


async def test_an_order_that_shows_up_late_is_adopted() -> None:
    """One late look that saw nothing is no proof: the order may still appear."""
    bench = await doubted_order()
    await bench.time.advance(11)
    assert bench.outcomes == [Outcome.IN_DOUBT]
    row = spot_row("o1", BUY.intent_id, active=False, filled="0.1")
    bench.rest.reads["done_spot_orders"] = {"items": [row]}
    await bench.time.advance(30)
    assert bench.outcomes == [Outcome.IN_DOUBT, Outcome.DONE]
    known = bench.registry.find_client(BUY.intent_id)
    assert known is not None
    assert known.state is OrderState.FILLED


async def test_a_stranger_among_the_fills_forbids_a_conclusion() -> None:
    """While a fill belongs to an order that no list shows, absence is not proven."""
    bench = await doubted_order()
    fill = {
        "tradeId": 1,
        "orderId": "who",
        "symbol": "BTC-USDT",
        "side": "buy",
        "price": "50000",
        "size": "0.1",
        "funds": "5000",
        "fee": "5",
        "feeCurrency": "USDT",
        "liquidity": "taker",
        "tradeType": "TRADE",
        "createdAt": ms(START),
    }
    bench.rest.reads["spot_fills"] = {"items": [fill]}
    await bench.time.advance(120)
    assert bench.outcomes == [Outcome.IN_DOUBT]
    assert [n.topic for n in bench.notes] == ["still in doubt"]
    await bench.crew.close()


async def test_a_push_ends_the_doubt() -> None:
    """Once a message showed an order with our id, no list is needed."""
    bench = await doubted_order()
    row = spot_row("o1", BUY.intent_id)
    bench.rest.reads["spot_order_by_client_id"] = row
    await bench.time.advance(0.3)
    assert bench.outcomes[-1] is Outcome.DONE


async def test_an_exchange_that_is_down_proves_nothing() -> None:
    """Failed looks keep the doubt, for ever, with a note once it takes long."""
    bench = await doubted_order()
    for name in list(bench.rest.reads):
        bench.rest.reads[name] = unreachable()
    await bench.time.advance(300)
    assert bench.outcomes == [Outcome.IN_DOUBT]
    assert [n.topic for n in bench.notes] == ["still in doubt"]
    assert "did not answer" in bench.notes[0].text
    await bench.crew.close()


async def test_a_look_up_runs_once() -> None:
    """Asking twice for the same intent begins one chase."""
    bench = await doubted_order()
    before = bench.rest.count("spot_order_by_client_id")
    bench.gateway.find_order(BUY)
    await settle()
    assert bench.rest.count("spot_order_by_client_id") == before
    assert bench.lookups.open == (BUY.intent_id,)
    await bench.crew.close()


async def doubted_loan(request: Approved, endpoint: str, owed: str) -> Bench:
    """A loan request whose answer was lost."""
    bench = Bench()
    bench.rest.reads |= debt(owed)
    bench.rest.writes[endpoint] = [lost()]
    bench.gateway.send_loan(request)
    await settle()
    bench.gateway.find_loan(request)
    await settle()
    return bench


async def test_a_loan_is_done_when_the_history_says_so() -> None:
    """A record that was not there before, of our amount, is our loan."""
    bench = await doubted_loan(LOAN, "borrow", "0")
    bench.rest.reads |= debt("100", borrows=[loan_row("n1", "100", "SUCCESS")])
    await bench.time.advance(1)
    assert bench.outcomes == [Outcome.IN_DOUBT, Outcome.DONE]
    assert bench.events[1].done_amount == D(100)
    assert not bench.gateway.lanes
    assert len(bench.rest.sent) == 1


async def test_a_loan_that_nothing_shows_was_not_done() -> None:
    """Neither history nor debt, in two late looks: refused, and the lane is free."""
    bench = await doubted_loan(LOAN, "borrow", "0")
    await bench.time.advance(9)
    assert bench.outcomes == [Outcome.IN_DOUBT]
    await bench.time.advance(30)
    assert bench.outcomes == [Outcome.IN_DOUBT, Outcome.REFUSED]
    assert not bench.gateway.lanes


async def test_pending_is_not_done_and_failed_is_refused() -> None:
    """A pending record keeps the doubt; the same record, failed, ends it."""
    bench = await doubted_loan(LOAN, "borrow", "0")
    bench.rest.reads |= debt("0", borrows=[loan_row("n1", "100", "PENDING", "0")])
    await bench.time.advance(90)
    assert bench.outcomes == [Outcome.IN_DOUBT]
    bench.rest.reads |= debt("0", borrows=[loan_row("n1", "100", "FAILED", "0")])
    await bench.time.advance(20)
    assert bench.outcomes == [Outcome.IN_DOUBT, Outcome.REFUSED]
    assert "failed" in (bench.events[1].reason or "")


async def test_a_debt_that_moved_keeps_the_doubt_until_history_follows() -> None:
    """The debt alone is believed only when the history stays silent for a minute."""
    bench = await doubted_loan(LOAN, "borrow", "7")
    bench.rest.reads |= debt("107.0001")
    await bench.time.advance(55)
    assert bench.outcomes == [Outcome.IN_DOUBT]
    await bench.time.advance(30)
    assert bench.outcomes == [Outcome.IN_DOUBT, Outcome.DONE]
    assert bench.events[1].done_amount == D(100)


async def test_old_records_are_not_ours() -> None:
    """A loan of the same amount that the pre-image has seen proves nothing."""
    old = loan_row("old", "100", "SUCCESS")
    bench = Bench()
    bench.rest.reads |= debt("100", borrows=[old])
    bench.rest.writes["borrow"] = [lost()]
    bench.gateway.send_loan(LOAN)
    await settle()
    bench.gateway.find_loan(LOAN)
    await bench.time.advance(60)
    assert bench.outcomes == [Outcome.IN_DOUBT, Outcome.REFUSED]


async def test_a_repayment_counts_interest_and_principal() -> None:
    """What a repayment did is the sum of the parts that its record prints."""
    bench = await doubted_loan(REPAYMENT, "repay", "100")
    row = {
        **loan_row("r1", "40", "SUCCESS"),
        "principal": "39.9",
        "interest": "0.1",
    }
    bench.rest.reads |= debt("60", repays=[row])
    await bench.time.advance(1)
    assert bench.events[1].done_amount == D(40)


async def test_a_recovered_loan_is_told_from_its_pre_image() -> None:
    """After a crash the journal's note of before decides; nothing is sent."""
    note = PreImage(at=START, amount=D(7), seen=frozenset({"old"})).noted(
        LOAN.intent_id, Borrow(account=MARGIN_CROSS, coin="USDT", amount=D(100))
    )
    bench = Bench(recovered=(LOAN,), images={LOAN.intent_id: note})
    rows: list[object] = [
        loan_row("old", "100", "SUCCESS"),
        loan_row("new", "100", "SUCCESS"),
    ]
    bench.rest.reads |= debt("107", borrows=rows)
    bench.gateway.find_loan(LOAN)
    await settle()
    assert bench.outcomes == [Outcome.DONE]
    assert not bench.rest.sent


async def test_without_a_pre_image_it_never_left() -> None:
    """A recovered loan that has no note of before had not been sent."""
    bench = Bench(recovered=(LOAN,))
    bench.gateway.find_loan(LOAN)
    await settle()
    assert bench.outcomes == [Outcome.REFUSED]


def test_a_pre_image_survives_the_journal() -> None:
    """The note of a pre-image holds all of it."""
    image = PreImage(at=START, amount=D("1E-8"), seen=frozenset({"a", "b"}))
    note = image.noted(LOAN.intent_id, Borrow(account=SPOT, coin="X", amount=D(1)))
    assert PreImage.of(note) == image
    bare = PreImage(at=START)
    assert PreImage.of(bare.noted("i", AdjustMargin(symbol="X", amount=D(1)))) == bare


def test_a_broken_note_is_refused() -> None:
    """A note that is no pre-image stops the start with a sentence."""
    with pytest.raises(Exception, match="settle that request by hand"):
        PreImage.of(Noted(topic="pre-image", text="?", inputs={"at": "never"}))


def ledgers(*, out: bool = False, into: bool = False) -> dict[str, object]:
    """The two ledgers of a transfer from spot to futures."""
    row = {
        "id": 11,
        "currency": "USDT",
        "amount": "25",
        "fee": "0",
        "balance": "75",
        "accountType": "TRADE_HF",
        "bizType": "TRANSFER",
        "direction": "out",
        "createdAt": ms(START),
        "context": "{}",
    }
    came = {
        "time": D(ms(START)),
        "type": "TransferIn",
        "amount": D(25),
        "fee": D(0),
        "accountEquity": D(25),
        "status": "Completed",
        "remark": "from spot",
        "offset": D(5),
        "currency": "USDT",
    }
    return {
        "spot_ledger": {"items": [row] if out else []},
        "futures_ledger": {"dataList": [came] if into else [], "hasMore": False},
    }


async def test_a_transfer_is_done_when_both_ledgers_show_it() -> None:
    """Gone from one account is on its way; only in both it has arrived."""
    bench = Bench()
    bench.rest.reads |= ledgers()
    bench.rest.writes["transfer"] = [lost()]
    bench.gateway.send_transfer(MOVE)
    await settle()
    bench.gateway.find_transfer(MOVE)
    bench.rest.reads |= ledgers(out=True)
    await bench.time.advance(50)
    assert bench.outcomes == [Outcome.IN_DOUBT]
    bench.rest.reads |= ledgers(out=True, into=True)
    await bench.time.advance(15)
    assert bench.outcomes == [Outcome.IN_DOUBT, Outcome.DONE]
    assert bench.events[1].done_amount == D(25)


async def test_a_transfer_that_no_ledger_shows_was_not_done() -> None:
    """Neither ledger, in two late looks: refused."""
    bench = Bench()
    bench.rest.reads |= ledgers()
    bench.rest.writes["transfer"] = [lost()]
    bench.gateway.send_transfer(MOVE)
    await settle()
    bench.gateway.find_transfer(MOVE)
    await bench.time.advance(40)
    assert bench.outcomes == [Outcome.IN_DOUBT, Outcome.REFUSED]


def isolated_position(margin: str) -> list[object]:
    """One isolated position with its margin."""
    return [
        {
            "symbol": "XBTUSDTM",
            "currentQty": D(1),
            "avgEntryPrice": D(50000),
            "marginMode": "ISOLATED",
            "posMargin": D(margin),
        }
    ]


@pytest.mark.parametrize(
    ("after", "outcome"),
    [("60.001", Outcome.DONE), ("50.001", Outcome.REFUSED)],
    ids=["moved", "not moved"],
)
async def test_a_margin_move_is_read_from_the_margin(
    after: str, outcome: Outcome
) -> None:
    """The margin itself says whether the deposit was made, funding aside."""
    bench = Bench()
    bench.rest.reads["positions"] = isolated_position("50")
    bench.rest.writes["deposit_isolated_margin"] = [lost()]
    bench.gateway.send_transfer(DEPOSIT)
    await settle()
    bench.gateway.find_transfer(DEPOSIT)
    bench.rest.reads["positions"] = isolated_position(after)
    await bench.time.advance(40)
    assert bench.outcomes == [Outcome.IN_DOUBT, outcome]


@pytest.mark.parametrize(
    ("row", "outcome"),
    [
        (spot_row("o1", None, active=False, cancelled=True), Outcome.DONE),
        (spot_row("o1", None, active=False, filled="0.1"), Outcome.REFUSED),
        (spot_row("o1", None), Outcome.REFUSED),
        (gone(), Outcome.REFUSED),
    ],
    ids=["cancelled", "filled", "still open", "unknown"],
)
async def test_a_cancel_in_doubt_is_read_from_its_order(
    row: object, outcome: Outcome
) -> None:
    """A cancel is done when its order ended by a cancel, and only then."""
    bench = Bench()
    cancel = approved_(CancelOrder(account=SPOT, symbol="BTC-USDT", order_id="o1"))
    bench.rest.writes["cancel_spot_order"] = [lost()]
    bench.rest.reads["spot_order"] = row
    bench.gateway.send_order(cancel)
    await settle()
    bench.gateway.find_order(cancel)
    await bench.time.advance(40)
    assert bench.outcomes == [Outcome.IN_DOUBT, outcome]
