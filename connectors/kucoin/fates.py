"""What one look proves about an order request or a cancel in doubt.

A proof is a record of the exchange, or absence under the rule of ``Absence``. Each
function makes one look and returns the fate it proves, or None. It settles nothing.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from bot.domain.intents import Approved, CancelOrder, PlaceOrder
from bot.domain.money import ZERO
from bot.domain.orders import OrderState, Outcome
from bot.ports import Clock
from connectors.kucoin.answers import Rest, Urgency
from connectors.kucoin.order_reads import list_orders, order_by_client_id, order_by_id
from connectors.kucoin.order_words import urgency_of
from connectors.kucoin.pre_images import PreImage
from connectors.kucoin.registry import OrderFact, OrderRegistry

__all__ = ["SETTLE_WINDOW", "Absence", "Case", "Fate", "order_fate"]

SETTLE_WINDOW: Final = timedelta(seconds=10)
LOOKS_NEEDED: Final = 2
_BEFORE: Final = timedelta(minutes=10)
"""How far before the doubt the lists are read; a request may have waited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """A proven fate; ``loan_no`` is the number of the loan that was found."""

    outcome: Outcome
    loan_no: str | None = None
    order_id: str | None = None
    done_amount: Decimal = ZERO
    code: str | None = None
    reason: str | None = None


@dataclass(slots=True)
class Absence:
    """Counts the looks that saw nothing, long enough after the last send.

    Example:
        >>> from datetime import UTC
        >>> sent, absence = datetime(2026, 1, 1, tzinfo=UTC), Absence()
        >>> absence.seen(sent, sent + timedelta(seconds=9))
        False
        >>> absence.seen(sent, sent + timedelta(seconds=10))
        False
        >>> absence.seen(sent, sent + timedelta(seconds=12))
        True
    """

    looks: int = 0

    def seen(self, sent_at: datetime, looked_at: datetime) -> bool:
        """One more consistent look, begun at ``looked_at``; whether it is a proof."""
        if looked_at - sent_at >= SETTLE_WINDOW:
            self.looks += 1
        return self.looks >= LOOKS_NEEDED

    def broken(self) -> None:
        """A look contradicted the absence: count anew."""
        self.looks = 0


@dataclass(slots=True, kw_only=True)
class Case:
    """An intent in doubt and what is known about it.

    ``sent_at`` is the last time at which it may still have been on its way.
    """

    approved: Approved
    sent_at: datetime
    image: PreImage | None = None
    absence: Absence = field(default_factory=Absence)

    @property
    def urgency(self) -> Urgency:
        """Whose share of the quota the looks may use."""
        return urgency_of(self.approved)


async def order_fate(
    rest: Rest, clock: Clock, case: Case, registry: OrderRegistry
) -> Fate | None:
    """One look at an order request or a cancel."""
    intent = case.approved.intent
    if isinstance(intent, CancelOrder):
        return await _cancel(rest, clock, case, intent, registry)
    assert isinstance(intent, PlaceOrder)  # noqa: S101 - the caller has asked
    return await _placed(rest, clock, case, intent, registry)


async def _placed(
    rest: Rest, clock: Clock, case: Case, intent: PlaceOrder, registry: OrderRegistry
) -> Fate | None:
    intent_id, looked_at = case.approved.intent_id, clock.now()
    known = registry.find_client(intent_id)
    if known is None:
        known = await order_by_client_id(
            rest, intent.account, intent.symbol, intent_id, urgency=case.urgency
        )
    if known is not None:
        return _adopt(known, intent_id, registry)
    since = case.sent_at - _BEFORE
    listing = await list_orders(
        rest, intent.account, intent.symbol, since, urgency=case.urgency
    )
    for fact in listing.orders:
        if fact.client_id == intent_id:
            return _adopt(fact, intent_id, registry)
    listed = {fact.order_id for fact in listing.orders}
    strangers = [o for o in listing.traded - listed if not registry.knows(o)]
    if strangers or not listing.is_complete:
        case.absence.broken()
        return None
    if not case.absence.seen(case.sent_at, looked_at):
        return None
    return Fate(
        outcome=Outcome.REFUSED,
        reason=(
            "KuCoin has no order under our id: not by id, not open, not ended and "
            f"not among the fills, in {case.absence.looks} looks"
        ),
    )


def _adopt(fact: OrderFact, intent_id: str, registry: OrderRegistry) -> Fate:
    registry.adopt(fact.order_id, intent_id)
    registry.see(fact)
    return Fate(outcome=Outcome.DONE, order_id=fact.order_id)


async def _cancel(
    rest: Rest, clock: Clock, case: Case, intent: CancelOrder, registry: OrderRegistry
) -> Fate | None:
    """A cancel is done when its order ended unfilled, whoever asked for that."""
    looked_at = clock.now()
    fact = await order_by_id(
        rest, intent.account, intent.symbol, intent.order_id, urgency=case.urgency
    )
    if fact is not None:
        registry.see(fact)
    if fact is not None and fact.state is OrderState.CANCELLED:
        return Fate(outcome=Outcome.DONE, order_id=intent.order_id)
    if fact is not None and fact.state is OrderState.FILLED:
        return Fate(
            outcome=Outcome.REFUSED,
            order_id=intent.order_id,
            reason=f"order {intent.order_id} had filled",
        )
    if not case.absence.seen(case.sent_at, looked_at):
        return None
    state = "unknown to KuCoin" if fact is None else "still open"
    return Fate(
        outcome=Outcome.REFUSED,
        order_id=intent.order_id,
        reason=f"the cancel took no effect: order {intent.order_id} is {state}",
    )
