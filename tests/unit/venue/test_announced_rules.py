"""Announced constants at the simulated venue: in force at their time, and ours with it.

Both sides compute the same risk rate before and after the change.
"""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from bot.domain.announced import RiskChange
from bot.domain.events import RatioReported, RulesRead
from bot.risk.measure import measure_subjects
from bot.shadow.apply import apply
from tests.unit.guard.bench import position, shadow_of
from tests.unit.venue.builders import START, instant, opening, rules, venue

D = Decimal


def test_both_sides_take_announced_constants_over_at_their_time() -> None:
    """M falls from 300 to 100 after an hour: one rate before it, another after it."""
    change = RiskChange(at=START + timedelta(hours=1), m=D(100))
    known = rules()
    contract = replace(known.contracts["XBTUSDTM"], announced=change)
    told = replace(known, contracts={**known.contracts, "XBTUSDTM": contract})
    account = opening({"futures": {"USDT": "900000"}}, positions=[position(-100_000)])
    exchange = venue(account, with_rules=told)
    shadow = apply(shadow_of(account), RulesRead(at=START, rules=told))

    rates = []
    for minutes in (30, 90):
        events = exchange.tick(instant(START + timedelta(minutes=minutes)))
        for event in events:
            shadow = apply(shadow, event)
        (stated,) = [e.value for e in events if isinstance(e, RatioReported)]
        (measure,) = measure_subjects(shadow)
        assert measure.ratio is not None
        assert abs(measure.ratio - stated) < D("1e-8")
        rates.append(stated)
    assert rates[1] > rates[0] * D("1.2")
