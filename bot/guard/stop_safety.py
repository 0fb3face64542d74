"""What a stop that rests may still trade, and whether a stop can only reduce.

Reduce-only protects a futures position: its stops are cut to what is left of it. A
margin account has no such word, so what its stops may trade is counted: a new one
must fit into what is held or owed beside the others, and one that may go off while
another order is on its way counts as if it had traded. A sale finds no more coins than
there are, so where none of them is owed the stops below and above the price are counted
apart; a purchase would go on beyond what is owed. Nothing here places anything.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final

from bot.domain.accounts import FUTURES, AccountId, PositionKey
from bot.domain.intents import PlaceStop
from bot.domain.money import ONE, ZERO
from bot.domain.orders import Side, StopState
from bot.domain.stops import StopChanged, is_reached
from bot.shadow.project import pair_mark
from bot.shadow.state import Shadow

__all__ = [
    "StopLeg",
    "going_off_qty",
    "is_reducing_stop",
    "is_stop_near",
    "leg_of",
    "reducible_qty",
    "stop_objection",
]

StopLeg = tuple[AccountId, str, Side, bool | None]
"""Account, pair and side of stops that are counted together; None: both directions."""

_NEAR: Final = Decimal("0.05")
"""A stop whose trigger is no further than this from the mark may go off before a
request of ours arrives; the watched price is the last trade, which is not the mark."""


def is_stop_near(
    shadow: Shadow, symbol: str, stop_price: Decimal, *, is_up: bool
) -> bool:
    """Whether a margin stop may go off while a request is on its way.

    Without a mark nobody knows, so it may.
    """
    mark = pair_mark(shadow, symbol)
    if mark is None:
        return True
    shift = ONE + _NEAR if is_up else ONE - _NEAR
    return is_reached(stop_price, mark * shift, is_up=is_up)


def going_off_qty(
    shadow: Shadow, account: AccountId, symbol: str, side: Side
) -> Decimal:
    """What stops of a margin account may trade at any moment on one side of a pair.

    Args:
        shadow: The account.
        account: Where they trade; a futures account's reduce only and count nothing.
        symbol: The pair.
        side: Which stops.

    Returns:
        Base coins of the stops that are near their trigger or have just triggered,
        and of those that were asked for and may be there already.
    """
    if account == FUTURES:
        return ZERO
    found = _asked_near(shadow, account, symbol, side)
    for stop in shadow.stops.values():
        if (stop.account, stop.symbol, stop.side) != (account, symbol, side):
            continue
        is_due = stop.state is StopState.TRIGGERED
        if is_due or is_stop_near(shadow, symbol, stop.stop_price, is_up=stop.is_up):
            found += stop.qty
    return found


def _asked_near(shadow: Shadow, account: AccountId, symbol: str, side: Side) -> Decimal:
    return sum(
        (
            intent.qty
            for intent in _asked(shadow)
            if (intent.account, intent.symbol, intent.side) == (account, symbol, side)
            and is_stop_near(shadow, symbol, intent.stop_price, is_up=intent.is_up)
        ),
        ZERO,
    )


def _asked(shadow: Shadow) -> Iterable[PlaceStop]:
    """The stops that were asked for and that nobody has told of yet."""
    for request in shadow.requests.values():
        if isinstance(request.approved.intent, PlaceStop):
            yield request.approved.intent


def is_reducing_stop(shadow: Shadow, stop: PlaceStop) -> bool:
    """Whether a stop can only lower risk, whenever it goes off."""
    return stop_objection(shadow, stop) is None


def stop_objection(shadow: Shadow, stop: PlaceStop) -> str | None:
    """Why a stop might add risk, in words; None when it can only reduce."""
    if stop.account == FUTURES:
        return _futures_objection(shadow, stop)
    most = reducible_qty(shadow, stop)
    if most <= 0:
        coin = stop.symbol.split("-")[0]
        return f"{stop.account} holds nothing of {coin} that this reduces"
    leg = leg_of(shadow, stop)
    beside = sum(
        (each.qty for each in _all(shadow) if leg_of(shadow, each) == leg), ZERO
    )
    if beside + stop.qty > most:
        return (
            f"with the other stops it would trade {beside + stop.qty:f} of "
            f"{stop.symbol}, and only {most:f} are there to be reduced"
        )
    return None


def _futures_objection(shadow: Shadow, stop: PlaceStop) -> str | None:
    key = PositionKey(stop.symbol, stop.position_side)
    position = shadow.positions.get(key)
    if position is None or position.lots * stop.side.sign >= 0:
        return f"there is no position of {key} that a {stop.side} would reduce"
    return None


def _all(shadow: Shadow) -> Iterator[StopChanged | PlaceStop]:
    """The stops that are there, and those that were asked for."""
    yield from shadow.stops.values()
    yield from _asked(shadow)


def leg_of(shadow: Shadow, stop: StopChanged | PlaceStop) -> StopLeg:
    """Which stops of a margin account may not trade more than is there, together."""
    rules = shadow.rules.spot.get(stop.symbol)
    is_owed = rules is None or (
        shadow.balance(stop.account, rules.base).liability > ZERO
    )
    is_joint = stop.side is Side.BUY or is_owed
    return (stop.account, stop.symbol, stop.side, None if is_joint else stop.is_up)


def reducible_qty(shadow: Shadow, stop: StopChanged | PlaceStop) -> Decimal:
    """What a margin account holds net, or owes net, that a stop of a side reduces.

    Returns:
        Base coins, never negative; zero where the pair is not known.
    """
    rules = shadow.rules.spot.get(stop.symbol)
    if rules is None:
        return ZERO
    balance = shadow.balance(stop.account, rules.base)
    net = balance.total - balance.liability
    return max(-net * stop.side.sign, ZERO)
