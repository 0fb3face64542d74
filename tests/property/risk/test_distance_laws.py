"""The guard's distance against brute force: move the market and look.

The oracle revalues the whole account at moved prices with the naive formulas in
fractions. At the distance the threshold must be met, nothing nearer may meet it,
and where no distance is given nothing in a wide scan may.
"""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

from hypothesis import assume, given
from hypothesis import strategies as st

from bot.domain.accounts import Balance
from bot.domain.instruments import ContractRules
from bot.risk.distance import Distance, MarginTerms, futures_distance, margin_distance
from bot.risk.futures import measure
from bot.risk.futures_shape import FuturesAccount, futures_shape
from bot.risk.isolated import isolated_numbers, isolated_shape
from bot.risk.missing import Missing, MissingKind
from bot.risk.ray import nearest_zeros
from tests.property.risk.drawn import (
    COINS,
    accounts,
    betas,
    coefficients,
    coin_prices,
    contracts,
    decimals,
    futures,
    naive_debt_ratio,
    naive_risk_rate,
    positions,
)

Drawn = tuple[FuturesAccount, dict[str, ContractRules], dict[str, Decimal]]
IsOver = Callable[[Fraction], bool]
EDGE = Fraction(1, 10**12)
STEPS = 24
levels = st.sampled_from(["0.3", "0.6", "0.95", "0.97", "1"]).map(Decimal)


def agrees(distance: Distance, is_over: IsOver) -> None:
    """Assert that a distance says what moving the market shows."""
    assert distance.is_known
    if is_over(Fraction(0)):
        assert (distance.down, distance.up) == (Decimal(0), Decimal(0))
        return
    lowest = Fraction(-999_999, 1_000_000)
    check_side(distance.down, lowest, is_over)
    check_side(distance.up, Fraction(50), is_over)


def check_side(move: Decimal | None, far: Fraction, is_over: IsOver) -> None:
    """One direction: safe up to the move and over just beyond it."""
    reach = far if move is None else Fraction(move)
    assert move is None or Fraction(-1) < reach
    for step in range(1, STEPS):
        assert not is_over(reach * step / STEPS)
    if move is None:
        assert not is_over(far)
        return
    sign = 1 if reach > 0 else -1
    assert not is_over(reach - sign * EDGE * (1 + abs(reach)))
    beyond = reach + sign * EDGE * (1 + abs(reach))
    assert is_over(beyond) or beyond <= -1


def moved(beta: Decimal | None, move: Fraction) -> Fraction:
    """The factor of a price, floored at zero."""
    return max(Fraction(0), 1 + (1 if beta is None else Fraction(beta)) * move)


@given(accounts, coin_prices, coefficients, levels, st.one_of(st.none(), betas))
def test_the_margin_distance_is_the_brute_force_one(
    account: dict[str, Balance],
    price: dict[str, Decimal],
    weights: dict[str, Decimal],
    level: Decimal,
    beta: dict[str, Decimal] | None,
) -> None:
    """Longs, shorts and mixed accounts, uniform and by betas of either sign."""
    terms = MarginTerms(prices=price, coefficients=weights, level=level)

    def is_over(move: Fraction) -> bool:
        at = {
            coin: Fraction(each)
            * (1 if coin == "USDT" else moved(beta[coin] if beta else None, move))
            for coin, each in price.items()
        }
        debt, asset = parts(account, at, weights)
        return debt > 0 and debt >= Fraction(level) * asset

    agrees(margin_distance(account, terms, beta), is_over)


def parts(
    account: dict[str, Balance], at: dict[str, Fraction], weights: dict[str, Decimal]
) -> tuple[Fraction, Fraction]:
    """Debt and weighted assets, so that a worthless account compares as well."""
    debt = sum((Fraction(b.liability) * at[c] for c, b in account.items()), Fraction(0))
    asset = sum(
        (Fraction(b.total) * Fraction(weights[c]) * at[c] for c, b in account.items()),
        Fraction(0),
    )
    return debt, asset


@given(accounts, coin_prices, coefficients, levels)
def test_the_ratio_at_the_distance_is_the_level(
    account: dict[str, Balance],
    price: dict[str, Decimal],
    weights: dict[str, Decimal],
    level: Decimal,
) -> None:
    """Revalued at the move, the account's debt ratio is the threshold."""
    terms = MarginTerms(prices=price, coefficients=weights, level=level)
    distance = margin_distance(account, terms)
    for move in (distance.down, distance.up):
        if move is None or move == 0:
            continue
        at = {
            coin: Fraction(each) * (1 if coin == "USDT" else 1 + Fraction(move))
            for coin, each in price.items()
        }
        ratio = naive_debt_ratio(account, at, weights)
        assert ratio is not None
        # The move has 28 digits; next to -1 fewer are left of the price factor.
        slack = Fraction(1, 10**24) / (1 + Fraction(move)) + Fraction(1, 10**24)
        assert abs(ratio - Fraction(level)) <= slack * (1 + ratio) * 1000


def account_rate(
    drawn: Drawn, beta: dict[str, Decimal] | None
) -> Callable[[Fraction, Decimal], bool]:
    """Whether a futures account is at or over a level after a move."""
    account, rules, marks = drawn

    def is_over(move: Fraction, level: Decimal) -> bool:
        at = {
            symbol: mark_at(
                mark, moved(beta[rules[symbol].base] if beta else None, move)
            )
            for symbol, mark in marks.items()
        }
        rate = naive_risk_rate(account, rules, at)
        return rate is None or (rate > 0 and rate >= Fraction(level))

    return is_over


def mark_at(mark: Decimal, factor: Fraction) -> Fraction:
    """A moved mark; a floored one is a hair above zero for the inverse contracts."""
    return Fraction(mark) * max(factor, Fraction(1, 10**18))


@given(
    st.one_of(futures(), futures(is_inverse=True)), levels, st.one_of(st.none(), betas)
)
def test_the_futures_distance_is_the_brute_force_one(
    drawn: Drawn, level: Decimal, beta: dict[str, Decimal] | None
) -> None:
    """Linear and inverse accounts, longs and shorts together, with open orders."""
    account, rules, marks = drawn
    table = None if beta is None else {**beta, "XBT": beta["BTC"], "SOL": beta["SOL"]}
    is_over = account_rate(drawn, table)
    shape = futures_shape(account, rules)
    distance = futures_distance(shape, marks, level, table)
    if not shape.has_exposure:
        assert distance == Distance(down=None, up=None)
        return

    agrees(distance, lambda move: is_over(move, level))


@given(st.data(), st.booleans(), decimals("500", "2000", 2))
def test_an_isolated_position_is_an_account_of_its_own(
    data: st.DataObject, is_inverse: bool, mark: Decimal
) -> None:
    """Its margin rate is its shape's rate, and its price is where that rate is 1."""
    rules = data.draw(contracts("XBTUSDTM", is_inverse=is_inverse))
    held = data.draw(positions(rules))
    numbers = isolated_numbers(rules, held, mark)
    assert numbers is not None
    shape = isolated_shape(rules, held, numbers.maintenance_margin_rate)
    measured = measure(shape, {rules.symbol: mark}).risk_rate
    assert measured is not None
    rate = numbers.margin_rate

    assert measured == rate or abs(measured - rate) <= rate * Decimal("1e-20")
    distance = futures_distance(shape, {rules.symbol: mark}, Decimal(1))
    price = numbers.liquidation_price
    if rate >= 1:
        assert (distance.down, distance.up) == (Decimal(0), Decimal(0))
    else:
        moves = [each for each in (distance.down, distance.up) if each is not None]
        assert len(moves) == (price is not None)
        for each in moves:
            assert price is not None
            assert abs(mark * (1 + each) - price) <= price * Decimal("1e-15")


def test_an_account_that_is_worthless_with_its_coins_is_not_reached() -> None:
    """Margin and requirement vanish together: the rate never reaches the level."""
    weights = {Decimal("-0.08"): Decimal("-0.11"), Decimal("-0.02"): Decimal("-0.07")}
    assert nearest_zeros(Decimal(0), weights) == (None, None)
    assert nearest_zeros(Decimal("1e-30"), weights) == (None, None)
    assert nearest_zeros(Decimal(0), {Decimal(3): Decimal(-1)}) == (None, None)
    assert nearest_zeros(Decimal(0), {Decimal(1): Decimal(-7)}) == (None, None)


@given(accounts, coin_prices, coefficients, st.sampled_from(COINS))
def test_an_unknown_distance_is_never_a_safe_one(
    account: dict[str, Balance],
    price: dict[str, Decimal],
    weights: dict[str, Decimal],
    coin: str,
) -> None:
    """A coin in use without a price makes the distance unknown, not infinite."""
    assume(coin in account and (account[coin].total or account[coin].liability))
    assume(any(each.liability for each in account.values()))
    known = {each: value for each, value in price.items() if each != coin}
    terms = MarginTerms(prices=known, coefficients=weights, level=Decimal("0.97"))
    distance = margin_distance(account, terms)

    assert not distance.is_known
    assert Missing(MissingKind.PRICE, coin) in distance.missing
    assert distance.down is None
    assert distance.up is None
