"""How much of what an account needs cut the stops that rest would cut.

Each side of an account - a fall, a rise - needs the cuts that the guard would rest
(``bot.guard.resting_plan``), and the other legs of them. What rests in time is summed
leg by leg and held against that: a stop over half of a position is half a protection,
and a hedge whose other leg has none is torn by the stop of the first. The move that
ends the account with everything filled is measured beside it; what a thin book does
not take at once is not known here. A pure reading: it sends nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from bot.domain.accounts import FUTURES, AccountId, PositionKey
from bot.domain.intents import PlaceOrder
from bot.domain.money import ONE, ZERO, plain
from bot.domain.orders import Side
from bot.domain.stops import StopChanged
from bot.guard.legs import closing_order
from bot.guard.limits import GuardLimits
from bot.guard.resting_cuts import moved
from bot.guard.resting_match import key_of
from bot.guard.resting_plan import wanted_stops
from bot.guard.resting_wanted import StopKey, Wanted
from bot.guard.state import SubjectState
from bot.risk.measure import SubjectMeasure, measure_subject
from bot.shadow.project import UnknownPriceError, pair_mark, project
from bot.shadow.state import Shadow

__all__ = ["LegCover", "SideCover", "covers_of", "ended", "is_closing", "move_of"]

_ENOUGH: Final = Decimal("0.9")
"""A leg of which this share rests is covered: stops are moved no sooner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegCover:
    """One leg: how much of it should be cut, and how much rests in time.

    Sizes are coins, lots on futures.
    """

    account: AccountId
    symbol: str
    side: Side
    is_up: bool
    needed: Decimal
    resting: Decimal
    is_other_leg: bool

    @property
    def is_covered(self) -> bool:
        """Whether nearly all of it rests."""
        return self.resting >= self.needed * _ENOUGH

    @property
    def sentence(self) -> str:
        """What is missing, in words.

        Example:
            >>> LegCover(account=FUTURES, symbol="XBTUSDTM", side=Side.SELL,
            ...     is_up=False, needed=Decimal(10), resting=Decimal(4),
            ...     is_other_leg=False).sentence
            'sell XBTUSDTM if it falls: 4 of 10 rest'
        """
        way = "rises" if self.is_up else "falls"
        whose = "other leg, " if self.is_other_leg else ""
        much = plain(self.resting) if self.resting else "nothing"
        told = f"{much} of {plain(self.needed)} {'rest' if self.resting else 'rests'}"
        return f"{whose}{self.side} {self.symbol} if it {way}: {told}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SideCover:
    """One side of an account: what ends it, with its stops, and what they lack."""

    subject: str
    edge: Decimal
    """The move of all prices that ends it without any stop; a fraction."""
    end: Decimal | None = None
    """The move that ends it when its stops are filled in full, where that was measured
    (``ended``); None for none."""
    legs: tuple[LegCover, ...] = ()
    short: tuple[str, ...] = ()

    @property
    def lacks(self) -> tuple[str, ...]:
        """What is not covered, in words; empty for a side that is protected."""
        bare = (leg.sentence for leg in self.legs if not leg.is_covered)
        return (*bare, *self.short)


def covers_of(
    shadow: Shadow,
    measure: SubjectMeasure,
    known: SubjectState | None,
    limits: GuardLimits,
    stops: Sequence[StopChanged],
) -> Iterator[SideCover]:
    """Each side on which a move of prices ends an account, and what its stops lack.

    Args:
        shadow: The account.
        measure: One guarded account of it.
        known: Its thresholds; None where nobody knows them.
        limits: Where stops should rest.
        stops: All that rest, whosever they are.
    """
    guarded = {} if known is None else {measure.subject: known}
    wanted = wanted_stops(shadow, [measure], guarded, limits)
    for edge in (measure.down, measure.up):
        if edge is None:
            continue
        there = [s for s in stops if is_closing(shadow, s, edge)]
        yield SideCover(
            subject=measure.subject,
            edge=edge,
            legs=tuple(_legs(wanted, there, is_up=edge > 0)),
            short=tuple(dict.fromkeys(told for _, told in wanted.short)),
        )


def ended(
    shadow: Shadow,
    measure: SubjectMeasure,
    side: SideCover,
    stops: Sequence[StopChanged],
) -> SideCover:
    """The side with the move that ends the account when its stops are filled."""
    there = [stop for stop in stops if is_closing(shadow, stop, side.edge)]
    return replace(side, end=_end_with(shadow, measure, side.edge, there))


def is_closing(shadow: Shadow, stop: StopChanged, edge: Decimal) -> bool:
    """Whether a stop goes off on the way to an edge, and not after it."""
    move = move_of(shadow, stop)
    return move is not None and stop.is_up is (edge > 0) and abs(move) < abs(edge)


def move_of(shadow: Shadow, stop: StopChanged) -> Decimal | None:
    """The move from the mark to a stop's trigger; None where no mark is known."""
    if stop.account == FUTURES:
        mark = shadow.futures_marks.get(stop.symbol)
    else:
        mark = pair_mark(shadow, stop.symbol)
    return None if mark is None or mark <= 0 else stop.stop_price / mark - ONE


def _legs(
    wanted: Wanted, there: Sequence[StopChanged], *, is_up: bool
) -> Iterator[LegCover]:
    """What is needed of each leg on one side, with what rests of it."""
    needed: dict[StopKey, Decimal] = {}
    others: set[StopKey] = set()
    for want in wanted.stops:
        if want.intent.is_up is is_up:
            needed[want.key] = needed.get(want.key, ZERO) + want.intent.qty
            if want.partner_of is not None:
                others.add(want.key)
    for key, qty in needed.items():
        mine = [stop for stop in there if key_of(stop) == key]
        resting = sum((stop.qty for stop in mine), ZERO)
        # A stop that says no size closes the position, whatever it is.
        is_all = any(stop.qty == 0 for stop in mine)
        yield LegCover(
            account=key[0],
            symbol=key[1],
            side=key[2],
            is_up=is_up,
            needed=qty,
            resting=max(resting, qty) if is_all else resting,
            is_other_leg=key in others,
        )


def _end_with(
    shadow: Shadow,
    measure: SubjectMeasure,
    edge: Decimal,
    stops: Sequence[StopChanged],
) -> Decimal | None:
    """The move that ends an account when each stop on the way is filled in full."""
    there, gone, end = replace(shadow, requests={}, stops={}), ONE, edge
    ranked = [(move, s) for s in stops if (move := move_of(shadow, s)) is not None]
    for move, stop in sorted(ranked, key=lambda each: (abs(each[0]), each[1].stop_id)):
        if abs(move) >= abs(end):
            break
        there = moved(there, (ONE + move) / gone - ONE)
        gone = ONE + move
        order = _order_of(there, stop)
        if order is None:
            continue
        try:
            there = project(there, order)
        except UnknownPriceError:
            continue
        found = measure_subject(there, measure.subject)
        left = None if found is None else (found.up if edge > 0 else found.down)
        if left is None:
            return None
        end = gone * (ONE + left) - ONE
    return end


def _order_of(there: Shadow, stop: StopChanged) -> PlaceOrder | None:
    """What a stop would trade of what is still there; None for nothing."""
    if stop.account == FUTURES:
        held = there.positions.get(PositionKey(stop.symbol, stop.position_side))
        if held is None or held.lots * stop.side.sign >= 0:
            return None
        lots = abs(Decimal(held.lots))
        return closing_order(held, min(stop.qty or lots, lots))
    rules = there.rules.spot.get(stop.symbol)
    if rules is None:
        return None
    balance = there.balance(stop.account, rules.base)
    is_sale = stop.side is Side.SELL
    most = balance.available if is_sale else balance.liability - balance.total
    qty = min(stop.qty or most, most)
    if qty <= 0:
        return None
    return PlaceOrder(
        account=stop.account,
        symbol=stop.symbol,
        side=stop.side,
        qty=qty,
        is_reduction=True,
    )
