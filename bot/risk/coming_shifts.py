"""What announcements do to the paths of a forecast: other terms from an hour on.

A delisted coin counts nothing from its time on; a delisted contract is settled at its
price of that hour, with the cost and the fee of a close; a contract's new constants
ask for another margin. Each of them is measured by the exact engine on the account of
now and becomes terms. Floats at the end, a model's view; nothing here decides.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from bot.domain.accounts import FUTURES
from bot.domain.intents import PlaceOrder
from bot.domain.orders import Side
from bot.risk.announced import without_coins
from bot.risk.path_levels import Settled, Shifted
from bot.risk.terms import Terms
from bot.risk.terms_of import terms_of
from bot.shadow.project import UnknownPriceError, project
from bot.shadow.state import Shadow

__all__ = ["coming_shifts"]

_HOUR: Final = timedelta(hours=1)


def coming_shifts(
    shadow: Shadow, leaving: Mapping[str, datetime], until: datetime
) -> Mapping[str, tuple[Shifted, ...]]:
    """By subject, the terms that it will have and from when, in the order of time.

    Args:
        shadow: The account, its rules and marks.
        leaving: Coins and contracts, with the time from which they are no more; one
            that is over counts from now on.
        until: How far the forecast looks.

    Example:
        >>> from bot.domain.instruments import Rules
        >>> from bot.shadow.state import empty_shadow
        >>> nobody = empty_shadow(Rules())
        >>> coming_shifts(nobody, {"ABC": nobody.at}, nobody.at)
        {}
    """
    found: dict[str, tuple[Shifted, ...]] = {}
    settled: dict[str, tuple[Settled, ...]] = {}
    before = {terms.subject: terms for terms in terms_of(shadow).known}
    changed = shadow
    for at in sorted(set(_times(shadow, leaving, until))):
        after_h = max((at - shadow.at) / _HOUR, 0.0)
        out = [name for name, when in leaving.items() if max(when, shadow.at) == at]
        closed = _settled(changed, out)
        was, closing = _by_name(changed), _by_name(closed)
        changed = replace(
            closed, rules=without_coins(closed.rules.as_of(at), _coins(closed, out))
        )
        now = _by_name(changed)
        for subject, first in before.items():
            terms = now.get(subject, _nothing(first))
            fixed = _fixed(was.get(subject), closing.get(subject), after_h)
            if fixed is not None:
                settled[subject] = (*settled.get(subject, ()), fixed)
            shift = _shift(terms, settled.get(subject, ()), after_h)
            if terms != was.get(subject, _nothing(first)):
                found[subject] = (*found.get(subject, ()), shift)
    return found


def _times(
    shadow: Shadow, leaving: Mapping[str, datetime], until: datetime
) -> Iterator[datetime]:
    yield from (max(at, shadow.at) for at in leaving.values() if at <= until)
    changes = (each.announced for each in shadow.rules.contracts.values())
    yield from (
        max(each.at, shadow.at)
        for each in changes
        if each is not None and each.at <= until
    )


def _by_name(shadow: Shadow) -> dict[str, Terms]:
    return {terms.subject: terms for terms in terms_of(shadow).known}


def _nothing(terms: Terms) -> Terms:
    """The terms of an account that has nothing left to lose."""
    return Terms(
        subject=terms.subject,
        warning=terms.warning,
        liquidation=terms.liquidation,
        margin_constant=1.0,
        is_inverse=terms.is_inverse,
    )


def _coins(shadow: Shadow, names: list[str]) -> list[str]:
    return [name for name in names if name not in shadow.rules.contracts]


def _settled(shadow: Shadow, names: list[str]) -> Shadow:
    """The account without the positions and orders of these coins and contracts."""
    contracts = shadow.rules.contracts
    gone = {
        symbol
        for symbol, rules in contracts.items()
        if symbol in names or rules.base in names
    }
    orders = {k: o for k, o in shadow.orders.items() if o.symbol not in gone}
    if len(orders) != len(shadow.orders):
        shadow = replace(shadow, orders=orders)
    for key in sorted(shadow.positions):
        if key.symbol not in gone:
            continue
        position = shadow.positions[key]
        close = PlaceOrder(
            account=FUTURES,
            symbol=key.symbol,
            side=Side.SELL if position.lots > 0 else Side.BUY,
            qty=Decimal(abs(position.lots)),
            reduce_only=True,
            margin_mode=position.mode,
            position_side=position.side,
            leverage=position.leverage,
        )
        try:
            shadow = project(shadow, close)
        except UnknownPriceError:
            continue  # without a mark its account has no terms either
    return shadow


def _fixed(before: Terms | None, after: Terms | None, after_h: float) -> Settled | None:
    """The margin that stops moving: what a settled position's price was worth."""
    if before is None or before == after:
        return None
    left = {} if after is None else after.margin
    weights = {
        coin: weight - left.get(coin, 0.0)
        for coin, weight in before.margin.items()
        if weight != left.get(coin, 0.0)
    }
    return Settled(after_h=after_h, margin=weights) if weights else None


def _shift(terms: Terms, settled: tuple[Settled, ...], after_h: float) -> Shifted:
    """The terms from an hour on, what was settled taken out of their constant."""
    if not (terms.requirement or terms.requirement_constant):
        return Shifted(after_h=after_h, terms=terms)
    at_now = sum(sum(each.margin.values()) for each in settled)
    if settled:
        terms = replace(terms, margin_constant=terms.margin_constant - at_now)
    return Shifted(after_h=after_h, terms=terms, settled=settled)
