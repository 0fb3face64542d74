"""Pre-images that are at hand before the guard asks for money to be moved.

A repayment may not leave before what was there is durable, and reading that takes two
answers of the exchange, of which each can be late. So what a cure would move is read
again and again while nothing happens; a cure takes what was read last and leaves at
once. Only the guard does: everybody else reads anew. One image serves one request, and
none is used that is old or that the books contradict. Nothing here sends.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from bot.domain.events import Event
from bot.domain.intents import AdjustMargin, Borrow, Repay, Transfer
from bot.domain.money import ZERO
from bot.ports import Clock
from connectors.kucoin.answers import Rest, Urgency
from connectors.kucoin.pre_images import MoneyIntent, PreImage, read_pre_image

__all__ = ["Likely", "WarmImages"]

_FRESH: Final = timedelta(seconds=60)
"""How old an image may be that is used."""
_RENEW: Final = timedelta(seconds=20)
_MOST: Final = 8
"""Images that are kept; the caller names the most useful first."""

_Key = tuple[object, ...]

Likely = Callable[[], Iterable[MoneyIntent]]
"""What a cure might move, with what is owed as the amount of a repayment."""


@dataclass(slots=True, kw_only=True)
class WarmImages:
    """The images of what a cure is likely to move."""

    rest: Rest
    clock: Clock
    likely: Likely
    _images: dict[_Key, PreImage] = field(default_factory=dict)
    _left: set[_Key] = field(default_factory=set)
    """What was asked for since its image was last begun to be read."""

    async def renew(self) -> tuple[Event, ...]:
        """Read what is missing or has aged; a poll that has no news for the engine.

        Raises:
            ExchangeRefusedError, UnreachableError, UsageError: One could not be read.
        """
        wanted = {_key(intent): intent for intent in [*self.likely()][:_MOST]}
        self._images = {k: i for k, i in self._images.items() if k in wanted}
        self._left &= wanted.keys()
        aged = [key for key in wanted if self._is_aged(key)]
        for key in sorted(aged, key=lambda key: key in self._images):
            self._left.discard(key)
            image = await read_pre_image(
                self.rest, self.clock, wanted[key], Urgency.ROUTINE
            )
            if key not in self._left:  # else a request left while it was read
                self._images[key] = image
        return ()

    def _is_aged(self, key: _Key) -> bool:
        known = self._images.get(key)
        return known is None or self.clock.now() - known.at > _RENEW

    def take(self, intent: MoneyIntent, urgency: Urgency) -> PreImage | None:
        """The image for a request that is about to leave, None when it must be read.

        Whoever asks: what was read before a request is of no use after it.
        """
        self._left.add(_key(intent))
        image = self._images.pop(_key(intent), None)
        if image is None or urgency is not Urgency.GUARD:
            return None
        is_fresh = self.clock.now() - image.at <= _FRESH
        return image if is_fresh and self._is_so(intent, image) else None

    def _is_so(self, intent: MoneyIntent, image: PreImage) -> bool:
        """Whether the books still say what was read: the debt, to a hundredth."""
        if not isinstance(intent, Repay):
            return isinstance(intent, Transfer)
        owed = next((i.amount for i in self.likely() if _key(i) == _key(intent)), ZERO)
        read = image.amount
        return read is not None and abs(read - owed) <= intent.amount / 100


def _key(intent: MoneyIntent) -> _Key:
    match intent:
        case Transfer(source=source, target=target, coin=coin):
            return (Transfer, source, target, coin)
        case AdjustMargin(symbol=symbol, position_side=side):
            return (AdjustMargin, symbol, side)
        case Borrow() | Repay():
            return (type(intent), intent.account, intent.coin)
