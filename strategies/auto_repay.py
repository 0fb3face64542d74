"""Auto-repay: idle coins pay back the loans that cost most, cross and isolated.

A coin repays only a debt in the same coin, in the same account, and never more
than is owed; the exchange takes interest first. What a hedge needs stays: a coin
that was sold short is owed but not there, and the USDT that its sale brought is
kept to buy it back. A coin that was borrowed a moment ago to be sold looks idle,
so the coins of a funding arbitrage belong in ``skip``.

With ``sweep_spot`` idle USDT of the spot account is moved to where USDT is owed,
and repaid when it has arrived. A repayment lowers risk under every outcome and is
still not sent twice: it has no id at the exchange.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import ClassVar, Final

from bot.domain.accounts import MARGIN_CROSS, SPOT, AccountId, isolated_pair
from bot.domain.intents import Proposal, Repay, Transfer, intent_coin
from bot.domain.interest import hourly_rate
from bot.domain.money import LEDGER_QUANTUM, ZERO, floor_to, plain
from bot.domain.parameters import decimal, flag, texts
from bot.domain.scheduled import Scheduled
from bot.domain.strategy import View

__all__ = ["AutoRepay"]

_GUARD: Final = "guard"
_PAUSE: Final = timedelta(seconds=60)
"""How long a coin rests after a repayment of it was refused."""
_BUY_BACK: Final = Decimal("1.05")
"""USDT kept for each USDT of a short: the debt may grow before it is closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Debt:
    """A loan that can be paid from idle balance now."""

    account: AccountId
    coin: str
    amount: Decimal
    owed: Decimal
    hourly_usdt: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoRepay(Scheduled):
    """Idle coins pay back the loans that cost most.

    ``keep_usdt`` stays in every account; a repayment worth less than ``least_usdt``
    is made only when it ends the debt.
    """

    follows_facts: ClassVar[bool] = True
    coins: tuple[str, ...] = texts(sentence="the coins that it repays; none named: all")
    skip: tuple[str, ...] = texts(sentence="coins that it leaves alone")
    keep_usdt: Decimal = decimal("0", low="0", sentence="stays in every account")
    least_usdt: Decimal = decimal(
        "1", low="0", sentence="less is repaid only where it ends the debt"
    )
    sweep_spot: bool = flag(
        default=False, sentence="whether idle USDT of spot is fetched, too"
    )

    def decide(self, view: View, due_at: datetime) -> Sequence[Proposal]:
        """Repay what lies idle, dearest loan first; then fetch idle USDT."""
        debts = sorted(self._debts(view), key=_dearest_first)
        found = [self._repayment(debt) for debt in debts]
        return found or list(self._sweep(view))

    def _debts(self, view: View) -> Iterator[_Debt]:
        for account in view.accounts():
            if account != MARGIN_CROSS and isolated_pair(account) is None:
                continue
            for coin, balance in sorted(view.balances(account).items()):
                if balance.liability <= 0 or not self._is_mine(view, account, coin):
                    continue
                kept = self._kept(view, account) if coin == "USDT" else ZERO
                if kept is None:
                    continue
                idle = min(balance.available - kept, balance.liability)
                amount = floor_to(max(idle, ZERO), LEDGER_QUANTUM)
                debt = _debt(view, account, coin, amount)
                if amount > 0 and self._is_worth(view, debt):
                    yield debt

    def _is_mine(self, view: View, account: AccountId, coin: str) -> bool:
        """Whether a coin is its business and nothing about it is under way."""
        if coin in self.skip or (self.coins and coin not in self.coins):
            return False
        flying = (*view.in_flight(self.name), *view.in_flight(_GUARD))
        if coin in {intent_coin(each.intent) for each in flying}:
            return False
        setback = view.setback(self.name, coin)
        is_resting = setback is not None and view.at - setback.at < _PAUSE
        return not is_resting and not view.is_frozen(account, coin)

    def _kept(self, view: View, account: AccountId) -> Decimal | None:
        """USDT that stays for itself and for buying back shorts; None is unknown."""
        kept = self.keep_usdt
        for coin, balance in view.balances(account).items():
            short = balance.liability - balance.total
            if coin == "USDT" or short <= 0:
                continue
            mark, usdt = view.mark(coin), view.mark("USDT")
            if mark is None or usdt is None or usdt <= 0:
                return None
            kept += short * mark / usdt * _BUY_BACK
        return kept

    def _is_worth(self, view: View, debt: _Debt) -> bool:
        """Whether it ends the debt or is more than dust; an unknown value is."""
        mark = view.mark(debt.coin)
        if debt.amount >= debt.owed or mark is None:
            return True
        return debt.amount * mark >= self.least_usdt

    def _repayment(self, debt: _Debt) -> Proposal:
        cost = debt.hourly_usdt
        words = "an unknown rate" if cost is None else f"{cost:.6f} USDT an hour"
        return Proposal(
            owner=self.name,
            intent=Repay(account=debt.account, coin=debt.coin, amount=debt.amount),
            reason=(
                f"{plain(debt.amount)} {debt.coin} lie idle in {debt.account} beside a "
                f"debt of {plain(debt.owed)}; they cost {words}"
            ),
            inputs={"idle": plain(debt.amount), "owed": plain(debt.owed)},
        )

    def _sweep(self, view: View) -> Iterator[Proposal]:
        """Move idle USDT from spot to the largest USDT debts, cross margin first."""
        if not self.sweep_spot or not self._is_mine(view, SPOT, "USDT"):
            return
        idle = view.balance(SPOT, "USDT").available - self.keep_usdt
        for account in _owing_usdt(view):
            if not self._is_mine(view, account, "USDT"):
                continue
            kept = self._kept(view, account)
            if kept is None:
                continue
            balance = view.balance(account, "USDT")
            lacking = balance.liability - max(balance.available - kept, ZERO)
            if balance.available < kept:
                lacking = balance.liability + kept - balance.available
            amount = floor_to(min(idle, lacking), LEDGER_QUANTUM)
            if amount <= 0 or amount < min(self.least_usdt, lacking):
                continue
            idle -= amount
            yield self._move(account, amount, balance.liability)

    def _move(self, account: AccountId, amount: Decimal, owed: Decimal) -> Proposal:
        return Proposal(
            owner=self.name,
            intent=Transfer(source=SPOT, target=account, coin="USDT", amount=amount),
            reason=(
                f"{plain(amount)} USDT lie idle in spot while {account} owes "
                f"{plain(owed)}"
            ),
            inputs={"amount": plain(amount), "owed": plain(owed)},
        )


def _debt(view: View, account: AccountId, coin: str, amount: Decimal) -> _Debt:
    lent, mark = view.borrow_rate(coin), view.mark(coin)
    cost = None
    if lent is not None and mark is not None:
        cost = amount * hourly_rate(lent.annual_rate) * mark
    return _Debt(
        account=account,
        coin=coin,
        amount=amount,
        owed=view.balance(account, coin).liability,
        hourly_usdt=cost,
    )


def _dearest_first(debt: _Debt) -> tuple[bool, Decimal, str, str]:
    """Loans of an unknown rate come last; ties by name."""
    cost = debt.hourly_usdt
    return (cost is None, -(cost or ZERO), debt.account, debt.coin)


def _owing_usdt(view: View) -> list[AccountId]:
    """The margin accounts that owe USDT: cross first, then the largest debt."""
    owing = [
        account
        for account in view.accounts()
        if account == MARGIN_CROSS or isolated_pair(account) is not None
    ]
    debts = {a: view.balance(a, "USDT").liability for a in owing}
    found = [account for account in owing if debts[account] > 0]
    return sorted(found, key=lambda a: (a != MARGIN_CROSS, -debts[a], a))
