"""What a policy cost, price gains and losses left out.

Cost is what was paid to trade and what was lost to the exchange, plus the carry that
was given up:

    cost = fees + slippage + liquidation loss + max(0, carry untouched - carry)

*Carry* is funding received less interest paid. *Untouched* is the carry of the
opening account had nobody, not even the exchange, ever changed it, on the same path.
So interest that is saved by giving up a wanted exposure is no gain, carry that a
closed pair no longer earns is a cost, and so is interest on what was borrowed in
addition. Price is in none of it: neither the loss that a sale avoided nor the gain
that it forewent, because fees and slippage are counted at the marks of their moment
and what the exposure did afterwards is not asked. Doing nothing costs nothing unless
the account is liquidated. All amounts are USDT.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from bot.domain.money import ZERO
from bot.study.replay import Episode, Outcome

__all__ = ["Alarms", "carry", "cost", "false_alarms", "is_false"]

_MONTH: Final = timedelta(days=30)
_AFTER: Final = timedelta(hours=24)
_DANGER: Final = Decimal("0.05")
"""A twin that comes this near to liquidation was in danger."""


def carry(parts: Mapping[str, Decimal]) -> Decimal:
    """Funding less interest of a run, signed as they count.

    Example:
        >>> carry({"funding": Decimal(30), "interest": Decimal(-12)})
        Decimal('18')
    """
    return parts["funding"] + parts["interest"]


def cost(parts: Mapping[str, Decimal], untouched: Decimal) -> Decimal:
    """The cost of a run, given the carry of the untouched account.

    Example:
        A pair whose half was closed: 8 paid to trade, and 10 of 40 carry lost.

        >>> parts = {"fees": Decimal(-6), "slippage": Decimal(-2),
        ...          "liquidation": Decimal(0), "funding": Decimal(35),
        ...          "interest": Decimal(-5)}
        >>> cost(parts, untouched=Decimal(40))
        Decimal('18')
    """
    paid = -(parts["fees"] + parts["slippage"] + parts["liquidation"])
    return paid + max(ZERO, untouched - carry(parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarms:
    """Episodes of action and those among them that were for nothing."""

    episodes: int
    false: int
    cost: Decimal
    """Fees and slippage of the false ones, USDT."""
    months: Decimal

    @property
    def per_month(self) -> Decimal:
        """False alarms in thirty days."""
        return self.false / self.months

    @property
    def cost_per_month(self) -> Decimal:
        """Their fees and slippage in thirty days, USDT."""
        return self.cost / self.months


def false_alarms(guarded: Outcome, twin: Outcome, span: timedelta) -> Alarms:
    """Count the episodes after which the unguarded twin was never in danger.

    Args:
        guarded: The run with the guard.
        twin: The same account without it.
        span: How long the market is.
    """
    false = [e for e in guarded.episodes if is_false(e, twin)]
    return Alarms(
        episodes=len(guarded.episodes),
        false=len(false),
        cost=sum((e.cost for e in false), ZERO),
        months=Decimal(span // timedelta(seconds=1))
        / Decimal(_MONTH // timedelta(seconds=1)),
    )


def is_false(episode: Episode, twin: Outcome) -> bool:
    """Whether the twin stayed more than 5 % from liquidation, until 24 h after it.

    The time counts from the hour of the episode's first action, so that a danger
    that the episode itself outlasted is none of its false ones; a twin that is
    liquidated by then was in danger. A market that ends earlier says no more.
    """
    until = episode.end + _AFTER
    if twin.lost_at is not None and twin.lost_at <= until:
        return False
    return all(
        distance > _DANGER for hour, distance in _between(twin, episode.start, until)
    )


def _between(
    twin: Outcome, start: datetime, until: datetime
) -> Sequence[tuple[datetime, Decimal]]:
    first = start.replace(minute=0, second=0, microsecond=0)
    return [(h, d) for h, d in twin.nearest.items() if first <= h <= until]
