"""The guard's repayment leaves at once: its pre-image is at hand already."""

from dataclasses import replace
from decimal import Decimal

import pytest

from bot.domain.accounts import MAIN, MARGIN_CROSS
from bot.domain.errors import UnreachableError
from bot.domain.intents import Repay, Transfer
from bot.domain.orders import Outcome
from connectors.kucoin.answers import Urgency
from tests.unit.kucoin.gateway_bench import Bench, debt, loan_row
from tests.unit.kucoin.world_bench import approved, lost, ok, settle, unreachable

D = Decimal
REPAY = Repay(account=MARGIN_CROSS, coin="USDT", amount=D(40))
RESERVE = Transfer(source=MAIN, target=MARGIN_CROSS, coin="USDT", amount=D(9))


def repaid(number: str) -> dict[str, object]:
    """A row of the history of repayments."""
    row = loan_row(number, "40", "SUCCESS")
    return {**row, "principal": "40", "interest": "0"}


async def warmed(owed: str = "100") -> Bench:
    """A bench that has read what a repayment needs; then the exchange falls silent."""
    bench = Bench()
    bench.likely = [replace(REPAY, amount=D(owed))]
    bench.rest.reads |= debt("100", repays=[repaid("old")])
    bench.rest.writes["repay"] = [ok({"orderNo": "n1", "actualSize": "40"})]
    await bench.warm.renew()
    bench.rest.reads = dict.fromkeys(bench.rest.reads, unreachable())
    bench.rest.asked.clear()
    return bench


async def test_a_repayment_of_the_guard_reads_nothing_before_it_leaves() -> None:
    """Its pre-image is at hand and durable; the exchange is not asked."""
    bench = await warmed()
    seen: list[int] = []
    bench.rest.before_write = lambda _: seen.append(len(bench.notes))
    bench.gateway.send_loan(approved(REPAY, owner="guard"))
    await settle()
    assert (bench.rest.asked, seen) == ([], [1])
    assert bench.notes[0].inputs["seen"] == "old"
    assert bench.notes[0].inputs["amount"] == "100"
    assert bench.outcomes == [Outcome.DONE]


async def test_an_image_serves_one_request() -> None:
    """The second repayment reads anew: the first one changed what was there."""
    bench = await warmed()
    for number in (1, 2):
        bench.gateway.send_loan(approved(REPAY, number, owner="guard"))
        await settle()
    assert bench.outcomes == [Outcome.DONE, Outcome.REFUSED]
    assert "not sent" in (bench.events[1].reason or "")


@pytest.mark.parametrize("owner", ["carry", "operator"])
async def test_others_read_anew_and_leave_no_image_behind(owner: str) -> None:
    """They have time; and what was read before their request is of no use after it."""
    bench = await warmed()
    bench.gateway.send_loan(approved(REPAY, owner=owner))
    await settle()
    assert bench.outcomes == [Outcome.REFUSED]
    assert bench.warm.take(REPAY, Urgency.GUARD) is None


async def test_an_image_that_the_books_contradict_is_not_used() -> None:
    """Somebody has repaid meanwhile: 99 are owed, 100 were read, 40 are asked for."""
    assert (await warmed("99.7")).warm.take(REPAY, Urgency.GUARD) is not None
    assert (await warmed("99")).warm.take(REPAY, Urgency.GUARD) is None


async def test_an_old_image_is_not_used() -> None:
    """A minute is the limit."""
    young, old = await warmed(), await warmed()
    await young.time.advance(60)
    assert young.warm.take(REPAY, Urgency.GUARD) is not None
    await old.time.advance(61)
    assert old.warm.take(REPAY, Urgency.GUARD) is None


async def test_images_are_renewed_and_dropped() -> None:
    """Read when missing and each twenty seconds; not for what is likely no more."""
    bench = await warmed()
    await bench.warm.renew()
    assert bench.rest.asked == []
    await bench.time.advance(21)
    with pytest.raises(UnreachableError):
        await bench.warm.renew()
    assert bench.rest.asked
    bench.likely = []
    await bench.warm.renew()
    assert bench.warm.take(REPAY, Urgency.GUARD) is None


async def test_an_image_that_a_request_overtook_is_not_kept() -> None:
    """It was begun before the request left: half of it may be from after."""
    bench = Bench()
    bench.likely = [replace(REPAY, amount=D(100))]
    bench.rest.reads |= debt("100")
    answers = bench.rest.reads["repay_history"]

    def overtaken(_: object) -> object:
        bench.warm.take(REPAY, Urgency.GUARD)
        return answers

    bench.rest.reads["repay_history"] = overtaken
    await bench.warm.renew()
    assert bench.warm.take(REPAY, Urgency.GUARD) is None
    bench.rest.reads["repay_history"] = answers
    await bench.warm.renew()
    assert bench.warm.take(REPAY, Urgency.GUARD) is not None


async def test_a_lost_repayment_is_found_with_the_image_at_hand() -> None:
    """The row that was not there when the image was read is ours."""
    bench = await warmed()
    bench.rest.writes["repay"] = [lost()]
    bench.gateway.send_loan(approved(REPAY, owner="guard"))
    await settle()
    assert bench.outcomes == [Outcome.IN_DOUBT]
    bench.rest.reads |= debt("60", repays=[repaid("n1"), repaid("old")])
    bench.gateway.find_loan(approved(REPAY, owner="guard"))
    await settle()
    assert bench.outcomes == [Outcome.IN_DOUBT, Outcome.DONE]
    assert bench.registry.intent_of("n1") == "g1-i0000001"


async def test_the_reserve_leaves_at_once_too() -> None:
    """Of a transfer the newest ledger rows of both ends are at hand."""
    bench = Bench()
    bench.likely = [RESERVE]
    row = {
        "id": "7",
        "currency": "USDT",
        "amount": "5",
        "fee": "0",
        "balance": "0",
        "accountType": "MAIN",
        "bizType": "Transfer",
        "direction": "out",
        "createdAt": 1_772_366_400_000,
        "context": "",
    }
    bench.rest.reads["main_ledger"] = {"items": [row], "totalPage": 1}
    bench.rest.reads["margin_ledger"] = []
    bench.rest.writes["transfer"] = [ok({"orderId": "t1"})]
    await bench.warm.renew()
    bench.rest.asked.clear()
    bench.gateway.send_transfer(approved(RESERVE, owner="guard"))
    await settle()
    assert (bench.rest.asked, bench.outcomes) == ([], [Outcome.DONE])
    assert bench.notes[0].inputs["seen"] == "main_ledger:7"
