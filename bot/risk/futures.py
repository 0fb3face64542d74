"""Cross futures: total margin, risk rate and TMMR of one settle currency, exactly.

The numbers are read from the lines of ``bot.risk.futures_shape`` at a set of mark
prices; the conservative readings that KuCoin's silence forces are listed there.
The risk rate is (maintenance of positions and orders + closing fees) over (total
cross margin - opening fees). Nothing here may look across settle currencies.

Source: KuCoin help 35233217061785 (risk rate), 35084093025049 (total margin).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from bot.domain.accounts import Position, PositionKey
from bot.domain.instruments import ContractRules
from bot.domain.money import ZERO
from bot.risk.futures_shape import (
    BookShape,
    FuturesAccount,
    FuturesShape,
    futures_shape,
)
from bot.risk.margin import INFINITY
from bot.risk.missing import Missing, MissingKind

__all__ = [
    "FuturesNumbers",
    "PositionNumbers",
    "futures_numbers",
    "measure",
    "position_numbers",
    "risk_rate",
    "tmmr",
    "unrealised_pnl",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionNumbers:
    """The numbers of one cross position; None lacks an input named in ``missing``.

    ``value`` is unsigned, at mark. ``maintenance_margin`` holds no closing fee.
    """

    value: Decimal | None
    unrealised_pnl: Decimal | None
    maintenance_margin_rate: Decimal | None
    maintenance_margin: Decimal | None
    missing: tuple[Missing, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FuturesNumbers:
    """The numbers of one settle currency, in it; None is unknown.

    ``closing_fee`` is on positions and orders, ``opening_fee`` on orders.
    ``tmmr`` is infinite when nothing can be liquidated.
    """

    settle: str
    total_margin: Decimal | None
    unrealised_pnl: Decimal | None
    maintenance_margin: Decimal | None
    order_maintenance_margin: Decimal | None
    closing_fee: Decimal | None
    opening_fee: Decimal | None
    risk_rate: Decimal | None
    tmmr: Decimal | None
    missing: tuple[Missing, ...] = ()


def risk_rate(requirement: Decimal, margin: Decimal) -> Decimal:
    """KuCoin's risk rate, a fraction: 1 is liquidation.

    Args:
        requirement: Maintenance of positions and orders plus closing fees.
        margin: Total cross margin less opening fees.

    Returns:
        Their ratio; zero without any requirement, infinity when something is
        required of a margin that is not positive.

    Example:
        KuCoin's help page prints 5.88 %.

        >>> round(risk_rate(Decimal("292.72"), Decimal(4982)), 4)
        Decimal('0.0588')
    """
    if requirement <= 0:
        return ZERO
    if margin <= 0:
        return INFINITY
    return requirement / margin


def tmmr(rate: Decimal) -> Decimal:
    """The reciprocal of the risk rate: equity over maintenance, fees in both.

    Example:
        >>> round(tmmr(Decimal("0.05875551987153754")), 5)
        Decimal('17.01968')
        >>> tmmr(Decimal(0)), tmmr(Decimal("Infinity"))
        (Decimal('Infinity'), Decimal('0'))
    """
    if rate == 0:
        return INFINITY
    return ZERO if rate.is_infinite() else 1 / rate


def unrealised_pnl(rules: ContractRules, position: Position, mark: Decimal) -> Decimal:
    """Profit of a position at a mark, in settle currency, from its exact cost.

    Example:
        Long 100 lots of 0.001 BTC bought for 6 000 USDT, now at 62 000.

        >>> from bot.domain.instruments import Lots
        >>> from bot.risk.examples import XBTUSDTM
        >>> unrealised_pnl(
        ...     XBTUSDTM,
        ...     Position(symbol="XBTUSDTM", lots=Lots(100), entry_value=Decimal(6000)),
        ...     Decimal(62000),
        ... )
        Decimal('200.000')
    """
    value = rules.value(Decimal(position.lots), mark)
    if rules.is_inverse:
        return position.entry_value - value
    return value - position.entry_value


def measure(shape: FuturesShape, marks: Mapping[str, Decimal]) -> FuturesNumbers:
    """Read a shape at a set of mark prices.

    Args:
        shape: From ``futures_shape``.
        marks: Contract symbol to its mark price; zero or less is no mark.

    Returns:
        Every number, None where an input is in ``missing``. Without exposure the
        risk rate is 0 whatever else is unknown.

    Example:
        KuCoin's help example of a total margin: +200 of profit on 1 000.

        >>> from bot.domain.instruments import Lots
        >>> from bot.risk.examples import XBTUSDTM
        >>> account = FuturesAccount(
        ...     settle="USDT", wallet=Decimal(1000), positions=(
        ...         Position(symbol="XBTUSDTM", lots=Lots(100),
        ...                  entry_value=Decimal(5000)),
        ...     ),
        ... )
        >>> shape = futures_shape(account, {"XBTUSDTM": XBTUSDTM})
        >>> measure(shape, {"XBTUSDTM": Decimal(52000)}).total_margin
        Decimal('1200.000')
    """
    sums = _Sums()
    missing = list(shape.missing)
    for book in shape.books:
        unit = _unit(book, marks)
        if unit is None:
            missing.append(Missing(MissingKind.MARK, book.key.symbol))
        else:
            sums.add(book, unit)
    if shape.cross_wallet is None:
        missing.append(Missing(MissingKind.WALLET, shape.settle))
    missing = list(dict.fromkeys(missing))
    return _totals(shape, sums, missing)


def _unit(book: BookShape, marks: Mapping[str, Decimal]) -> Decimal | None:
    """What one lot is worth; None without a mark."""
    mark = marks.get(book.key.symbol, ZERO)
    return book.unit_value(mark) if mark > 0 else None


class _Sums:
    """What the books add up to at their marks."""

    __slots__ = ("closing", "maintenance", "opening", "order_maintenance", "profit")

    def __init__(self) -> None:
        self.profit = self.maintenance = self.order_maintenance = ZERO
        self.closing = self.opening = ZERO

    def add(self, book: BookShape, unit: Decimal) -> None:
        """Add one book; a book without rates adds no maintenance."""
        worst = book.worst_lots * unit
        if book.lots:
            self.profit += book.profit(unit)
        self.closing += worst * book.taker_fee_rate
        if book.opening_lots:
            self.opening += book.opening * unit
        if book.position_rate is not None and book.worst_rate is not None:
            held = abs(book.lots) * unit * book.position_rate
            self.maintenance += held
            self.order_maintenance += worst * book.worst_rate - held


def position_numbers(
    shape: FuturesShape, marks: Mapping[str, Decimal]
) -> dict[PositionKey, PositionNumbers]:
    """The numbers of each position of a shape alone, without the orders beside it.

    Example:
        >>> position_numbers(futures_shape(FuturesAccount(
        ...     settle="USDT", wallet=ZERO), {}), {})
        {}
    """
    return {
        book.key: _alone(book, _unit(book, marks)) for book in shape.books if book.lots
    }


def _alone(book: BookShape, unit: Decimal | None) -> PositionNumbers:
    """The numbers of one position at what one lot is worth."""
    missing: list[Missing] = []
    if book.position_rate is None:
        missing.append(Missing(MissingKind.CURVE, book.key.symbol))
    if unit is None:
        missing.append(Missing(MissingKind.MARK, book.key.symbol))
        value = profit = None
    else:
        value = abs(book.lots) * unit
        profit = book.profit(unit)
    rate = book.position_rate
    return PositionNumbers(
        value=value,
        unrealised_pnl=profit,
        maintenance_margin_rate=rate,
        maintenance_margin=None if value is None or rate is None else value * rate,
        missing=tuple(missing),
    )


def _totals(
    shape: FuturesShape,
    sums: _Sums,
    missing: Sequence[Missing],
) -> FuturesNumbers:
    """Show the sums that are complete; the risk rate needs every one of them."""
    kinds = {each.kind for each in missing}
    has_values = not kinds & {MissingKind.MARK, MissingKind.CONTRACT}
    has_rates = has_values and MissingKind.CURVE not in kinds
    wallet = shape.cross_wallet
    total = wallet + sums.profit if has_values and wallet is not None else None
    rate: Decimal | None = None
    if not shape.has_exposure:
        rate = ZERO
    elif has_rates and total is not None:
        needed = sums.maintenance + sums.order_maintenance + sums.closing
        rate = risk_rate(needed, total - sums.opening)
    return FuturesNumbers(
        settle=shape.settle,
        total_margin=total,
        unrealised_pnl=sums.profit if has_values else None,
        maintenance_margin=sums.maintenance if has_rates else None,
        order_maintenance_margin=sums.order_maintenance if has_rates else None,
        closing_fee=sums.closing if has_values else None,
        opening_fee=sums.opening if has_values else None,
        risk_rate=rate,
        tmmr=None if rate is None else tmmr(rate),
        missing=tuple(missing),
    )


def futures_numbers(
    account: FuturesAccount,
    contracts: Mapping[str, ContractRules],
    marks: Mapping[str, Decimal],
) -> FuturesNumbers:
    """``futures_shape`` and ``measure`` in one go.

    Example:
        >>> futures_numbers(
        ...     FuturesAccount(settle="USDT", wallet=Decimal(10)), {}, {}
        ... ).risk_rate
        Decimal('0')
    """
    return measure(futures_shape(account, contracts), marks)
