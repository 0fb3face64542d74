"""Laws of the debt ratio, the isolated price, borrowing and transfers."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from hypothesis import assume, given
from hypothesis import strategies as st

from bot.domain.accounts import Balance
from bot.domain.instruments import CollateralTier, MarginCoinRules
from bot.risk.collateral import (
    Collateral,
    borrow_room,
    collateral_of,
    max_borrow,
    tiered_value,
    transferable_out,
)
from bot.risk.margin import (
    IsolatedPairState,
    debt_ratio,
    isolated_liquidation_price,
    margin_numbers,
)
from bot.risk.missing import Missing, MissingKind
from tests.property.risk.drawn import (
    COINS,
    accounts,
    amounts,
    balances,
    coefficients,
    coin_prices,
    decimals,
    fractions_of_one,
    naive_debt_ratio,
    prices,
)

CLOSE = Decimal("1e-20")


@given(accounts, coin_prices, coefficients)
def test_the_ratio_is_the_naive_one(
    account: dict[str, Balance],
    price: dict[str, Decimal],
    weights: dict[str, Decimal],
) -> None:
    """The exact ratio equals the formula written down again in fractions."""
    ratio = margin_numbers(account, price, weights).debt_ratio
    assert ratio is not None
    naive = naive_debt_ratio(
        account, {c: Fraction(p) for c, p in price.items()}, weights
    )

    if naive is None:
        assert ratio.is_infinite()
    else:
        assert abs(Fraction(ratio) - naive) <= naive * Fraction(CLOSE)


@given(accounts, coin_prices, coefficients, st.sampled_from(COINS), amounts)
def test_more_debt_never_looks_safer(
    account: dict[str, Balance],
    price: dict[str, Decimal],
    weights: dict[str, Decimal],
    coin: str,
    more: Decimal,
) -> None:
    """The ratio does not fall when a debt grows."""
    before = margin_numbers(account, price, weights).debt_ratio
    held = account.get(coin, Balance())
    after = {**account, coin: replace(held, principal=held.principal + more)}
    worse = margin_numbers(after, price, weights).debt_ratio

    assert before is not None
    assert worse is not None
    assert worse >= before


@given(accounts, coin_prices, coefficients, decimals("0.001", "1000", 3))
def test_the_numeraire_does_not_matter(
    account: dict[str, Balance],
    price: dict[str, Decimal],
    weights: dict[str, Decimal],
    factor: Decimal,
) -> None:
    """Scaling all prices leaves the ratio where it is."""
    one = margin_numbers(account, price, weights).debt_ratio
    scaled = {coin: each * factor for coin, each in price.items()}
    other = margin_numbers(account, scaled, weights).debt_ratio

    assert one is not None
    assert other is not None
    assert one == other or abs(one - other) <= one * CLOSE


@given(accounts, coin_prices, coefficients, st.data())
def test_the_order_of_coins_does_not_matter(
    account: dict[str, Balance],
    price: dict[str, Decimal],
    weights: dict[str, Decimal],
    data: st.DataObject,
) -> None:
    """The same account in another order has the same numbers."""
    coins = data.draw(st.permutations(list(account)))
    one = margin_numbers(account, price, weights).debt_ratio
    other = margin_numbers({c: account[c] for c in coins}, price, weights).debt_ratio

    assert one is not None
    assert other is not None
    assert one == other or abs(one - other) <= one * CLOSE


@given(accounts, coin_prices, coefficients, st.sampled_from(COINS))
def test_a_missing_price_is_named_and_never_zero(
    account: dict[str, Balance],
    price: dict[str, Decimal],
    weights: dict[str, Decimal],
    coin: str,
) -> None:
    """Without a price of a coin in use the totals that need it are not known."""
    held = account.get(coin, Balance())
    known = {each: value for each, value in price.items() if each != coin}
    numbers = margin_numbers(account, known, weights)
    is_used = bool(held.total or held.liability)

    assert (Missing(MissingKind.PRICE, coin) in numbers.missing) is is_used
    assert (numbers.total_asset is None) is bool(held.total)
    assert (numbers.total_debt is None) is bool(held.liability)
    if numbers.debt_ratio is not None:
        full = margin_numbers(account, price, weights).debt_ratio
        assert numbers.debt_ratio == full


@given(
    balances, balances, fractions_of_one, fractions_of_one, decimals("0.5", "0.99", 2)
)
def test_the_isolated_price_is_the_border(
    base: Balance,
    quote: Balance,
    base_weight: Decimal,
    quote_weight: Decimal,
    limit: Decimal,
) -> None:
    """The pair is over its limit on one side of the price and under it on the other."""
    pair = IsolatedPairState(
        base=base,
        quote=quote,
        base_coefficient=base_weight,
        quote_coefficient=quote_weight,
    )
    price = isolated_liquidation_price(pair, limit)

    def is_over(at: Decimal) -> bool:
        asset = base.total * base_weight * at + quote.total * quote_weight
        return debt_ratio(base.liability * at + quote.liability, asset) >= limit

    if price is None:
        seen = {is_over(Decimal(10) ** power) for power in range(-9, 12)}
        assert len(seen) == 1 or base.total or base.liability
        if not (base.liability or quote.liability):
            assert seen == {False}
        return
    near, far = price * Decimal("0.999999"), price * Decimal("1.000001")
    assert is_over(near) is not is_over(far)


slices = st.lists(
    st.tuples(decimals("1", "100000", 0), fractions_of_one), min_size=1, max_size=5
)


def tiers_of(parts: list[tuple[Decimal, Decimal]]) -> tuple[CollateralTier, ...]:
    """Adjoining tiers with falling ratios."""
    tiers, low = [], Decimal(0)
    for width, ratio in sorted(parts, key=lambda each: each[1], reverse=True):
        tiers.append(CollateralTier(lower=low, upper=low + width, ratio=ratio))
        low += width
    return tuple(tiers)


@given(slices, amounts, amounts)
def test_collateral_grows_with_value_but_not_faster(
    parts: list[tuple[Decimal, Decimal]], value: Decimal, more: Decimal
) -> None:
    """Tiered value is never above the value, never falls and never outruns it."""
    tiers = tiers_of(parts)
    gain = tiered_value(value + more, tiers) - tiered_value(value, tiers)

    assert tiered_value(value, tiers) <= value
    assert 0 <= gain <= more


@given(slices, decimals("0.01", "1000", 2), prices, decimals("0.0001", "0.7", 4))
def test_what_may_leave_keeps_the_sixty_per_cent_rule(
    parts: list[tuple[Decimal, Decimal]], coins: Decimal, price: Decimal, share: Decimal
) -> None:
    """Taking out the maximum leaves debt at 60 % of collateral, or nothing is left."""
    tiers = tiers_of(parts)
    debt = share * tiered_value(coins * price, tiers)
    held = {"ABC": Balance(total=coins), "USDT": Balance(principal=debt)}
    marks = {"ABC": price, "USDT": Decimal(1)}
    table = {"ABC": tiers, "USDT": ()}
    before = collateral_of(held, marks, table)
    out = transferable_out(before, held["ABC"], price, tiers)
    assert out is not None
    assert 0 <= out <= coins
    assert (out > 0) or share >= Decimal("0.6")

    def ratio_after(amount: Decimal) -> Decimal:
        value = tiered_value((coins - amount) * price, tiers)
        return debt_ratio(debt, value)

    slack = Decimal("1e-9")
    if out > 0:
        assert ratio_after(out * (1 - slack)) <= Decimal("0.6") * (1 + slack)
    if 0 < out < coins:
        assert ratio_after(min(out * (1 + slack), coins)) >= Decimal("0.6") * (
            1 - slack
        )


@given(amounts, amounts, decimals("1.01", "10", 2), prices, decimals("0.001", "100", 3))
def test_borrowing_the_maximum_uses_the_leverage_and_no_more(
    value: Decimal, debt: Decimal, leverage: Decimal, price: Decimal, unit: Decimal
) -> None:
    """After the largest loan the debt is at most (L - 1) times the equity."""
    assume(debt <= value)
    room = borrow_room(Collateral(value=value, debt=debt), leverage)
    rules = MarginCoinRules(
        coin="ABC",
        coefficient=Decimal(1),
        borrow_min=unit,
        borrow_unit=unit,
        borrow_max=Decimal(10**6),
    )
    assert room is not None
    loan = max_borrow(room, price, Decimal(0), rules)
    assert loan is not None

    assert loan % unit == 0
    limit = (leverage - 1) * (value - debt)
    assert loan == 0 or debt + loan * price <= limit * (1 + CLOSE)
