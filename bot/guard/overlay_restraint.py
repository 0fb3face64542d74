"""What an overlay leaves of new risk: nothing while it closes or rests, else a share.

A strategy that has lost some of its best gets smaller orders, in the exchange's own
steps; one whose legs are being closed, or rest afterwards, gets none. Reductions are
never asked about here.
"""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from bot.domain.accounts import FUTURES
from bot.domain.intents import Borrow, Intent, PlaceOrder, Proposal, intent_coin
from bot.domain.money import LEDGER_QUANTUM, ONE, floor_to, plain
from bot.domain.overlay import Overlaid, Overlay
from bot.domain.strategy import View
from bot.guard.overlay_state import ALL, OverlayState
from bot.risk.strategy_book import Market

__all__ = ["restrained"]


def restrained(
    strategy: Overlaid, state: OverlayState, proposal: Proposal, view: View
) -> Proposal | str:
    """A proposal of new risk as the overlay lets it pass, or why it does not.

    A reduction is never asked about here.

    Args:
        strategy: Whose it is.
        state: The state of its overlay.
        proposal: New risk.
        view: The shadow, for the exchange's steps.
    """
    if state.closing:
        return "its overlay is closing its legs"
    group = _coin_of(proposal.intent, state.book.legs)
    until = [state.resting[g] for g in (ALL, group) if g in state.resting]
    if until and view.at < max(until):
        return f"its overlay rests until {max(until).isoformat()}"
    factor = _factor(strategy.overlay, state)
    smaller = _scaled(view, proposal.intent, factor) if factor < ONE else None
    if factor < ONE and smaller is None:
        return f"its overlay leaves {factor:.2f} of it, which is no order"
    if smaller is None:
        return proposal
    inputs = {**proposal.inputs, "overlay_scale": plain(round(factor, 6))}
    return replace(proposal, intent=smaller, inputs=inputs)


def _factor(overlay: Overlay, state: OverlayState) -> Decimal:
    peak, equity = state.peak_equity, state.equity
    if peak is None or equity is None or peak <= 0:
        return ONE
    return overlay.scale(ONE - equity / peak)


def _coin_of(intent: Intent, legs: Iterable[Market]) -> str:
    name = intent_coin(intent)
    for leg in legs:
        if name in (leg.symbol, leg.coin):
            return leg.coin
    return ""


def _scaled(view: View, intent: Intent, factor: Decimal) -> Intent | None:
    """A smaller order or loan in the exchange's steps; None where none is left."""
    match intent:
        case PlaceOrder(account=account, symbol=symbol, qty=qty):
            contract, pair = (
                view.rules.contracts.get(symbol),
                view.rules.spot.get(symbol),
            )
            if account == FUTURES:
                step = Decimal(1 if contract is None else contract.lot_size)
            else:
                step = LEDGER_QUANTUM if pair is None else pair.base_increment
            least = step if pair is None or account == FUTURES else pair.base_min
            smaller = floor_to(qty * factor, step)
            return replace(intent, qty=smaller) if smaller >= least > 0 else None
        case Borrow(coin=coin, amount=amount):
            rules = view.rules.margin_coins.get(coin)
            unit = LEDGER_QUANTUM
            if rules is not None:
                unit = rules.borrow_unit or rules.quantum
            smaller = floor_to(amount * factor, unit)
            return replace(intent, amount=smaller) if smaller > 0 else None
        case _:
            return intent
