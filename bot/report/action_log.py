"""Follows each request of ours from its approval to its end, with what it cost.

A request is told once, when it is over: what really traded and at which average
price, how far the account was from liquidation before and after, and what it
cost (slippage against the mark, and fees). This module must not judge whether an
action was wise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.domain.accounts import FUTURES, MarginMode, PositionKey
from bot.domain.events import Event, Filled, IntentSettled, OrderChanged
from bot.domain.intents import (
    AdjustMargin,
    Approved,
    CancelStop,
    PlaceOrder,
    PlaceStop,
    Transfer,
)
from bot.domain.money import ZERO
from bot.domain.orders import OrderState, Outcome
from bot.engine.core import Step
from bot.guard.judge import VerdictKind
from bot.report import figures
from bot.report.frame import Tone
from bot.report.run_report import ActionRow, DecisionRow
from bot.report.wording import (
    done_title,
    intent_title,
    ratio_word,
    subject_title,
    subject_words,
    trade_title,
)
from bot.risk.costs import fee_usdt, slippage_usdt
from bot.risk.measure import measure_subject
from bot.shadow.state import Shadow

__all__ = ["GUARD", "ActionLog", "Told", "is_action"]

GUARD: Final = "guard"
_NO_MOVE: Final = Decimal("Infinity")
"""The distance of an account that no uniform move liquidates."""


def is_action(approved: Approved) -> bool:
    """Whether a request is a deed of the guard: a stop that it moves away is none."""
    is_stop = isinstance(approved.intent, PlaceStop | CancelStop)
    return approved.owner == GUARD and not is_stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A request that is over: its sentence, and its row if the guard asked for it."""

    decision: DecisionRow
    action: ActionRow | None = None
    is_stop: bool = False
    """Whether it rested or withdrew a stop: these come by the dozen."""
    is_withdrawn: bool = False


@dataclass(slots=True, kw_only=True)
class _Open:
    """A request on its way, and what it has traded so far."""

    approved: Approved
    at: datetime
    subject: str | None
    is_own: bool
    """Whether the request is made in the account that is to be cured."""
    qty: Decimal = ZERO
    value: Decimal = ZERO
    cost: Decimal | None = ZERO

    @property
    def price(self) -> Decimal | None:
        """The average price, weighed by quantity; None before the first fill."""
        return self.value / self.qty if self.qty else None


class ActionLog:
    """Requests that are not over, by their id."""

    def __init__(self) -> None:
        self._open: dict[str, _Open] = {}

    def owner_of(self, intent_id: str | None) -> str:
        """Who asked for an intent that is not over; empty when nobody of us did."""
        known = self._open.get(intent_id or "")
        return "" if known is None else known.approved.owner

    def waiting(self, owner: str) -> tuple[Approved, ...]:
        """The requests of an owner that are not over, oldest first."""
        return tuple(
            each.approved
            for each in self._open.values()
            if each.approved.owner == owner
        )

    def sent(self, step: Step) -> None:
        """Take in what this step approved; its answers come in later moments."""
        for approved in step.approved:
            subject = _subject_of(approved, step)
            self._open[approved.intent_id] = _Open(
                approved=approved,
                at=step.state.shadow.at,
                subject=subject,
                is_own=subject in _touched(approved, step.state.shadow),
            )

    def answered(self, moment: Sequence[Event], shadow: Shadow) -> list[Told]:
        """Take in the answers of a moment; what is over now is told."""
        told: list[Told] = []
        for event in moment:
            match event:
                case Filled(intent_id=name) if name in self._open:
                    _add_fill(self._open[name], event, shadow)
                case OrderChanged(intent_id=name, state=state, reason=reason):
                    if state is not OrderState.OPEN and name in self._open:
                        told.append(_tell(self._open.pop(name), shadow, reason))
                case IntentSettled(intent_id=name) if name in self._open:
                    told += self._settled(event, shadow)
                case _:
                    pass
        return told

    def unanswered(self) -> list[DecisionRow]:
        """A sentence for each request that the run ended without an answer to."""
        return [
            DecisionRow(
                at=each.at,
                owner=each.approved.owner,
                text=f"saw no end of: {subject_words(each.approved.reason)}",
                tone=Tone.CAUTION,
                decision_id=each.approved.intent_id,
            )
            for each in self._open.values()
        ]

    def _settled(self, event: IntentSettled, shadow: Shadow) -> list[Told]:
        known = self._open[event.intent_id]
        if event.outcome is Outcome.IN_DOUBT:
            return [Told(decision=_doubt(known, event, shadow))]
        if event.outcome is Outcome.REFUSED:
            del self._open[event.intent_id]
            return [_refused(known, event, shadow)]
        if isinstance(known.approved.intent, PlaceOrder) and event.order_id:
            return []
        del self._open[event.intent_id]
        return [_tell(known, shadow, event.reason)]


def _subject_of(approved: Approved, step: Step) -> str | None:
    """The account that a request was made for: the cured one that it touches."""
    acting = [
        verdict.measure
        for verdict in step.verdicts
        if verdict.kind is VerdictKind.CURE
        and approved.owner == GUARD
        and f"{verdict.measure.subject} ratio before" in approved.measured
    ]
    touched = _touched(approved, step.state.shadow)
    for measure in acting:
        if measure.subject in touched:
            return measure.subject
    if acting:
        return acting[0].subject
    return next(
        (name for name in touched if f"{name} ratio before" in approved.measured),
        None,
    )


def _touched(approved: Approved, shadow: Shadow) -> tuple[str, ...]:
    """The subjects that an intent changes."""
    intent = approved.intent
    match intent:
        case PlaceOrder(symbol=symbol) if intent.account == FUTURES:
            if intent.margin_mode is MarginMode.ISOLATED:
                key = PositionKey(symbol, intent.position_side)
                return (f"futures_isolated:{key}",)
            contract = shadow.rules.contracts.get(symbol)
            return () if contract is None else (f"futures:{contract.settle}",)
        case AdjustMargin(symbol=symbol, position_side=side):
            return (f"futures_isolated:{PositionKey(symbol, side)}",)
        case Transfer(source=source, target=target, coin=coin):
            ends = (target, source)
            return tuple(f"futures:{coin}" if e == FUTURES else e for e in ends)
        case _:
            return (intent.account,)


def _add_fill(known: _Open, event: Filled, shadow: Shadow) -> None:
    known.qty += event.qty
    known.value += event.qty * event.price
    slip, fee = slippage_usdt(event, shadow), fee_usdt(event, shadow)
    if known.cost is None or slip is None or fee is None:
        known.cost = None
    else:
        known.cost += slip + fee


def _number(measured: Mapping[str, str], key: str) -> Decimal | None:
    text = measured.get(key)
    return None if text is None else Decimal(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """One number of an account before and after."""

    measure: str
    before: Decimal | None
    after: Decimal | None
    words: str


def _change(known: _Open, shadow: Shadow) -> _Change | None:
    """How the account's distance (or its ratio where it has none) changed.

    Before: as admission measured it when the request left. After: as it stands
    now, so the market's own move in between is in it.
    """
    subject = known.subject
    is_stop = isinstance(known.approved.intent, PlaceStop | CancelStop)
    if subject is None or is_stop:
        return None  # a stop that rests changes nothing yet
    measured, name = known.approved.measured, subject_title(subject)
    now = measure_subject(shadow, subject)
    far = _number(measured, f"{subject} distance before")
    if far is None:
        before = _number(measured, f"{subject} ratio before")
        after = ZERO if now is None else now.ratio
        word = ratio_word(subject)
        told = f"{word} {figures.ratio(before)} → {figures.banded(after)}"
        title = f"{word}, {name}"
        words = told if known.is_own else f"{name} {told}"
        return _Change(measure=title, before=before, after=after, words=words)
    near = _NO_MOVE
    if now is not None:
        near = now.distance if now.distance is not None else _NO_MOVE
    is_known = now is None or now.ratio is not None
    told = _distance_words(far, near if is_known else None)
    return _Change(
        measure=f"distance, {name}",
        before=far,
        after=near if is_known else None,
        words=told if known.is_own else f"{name} {told}",
    )


def _distance_words(before: Decimal, after: Decimal | None) -> str:
    start = f"{figures.distance(before)} from liquidation"
    if after is None:
        return f"{start} → unknown"
    if after.is_infinite():
        return f"{start} → no move liquidates it"
    return f"{start} → {figures.distance(after)}"


def _tell(known: _Open, shadow: Shadow, reason: str | None) -> Told:
    """The request as it ended, with what it did."""
    approved = known.approved
    intent = approved.intent
    rules = shadow.rules
    if isinstance(intent, PlaceOrder) and known.qty:
        what = trade_title(rules, intent, known.qty, known.price)
    elif isinstance(intent, PlaceOrder):
        why = f" ({reason})" if reason else ""
        what = f"wanted to {intent_title(rules, intent)}: nothing traded{why}"
    else:
        what = done_title(intent)
    change = _change(known, shadow)
    is_stop = isinstance(intent, PlaceStop | CancelStop)
    told = what if change is None else f"{what}: {change.words}"
    is_guard = approved.owner == GUARD
    decision = DecisionRow(
        at=shadow.at,
        owner=approved.owner,
        text=told,
        tone=Tone.CAUTION if is_guard else Tone.NEUTRAL,
        decision_id=approved.intent_id,
    )
    return Told(
        decision=decision,
        action=_action(known, what, change) if is_action(approved) else None,
        is_stop=is_stop,
        is_withdrawn=isinstance(intent, CancelStop),
    )


def _action(known: _Open, what: str, change: _Change | None) -> ActionRow:
    return ActionRow(
        at=known.at,
        what=what,
        why=subject_words(known.approved.reason),
        measure="" if change is None else change.measure,
        before=None if change is None else change.before,
        after=None if change is None else change.after,
        cost_usdt=known.cost,
    )


def _doubt(known: _Open, event: IntentSettled, shadow: Shadow) -> DecisionRow:
    what = intent_title(shadow.rules, known.approved.intent)
    return DecisionRow(
        at=event.at,
        owner=known.approved.owner,
        text=f"has no clear answer to: {what}; the exchange is asked",
        tone=Tone.CAUTION,
        decision_id=event.intent_id,
    )


def _refused(known: _Open, event: IntentSettled, shadow: Shadow) -> Told:
    what = intent_title(shadow.rules, known.approved.intent)
    reason = event.reason or event.code or "no reason was given"
    text = f"wanted to {what}: refused by the exchange: {reason}"
    is_guard = known.approved.owner == GUARD
    decision = DecisionRow(
        at=event.at,
        owner=known.approved.owner,
        text=text,
        tone=Tone.DANGER if is_guard else Tone.CAUTION,
        decision_id=event.intent_id,
    )
    return Told(decision=decision, action=_action(known, text, None))
