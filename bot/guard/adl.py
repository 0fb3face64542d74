"""A position at the front of the queue of deleveraging: said once, and not added to.

KuCoin shows five lights, one for each fifth of the queue. From four on a profitable
position may be closed without us at any time, and the other leg of a hedge is then
naked. So new risk in that coin waits; what makes its net exposure smaller, a missing
leg or a reduction, goes on. The lights are KuCoin's own (``Position.adl_rank``);
``bot.risk.adl`` only estimates them and is not asked. Nothing here closes anything.

Source: KuCoin help 26686471898009.
"""

from typing import Final

from bot.domain.accounts import FUTURES, PositionKey
from bot.domain.entries import Noted
from bot.domain.intents import Intent, PlaceOrder
from bot.domain.money import ZERO
from bot.risk.exposures import net_exposures
from bot.shadow.project import project
from bot.shadow.state import Shadow

__all__ = ["ADL_LIGHTS", "ADL_TOPIC", "adl_notes", "adl_objection", "in_front"]

ADL_LIGHTS: Final = 4
"""Lights from which a position counts as at the front."""

ADL_TOPIC: Final = "adl"
"""The topic of a position that came to the front of the queue, or left it."""


def in_front(shadow: Shadow) -> dict[PositionKey, int]:
    """The positions at the front of the queue, with their lights, in order.

    A position whose lights were never reported is not listed: nothing is known.
    """
    found = {
        key: position.adl_rank
        for key, position in shadow.positions.items()
        if position.adl_rank is not None and position.adl_rank >= ADL_LIGHTS
    }
    return dict(sorted(found.items(), key=lambda each: str(each[0])))


def adl_notes(before: Shadow, after: Shadow) -> list[Noted]:
    """The rows for positions whose lights made or ended a risk since ``before``.

    A change between four and five lights is no news of its own; a position that is
    gone has left the queue with it.
    """
    if before.positions is after.positions:
        return []
    was, now = in_front(before), in_front(after)
    begun = [_came(key, now[key]) for key in now if key not in was]
    ended = [_left(after, key) for key in was if key not in now]
    return [*begun, *ended]


def _came(key: PositionKey, lights: int) -> Noted:
    return Noted(
        topic=ADL_TOPIC,
        text=(
            f"{key} shows {lights} of 5 ADL lights: KuCoin may close it without us; "
            f"no new risk in its coin"
        ),
        inputs={"position": str(key), "lights": str(lights)},
    )


def _left(after: Shadow, key: PositionKey) -> Noted:
    position = after.positions.get(key)
    lights = None if position is None else position.adl_rank
    words = "is closed" if position is None else f"shows {lights} of 5 ADL lights"
    return Noted(
        topic=ADL_TOPIC,
        text=f"{key} {words}: it is no longer at the front of the queue",
        inputs={"position": str(key), "lights": "" if lights is None else str(lights)},
    )


def adl_objection(shadow: Shadow, intent: Intent) -> str | None:
    """Why an order may not add to a coin that is at the front of the queue.

    Args:
        shadow: The account now.
        intent: What is asked for; only orders add to an exposure.

    Raises:
        UnknownPriceError: A price or a rule that is needed is not known.
    """
    if not isinstance(intent, PlaceOrder):
        return None
    coin = _coin(shadow, intent)
    held = {_base(shadow, key.symbol): key for key in in_front(shadow)}
    if coin is None or coin not in held or _is_evening(shadow, intent, coin):
        return None
    key = held[coin]
    lights = shadow.positions[key].adl_rank
    return f"{key} shows {lights} of 5 ADL lights; no new risk in {coin}"


def _coin(shadow: Shadow, order: PlaceOrder) -> str | None:
    if order.account == FUTURES:
        return _base(shadow, order.symbol)
    pair = shadow.rules.spot.get(order.symbol)
    return None if pair is None else pair.base


def _base(shadow: Shadow, symbol: str) -> str | None:
    contract = shadow.rules.contracts.get(symbol)
    return None if contract is None else contract.base


def _is_evening(shadow: Shadow, order: PlaceOrder, coin: str) -> bool:
    """Whether a spot leg or a missing one makes the coin's net exposure smaller."""
    before = net_exposures(shadow).get(coin, ZERO)
    after = net_exposures(project(shadow, order)).get(coin, ZERO)
    return abs(after) < abs(before)
