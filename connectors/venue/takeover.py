"""The keeper of the margin accounts: warning, takeover, and what is left after.

Theory of operation (``spot-margin.md`` 3.4 to 3.6). On every tick the keeper takes
each account's debt ratio. At the warning ratio the account is warned, once until
it falls below. At the liquidation ratio it is frozen: open orders are cancelled,
new ones and transfers into it are refused. A few seconds later a liquidity provider
takes everything at the marks of that moment, less half the spread and the impact
of the size: coins that are not owed are sold, coins that are owed and missing are
bought, all debts are paid, about 1 % of what the account held is kept as a fee,
and the rest stays in the account as USDT (a pair: its quote coin).

What is not published, and how we read it: the fee is 1 % of the gross assets at
mark and never more than what is left; a takeover that cannot pay its debts ends
BANKRUPT and the exchange absorbs the rest, so nothing is negative afterwards.
This module knows no order form and must not refuse anything itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Final

from bot.domain.accounts import AccountId
from bot.domain.events import (
    AccountStatus,
    AccountStatusChanged,
    Cause,
    Filled,
    Posting,
    RatioReported,
)
from bot.domain.money import LEDGER_QUANTUM, ONE, ZERO, round_up
from bot.domain.orders import Side
from connectors.venue.book import impact_price, unknown_liquidity
from connectors.venue.ledger import Ledger
from connectors.venue.loans import LoanDesk
from connectors.venue.margin import MarginNumbers, is_margin, truncate_ratio
from connectors.venue.orders import OrderRegister
from connectors.venue.tape import Tape, spot_symbol

__all__ = ["LIQUIDATION_FEE", "TAKEOVER_DELAY", "MarginKeeper", "takeover_price"]

LIQUIDATION_FEE: Final = Decimal("0.01")
"""The share of the gross assets that the exchange keeps: "about 1 %"."""

TAKEOVER_DELAY: Final = timedelta(seconds=5)
"""From the freeze to the takeover; our own assumption, KuCoin names no time."""

_REPORT_EVERY: Final = timedelta(seconds=4)
_WORST_PENALTY: Final = Decimal("0.5")
"""A provider never asks more than half the price, however large the size."""

_PRICE: Final = Context(prec=12)


def takeover_price(fair: Decimal, impacted: Decimal, side: Side) -> Decimal:
    """The provider's price: the impacted one, within half of the fair one.

    Args:
        fair: The mark of the coin in the account's home coin.
        impacted: ``book.impact_price`` of the whole size.
        side: What is done for the account: SELL its assets, BUY its shortfall.

    Example:
        >>> takeover_price(Decimal(100), Decimal(-30), Side.SELL)
        Decimal('50.0')
    """
    worst = fair * (ONE + side.sign * _WORST_PENALTY)
    price = max(impacted, worst) if side is Side.SELL else min(impacted, worst)
    return _PRICE.plus(price)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Deal:
    """One forced trade with the provider, in coins and home coins."""

    coin: str
    home: str
    side: Side
    qty: Decimal
    order_id: str


class MarginKeeper:
    """Watches the debt ratios and takes accounts over."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        tape: Tape,
        numbers: MarginNumbers,
        register: OrderRegister,
        loans: LoanDesk,
    ) -> None:
        self._ledger = ledger
        self._tape = tape
        self._numbers = numbers
        self._register = register
        self._loans = loans
        self._warned: set[AccountId] = set()
        self._due: dict[AccountId, datetime] = {}
        self._reported: dict[AccountId, datetime] = {}

    def is_taken(self, account: AccountId) -> bool:
        """Whether the account is frozen for its takeover."""
        return account in self._due

    def watch(self, at: datetime) -> None:
        """Look at every account that owes: report, warn, freeze."""
        for account in self._accounts():
            if self.is_taken(account):
                continue
            if not self._numbers.has_debt(account):
                self._release(at, account, ZERO)
                continue
            ratio = self._numbers.debt_ratio(account)
            if ratio is not None:
                self._report(at, account, ratio)
                self._judge(at, account, ratio)

    def next_step(self) -> datetime | None:
        """When the next frozen account is taken over; None while none is."""
        return min(self._due.values(), default=None)

    def run_due(self, at: datetime) -> None:
        """Take over every account whose time has come, earliest first."""
        ready = [(due, account) for account, due in self._due.items() if due <= at]
        for due, account in sorted(ready):
            self._take_over(due, account)
            del self._due[account]

    def _accounts(self) -> Sequence[AccountId]:
        """The margin accounts, in a fixed order."""
        return [a for a in self._ledger.accounts() if is_margin(a)]

    def _judge(self, at: datetime, account: AccountId, ratio: Decimal) -> None:
        """Warn, freeze or release an account by its ratio."""
        warning, liquidation = self._numbers.thresholds(account)
        if ratio >= liquidation:
            self._freeze(at, account, ratio)
        elif ratio < warning:
            self._release(at, account, ratio)
        elif account not in self._warned:
            self._warned.add(account)
            self._tell(at, account, AccountStatus.WARNED, ratio)

    def _release(self, at: datetime, account: AccountId, ratio: Decimal) -> None:
        """Take a warning back."""
        if account in self._warned:
            self._warned.remove(account)
            self._tell(at, account, AccountStatus.NORMAL, ratio)

    def _freeze(self, at: datetime, account: AccountId, ratio: Decimal) -> None:
        """Stop the account: cancel its orders and set the time of the takeover."""
        self._warned.discard(account)
        self._due[account] = at + TAKEOVER_DELAY
        self._tell(at, account, AccountStatus.LIQUIDATING, ratio)
        for order in self._register.resting_of(account):
            self._register.settle(at, order, "the account is being liquidated")

    def _report(self, at: datetime, account: AccountId, ratio: Decimal) -> None:
        """Push the ratio as KuCoin does, every four seconds at most."""
        last = self._reported.get(account)
        if not ratio.is_finite() or (last is not None and at - last < _REPORT_EVERY):
            return
        self._reported[account] = at
        self._ledger.emit(
            RatioReported(at=at, account=account, value=truncate_ratio(ratio))
        )

    def _take_over(self, at: datetime, account: AccountId) -> None:
        """Turn everything into the home coin, pay all debts, return the rest."""
        home = self._numbers.home(account)
        order_id = self._ledger.next_id("liquidation")
        fee = self._fee(account, home)
        for deal in self._deals(account, home, order_id):
            self._trade(at, account, deal)
        self._absorb(at, account, home)
        for coin, line in list(self._ledger.lines(account)):
            if line.liability > 0:
                self._loans.pay_off(at, account, coin, line.liability, None)
        self._charge(at, account, home, fee)
        self._tell(at, account, AccountStatus.LIQUIDATED, ZERO)
        self._tell(at, account, AccountStatus.NORMAL, ZERO)

    def _deals(self, account: AccountId, home: str, order_id: str) -> list[_Deal]:
        """Sales of what is not owed, then purchases of what is owed and missing."""
        spare = {
            coin: line.total - line.liability
            for coin, line in self._ledger.lines(account)
            if coin != home
        }
        sales = [(coin, Side.SELL, spare[coin]) for coin in spare if spare[coin] > 0]
        buys = [(coin, Side.BUY, -spare[coin]) for coin in spare if spare[coin] < 0]
        return [
            _Deal(coin=coin, home=home, side=side, qty=qty, order_id=order_id)
            for coin, side, qty in sales + buys
        ]

    def _trade(self, at: datetime, account: AccountId, deal: _Deal) -> None:
        """Book one trade with the provider."""
        fair = self._mark(deal.coin) / self._mark(deal.home)
        symbol = spot_symbol(deal.coin, deal.home)
        liquidity = self._tape.liquidity(symbol)
        if liquidity is None or liquidity.volume_1m <= 0:
            liquidity = unknown_liquidity(self._mark(deal.coin))
        impacted = impact_price(fair, liquidity, deal.side, deal.qty)
        price = takeover_price(fair, impacted, deal.side)
        rounding = ROUND_CEILING if deal.side is Side.BUY else ROUND_FLOOR
        funds = (price * deal.qty).quantize(LEDGER_QUANTUM, rounding=rounding)
        sign = deal.side.sign
        self._ledger.emit(
            Filled(
                at=at,
                trade_id=self._ledger.next_id("trade"),
                order_id=deal.order_id,
                intent_id=None,
                account=account,
                symbol=symbol,
                side=deal.side,
                qty=deal.qty,
                price=price,
                reference_price=fair,
                fee=ZERO,
                fee_coin=deal.home,
                is_maker=False,
                forced="liquidation",
            )
        )
        self._ledger.book(
            at,
            Cause.LIQUIDATION,
            [
                Posting(account=account, coin=deal.coin, amount=sign * deal.qty),
                Posting(account=account, coin=deal.home, amount=-sign * funds),
            ],
            symbol=symbol,
        )

    def _absorb(self, at: datetime, account: AccountId, home: str) -> None:
        """Let the exchange carry what the account cannot pay."""
        short = self._ledger.liability(account, home) - self._ledger.total(
            account, home
        )
        if short <= 0:
            return
        self._tell(at, account, AccountStatus.BANKRUPT, None)
        self._ledger.book(
            at,
            Cause.INSURANCE,
            [Posting(account=account, coin=home, amount=short)],
        )

    def _fee(self, account: AccountId, home: str) -> Decimal:
        """The liquidation fee on the gross assets before the sales, in home coins."""
        assets = self._numbers.assets(account)
        if assets is None:
            raise ValueError(f"{account} was frozen without all its marks")
        return round_up(assets * LIQUIDATION_FEE / self._mark(home))

    def _charge(
        self, at: datetime, account: AccountId, home: str, fee: Decimal
    ) -> None:
        """Keep the fee, but never more than what is left."""
        kept = min(fee, self._ledger.total(account, home))
        if kept > 0:
            self._ledger.book(
                at,
                Cause.LIQUIDATION_FEE,
                [Posting(account=account, coin=home, amount=-kept)],
            )

    def _mark(self, coin: str) -> Decimal:
        """The mark of a coin of a frozen account; it was known at the freeze."""
        mark = self._tape.mark(coin)
        if mark is None:
            raise ValueError(f"{coin} has no mark, yet its account was frozen by it")
        return mark

    def _tell(
        self,
        at: datetime,
        account: AccountId,
        status: AccountStatus,
        ratio: Decimal | None,
    ) -> None:
        """Say what the exchange does with the account, with a ratio it can print."""
        printed = ratio
        if ratio is not None:
            printed = truncate_ratio(ratio) if ratio.is_finite() else None
        self._ledger.emit(
            AccountStatusChanged(at=at, account=account, status=status, ratio=printed)
        )
