"""Leaves a coin or a contract that is delisted, in good time and with both legs.

Theory of operation. From a day before its time on, what rests on the coin is taken
back in rounds: orders that would add to it are cancelled, its loans are repaid from
what is there, then each leg that can be liquidated is cut by what a minute of the
market takes, with its other leg. Positions go too, because they are settled otherwise
and leave their hedge alone. Coins that lie free (spot, main, an account that owes
nothing) are the owner's to sell. A coin with an order on its way waits for the answer,
and while an account is under cure the cure comes first, until two hours are left.
Every request is a reduction. Nothing here sends or approves anything.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from bot.domain.accounts import FUTURES, isolated_pair
from bot.domain.entries import Noted
from bot.domain.intents import CancelOrder, PlaceOrder, Proposal, Repay
from bot.domain.money import LEDGER_QUANTUM, floor_to, plain
from bot.guard.asked import cancels, is_asked
from bot.guard.depth import capped_order
from bot.guard.legs import futures_leg, margin_leg, with_other_leg
from bot.guard.limits import GuardLimits
from bot.guard.repair import is_trading
from bot.guard.resting import withdrawals
from bot.guard.state import GUARD, LeavingState
from bot.risk.announced import delistings_of, is_held
from bot.risk.blackout import LEAD as LAST_HOURS
from bot.risk.exposures import Exposure, coin_exposures
from bot.risk.subjects import owing_accounts
from bot.shadow.state import Shadow

__all__ = ["LEAVE_LEAD", "LEAVING", "Left", "leave_round"]

LEAVING: Final = "leaving"
"""The topic of a coin or contract that is left because it is delisted."""

LEAVE_LEAD: Final = timedelta(hours=24)
"""How long before its time a coin is left (FAULTS F5: both legs, a day before)."""

_DUST_USDT: Final = Decimal(1)
"""What is worth less cannot be traded, and harms nobody."""

_BENCH: Final = timedelta(seconds=120)
"""How long a coin rests after a refusal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """One round: what to send, what to say, and which coins' pairs to watch."""

    state: LeavingState
    proposals: tuple[Proposal, ...] = ()
    notes: tuple[Noted, ...] = ()
    is_over: bool = False
    """Whether something has just been left: what it made idle can be repaid."""


def leave_round(
    shadow: Shadow, state: LeavingState, limits: GuardLimits, *, is_curing: bool
) -> Left | None:
    """The next round for everything that is to be left now; None where nothing is.

    Args:
        shadow: The account as it is.
        state: What the last round left.
        limits: The settings' delistings, and the share of a minute that is taken.
        is_curing: Whether an account is under cure.
    """
    if not (limits.delistings or shadow.rules.delistings):
        return None
    due = {
        name: at
        for name, at in delistings_of(shadow, limits.delistings).items()
        if at - LEAVE_LEAD <= shadow.at and _rests(shadow, name)
    }
    told, is_over = _told(due, state.begun), bool(state.begun - due.keys())
    notes = tuple(Noted(topic=LEAVING, text=text) for text in told)
    state = replace(state, begun=frozenset(due))
    proposals: list[Proposal] = []
    for name, at in sorted(due.items()):
        is_late = shadow.at >= at - LAST_HOURS
        if not is_curing or is_late:
            found = _round(shadow, name, state.cut_at, limits, is_late=is_late)
            proposals += [_for(each, name, at) for each in found]
    orders = [p.intent for p in proposals if isinstance(p.intent, PlaceOrder)]
    cut = {order.symbol: shadow.at for order in orders}
    state = replace(state, cut_at={**state.cut_at, **cut} if cut else state.cut_at)
    return Left(
        state=state,
        proposals=(*withdrawals(shadow, orders), *proposals),
        notes=notes,
        is_over=is_over,
    )


def _rests(shadow: Shadow, name: str) -> bool:
    """Whether more than dust that can be liquidated rests on a coin or contract."""
    if not is_held(shadow, name):
        return False
    contracts = shadow.rules.contracts
    for key in shadow.positions:
        contract = contracts.get(key.symbol)
        if key.symbol == name or (contract is not None and contract.base == name):
            return True
    mark = shadow.margin_marks.get(name)
    held = [shadow.balance(account, name) for account in owing_accounts(shadow)]
    return mark is None or any(
        max(each.total, each.liability) * mark >= _DUST_USDT for each in held
    )


def _told(due: Mapping[str, datetime], begun: frozenset[str]) -> Iterator[str]:
    for name in sorted(due.keys() - begun):
        yield f"leaving {name}, which is delisted at {due[name].isoformat()}"
    for name in sorted(begun - due.keys()):
        yield f"nothing that can be liquidated rests on {name} any more"


def _for(proposal: Proposal, name: str, at: datetime) -> Proposal:
    why = f"{name} is delisted at {at.isoformat()}"
    return replace(proposal, reason=f"{proposal.reason}: {why}")


def _round(
    shadow: Shadow,
    name: str,
    cut_at: Mapping[str, datetime],
    limits: GuardLimits,
    *,
    is_late: bool,
) -> list[Proposal]:
    """What can be done about one coin or contract now.

    Late, an answer that stays out is waited for no more: each leg is cut by what is a
    reduction under both outcomes.
    """
    contract = shadow.rules.contracts.get(name)
    coin = name if contract is None else contract.base
    symbols = _symbols(shadow, name)
    found = [
        Proposal(owner=GUARD, intent=each, reason=f"cancel {each.order_id}")
        for each in _cancels(shadow, symbols)
    ]
    if contract is None:
        found += _repayments(shadow, name)
    is_waiting = not is_late and is_trading(shadow, coin)
    if found or is_waiting or _is_benched(shadow, symbols | {name}):
        return found
    for leg in sorted(_legs(shadow, name, coin), key=lambda e: -abs(e.base_qty)):
        cut = _cut(shadow, leg, coin, cut_at, limits)
        if cut:
            return cut
    return []


def _symbols(shadow: Shadow, name: str) -> set[str]:
    rules = shadow.rules
    pairs = {symbol for symbol, pair in rules.spot.items() if pair.base == name}
    own = {s for s, c in rules.contracts.items() if name in {s, c.base}}
    return pairs | own


def _cancels(shadow: Shadow, symbols: Iterable[str]) -> list[CancelOrder]:
    """Orders on these symbols that can add risk and are not being cancelled yet."""
    accounts = sorted({order.account for order in shadow.orders.values()})
    found = [each for account in accounts for each in cancels(shadow, account)]
    return [each for each in found if each.symbol in symbols]


def _repayments(shadow: Shadow, coin: str) -> Iterator[Proposal]:
    """What is owed of the coin, from what is free of it."""
    for account in owing_accounts(shadow):
        balance = shadow.balance(account, coin)
        amount = floor_to(min(balance.available, balance.liability), LEDGER_QUANTUM)
        if amount > 0 and not is_asked(shadow, account, coin):
            yield Proposal(
                owner=GUARD,
                intent=Repay(account=account, coin=coin, amount=amount),
                reason=f"repay {plain(amount)} {coin} in {account}",
            )


def _is_benched(shadow: Shadow, names: Iterable[str]) -> bool:
    """Whether something of ours on these was just refused."""
    found = (shadow.setbacks.get((GUARD, name)) for name in names)
    refused = (each for each in found if each is not None and not each.was_lost)
    return any(shadow.at - each.at < _BENCH for each in refused)


def _legs(shadow: Shadow, name: str, coin: str) -> Iterator[Exposure]:
    """The legs that can be liquidated; of a contract only its position."""
    owing = set(owing_accounts(shadow))
    for leg in coin_exposures(shadow, coin):
        if leg.is_wallet or name not in {coin, leg.symbol}:
            continue
        symbol = isolated_pair(leg.account) or leg.symbol
        pair = shadow.rules.spot.get(symbol)
        if leg.account == FUTURES:
            yield leg
        elif leg.account in owing and pair is not None and pair.base == coin:
            yield replace(leg, symbol=symbol)


def _cut(
    shadow: Shadow,
    leg: Exposure,
    coin: str,
    cut_at: Mapping[str, datetime],
    limits: GuardLimits,
) -> list[Proposal]:
    """The chunk of a leg that can go now, with the same chunk of its other leg."""
    sign = 1 if leg.base_qty > 0 else -1
    whole = abs(leg.base_qty)
    if leg.account == FUTURES:
        order = futures_leg(shadow, leg.symbol, whole, sign)
    else:
        order = margin_leg(shadow, leg.account, leg.symbol, whole, sign)
    capped = None if order is None else capped_order(shadow, order, cut_at, limits)
    if capped is None:
        return []
    legs = with_other_leg(shadow, capped, coin, cut_at, limits)
    if legs is None:
        return []
    first, second = legs
    pair = None if second is None else coin
    return [
        Proposal(owner=GUARD, intent=each, reason=_words(each), pair=pair)
        for each in (first, second)
        if each is not None
    ]


def _words(order: PlaceOrder) -> str:
    return f"{order.side} {plain(order.qty)} of {order.symbol}"
