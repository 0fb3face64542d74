"""Every risk number of the whole account, an endangered account at a time.

A *subject* is what the exchange can liquidate on its own: the cross margin
account, each isolated pair, the cross futures of each settle currency, each
isolated futures position, and one whose contract is not known.
``measure_subjects`` lists those that have something to lose. It reads the shadow
through the exact formulas of this package and decides nothing; what is unknown is
None with the reason in ``missing``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bot.domain.accounts import (
    FUTURES,
    AccountId,
    MarginMode,
    Position,
    PositionKey,
)
from bot.domain.instruments import ContractRules
from bot.domain.money import ONE, ZERO
from bot.risk.aged import Aged
from bot.risk.announced import Announced
from bot.risk.cross_account import cross_account
from bot.risk.distance import (
    PEGGED_COINS,
    MarginTerms,
    futures_distance,
    margin_distance,
)
from bot.risk.futures import measure as measure_futures
from bot.risk.futures import unrealised_pnl
from bot.risk.futures_shape import FuturesShape, futures_shape
from bot.risk.isolated import isolated_numbers, isolated_shape
from bot.risk.margin import margin_numbers
from bot.risk.margin_levels import MarginRules, margin_rules
from bot.risk.missing import Missing, MissingKind
from bot.risk.subjects import (
    CROSS_PREFIX,
    POSITION_PREFIX,
    cross_settles,
    lone_positions,
    owes,
    owing_accounts,
    stands_alone,
)
from bot.risk.unchanged import has_same_futures, has_same_margin
from bot.shadow.state import Shadow

__all__ = [
    "FUTURES_WARNING",
    "Known",
    "MarginRules",
    "SubjectMeasure",
    "cross_shape",
    "equity_usdt",
    "margin_rules",
    "measure_subject",
    "measure_subjects",
]

FUTURES_WARNING: Final = Decimal("0.95")
"""The risk rate at which the exchange cancels orders of a futures account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectMeasure:
    """The numbers of one endangered account.

    ``ratio`` is its debt ratio or risk rate, ``distance`` the smaller of ``down``
    and ``up`` without sign: the uniform move that liquidates it, None when no move
    does. ``exposure_usdt`` is signed value by coin. Ratios and moves are fractions.
    """

    subject: str
    account: AccountId
    settle: str | None
    ratio: Decimal | None
    warning: Decimal
    liquidation: Decimal
    down: Decimal | None
    up: Decimal | None
    exposure_usdt: Mapping[str, Decimal]
    margin_usdt: Decimal | None = None
    requirement_usdt: Decimal | None = None
    missing: tuple[str, ...] = ()
    position: PositionKey | None = None
    aged: Aged | None = None
    """Set where marks are so old that these are the numbers at their worst end."""
    announced: Announced | None = None
    """Set where these are the numbers under rules that are announced, being worse."""

    @property
    def distance(self) -> Decimal | None:
        """The nearest adverse uniform move to liquidation, a positive fraction."""
        moves = [abs(m) for m in (self.down, self.up) if m is not None]
        return min(moves, default=None)

    @property
    def is_futures(self) -> bool:
        """Whether the ratio is a risk rate."""
        return self.account == FUTURES

    def holds(self, position: Position, contract: ContractRules) -> bool:
        """Whether a futures position is part of this subject."""
        if self.position is not None:
            return position.key == self.position
        return position.mode is MarginMode.CROSS and contract.settle == self.settle


Known = tuple[Shadow, Sequence[SubjectMeasure]]
"""A shadow and all its subjects."""


def measure_subjects(
    shadow: Shadow, known: Known | None = None
) -> tuple[SubjectMeasure, ...]:
    """Every subject with debt or positions, in a fixed order.

    What has the very same inputs in a ``known`` shadow is not measured again.
    """
    before, kept = known or (None, ())
    done = {m.account: m for m in kept if not m.is_futures}
    found = [
        done[account]
        if before is not None and has_same_margin(before, shadow, account)
        else _margin_measure(shadow, account)
        for account in owing_accounts(shadow)
    ]
    if before is not None and has_same_futures(before, shadow):
        return (*found, *(m for m in kept if m.is_futures))
    found += [_cross_measure(shadow, settle) for settle in cross_settles(shadow)]
    found += [_position_measure(shadow, each) for each in lone_positions(shadow)]
    return tuple(found)


def measure_subject(shadow: Shadow, subject: str) -> SubjectMeasure | None:
    """One subject by name; None when it has nothing left to lose."""
    if subject.startswith(CROSS_PREFIX):
        settle = subject.removeprefix(CROSS_PREFIX)
        has = settle in cross_settles(shadow)
        return _cross_measure(shadow, settle) if has else None
    if subject.startswith(POSITION_PREFIX):
        name = subject.removeprefix(POSITION_PREFIX)
        held = [p for k, p in shadow.positions.items() if str(k) == name]
        alone = [p for p in held if stands_alone(shadow, p)]
        return _position_measure(shadow, alone[0]) if alone else None
    account = AccountId(subject)
    if not owes(shadow.balances.get(account, {})):
        return None
    return _margin_measure(shadow, account)


def equity_usdt(shadow: Shadow) -> Decimal | None:
    """Everything owned less everything owed over all accounts, in USDT at mark.

    None when a coin that is held or owed, or a position's contract, has no mark.
    """
    total = ZERO
    for coins in shadow.balances.values():
        for coin, balance in coins.items():
            net = balance.total - balance.principal - balance.interest
            if not net:
                continue
            mark = _price(shadow, coin)
            if mark is None:
                return None
            total += net * mark
    for key, position in shadow.positions.items():
        contract = shadow.rules.contracts.get(key.symbol)
        mark = shadow.futures_marks.get(key.symbol)
        if contract is None or mark is None or mark <= 0:
            return None
        price = _price(shadow, contract.settle)
        if price is None:
            return None
        total += unrealised_pnl(contract, position, mark) * price
    return total


def _price(shadow: Shadow, coin: str) -> Decimal | None:
    """USDT for one coin; USDT is its own unit unless a mark says otherwise.

    A mark of zero or less is none: what is owned must not be worthless by mistake.
    """
    mark = shadow.margin_marks.get(coin)
    if mark is None:
        return ONE if coin == "USDT" else None
    return mark if mark > 0 else None


# -- margin ---------------------------------------------------------------


def _margin_measure(shadow: Shadow, account: AccountId) -> SubjectMeasure:
    balances = shadow.balances[account]
    rules = margin_rules(shadow, account)
    prices = shadow.margin_marks
    if "USDT" not in prices:
        prices = {**prices, "USDT": ONE}
    numbers = margin_numbers(balances, prices, rules.coefficients)
    terms = MarginTerms(
        prices=prices, coefficients=rules.coefficients, level=rules.liquidation
    )
    distance = margin_distance(balances, terms, unmoved=PEGGED_COINS)
    exposure = {
        coin: (b.total - b.principal - b.interest) * prices[coin]
        for coin, b in balances.items()
        if coin != "USDT" and coin in prices and (b.total or b.principal or b.interest)
    }
    return SubjectMeasure(
        subject=account,
        account=account,
        settle=None,
        ratio=numbers.debt_ratio,
        warning=rules.warning,
        liquidation=rules.liquidation,
        down=distance.down,
        up=distance.up,
        exposure_usdt=exposure,
        margin_usdt=numbers.weighted_asset,
        requirement_usdt=numbers.total_debt,
        missing=_sentences((*numbers.missing, *distance.missing)),
    )


# -- futures --------------------------------------------------------------


def cross_shape(shadow: Shadow, settle: str) -> FuturesShape:
    """The cross futures of one settle currency as books, for prices and distances."""
    return futures_shape(cross_account(shadow, settle), shadow.rules.contracts)


def _cross_measure(shadow: Shadow, settle: str) -> SubjectMeasure:
    shape = cross_shape(shadow, settle)
    numbers = measure_futures(shape, shadow.futures_marks)
    distance = futures_distance(shape, shadow.futures_marks, ONE)
    price = _price(shadow, settle)
    parts = (
        numbers.maintenance_margin,
        numbers.order_maintenance_margin,
        numbers.closing_fee,
    )
    need = sum((p for p in parts if p is not None), ZERO) if None not in parts else None
    return SubjectMeasure(
        subject=CROSS_PREFIX + settle,
        account=FUTURES,
        settle=settle,
        ratio=numbers.risk_rate,
        warning=FUTURES_WARNING,
        liquidation=ONE,
        down=distance.down,
        up=distance.up,
        exposure_usdt=_shape_exposure(shadow, shape, price),
        margin_usdt=_times(numbers.total_margin, price),
        requirement_usdt=_times(need, price),
        missing=_sentences((*numbers.missing, *distance.missing)),
    )


def _position_measure(shadow: Shadow, position: Position) -> SubjectMeasure:
    contract = shadow.rules.contracts.get(position.symbol)
    if contract is None:
        return _unknown_position(
            position, (Missing(MissingKind.CONTRACT, position.symbol),)
        )
    mark = shadow.futures_marks.get(position.symbol, ZERO)
    numbers = isolated_numbers(contract, position, mark)
    if numbers is None:
        shape = isolated_shape(contract, position)
        gaps = futures_distance(shape, shadow.futures_marks, ONE).missing
        return _unknown_position(position, gaps, contract.settle)
    shape = isolated_shape(contract, position, numbers.maintenance_margin_rate)
    distance = futures_distance(shape, shadow.futures_marks, ONE)
    price = _price(shadow, contract.settle)
    return SubjectMeasure(
        subject=POSITION_PREFIX + str(position.key),
        account=FUTURES,
        settle=contract.settle,
        ratio=numbers.margin_rate,
        warning=FUTURES_WARNING,
        liquidation=ONE,
        down=distance.down,
        up=distance.up,
        exposure_usdt=_shape_exposure(shadow, shape, price),
        margin_usdt=_times(position.margin + numbers.unrealised_pnl, price),
        requirement_usdt=_times(numbers.maintenance_margin, price),
        missing=_sentences(distance.missing),
        position=position.key,
    )


def _unknown_position(
    position: Position, missing: tuple[Missing, ...], settle: str | None = None
) -> SubjectMeasure:
    return SubjectMeasure(
        subject=POSITION_PREFIX + str(position.key),
        account=FUTURES,
        settle=settle,
        ratio=None,
        warning=FUTURES_WARNING,
        liquidation=ONE,
        down=None,
        up=None,
        exposure_usdt={},
        missing=_sentences(missing),
        position=position.key,
    )


def _shape_exposure(
    shadow: Shadow, shape: FuturesShape, price: Decimal | None
) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for book in shape.books:
        mark = shadow.futures_marks.get(book.key.symbol)
        if mark is None or mark <= 0 or price is None:
            continue
        value = book.lots * book.unit_value(mark) * price
        found[book.base] = found.get(book.base, ZERO) + value
    return found


def _times(amount: Decimal | None, price: Decimal | None) -> Decimal | None:
    return None if amount is None or price is None else amount * price


def _sentences(missing: tuple[Missing, ...]) -> tuple[str, ...]:
    return tuple(
        f"no {each.kind} of {each.name}"
        for each in dict.fromkeys(missing)
        if each.kind is not MissingKind.COEFFICIENT
    )
