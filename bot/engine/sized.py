"""The sizing of the step: how the equity went, and what scales new risk now.

The equity is looked at once in an hour of market time, and whenever new risk is asked
for; what was seen is a row of the journal, so that a restart goes on with it. Nothing
here judges: the gates of the guard do. It must not read a clock.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from bot.domain.entries import Entry
from bot.domain.events import Bucket, Cause, Event, LedgerBooked, Posting
from bot.domain.money import ONE, ZERO
from bot.engine.state import Policy, State
from bot.guard.admission import Admission
from bot.guard.size_factors import (
    Sizing,
    diversification_factor,
    gains_factor,
    sizing_of,
)
from bot.guard.size_limits import SizingLimits
from bot.guard.size_results import (
    Results,
    advanced,
    results_factor,
    results_note,
    shifted,
)
from bot.risk.book_volatility import DayVolatility
from bot.risk.measure import Known, equity_usdt
from bot.shadow.state import Shadow

__all__ = ["admission_of", "paid_in", "seen", "sizing_now"]

Seen = tuple[State, list[Entry]]
"""A state after a look at the equity, and its row if there is one."""


def seen(state: State, policy: Policy) -> Seen:
    """Look at the equity: once in an hour, and whenever it asks for a cut.

    Nothing is kept while the equity is not known.
    """
    shadow = state.shadow
    equity = equity_usdt(shadow)
    if equity is None:
        return state, []
    found = advanced(state.results, shadow.at, equity, policy.sizing)
    if not state.results.is_due(shadow.at) and found.scale >= state.results.scale:
        return state, []
    return _kept(state, found, equity)


def paid_in(state: State, moment: Sequence[Event]) -> Seen:
    """After money came from outside in a moment, or left: no result of ours."""
    if state.results.credited is None:
        return state, []
    came = sum(
        (
            _usdt(state.shadow, posting)
            for event in moment
            if isinstance(event, LedgerBooked) and event.cause is Cause.TRANSFER
            for posting in event.postings
        ),
        ZERO,
    )
    equity = equity_usdt(state.shadow) if came else None
    if equity is None:
        return state, []
    return _kept(state, shifted(state.results, equity - came, came), equity)


def _kept(state: State, results: Results, equity: Decimal) -> Seen:
    if results.credited is None:
        return replace(state, results=results), []
    row = Entry(at=state.shadow.at, body=results_note(results, equity))
    return replace(state, results=results), [row]


def _usdt(shadow: Shadow, posting: Posting) -> Decimal:
    """What a posting adds to the equity: debts count against it, an earmark not."""
    coin = posting.coin
    mark = shadow.margin_marks.get(coin, ONE if coin == "USDT" else ZERO)
    match posting.bucket:
        case Bucket.BALANCE:
            return posting.amount * mark
        case Bucket.PRINCIPAL | Bucket.INTEREST:
            return -posting.amount * mark
        case Bucket.MARGIN:
            return ZERO


def sizing_now(state: State, limits: SizingLimits) -> Sizing:
    """What scales new risk at this moment."""
    ahead = state.ahead
    outlook, equity = ahead.outlook, equity_usdt(state.shadow)
    standing = (
        results_factor(state.results),
        gains_factor(state.results.credited, equity),
        diversification_factor(outlook, limits.bets_share),
    )
    known = DayVolatility(
        assumed=float(limits.assumed_volatility),
        covariance=None if outlook is None else outlook.covariance,
        closes=ahead.closes,
    )
    return sizing_of(limits, standing, known)


def admission_of(
    state: State, policy: Policy, known: Known | None, sizing: Sizing
) -> Admission:
    """What a proposal is held to at this moment."""
    return Admission(
        shadow=state.shadow,
        guard=state.guard,
        limits=policy.risk_limits,
        guard_limits=policy.guard_limits,
        day_open_equity=state.day_open_equity,
        day_turnover=state.day_turnover,
        known=known,
        jumps=state.jumps,
        sizing=sizing,
    )
