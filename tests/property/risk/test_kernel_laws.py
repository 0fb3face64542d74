"""The kernel in floats against the exact engine, on whole random accounts."""

import math
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.money import ONE
from bot.risk.futures import measure
from bot.risk.isolated import isolated_numbers
from bot.risk.kernel import Kernel
from bot.risk.kernel_row import FLOAT_ERROR, KernelNumbers
from bot.risk.margin import margin_numbers
from bot.risk.measure import (
    SubjectMeasure,
    cross_shape,
    margin_rules,
    measure_subjects,
)
from bot.risk.terms_of import terms_of
from bot.shadow.state import Shadow
from tests.property.risk.drawn import decimals
from tests.property.risk.drawn_shadow import LINEAR, shadows

Pair = tuple[Decimal | None, Decimal | None]
FAR = 1e10
"""A move so large that floats may say "never" for it."""

factors = st.fixed_dictionaries(
    {coin: decimals("0.2", "4", 4) for coin in ("BTC", "ETH", "SOL", "USDC")}
)


def exact_sums(shadow: Shadow, subject: SubjectMeasure) -> Pair:
    """Requirement and margin by the exact formulas, None where they are unknown."""
    if subject.position is not None:
        position = shadow.positions[subject.position]
        contract = shadow.rules.contracts.get(position.symbol)
        mark = shadow.futures_marks.get(position.symbol, Decimal(0))
        found = contract and isolated_numbers(contract, position, mark)
        if not found:
            return None, None
        return found.maintenance_margin, position.margin + found.unrealised_pnl
    if subject.settle is not None:
        total = measure(cross_shape(shadow, subject.settle), shadow.futures_marks)
        if total.risk_rate is None or total.total_margin is None:
            return None, None
        assert total.maintenance_margin is not None
        assert total.order_maintenance_margin is not None
        assert total.closing_fee is not None
        assert total.opening_fee is not None
        need = total.maintenance_margin + total.order_maintenance_margin
        return need + total.closing_fee, total.total_margin - total.opening_fee
    numbers = margin_numbers(
        shadow.balances[subject.account],
        {"USDT": ONE, **shadow.margin_marks},
        margin_rules(shadow, subject.account).coefficients,
    )
    return numbers.total_debt, numbers.weighted_asset


def is_sum(exact: Decimal | None, found: float | None, gross: float) -> bool:
    """Whether a sum is unknown in both, or within the share of its terms."""
    if exact is None or found is None:
        return exact is None and found is None
    return abs(exact - Decimal(found)) <= Decimal(FLOAT_ERROR * gross)


def is_ratio(exact: Decimal | None, found: float | None, error: float) -> bool:
    """Whether a ratio is unknown in both, or within its error."""
    if exact is None or found is None:
        return exact is None and found is None
    if exact.is_finite() and math.isfinite(found):
        return abs(float(exact - Decimal(found))) <= error
    return math.isinf(error) or float(exact) == found


def is_move(exact: Decimal | None, found: float | None, error: float) -> bool:
    """Whether a move is the same: to 1e-9, unless the account hardly moves at all."""
    if exact is not None and found is not None:
        gap = abs(float(exact - Decimal(found)))
        scale = 1 + abs(float(exact))
        return gap <= error and (gap <= 1e-9 * scale or error > 1e-6 * scale)
    if exact is None and found is None:
        return True
    one = float(exact) if exact is not None else found
    assert one is not None
    is_edge = abs(one) > FAR or one <= -1 + max(error, 1e-9) or abs(one) <= error
    return is_edge or math.isinf(error)


def is_exact(shadow: Shadow, subject: SubjectMeasure, found: KernelNumbers) -> bool:
    """Whether every number of a subject is that of the exact engine."""
    need, margin = exact_sums(shadow, subject)
    error = found.distance_error
    return (
        subject.subject == found.subject
        and is_sum(need, found.requirement, found.gross)
        and is_sum(margin, found.margin, found.gross)
        and is_ratio(subject.ratio, found.ratio, found.ratio_error)
        and is_move(subject.down, found.down, error)
        and is_move(subject.up, found.up, error)
    )


def all_exact(shadow: Shadow, kernel: Kernel) -> bool:
    """Whether the kernel has the subjects of the exact engine and their numbers."""
    pairs = zip(measure_subjects(shadow), kernel.numbers(), strict=True)
    return all(is_exact(shadow, subject, found) for subject, found in pairs)


@given(shadow=shadows())
def test_the_kernel_has_the_numbers_of_the_exact_engine(shadow: Shadow) -> None:
    """Sums agree to 1e-12 of their absolute terms, moves to 1e-9, gaps are gaps."""
    assert all_exact(shadow, Kernel(shadow))


def bits(kernel: Kernel) -> str:
    """Every number of a kernel to its last bit."""
    return repr(kernel.numbers())


def ticked(shadow: Shadow, name: str, mark: Decimal) -> Shadow:
    """The shadow after one mark, of a coin or of a contract."""
    if "M" in name:
        return replace(shadow, futures_marks={**shadow.futures_marks, name: mark})
    return replace(shadow, margin_marks={**shadow.margin_marks, name: mark})


@given(
    shadow=shadows(),
    moves=st.lists(
        st.tuples(
            st.sampled_from(("BTC", "ETH", "USDT", "XBTUSDM", "NEWM", *LINEAR)),
            st.one_of(st.just(Decimal(0)), decimals("400", "3000", 2)),
        ),
        max_size=8,
    ),
)
def test_a_kernel_that_followed_is_the_one_built_afresh(
    shadow: Shadow, moves: list[tuple[str, Decimal]]
) -> None:
    """Mark by mark, told or read from the shadow, no bit is another one."""
    told, reading = Kernel(shadow), Kernel(shadow)
    for name, mark in moves:
        shadow = ticked(shadow, name, mark)
        if "M" in name:
            told.set_futures_mark(name, mark)
        else:
            told.set_margin_mark(name, mark)
        reading.follow(shadow)
    assert bits(told) == bits(reading) == bits(Kernel(shadow))
    assert all_exact(shadow, told)


@given(shadow=shadows(), mark=decimals("400", "3000", 2))
def test_a_mark_set_by_hand_gives_way_to_the_shadow(
    shadow: Shadow, mark: Decimal
) -> None:
    """What was only supposed is forgotten when the kernel follows the facts."""
    kernel = Kernel(shadow)
    before = bits(kernel)
    kernel.set_margin_mark("BTC", mark)
    kernel.set_futures_mark("XBTUSDTM", mark)
    kernel.follow(replace(shadow))
    assert bits(kernel) == before


@given(before=shadows(), after=shadows())
def test_a_kernel_follows_new_holdings(before: Shadow, after: Shadow) -> None:
    """Another account is built anew, with its own subjects and coins."""
    kernel = Kernel(before)
    kernel.follow(after)
    fresh = Kernel(after)
    assert (kernel.subjects, kernel.coins) == (fresh.subjects, fresh.coins)
    assert bits(kernel) == bits(fresh)


@given(shadow=shadows(), seed=st.integers(0, 2**32 - 1))
def test_thousands_of_marks_carry_no_error(shadow: Shadow, seed: int) -> None:
    """After 2000 marks every bit is a fresh kernel's, so the bound still holds."""
    dice = np.random.default_rng(seed)
    kernel = Kernel(shadow)
    names = ("BTC", "ETH", *LINEAR, "XBTUSDM")
    last: dict[str, Decimal] = {}
    for choice, cents in dice.integers((0, 0), (len(names), 10**6), size=(2000, 2)):
        name, mark = names[choice], Decimal(int(cents) + 100) / 100
        last[name] = mark
        if "M" in name:
            kernel.set_futures_mark(name, mark)
        else:
            kernel.set_margin_mark(name, mark)
    for name, mark in last.items():
        shadow = ticked(shadow, name, mark)
    assert bits(kernel) == bits(Kernel(shadow))
    assert all_exact(shadow, kernel)


def moved(shadow: Shadow, by: Mapping[str, Decimal]) -> Shadow:
    """The shadow with every price of a coin so many times what it was."""
    contracts = shadow.rules.contracts
    return replace(
        shadow,
        margin_marks={c: m * by.get(c, ONE) for c, m in shadow.margin_marks.items()},
        futures_marks={
            s: m * (by.get(contracts[s].base, ONE) if s in contracts else ONE)
            for s, m in shadow.futures_marks.items()
        },
    )


@given(shadow=shadows(), scenarios=st.lists(factors, min_size=1, max_size=4))
def test_stress_is_the_exact_engine_at_moved_prices(
    shadow: Shadow, scenarios: list[dict[str, Decimal]]
) -> None:
    """Each scenario has the ratios of the moved account, tiers of positions too."""
    kernel = Kernel(shadow)
    grid = np.array([[float(each[c]) for c in kernel.coins] for each in scenarios])
    ratios = kernel.stress(grid.reshape(len(scenarios), len(kernel.coins)))
    for row, by in zip(ratios, scenarios, strict=True):
        there = moved(shadow, by)
        exact, bounds = measure_subjects(there), Kernel(there).numbers()
        for value, subject, bound in zip(row, exact, bounds, strict=True):
            found = None if math.isnan(value) else float(value)
            assert is_ratio(subject.ratio, found, 4 * bound.ratio_error)


@given(shadow=shadows(), by=factors)
def test_terms_are_the_exact_engine_while_tiers_hold(
    shadow: Shadow, by: dict[str, Decimal]
) -> None:
    """A subject has either terms, with the exact ratio at moved prices, or a reason."""
    found = terms_of(shadow)
    exact = {m.subject: m for m in measure_subjects(shadow)}
    assert {t.subject for t in found.known} | set(found.unknown) == set(exact)
    assert all(exact[t.subject].ratio is not None for t in found.known)
    assert all(found.unknown.values())
    bounds = {n.subject: n for n in Kernel(shadow).numbers()}
    there = {m.subject: m for m in measure_subjects(moved(shadow, by))}
    after = {n.subject: n for n in Kernel(moved(shadow, by)).numbers()}
    for terms in found.known:
        error = 4 * bounds[terms.subject].ratio_error
        assert is_ratio(exact[terms.subject].ratio, terms.ratio({}), error)
        if exact[terms.subject].position is None:
            ratio = terms.ratio({coin: float(f) for coin, f in by.items()})
            error = 4 * after[terms.subject].ratio_error
            assert is_ratio(there[terms.subject].ratio, ratio, error)


@given(shadow=shadows())
def test_a_sensitivity_is_the_slope_of_the_ratio(shadow: Shadow) -> None:
    """A price 1e-6 higher adds 1e-6 of it, where the ratio is smooth and well known."""
    kernel = Kernel(shadow)
    steps = np.exp(1e-6 * np.eye(len(kernel.coins)))
    rise = kernel.stress(np.vstack([steps, 1 / steps]))
    slopes = kernel.sensitivities()
    for column, (numbers, subject) in enumerate(
        zip(kernel.numbers(), measure_subjects(shadow), strict=True)
    ):
        known = slopes[numbers.subject]
        is_smooth = subject.position is None and numbers.ratio_error < 1e-9
        if known is None:
            assert numbers.ratio is None or not 0 < numbers.ratio < math.inf
        elif is_smooth and numbers.margin and numbers.ratio is not None:
            lever = (1 + numbers.ratio) * numbers.gross / abs(numbers.margin)
            for row, coin in enumerate(kernel.coins):
                up, down = rise[row, column], rise[row + len(kernel.coins), column]
                slope = (up - down) / 2e-6
                assert abs(slope - known.get(coin, 0.0)) <= 1e-3 * lever
