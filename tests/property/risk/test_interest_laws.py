"""Laws of interest on loans."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.interest import Loan, accruals, borrow, full_hours, hour_interest, repay
from tests.property.risk.drawn import amounts, decimals

START = datetime(2024, 10, 23, 3, 45, 38, tzinfo=UTC)
loans = st.builds(Loan, principal=amounts, interest=decimals("0", "10"))
rates = decimals("0", "0.001", 10)
spans = st.timedeltas(timedelta(0), timedelta(hours=60))


@given(loans, rates, spans, spans)
def test_a_span_may_be_split_anywhere(
    loan: Loan, rate: Decimal, first: timedelta, second: timedelta
) -> None:
    """Accruing two spans one after the other is accruing the whole."""
    middle, end = START + first, START + first + second
    whole = list(accruals(loan, rate, START, end))
    left = list(accruals(loan, rate, START, middle))
    rest = left[-1].loan if left else loan
    right = list(accruals(rest, rate, middle, end))

    assert left + right == whole


@given(loans, rates, spans)
def test_debt_grows_by_exactly_what_is_charged(
    loan: Loan, rate: Decimal, span: timedelta
) -> None:
    """Rolling interest into principal creates nothing; only the charges do."""
    charges = list(accruals(loan, rate, START, START + span))
    after = charges[-1].loan if charges else loan

    assert after.liability == loan.liability + sum(each.interest for each in charges)
    if loan.liability:
        hours = list(full_hours(START, START + span))
        assert [each.at for each in charges] == hours
        assert all(not each.minute and not each.second for each in hours)


@given(amounts, rates)
def test_interest_is_rounded_up_to_eight_places(
    principal: Decimal, rate: Decimal
) -> None:
    """A charge is never below the exact interest and less than one unit above it."""
    charge = hour_interest(principal, rate)

    assert charge == charge.quantize(Decimal("1e-8"))
    assert 0 <= charge - principal * rate < Decimal("1e-8")


@given(loans, amounts)
def test_a_repayment_goes_to_interest_first_and_is_conserved(
    loan: Loan, amount: Decimal
) -> None:
    """Every coin paid is interest, principal or unused, and never over the debt."""
    paid = repay(loan, amount)

    assert paid.interest + paid.principal + paid.unused == amount
    assert paid.loan.liability == loan.liability - paid.interest - paid.principal
    assert paid.principal == 0 or paid.interest == loan.interest
    assert paid.unused == 0 or paid.loan.liability == 0


@given(loans, amounts, rates)
def test_a_loan_is_charged_at_once_on_the_new_amount_only(
    loan: Loan, amount: Decimal, rate: Decimal
) -> None:
    """Borrowing adds its amount to principal and one hour of it to interest."""
    after = borrow(loan, amount, rate)

    assert after.principal == loan.principal + amount
    assert after.interest == loan.interest + hour_interest(amount, rate)
