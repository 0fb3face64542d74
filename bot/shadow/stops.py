"""Which stops rest at the exchange, by its id of each: how facts change that.

A part of ``apply``. A stop is known from the answer to its request as well as from
what the exchange says of it, whichever comes first, and one that has ended never
rests again. One that has triggered stays, no longer than a minute, until its order
has ended: until then it may still trade. Stops hold nothing, so no balance depends
on them. Nothing here asks a clock.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from bot.domain.events import IntentSettled, OrderChanged
from bot.domain.intents import CancelStop, PlaceStop
from bot.domain.orders import IntentState, StopState, next_stop_state
from bot.domain.stops import StopChanged, stop_of
from bot.shadow.state import CLOSED_LIMIT, Request, Shadow

__all__ = ["order_ended", "resting_stops", "stop_changed", "stop_settled"]

_GOING_OFF: Final = timedelta(seconds=60)
"""How long the order of a stop that has triggered is waited for."""


def resting_stops(shadow: Shadow) -> tuple[StopChanged, ...]:
    """The stops that have not triggered, in the order of their ids.

    Example:
        >>> from bot.domain.instruments import Rules
        >>> from bot.shadow.state import empty_shadow
        >>> resting_stops(empty_shadow(Rules()))
        ()
    """
    waiting = (s for s in shadow.stops.values() if s.state is StopState.RESTING)
    return tuple(sorted(waiting, key=lambda stop: stop.stop_id))


def stop_changed(shadow: Shadow, event: StopChanged) -> Shadow:
    """The shadow that knows what the exchange says of a stop."""
    known = shadow.stops.get(event.stop_id)
    if known is None and event.stop_id in shadow.closed_stops:
        return shadow
    if known is not None:
        event = _joined(known, event)
    is_pending = event.state is StopState.TRIGGERED and event.intent_id is not None
    if event.state.is_final and not is_pending:
        return _closed(shadow, event.stop_id)
    kept = {
        name: stop
        for name, stop in shadow.stops.items()
        if stop.state is StopState.RESTING or event.at - stop.at <= _GOING_OFF
    }
    return replace(shadow, stops={**kept, event.stop_id: event})


def _joined(known: StopChanged, event: StopChanged) -> StopChanged:
    """The news with what was known before and is not said again."""
    return replace(
        event,
        state=next_stop_state(known.state, event.state),
        intent_id=known.intent_id or event.intent_id,
        qty=event.qty or known.qty,
        reduce_only=event.reduce_only or known.reduce_only,
    )


def stop_settled(
    shadow: Shadow, request: Request, state: IntentState, event: IntentSettled
) -> Shadow:
    """The shadow after the proven outcome of a request for or against a stop."""
    if state is not IntentState.DONE:
        return shadow
    intent = request.approved.intent
    if isinstance(intent, CancelStop):
        return _closed(shadow, intent.stop_id)
    if isinstance(intent, PlaceStop) and event.order_id is not None:
        stop = stop_of(intent, event.at, event.order_id, event.intent_id)
        return stop_changed(shadow, stop)
    return shadow


def order_ended(shadow: Shadow, event: OrderChanged) -> Shadow:
    """The shadow after the end of an order: a stop that became it is over."""
    if event.intent_id is None:
        return shadow
    for stop in shadow.stops.values():
        if stop.intent_id == event.intent_id:
            return _closed(shadow, stop.stop_id)
    return shadow


def _closed(shadow: Shadow, stop_id: str) -> Shadow:
    stops = {name: stop for name, stop in shadow.stops.items() if name != stop_id}
    closed = (*shadow.closed_stops, stop_id)[-CLOSED_LIMIT:]
    return replace(shadow, stops=stops, closed_stops=closed)
