"""What loans and positions will be charged within some hours, settlement by settlement.

Interest falls due at each full hour and compounds; funding at each settlement of a
contract. Both are known from what is quoted now, so the sum over a horizon is what the
exchange charges if marks and rates stay:

- A loan whose rate was never quoted costs what DESIGN section 11 assumes.
- The next settlement has the quoted rate; each later one follows by the interval in
  force, at that rate within the contract's own cap and floor.
- A quote whose settlement is over is the last known rate for those that follow.

Exact, in coins; nothing here knows a price path, and nothing decides.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from bot.domain.accounts import AccountId, Position
from bot.domain.events import FundingQuoted
from bot.domain.instruments import ContractRules, Lots
from bot.domain.interest import Loan, accruals, hourly_rate
from bot.risk.funding import clamp_rate, funding_payment
from bot.shadow.state import Shadow

__all__ = [
    "CHARGED_AFTER",
    "SETTLEMENTS_MAX",
    "Flow",
    "borrow_rate",
    "coming_fundings",
    "coming_interest",
    "settlements",
]

CHARGED_AFTER: Final = timedelta(seconds=20)
"""How long after a full hour interest is booked; 13 to 28 s were seen."""

SETTLEMENTS_MAX: Final = 1_000
"""Of one contract in one look; more than a month of hours."""

_ASSUMED: Final = {
    "USDT": Decimal("0.11"),
    "BTC": Decimal("0.04"),
    "ETH": Decimal("0.04"),
}
_ASSUMED_OTHERS: Final = Decimal("0.08")
_SHORTEST: Final = timedelta(minutes=1)
_HOUR_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One charge to come, in ``coin``.

    ``amount`` is what it takes: interest that is owed more, funding that is paid;
    what is received is negative.
    """

    at: datetime
    coin: str
    amount: Decimal


def borrow_rate(shadow: Shadow, coin: str) -> Decimal:
    """What a coin costs to borrow, a fraction a year; DESIGN 11 where unquoted.

    Example:
        >>> from bot.domain.instruments import Rules
        >>> from bot.shadow.state import empty_shadow
        >>> borrow_rate(empty_shadow(Rules()), "USDT")
        Decimal('0.11')
    """
    quoted = shadow.borrow.get(coin)
    return _ASSUMED.get(coin, _ASSUMED_OTHERS) if quoted is None else quoted.annual_rate


def coming_interest(
    shadow: Shadow, account: AccountId, until: datetime
) -> Iterator[Flow]:
    """Each hourly charge on each loan of an account, after now and not after a time.

    Example:
        10 USDT at 11.81 % a year, of which KuCoin charged 0.00013482 an hour.

        >>> from datetime import UTC
        >>> from bot.domain.accounts import MARGIN_CROSS, Balance
        >>> from bot.domain.events import BorrowRateQuoted
        >>> from bot.domain.instruments import Rules
        >>> at = datetime(2024, 1, 1, 0, 30, tzinfo=UTC)
        >>> rate = BorrowRateQuoted(at=at, coin="USDT", annual_rate=Decimal("0.1181"))
        >>> owing = Shadow(at=at, rules=Rules(), borrow={"USDT": rate},
        ...     balances={MARGIN_CROSS: {"USDT": Balance(principal=Decimal(10))}})
        >>> two = list(coming_interest(owing, MARGIN_CROSS, at + timedelta(hours=2)))
        >>> [str(flow.amount) for flow in two], two[0].at.isoformat()
        (['0.00013482', '0.00013482'], '2024-01-01T01:00:20+00:00')
    """
    first, last = shadow.at - CHARGED_AFTER, until - CHARGED_AFTER
    for coin, balance in sorted(shadow.balances.get(account, {}).items()):
        loan = Loan(principal=balance.principal, interest=balance.interest)
        rate = hourly_rate(borrow_rate(shadow, coin))
        for charge in accruals(loan, rate, first, last):
            due = charge.at + CHARGED_AFTER
            yield Flow(at=due, coin=coin, amount=charge.interest)


def coming_fundings(
    shadow: Shadow, position: Position, contract: ContractRules, until: datetime
) -> Iterator[Flow]:
    """Each funding of a position, after now and not after a time, at the mark of now.

    There are none where no rate was ever quoted, or no mark is known.
    """
    quoted = shadow.funding.get(position.symbol)
    mark = shadow.futures_marks.get(position.symbol)
    if quoted is None or not mark:
        return
    for at, rate in settlements(quoted, contract, shadow.at, until):
        cash = funding_payment(contract, Lots(position.lots), mark, rate)
        yield Flow(at=at, coin=contract.settle, amount=-cash)


def settlements(
    quoted: FundingQuoted, contract: ContractRules, after: datetime, until: datetime
) -> Iterator[tuple[datetime, Decimal]]:
    """The settlements of a contract after one time and not after another.

    The quoted one has the quoted rate, as it is. Those that follow have it within cap
    and floor. Without an interval only the quoted one is known.

    Example:
        >>> from datetime import UTC
        >>> from bot.risk.examples import XBTUSDTM
        >>> due = datetime(2025, 1, 1, 8, tzinfo=UTC)
        >>> quote = FundingQuoted(at=due, symbol="XBTUSDTM", settlement_at=due,
        ...     funding_rate=Decimal("0.0001"), funding_interval_h=Decimal(8))
        >>> start = datetime(2025, 1, 1, 7, tzinfo=UTC)
        >>> later = settlements(quote, XBTUSDTM, start, start + timedelta(hours=24))
        >>> [at.hour for at, _ in later]
        [8, 16, 0]
    """
    at, rate = quoted.settlement_at, quoted.funding_rate
    if after < at <= until:
        yield at, rate
    every = timedelta(milliseconds=int(quoted.funding_interval_h * _HOUR_MS))
    if every < _SHORTEST:
        return
    later = clamp_rate(rate, contract)
    first = max((after - at) // every, 0) + 1
    for count in range(first, first + SETTLEMENTS_MAX):
        if at + count * every > until:
            return
        yield at + count * every, later
