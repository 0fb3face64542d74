"""Laws of the proof of interest saved, over loans and rates that nobody chose."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.accounts import MARGIN_CROSS
from bot.domain.events import BorrowRateQuoted, Bucket, Cause, LedgerBooked, Posting
from bot.domain.intents import Approved, Repay
from bot.domain.interest import Loan, hour_interest, hourly_rate, repay
from bot.domain.money import ZERO
from bot.report.interest_book import InterestBook, is_sweep

START = datetime(2025, 3, 1, 12, 0, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)
amounts = st.integers(1, 10**12).map(lambda n: Decimal(n).scaleb(-8))
acts = st.tuples(st.sampled_from(["sweep", "borrow", "rate", "wait"]), amounts)


@dataclass
class Path:
    """One loan as the exchange keeps it, and what it has charged."""

    loan: Loan
    charged: Decimal = ZERO
    rows: list[tuple[datetime, object]] = field(default_factory=list)
    count: int = 0

    def book(self, at: datetime, cause: Cause, after: Loan, name: str | None) -> None:
        """A booking that makes the loan what it is after it."""
        self.count += 1
        parts = (
            (Bucket.PRINCIPAL, after.principal - self.loan.principal),
            (Bucket.INTEREST, after.interest - self.loan.interest),
        )
        postings = tuple(
            Posting(account=MARGIN_CROSS, coin="USDT", amount=amount, bucket=bucket)
            for bucket, amount in parts
            if amount
        )
        row = LedgerBooked(
            at=at,
            entry_id=f"e{self.count}",
            cause=cause,
            postings=postings,
            intent_id=name,
        )
        if postings:
            self.rows.append((at, row))
        self.loan = after

    def hour(self, at: datetime, rate: Decimal) -> None:
        """The charge of a full hour."""
        if self.loan.liability <= 0:
            return
        interest = hour_interest(self.loan.liability, hourly_rate(rate))
        self.charged += interest
        after = Loan(principal=self.loan.liability, interest=interest)
        self.book(at, Cause.INTEREST, after, None)


def _walk(first: Decimal, steps: list[tuple[str, Decimal]], *, sweeps: bool) -> Path:
    """The same acts with the sweeps in them, or without."""
    path, rate = Path(Loan()), Decimal("0.1")
    path.rows.append((START, BorrowRateQuoted(at=START, coin="USDT", annual_rate=rate)))
    path.book(START, Cause.BORROW, Loan(principal=first), "b0")
    for number, (what, amount) in enumerate(steps):
        at = START + number * HOUR / 2 + timedelta(minutes=10)
        if what == "sweep" and sweeps and path.loan.liability:
            intent = Repay(account=MARGIN_CROSS, coin="USDT", amount=amount)
            approved = Approved(
                intent_id=f"s{number}", owner="sweep", intent=intent, reason="idle"
            )
            path.rows.append((at, approved))
            after = repay(path.loan, min(amount, path.loan.liability)).loan
            path.book(at, Cause.REPAY, after, f"s{number}")
        elif what == "borrow":
            more = path.loan.principal + amount
            after = Loan(principal=more, interest=path.loan.interest)
            path.book(at, Cause.BORROW, after, f"b{number}")
        elif what == "rate":
            rate = amount.scaleb(-4)
            row = BorrowRateQuoted(at=at, coin="USDT", annual_rate=rate)
            path.rows.append((at, row))
        if number % 2:
            path.hour(START + (number // 2 + 1) * HOUR, rate)
    return path


@given(amounts, st.lists(acts, max_size=20))
def test_the_proof_is_the_difference(
    first: Decimal, steps: list[tuple[str, Decimal]]
) -> None:
    """What the loan is charged without sweeps less with them is what was saved."""
    ours, bare = (_walk(first, steps, sweeps=on) for on in (True, False))
    book = InterestBook()
    for at, body in ours.rows:
        book.see(at, body)
    end = START + (len(steps) // 2) * HOUR
    saved = sum((row.saved for row in book.rows(end)), ZERO)

    assert saved == bare.charged - ours.charged
    assert saved >= 0


@given(st.sampled_from(["guard", "operator", "sweep"]), st.none() | st.just("SOL"))
def test_only_a_repayment_of_what_lies_idle_is_a_sweep(
    owner: str, pair: str | None
) -> None:
    """Neither the guard's cures, the operator's commands nor a leg of a pair count."""
    intent = Repay(account=MARGIN_CROSS, coin="USDT", amount=Decimal(1))
    asked = Approved(intent_id="i", owner=owner, intent=intent, reason="r", pair=pair)

    assert is_sweep(asked) is (owner == "sweep" and pair is None)
