"""The account's state as the lines of a frame: gauges, positions, loans, funding.

Values are taken from the shadow and from the exact formulas of ``bot.risk``; what
is unknown is None. This module must not know the run, the guard or a terminal.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from bot.domain.accounts import FUTURES, MARGIN_CROSS, AccountId, Position
from bot.domain.events import AccountStatus, FundingQuoted
from bot.domain.instruments import ContractRules
from bot.domain.money import ONE, ZERO
from bot.report.frame import (
    FuturesGauge,
    LoanLine,
    MarginGauge,
    PositionLine,
    PriceLine,
    Reach,
    Settlement,
)
from bot.report.wording import account_title, subject_title
from bot.risk.costs import mark_usdt
from bot.risk.futures import unrealised_pnl
from bot.risk.measure import SubjectMeasure
from bot.risk.reach import reach
from bot.shadow.state import Shadow

__all__ = [
    "futures_gauges",
    "loan_lines",
    "margin_gauges",
    "next_settlement",
    "position_lines",
    "price_lines",
]

_FUTURES: Final = "futures"
_CROSS: Final = "futures:"
_PRICES_MAX: Final = 6
_NOTHING: Final = (Reach(level=ONE),)


def margin_gauges(
    shadow: Shadow, subjects: Sequence[str], measures: Mapping[str, SubjectMeasure]
) -> tuple[MarginGauge, ...]:
    """A gauge for each account that owes, and for cross margin if it owed once."""
    found = []
    for subject in subjects:
        account, measure = AccountId(subject), measures.get(subject)
        if subject.startswith(_FUTURES) or not (measure or account == MARGIN_CROSS):
            continue
        owed = shadow.balances.get(account, {}).items()
        gauge = MarginGauge(
            name=subject_title(subject),
            debt_ratio=ZERO if measure is None else measure.ratio,
            reaches=_reaches(shadow, measure),
            debts=tuple((c, b.liability) for c, b in sorted(owed) if b.liability),
            status=shadow.statuses.get((account, ""), AccountStatus.NORMAL),
        )
        found.append(gauge)
    return tuple(found)


def futures_gauges(
    shadow: Shadow, subjects: Sequence[str], measures: Mapping[str, SubjectMeasure]
) -> tuple[FuturesGauge, ...]:
    """A gauge for each settle currency ever traded, and each isolated position."""
    found = []
    for subject in subjects:
        measure = measures.get(subject)
        if not (subject.startswith(_CROSS) or (measure and measure.is_futures)):
            continue
        name, settle = subject_title(subject), subject.partition(":")[2]
        ratio = ZERO if measure is None else measure.ratio
        status = shadow.statuses.get((FUTURES, settle), AccountStatus.NORMAL)
        gauge = FuturesGauge(
            settle=settle,
            name=name,
            risk_rate=ratio,
            tmmr=_inverse(ratio),
            reaches=_reaches(shadow, measure),
            status=status,
        )
        found.append(gauge)
    return tuple(found)


def _inverse(ratio: Decimal | None) -> Decimal | None:
    """TMMR, the reciprocal of the risk rate; infinite where nothing is required.

    Example:
        >>> _inverse(Decimal("0.25")), _inverse(Decimal("Infinity")), _inverse(None)
        (Decimal('4'), Decimal('0'), None)
    """
    if ratio is None:
        return None
    if ratio.is_infinite():
        return ZERO
    return ONE / ratio if ratio else Decimal("Infinity")


def _reaches(shadow: Shadow, measure: SubjectMeasure | None) -> tuple[Reach, ...]:
    """How far the warning and the liquidation are; without debt no move does it."""
    if measure is None:
        return _NOTHING
    is_known = measure.ratio is not None and not measure.missing
    levels = sorted({measure.warning, measure.liquidation})
    found = []
    for level in levels:
        down, up = measure.down, measure.up
        if level != measure.liquidation:
            distance = reach(shadow, measure, level)
            down, up = distance.down, distance.up
        found.append(Reach(level=level, down=down, up=up, is_known=is_known))
    return tuple(found)


def position_lines(shadow: Shadow) -> tuple[PositionLine, ...]:
    """The futures positions, the largest first."""
    lines = [_position(shadow, shadow.positions[key]) for key in shadow.positions]
    lines.sort(key=lambda line: (-(line.notional_usdt or ZERO), line.symbol))
    return tuple(lines)


def _position(shadow: Shadow, position: Position) -> PositionLine:
    contract = shadow.rules.contracts.get(position.symbol)
    mark = shadow.futures_marks.get(position.symbol)
    quote = shadow.funding.get(position.symbol)
    notional, pnl = None, None
    price = None if contract is None else mark_usdt(shadow, contract.settle)
    if contract is not None and mark is not None and price is not None:
        notional = abs(contract.value(Decimal(position.lots), mark)) * price
        pnl = unrealised_pnl(contract, position, mark) * price
    return PositionLine(
        symbol=str(position.key),
        lots=int(position.lots),
        notional_usdt=notional,
        entry=None if contract is None else _entry(contract, position),
        mark=mark,
        upnl_usdt=pnl,
        mode=position.mode,
        leverage=position.leverage,
        funding_rate=None if quote is None else quote.funding_rate,
        funding_at=None if quote is None else quote.settlement_at,
    )


def _entry(contract: ContractRules, position: Position) -> Decimal | None:
    """The average entry price, from the exact entry value."""
    size = Decimal(position.lots) * contract.multiplier
    if not size or not position.entry_value:
        return None
    if contract.is_inverse:
        return size / position.entry_value
    return position.entry_value / size


def loan_lines(shadow: Shadow) -> tuple[LoanLine, ...]:
    """What is owed, with what it costs a year as last quoted."""
    found = []
    for account in sorted(shadow.balances):
        for coin, balance in sorted(shadow.balances[account].items()):
            if not balance.liability:
                continue
            quote = shadow.borrow.get(coin)
            line = LoanLine(
                account=account_title(account),
                coin=coin,
                principal=balance.principal,
                interest=balance.interest,
                annual_rate=None if quote is None else quote.annual_rate,
            )
            found.append(line)
    return tuple(found)


def next_settlement(shadow: Shadow) -> Settlement | None:
    """The next funding that touches us: the soonest, then the largest.

    ``amount = -signed value at mark x rate``: a positive rate is paid by longs.
    Source: KuCoin's help on funding.
    """
    found = [
        _settlement(shadow, position, quote)
        for key, position in shadow.positions.items()
        if (quote := shadow.funding.get(key.symbol)) is not None
        and quote.settlement_at >= shadow.at
    ]
    return min(
        found,
        key=lambda each: (each.at, -abs(each.amount_usdt or ZERO), each.symbol),
        default=None,
    )


def _settlement(shadow: Shadow, position: Position, quote: FundingQuoted) -> Settlement:
    contract = shadow.rules.contracts.get(position.symbol)
    mark = shadow.futures_marks.get(position.symbol)
    price = None if contract is None else mark_usdt(shadow, contract.settle)
    amount = None
    if contract is not None and mark is not None and price is not None:
        value = contract.value(Decimal(position.lots), mark) * price
        amount = -value * quote.funding_rate
    return Settlement(
        symbol=position.symbol,
        at=quote.settlement_at,
        rate=quote.funding_rate,
        amount_usdt=amount,
    )


def price_lines(
    shadow: Shadow,
    first: Mapping[str, Decimal],
    measures: Mapping[str, SubjectMeasure],
) -> tuple[PriceLine, ...]:
    """The marks of the coins that matter to this account; of all when none does."""
    weight: dict[str, Decimal] = {}
    for measure in measures.values():
        for coin, value in measure.exposure_usdt.items():
            weight[coin] = weight.get(coin, ZERO) + abs(value)
    coins = sorted(
        ({*weight} & {*shadow.margin_marks}) or {*shadow.margin_marks} - {"USDT"},
        key=lambda coin: (-weight.get(coin, ZERO), coin),
    )
    return tuple(
        PriceLine(coin=coin, mark=mark, change=_change(mark, first.get(coin)))
        for coin in coins[:_PRICES_MAX]
        for mark in [shadow.margin_marks[coin]]
    )


def _change(mark: Decimal, first: Decimal | None) -> Decimal | None:
    return None if not first else mark / first - ONE
