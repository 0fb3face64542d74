"""Positions as the futures host writes them, open and closed.

Version 1 writes numbers, version 2 a list of texts with a few fields more. Costs and
values of an inverse long are negative, as KuCoin has it. Liquidation prices follow
futures-and-unified.md 2.7 (cross, a reference only) and 3.1 (isolated); a price that
cannot be reached is 0. Everything here is pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.domain.accounts import MarginMode, Position
from bot.domain.instruments import ContractRules
from bot.domain.money import ONE, ZERO, plain
from connectors.venue.futures_risk import (
    LIQUIDATION_FEE_RATE,
    cross_margin,
    imr,
    isolated_maintenance_rate,
    mmr,
    position_value,
    taker_rate,
    tier_of,
    tier_value,
    unrealised_pnl,
)
from connectors.venue.futures_state import FuturesState
from connectors.venue.server.futures_position_log import Story
from connectors.venue.server.words_futures_common import (
    exact,
    mode_word,
    ms,
    scaled,
    signed_value,
    text,
    word,
)
from connectors.venue.server.words_futures_market import whole

__all__ = [
    "PositionSight",
    "closed_position",
    "flat_position",
    "following_mark",
    "position_v1",
    "position_v2",
    "sight",
]

_SHARE: Final = Decimal("0.0001")
_LEVERAGE: Final = Decimal("0.01")
_NOT_IN_V2: Final = frozenset({"posCrossMargin"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionSight:
    """A position with what the venue computes of it, in the settle currency.

    ``rate`` is its maintenance rate, ``cost`` and ``value`` are signed as KuCoin
    signs them, ``amr`` is the cross margin over the value of all cross positions.
    """

    rules: ContractRules
    position: Position
    story: Story
    at: datetime
    mark: Decimal
    pnl: Decimal
    rate: Decimal
    imr: Decimal
    amr: Decimal | None
    risk_level: int | None

    @property
    def cost(self) -> Decimal:
        """What it cost, exact."""
        entry = self.position.entry_value
        return -entry if self.rules.is_inverse else entry

    @property
    def value(self) -> Decimal:
        """What it is worth at mark."""
        return signed_value(self.rules, self.position.lots, self.mark)

    @property
    def entry_price(self) -> Decimal:
        """The average price, rounded to ten decimals."""
        lots, entry = Decimal(self.position.lots), self.position.entry_value
        if lots == 0 or entry == 0:
            return ZERO
        if self.rules.is_inverse:
            return scaled(lots * self.rules.multiplier / entry)
        return scaled(entry / (lots * self.rules.multiplier))

    @property
    def initial(self) -> Decimal:
        """The cost over the leverage it was opened with."""
        return abs(self.cost) / self.position.leverage

    @property
    def margin(self) -> Decimal:
        """Isolated: its own, without profit; cross: value at mark times IMR."""
        if self.position.mode is MarginMode.ISOLATED:
            return self.position.margin
        return abs(self.value) * self.imr

    @property
    def real_leverage(self) -> Decimal:
        """Isolated: value over margin with profit; cross: as it is set."""
        if self.position.mode is MarginMode.CROSS:
            return self.position.leverage
        left = self.position.margin + self.pnl
        return abs(self.value) / left if left > 0 else self.position.leverage


def sight(
    state: FuturesState, position: Position, story: Story, at: datetime
) -> PositionSight:
    """Look at an open position with the venue's own formulas."""
    rules = state.contract(position.symbol)
    is_cross = position.mode is MarginMode.CROSS
    tiered = tier_value(state, position)
    held = state.held(rules.settle, MarginMode.CROSS)
    total = sum((position_value(state, one) for one in held), ZERO)
    return PositionSight(
        rules=rules,
        position=position,
        story=story,
        at=at,
        mark=state.mark(position.symbol),
        pnl=scaled(unrealised_pnl(state, position)),
        rate=(
            mmr(rules, position.lots)
            if is_cross
            else isolated_maintenance_rate(rules, tiered, position.lots)
        ),
        imr=(
            imr(rules, position.lots, position.leverage)
            if is_cross
            else ONE / position.leverage
        ),
        amr=cross_margin(state, rules.settle) / total if is_cross and total else None,
        risk_level=None if is_cross else tier_of(rules, tiered),
    )


def _stops(seen: PositionSight) -> tuple[Decimal, Decimal]:
    """Where the position is liquidated and where it is bankrupt, 0 is nowhere."""
    bankrupt = _bankrupt(seen)
    if bankrupt <= 0:
        return ZERO, ZERO
    sign = 1 if seen.position.lots > 0 else -1
    fee = LIQUIDATION_FEE_RATE
    if seen.position.mode is MarginMode.CROSS:
        fee = taker_rate(seen.rules)
    due = seen.rate + fee
    if seen.rules.is_inverse:
        return scaled(bankrupt * (ONE + sign * due)), scaled(bankrupt)
    return scaled(bankrupt / (ONE - sign * due)), scaled(bankrupt)


def _bankrupt(seen: PositionSight) -> Decimal:
    position, sign = seen.position, 1 if seen.position.lots > 0 else -1
    size = abs(position.lots) * seen.rules.multiplier
    if position.mode is MarginMode.CROSS:
        share = seen.amr or ZERO
        if seen.rules.is_inverse:
            left = ONE + sign * share
            return seen.mark / left if left > 0 else ZERO
        return seen.mark * (ONE - sign * share)
    if seen.rules.is_inverse:
        left = ONE / seen.entry_price + sign * position.margin / size
        return ONE / left if left > 0 else ZERO
    return seen.entry_price - sign * position.margin / size


def _lamps(position: Position) -> Decimal | None:
    """The share of the ADL queue behind, in the middle of its fifth."""
    rank = position.adl_rank
    return None if rank is None else Decimal(2 * rank - 1) / 10


def _ratio(part: Decimal, whole_: Decimal) -> Decimal:
    return ZERO if whole_ == 0 else scaled(part / whole_, _SHARE)


def _profits(seen: PositionSight) -> dict[str, object]:
    story, cost = seen.story, abs(seen.cost)
    comm = story.fees - story.funding
    return {
        "currentCost": scaled(seen.cost - story.gross),
        "currentComm": scaled(comm),
        "unrealisedCost": scaled(seen.cost),
        "realisedGrossCost": scaled(-story.gross),
        "realisedCost": scaled(comm - story.gross),
        "realisedGrossPnl": scaled(story.gross),
        "realisedPnl": scaled(story.realised),
        "unrealisedPnl": seen.pnl,
        "unrealisedPnlPcnt": _ratio(seen.pnl, cost),
        "unrealisedRoePcnt": _ratio(seen.pnl, seen.initial),
    }


def _core(seen: PositionSight) -> dict[str, object]:
    """The fields of both margin modes."""
    position, (liquidation, bankrupt) = seen.position, _stops(seen)
    is_cross = position.mode is MarginMode.CROSS
    return {
        "id": str(seen.story.position_id),
        "symbol": position.symbol,
        "crossMode": is_cross,
        "delevPercentage": _lamps(position),
        "openingTimestamp": ms(seen.story.opened_at),
        "currentTimestamp": ms(seen.at),
        "currentQty": int(position.lots),
        "isOpen": position.lots != 0,
        "markPrice": exact(seen.mark),
        "markValue": scaled(seen.value),
        "posCost": scaled(seen.cost),
        "posInit": scaled(seen.initial),
        "posMargin": scaled(seen.margin),
        **_profits(seen),
        "avgEntryPrice": seen.entry_price,
        "liquidationPrice": liquidation,
        "bankruptPrice": bankrupt,
        "settleCurrency": word(seen.rules.settle),
        "isInverse": seen.rules.is_inverse,
        "marginMode": mode_word(position.mode),
        "positionSide": position.side.name,
        "leverage": whole(
            position.leverage if is_cross else scaled(seen.real_leverage, _LEVERAGE)
        ),
    }


def _isolated(seen: PositionSight) -> dict[str, object]:
    """What an isolated position has beyond the common fields."""
    level, tiers = seen.risk_level, seen.rules.tiers
    limit = tiers[-1 if level is None else level].max_notional if tiers else ZERO
    margin, story = seen.position.margin, seen.story
    due = abs(seen.value) * (seen.rate + LIQUIDATION_FEE_RATE)
    return {
        "autoDeposit": False,
        "maintMarginReq": exact(seen.rate),
        "riskLimit": whole(limit),
        "realLeverage": scaled(seen.real_leverage),
        "posCross": scaled(story.added_margin),
        "posCrossMargin": 0,
        "posComm": ZERO,
        "posCommCommon": ZERO,
        "posLoss": ZERO,
        "posFunding": scaled(story.funding),
        "posMaint": scaled(due),
        "maintMargin": scaled(margin + seen.pnl),
        "maintainMargin": exact(seen.rate),
        "riskLimitLevel": len(tiers) if level is None else level + 1,
    }


def position_v1(seen: PositionSight) -> dict[str, object]:
    """One position of ``GET /api/v1/positions``."""
    if seen.position.mode is MarginMode.CROSS:
        return _core(seen)
    return {**_core(seen), **_isolated(seen)}


def position_v2(seen: PositionSight) -> dict[str, object]:
    """One position of ``GET /api/v2/position``: decimals as texts, more rates."""
    is_cross = seen.position.mode is MarginMode.CROSS
    row = {k: v for k, v in position_v1(seen).items() if k not in _NOT_IN_V2}
    fee = taker_rate(seen.rules) if is_cross else LIQUIDATION_FEE_RATE
    more = {
        "imr": scaled(seen.imr) if is_cross else None,
        "amr": None if seen.amr is None else scaled(seen.amr),
        "aggRate": scaled(seen.rate + fee),
        "cumulativeTradeFee": scaled(seen.story.fees),
        "cumulativeFundingFee": scaled(seen.story.funding),
        "cumulativeTax": ZERO,
    }
    return {
        name: plain(value) if isinstance(value, Decimal) else value
        for name, value in (row | more).items()
    }


def flat_position(
    rules: ContractRules, mode: MarginMode, mark: Decimal | None, at: datetime
) -> dict[str, object]:
    """What ``GET /api/v1/position`` says of a contract without a position."""
    numbers = (
        "currentCost",
        "currentComm",
        "unrealisedCost",
        "realisedGrossCost",
        "realisedCost",
        "markValue",
        "posCost",
        "posInit",
        "posMargin",
        "realisedGrossPnl",
        "realisedPnl",
        "unrealisedPnl",
        "unrealisedPnlPcnt",
        "unrealisedRoePcnt",
        "avgEntryPrice",
        "liquidationPrice",
        "bankruptPrice",
        "delevPercentage",
    )
    return {
        "id": "",
        "symbol": rules.symbol,
        "crossMode": mode is MarginMode.CROSS,
        "openingTimestamp": None,
        "currentTimestamp": ms(at),
        "currentQty": 0,
        "isOpen": False,
        "markPrice": mark,
        **dict.fromkeys(numbers, 0),
        "settleCurrency": word(rules.settle),
        "isInverse": rules.is_inverse,
        "marginMode": mode_word(mode),
        "positionSide": "BOTH",
        "leverage": 0,
    }


def following_mark(seen: PositionSight) -> dict[str, object]:
    """A push that only follows the mark: no size, no prices of the position."""
    return {
        "symbol": seen.position.symbol,
        "positionSide": seen.position.side.name,
        "markPrice": exact(seen.mark),
        "markValue": scaled(seen.value),
        "maintMargin": scaled(seen.margin + seen.pnl),
        "realLeverage": scaled(seen.real_leverage),
        "unrealisedPnl": seen.pnl,
        "unrealisedPnlPcnt": _ratio(seen.pnl, abs(seen.cost)),
        "unrealisedRoePcnt": _ratio(seen.pnl, seen.initial),
        "delevPercentage": _lamps(seen.position),
        "currentTimestamp": ms(seen.at),
        "settleCurrency": word(seen.rules.settle),
        "changeReason": "markPriceChange",
    }


def closed_position(
    rules: ContractRules, story: Story, uid: str
) -> Mapping[str, object]:
    """One row of ``GET /api/v1/history-positions``."""
    side = "LONG" if story.is_long else "SHORT"
    kinds = {None: "CLOSE", "liquidation": "LIQUID", "adl": "ADL"}
    closing = _average(rules, story.closed_lots, story.closed_value)
    cost = _average_cost(story)
    return {
        "closeId": str(story.position_id),
        "userId": uid,
        "symbol": rules.symbol,
        "settleCurrency": word(rules.settle),
        "leverage": plain(story.leverage),
        "type": f"{kinds.get(story.forced, 'CLOSE')}_{side}",
        "pnl": text(story.realised),
        "realisedGrossCost": text(-story.gross),
        "realisedGrossCostNew": text(-story.gross),
        "withdrawPnl": "0.0",
        "tradeFee": text(story.fees),
        "fundingFee": text(story.funding),
        "openTime": ms(story.opened_at),
        "closeTime": ms(story.closed_at or story.opened_at),
        "openPrice": _average(rules, story.opened_lots, story.opened_value),
        "closePrice": closing,
        "marginMode": mode_word(story.mode),
        "tax": "0.0",
        "roe": text(story.realised * story.leverage / cost) if cost else None,
        "liquidAmount": (
            str(story.closed_lots) if story.forced == "liquidation" else None
        ),
        "liquidPrice": closing if story.forced == "liquidation" else None,
        "side": side,
    }


def _average_cost(story: Story) -> Decimal:
    """The cost of what was closed, at the average opening price."""
    if story.opened_lots == 0:
        return ZERO
    return story.opened_value * story.closed_lots / story.opened_lots


def _average(rules: ContractRules, lots: int, value: Decimal) -> str:
    if lots == 0 or value == 0:
        return "0"
    size = lots * rules.multiplier
    return text(size / value if rules.is_inverse else value / size)
