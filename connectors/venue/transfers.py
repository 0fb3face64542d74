"""Transfers between the accounts of one user, and what stops them.

Any account to any other (``spot-margin.md`` 7.7): into a margin account not while
it is liquidated, out of one only as far as its debt allows, out of the futures
account only cash that no position and no order needs. This module measures
nothing itself; it asks the margin numbers and the futures desk.
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from bot.domain.accounts import FUTURES, MAIN, SPOT, AccountId, isolated_pair
from bot.domain.events import Cause, Posting
from bot.domain.instruments import Rules
from bot.domain.intents import Transfer
from bot.domain.money import LEDGER_QUANTUM
from connectors.venue.ledger import Ledger, is_multiple
from connectors.venue.margin import MarginNumbers, is_margin
from connectors.venue.refusal import Refusal
from connectors.venue.takeover import MarginKeeper

__all__ = ["TransferDesk"]


class TransferDesk:
    """Moves coins between accounts."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        rules: Rules,
        numbers: MarginNumbers,
        keeper: MarginKeeper,
        free_cash: Callable[[str], Decimal],
    ) -> None:
        self._ledger = ledger
        self._rules = rules
        self._numbers = numbers
        self._keeper = keeper
        self._free_cash = free_cash
        self._settles = {c.settle for c in rules.contracts.values()}

    def transfer(
        self, at: datetime, intent: Transfer, intent_id: str
    ) -> Decimal | Refusal:
        """Move a coin at once; the coins moved, or why none were."""
        refusal = (
            self._check_form(intent)
            or self._check_frozen(intent)
            or self._check_room(intent)
        )
        if refusal is not None:
            return refusal
        self._ledger.book(
            at,
            Cause.TRANSFER,
            [
                Posting(account=intent.source, coin=intent.coin, amount=-intent.amount),
                Posting(account=intent.target, coin=intent.coin, amount=intent.amount),
            ],
            intent_id=intent_id,
        )
        return intent.amount

    def _check_form(self, intent: Transfer) -> Refusal | None:
        """Refuse amounts and account pairs that make no sense."""
        if not is_multiple(intent.amount) or intent.amount <= 0:
            return Refusal(
                "400100", f"transfer a positive multiple of {LEDGER_QUANTUM}."
            )
        if intent.source == intent.target:
            return Refusal("400100", "source and target are the same account.")
        for account in (intent.source, intent.target):
            if not self._keeps(account, intent.coin):
                return Refusal("400100", f"{account} does not keep {intent.coin}.")
        return None

    def _keeps(self, account: AccountId, coin: str) -> bool:
        """Whether a coin may lie in an account."""
        if account == FUTURES:
            return coin in self._settles
        if is_margin(account):
            return self._numbers.coin_rules(account, coin) is not None
        return account in {MAIN, SPOT} and isolated_pair(account) is None

    def _check_frozen(self, intent: Transfer) -> Refusal | None:
        """Refuse to touch an account that is being liquidated."""
        for account in (intent.source, intent.target):
            if self._keeper.is_taken(account):
                return Refusal(
                    "130202", f"{account} is being liquidated: no transfers."
                )
        return None

    def _check_room(self, intent: Transfer) -> Refusal | None:
        """Refuse more than the source can spare."""
        source, coin, amount = intent.source, intent.coin, intent.amount
        spare = self._ledger.available(source, coin)
        if source == FUTURES:
            spare = min(spare, self._free_cash(coin))
        if amount > spare:
            code = "130203" if is_margin(source) else "200004"
            return Refusal(
                code, f"{source} can spare {spare:f} {coin}, not {amount:f}."
            )
        if is_margin(source):
            return self._numbers.check_transfer_out(source, coin, amount)
        return None
