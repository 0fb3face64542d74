"""Auto-repay: idle coins pay back the loans that cost most, cross and isolated.

A coin repays only a debt in the same coin, in the same account, and never more
than is owed; the exchange takes interest first. What a hedge needs stays: a coin
that was sold short is owed but not there, and the USDT that its sale brought is
kept to buy it back; coins that were borrowed a moment ago to be sold against a long
perpetual are kept until they are sold.

With ``sweep_spot`` idle coins of the spot account, and of margin accounts that owe
nothing, are moved to where they are owed, and repaid when they have arrived; not those
that are held against a short perpetual, which would have to be bought again. A
repayment lowers risk under every outcome and is still not sent twice: it has no id at
the exchange.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import ClassVar, Final

from bot.domain.accounts import MARGIN_CROSS, SPOT, AccountId, isolated_pair
from bot.domain.intents import Proposal, Repay, Transfer, intent_coin
from bot.domain.interest import hour_interest, hourly_rate, next_hour
from bot.domain.money import LEDGER_QUANTUM, ZERO, floor_to, plain
from bot.domain.parameters import decimal, flag, texts, whole
from bot.domain.scheduled import Scheduled
from bot.domain.strategy import View
from bot.risk.exposures import position_base_qty

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
    next_hour: Decimal | None
    """Coins of interest that the next full hour charges less, None is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoRepay(Scheduled):
    """Idle coins pay back the loans that cost most.

    ``keep_usdt`` stays in every account; a repayment worth less than ``least_usdt``
    is made only when it ends the debt. ``sweep_spot`` also fetches idle coins from spot
    and from margin accounts without debts.
    """

    follows_facts: ClassVar[bool] = True
    coins: tuple[str, ...] = texts(sentence="the coins that it repays; none named: all")
    skip: tuple[str, ...] = texts(sentence="coins that it leaves alone")
    keep_usdt: Decimal = decimal("0", low="0", sentence="stays in every account")
    least_usdt: Decimal = decimal(
        "1", low="0", sentence="less is repaid only where it ends the debt"
    )
    sweep_spot: bool = flag(
        default=False, sentence="whether idle coins are fetched from elsewhere, too"
    )
    before_hour_m: int | None = whole(
        None, low=2, high=59, sentence="only in an hour's last minutes; else at once"
    )

    def decide(self, view: View, due_at: datetime) -> Sequence[Proposal]:
        """Repay what lies idle, dearest loan first; then fetch what lies elsewhere."""
        if self._waits(view):
            return []
        debts = sorted(self._debts(view), key=_dearest_first)
        found = [self._repayment(debt) for debt in debts]
        return found or list(self._sweep(view))

    def _waits(self, view: View) -> bool:
        """Whether the hour has so long to go that repaying now saves nothing more.

        Interest is charged at the full hour on what is owed then, however young.
        """
        if self.before_hour_m is None:
            return False
        return next_hour(view.at) - view.at > timedelta(minutes=self.before_hour_m)

    def _debts(self, view: View) -> Iterator[_Debt]:
        for account in view.accounts():
            if account != MARGIN_CROSS and isolated_pair(account) is None:
                continue
            for coin, balance in sorted(view.balances(account).items()):
                if balance.liability <= 0 or not self._is_mine(view, account, coin):
                    continue
                kept = self._kept(view, account, coin)
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

    def _kept(self, view: View, account: AccountId, coin: str) -> Decimal | None:
        """What stays of a coin: all that a hedge needs; None is unknown."""
        return (
            self._kept_usdt(view, account)
            if coin == "USDT"
            else _hedge_coins(view, coin)
        )

    def _kept_usdt(self, view: View, account: AccountId) -> Decimal | None:
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
        saves = "unknown" if debt.next_hour is None else plain(debt.next_hour)
        return Proposal(
            owner=self.name,
            intent=Repay(account=debt.account, coin=debt.coin, amount=debt.amount),
            reason=(
                f"{plain(debt.amount)} {debt.coin} lie idle in {debt.account} beside a "
                f"debt of {plain(debt.owed)}; they cost {words}"
            ),
            inputs={
                "idle": plain(debt.amount),
                "owed": plain(debt.owed),
                "saves_next_hour": saves,
            },
        )

    def _sweep(self, view: View) -> Iterator[Proposal]:
        """Move idle coins to where they are owed, from accounts that owe nothing.

        The dearest debts come first; what is moved is repaid when it has arrived.
        """
        if not self.sweep_spot:
            return
        left: dict[tuple[AccountId, str], Decimal] = {}
        for account, coin in _owing(view):
            lacking = self._lacking(view, account, coin)
            for source in _lenders(view):
                key = source, coin
                if lacking <= 0 or not self._is_mine(view, source, coin):
                    continue
                idle = left.setdefault(key, self._idle(view, source, coin))
                amount = floor_to(min(idle, lacking), LEDGER_QUANTUM)
                debt = _debt(view, account, coin, amount)
                if amount <= 0 or not (amount == lacking or self._is_worth(view, debt)):
                    continue
                left[key] -= amount
                lacking -= amount
                yield self._move(source, debt)

    def _lacking(self, view: View, account: AccountId, coin: str) -> Decimal:
        """What a debt needs beyond what its own account has idle for it, in coins."""
        if not self._is_mine(view, account, coin):
            return ZERO
        kept = self._kept(view, account, coin)
        if kept is None:
            return ZERO
        balance = view.balance(account, coin)
        return balance.liability + kept - balance.available

    def _idle(self, view: View, account: AccountId, coin: str) -> Decimal:
        """What an account without debts can spare of a coin."""
        kept = self._kept(view, account, coin)
        spare = _unhedging(view, coin)
        if kept is None or spare is None:
            return ZERO
        return max(min(view.balance(account, coin).available - kept, spare), ZERO)

    def _move(self, source: AccountId, debt: _Debt) -> Proposal:
        amount, owed = plain(debt.amount), plain(debt.owed)
        return Proposal(
            owner=self.name,
            intent=Transfer(
                source=source, target=debt.account, coin=debt.coin, amount=debt.amount
            ),
            reason=(
                f"{amount} {debt.coin} lie idle in {source} while {debt.account} owes "
                f"{owed}"
            ),
            inputs={"amount": amount, "owed": owed},
        )


def _debt(view: View, account: AccountId, coin: str, amount: Decimal) -> _Debt:
    lent, mark = view.borrow_rate(coin), view.mark(coin)
    owed = view.balance(account, coin).liability
    saves = cost = None
    if lent is not None:
        rate = hourly_rate(lent.annual_rate)
        saves = hour_interest(owed, rate) - hour_interest(owed - amount, rate)
        cost = None if mark is None else amount * rate * mark
    return _Debt(
        account=account,
        coin=coin,
        amount=amount,
        owed=owed,
        hourly_usdt=cost,
        next_hour=saves,
    )


def _dearest_first(debt: _Debt) -> tuple[bool, Decimal, str, str]:
    """Loans of an unknown rate come last; ties by name."""
    cost = debt.hourly_usdt
    return (cost is None, -(cost or ZERO), debt.account, debt.coin)


def _owing(view: View) -> list[tuple[AccountId, str]]:
    """Every debt of a margin account: the dearest a year first, then the largest.

    Of equals cross margin comes first. A debt of an unknown rate comes last.
    """
    found = []
    for account in view.accounts():
        if account != MARGIN_CROSS and isolated_pair(account) is None:
            continue
        for coin, balance in view.balances(account).items():
            if balance.liability > 0:
                lent, mark = view.borrow_rate(coin), view.mark(coin)
                rate = None if lent is None else -lent.annual_rate
                value = -balance.liability * (mark or ZERO)
                is_other = account != MARGIN_CROSS
                found.append(
                    (rate is None, rate or ZERO, is_other, value, account, coin)
                )
    return [(account, coin) for *_, account, coin in sorted(found)]


def _lenders(view: View) -> list[AccountId]:
    """Where idle coins may leave: spot, then margin accounts without any debt."""
    free = [
        account
        for account in view.accounts()
        if account == MARGIN_CROSS or isolated_pair(account) is not None
        if not any(held.liability for held in view.balances(account).values())
    ]
    return [SPOT, *free]


def _hedge_coins(view: View, coin: str) -> Decimal | None:
    """Coins that a long perpetual waits to see sold; None where that is not known.

    Against a long of a coin the same coins are borrowed and sold. Until they are, they
    look idle beside their debt: as many as the two sides together are still long.
    """
    long = _perpetual_coins(view, coin)
    if long is None or long <= 0:
        return None if long is None else ZERO
    held = [view.balance(account, coin) for account in view.accounts()]
    return max(long + sum((b.total - b.liability for b in held), ZERO), ZERO)


def _unhedging(view: View, coin: str) -> Decimal | None:
    """Coins that no short perpetual is held against; None is unknown."""
    short = _perpetual_coins(view, coin)
    if short is None:
        return None
    held = sum((view.balance(each, coin).total for each in view.accounts()), ZERO)
    return held + min(short, ZERO)


def _perpetual_coins(view: View, coin: str) -> Decimal | None:
    """Coins that all perpetuals are long, negative for short; None is unknown."""
    long = ZERO
    for position in view.positions():
        contract = view.rules.contracts.get(position.symbol)
        if contract is None or contract.base != coin:
            continue
        qty = position_base_qty(contract, position, view.futures_mark(position.symbol))
        if qty is None:
            return None
        long += qty
    return long
