"""Whether a request of a pair may be sent now, as far as the view shows.

Halts, requests in doubt, marks that are not known, and what was refused a short time
ago. A reduction is held back only where the market is halted, or for the few seconds
after the same one came to nothing. What was lost on its way was not refused: only new
pairs wait after it. Nothing here decides what is wanted.
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final

from bot.domain.accounts import FUTURES
from bot.domain.intents import Intent, PlaceOrder, intent_coin
from bot.domain.strategy import Setback, View
from bot.risk.pair_makers import is_maker
from bot.risk.pair_orders import is_covered, is_reduction
from bot.risk.pairs import Pair

__all__ = ["Permits"]

_RETRY: Final = timedelta(seconds=4)
"""How long a reduction that was refused or fell short waits for the next attempt."""


@dataclass(frozen=True, slots=True)
class Permits:
    """What one strategy may send at one moment.

    ``pause`` is how long nothing new is tried after a refusal, ``margin_share`` what
    must lie behind each USDT of notional.
    """

    view: View
    owner: str
    pause: timedelta
    margin_share: Decimal

    def is_shut(self, pair: Pair) -> bool:
        """Whether either leg takes no orders."""
        return any(self.view.is_halted(symbol) for symbol in pair.symbols)

    def is_set_back(self, name: str) -> bool:
        """Whether a request on a name was refused or fell short a short time ago.

        One that rested in vain is no setback: the same may be taken at once.
        """
        setback = self.view.setback(self.owner, name)
        if setback is None or is_maker(setback.intent):
            return False
        return self.view.at - setback.at < self.pause

    def is_turned_down(self, name: str) -> bool:
        """Whether it was set back, and not only lost on its way.

        A second leg that was lost is asked for again at once: half a pair waits.
        """
        setback = self.view.setback(self.owner, name)
        was_lost = setback is not None and setback.was_lost
        return self.is_set_back(name) and not was_lost

    def may_leave(self, pair: Pair) -> bool:
        """Whether both legs can be traded; after a short fill depth comes first."""
        return not (self.is_shut(pair) or any(map(self.is_turned_down, pair.symbols)))

    def is_free(self, pair: Pair) -> bool:
        """Whether nothing on either leg is halted, in doubt, unknown or set back."""
        names = ((pair.account, pair.coin), (pair.account, pair.spot.symbol))
        frozen = (*names, (FUTURES, pair.contract.symbol))
        if self.is_shut(pair) or any(self.view.is_frozen(*each) for each in frozen):
            return False
        if pair.mark is None or pair.futures_mark is None:
            return False
        return not any(map(self.is_set_back, (pair.coin, *pair.symbols)))

    def may(self, pair: Pair, intent: Intent) -> bool:
        """Whether an intent can be done as things stand."""
        name = intent_coin(intent) or pair.coin
        if is_reduction(intent):
            setback = self.view.setback(self.owner, name)
            is_early = setback is not None and self.view.at - setback.at < _RETRY
            was_same = setback is not None and _was_turned_down(setback)
            return not self.view.is_halted(name) and not (is_early and was_same)
        symbol = intent.symbol if isinstance(intent, PlaceOrder) else pair.spot.symbol
        is_open = not self.view.is_halted(symbol) and not self.is_turned_down(name)
        return is_open and is_covered(self.view, pair, intent, self.margin_share)


def _was_turned_down(setback: Setback) -> bool:
    """Whether a reduction arrived, was to be done at once, and came to nothing."""
    intent = setback.intent
    return is_reduction(intent) and not is_maker(intent) and not setback.was_lost
