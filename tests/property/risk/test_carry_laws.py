"""Laws of the carry's core: forecast, offers and the choice between them."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.risk.carry_choice import ChoiceRules, Offer, choose, collateral_rates
from bot.risk.carry_forecast import (
    FundingForecast,
    forecast_funding,
    funding_income,
    mean_rates,
)
from bot.risk.carry_offer import PairTerms, offer_of

_CAPITAL = 10_000.0
_RATES = st.floats(-0.003, 0.003)


@st.composite
def offers(draw: st.DrawFn) -> tuple[Offer, ...]:
    """Up to five coins in both directions; at most one of them is held each way."""
    found: list[Offer] = []
    for name in draw(st.sets(st.sampled_from("ABCDE"), max_size=5)):
        trip = draw(st.floats(0.001, 0.02))
        side = draw(st.sampled_from((-1, 0, 1)))
        value = draw(st.floats(-0.05, 0.05))
        for direction in (1, -1):
            bound, floor = collateral_rates(direction, 0.3, 0.2)
            held = draw(st.floats(100.0, 1_500.0)) if side == direction else 0.0
            found.append(
                Offer(
                    name=name,
                    direction=direction,
                    value=direction * value,
                    trip=trip,
                    bound=bound,
                    floor=floor,
                    held=held,
                    most=draw(st.floats(2_000.0, 8_000.0)),
                    is_open=draw(st.booleans()),
                )
            )
    return tuple(sorted(found, key=lambda each: each.key))


@given(found=offers())
def test_targets_stay_within_capital_and_caps(found: tuple[Offer, ...]) -> None:
    """Whatever is offered: growth passes no cap, and no coin is held both ways."""
    targets = choose(found, ChoiceRules(capital=_CAPITAL))
    by_key = {each.key: each for each in found}
    grown = [key for key, t in targets.items() if t.notional > by_key[key].held]
    bound = sum(t.notional * by_key[key].bound for key, t in targets.items())

    assert not grown or bound <= _CAPITAL + 1e-6
    assert all(targets[key].notional <= by_key[key].most + 1e-6 for key in grown)
    assert all(by_key[key].is_open for key in grown)
    live = [key[0] for key, t in targets.items() if t.notional > 0]
    assert len(live) == len(set(live))


@given(found=offers())
def test_only_what_earns_its_way_is_begun(found: tuple[Offer, ...]) -> None:
    """Growth has a value over its way in and out; what is kept costs less than one."""
    by_key = {each.key: each for each in found}
    for key, target in choose(found, ChoiceRules(capital=_CAPITAL)).items():
        offer = by_key[key]
        if target.notional > offer.held:
            assert offer.value > offer.trip
        elif target.notional:
            assert offer.value >= -offer.trip


@given(found=offers())
def test_what_was_chosen_is_kept(found: tuple[Offer, ...]) -> None:
    """Once the targets are held the same offers ask for no change."""
    rules = ChoiceRules(capital=_CAPITAL)
    first = choose(found, rules)
    held = tuple(
        replace(each, held=first[each.key].notional if each.key in first else 0.0)
        for each in found
    )
    for key, target in choose(held, rules).items():
        kept = next(each.held for each in held if each.key == key)
        assert target.notional == pytest.approx(kept, rel=1e-6, abs=1e-3)


@given(found=offers(), capital=st.floats(100.0, 5_000.0))
def test_too_little_collateral_is_mended(
    found: tuple[Offer, ...], capital: float
) -> None:
    """Where prices outgrew the capital the targets fit into it again."""
    by_key = {each.key: each for each in found}
    targets = choose(found, ChoiceRules(capital=capital))
    floor = sum(t.notional * by_key[key].floor for key, t in targets.items())

    assert floor <= capital + 1e-6


@given(rate=_RATES, count=st.integers(2, 90))
def test_a_constant_rate_has_itself_as_mean(rate: float, count: int) -> None:
    """Both averages of one rate are that rate by the hour."""
    fast, slow = mean_rates([8.0 * n for n in range(count)], [rate] * count)

    assert fast == pytest.approx(rate / 8, abs=1e-15)
    assert slow == pytest.approx(rate / 8, abs=1e-15)


@given(hourly=st.floats(-0.0005, 0.0005), interval=st.sampled_from((1.0, 2.0, 4.0)))
def test_the_interval_does_not_matter(hourly: float, interval: float) -> None:
    """The same rate by the hour is forecast alike at every interval, also changed."""
    stamps = [8.0 * n for n in range(10)] + [72 + interval * n for n in range(1, 20)]
    rates = [hourly * 8] * 10 + [hourly * interval] * 19
    means = mean_rates(stamps, rates)
    short = forecast_funding(hourly * interval, interval, *means)
    long = forecast_funding(hourly * 8, 8.0, hourly, hourly)

    assert short.next_per_h == pytest.approx(long.next_per_h, abs=1e-12)
    assert short.level_per_h == pytest.approx(long.level_per_h, abs=1e-12)


@given(now=_RATES, level=_RATES, cap=st.floats(0.0001, 0.003))
def test_no_settlement_passes_its_bounds(now: float, level: float, cap: float) -> None:
    """The income of n settlements lies within n floors and n caps."""
    forecast = FundingForecast(next_per_h=now / 8, level_per_h=level / 8)
    income = funding_income(forecast, 1.0, 8.0, 720.0, (-cap, cap))

    assert abs(income) <= 90 * cap + 1e-12


@given(now=_RATES, level=_RATES)
def test_income_is_the_sum_of_its_settlements(now: float, level: float) -> None:
    """The closed form equals a walk over every settlement of the holding time."""
    forecast = FundingForecast(next_per_h=now / 8, level_per_h=level / 8)
    kept = math.exp(-8 / 24)
    walked = sum(level + (now - level) * kept**n for n in range(30))

    assert funding_income(forecast, 8.0, 8.0, 240.0) == pytest.approx(walked, abs=1e-9)


def _terms(**changes: object) -> PairTerms:
    terms = PairTerms(
        name="SOL",
        forecast=FundingForecast(next_per_h=-0.0001, level_per_h=-0.0001),
        first_h=8.0,
        interval_h=8.0,
        hold_h=720.0,
        basis=0.0,
        trip=0.004,
        borrow_annual=0.08,
        margin_share=0.3,
        margin_floor=0.2,
    )
    return replace(terms, **changes)  # type: ignore[arg-type] # fields by name


def test_a_loan_that_may_be_called_is_worth_nothing() -> None:
    """Without inventory a short is neither begun nor kept, whatever funding pays."""
    offer = offer_of(_terms(lends=False), -1, 1_000.0)
    targets = choose([offer], ChoiceRules(capital=_CAPITAL))

    assert not offer.is_open
    assert targets[("SOL", -1)].notional == 0


def test_the_least_carry_keeps_a_pair_shut() -> None:
    """What earns less a year than the user asks for is not begun."""
    assert offer_of(_terms(), -1, 0.0).is_open
    assert not offer_of(_terms(min_carry=2.0), -1, 0.0).is_open
