"""Spot and margin orders that are refused, and client ids that are spent."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from bot.domain.accounts import MAIN, MARGIN_CROSS, SPOT, AccountId, isolated_account
from bot.domain.events import (
    Event,
    Filled,
)
from bot.domain.intents import PlaceOrder
from bot.domain.orders import OrderType, Outcome, Side
from connectors.venue.venue import Venue
from tests.unit.venue.builders import (
    DEEP,
    approved,
    instant,
    later,
    opening,
    settled,
    venue,
)


def _order(
    side: Side = Side.BUY,
    qty: str = "0.1",
    price: str | None = None,
    account: AccountId = SPOT,
) -> PlaceOrder:
    return PlaceOrder(
        account=account,
        symbol="BTC-USDT",
        side=side,
        qty=Decimal(qty),
        type=OrderType.MARKET if price is None else OrderType.LIMIT,
        price=None if price is None else Decimal(price),
    )


def _spot(usdt: str = "10000", btc: str = "1") -> Venue:
    return venue(opening({"spot": {"USDT": usdt, "BTC": btc}}))


def _fills(events: Sequence[Event]) -> list[Filled]:
    return [e for e in events if isinstance(e, Filled)]


def _usdt(sim: Venue) -> Decimal:
    return sim.snapshot().balances[SPOT]["USDT"].total


REFUSED: list[tuple[str, PlaceOrder, str, str]] = [
    ("no such pair", replace(_order(), symbol="XRP-USDT"), "900001", "126004"),
    ("step", _order(qty="0.100001"), "400100", "400400"),
    ("zero", _order(qty="0"), "400100", "400400"),
    ("no number", _order(qty="NaN"), "400100", "400100"),
    ("absurd", _order(qty="1e40"), "400100", "400100"),
    ("maximum", _order(qty="10001"), "400100", "400400"),
    ("tick", _order(price="49000.05"), "400100", "400400"),
    ("least funds", _order(qty="0.00001", price="100"), "400100", "126003"),
    ("balance", _order(qty="0.3"), "200004", "126013"),
    ("coins", _order(Side.SELL, qty="1.1"), "200004", "126013"),
    ("limit balance", _order(qty="0.3", price="40000"), "200004", "126013"),
    ("no price", replace(_order(), type=OrderType.LIMIT), "400100", "400400"),
    ("reduce only", replace(_order(), reduce_only=True), "400100", "400400"),
    ("market post only", replace(_order(), post_only=True), "400100", "400400"),
]


@pytest.mark.parametrize("account", [SPOT, MARGIN_CROSS])
@pytest.mark.parametrize(
    ("order", "on_spot", "on_margin"),
    [row[1:] for row in REFUSED],
    ids=[row[0] for row in REFUSED],
)
def test_refusals_carry_kucoins_codes_and_change_nothing(
    account: AccountId, order: PlaceOrder, on_spot: str, on_margin: str
) -> None:
    """A refused order leaves every balance and hold as it was."""
    sim = venue(
        opening(
            {
                "spot": {"USDT": "10000", "BTC": "1"},
                "margin_cross": {"USDT": "10000", "BTC": "1"},
            }
        )
    )
    before = sim.snapshot()

    events = sim.submit(later(1), approved(replace(order, account=account)))

    code = on_spot if account == SPOT else on_margin
    assert (settled(events).outcome, settled(events).code) == (Outcome.REFUSED, code)
    assert len(events) == 1
    assert sim.snapshot() == before
    looked = sim.find(later(2), approved(replace(order, account=account)))
    assert looked.outcome is Outcome.REFUSED


@pytest.mark.parametrize(
    ("account", "code"),
    [
        (SPOT, "400100"),
        (MARGIN_CROSS, "126044"),
        (isolated_account("BTC-USDT"), "126044"),
    ],
)
def test_a_client_id_is_spent_for_good(account: AccountId, code: str) -> None:
    """The second order of one client id is refused, also after the first is done."""
    sim = venue(opening({account: {"USDT": "10000"}}))
    order = _order(qty="0.01", account=account)
    first = settled(sim.submit(later(1), approved(order)))

    again = settled(sim.submit(later(2), approved(order)))

    assert (again.outcome, again.code) == (Outcome.REFUSED, code)
    found = sim.find(later(3), approved(order))
    assert (found.outcome, found.order_id) == (Outcome.DONE, first.order_id)


def test_a_refused_order_does_not_spend_its_client_id() -> None:
    """After a refusal the same id can be used for an order that is accepted."""
    sim = _spot()
    sim.submit(later(1), approved(_order(qty="5")))

    assert settled(sim.submit(later(2), approved(_order()))).outcome is Outcome.DONE


@pytest.mark.parametrize("bad", ["", "a b", "x" * 41, "id:1"])
def test_a_malformed_client_id_is_refused(bad: str) -> None:
    """Client ids are 1 to 40 letters, digits, underscores and dashes."""
    answer = settled(_spot().submit(later(1), approved(_order(), bad)))

    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "400100")


@pytest.mark.parametrize(
    ("account", "code"),
    [(SPOT, "400600"), (MARGIN_CROSS, "126009")],
)
def test_a_halted_pair_takes_no_orders_and_trades_none(
    account: AccountId, code: str
) -> None:
    """While halted new orders are refused and resting ones do not fill."""
    sim = venue(opening({account: {"USDT": "10000"}}))
    sim.submit(later(1), approved(_order(price="49000", account=account), "rests"))
    sim.tick(instant(later(2), btc="48000", halted={"BTC-USDT": True}))

    answer = settled(sim.submit(later(3), approved(_order(account=account))))

    assert (answer.outcome, answer.code) == (Outcome.REFUSED, code)
    resumed = sim.tick(instant(later(4), btc="48000", halted={"BTC-USDT": False}))
    assert len(_fills(resumed)) == 1


@pytest.mark.parametrize(
    ("account", "symbol", "code"),
    [
        (MAIN, "BTC-USDT", "400100"),
        (isolated_account("BTC-USDT"), "ETH-USDT", "130303"),
        (isolated_account("ETH-USDT"), "ETH-USDT", "130303"),
    ],
)
def test_an_account_trades_only_what_it_may(
    account: AccountId, symbol: str, code: str
) -> None:
    """The main account trades nothing, an isolated one its own pair only."""
    sim = venue(opening({"main": {"USDT": "10000"}}))
    order = replace(_order(account=account), symbol=symbol)

    assert settled(sim.submit(later(1), approved(order))).code == code


def test_a_pair_outside_cross_margin_is_refused() -> None:
    """Cross margin trades a pair only when both coins belong to it."""
    sim = venue(opening({"margin_cross": {"USDT": "10000"}}))
    coins = {c: r for c, r in sim.rules.margin_coins.items() if c != "BTC"}
    bare = venue(
        opening({"margin_cross": {"USDT": "10000"}}),
        with_rules=replace(sim.rules, margin_coins=coins),
    )

    answer = settled(bare.submit(later(1), approved(_order(account=MARGIN_CROSS))))

    assert answer.code == "130305"


def test_margin_orders_never_borrow() -> None:
    """A margin order may use what the account has, and no more."""
    sim = venue(opening({"margin_cross": {"USDT": "1000"}}))

    answer = settled(sim.submit(later(1), approved(_order(account=MARGIN_CROSS))))

    assert answer.code == "126013"


def test_a_maker_rebate_is_credited() -> None:
    """A negative maker rate pays the maker."""
    base = _spot().rules
    sim = venue(
        opening({"spot": {"USDT": "10000"}}),
        with_rules=replace(
            base,
            spot_fee_rates={"BTC-USDT": (Decimal("-0.00005"), Decimal("0.00025"))},
        ),
    )
    sim.submit(later(1), approved(_order(price="49000")))

    (fill,) = _fills(sim.tick(instant(later(60), btc="48000", liquidity=DEEP)))

    assert fill.fee == Decimal("-0.245")
    assert _usdt(sim) == Decimal(10000) - 4900 + Decimal("0.245")


def test_too_many_resting_orders_are_refused() -> None:
    """A pair takes 200 active orders."""
    sim = _spot(usdt="1000000")
    for number in range(200):
        sim.submit(later(1), approved(_order(qty="0.001", price="40000"), f"n{number}"))

    answer = settled(sim.submit(later(2), approved(_order(price="40000"))))

    assert answer.code == "200003"
