"""Laws of the risk rate, the curves, the prices of a level and order margin."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from hypothesis import assume, given
from hypothesis import strategies as st

from bot.domain.accounts import Position, PositionSide
from bot.domain.instruments import ContractRules, Lots
from bot.domain.orders import Side
from bot.risk.cross_price import help_page_liquidation_price, price_at_level
from bot.risk.curves import (
    initial_rate,
    maintenance_rate,
    margin_for_size,
    max_open_lots,
    max_open_size,
)
from bot.risk.funding import funding_payment
from bot.risk.futures import FuturesNumbers, futures_numbers, position_numbers
from bot.risk.futures_shape import FuturesAccount, OpenOrder, futures_shape
from bot.risk.order_margin import ContractTerms, contract_margin
from tests.property.risk.drawn import (
    contracts,
    decimals,
    futures,
    naive_risk_rate,
    positions,
)

CLOSE = Decimal("1e-15")
Drawn = tuple[FuturesAccount, dict[str, ContractRules], dict[str, Decimal]]
any_futures = st.one_of(futures(), futures(is_inverse=True))
any_contract = st.one_of(
    contracts("XBTUSDTM", is_inverse=False), contracts("XBTUSDM", is_inverse=True)
)


def rate_of(numbers: FuturesNumbers) -> Decimal:
    """The risk rate, which must be known here."""
    assert numbers.risk_rate is not None
    return numbers.risk_rate


@given(any_futures)
def test_the_risk_rate_is_the_naive_one(drawn: Drawn) -> None:
    """The exact rate equals the formula written down again in fractions."""
    numbers = futures_numbers(*drawn)
    naive = naive_risk_rate(*drawn)

    assert numbers.missing == ()
    if naive is None:
        assert rate_of(numbers).is_infinite()
    else:
        assert abs(Fraction(rate_of(numbers)) - naive) <= naive * Fraction(CLOSE)


@given(any_futures)
def test_the_parts_make_the_rate(drawn: Drawn) -> None:
    """Maintenance of positions and orders and fees add up, and TMMR is 1 / rate."""
    numbers = futures_numbers(*drawn)
    rate, total = rate_of(numbers), numbers.total_margin
    assert numbers.maintenance_margin is not None
    assert numbers.order_maintenance_margin is not None
    assert numbers.closing_fee is not None
    assert numbers.opening_fee is not None
    assert total is not None
    need = numbers.maintenance_margin + numbers.order_maintenance_margin
    need += numbers.closing_fee
    account, contracts, marks = drawn
    alone = position_numbers(futures_shape(account, contracts), marks)
    own = sum(each.maintenance_margin or 0 for each in alone.values())

    assert abs(own - numbers.maintenance_margin) <= need * CLOSE
    assert numbers.order_maintenance_margin >= -need * CLOSE
    if rate.is_finite() and rate > 0:
        assert abs(need - rate * (total - numbers.opening_fee)) <= need * CLOSE
        assert numbers.tmmr is not None
        assert abs(numbers.tmmr * rate - 1) <= CLOSE


@given(any_futures, decimals("0.01", "1000", 2))
def test_added_margin_lowers_the_rate(drawn: Drawn, more: Decimal) -> None:
    """More wallet is strictly safer while there is something at risk."""
    account, rules, marks = drawn
    before = rate_of(futures_numbers(account, rules, marks))
    assume(before > 0)
    assert account.wallet is not None
    richer = replace(account, wallet=account.wallet + more)
    after = rate_of(futures_numbers(richer, rules, marks))

    assert after < before or before.is_infinite()


@given(any_futures, decimals("1", "100", 0))
def test_leverage_is_not_in_the_rate(drawn: Drawn, leverage: Decimal) -> None:
    """Leverage limits opening and never moves the risk rate."""
    account, rules, marks = drawn
    moved = replace(
        account,
        positions=tuple(replace(each, leverage=leverage) for each in account.positions),
    )

    assert futures_numbers(moved, rules, marks) == futures_numbers(
        account, rules, marks
    )


@given(any_futures)
def test_reduce_only_and_close_orders_cost_nothing(drawn: Drawn) -> None:
    """Leaving out the orders that can only reduce changes no number."""
    account, rules, marks = drawn
    live = tuple(o for o in account.orders if not o.reduce_only and not o.close)
    bare = replace(account, orders=live)

    assert futures_numbers(bare, rules, marks) == futures_numbers(account, rules, marks)


@given(any_contract, st.data(), decimals("500", "2000", 2), st.integers(1, 5000))
def test_a_covered_opposite_order_needs_no_margin(
    rules: ContractRules, data: st.DataObject, mark: Decimal, lots: int
) -> None:
    """An opposite order no larger than the position changes neither kind of margin."""
    held = data.draw(positions(rules))
    opposite = Side.SELL if held.lots > 0 else Side.BUY
    order = OpenOrder(
        symbol=rules.symbol, side=opposite, lots=Lots(min(lots, abs(held.lots)))
    )
    alone = FuturesAccount(
        settle=rules.settle, wallet=Decimal(10**6), positions=(held,)
    )
    both = replace(alone, orders=(order,))
    marks, terms = (
        {rules.symbol: mark},
        ContractTerms(rules=rules, mark=mark, leverage=Decimal(10)),
    )
    one = futures_numbers(alone, {rules.symbol: rules}, marks)
    two = futures_numbers(both, {rules.symbol: rules}, marks)

    assert two.maintenance_margin == one.maintenance_margin
    assert two.order_maintenance_margin == one.order_maintenance_margin == 0
    assert two.closing_fee == one.closing_fee
    assert contract_margin(both, terms) == contract_margin(alone, terms)


@given(any_contract, st.data(), decimals("500", "2000", 2))
def test_the_sides_of_hedge_mode_add_up(
    rules: ContractRules, data: st.DataObject, mark: Decimal
) -> None:
    """Long and short of one contract each bear their own maintenance."""
    long = data.draw(positions(rules, PositionSide.LONG))
    short = data.draw(positions(rules, PositionSide.SHORT))

    def maintenance(*held: Position) -> Decimal:
        account = FuturesAccount(
            settle=rules.settle, wallet=Decimal(10**6), positions=held
        )
        numbers = futures_numbers(account, {rules.symbol: rules}, {rules.symbol: mark})
        assert numbers.maintenance_margin is not None
        return numbers.maintenance_margin

    both, parts = maintenance(long, short), maintenance(long) + maintenance(short)
    assert abs(both - parts) <= both * CLOSE


@given(any_contract, decimals("0", "10000000", 0), decimals("0", "10000000", 0))
def test_maintenance_grows_with_size_to_its_limit(
    rules: ContractRules, size: Decimal, more: Decimal
) -> None:
    """MMR never falls with size and never passes its limit; IMR is never below it."""
    small, large = maintenance_rate(rules, size), maintenance_rate(rules, size + more)
    initial = initial_rate(rules, size, Decimal(5))

    assert small is not None
    assert large is not None
    assert initial is not None
    assert rules.mmr_limit is not None
    assert small <= large <= rules.mmr_limit
    assert initial >= small


@given(
    any_contract,
    decimals("1", "200000", 2),
    decimals("1", "125", 0),
    decimals("0.01", "1000000", 2),
)
def test_margin_for_the_maximum_size_is_the_funds(
    rules: ContractRules, price: Decimal, leverage: Decimal, funds: Decimal
) -> None:
    """Maximum open size and margin for a size undo each other."""
    size = max_open_size(rules, price, leverage, funds)
    assert size is not None
    back = margin_for_size(rules, price, leverage, size)
    assert back is not None

    # A tiny size/k loses digits to cancellation in neither direction beyond this.
    assert abs(back - funds) <= funds * Decimal("1e-12")


@given(
    any_contract,
    decimals("1", "200000", 2),
    decimals("1", "125", 0),
    decimals("0.01", "1000000", 2),
    st.integers(0, 1000),
)
def test_open_lots_are_whole_affordable_and_capped(
    rules: ContractRules, price: Decimal, leverage: Decimal, funds: Decimal, held: int
) -> None:
    """The lots with what is held cost no more than the funds, one more lot would."""
    lots = max_open_lots(rules, price, leverage, funds, held)
    assert lots is not None

    def needed(count: int) -> Decimal:
        size = rules.curve_size(Decimal(count))
        margin = margin_for_size(rules, price, leverage, size)
        assert margin is not None
        return margin

    slack = 1 + Decimal("1e-12")
    assert 0 <= lots <= rules.max_order_lots
    if lots:
        assert needed(lots + held) <= funds * slack
    if lots < rules.max_order_lots:
        assert needed(lots + held + 1) * slack >= funds


@given(any_futures, st.sampled_from(["0.3", "0.95", "1"]))
def test_the_price_of_a_level_has_that_rate(drawn: Drawn, level_text: str) -> None:
    """At the price the rate is the level; without one, no price crosses it."""
    account, rules, marks = drawn
    level = Decimal(level_text)
    shape = futures_shape(account, rules)
    for symbol in rules:
        price = price_at_level(shape, marks, symbol, level)

        def rate_at(mark: Decimal, name: str = symbol) -> Decimal:
            return rate_of(futures_numbers(account, rules, {**marks, name: mark}))

        if price is None:
            tried = [marks[symbol] * Decimal(2) ** power for power in range(-12, 13)]
            assert len({rate_at(mark) >= level for mark in tried}) == 1
            continue
        below, above = rate_at(price * (1 - CLOSE)), rate_at(price * (1 + CLOSE))
        assert (below >= level) is not (above >= level)


@given(any_contract, st.data(), decimals("500", "2000", 2), decimals("1", "1000", 2))
def test_one_position_is_liquidated_where_the_help_page_says(
    rules: ContractRules, data: st.DataObject, mark: Decimal, wallet: Decimal
) -> None:
    """For a single position the AMR formula is the exact price."""
    held = data.draw(positions(rules))
    account = FuturesAccount(settle=rules.settle, wallet=wallet, positions=(held,))
    shape = futures_shape(account, {rules.symbol: rules})
    exact = price_at_level(shape, {}, rules.symbol, Decimal(1))
    shown = help_page_liquidation_price(shape, {rules.symbol: mark}, rules.symbol)

    if exact is None or shown is None:
        assert exact is shown is None
    else:
        assert abs(exact - shown) <= exact * CLOSE


@given(
    any_contract,
    st.integers(1, 10**6),
    decimals("1", "200000", 2),
    decimals("-0.01", "0.01", 6),
)
def test_funding_of_long_and_short_cancels(
    rules: ContractRules, lots: int, mark: Decimal, rate: Decimal
) -> None:
    """What the long pays is what the short of the same size gets."""
    long = funding_payment(rules, Lots(lots), mark, rate)
    short = funding_payment(rules, Lots(-lots), mark, rate)

    assert long + short == 0
    assert long <= 0 or rate < 0
