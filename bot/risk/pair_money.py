"""USDT between the two accounts of hedged pairs: enough behind each leg, no more.

Theory of operation. A pair binds USDT in two accounts: the coin, or what stands
behind its loan, in one, the margin of the perpetual in the other. When prices move,
one fills and the other empties while their sum stays. An account may *spare* what is
not bound at ``share`` of its notional. It is *low* under ``floor`` of it, and then it
gets what it lacks to ``share``: the room between the two keeps money from going back
and forth. What is to grow gets both accounts filled for all of it at once, as far as
both together carry it.

It proposes a transfer and knows nothing of requests under way. What it leaves behind
is checked by admission, as that of every transfer.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bot.domain.accounts import FUTURES, AccountId
from bot.domain.intents import Transfer
from bot.domain.money import ZERO, floor_to
from bot.domain.strategy import View
from bot.risk.pairs import backing

__all__ = ["Growth", "PairMoney"]

_COIN: Final = "USDT"
_STEP: Final = Decimal("0.01")
_LOAN_SHARE: Final = Decimal("0.7")
"""Kept behind each USDT owed: the exchange lets out what leaves a ratio of 60 %."""
_BUYING: Final = Decimal("1.02")
"""USDT for each USDT of coins: fee, depth and a price that moves until it is bought."""


@dataclass(frozen=True, slots=True)
class Growth:
    """A pair that is to grow: its direction, by how many USDT, and in which chunks."""

    direction: int
    usdt: Decimal
    chunk: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PairMoney:
    """The USDT of one spot or margin account and of futures, at one moment.

    ``share`` and ``floor`` are what stands behind each USDT of notional, fractions.
    """

    view: View
    account: AccountId
    share: Decimal
    floor: Decimal

    def spare(self, account: AccountId) -> Decimal:
        """USDT that may leave an account; zero where a mark is not known."""
        return max(self._surplus(account) or ZERO, ZERO)

    def refill(self) -> tuple[Transfer, str] | None:
        """What an account that is low gets from the other one, and why."""
        for target, source in self._ways:
            found = backing(self.view, target) if self._is_bound(target) else None
            if found is None or found.equity >= self.floor * found.gross:
                continue
            lacking = self.share * found.gross - found.equity
            move = self._move(source, target, lacking)
            if move is not None:
                return (
                    move,
                    f"{target} has less than {self.floor:.3f} of its notional",
                )
        return None

    def fill(self, growth: Growth) -> tuple[Transfer, str] | None:
        """What one account lacks for a pair that is to grow, and why.

        None where the next chunk is carried already, or where both accounts together
        do not carry half a chunk.
        """
        rates = self._rates(growth.direction)
        surplus = {account: self._surplus(account) for account in rates}
        known = {account: usdt for account, usdt in surplus.items() if usdt is not None}
        if len(known) < len(rates):
            return None
        carried = sum(known.values(), ZERO) / sum(rates.values(), ZERO)
        usdt = min(growth.usdt, carried)
        chunk = min(growth.chunk, growth.usdt)
        if usdt < chunk / 2:
            return None
        for target, source in self._ways:
            if known[target] >= rates[target] * min(chunk, usdt):
                continue
            found = self._move(source, target, rates[target] * usdt - known[target])
            if found is not None:
                return found, f"{target} lacks it for {usdt:.2f} USDT of a pair"
        return None

    def _surplus(self, account: AccountId) -> Decimal | None:
        """USDT beyond what must stay, negative where it is less; None is unknown."""
        balance = self.view.balance(account, _COIN)
        free = balance.available - balance.liability
        if not self._is_bound(account):
            return free
        share = self.share if account == FUTURES else max(self.share, _LOAN_SHARE)
        found = backing(self.view, account)
        return None if found is None else min(free, found.surplus(share))

    def _is_bound(self, account: AccountId) -> bool:
        """Whether money stands behind something there: futures, and loans."""
        owed = (b.liability for b in self.view.balances(account).values())
        return account == FUTURES or any(owed)

    @property
    def _ways(self) -> tuple[tuple[AccountId, AccountId], ...]:
        """(target, source): the perpetuals first, they are liquidated first."""
        return ((FUTURES, self.account), (self.account, FUTURES))

    def _rates(self, direction: int) -> dict[AccountId, Decimal]:
        """What each account must have for one USDT of a pair."""
        coin = self.share if direction < 0 else _BUYING
        return {self.account: coin, FUTURES: self.share * _BUYING}

    def _move(
        self, source: AccountId, target: AccountId, lacking: Decimal
    ) -> Transfer | None:
        amount = floor_to(min(lacking, self.spare(source)), _STEP)
        if amount <= 0:
            return None
        return Transfer(source=source, target=target, coin=_COIN, amount=amount)
