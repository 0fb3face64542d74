"""How much USDT lies idle: free to be spent, and not what an account needs to survive.

In the main and spot accounts that is what is available. In a pool that can be
liquidated it is what is free there and could leave while the pool still survives its
stress set and the move of its act distance. Borrowed coins are nobody's reserve. What
is not known counts as nothing. Exact; nothing here decides.
"""

from collections.abc import Callable
from decimal import Decimal

from bot.domain.accounts import FUTURES, AccountId
from bot.domain.money import ZERO
from bot.guard.limits import Thresholds
from bot.guard.plan_limits import free_in_wallet
from bot.risk.measure import SubjectMeasure, measure_subject
from bot.risk.stress_set import stress_set, uniform
from bot.risk.stressed import stressed
from bot.risk.subjects import CROSS_PREFIX
from bot.shadow.state import Shadow

__all__ = ["idle_stable"]

_STABLE = "USDT"


def idle_stable(
    shadow: Shadow, thresholds: Callable[[SubjectMeasure], Thresholds]
) -> Decimal:
    """Idle USDT of all accounts.

    Example:
        >>> from bot.domain.accounts import MAIN, Balance
        >>> from bot.domain.instruments import Rules
        >>> from bot.shadow.state import empty_shadow
        >>> from dataclasses import replace
        >>> rich = replace(empty_shadow(Rules()),
        ...     balances={MAIN: {"USDT": Balance(total=Decimal(9), hold=Decimal(2))}})
        >>> idle_stable(rich, lambda measure: None)
        Decimal('7')
    """
    return sum(
        (_idle(shadow, account, thresholds) for account in shadow.balances), ZERO
    )


def _idle(
    shadow: Shadow,
    account: AccountId,
    thresholds: Callable[[SubjectMeasure], Thresholds],
) -> Decimal:
    balance = shadow.balance(account, _STABLE)
    if account == FUTURES:
        free, subject = free_in_wallet(shadow, _STABLE), CROSS_PREFIX + _STABLE
    else:
        free, subject = balance.available - balance.liability, str(account)
    if free <= 0:
        return ZERO
    measure = measure_subject(shadow, subject)
    if measure is None:
        return free
    return max(min(free, _spare(shadow, measure, thresholds(measure))), ZERO)


def _spare(shadow: Shadow, measure: SubjectMeasure, limits: Thresholds) -> Decimal:
    """The margin that could leave and every scenario would still be survived."""
    coins = frozenset(measure.exposure_usdt)
    scenarios = (*uniform(coins, limits.act), *stress_set(coins, limits.target))
    found: list[Decimal] = []
    for then in stressed(shadow, measure.subject, scenarios):
        if then is None or then.lacking_usdt is None:
            return ZERO
        found.append(-then.lacking_usdt)
    return min(found, default=ZERO)
