"""Worked examples of projections: what the account would be if a request were done."""

from decimal import Decimal

import pytest

from bot.domain.accounts import FUTURES, MAIN, MARGIN_CROSS, MarginMode, PositionKey
from bot.domain.intents import (
    AdjustMargin,
    Borrow,
    CancelOrder,
    PlaceOrder,
    Repay,
    Transfer,
)
from bot.domain.orders import OrderType, Side
from bot.shadow.project import (
    UnknownPriceError,
    expected_price,
    fill_cost,
    pair_mark,
    project,
)
from tests.unit.guard.bench import cross_long, depth, marked, position, shadow_of
from tests.unit.venue.builders import opening


def spot(side: Side, qty: str, price: str | None = None) -> PlaceOrder:
    """An order on BTC-USDT in the cross margin account."""
    return PlaceOrder(
        account=MARGIN_CROSS,
        symbol="BTC-USDT",
        side=side,
        qty=Decimal(qty),
        type=OrderType.MARKET if price is None else OrderType.LIMIT,
        price=None if price is None else Decimal(price),
    )


def test_a_sale_moves_coins_and_pays_the_fee_in_the_quote() -> None:
    """Selling 0.5 BTC at 50000 with 0.1 % gives 24975 USDT."""
    after = project(cross_long(), spot(Side.SELL, "0.5", "50000"))
    assert after.balance(MARGIN_CROSS, "BTC").total == Decimal("0.5")
    assert after.balance(MARGIN_CROSS, "USDT").total == Decimal(24975)


def test_a_purchase_pays_value_and_fee() -> None:
    """Buying 0.1 BTC at 50000 with 0.1 % costs 5005 USDT."""
    after = project(cross_long(), spot(Side.BUY, "0.1", "50000"))
    assert after.balance(MARGIN_CROSS, "BTC").total == Decimal("1.1")
    assert after.balance(MARGIN_CROSS, "USDT").total == Decimal(-5005)


def test_depth_worsens_the_price_both_ways() -> None:
    """A half-spread of 1 % makes a sale cheaper and a purchase dearer by 1 %."""
    shadow = depth(cross_long(), "BTC-USDT", "1000", spread="0.01")
    assert expected_price(shadow, spot(Side.SELL, "1")) == Decimal(49500)
    assert expected_price(shadow, spot(Side.BUY, "1")) == Decimal(50500)


def test_a_trade_costs_at_most_half_the_price() -> None:
    """However thin the market, the forecast stays a price."""
    shadow = depth(cross_long(), "BTC-USDT", "1", spread="7")
    assert fill_cost(shadow, "BTC-USDT", Decimal(1)) == Decimal("0.5")


def test_without_depth_ten_basis_points_are_assumed() -> None:
    """A market whose depth was never quoted, or has no volume, costs 0.1 %."""
    shadow = cross_long()
    assert fill_cost(shadow, "BTC-USDT", Decimal(1)) == Decimal("0.001")
    quiet = depth(shadow, "BTC-USDT", "0")
    assert fill_cost(quiet, "BTC-USDT", Decimal(1)) == Decimal("0.001")


def test_a_pair_is_priced_in_its_quote_when_that_left_its_peg() -> None:
    """With USDT at 0.80 dollars a BTC of 40000 dollars costs 50000 USDT."""
    shadow = marked(cross_long(), {"BTC": "40000", "USDT": "0.8"})
    assert pair_mark(shadow, "BTC-USDT") == Decimal(50000)
    assert pair_mark(shadow, "SOL-USDT") is None


def test_an_inverse_order_walks_its_depth_in_coins() -> None:
    """5000 lots of a dollar at 50000 are a tenth of a coin, not five thousand."""
    shadow = depth(cross_long(), "XBTUSDM", "10", spread="0.0002")
    order = PlaceOrder(
        account=FUTURES, symbol="XBTUSDM", side=Side.BUY, qty=Decimal(5000)
    )
    assert expected_price(shadow, order) == Decimal(50010)


def test_a_close_is_priced_by_what_it_trades() -> None:
    """A close order of a short buys, whatever side and size were written on it."""
    account = opening({"futures": {"USDT": "5000"}}, positions=[position(-100)])
    shadow = depth(shadow_of(account), "XBTUSDTM", "10", spread="0.01")
    order = PlaceOrder(
        account=FUTURES, symbol="XBTUSDTM", side=Side.SELL, qty=Decimal(1), close=True
    )
    assert expected_price(shadow, order) == Decimal(50500)
    assert project(shadow, order).positions == {}


def test_a_flip_of_an_isolated_position_frees_the_old_margin() -> None:
    """Long 100 lots with 900 of margin, sold 150: short 50 with margin of its own."""
    held = position(100, mode=MarginMode.ISOLATED, margin="900")
    shadow = shadow_of(opening({"futures": {"USDT": "5000"}}, positions=[held]))
    order = PlaceOrder(
        account=FUTURES,
        symbol="XBTUSDTM",
        side=Side.SELL,
        qty=Decimal(150),
        type=OrderType.LIMIT,
        price=Decimal(50000),
        margin_mode=MarginMode.ISOLATED,
        leverage=Decimal(5),
    )
    after = project(shadow, order).positions[PositionKey("XBTUSDTM")]
    assert (after.lots, after.margin) == (-50, Decimal(500))


def test_a_repayment_pays_interest_first_and_never_more_than_is_owed() -> None:
    """Repaying more than the debt ends it, and what is over stays."""
    shadow = shadow_of(
        opening(
            {"margin_cross": {"USDT": "500"}}, debts={"margin_cross": {"USDT": "300"}}
        )
    )
    after = project(
        shadow, Repay(account=MARGIN_CROSS, coin="USDT", amount=Decimal(400))
    )
    left = after.balance(MARGIN_CROSS, "USDT")
    assert (left.total, left.liability) == (Decimal(200), Decimal(0))


def test_a_loan_is_owned_and_owed() -> None:
    """Borrowing adds the same amount to the balance and to the principal."""
    after = project(
        cross_long(), Borrow(account=MARGIN_CROSS, coin="ETH", amount=Decimal(2))
    )
    got = after.balance(MARGIN_CROSS, "ETH")
    assert (got.total, got.principal) == (Decimal(2), Decimal(2))


def test_a_transfer_conserves_the_coin() -> None:
    """What leaves one account arrives in the other."""
    shadow = cross_long(main={"USDT": "900"})
    move = Transfer(
        source=MAIN, target=MARGIN_CROSS, coin="USDT", amount=Decimal("200.5")
    )
    after = project(shadow, move)
    assert after.balance(MAIN, "USDT").total == Decimal("699.5")
    assert after.balance(MARGIN_CROSS, "USDT").total == Decimal("200.5")


def test_margin_for_a_position_that_is_not_there_changes_nothing() -> None:
    """There is nothing to add margin to, nor an order to take away."""
    shadow = cross_long()
    more = AdjustMargin(symbol="XBTUSDTM", amount=Decimal(5))
    assert project(shadow, more) == shadow
    gone = CancelOrder(account=MARGIN_CROSS, symbol="BTC-USDT", order_id="o")
    assert project(shadow, gone) == shadow


@pytest.mark.parametrize(
    "order",
    [
        PlaceOrder(
            account=MARGIN_CROSS, symbol="SOL-USDT", side=Side.BUY, qty=Decimal(1)
        ),
        PlaceOrder(account=FUTURES, symbol="SOLUSDTM", side=Side.BUY, qty=Decimal(1)),
        PlaceOrder(
            account=FUTURES,
            symbol="SOLUSDTM",
            side=Side.BUY,
            qty=Decimal(1),
            price=Decimal(5),
        ),
    ],
)
def test_what_has_no_rules_or_price_cannot_be_projected(order: PlaceOrder) -> None:
    """An unknown price or rule is said, never guessed."""
    with pytest.raises(UnknownPriceError, match=r"(are|is) known"):
        project(cross_long(), order)
