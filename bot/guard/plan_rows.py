"""What a plan must keep true, as straight lines in what its levers move.

At a fixed vector of price factors every lever changes each account's excess (its
requirement less the level times its margin) in a straight line, so *further than the
target* is one row for a fall and one for a rise, each stress scenario one more, and
the backstop one at today's prices. Maintenance rates are those of now, which is
careful for reductions. Nothing here solves or decides.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from bot.domain.accounts import FUTURES, AccountId, MarginMode, PositionKey
from bot.domain.money import ONE, ZERO
from bot.guard.limits import Thresholds
from bot.guard.plan_model import Atom, Lots, Margin, Owed, Row, Total
from bot.risk.distance import PEGGED_COINS, UNMOVED_COIN
from bot.risk.futures_shape import BookShape
from bot.risk.margin_levels import margin_rules
from bot.risk.measure import cross_shape
from bot.risk.stress_set import Scenario
from bot.risk.subjects import CROSS_PREFIX, POSITION_PREFIX
from bot.risk.terms import Terms
from bot.shadow.state import Shadow

__all__ = [
    "Factors",
    "Weigher",
    "factors_of",
    "kept_rows",
    "price_of",
    "reach_rows",
]

Factors = Mapping[str, float]
"""Coin to what its price is multiplied with; an absent coin keeps its price."""

_UNDER = 1e-6
"""A ratio must end *under* its backstop: by this share of it."""


def price_of(shadow: Shadow, coin: str) -> float:
    """USDT for one coin, 0 where it has no price: what is unknown helps nobody.

    Example:
        >>> from bot.domain.instruments import Rules
        >>> from bot.shadow.state import empty_shadow
        >>> price_of(empty_shadow(Rules()), "USDT")
        1.0
    """
    unmarked = ONE if coin == UNMOVED_COIN else ZERO
    return float(max(shadow.margin_marks.get(coin, unmarked), ZERO))


def factors_of(scenario: Scenario) -> Factors:
    """What each price is multiplied with in a scenario.

    Example:
        >>> factors_of(Scenario(name="a fall", moves={"BTC": Decimal("-0.1")}))
        {'BTC': 0.9}
    """
    return {coin: 1.0 + float(move) for coin, move in scenario.moves.items()}


def reach_rows(
    shadow: Shadow,
    terms: Terms,
    thresholds: Thresholds,
    stress: tuple[Scenario, ...] = (),
) -> Iterator[Row]:
    """What an account under cure has to reach: target, backstop and stress set."""
    weigher = Weigher.of(shadow, terms.subject)
    for level, factors in _demands(terms, thresholds.target, thresholds.backstop):
        yield weigher.row(terms, level, factors, is_soft=True)
    for scenario in stress:
        yield weigher.row(terms, terms.liquidation, factors_of(scenario), is_soft=True)


def kept_rows(
    shadow: Shadow,
    terms: Terms,
    thresholds: Thresholds,
    stress: tuple[Scenario, ...] = (),
) -> Iterator[Row]:
    """What another account must not lose: halfway from act to target, or its present.

    Halfway, so that an account that gave what it could spare is not cured at once.
    """
    weigher = Weigher.of(shadow, terms.subject)
    kept = (thresholds.act + thresholds.target) / 2
    for level, factors in _demands(terms, kept, thresholds.backstop):
        yield weigher.row(terms, level, factors)
    for scenario in stress:
        yield weigher.row(terms, terms.liquidation, factors_of(scenario))


def _demands(
    terms: Terms, distance: Decimal, backstop: Decimal
) -> Iterator[tuple[float, Factors]]:
    """A level and the factors at which the account has to be under it."""
    coins = (terms.margin.keys() | terms.requirement.keys()) - PEGGED_COINS
    for move in (-float(distance), float(distance)):
        yield terms.liquidation, dict.fromkeys(coins, max(1.0 + move, 1e-9))
    yield float(backstop) * (1.0 - _UNDER), {}


@dataclass(frozen=True, slots=True)
class Weigher:
    """How an account feels each atom, at a level and factors, in USDT."""

    shadow: Shadow
    subject: str
    books: Mapping[PositionKey, BookShape]

    @classmethod
    def of(cls, shadow: Shadow, subject: str) -> "Weigher":
        """The weigher of a subject; its books are read once."""
        if not subject.startswith(CROSS_PREFIX):
            return cls(shadow, subject, {})
        shape = cross_shape(shadow, subject.removeprefix(CROSS_PREFIX))
        return cls(shadow, subject, {book.key: book for book in shape.books})

    def row(
        self, terms: Terms, level: float, factors: Factors, *, is_soft: bool = False
    ) -> Row:
        """The row that keeps (or brings) the excess at or under zero.

        A row that is not soft starts from where the account is: worse it must not
        become.
        """
        scale = self._scale()
        room = -terms.excess(level, factors) * scale
        return Row(
            name=terms.subject,
            weigh=self._weigh(terms, level, factors),
            room=room if is_soft else max(room, 0.0),
            is_soft=is_soft,
        )

    def _scale(self) -> float:
        if self.subject.startswith(CROSS_PREFIX):
            return price_of(self.shadow, self.subject.removeprefix(CROSS_PREFIX))
        position = self._position()
        if position is None:
            return 1.0
        return price_of(
            self.shadow, self.shadow.rules.contracts[position.symbol].settle
        )

    def _position(self) -> PositionKey | None:
        if not self.subject.startswith(POSITION_PREFIX):
            return None
        name = self.subject.removeprefix(POSITION_PREFIX)
        return next((k for k in self.shadow.positions if str(k) == name), None)

    def _weigh(
        self, terms: Terms, level: float, factors: Factors
    ) -> Callable[[Atom], float]:
        if self.subject.startswith(CROSS_PREFIX):
            settle = self.subject.removeprefix(CROSS_PREFIX)
            return self._cross_weigher(settle, level, factors)
        key = self._position()
        if key is not None:
            return _lone_weigher(self.shadow, terms, key, level, factors)
        return _margin_weigher(self.shadow, AccountId(self.subject), level, factors)

    def _cross_weigher(
        self, settle: str, level: float, factors: Factors
    ) -> Callable[[Atom], float]:
        """The wallet carries everything: cross lots, and what isolated margins take."""
        shadow, books = self.shadow, self.books
        dollars = price_of(shadow, settle)

        def weigh(atom: Atom) -> float:
            match atom:
                case Total(account=account, coin=coin):
                    is_wallet = account == FUTURES and coin == settle
                    return -level * dollars if is_wallet else 0.0
                case Lots(key=key) if key in books:
                    return dollars * _closed_lot(shadow, books[key], level, factors)
                case Lots(key=key) | Margin(key=key):
                    if not _is_isolated_in(shadow, key, settle):
                        return 0.0
                    position = shadow.positions[key]
                    freed = -float(position.margin) / abs(position.lots)
                    return (
                        level * dollars * (1.0 if isinstance(atom, Margin) else freed)
                    )
                case Owed():
                    return 0.0

        return weigh


def _margin_weigher(
    shadow: Shadow, account: AccountId, level: float, factors: Factors
) -> Callable[[Atom], float]:
    coefficients = margin_rules(shadow, account).coefficients

    def weigh(atom: Atom) -> float:
        if not isinstance(atom, Total | Owed) or atom.account != account:
            return 0.0
        price = price_of(shadow, atom.coin)
        if atom.coin != UNMOVED_COIN:
            price *= factors.get(atom.coin, 1.0)
        if isinstance(atom, Owed):
            return price
        return -level * float(coefficients.get(atom.coin, ONE)) * price

    return weigh


def _is_isolated_in(shadow: Shadow, key: PositionKey, settle: str) -> bool:
    position = shadow.positions.get(key)
    contract = shadow.rules.contracts.get(key.symbol)
    if position is None or contract is None or contract.settle != settle:
        return False
    return position.mode is MarginMode.ISOLATED


def _closed_lot(
    shadow: Shadow, book: BookShape, level: float, factors: Factors
) -> float:
    """What one closed lot does to the excess, beside the profit that it books.

    Nothing where only orders make the book: there is no lot to close.
    """
    if not book.lots:
        return 0.0
    mark = float(shadow.futures_marks[book.key.symbol])
    factor = factors.get(book.base, 1.0)
    unit = float(book.multiplier) * (
        1.0 / (mark * factor) if book.is_inverse else mark * factor
    )
    rate = float((book.worst_rate or ZERO) + book.taker_fee_rate)
    side = 1.0 if book.lots > 0 else -1.0
    entry = float(book.entry_value) / abs(float(book.lots))
    return -rate * unit + level * book.sign * (side * unit - entry)


def _lone_weigher(
    shadow: Shadow, terms: Terms, key: PositionKey, level: float, factors: Factors
) -> Callable[[Atom], float]:
    """A closed lot takes its share of everything with it; margin counts whole."""
    position = shadow.positions[key]
    dollars = price_of(shadow, shadow.rules.contracts[key.symbol].settle)
    share = terms.excess(level, factors) * dollars / max(abs(position.lots), 1)

    def weigh(atom: Atom) -> float:
        if atom == Lots(key):
            return -share
        return -level * dollars if atom == Margin(key) else 0.0

    return weigh
