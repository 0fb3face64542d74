"""Every endangered account as straight lines in the marks, exactly.

Requirement and margin of a subject are each a constant plus, for every mark that it
feels, a weight times the mark (one over it for inverse contracts). The rules are
applied here once, when holdings, orders or rules change; ``terms_of`` and ``kernel``
read the lines at marks. Only the maintenance tier of an isolated position depends on
its mark: its ``Ladder`` says how. Nothing here reads a mark or decides anything.
"""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, auto
from typing import Final, NamedTuple

from bot.domain.accounts import AccountId, Position
from bot.domain.instruments import ContractRules
from bot.domain.money import ONE, ZERO
from bot.risk.distance import UNMOVED_COIN
from bot.risk.futures_shape import BookShape, FuturesShape
from bot.risk.isolated import LIQUIDATION_FEE_RATE, held_rate, isolated_shape
from bot.risk.margin_levels import margin_rules
from bot.risk.measure import FUTURES_WARNING, cross_shape
from bot.risk.missing import Missing, MissingKind
from bot.risk.subjects import (
    CROSS_PREFIX,
    POSITION_PREFIX,
    cross_settles,
    lone_positions,
    owing_accounts,
)
from bot.shadow.state import Shadow

__all__ = ["Kind", "Ladder", "Leg", "Line", "Quote", "lines_of", "mark_of"]

_FUTURES_LIQUIDATION: Final = ONE


class Quote(NamedTuple):
    """A mark: of a coin in the margin accounts, or of a contract by its symbol.

    The same coin may have both, and contracts of one coin differ in theirs.
    """

    is_futures: bool
    name: str


class Kind(Enum):
    """Which formulas a subject follows."""

    MARGIN = auto()
    CROSS_FUTURES = auto()
    POSITION = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """What one mark does to a subject, for each unit of it (inverse: of 1 / mark).

    A weight of None is no part of that number: its mark may be missing without
    harm. For a position with a ladder ``requirement`` is still without its rate.
    """

    quote: Quote
    coin: str
    requirement: Decimal | None
    margin: Decimal | None
    is_inverse: bool = False

    @property
    def is_moved(self) -> bool:
        """Whether the market moves it: USDT is what moves are measured in."""
        return self.coin != UNMOVED_COIN

    @property
    def power(self) -> int:
        """+1, or -1 for inverse contracts: how the leg follows its mark."""
        return -1 if self.is_inverse else 1

    def value(self, weight: Decimal, mark: Decimal) -> Decimal:
        """What a weight of this leg is worth at a mark.

        Example:
            >>> leg = Leg(quote=Quote(is_futures=True, name="XBTUSDM"), coin="BTC",
            ...     requirement=None, margin=None, is_inverse=True)
            >>> leg.value(Decimal(100), Decimal(50000))
            Decimal('0.002')
        """
        return weight / mark if self.is_inverse else weight * mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """The maintenance rate of an isolated position by its value, fee included.

    ``limits`` rise; ``rates`` has one for each, or one alone for no tiers. The larger
    of mark and entry value counts, so ``least_value`` is the entry's, unsigned.
    """

    limits: tuple[Decimal, ...]
    rates: tuple[Decimal, ...]
    least_value: Decimal

    def rate_at(self, value: Decimal) -> Decimal:
        """The rate at an unsigned mark value: that of the lowest tier that admits it.

        Example:
            >>> ladder = Ladder(limits=(Decimal(100), Decimal(500)),
            ...     rates=(Decimal("0.004"), Decimal("0.005")), least_value=Decimal(50))
            >>> [str(ladder.rate_at(Decimal(value))) for value in (10, 100, 101, 900)]
            ['0.004', '0.004', '0.005', '0.005']
        """
        rung = bisect_left(self.limits, max(value, self.least_value))
        return self.rates[min(rung, len(self.rates) - 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One subject without its marks, in USDT or in the settle currency.

    ``missing`` is what makes it unknown whatever the marks are. ``is_mixed`` is an
    account with linear and inverse contracts, whose distance nobody can say.
    """

    subject: str
    kind: Kind
    warning: Decimal
    liquidation: Decimal
    legs: tuple[Leg, ...] = ()
    requirement: Decimal = ZERO
    margin: Decimal = ZERO
    ladder: Ladder | None = None
    is_known: bool = True
    missing: tuple[Missing, ...] = ()

    @property
    def is_inverse(self) -> bool:
        """Whether its moved legs follow one over their marks."""
        return any(leg.is_inverse for leg in self.legs)

    @property
    def is_mixed(self) -> bool:
        """Whether linear and inverse contracts settle in the same currency."""
        return len({leg.is_inverse for leg in self.legs}) > 1


def mark_of(shadow: Shadow, quote: Quote) -> Decimal | None:
    """The mark behind a quote; None is missing, and so is zero or less.

    USDT is its own unit unless a margin mark says otherwise.

    Example:
        >>> from bot.domain.instruments import Rules
        >>> from bot.shadow.state import empty_shadow
        >>> mark_of(empty_shadow(Rules()), Quote(is_futures=False, name="USDT"))
        Decimal('1')
    """
    if quote.is_futures:
        mark = shadow.futures_marks.get(quote.name)
    else:
        unmarked = ONE if quote.name == UNMOVED_COIN else None
        mark = shadow.margin_marks.get(quote.name, unmarked)
    return mark if mark is not None and mark > 0 else None


def lines_of(shadow: Shadow) -> tuple[Line, ...]:
    """The lines of every subject that ``measure_subjects`` lists, in its order.

    Example:
        >>> from bot.domain.instruments import Rules
        >>> from bot.shadow.state import empty_shadow
        >>> lines_of(empty_shadow(Rules()))
        ()
    """
    contracts = shadow.rules.contracts
    return (
        *(_margin_line(shadow, account) for account in owing_accounts(shadow)),
        *(_cross_line(shadow, settle) for settle in cross_settles(shadow)),
        *(_position_line(contracts, each) for each in lone_positions(shadow)),
    )


def _margin_line(shadow: Shadow, account: AccountId) -> Line:
    rules = margin_rules(shadow, account)
    legs: list[Leg] = []
    for coin, balance in shadow.balances[account].items():
        owed = balance.principal + balance.interest
        if not balance.total and not owed:
            continue
        weighed = balance.total * rules.coefficients.get(coin, ONE)
        legs.append(
            Leg(
                quote=Quote(is_futures=False, name=coin),
                coin=coin,
                requirement=owed or None,
                margin=weighed if balance.total else None,
            )
        )
    return Line(
        subject=account,
        kind=Kind.MARGIN,
        warning=rules.warning,
        liquidation=rules.liquidation,
        legs=tuple(legs),
    )


def _cross_line(shadow: Shadow, settle: str) -> Line:
    shape = cross_shape(shadow, settle)
    missing = shape.missing
    if shape.cross_wallet is None:
        missing = (*missing, Missing(MissingKind.WALLET, settle))
    return Line(
        subject=CROSS_PREFIX + settle,
        kind=Kind.CROSS_FUTURES,
        warning=FUTURES_WARNING,
        liquidation=_FUTURES_LIQUIDATION,
        legs=tuple(_leg(book, book.burden) for book in shape.books),
        margin=_margin_constant(shape),
        is_known=not missing,
        missing=missing,
    )


def _position_line(contracts: Mapping[str, ContractRules], position: Position) -> Line:
    subject = POSITION_PREFIX + str(position.key)
    contract = contracts.get(position.symbol)
    if contract is None:
        gap = Missing(MissingKind.CONTRACT, position.symbol)
        return _lost(subject, gap)
    ladder = _ladder(contract, position)
    if ladder is None:
        return _lost(subject, Missing(MissingKind.CURVE, position.symbol))
    shape = isolated_shape(contract, position, ladder.rates[0])
    if not shape.books:
        return _lost(subject)
    (book,) = shape.books
    return Line(
        subject=subject,
        kind=Kind.POSITION,
        warning=FUTURES_WARNING,
        liquidation=_FUTURES_LIQUIDATION,
        legs=(_leg(book, book.worst_lots),),
        margin=_margin_constant(shape),
        ladder=ladder,
    )


def _lost(subject: str, *missing: Missing) -> Line:
    """A position about which nothing can be said."""
    return Line(
        subject=subject,
        kind=Kind.POSITION,
        warning=FUTURES_WARNING,
        liquidation=_FUTURES_LIQUIDATION,
        is_known=False,
        missing=missing,
    )


def _margin_constant(shape: FuturesShape) -> Decimal:
    """Wallet less what the positions cost: the margin where every mark is zero."""
    wallet = ZERO if shape.cross_wallet is None else shape.cross_wallet
    return wallet - sum((b.sign * b.entry_value for b in shape.books), ZERO)


def _leg(book: BookShape, requirement: Decimal | None) -> Leg:
    """A book for one unit of its mark; its requirement is for one unit value."""
    size = book.sign * book.lots - book.opening
    return Leg(
        quote=Quote(is_futures=True, name=book.key.symbol),
        coin=book.base,
        requirement=None if requirement is None else requirement * book.multiplier,
        margin=size * book.multiplier,
        is_inverse=book.is_inverse,
    )


def _ladder(rules: ContractRules, position: Position) -> Ladder | None:
    """``held_rate`` in each tier, rising, with the liquidation fee in the rates."""
    tiers = sorted(rules.tiers, key=lambda each: each.max_notional)
    stated = position.maintenance_margin_rate or ZERO
    rates = [max(tier.maintenance_margin_rate, stated) for tier in tiers]
    if not tiers:
        rate = held_rate(rules, position, abs(position.entry_value))
        rates = [] if rate is None else [rate]
    if not rates:
        return None
    return Ladder(
        limits=tuple(tier.max_notional for tier in tiers),
        rates=tuple(rate + LIQUIDATION_FEE_RATE for rate in rates),
        least_value=abs(position.entry_value),
    )
