"""The live view says how much new risk may be taken where something scales it."""

from dataclasses import replace
from decimal import Decimal

from bot.domain.room import Factor, Scale
from bot.engine.core import Core
from bot.guard.limits import RiskLimits
from bot.guard.size_limits import SizingLimits
from bot.report.size_words import room_words, size_words
from tests.unit.engine.steps import opened

CALM = SizingLimits(target_volatility=Decimal("0.5"))


def test_nothing_is_said_where_nothing_scales() -> None:
    """No line while every factor is 1."""
    state = opened(Core(sizing=CALM))
    assert size_words(state, RiskLimits(), CALM) == ()


def test_the_line_names_the_room_and_its_factors() -> None:
    """Net exposure that may be added, the share of the limit, what reduces it."""
    sizing = SizingLimits()
    state = opened(Core(sizing=sizing))
    (line,) = size_words(state, RiskLimits(), sizing)
    assert line == ("new risk: up to 0 USDT net, 0.50 of the limit: volatility 0.5")
    cut = replace(state, results=replace(state.results, scale=Decimal("0.8")))
    (line,) = size_words(cut, RiskLimits(max_leverage=Decimal(20)), sizing)
    assert line == (
        "new risk: up to 86,800 USDT net, 0.40 of the limit: "
        "volatility 0.5, results 0.8"
    )


def test_an_unknown_equity_has_no_room() -> None:
    """What is not known is said, and is no room."""
    half = Scale(factors=(Factor(name="gains", value=Decimal("0.5"), reason="x"),))
    assert "not known" in room_words(None, Decimal(0), RiskLimits(), half)
