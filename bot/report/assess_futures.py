"""The futures part of an assessment: one answer for each settle currency.

Glue between ``futures_state`` and the formulas of ``bot.risk``; holds none itself.
"""

from decimal import Decimal
from typing import Final

from bot.domain.accounts import MarginMode, Position, PositionKey
from bot.report.answers import Answer, Gap, Json, gap, number, write_gaps
from bot.report.documents import FuturesDocuments
from bot.report.futures_state import FuturesState, SettleState, futures_state
from bot.report.max_open import max_open
from bot.risk.futures import FuturesNumbers, PositionNumbers, measure, position_numbers
from bot.risk.isolated import isolated_numbers
from bot.risk.margin import INFINITY
from bot.risk.missing import Missing, MissingKind
from connectors.kucoin.parse.positions import PositionLine

__all__ = ["assess_futures"]

_TAKEN: Final = "Not given; the contract's rate of the lowest tier was taken."
_NO_RATE: Final = "Not given, and its contract states no maintainMargin either."
_INFINITE: Final = number(INFINITY)
_OF_POSITIONS: Final = ("total_margin", "unrealised_pnl", "maintenance_margin")
_OF_ORDERS: Final = (
    "risk_rate",
    "tmmr",
    "order_maintenance_margin",
    "closing_fee",
    "opening_fee",
)
_NOTHING: Final = PositionNumbers(
    value=None,
    unrealised_pnl=None,
    maintenance_margin_rate=None,
    maintenance_margin=None,
)


def assess_futures(documents: FuturesDocuments | None) -> dict[str, Json]:
    """Every settle currency of a file, in the exchange's word (XBT stays XBT)."""
    if documents is None:
        return {}
    state = futures_state(documents)
    return {
        name: _settle(documents, state, item) for name, item in state.settles.items()
    }


def _settle(
    documents: FuturesDocuments, state: FuturesState, item: SettleState
) -> Answer:
    numbers = measure(item.shape, state.marks)
    gaps = [*item.gaps, *_known_gaps(documents, item, numbers)]
    answer = _totals(item, numbers, gaps)
    alone = position_numbers(item.shape, state.marks)
    answer["positions"] = {
        str(key): _position(documents, state, item, alone.get(key), key)
        for key in item.lines
    }
    sizes = max_open(documents, state, item, numbers.total_margin)
    if sizes:
        answer["max_open"] = sizes
    answer["missing"] = write_gaps(gaps)
    return answer


def _known_gaps(
    documents: FuturesDocuments, item: SettleState, numbers: FuturesNumbers
) -> list[Gap]:
    """What the formulas lacked, unless the wallet's own gaps say it better."""
    return [
        _gap(documents, each)
        for each in numbers.missing
        if each.kind is not MissingKind.WALLET or not _has_wallet_gap(item)
    ]


def _gap(documents: FuturesDocuments, missing: Missing) -> Gap:
    """A gap in words; a contract that is listed lacks its size or direction.

    After a shock a contract without a base coin has no mark any more.
    """
    if missing.kind is MissingKind.MARK and missing.name in documents.unmoved:
        return (
            f"futures.contracts.{missing.name}.baseCurrency",
            f"{missing.name} states no base coin: nobody can say how it moves.",
        )
    if missing.kind is MissingKind.CONTRACT and missing.name in documents.contracts:
        return (
            f"futures.contracts.{missing.name}.multiplier, isInverse",
            f"The contract {missing.name} states no size or no direction.",
        )
    return gap(missing)


def _has_wallet_gap(item: SettleState) -> bool:
    return any(field.startswith("futures.wallets.") for field, _ in item.gaps)


def _totals(item: SettleState, numbers: FuturesNumbers, gaps: list[Gap]) -> Answer:
    answer: Answer = {
        name: number(getattr(numbers, name)) for name in (*_OF_ORDERS, *_OF_POSITIONS)
    }
    if item.is_blind:
        answer |= dict.fromkeys(_OF_ORDERS)
    if item.hides_positions:
        answer |= dict.fromkeys(_OF_POSITIONS)
    if answer["tmmr"] == _INFINITE:
        answer["tmmr"] = None
        gaps.append(("tmmr", "Nothing can be liquidated, so there is no ratio."))
    return answer


def _position(
    documents: FuturesDocuments,
    state: FuturesState,
    item: SettleState,
    found: PositionNumbers | None,
    key: PositionKey,
) -> Answer:
    held = item.positions[key]
    if held.mode is MarginMode.ISOLATED:
        return _isolated(documents, state, held, item.lines[key])
    if found is None:
        lacking = _gap(documents, Missing(MissingKind.CONTRACT, key.symbol))
        return _cross(_NOTHING, [lacking])
    return _cross(found, [_gap(documents, each) for each in found.missing])


def _cross(numbers: PositionNumbers, gaps: list[Gap]) -> Answer:
    return {
        "margin_mode": "cross",
        "maintenance_margin_rate": number(numbers.maintenance_margin_rate),
        "maintenance_margin": number(numbers.maintenance_margin),
        "unrealised_pnl": number(numbers.unrealised_pnl),
        "missing": write_gaps(gaps),
    }


def _isolated(
    documents: FuturesDocuments,
    state: FuturesState,
    held: Position,
    line: PositionLine,
) -> Answer:
    """An isolated position: its maintenance margin includes the liquidation fee."""
    rules, mark = state.rules.get(held.symbol), state.marks.get(held.symbol)
    gaps: list[Gap] = []
    if rules is None:
        gaps.append(_gap(documents, Missing(MissingKind.CONTRACT, held.symbol)))
    if mark is None:
        gaps.append(_gap(documents, Missing(MissingKind.MARK, held.symbol)))
    if line.margin is None:
        gaps.append((f"{line.path}.posMargin", "The isolated margin was not given."))
    rate: Decimal | None = line.maintenance_margin_rate
    if rate is None and rules is not None:
        said = _TAKEN if rules.maintenance_margin_rate is not None else _NO_RATE
        gaps.append((f"{line.path}.maintMarginReq", said))
    numbers = None
    if rules is not None and mark is not None and line.margin is not None:
        numbers = isolated_numbers(rules, held, mark, rate)
    answer: Answer = {"margin_mode": "isolated"}
    for name in (
        "maintenance_margin_rate",
        "maintenance_margin",
        "unrealised_pnl",
        "margin_rate",
        "liquidation_price",
    ):
        answer[name] = None if numbers is None else number(getattr(numbers, name))
    answer["missing"] = write_gaps(gaps)
    return answer
