"""What would have happened without the guard: each episode's account, left alone.

Theory of operation. At the first action of an episode a *twin* begins: the account as
it would be without that action and without every later action of the guard for the
same account. Everything else that happens is the same for both (``undone.py``). On
each later mark the twin is measured, with the fast kernel first and exactly where it
is nearer to its liquidation than ever before, or past it. It ends

- *saved*, when it would have been liquidated: at that mark, with what it then would
  have lost, its whole remaining equity;
- *too early*, when it never came within 5 % of liquidation until 24 hours after the
  episode: with what the actions cost;
- *useful*, when it came that near and was not liquidated;
- *unclear*, when the answer cannot be known, with the reason.

Amounts are USDT at the marks of the verdict. ``difference`` is the account's equity
less the twin's before a liquidation takes its rest; its parts sum to it exactly. The
twin holds no orders of its own, and its liquidation is taken at the mark at which it
is reached. Pure; it decides nothing about the account itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from bot.domain.events import (
    AccountStatus,
    AccountStatusChanged,
    Cause,
    Event,
    Filled,
    LedgerBooked,
    MarksTicked,
)
from bot.domain.money import ZERO
from bot.guard.sight import Sight
from bot.guard.undone import GivenBack, accrued, given_back
from bot.risk.costs import mark_usdt, slippage_usdt
from bot.risk.measure import SubjectMeasure, equity_usdt, measure_subject
from bot.shadow.state import Shadow

__all__ = [
    "NEAR",
    "WATCHED_FOR",
    "Costs",
    "Outcome",
    "OutcomeKind",
    "Twin",
    "followed",
    "judged",
    "unwatched",
]

NEAR: Final = Decimal("0.05")
"""A twin that comes nearer than this to its liquidation needed the guard."""

WATCHED_FOR: Final = timedelta(hours=24)
"""How long after its episode a twin is watched."""

LONGEST: Final = timedelta(days=7)
"""How long a twin lives at most, also where its episode does not end."""

_STEP: Final = Decimal("0.0005")
"""A new nearest distance is measured exactly when it is this much nearer."""

_UNSEEN: Final = timedelta(minutes=10)
"""How long nobody may have looked at a twin before its verdict is in doubt."""

_KEPT_FOR: Final = timedelta(minutes=10)
"""How long bookings of a request that is over may still come."""


class OutcomeKind(StrEnum):
    """What an episode was good for."""

    SAVED = "saved"
    TOO_EARLY = "too early"
    USEFUL = "useful"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What the actions cost so far, in USDT at the marks of their times.

    ``carry`` is what the twin paid in interest and got in funding beyond the account:
    positive where the actions saved it.
    """

    fees: Decimal = ZERO
    slippage: Decimal = ZERO
    carry: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """One episode's account without the guard, as far as it is known.

    ``since`` is the begin of its episode, ``begun_at`` the time of the first action,
    ``ended_at`` the end of the episode, ``seen_at`` the time it was last followed to.
    ``nearest`` is the smallest distance to liquidation seen, None while no move would
    have liquidated it. ``follows`` says that an older twin of the same account was
    open at its begin: that one's verdict holds for both.
    """

    subject: str
    episode: int
    since: datetime
    begun_at: datetime
    seen_at: datetime
    ended_at: datetime | None = None
    follows: bool = False
    intents: Mapping[str, datetime] = field(default_factory=dict)
    """The requests that are taken back, with the times they were approved at."""
    given: GivenBack = field(default_factory=GivenBack)
    costs: Costs = field(default_factory=Costs)
    nearest: Decimal | None = None
    nearest_at: datetime | None = None
    missing: tuple[str, ...] = ()
    """What was not known at some time, so that no verdict rests on it."""
    sight: Sight = field(default_factory=Sight, compare=False, repr=False)

    def seen(self, shadow: Shadow) -> Shadow:
        """The twin's account at a time of the real one."""
        return self.sight.of(shadow, self.given)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The verdict on one episode; None is unknown. Amounts are USDT.

    ``loss`` is what a liquidation would have taken, zero where there was none.
    """

    kind: OutcomeKind
    reason: str
    at: datetime
    twin: Twin
    ratio: Decimal | None
    marks: Mapping[str, Decimal]
    equity: Decimal | None
    twin_equity: Decimal | None
    loss: Decimal | None = ZERO

    @property
    def difference(self) -> Decimal | None:
        """The account's equity less the twin's, before a liquidation takes its rest."""
        if self.equity is None or self.twin_equity is None:
            return None
        return self.equity - self.twin_equity

    @property
    def price(self) -> Decimal | None:
        """The part of ``difference`` that prices made: the rest of the other parts."""
        if self.difference is None:
            return None
        costs = self.twin.costs
        return self.difference + costs.fees + costs.slippage - costs.carry

    @property
    def worth(self) -> Decimal | None:
        """What the actions were worth: the difference and the loss they avoided."""
        if self.difference is None or self.loss is None:
            return None
        return self.difference + self.loss


def unwatched(twin: Twin, last_at: datetime, at: datetime) -> Twin:
    """The twin after a time in which nobody looked, from ``last_at`` to ``at``.

    A short one is nothing; in a long one it may have been liquidated unseen.
    """
    if at - last_at <= _UNSEEN:
        return twin
    gap = f"not watched from {last_at.isoformat()} to {at.isoformat()}"
    return replace(twin, missing=(*twin.missing, gap))


def followed(
    twin: Twin,
    shadows: tuple[Shadow, Shadow],
    moment: Sequence[Event],
    *,
    is_acting: bool,
) -> tuple[Twin, Outcome | None]:
    """The twin after one more moment, and the verdict if it is due.

    Args:
        twin: Before the moment.
        shadows: The real account before the moment, and after it.
        moment: What happened.
        is_acting: Whether the account is under cure after the moment.
    """
    twin = _grown(twin, shadows, moment)
    after = shadows[1]
    if not is_acting and twin.ended_at is None:
        twin = replace(twin, ended_at=after.at)
    if any(isinstance(event, MarksTicked) for event in moment):
        twin, measure = _measured(twin, after)
        if measure is not None and _is_liquidated(measure):
            return twin, _saved(twin, after, measure)
    return twin, _due(twin, after, moment)


def _grown(twin: Twin, shadows: tuple[Shadow, Shadow], moment: Sequence[Event]) -> Twin:
    """With what the moment did: bookings of the actions, interest, funding."""
    before, after = shadows
    before = replace(before, at=min(before.at, twin.seen_at))
    grown = accrued(twin.given, before, after)
    paid = _usdt(after, grown.interest)
    got = _usdt(after, grown.funding)
    positions = (before.positions, after.positions)
    given = given_back(grown.given, moment, twin.intents.keys(), positions)
    costs = _costs(twin, after, moment)
    gaps = grown.missing
    if paid is None or got is None:
        gaps = (*gaps, "no mark of a coin that interest or funding is paid in")
    if given is twin.given and costs is twin.costs and not gaps:
        return replace(twin, seen_at=after.at)
    carry = costs.carry + (paid or ZERO) - (got or ZERO)
    return replace(
        twin,
        seen_at=after.at,
        given=given,
        costs=replace(costs, carry=carry),
        missing=tuple(dict.fromkeys((*twin.missing, *gaps))),
        intents=_still_open(twin.intents, after),
    )


def _still_open(
    intents: Mapping[str, datetime], after: Shadow
) -> Mapping[str, datetime]:
    """Without the requests whose last booking is long past."""
    return {
        name: at
        for name, at in intents.items()
        if name in after.requests or after.at - at < _KEPT_FOR
    }


def _costs(twin: Twin, shadow: Shadow, moment: Sequence[Event]) -> Costs:
    """Fees and slippage of the actions, with those of one more moment."""
    costs = twin.costs
    for event in moment:
        match event:
            case LedgerBooked(cause=Cause.FEE, intent_id=name) if name in twin.intents:
                fee = -sum(
                    (p.amount * (mark_usdt(shadow, p.coin) or ZERO))
                    for p in event.postings
                )
                costs = replace(costs, fees=costs.fees + fee)
            case Filled(intent_id=name) if name in twin.intents:
                slip = slippage_usdt(event, shadow) or ZERO
                costs = replace(costs, slippage=costs.slippage + slip)
            case _:
                pass
    return costs


def _usdt(shadow: Shadow, amounts: Mapping[str, Decimal]) -> Decimal | None:
    total = ZERO
    for coin, amount in sorted(amounts.items()):
        mark = mark_usdt(shadow, coin)
        if mark is None:
            return None
        total += amount * mark
    return total


# -- how near it came ---------------------------------------------------------


def _measured(twin: Twin, shadow: Shadow) -> tuple[Twin, SubjectMeasure | None]:
    """The twin with its nearest distance, and the exact measure if one was taken."""
    if not twin.sight.is_near(shadow, twin.given, twin.subject, _floor(twin.nearest)):
        return twin, None
    measure = measure_subject(twin.seen(shadow), twin.subject)
    if measure is None:
        return twin, None
    if measure.ratio is None:
        gaps = tuple(dict.fromkeys((*twin.missing, *measure.missing)))
        return replace(twin, missing=gaps), measure
    distance = measure.distance
    if distance is None or (twin.nearest is not None and distance >= twin.nearest):
        return twin, measure
    return replace(twin, nearest=distance, nearest_at=shadow.at), measure


def _floor(nearest: Decimal | None) -> Decimal | None:
    """Under which distance an exact measure is news; the liquidation always is.

    Example:
        >>> [str(_floor(Decimal(text))) for text in ("0.2", "0.0502", "0.0004")]
        ['0.1995', '0.05', '0.0005']
    """
    if nearest is None:
        return None
    least = NEAR if nearest >= NEAR else _STEP
    return max(nearest - _STEP, least)


def _is_liquidated(measure: SubjectMeasure) -> bool:
    return measure.ratio is not None and measure.ratio >= measure.liquidation


# -- verdicts -----------------------------------------------------------------


def _saved(twin: Twin, shadow: Shadow, measure: SubjectMeasure) -> Outcome:
    twin = replace(twin, nearest=ZERO, nearest_at=shadow.at)
    reason = f"without the guard {twin.subject} would have been liquidated"
    loss = _rest(twin.seen(shadow), measure)
    return replace(judged(twin, shadow, OutcomeKind.SAVED, reason), loss=loss)


def _rest(other: Shadow, measure: SubjectMeasure) -> Decimal | None:
    """What is left in an account at its liquidation, which takes it; never below zero.

    A margin account: all its coins at the mark less all that it owes. Futures: the
    margin of the subject.
    """
    if measure.is_futures:
        return None if measure.margin_usdt is None else max(measure.margin_usdt, ZERO)
    coins = other.balances.get(measure.account, {})
    nets = {coin: b.total - b.liability for coin, b in coins.items()}
    total = _usdt(other, {coin: net for coin, net in nets.items() if net})
    return None if total is None else max(total, ZERO)


def _due(twin: Twin, shadow: Shadow, moment: Sequence[Event]) -> Outcome | None:
    """The verdict at the end of the watch, or at what makes one impossible."""
    if _was_taken_over(twin, moment):
        reason = f"{twin.subject} was liquidated although the guard acted"
        return judged(twin, shadow, OutcomeKind.UNCLEAR, reason)
    is_over = twin.ended_at is not None and shadow.at - twin.ended_at >= WATCHED_FOR
    if not is_over and shadow.at - twin.begun_at < LONGEST:
        return None
    if twin.missing:
        reason = f"not everything was known: {twin.missing[0]}"
        return judged(twin, shadow, OutcomeKind.UNCLEAR, reason)
    if twin.nearest is not None and twin.nearest < NEAR:
        reason = f"without the guard {twin.subject} would have come near liquidation"
        return judged(twin, shadow, OutcomeKind.USEFUL, reason)
    reason = f"without the guard {twin.subject} would have stayed far from liquidation"
    return judged(twin, shadow, OutcomeKind.TOO_EARLY, reason)


def _was_taken_over(twin: Twin, moment: Sequence[Event]) -> bool:
    return any(
        isinstance(event, AccountStatusChanged)
        and event.status is AccountStatus.LIQUIDATING
        and twin.subject == _subject_of(event)
        for event in moment
    )


def _subject_of(event: AccountStatusChanged) -> str:
    """The account that a takeover is about."""
    return event.account if event.coin is None else f"{event.account}:{event.coin}"


def judged(twin: Twin, shadow: Shadow, kind: OutcomeKind, reason: str) -> Outcome:
    """A verdict as things stand now, with the numbers of both accounts."""
    other = twin.seen(shadow)
    measure = measure_subject(other, twin.subject)
    felt = () if measure is None else measure.exposure_usdt
    return Outcome(
        kind=kind,
        reason=reason,
        at=shadow.at,
        twin=twin,
        ratio=ZERO if measure is None else measure.ratio,
        marks={
            coin: shadow.margin_marks[coin]
            for coin in sorted(felt)
            if coin in shadow.margin_marks
        },
        equity=equity_usdt(shadow),
        twin_equity=equity_usdt(other),
    )
