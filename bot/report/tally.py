"""Adds up a run as it happens: equity, extremes, counts and where the money went.

A ``Tally`` watches moments and steps and keeps sums only. Its profit parts are
exact: what funding, interest, fees, slippage and liquidation took is valued in
USDT at the mark of its moment, and the price part is what is left of the change
in equity, so the parts sum to it to the last digit. It must not influence the
run.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal, localcontext
from typing import Final

from bot.domain.accounts import FUTURES
from bot.domain.events import (
    AccountStatus,
    AccountStatusChanged,
    Bucket,
    Cause,
    Event,
    Filled,
    IntentSettled,
    LedgerBooked,
    MarksTicked,
    RatioReported,
)
from bot.domain.intents import Approved, Borrow, PlaceOrder, Repay
from bot.domain.money import ZERO, plain
from bot.domain.orders import Outcome
from bot.engine.core import Step
from bot.report.action_log import is_action
from bot.report.interest_book import InterestBook
from bot.report.interest_view import saved_document
from bot.report.nakedness import NakedMeter
from bot.risk.costs import mark_usdt, slippage_usdt
from bot.risk.kernel_row import KernelNumbers
from bot.risk.measure import equity_usdt, measure_subject
from bot.shadow.apply import apply
from bot.shadow.state import Shadow

__all__ = ["Tally"]

_PART_OF: Final = {
    Cause.FUNDING: "funding",
    Cause.INTEREST: "interest",
    Cause.FEE: "fees",
    Cause.LIQUIDATION: "liquidation",
    Cause.LIQUIDATION_FEE: "liquidation",
    Cause.INSURANCE: "liquidation",
}
_FINEST: Final = Decimal(1).scaleb(-18)
_DIGITS: Final = 60

_PARTS: Final = ("funding", "interest", "fees", "slippage", "liquidation")


class Tally:
    """The running sums of one run."""

    def __init__(self, opening: Shadow) -> None:
        self.start = opening.at
        self.end = opening.at
        self.ticks = 0
        self.equity_start: Decimal | None = None
        self.equity_min: Decimal | None = None
        self.equity_end: Decimal | None = None
        self.max_debt_ratio = ZERO
        self.max_risk_rate = ZERO
        self.liquidations = 0
        self.guard_actions = 0
        self.orders = 0
        self.fills = 0
        self.loans = 0
        self.parts = dict.fromkeys(_PARTS, ZERO)
        self.naked = NakedMeter()
        self.interest = InterestBook.opened(opening)
        self._loan_intents: set[str] = set()
        self._opening = opening

    def __call__(self, moment: Sequence[Event], step: Step) -> None:
        """Watch one moment; the signature is an engine observer's."""
        shadow = step.state.shadow
        for event in moment:
            if self.equity_start is None and isinstance(event, MarksTicked):
                self._equity(apply(self._opening, event))
            self._event(event, shadow)
            self.interest.see(event.at, event)
        for approved in step.approved:
            self._approved(approved)
            self.interest.see(shadow.at, approved)
        for measure in step.measures:
            self._extreme(measure.ratio, is_futures=measure.is_futures)
        for numbers in step.numbers:
            self._glanced(numbers, shadow)
        self.end = max(self.end, shadow.at)
        self.naked.see(shadow)
        if any(isinstance(e, MarksTicked) for e in moment):
            self.ticks += 1
            self._equity(shadow)

    def close(self, shadow: Shadow) -> None:
        """Take the equity after the last fact of the run."""
        self.end = max(self.end, shadow.at)
        self._equity(shadow)
        self.naked.close(shadow)

    def _equity(self, shadow: Shadow) -> None:
        equity = equity_usdt(shadow)
        if equity is None:
            return
        if self.equity_start is None:
            self.equity_start = self.equity_min = equity
        elif self.equity_min is None or equity < self.equity_min:
            self.equity_min = equity
        self.equity_end = equity

    def _event(self, event: Event, shadow: Shadow) -> None:
        match event:
            case LedgerBooked(cause=cause) if cause in _PART_OF:
                self.parts[_PART_OF[cause]] += _net_usdt(event, shadow)
            case Filled():
                self.fills += 1
                if event.forced != "liquidation":
                    part = "slippage" if event.forced is None else "liquidation"
                    self.parts[part] -= slippage_usdt(event, shadow) or ZERO
            case AccountStatusChanged(account=account, ratio=ratio, status=status):
                self.liquidations += status is AccountStatus.LIQUIDATING
                self._extreme(ratio, is_futures=account == FUTURES)
            case RatioReported(account=account, value=ratio):
                self._extreme(ratio, is_futures=account == FUTURES)
            case IntentSettled(outcome=Outcome.DONE, intent_id=name):
                self.loans += name in self._loan_intents
            case _:
                pass

    def _approved(self, approved: Approved) -> None:
        self.guard_actions += is_action(approved)
        self.orders += isinstance(approved.intent, PlaceOrder)
        if isinstance(approved.intent, Borrow | Repay):
            self._loan_intents.add(approved.intent_id)

    def _extreme(self, ratio: Decimal | None, *, is_futures: bool) -> None:
        """Ours and the exchange's own: between two marks of ours it may see more."""
        if ratio is None:
            return
        if is_futures:
            self.max_risk_rate = max(self.max_risk_rate, ratio)
        else:
            self.max_debt_ratio = max(self.max_debt_ratio, ratio)

    def _glanced(self, numbers: KernelNumbers, shadow: Shadow) -> None:
        """The same of a ratio in floats: exactly, if it may be a new extreme."""
        is_futures = numbers.subject.startswith(FUTURES)
        highest = self.max_risk_rate if is_futures else self.max_debt_ratio
        bounds = numbers.ratio_bounds
        if bounds is None or bounds[1] > highest:
            measure = measure_subject(shadow, numbers.subject)
            ratio = None if measure is None else measure.ratio
            self._extreme(ratio, is_futures=is_futures)

    def summary(self) -> dict[str, object]:
        """The stable summary object; money and ratios as plain text.

        Raises:
            ValueError: The equity was never known, so there is nothing to sum up.
        """
        first, lowest, last = self.equity_start, self.equity_min, self.equity_end
        if first is None or lowest is None or last is None:
            raise ValueError("the equity was unknown during the whole run")
        start, low, end = _printed(first), _printed(lowest), _printed(last)
        parts = {name: _printed(value) for name, value in self.parts.items()}
        with localcontext(prec=_DIGITS):
            price = end - start - sum(parts.values(), ZERO)
        return {
            "start": _time(self.start),
            "end": _time(self.end),
            "ticks": self.ticks,
            "equity_start": plain(start),
            "equity_min": plain(low),
            "equity_end": plain(end),
            "pnl": {
                "price": plain(price),
                **{name: plain(value) for name, value in parts.items()},
            },
            "max_debt_ratio": plain(self.max_debt_ratio),
            "max_risk_rate": plain(self.max_risk_rate),
            "liquidations": self.liquidations,
            "guard_actions": self.guard_actions,
            "orders": self.orders,
            "fills": self.fills,
            "loans": self.loans,
            "naked": self.naked.figures(),
            "interest_saved": saved_document(self.interest.rows(self.end)),
        }


def _printed(amount: Decimal) -> Decimal:
    """An amount at the finest digit that is printed, so that printed parts sum.

    Amounts are exact to 1e-8 of a coin and prices have few digits; only what was
    divided (an inverse contract's value) has more than 18 decimals at all.
    """
    with localcontext(prec=_DIGITS):
        return amount.quantize(_FINEST)


def _time(when: datetime) -> str:
    """RFC 3339 with zone.

    Example:
        >>> from datetime import UTC
        >>> _time(datetime(2025, 10, 10, 21, tzinfo=UTC))
        '2025-10-10T21:00:00Z'
    """
    return when.isoformat().replace("+00:00", "Z")


def _net_usdt(event: LedgerBooked, shadow: Shadow) -> Decimal:
    """What an event added to equity: balances count up, debts count down.

    A coin without a mark is in no equity yet; what it cost is then in the price part.
    """
    total = ZERO
    for posting in event.postings:
        value = posting.amount * (mark_usdt(shadow, posting.coin) or ZERO)
        if posting.bucket is Bucket.BALANCE:
            total += value
        elif posting.bucket in {Bucket.PRINCIPAL, Bucket.INTEREST}:
            total -= value
    return total
