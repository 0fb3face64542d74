"""What announcements do to a forecast: no collateral, a settled position, new rates."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.announced import RiskChange
from bot.domain.events import RulesRead
from bot.risk.coming_shifts import coming_shifts
from bot.risk.outlook import Asked, look_ahead
from bot.risk.path_levels import Drift, PathView, excess_along
from bot.risk.scenarios import Model, Paths
from bot.risk.terms_of import terms_of
from bot.shadow.apply import apply
from bot.shadow.state import Shadow
from tests.property.risk.test_outlook_laws import heavy
from tests.unit.guard.bench import START, position, shadow_of
from tests.unit.venue.builders import opening, rules

D = Decimal
HOUR = timedelta(hours=1)
DAY = START + 24 * HOUR
LONG = opening(
    {"margin_cross": {"BTC": "1", "ETH": "10"}},
    debts={"margin_cross": {"USDT": "40000"}},
)
SHORT = opening({"futures": {"USDT": "20000"}}, positions=[position(-1000)])
TWO = opening(
    {"futures": {"USDT": "20000", "BTC": "1"}},
    positions=[position(-1000), position(5000, symbol="XBTUSDM")],
)


def walk(*factors: float) -> Paths:
    """One path of BTC, hour by hour, without any deviation in between."""
    count = len(factors)
    return Paths(
        coins=("BTC",),
        steps_per_hour=1,
        rows=1,
        factors=np.array(factors).reshape(1, count, 1),
        deviations=np.zeros((1, count, 1)),
        correlation=np.ones((1, 1)),
    )


def drift_of(shadow: Shadow, subject: str, name: str, hours: float) -> Drift:
    """The drift of a subject when a name leaves so many hours from now."""
    leaving = {name: shadow.at + hours * HOUR}
    return Drift(shifts=coming_shifts(shadow, leaving, DAY).get(subject, ()))


def test_a_delisted_coin_counts_nothing_from_its_hour_on() -> None:
    """ETH for 25,000 is out after six hours; 40,000 are owed against 50,000."""
    shadow = shadow_of(LONG)
    (shift,) = coming_shifts(shadow, {"ETH": START + 6 * HOUR}, DAY)["margin_cross"]

    assert (shift.after_h, shift.settled) == (6.0, ())
    assert shift.terms.margin == {"BTC": 50_000.0}
    assert shift.terms.ratio({}) == pytest.approx(0.8)


def test_what_is_over_counts_from_now_and_what_is_far_not_at_all() -> None:
    """The exchange may carry a delisting out late; a forecast sees one day."""
    shadow = shadow_of(LONG)
    over = coming_shifts(shadow, {"ETH": START - HOUR}, DAY)

    assert over["margin_cross"][0].after_h == 0.0
    assert coming_shifts(shadow, {"ETH": START + 25 * HOUR}, DAY) == {}
    assert coming_shifts(shadow, {"XYZ": START + HOUR}, DAY) == {}


@given(st.lists(st.floats(0.5, 1.5), min_size=4, max_size=24), st.integers(1, 3))
def test_a_settled_position_moves_no_more(factors: list[float], hours: int) -> None:
    """Its account is what the price of its hour made it, whatever comes after."""
    both = opening(
        {"futures": {"USDT": "20000"}},
        positions=[position(-1000), replace(position(100), symbol="XBTUSDTM2")],
    )
    shadow = shadow_of(both)
    rules_of = shadow.rules.contracts["XBTUSDTM"]
    two = {**shadow.rules.contracts, "XBTUSDTM2": replace(rules_of, symbol="XBTUSDTM2")}
    marks = {**shadow.futures_marks, "XBTUSDTM2": D(50_000)}
    shadow = replace(
        shadow, rules=replace(shadow.rules, contracts=two), futures_marks=marks
    )
    (terms,) = terms_of(shadow).known
    drift = drift_of(shadow, terms.subject, "XBTUSDTM", float(hours))
    view = PathView(walk(*factors))
    plain = excess_along(view, terms, terms.liquidation, Drift())
    settled = excess_along(view, terms, terms.liquidation, drift)
    assert plain is not None
    assert settled is not None

    first = hours - 1
    assert settled[1][0, :first] == pytest.approx(plain[1][0, :first])
    short_pnl = -50_000.0 * (factors[first] - 1.0)
    long_pnl = 5_000.0 * (np.array(factors[first:]) - 1.0)
    (shift,) = drift.shifts
    required = sum(shift.terms.requirement.values()) * np.array(factors[first:])
    fixed = shift.terms.margin_constant + sum(
        sum(each.margin.values()) for each in shift.settled
    )
    held = fixed + short_pnl + shift.terms.margin["BTC"] + long_pnl
    assert settled[1][0, first:] == pytest.approx(required - held)


def test_the_last_position_takes_its_account_out_of_danger() -> None:
    """After its settlement nothing is required any more."""
    shadow = shadow_of(SHORT)
    (terms,) = terms_of(shadow).known
    (shift,) = coming_shifts(shadow, {"BTC": START + 2 * HOUR}, DAY)[terms.subject]

    assert shift.terms.ratio({"BTC": 5.0}) == 0.0
    assert shift.settled == ()


def test_a_coin_takes_all_its_contracts_and_a_contract_only_itself() -> None:
    """Linear and inverse of BTC: the coin ends both accounts, one contract one."""
    shadow = shadow_of(TWO)

    assert coming_shifts(shadow, {"BTC": START + HOUR}, DAY).keys() == {
        "futures:USDT",
        "futures:BTC",
    }
    assert coming_shifts(shadow, {"XBTUSDM": START + HOUR}, DAY).keys() == {
        "futures:BTC"
    }


def test_announced_constants_ask_for_more_from_their_hour_on() -> None:
    """M falls to a third after three hours: the requirement rises, the margin stays."""
    known = rules()
    change = RiskChange(at=START + 3 * HOUR, m=D(100))
    contracts = {
        **known.contracts,
        "XBTUSDTM": replace(known.contracts["XBTUSDTM"], announced=change),
    }
    told = RulesRead(at=START, rules=replace(known, contracts=contracts))
    shadow = apply(shadow_of(SHORT), told)
    (terms,) = terms_of(shadow).known
    (shift,) = coming_shifts(shadow, {}, DAY)[terms.subject]

    assert shift.after_h == 3.0
    assert shift.terms.requirement["BTC"] > terms.requirement["BTC"]
    assert shift.terms.margin == terms.margin


@given(st.integers(0, 2**32 - 1), st.integers(1, 23))
def test_losing_collateral_never_makes_a_liquidation_less_likely(
    seed: int, hours: int
) -> None:
    """The odds with the announcement are at least those without it, at any time."""
    shadow = shadow_of(LONG)
    (terms,) = terms_of(shadow).known
    drift = drift_of(shadow, "margin_cross", "ETH", float(hours))
    told = [
        look_ahead(
            [Asked(terms=terms, distance=0.3, drift=each)],
            heavy(seed),
            horizon_h=24,
            model=Model(paths=64),
            seed=seed,
        ).accounts[0]
        for each in (Drift(), drift)
    ]

    for horizon, likely in told[0].probability.items():
        assert told[1].probability[horizon] >= likely
