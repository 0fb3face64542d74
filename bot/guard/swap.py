"""A swap as it is sent: a chunk of the sale, then a chunk of the purchase.

A sale and a purchase that help only together are never more than one chunk apart.
The sale goes first and pays; the purchase goes as soon as its cash is there, and only
then comes the next chunk. On futures neither needs cash: both go at once. Nothing here
sends or approves anything.
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from bot.domain.accounts import FUTURES
from bot.domain.intents import PlaceOrder, Proposal
from bot.domain.money import plain
from bot.guard.depth import at_most, capped_order, minute_qty
from bot.guard.judge import Verdict
from bot.guard.limits import GuardLimits
from bot.guard.plan_steps import PlanStep
from bot.guard.reduce import Cut, affordable, cut_of
from bot.guard.state import GUARD, SubjectState
from bot.shadow.state import Shadow

__all__ = ["Swap", "swap_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """What of a swap goes now, and the orders that show whether it helps."""

    cut: Cut
    judged_by: tuple[Proposal, ...] = ()


def swap_of(
    shadow: Shadow,
    step: PlanStep,
    verdict: Verdict,
    known: SubjectState,
    limits: GuardLimits,
) -> Swap:
    """The half of a swap whose turn it is, by a chunk; no proposals while it waits.

    Args:
        shadow: The account as it is.
        step: The swap, of which much may be left.
        verdict: The account under cure.
        known: When the depth of each market was last taken.
        limits: The share of a minute that a chunk may take.
    """
    waits = Swap(
        cut=Cut(
            instrument=step.name,
            proposals=(),
            summary=f"{step.name} waits for the depth of its halves to recover",
        )
    )
    if step.order is None or step.partner is None:
        return waits
    sale, purchase = step.order, step.partner
    if purchase.account != FUTURES and _is_ahead(known, purchase.symbol):
        due = _minute(shadow, sale, purchase, limits)
        turn = cut_of(shadow, due[1], step.partner_coin, verdict, known, limits)
        if turn.proposals or affordable(shadow, due[1]) is not None:
            first = Proposal(owner=GUARD, intent=due[0], reason=verdict.reason)
            cut = replace(turn, instrument=step.name)
            return Swap(cut=cut, judged_by=(first, *turn.proposals))
    chunk = _chunk(shadow, sale, purchase, known, limits)
    if chunk is None or _is_asked(shadow, purchase.symbol):
        return waits
    sold = cut_of(shadow, chunk[0], step.coin, verdict, known, limits)
    if not sold.proposals:
        return waits
    says = f"{purchase.side} {plain(chunk[1].qty)} of {purchase.symbol}"
    bought = Proposal(owner=GUARD, intent=chunk[1], reason=f"{says}: {verdict.reason}")
    both = (*sold.proposals, bought)
    sent = both if purchase.account == FUTURES else sold.proposals
    cut = replace(sold, instrument=step.name, proposals=sent)
    return Swap(cut=cut, judged_by=both)


def _is_ahead(known: SubjectState, symbol: str) -> bool:
    """Whether something else was traded since a purchase last was: its turn is now."""
    last = known.cut_at.get(symbol)
    return any(last is None or at > last for at in known.cut_at.values())


def _chunk(
    shadow: Shadow,
    sale: PlaceOrder,
    purchase: PlaceOrder,
    known: SubjectState,
    limits: GuardLimits,
) -> tuple[PlaceOrder, PlaceOrder] | None:
    """A chunk of both halves, by the same share; None while one has to recover."""
    first = capped_order(shadow, sale, known.cut_at, limits)
    second = capped_order(shadow, purchase, known.cut_at, limits)
    if first is None or second is None:
        return None
    return _even(shadow, sale, purchase, first.qty, second.qty)


def _minute(
    shadow: Shadow, sale: PlaceOrder, purchase: PlaceOrder, limits: GuardLimits
) -> tuple[PlaceOrder, PlaceOrder]:
    """A minute's chunk of both halves, by the same share."""
    first = minute_qty(shadow, sale, limits) or sale.qty
    second = minute_qty(shadow, purchase, limits) or purchase.qty
    return _even(shadow, sale, purchase, first, second)


def _even(
    shadow: Shadow,
    sale: PlaceOrder,
    purchase: PlaceOrder,
    sold: Decimal,
    bought: Decimal,
) -> tuple[PlaceOrder, PlaceOrder]:
    """Both halves cut by the same share, so that neither passes its most."""
    share = min(sold / sale.qty, bought / purchase.qty)
    return (
        at_most(shadow, sale, sale.qty * share),
        at_most(shadow, purchase, purchase.qty * share),
    )


def _is_asked(shadow: Shadow, symbol: str) -> bool:
    """Whether a purchase may still be on its way: nothing more is sold before it."""
    return any(
        not request.state.is_final
        and isinstance(request.approved.intent, PlaceOrder)
        and request.approved.intent.symbol == symbol
        for request in shadow.requests.values()
    )
