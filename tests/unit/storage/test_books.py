"""The books: balances, loans and profit are sums of postings."""

from decimal import Decimal
from pathlib import Path

from bot.domain.accounts import MARGIN_CROSS
from bot.domain.entries import Entry
from bot.domain.events import Bucket, Cause, Posting
from bot.domain.money import ZERO
from storage.books import balances, loans, pnl, trial_balance
from storage.queries import Filters
from storage.reader import JournalReader
from tests.unit.storage.told import at, ledger, write


def test_balances_are_the_sum_of_postings(reader: JournalReader) -> None:
    """Each account and coin ends at opening plus everything booked."""
    found = {(line.account, line.coin): line for line in balances(reader)}

    assert found["margin_cross", "BTC"].balance == Decimal("0.4")
    assert found["margin_cross", "USDT"].balance == Decimal(10_990)
    assert found["margin_cross", "USDT"].principal == Decimal(21_000)
    assert found["margin_cross", "USDT"].interest == Decimal("0.26484019")
    assert found["futures", "USDT"].balance == Decimal("5001.5")
    assert found["main", "USDT"].net == Decimal(100)


def test_balances_at_a_time(reader: JournalReader) -> None:
    """Only what was booked up to a time, or an entry, counts."""
    early = balances(reader, Filters(until=at(1), account="margin_cross", coin="USDT"))
    opening = balances(reader, Filters(coin="USDT"), until_seq=2)

    assert [(line.balance, line.principal) for line in early] == [
        (Decimal(1_000), Decimal(21_000))
    ]
    assert {line.account: line.balance for line in opening} == {
        "futures": Decimal(5_000),
        "main": Decimal(100),
        "margin_cross": ZERO,
    }


def test_sums_never_round(tmp_path: Path) -> None:
    """Thirty digits before the point and eighteen after it survive the sum."""
    amounts = (Decimal("1E+30"), Decimal("1E-18"), Decimal("-1E+30"))
    entries = [
        Entry(
            at=at(n),
            body=ledger(
                n,
                Cause.ADJUSTMENT,
                Posting(account=MARGIN_CROSS, coin="X", amount=amount),
            ),
        )
        for n, amount in enumerate(amounts)
    ]
    with JournalReader.open(write(tmp_path / "j", entries)) as reader:
        (line,) = balances(reader)

    assert line.balance == Decimal("1E-18")


def test_isolated_margin_is_kept_apart_by_symbol(tmp_path: Path) -> None:
    """A margin posting shows under its symbol and leaves the wallet as it is."""
    posting = Posting(
        account=MARGIN_CROSS,
        coin="USDT",
        amount=Decimal(50),
        bucket=Bucket.MARGIN,
        symbol="XBTUSDTM",
    )
    entry = Entry(at=at(0), body=ledger(0, Cause.MARGIN_MOVE, posting))
    with JournalReader.open(write(tmp_path / "j", [entry])) as reader:
        (line,) = balances(reader)
        (trial,) = trial_balance(reader)

    assert (line.balance, line.margin) == (ZERO, {"XBTUSDTM": Decimal(50)})
    assert trial.is_balanced


def test_moves_of_money_net_to_zero(reader: JournalReader) -> None:
    """Borrowing adds as much debt as coins; the trial balance says so."""
    lines = {(line.coin, line.cause): line for line in trial_balance(reader)}

    assert lines["USDT", Cause.BORROW].net == ZERO
    assert all(line.is_balanced for line in lines.values())


def test_a_one_sided_transfer_is_found(tmp_path: Path) -> None:
    """A transfer that left one account and reached none is out of balance."""
    posting = Posting(account=MARGIN_CROSS, coin="USDT", amount=Decimal(-5))
    entry = Entry(at=at(0), body=ledger(0, Cause.TRANSFER, posting))
    with JournalReader.open(write(tmp_path / "j", [entry])) as reader:
        (line,) = trial_balance(reader)

    assert (line.net, line.is_balanced) == (Decimal(-5), False)


def test_profit_by_cause(reader: JournalReader) -> None:
    """Interest owed is a loss, funding got is a gain, and capital is neither."""
    marks = {"BTC": Decimal(100_000)}
    lines = {(line.cause, line.coin): line for line in pnl(reader, marks=marks)}

    assert lines[Cause.INTEREST, "USDT"].amount == Decimal("-0.26484019")
    assert lines[Cause.FUNDING, "USDT"].amount == Decimal("1.5")
    assert lines[Cause.FEE, "USDT"].value_usdt == Decimal(-10)
    assert lines[Cause.TRADE, "BTC"].value_usdt == Decimal(-10_000)
    assert not {Cause.OPENING, Cause.BORROW} & {line.cause for line in lines.values()}


def test_profit_without_a_mark_has_no_value(reader: JournalReader) -> None:
    """A coin whose mark is unknown is not worth zero: its value is unknown."""
    lines = {(line.cause, line.coin): line for line in pnl(reader)}

    assert lines[Cause.TRADE, "BTC"].value_usdt is None
    assert lines[Cause.TRADE, "USDT"].value_usdt == Decimal(10_000)


def test_profit_of_one_contract(reader: JournalReader) -> None:
    """A symbol narrows profit to what was booked for it."""
    (line,) = pnl(reader, Filters(symbol="XBTUSDTM"))

    assert (line.cause, line.amount) == (Cause.FUNDING, Decimal("1.5"))


def test_loans_add_up(reader: JournalReader) -> None:
    """Opened, borrowed and charged, less what was paid, is what is owed."""
    (loan,) = loans(reader)

    assert (loan.opened, loan.borrowed) == (Decimal(20_000), Decimal(1_000))
    assert loan.liability == Decimal("21000.26484019")
    assert loan.liability == (
        loan.opened
        + loan.borrowed
        + loan.interest_charged
        - loan.repaid
        - loan.taken_off
    )
