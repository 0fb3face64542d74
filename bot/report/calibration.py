"""A live observation beside our formulas, as vectors like those of the golden files.

``compare`` takes what the exchange stated in one situation and computes the same
numbers with the functions that the bot trades by. Each becomes one vector: inputs,
what the exchange states, what we have, and whether they agree within a tolerance.
Nothing here reads, sends or writes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final

from bot.domain.instruments import ContractRules
from bot.domain.money import ONE, ZERO, plain
from bot.risk.cross_price import price_at_level
from bot.risk.curves import initial_rate, maintenance_rate, max_open_lots
from bot.risk.futures import measure, unrealised_pnl
from bot.risk.futures_shape import FuturesAccount, OpenOrder, futures_shape
from bot.risk.pnl import cross_position_margin
from connectors.kucoin.parse.contracts import CrossOrderLimit
from connectors.kucoin.parse.positions import PositionLine, position
from connectors.kucoin.parse.wallets import Overview

__all__ = ["Observation", "Vector", "compare", "far_price", "vector_document"]

_RATIO: Final = Decimal("0.0001")
"""Of a risk rate: its printing, and a mark that moved between two reads."""
_SHARE: Final = Decimal("0.001")
"""Of an amount or a price, for the same reason."""
_WITHOUT_ORDERS: Final = (
    "KuCoin's help page leaves open orders out of this price, and so do we here; the "
    "risk rate, which liquidates, counts them"
)
_FURTHEST: Final = Decimal("0.10")
_OF_BAND: Final = Decimal("0.8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What the exchange stated while the contract stood in one situation.

    The account holds nothing but what the calibration put there, so the wallet is
    the stated equity less the stated unrealised profit.
    """

    at: datetime
    rules: ContractRules
    mark: Decimal
    leverage: Decimal
    overview: Overview
    line: PositionLine | None = None
    orders: tuple[OpenOrder, ...] = ()
    limits: tuple[CrossOrderLimit, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """One number of the exchange beside ours; texts are plain numbers.

    ``own`` is None where our formula lacks an input.
    """

    name: str
    source: str
    inputs: Mapping[str, str]
    what: str
    stated: Decimal
    own: Decimal | None
    tolerance: Decimal
    note: str = ""
    kind: str = field(default="live-observation")

    @property
    def agrees(self) -> bool:
        """Whether the two are the same within the tolerance."""
        return self.own is not None and abs(self.own - self.stated) <= self.tolerance


def far_price(rules: ContractRules, mark: Decimal, sign: int) -> Decimal:
    """A price that will not trade and that the exchange takes: on the tick.

    Args:
        rules: The contract; orders beyond its band around the mark are refused.
        mark: Its mark price.
        sign: +1 for a buy far below the mark, -1 for a sell far above it.

    Example:
        >>> from bot.risk.examples import XBTUSDTM
        >>> far_price(XBTUSDTM, Decimal(60000), 1)
        Decimal('57600.0')
    """
    share = min(rules.price_band * _OF_BAND, _FURTHEST)
    price = mark * (1 - share * sign) / rules.tick_size
    rounding = ROUND_CEILING if sign > 0 else ROUND_FLOOR
    return price.to_integral_value(rounding=rounding) * rules.tick_size


def compare(step: str, seen: Observation) -> tuple[Vector, ...]:
    """Every number that the exchange states in a situation, beside ours."""
    return (
        *_limits(step, seen),
        *_account(step, seen),
        *(_position(step, seen, seen.line) if seen.line is not None else ()),
    )


def _vector(
    step: str, seen: Observation, what: str, numbers: tuple[Decimal, Decimal | None]
) -> Vector:
    stated, own = numbers
    share = _RATIO if what == "riskRatio" else abs(stated) * _SHARE
    return Vector(
        name=f"live_{step}_{what}_{seen.rules.symbol}",
        source=f"own account, {seen.at.isoformat()}",
        inputs=_inputs(seen),
        what=what,
        stated=stated,
        own=own,
        tolerance=share,
    )


# -- the exchange's own order limits ----------------------------------------


def _limits(step: str, seen: Observation) -> Iterator[Vector]:
    """Sizes and rates for a margin and a leverage; these agree to the last digit."""
    for limit in seen.limits:
        lots = Decimal(limit.max_lots)
        rules = seen.rules
        size = lots if rules.is_inverse else lots * rules.multiplier
        own_lots = max_open_lots(rules, limit.price, limit.leverage, limit.total_margin)
        numbers = {
            "maxOpenSize": (lots, None if own_lots is None else Decimal(own_lots), ONE),
            "mmr": (
                limit.maintenance_margin_rate,
                maintenance_rate(rules, size),
                Decimal("0.0000001"),
            ),
            "imr": (
                limit.initial_margin_rate,
                initial_rate(rules, size, limit.leverage),
                Decimal("0.0000001"),
            ),
        }
        inputs = {
            "totalMargin": plain(limit.total_margin),
            "price": plain(limit.price),
            "leverage": plain(limit.leverage),
            **_parameters(rules),
        }
        for what, (stated, own, tolerance) in numbers.items():
            yield Vector(
                name=f"live_{step}_{what}_{rules.symbol}_{plain(limit.leverage)}x",
                source=f"own account, {seen.at.isoformat()}",
                inputs=inputs,
                what=what,
                stated=stated,
                own=own,
                tolerance=tolerance,
            )


# -- the account and the position -------------------------------------------


def _account(step: str, seen: Observation) -> Iterator[Vector]:
    if seen.overview.risk_rate is None:
        return
    shape = futures_shape(_own_account(seen), {seen.rules.symbol: seen.rules})
    own = measure(shape, {seen.rules.symbol: seen.mark}).risk_rate
    yield _vector(step, seen, "riskRatio", (seen.overview.risk_rate, own))


def _position(step: str, seen: Observation, line: PositionLine) -> Iterator[Vector]:
    rules, held = seen.rules, position(line, seen.rules)
    size = Decimal(abs(line.lots))
    if not rules.is_inverse:
        size *= rules.multiplier
    value = rules.value(Decimal(abs(line.lots)), seen.mark)
    rate = initial_rate(rules, size, seen.leverage)
    if line.margin is not None:
        own = None if rate is None else cross_position_margin(value, rate)
        yield _vector(step, seen, "posMargin", (line.margin, own))
    if line.stated_unrealised_pnl is not None:
        numbers = (line.stated_unrealised_pnl, unrealised_pnl(rules, held, seen.mark))
        yield _vector(step, seen, "unrealisedPnl", numbers)
    if line.stated_liquidation_price is not None:
        alone = replace(_own_account(seen), orders=())
        shape = futures_shape(alone, {rules.symbol: rules})
        price = price_at_level(shape, {}, rules.symbol, ONE)
        printed = line.stated_liquidation_price
        told = _vector(step, seen, "liquidationPrice", (printed, price))
        yield replace(told, note=_WITHOUT_ORDERS)


def _own_account(seen: Observation) -> FuturesAccount:
    held = [] if seen.line is None else [position(seen.line, seen.rules)]
    return FuturesAccount(
        settle=seen.rules.settle,
        wallet=seen.overview.equity - seen.overview.unrealised_pnl,
        positions=tuple(held),
        orders=seen.orders,
    )


def _parameters(rules: ContractRules) -> dict[str, str]:
    numbers = {
        "k": rules.k,
        "m": rules.m,
        "f": rules.f,
        "mmrLimit": rules.mmr_limit,
        "mmrLevConstant": rules.mmr_lev_constant,
        "multiplier": rules.multiplier,
        "takerFeeRate": rules.taker_fee_rate,
    }
    known = {name: plain(n) for name, n in numbers.items() if n is not None}
    return {"symbol": rules.symbol, **known}


def _inputs(seen: Observation) -> dict[str, str]:
    overview, line = seen.overview, seen.line
    found = {
        "accountEquity": plain(overview.equity),
        "unrealisedPNL": plain(overview.unrealised_pnl),
        "availableBalance": plain(overview.available),
        "markPrice": plain(seen.mark),
        "leverage": plain(seen.leverage),
        "currentQty": "0" if line is None else str(line.lots),
        **_parameters(seen.rules),
    }
    if line is not None and line.entry_price is not None:
        found["avgEntryPrice"] = plain(line.entry_price)
    for number, order in enumerate(seen.orders, 1):
        price = "" if order.price is None else f" at {plain(order.price)}"
        found[f"order {number}"] = f"{order.side.value} {order.lots}{price}"
    return found


def vector_document(vectors: Sequence[Vector]) -> list[dict[str, object]]:
    """Vectors as the golden files hold them, with ours and the verdict beside.

    Example:
        >>> vector_document([])
        []
    """
    return [
        {
            "name": each.name,
            "source": each.source,
            "kind": each.kind,
            "inputs": dict(each.inputs),
            "expected": {each.what: plain(each.stated)},
            "tolerance": plain(each.tolerance),
            "own": {each.what: None if each.own is None else plain(each.own)},
            "error": plain(ZERO if each.own is None else each.own - each.stated),
            "agrees": each.agrees,
            **({"note": each.note} if each.note else {}),
        }
        for each in vectors
    ]
