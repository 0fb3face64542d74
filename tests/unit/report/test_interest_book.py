"""Interest saved: what is claimed where something is unknown or ends."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from bot.domain.accounts import MARGIN_CROSS
from bot.domain.events import BorrowRateQuoted, Bucket, Cause, LedgerBooked, Posting
from bot.domain.intents import Approved, Repay
from bot.report.html_tables import saved_interest
from bot.report.interest_book import InterestBook
from bot.report.interest_view import saved_document
from bot.report.run_report import RunReport

AT = datetime(2025, 3, 1, 12, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


def _booked(at: datetime, cause: Cause, amount: str, name: str | None) -> LedgerBooked:
    posting = Posting(
        account=MARGIN_CROSS,
        coin="USDT",
        amount=Decimal(amount),
        bucket=Bucket.PRINCIPAL,
    )
    return LedgerBooked(
        at=at, entry_id=f"{at}{cause}", cause=cause, postings=(posting,), intent_id=name
    )


def _swept(rate: str | None) -> InterestBook:
    """876 USDT borrowed at a rate a year and all paid back at half past twelve."""
    book = InterestBook()
    if rate is not None:
        annual = Decimal(rate)
        book.see(AT, BorrowRateQuoted(at=AT, coin="USDT", annual_rate=annual))
    intent = Repay(account=MARGIN_CROSS, coin="USDT", amount=Decimal(876))
    asked = Approved(intent_id="s", owner="sweep", intent=intent, reason="idle")
    book.see(AT, _booked(AT - HOUR / 4, Cause.BORROW, "876", "b"))
    book.see(AT, asked)
    book.see(AT, _booked(AT, Cause.REPAY, "-876", "s"))
    return book


def test_whole_hours_are_saved() -> None:
    """At 10 % a year an hour of 876 costs 0.01: none before one, two after two."""
    book = _swept("0.1")

    assert book.rows(AT + HOUR / 2)[0].saved == 0
    assert book.rows(AT + HOUR / 2 + timedelta(seconds=20))[0].saved == Decimal("0.01")
    (row,) = book.rows(AT + 2 * HOUR)
    assert (row.swept, row.saved) == (Decimal(876), Decimal("0.02000012"))
    assert row.is_open


def test_an_unknown_rate_claims_nothing() -> None:
    """Hours without a rate are counted, and nothing is said to be saved."""
    (row,) = _swept(None).rows(AT + 3 * HOUR)

    assert row.saved == Decimal(0)
    assert row.unknown_hours == 3


def test_nothing_is_claimed_after_a_liquidation() -> None:
    """What the loan would have become is not known any more."""
    book = _swept("0.1")
    end = AT + HOUR
    book.see(end, _booked(end, Cause.LIQUIDATION, "0", None))
    (row,) = book.rows(AT + 9 * HOUR)

    assert row.saved == Decimal("0.01")
    assert not row.is_open


def test_the_report_shows_it_only_where_there_is_some() -> None:
    """A table of loans in coins; nothing where nothing was repaid so."""
    rows = saved_document(_swept("0.1").rows(AT + 2 * HOUR))
    shown = RunReport(title="t", world="replay", summary={"interest_saved": rows})
    bare = RunReport(title="t", world="replay", summary={"interest_saved": []})

    assert "margin_cross USDT" in saved_interest(shown)
    assert "0.02000012" in saved_interest(shown)
    assert saved_interest(bare) == ""
