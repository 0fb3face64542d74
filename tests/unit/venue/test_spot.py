"""Spot and margin orders: what is refused, held, traded and booked."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from bot.domain.accounts import MAIN, MARGIN_CROSS, SPOT, AccountId, isolated_account
from bot.domain.events import (
    Cause,
    Event,
    Filled,
    HoldChanged,
    LedgerBooked,
    OrderChanged,
)
from bot.domain.intents import CancelOrder, PlaceOrder
from bot.domain.orders import OrderState, OrderType, Outcome, Side, TimeInForce
from connectors.venue.venue import Venue
from tests.unit.venue.builders import (
    DEEP,
    RATES,
    THIN,
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


def _last_order(events: Sequence[Event]) -> OrderChanged:
    return [e for e in events if isinstance(e, OrderChanged)][-1]


def _usdt(sim: Venue) -> Decimal:
    return sim.snapshot().balances[SPOT]["USDT"].total


def test_a_market_buy_pays_price_and_fee_in_the_quote_coin() -> None:
    """0.1 BTC at 50000 plus 2 bp and impact; the fee of 0.1 % is apart."""
    sim = _spot()

    events = sim.submit(later(1), approved(_order()))

    assert settled(events).outcome is Outcome.DONE
    (fill,) = _fills(events)
    funds = fill.price * fill.qty
    causes = [e.cause for e in events if isinstance(e, LedgerBooked)]
    assert causes == [Cause.TRADE, Cause.FEE]
    assert Decimal(50010) <= fill.price <= Decimal(50015)
    assert fill.reference_price == 50000
    assert fill.fee == funds * Decimal("0.001")
    assert _usdt(sim) == 10000 - funds - fill.fee
    assert sim.snapshot().balances[SPOT]["BTC"].total == Decimal("1.1")
    assert _last_order(events).state is OrderState.FILLED


def test_a_market_sale_receives_less_than_the_mid() -> None:
    """A sale walks the bids, and pays its fee from what it receives."""
    sim = _spot()

    (fill,) = _fills(sim.submit(later(1), approved(_order(Side.SELL))))

    assert fill.price < 50000
    assert _usdt(sim) == 10000 + fill.price * fill.qty - fill.fee


def test_a_limit_buy_holds_price_and_fee_until_it_is_cancelled() -> None:
    """KuCoin freezes price times size and the fee ahead."""
    sim = _spot()

    events = sim.submit(later(1), approved(_order(price="49000")))

    hold = next(e for e in events if isinstance(e, HoldChanged))
    assert hold.hold == Decimal("4904.9")
    assert _last_order(events).state is OrderState.OPEN
    order_id = settled(events).order_id
    assert order_id is not None
    cancel = CancelOrder(account=SPOT, symbol="BTC-USDT", order_id=order_id)
    done = sim.submit(later(2), approved(cancel, "c-1"))
    assert settled(done).outcome is Outcome.DONE
    assert sim.snapshot().balances[SPOT]["USDT"].hold == 0
    again = settled(sim.submit(later(3), approved(cancel, "c-2")))
    assert (again.outcome, again.code) == (Outcome.REFUSED, "400100")
    assert sim.find(later(4), approved(cancel, "c-1")).outcome is Outcome.DONE


def test_a_sale_holds_the_base_coin() -> None:
    """A resting sale freezes the coins it offers."""
    sim = _spot()

    sim.submit(later(1), approved(_order(Side.SELL, price="51000")))

    assert sim.snapshot().balances[SPOT]["BTC"].hold == Decimal("0.1")


@pytest.mark.parametrize(
    ("last", "fills"),
    [("49000.1", 0), ("49000", 0), ("48999.9", 1)],
    ids=["above", "touched", "through"],
)
def test_a_resting_order_fills_only_when_traded_through(last: str, fills: int) -> None:
    """The last price must be strictly beyond it; it then trades at its own price."""
    sim = _spot()
    sim.submit(later(1), approved(_order(price="49000")))

    found = _fills(sim.tick(instant(later(60), btc=last, liquidity=DEEP)))

    assert len(found) == fills
    for fill in found:
        assert fill.price == 49000
        assert fill.is_maker
        assert fill.reference_price == Decimal(last)
        assert sim.snapshot().balances[SPOT]["USDT"].hold == 0


def test_the_depth_caps_a_market_order_and_the_rest_is_cancelled() -> None:
    """A tenth of a minute's volume of 10 is there: 1 BTC; the rest is cancelled."""
    sim = venue(
        opening({"spot": {"USDT": "200000"}}),
        first=instant(liquidity=THIN, rates=RATES),
    )

    events = sim.submit(later(1), approved(_order(qty="2.5")))

    last = _last_order(events)
    assert (last.state, last.filled_qty) == (OrderState.CANCELLED, Decimal(1))
    assert last.reason is not None
    assert len(_fills(events)) > 1


def test_what_was_taken_flows_back_within_a_minute() -> None:
    """Half a minute later half of the depth is back, after a minute all of it."""
    sim = venue(
        opening({"spot": {"USDT": "500000"}}),
        first=instant(liquidity=THIN, rates=RATES),
    )

    got = [
        _last_order(sim.submit(later(s), approved(_order(qty="2"), f"i-{n}")))
        for n, s in enumerate((0, 0, 30, 120))
    ]

    assert [g.filled_qty for g in got] == [
        Decimal(1),
        Decimal(0),
        Decimal("0.5"),
        Decimal(1),
    ]


def test_a_resting_order_gets_no_more_than_the_depth() -> None:
    """Makers trade out of the same volume: 1 BTC a minute of the 3 that rest."""
    sim = venue(
        opening({"spot": {"USDT": "500000"}}),
        first=instant(liquidity=THIN, rates=RATES),
    )
    sim.submit(later(1), approved(_order(qty="3", price="49000")))

    events = sim.tick(instant(later(60), btc="48000", liquidity=THIN))

    last = _last_order(events)
    assert (last.state, last.filled_qty) == (OrderState.OPEN, Decimal(1))
    hold = sim.snapshot().balances[SPOT]["USDT"].hold
    assert hold == 2 * 49000 * Decimal("1.001")


@pytest.mark.parametrize(
    ("tif", "state", "filled"),
    [
        (TimeInForce.GTC, OrderState.OPEN, "1"),
        (TimeInForce.IOC, OrderState.CANCELLED, "1"),
        (TimeInForce.FOK, OrderState.CANCELLED, "0"),
    ],
)
def test_time_in_force_says_what_happens_to_the_rest(
    tif: TimeInForce, state: OrderState, filled: str
) -> None:
    """GTC rests, IOC cancels the rest, FOK takes all or nothing."""
    sim = venue(
        opening({"spot": {"USDT": "200000"}}),
        first=instant(liquidity=THIN, rates=RATES),
    )
    order = replace(_order(qty="2", price="54000"), time_in_force=tif)

    last = _last_order(sim.submit(later(1), approved(order)))

    assert (last.state, last.filled_qty) == (state, Decimal(filled))


@pytest.mark.parametrize(
    ("price", "state"),
    [("50015", OrderState.CANCELLED), ("50000", OrderState.OPEN)],
)
def test_post_only_is_accepted_and_cancelled_when_it_would_take(
    price: str, state: OrderState
) -> None:
    """It never trades as taker, and it is not refused either."""
    sim = _spot()
    order = replace(_order(price=price), post_only=True)

    events = sim.submit(later(1), approved(order))

    assert settled(events).outcome is Outcome.DONE
    assert _fills(events) == []
    assert _last_order(events).state is state
    held = sim.snapshot().balances[SPOT]["USDT"].hold
    assert (held == 0) == (state is OrderState.CANCELLED)


def test_price_protection_cancels_what_reaches_too_far() -> None:
    """A limit 20 % above the last price takes what is near, the rest is cancelled."""
    sim = venue(
        opening({"spot": {"USDT": "500000"}}),
        first=instant(liquidity=THIN, rates=RATES),
    )

    last = _last_order(sim.submit(later(1), approved(_order(qty="3", price="60000"))))

    assert (last.state, last.filled_qty) == (OrderState.CANCELLED, Decimal(1))
    assert last.reason is not None
    assert "protection" in last.reason


def test_a_wild_book_fills_a_market_order_only_up_to_the_protection() -> None:
    """Beyond 10 % from the last price nothing trades."""
    wild = replace(THIN, sigma_1m=Decimal(1))
    sim = venue(
        opening({"spot": {"USDT": "500000"}}),
        first=instant(liquidity=wild, rates=RATES),
    )

    events = sim.submit(later(1), approved(_order(qty="1")))

    assert max(f.price for f in _fills(events)) <= 55000
    assert _last_order(events).state is OrderState.CANCELLED


REFUSED: list[tuple[str, PlaceOrder, str, str]] = [
    ("no such pair", replace(_order(), symbol="XRP-USDT"), "900001", "126004"),
    ("step", _order(qty="0.100001"), "400100", "400400"),
    ("zero", _order(qty="0"), "400100", "400400"),
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
