"""The private pushes of both hosts, as the bot's own readers read them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.domain.accounts import MARGIN_CROSS, SPOT, AccountId, isolated_account
from bot.domain.events import AccountStatus
from bot.domain.intents import Borrow, PlaceOrder, Repay
from bot.domain.orders import OrderState, OrderType, Side
from connectors.kucoin.parse import (
    account_pushes,
    futures_orders,
    ledgers,
    margin_pushes,
    positions,
    spot_orders,
    wallets,
)
from tests.contract.sockets_bench import Client, Place, margin_account
from tests.unit.venue.builders import opening


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    """A futures account with 10,000 USDT and a coin, nothing held."""
    async with Place().open() as found:
        yield found


# -- futures, private -----------------------------------------------------


async def test_a_futures_order_is_told_step_by_step(place: Place) -> None:
    """A resting order: open, match, filled, each once."""
    async with place.client("futures") as client:
        await client.hear("/contractMarket/tradeOrders", is_private=True)
        order_id = place.served.place("a", type="limit", price="49500", size=3)
        opened = futures_orders.futures_order_push(
            await client.one("symbolOrderChange")
        )
        assert (opened.order_id, opened.change, opened.client_id) == (
            order_id,
            "open",
            "a",
        )
        place.served.tick("49400")
        match, filled = (
            futures_orders.futures_order_push(node)
            for node in await client.push("symbolOrderChange", 2)
        )
        assert (match.change, match.match_lots, match.is_maker) == ("match", 3, True)
        assert match.match_price == Decimal(49500)
        assert (filled.change, filled.state) == ("filled", OrderState.FILLED)
        assert await client.is_quiet()


async def test_a_push_comes_under_the_topic_that_was_asked_for(place: Place) -> None:
    """Who hears all and one of them gets both, each under its own name."""
    async with place.client("futures") as client:
        for topic in (
            "/contractMarket/tradeOrders",
            "/contractMarket/tradeOrders:XBTUSDTM",
        ):
            await client.hear(topic, is_private=True)
        place.served.place("a", type="limit", price="49500")
        found = await client.push("symbolOrderChange", 2)
        assert [node["topic"].text() for node in found] == [
            "/contractMarket/tradeOrders",
            "/contractMarket/tradeOrders:XBTUSDTM",
        ]


async def test_a_cancelled_order_says_what_was_left(place: Place) -> None:
    """A cancel is pushed with the size that was not filled."""
    async with place.client("futures") as client:
        await client.hear("/contractMarket/tradeOrders", is_private=True)
        order_id = place.served.place("a", type="limit", price="48000", size=3)
        place.served.ask("DELETE", f"/api/v1/orders/{order_id}")
        opened, gone = await client.push("symbolOrderChange", 2)
        assert opened["data"]["type"].text() == "open"
        assert gone["data"]["canceledSize"].text() == "3"
        push = futures_orders.futures_order_push(gone)
        assert (push.change, push.state) == ("canceled", OrderState.CANCELLED)


async def test_positions_and_wallets_follow_a_trade(place: Place) -> None:
    """A fill changes position and wallet; the wallet's identities hold exactly."""
    async with place.client("futures") as client:
        await client.hear("/contract/positionAll", is_private=True)
        await client.hear("/contractAccount/wallet", is_private=True)
        place.served.place("a", size=20)
        node = await client.one("position.change")
        change = positions.position_change_push(node)
        assert (change.symbol, change.reason) == ("XBTUSDTM", "positionChange")
        assert change.line is not None
        assert change.line.lots == 20
        first = wallets.wallet(await client.one("walletBalance.change"))
        place.served.tick("50400")
        mark = positions.position_change_push(await client.one("position.change"))
        assert (mark.line, mark.mark_price) == (None, Decimal(50400))
        later = wallets.wallet(await client.one("walletBalance.change"))
        assert later.version == first.version
        for one in (first, later):
            _check_wallet(one)
        assert later.balance == first.balance
        assert (later.cross_unrealised_pnl or 0) > (first.cross_unrealised_pnl or 0)


def _check_wallet(one: wallets.Wallet) -> None:
    """Total cross margin and equity, as futures-and-unified.md 2.1 has them."""
    parts = [
        one.balance,
        one.isolated_order_margin,
        one.isolated_position_margin,
        one.cross_unrealised_pnl,
        one.isolated_unrealised_pnl,
    ]
    balance, orders, held, cross, isolated = (part or Decimal(0) for part in parts)
    assert one.total_cross_margin == balance - orders - held + cross
    assert one.equity == balance + cross + isolated


async def test_a_closed_position_is_told_as_closed(place: Place) -> None:
    """Closing pushes a position of no lots with what it earned."""
    place.served.place("a", size=20)
    async with place.client("futures") as client:
        await client.hear("/contract/positionAll", is_private=True)
        place.served.place("b", closeOrder=True)
        node = await client.one("position.change")
        change = positions.position_change_push(node)
        assert change.line is not None
        assert change.line.lots == 0
        assert node["data"]["isOpen"].flag() is False
        (row,) = place.served.ask("GET", "/api/v1/history-positions")["items"]
        assert node["data"]["realisedPnl"].decimal() == Decimal(row["pnl"])


async def test_a_liquidation_is_told_everywhere() -> None:
    """Orders say liquid, the position its reason, the wallet what is left."""
    async with Place(opening({"futures": {"USDT": "100"}})).open() as place:
        place.served.place("a", size=90, leverage=100)
        async with place.client("futures") as client:
            await client.hear("/contractMarket/tradeOrders", is_private=True)
            await client.hear("/contract/positionAll", is_private=True)
            place.served.tick("47000")
            forced = futures_orders.futures_order_push(
                await client.one("symbolOrderChange")
            )
            assert (forced.forced, forced.lots) == ("liquid", 90)
            node = await client.until(
                lambda found: (
                    found.get("subject") == "position.change"
                    and "currentQty" in found["data"]
                )
            )
            assert node["data"]["changeReason"] == "liquidation"


async def test_modes_leverages_and_stops_are_pushed(place: Place) -> None:
    """What a person may switch is pushed to the account's other screens."""
    async with place.client("futures") as client:
        for topic in (
            "/contract/marginMode",
            "/contract/crossLeverage",
            "/contractMarket/advancedOrders",
        ):
            await client.hear(topic, is_private=True)
        served = place.served
        gear = {"symbol": "XBTUSDTM", "leverage": "7"}
        served.ask("POST", "/api/v2/changeCrossUserLeverage", gear)
        found = account_pushes.user_config_push(await client.one("user.config"))
        assert isinstance(found, account_pushes.CrossLeverageChange)
        served.place("s", stop="up", stopPrice="51000", stopPriceType="TP")
        stop = account_pushes.stop_order_push(await client.one("stopOrder"))
        assert (stop.change, stop.stop_price) == ("open", Decimal(51000))
        served.tick("51000")
        stop = account_pushes.stop_order_push(await client.one("stopOrder"))
        assert stop.change == "triggered"


# -- spot and margin, private ---------------------------------------------


@asynccontextmanager
async def _margin_place() -> AsyncIterator[tuple[Place, Client]]:
    """A venue with margin debts and a private client of its spot host."""
    async with Place(margin_account()).open() as place, place.client("spot") as client:
        yield place, client


def _buy(account: AccountId, *, price: str | None = None) -> PlaceOrder:
    """A tenth of a thousandth of a coin."""
    return PlaceOrder(
        account=account,
        symbol="BTC-USDT",
        side=Side.BUY,
        qty=Decimal("0.001"),
        type=OrderType.MARKET if price is None else OrderType.LIMIT,
        price=None if price is None else Decimal(price),
    )


async def test_a_spot_order_is_told_in_both_versions() -> None:
    """Version 2 tells received as well; both tell match and filled."""
    async with _margin_place() as (place, client):
        await client.hear("/spotMarket/tradeOrdersV2", is_private=True)
        await client.hear("/spotMarket/tradeOrders", is_private=True)
        place.backend.submit(place.served.at, _buy(SPOT), "mine")
        nodes = await client.push("orderChange", 5)
        steps = [(n["topic"].text()[-2:], n["data"]["type"].text()) for n in nodes]
        assert steps == [
            ("V2", "received"),
            ("V2", "match"),
            ("rs", "match"),
            ("V2", "filled"),
            ("rs", "filled"),
        ]
        match = spot_orders.spot_order_push(nodes[1])
        assert (match.client_id, match.filled_size) == ("mine", Decimal("0.001"))
        assert match.is_maker is False
        done = spot_orders.spot_order_push(nodes[3])
        assert done.state is OrderState.FILLED


async def test_balances_are_told_with_their_reason() -> None:
    """A resting order holds, a trade settles; the last push is the balance."""
    async with _margin_place() as (place, client):
        await client.hear("/account/balance", is_private=True)
        settled = place.backend.submit(place.served.at, _buy(SPOT, price="48000"), "r")
        held = ledgers.balance_push(await client.one("account.balance"))
        assert (held.account, held.event) == (SPOT, "trade.hold")
        assert held.available == held.total - held.hold < 1000
        place.served.tick("47900")
        assert settled.order_id is not None
        found = [
            ledgers.balance_push(await client.one("account.balance")) for _ in range(4)
        ]
        assert {row.event for row in found} == {"trade.hold", "trade.setted"}
        last = {row.coin: row.total for row in found}
        ours = place.backend.venue.snapshot().balances[SPOT]
        assert last == {coin: ours[coin].total for coin in last}


async def test_margin_balances_name_their_account() -> None:
    """Borrowed coins arrive as margin.other, in isolated accounts by pair."""
    async with _margin_place() as (place, client):
        await client.hear("/account/balance", is_private=True)
        for account in (MARGIN_CROSS, isolated_account("BTC-USDT")):
            borrow = Borrow(account=account, coin="USDT", amount=Decimal(10))
            place.backend.submit(place.served.at, borrow, place.backend.next_id("loan"))
            push = ledgers.balance_push(await client.one("account.balance"))
            assert push.account == account
            assert push.event.endswith(".other")


async def test_the_debt_ratio_comes_every_four_seconds() -> None:
    """The venue's own ratio, cut to four digits, while there is debt."""
    async with _margin_place() as (place, client):
        await client.hear("/margin/position", is_private=True)
        place.served.tick("50000")
        ratio = margin_pushes.cross_position_push(await client.one("debt.ratio"))
        assert isinstance(ratio, margin_pushes.CrossRatio)
        own = place.backend.venue.debt_ratios()[MARGIN_CROSS]
        assert ratio.debt_ratio == own.quantize(Decimal("0.0001"), "ROUND_FLOOR")
        assert ratio.total_asset == Decimal("1.02")
        assert ratio.total_debt == Decimal("0.4")
        assert ratio.owed["USDT"] == 20000
        for _ in range(3):
            place.served.tick("50000")
        assert await client.is_quiet()
        place.served.tick("50000")
        again = margin_pushes.cross_position_push(await client.one("debt.ratio"))
        assert again.at - ratio.at == timedelta(seconds=4)


async def test_without_debt_the_ratio_falls_silent() -> None:
    """When the debt is paid a last push says zero, then there is none."""
    account = opening(
        {"margin_cross": {"USDT": "1000"}}, debts={"margin_cross": {"USDT": "100"}}
    )
    async with Place(account).open() as place, place.client("spot") as client:
        await client.hear("/margin/position", is_private=True)
        place.served.tick("50000")
        await client.one("debt.ratio")
        repay = Repay(account=MARGIN_CROSS, coin="USDT", amount=Decimal(200))
        place.backend.submit(place.served.at, repay, "repay")
        place.served.tick("50000", seconds=4)
        last = margin_pushes.cross_position_push(await client.one("debt.ratio"))
        assert isinstance(last, margin_pushes.CrossRatio)
        assert last.debt_ratio == 0
        place.served.tick("50000", seconds=8)
        assert await client.is_quiet()


async def test_a_takeover_is_told_as_frozen_and_unfrozen() -> None:
    """Falling prices freeze the cross account; afterwards it is released."""
    async with _margin_place() as (place, client):
        await client.hear("/margin/position", is_private=True)
        await client.hear("/margin/isolatedPosition:BTC-USDT", is_private=True)
        place.served.tick("19000")
        status = margin_pushes.cross_position_push(await client.one("position.status"))
        assert isinstance(status, margin_pushes.CrossStatus)
        assert status.status is AccountStatus.LIQUIDATING
        place.served.tick("19000", seconds=120)
        words = [
            margin_pushes.cross_position_push(node)
            for node in await client.push("position.status", 1)
        ]
        assert isinstance(words[-1], margin_pushes.CrossStatus)
        assert words[-1].status in {AccountStatus.LIQUIDATED, AccountStatus.BANKRUPT}


async def test_an_isolated_account_tells_what_changed() -> None:
    """A loan in a pair is pushed with the changed coin and its debt."""
    async with _margin_place() as (place, client):
        await client.hear("/margin/isolatedPosition:BTC-USDT", is_private=True)
        account = isolated_account("BTC-USDT")
        borrow = Borrow(account=account, coin="USDT", amount=Decimal(10))
        place.backend.submit(place.served.at, borrow, "loan-1")
        change = margin_pushes.isolated_position_push(
            await client.one("positionChange")
        )
        assert (change.pair, change.status) == ("BTC-USDT", "debt")
        ours = place.backend.venue.snapshot().balances[account]["USDT"]
        assert change.balances["USDT"].principal == ours.principal == 1010
