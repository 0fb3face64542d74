"""The ledger: one place where balances change, exact and complete."""

from decimal import Decimal

import pytest

from bot.domain.accounts import FUTURES, MARGIN_CROSS, SPOT
from bot.domain.events import Bucket, Cause, HoldChanged, LedgerBooked, Posting
from connectors.venue.ledger import Ledger
from tests.unit.venue.builders import START


def _posting(
    amount: str, bucket: Bucket = Bucket.BALANCE, symbol: str | None = None
) -> Posting:
    return Posting(
        account=MARGIN_CROSS,
        coin="USDT",
        amount=Decimal(amount),
        bucket=bucket,
        symbol=symbol,
    )


def test_a_booking_changes_every_number_it_names() -> None:
    """A loan adds to the coins and to the principal in one entry."""
    ledger = Ledger()

    ledger.book(START, Cause.BORROW, [_posting("10"), _posting("10", Bucket.PRINCIPAL)])
    ledger.book(START, Cause.INTEREST, [_posting("0.00000001", Bucket.INTEREST)])

    assert ledger.total(MARGIN_CROSS, "USDT") == 10
    assert ledger.principal(MARGIN_CROSS, "USDT") == 10
    assert ledger.interest(MARGIN_CROSS, "USDT") == Decimal("1e-8")
    assert ledger.liability(MARGIN_CROSS, "USDT") == Decimal("10.00000001")


def test_the_outbox_keeps_the_order_of_what_happened() -> None:
    """Bookings and holds leave in the order in which they were made, once."""
    ledger = Ledger()
    ledger.book(START, Cause.OPENING, [_posting("10")])
    ledger.set_hold(START, MARGIN_CROSS, "USDT", Decimal(4))
    ledger.set_hold(START, MARGIN_CROSS, "USDT", Decimal(4))

    events = ledger.drain()

    assert [type(e) for e in events] == [LedgerBooked, HoldChanged]
    assert ledger.drain() == []
    assert ledger.available(MARGIN_CROSS, "USDT") == 6


@pytest.mark.parametrize(
    ("posting", "words"),
    [
        (_posting("0.000000001"), "multiple"),
        (_posting("NaN"), "multiple"),
        (_posting("-1", Bucket.PRINCIPAL), "principal"),
        (_posting("-1", Bucket.INTEREST), "interest"),
        (_posting("1", Bucket.MARGIN), "symbol"),
        (_posting("-1", Bucket.MARGIN, "XBTUSDTM"), "margin"),
    ],
    ids=["too fine", "not a number", "debt", "interest", "no symbol", "margin"],
)
def test_a_wrong_posting_is_refused_and_nothing_is_applied(
    posting: Posting, words: str
) -> None:
    """An entry is applied whole or not at all."""
    ledger = Ledger()

    with pytest.raises(ValueError, match=words):
        ledger.book(START, Cause.ADJUSTMENT, [_posting("5"), posting])

    assert ledger.total(MARGIN_CROSS, "USDT") == 0
    assert ledger.drain() == []


def test_an_empty_entry_is_refused() -> None:
    """Money that did not move has no entry."""
    with pytest.raises(ValueError, match="at least one posting"):
        Ledger().book(START, Cause.FEE, [])


def test_a_negative_hold_is_refused() -> None:
    """Orders cannot hold less than nothing."""
    with pytest.raises(ValueError, match="hold"):
        Ledger().set_hold(START, SPOT, "USDT", Decimal(-1))


def test_earmarks_are_counted_by_symbol_and_move_no_coins() -> None:
    """Isolated margins are part of the wallet, apart for each symbol."""
    ledger = Ledger()
    for symbol, amount in (("XBTUSDTM", "3"), ("ETHUSDTM", "4")):
        ledger.book(
            START,
            Cause.MARGIN_MOVE,
            [
                Posting(
                    account=FUTURES,
                    coin="USDT",
                    amount=Decimal(amount),
                    bucket=Bucket.MARGIN,
                    symbol=symbol,
                )
            ],
        )

    assert ledger.margin(FUTURES, "USDT", "XBTUSDTM") == 3
    assert ledger.margins(FUTURES, "USDT") == 7
    assert ledger.total(FUTURES, "USDT") == 0


def test_reading_an_unknown_coin_leaves_no_trace() -> None:
    """A look at a coin that never moved does not make it exist."""
    ledger = Ledger()

    assert ledger.total(SPOT, "BTC") == 0
    assert list(ledger.accounts()) == []
    assert ledger.balances() == {}


def test_ids_count_each_kind_apart() -> None:
    """Ids are a kind and a counter, never reused."""
    ledger = Ledger()

    assert [ledger.next_id(k) for k in ("order", "trade", "order")] == [
        "order-1",
        "trade-1",
        "order-2",
    ]
