"""What a strategy's markets have earned where something was paid without a mark."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.domain.accounts import SPOT
from bot.domain.events import Bucket, Cause, Filled, LedgerBooked, Posting
from bot.domain.orders import Side
from bot.guard.overlay_rows import inputs_of, state_from
from bot.guard.overlay_state import OverlayState
from bot.risk.strategy_book import Book, Leg, Market, booked, profit
from bot.shadow.state import Shadow
from tests.unit.strategies.bench import NOW, World

SOL = Market("SOL", SPOT, "SOL-USDT")
ETH = Market("ETH", SPOT, "ETH-USDT")
EMPTY = Book(legs={each: Leg(Decimal(0), Decimal(0)) for each in (SOL, ETH)})


def market(**marks: str) -> Shadow:
    """A market with SOL at 100 and these coins' marks."""
    known = {"SOL": "100", "ETH": "2500", "USDT": "1", **marks}
    shadow = World().shadow()
    return replace(
        shadow, margin_marks={coin: Decimal(mark) for coin, mark in known.items()}
    )


def bought(fee: str, coin: str) -> Filled:
    """Ten SOL at 100 with a fee."""
    return Filled(
        at=NOW,
        trade_id="t",
        order_id="o",
        intent_id=None,
        account=SPOT,
        symbol="SOL-USDT",
        side=Side.BUY,
        qty=Decimal(10),
        price=Decimal(100),
        reference_price=Decimal(100),
        fee=Decimal(fee),
        fee_coin=coin,
        is_maker=False,
    )


def interest(coin: str, amount: str) -> LedgerBooked:
    """An hour's interest on the spot account's name, for the test's sake."""
    posting = Posting(
        account=SPOT, coin=coin, bucket=Bucket.INTEREST, amount=Decimal(amount)
    )
    return LedgerBooked(
        at=NOW + timedelta(hours=1),
        entry_id="e",
        cause=Cause.INTEREST,
        postings=(posting,),
    )


def test_a_fee_without_a_mark_is_unknown_until_its_coin_has_one() -> None:
    """Two KCS are nobody knows what; at 12 USDT each they are a loss of 24."""
    blind = market()
    book = booked(EMPTY, blind, [bought("2", "KCS")])
    assert profit(book, blind) is None
    assert profit(book, blind, "SOL") is None
    assert profit(book, blind, "ETH") == 0
    assert profit(book, market(KCS="12")) == Decimal(-24)
    assert profit(book, market(KCS="12", SOL="105"), "SOL") == Decimal(26)


def test_interest_without_a_mark_counts_once_there_is_one() -> None:
    """Half an ETH of interest that came before the first mark of ETH."""
    seen = market()
    blind = replace(
        seen, margin_marks={c: m for c, m in seen.margin_marks.items() if c != "ETH"}
    )
    book = booked(EMPTY, blind, [interest("ETH", "0.5")])
    assert profit(book, blind) is None
    assert profit(book, seen) == Decimal(-1250)


@pytest.mark.parametrize("coin", ["KCS", "USDT"])
def test_what_waits_for_a_mark_survives_a_restart(coin: str) -> None:
    """The journal's row holds it, to the last digit."""
    book = booked(EMPTY, market(), [bought("0.12345678", coin)])
    state = OverlayState(book=book)
    assert state_from(inputs_of("mine", state)) == state
    later = market(KCS="10")
    assert profit(state_from(inputs_of("mine", state)).book, later) == profit(
        book, later
    )
