"""Loans and funding of a run, added up by coin and by contract.

Amounts are in coins, exactly as the exchange booked them. This module must not
value anything.
"""

from dataclasses import dataclass
from decimal import Decimal

from bot.domain.accounts import MARGIN_CROSS, AccountId, isolated_pair
from bot.domain.events import Bucket, Cause, LedgerBooked
from bot.domain.money import ZERO
from bot.report.run_report import FundingRow, LoanRow
from bot.report.wording import account_title
from bot.shadow.state import Shadow

__all__ = ["MoneyBook"]

_DEBTS = frozenset({Bucket.PRINCIPAL, Bucket.INTEREST})


@dataclass(slots=True)
class _Loan:
    start: Decimal = ZERO
    borrowed: Decimal = ZERO
    repaid: Decimal = ZERO
    interest: Decimal = ZERO


@dataclass(slots=True)
class _Funding:
    coin: str
    settlements: int = 0
    amount: Decimal = ZERO


class MoneyBook:
    """The running sums."""

    def __init__(self, opening: Shadow) -> None:
        self._loans: dict[tuple[AccountId, str], _Loan] = {}
        self._funding: dict[str, _Funding] = {}
        for account, coins in opening.balances.items():
            for coin, balance in coins.items():
                if balance.liability:
                    self._loan(account, coin).start = balance.liability

    def _loan(self, account: AccountId, coin: str) -> _Loan:
        return self._loans.setdefault((account, coin), _Loan())

    def add(self, event: LedgerBooked) -> None:
        """Take in one movement of money."""
        if event.cause is Cause.FUNDING:
            self._fund(event)
            return
        for posting in event.postings:
            if posting.bucket not in _DEBTS:
                continue
            loan = self._loan(posting.account, posting.coin)
            if event.cause is Cause.BORROW:
                loan.borrowed += posting.amount
            elif event.cause is Cause.INTEREST:
                loan.interest += posting.amount
            elif event.cause is Cause.REPAY:
                loan.repaid -= posting.amount

    def _fund(self, event: LedgerBooked) -> None:
        paid = [p for p in event.postings if p.bucket is Bucket.BALANCE]
        for posting in paid:
            symbol = event.symbol or posting.symbol or posting.coin
            row = self._funding.setdefault(symbol, _Funding(coin=posting.coin))
            row.settlements += 1
            row.amount += posting.amount

    def loans(self, shadow: Shadow) -> tuple[LoanRow, ...]:
        """Every coin that was owed at some time, with what is owed now."""
        return tuple(
            LoanRow(
                account=account_title(account),
                coin=coin,
                owed_start=loan.start,
                borrowed=loan.borrowed,
                repaid=loan.repaid,
                interest=loan.interest,
                owed_end=shadow.balance(account, coin).liability,
            )
            for (account, coin), loan in sorted(self._loans.items())
            if account == MARGIN_CROSS or isolated_pair(account) is not None
        )

    def funding(self) -> tuple[FundingRow, ...]:
        """Every contract that settled funding for us."""
        return tuple(
            FundingRow(
                symbol=symbol,
                settlements=row.settlements,
                amount=row.amount,
                coin=row.coin,
            )
            for symbol, row in sorted(self._funding.items())
        )
