"""The ratio of an isolated position over a span of marks in which its tier changes."""

from dataclasses import replace
from decimal import Decimal

import pytest

from bot.domain.accounts import MarginMode, Position, PositionSide
from bot.domain.instruments import ContractRules, Lots, RiskTier, Rules
from bot.risk.examples import XBTUSDTM
from bot.risk.lines import lines_of
from bot.risk.measure import measure_subject
from bot.risk.spans import Span, ratio_span
from bot.shadow.state import Shadow, empty_shadow

D = Decimal
LIMITS = ("0.0001819471989228725823765943123", "0.0007884378619991145236319086867")


def inverse(limits: tuple[str, ...]) -> ContractRules:
    """A contract that settles in its coin, with a tier under each limit."""
    tiers = tuple(
        RiskTier(
            max_notional=D(limit),
            max_leverage=D(10),
            initial_margin_rate=D("0.1") * (number + 1),
            maintenance_margin_rate=D("0.05") * (number + 1),
        )
        for number, limit in enumerate((*limits, "1"))
    )
    return replace(
        XBTUSDTM,
        symbol="XBTUSDM",
        settle="BTC",
        is_inverse=True,
        multiplier=D(1),
        tiers=tiers,
    )


def short(contract: ContractRules) -> Shadow:
    """One contract short from 1,650 USDT, isolated, at 1,433."""
    position = Position(
        symbol=contract.symbol,
        lots=Lots(-1),
        entry_value=D("-0.0006064906630762419412553143744"),
        mode=MarginMode.ISOLATED,
        side=PositionSide.SHORT,
        leverage=D(1),
        margin=D("0.0001"),
    )
    return replace(
        empty_shadow(Rules(contracts={contract.symbol: contract})),
        positions={position.key: position},
        futures_marks={contract.symbol: D("1433.15")},
    )


@pytest.mark.parametrize("limits", [LIMITS, LIMITS[1:], ("0.00075",)])
def test_both_rates_of_a_step_count_however_its_price_is_rounded(
    limits: tuple[str, ...],
) -> None:
    """Just beyond a step the ratio falls; the interval holds it all the same."""
    shadow = short(inverse(limits))
    (line,) = lines_of(shadow)
    (leg,) = line.legs
    span = Span(D("1257.149122807017543859649123"), D("1633.791"))
    found = ratio_span(shadow, line, {leg.quote: span})
    assert found is not None
    low, high = found
    ratios = []
    for number in range(401):
        mark = span.low + (span.high - span.low) * number / 400
        moved = replace(shadow, futures_marks={"XBTUSDM": mark})
        measure = measure_subject(moved, line.subject)
        assert measure is not None
        assert measure.ratio is not None
        ratios.append(measure.ratio)
    assert low <= min(ratios)
    assert max(ratios) <= high
    assert min(ratios) - low < low / 50, "and it is no wider than it must be"
