"""Carries out the overlays of strategies: when one fires, its legs are closed.

The state of each overlaid strategy is a fold of events: its book, the best it has
had, what is being closed and until when it rests. Whatever changes it is a row, so a
restart goes on where the journal ends and a replay comes to the same. What is closed
is asked for as reductions under the strategy's own name, both legs of a pair to the
same number of coins, chunk by chunk within the depth, a moment apart where that fell
short; admission judges them as any other. An unknown profit fires nothing. Pure; it
sends nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Final

from bot.domain.accounts import FUTURES
from bot.domain.entries import Noted
from bot.domain.events import Event, Filled, LedgerBooked, MarksTicked
from bot.domain.intents import Intent, Proposal, Repay, intent_coin
from bot.domain.money import LEDGER_QUANTUM, ZERO, floor_to, plain
from bot.domain.overlay import Overlaid, Overlay
from bot.domain.strategy import View
from bot.guard.overlay_rows import FIRED, KEPT, inputs_of
from bot.guard.overlay_state import ALL, OverlayState
from bot.risk.own_orders import resting_of
from bot.risk.sizing import depth_cap
from bot.risk.strategy_book import Market, booked, market_of, opened_book, profit
from bot.risk.trade import held_coins, trade
from bot.shadow.state import Shadow

__all__ = ["Followed", "closing", "follow"]

_SHORT_PAUSE: Final = timedelta(seconds=1)
"""How long a market rests that gave less than was asked of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """The states after a moment, and the rows that say what changed."""

    states: Mapping[str, OverlayState]
    notes: tuple[Noted, ...] = ()


def follow(
    states: Mapping[str, OverlayState],
    strategies: Sequence[Overlaid],
    shadow: Shadow,
    moment: Sequence[Event],
    *,
    is_kept: bool = False,
) -> Followed:
    """The states of all overlays after a moment.

    Args:
        states: Before it, by strategy.
        strategies: Those with an overlay.
        shadow: After the moment.
        moment: The facts.
        is_kept: Whether it is time to keep what only marks have changed, too.
    """
    after, notes = dict(states), list[Noted]()
    has_ticked = any(isinstance(event, MarksTicked) for event in moment)
    has_booked = any(isinstance(event, Filled | LedgerBooked) for event in moment)
    if not (has_ticked or has_booked):
        return Followed(states=states)
    for strategy in strategies:
        known = after.get(strategy.name)
        state = None
        if known is not None:
            state = replace(known, book=booked(known.book, shadow, moment))
        if has_ticked and (state is None or _is_foreign(strategy, state, shadow)):
            state = _opened(strategy, shadow)
        if state is None:
            continue
        said: list[Noted] = []
        if has_ticked:
            state, said = _judged(strategy, state, shadow)
        if known is None or is_kept or _is_turned(known, state):
            said.append(_kept(strategy.name, state))
        after[strategy.name] = state
        notes += said if state != known else []
    return Followed(states=after, notes=tuple(notes))


def _is_turned(before: OverlayState, after: OverlayState) -> bool:
    """Whether more has changed than what marks change."""
    return (
        after.book is not before.book
        or after.closing != before.closing
        or after.resting != before.resting
    )


def _kept(name: str, state: OverlayState) -> Noted:
    """What a restart needs to go on."""
    text = f"{name}: the state of its overlay"
    return Noted(topic=KEPT, text=text, inputs=inputs_of(name, state))


def _markets(strategy: Overlaid, shadow: Shadow) -> frozenset[Market]:
    found = (market_of(claim, shadow.rules) for claim in strategy.claims)
    return frozenset(market for market in found if market is not None)


def _is_foreign(strategy: Overlaid, state: OverlayState, shadow: Shadow) -> bool:
    """Whether the journal's state is of other markets than are claimed now."""
    return _markets(strategy, shadow) != state.book.legs.keys()


def _opened(strategy: Overlaid, shadow: Shadow) -> OverlayState | None:
    book = opened_book(shadow, _markets(strategy, shadow))
    return None if book is None else OverlayState(book=book)


# -- judging ------------------------------------------------------------


def _judged(
    strategy: Overlaid, state: OverlayState, shadow: Shadow
) -> tuple[OverlayState, list[Noted]]:
    """Follow profits and peaks, fire what is due, end what is over."""
    whole = profit(state.book, shadow)
    if whole is None:
        return state, []
    overlay, notes = strategy.overlay, list[Noted]()
    state = _ended(state, overlay, shadow)
    equity = overlay.capital_usdt + whole
    peak = max(state.peak_equity or overlay.capital_usdt, equity)
    state = replace(state, peak_equity=peak, equity=equity)
    if _is_latching(overlay, state, shadow):
        words = f"fell by {peak - equity:.2f} USDT from its peak of {peak:.2f}"
        state, note = _fired(strategy, state, ALL, words)
        notes.append(note)
    for group in _groups(state, overlay):
        earned = profit(state.book, shadow, None if group == ALL else group)
        if earned is None:
            continue
        state = _watched(state, shadow, group, earned)
        why = _why(state, overlay, group, earned)
        if why is not None:
            state, note = _fired(strategy, state, group, why)
            notes.append(note)
    return state, notes


def _is_latching(overlay: Overlay, state: OverlayState, shadow: Shadow) -> bool:
    """Whether the whole has fallen too far from its peak and nothing is done yet."""
    peak, equity = state.peak_equity, state.equity
    if not overlay.drawdown or peak is None or equity is None:
        return False
    is_done = ALL in state.closing or _rests(state, ALL, shadow)
    return not is_done and peak - equity >= overlay.drawdown * peak


def _groups(state: OverlayState, overlay: Overlay) -> tuple[str, ...]:
    if overlay.scope == "strategy":
        return (ALL,)
    return tuple(dict.fromkeys(market.coin for market in state.book.legs))


def _watched(
    state: OverlayState, shadow: Shadow, group: str, earned: Decimal
) -> OverlayState:
    """The best that one group earned; while it is flat it begins anew."""
    if _is_flat(state, shadow, group):
        base = peak = earned
    else:
        base = state.bases.get(group, ZERO)
        peak = max(state.peaks.get(group, base), earned)
    return replace(
        state,
        bases={**state.bases, group: base},
        peaks={**state.peaks, group: peak},
    )


def _why(
    state: OverlayState, overlay: Overlay, group: str, earned: Decimal
) -> str | None:
    """Why a group must be closed now; None when it need not or already is."""
    if group in state.closing or ALL in state.closing:
        return None
    since, capital = earned - state.bases[group], overlay.capital_usdt
    fallen = state.peaks[group] - earned
    found = (
        (overlay.stop_loss, -since, f"lost {-since:.2f} USDT since it was opened"),
        (overlay.take_profit, since, f"earned {since:.2f} USDT since it was opened"),
        (overlay.trail, fallen, f"fell by {fallen:.2f} USDT from its best"),
    )
    for share, amount, words in found:
        if share and amount >= share * capital:
            return words
    return None


def _fired(
    strategy: Overlaid, state: OverlayState, group: str, words: str
) -> tuple[OverlayState, Noted]:
    subject = strategy.name if group == ALL else f"{group} of {strategy.name}"
    text = f"{subject} {words}; its legs are closed"
    inputs = {"strategy": strategy.name, "group": group, "why": words}
    state = replace(state, closing={**state.closing, group: text})
    return state, Noted(topic=FIRED, text=text, inputs=inputs)


def _ended(state: OverlayState, overlay: Overlay, shadow: Shadow) -> OverlayState:
    """What was closed rests from now on; a rest that is over begins a new peak."""
    closing, resting = dict(state.closing), dict(state.resting)
    for group in state.closing:
        if _is_flat(state, shadow, group):
            del closing[group]
            resting[group] = shadow.at + overlay.cooldown
    over = {group for group, until in resting.items() if until <= shadow.at}
    resting = {group: until for group, until in resting.items() if group not in over}
    if closing == state.closing and resting == state.resting:
        return state
    peak = None if ALL in over else state.peak_equity
    if ALL in over and state.equity is not None:
        peak = state.equity
    return replace(state, closing=closing, resting=resting, peak_equity=peak)


def _rests(state: OverlayState, group: str, shadow: Shadow) -> bool:
    until = state.resting.get(group)
    return until is not None and shadow.at < until


def _is_flat(state: OverlayState, shadow: Shadow, group: str) -> bool:
    """Whether no leg of a group is worth an order any more."""
    return not any(
        _left(shadow, market)
        for market in state.book.legs
        if group in (ALL, market.coin)
    )


def _left(shadow: Shadow, market: Market) -> bool:
    """Whether a market still holds or owes more than the smallest order."""
    if market.account == FUTURES:
        return any(
            p.symbol == market.symbol and p.lots for p in shadow.positions.values()
        )
    rules = shadow.rules.spot.get(market.symbol)
    balance = shadow.balance(market.account, market.coin)
    net, mark = (
        abs(balance.total - balance.liability),
        shadow.margin_marks.get(market.coin),
    )
    least = ZERO if rules is None else rules.base_min
    if rules is not None and mark:
        least = max(least, rules.min_funds / mark)
    return net >= least and net > 0


# -- closing ------------------------------------------------------------


def closing(
    states: Mapping[str, OverlayState], strategies: Sequence[Overlaid], view: View
) -> Iterator[Proposal]:
    """The next chunk of everything that an overlay closes, both legs of each pair."""
    for strategy in strategies:
        state = states.get(strategy.name)
        if state is None or not state.closing:
            continue
        coins = {
            market.coin: state.closing.get(ALL) or state.closing.get(market.coin)
            for market in state.book.legs
        }
        yield from _withdrawn(strategy, state, view)
        for coin, why in coins.items():
            if why is not None:
                legs = [m for m in state.book.legs if m.coin == coin]
                yield from _closed(strategy, legs, view, why)


def _withdrawn(
    strategy: Overlaid, state: OverlayState, view: View
) -> Iterator[Proposal]:
    """What rests in a market that is being closed: it would open it again."""
    closed = {m.symbol for m in state.book.legs if m.coin in state.closing}
    for each in resting_of(view, strategy.name).values():
        if ALL in state.closing or each.order.symbol in closed:
            yield Proposal(
                owner=strategy.name,
                intent=each.cancel,
                reason="its overlay is closing its legs",
            )


def _closed(
    strategy: Overlaid, legs: Sequence[Market], view: View, why: str
) -> Iterator[Proposal]:
    """One chunk of a pair: the same coins off each leg, while nothing is under way."""
    names = {leg.symbol for leg in legs} | {leg.coin for leg in legs}
    flying = (*view.in_flight(strategy.name), *view.in_flight("guard"))
    if names & {intent_coin(each.intent) for each in flying}:
        return
    if any(_fell_short(view, strategy.name, leg.symbol) for leg in legs):
        return
    held = {leg: held_coins(view, leg.account, leg.symbol) or ZERO for leg in legs}
    held = {leg: coins for leg, coins in held.items() if coins}
    if any(view.is_halted(leg.symbol) for leg in held):
        return
    caps = {leg: depth_cap(view.liquidity(leg.symbol), abs(held[leg])) for leg in held}
    level = max((abs(held[leg]) - caps[leg] for leg in held), default=ZERO)
    off = {leg: max(abs(coins) - level, ZERO) for leg, coins in held.items()}
    chunk = max(off.values(), default=ZERO)
    empty = [leg for leg in legs if leg not in held]
    for intent in (*_off(view, held, off), *_repaid(view, empty)):
        yield Proposal(
            owner=strategy.name,
            intent=intent,
            reason=why,
            pair=legs[0].coin,
            inputs={"chunk": plain(chunk)},
        )


def _fell_short(view: View, owner: str, symbol: str) -> bool:
    """Whether a market gave less than was asked of it a moment ago."""
    setback = view.setback(owner, symbol)
    return setback is not None and view.at - setback.at < _SHORT_PAUSE


def _off(
    view: View, held: Mapping[Market, Decimal], off: Mapping[Market, Decimal]
) -> Iterator[Intent]:
    """The orders that bring all legs to one level; what then lies idle repays."""
    for leg, coins in held.items():
        wanted = off[leg].copy_sign(-coins)
        order = trade(view, leg.account, leg.symbol, wanted) if wanted else None
        if order is not None:
            yield order
        elif wanted:
            yield from _repaid(view, [leg])


def _repaid(view: View, legs: Iterable[Market]) -> Iterator[Repay]:
    """Coins that are owed and lie there."""
    for leg in legs:
        if leg.account == FUTURES:
            continue
        balance = view.balance(leg.account, leg.coin)
        idle = floor_to(min(balance.available, balance.liability), LEDGER_QUANTUM)
        if idle > 0:
            yield Repay(account=leg.account, coin=leg.coin, amount=idle)
