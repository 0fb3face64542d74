"""Every order that rests is listed, also in pairs that nobody follows."""

from collections.abc import Callable, Mapping
from decimal import Decimal

import pytest

from bot.domain.accounts import FUTURES, MARGIN_CROSS, SPOT, isolated_account
from bot.domain.errors import UsageError
from connectors.kucoin.adoption import see_orders
from connectors.kucoin.feed import Interests
from connectors.kucoin.order_reads import open_orders
from connectors.kucoin.parse.node import Node
from connectors.kucoin.parse.spot_orders import active_symbols
from connectors.kucoin.registry import OrderRegistry
from tests.unit.kucoin.world_bench import FakeRest, spot_row

D = Decimal
FOLLOWED = ("BTC-USDT",)
ACCOUNTS = (SPOT, MARGIN_CROSS, FUTURES)


def futures_row(order_id: str) -> dict[str, object]:
    """One open futures order as KuCoin lists it."""
    return {
        "id": order_id,
        "clientOid": f"{order_id}-by-hand",
        "symbol": "XBTUSDTM",
        "type": "limit",
        "side": "buy",
        "price": "10000",
        "size": D(1),
        "filledSize": D(0),
        "status": "open",
        "isActive": True,
        "cancelExist": False,
        "reduceOnly": False,
        "createdAt": D(1_700_000_000_000),
    }


def resting(
    *rows: Mapping[str, object],
) -> Callable[[Mapping[str, str]], list[Mapping[str, object]]]:
    """The list of one pair (and one trade type, in margin), as KuCoin filters it."""

    def ask(params: Mapping[str, str]) -> list[Mapping[str, object]]:
        kinds = {params.get("tradeType", "TRADE")}
        return [
            row
            for row in rows
            if row["symbol"] == params["symbol"] and row["tradeType"] in kinds
        ]

    return ask


def exchange() -> FakeRest:
    """Orders by somebody's hand, in pairs that the bot does not follow."""
    cross = spot_row("m", "x", symbol="DOGE-USDT", trade_type="MARGIN_TRADE")
    pair = spot_row("i", "x", symbol="ETH-USDT", trade_type="MARGIN_ISOLATED_TRADE")

    def active(params: Mapping[str, str]) -> dict[str, object]:
        found = {"MARGIN_TRADE": "DOGE-USDT", "MARGIN_ISOLATED_TRADE": "ETH-USDT"}
        return {"symbolSize": D(1), "symbols": [found[params["tradeType"]]]}

    return FakeRest(
        reads={
            "active_spot_symbols": {"symbols": ["XRP-USDT"]},
            "active_spot_orders": resting(spot_row("s", "x", symbol="XRP-USDT")),
            "active_margin_symbols": active,
            "active_margin_orders": resting(cross, pair),
            "open_futures_orders": {"totalPage": D(0), "items": []},
        }
    )


async def test_orders_in_pairs_that_nobody_follows_are_listed() -> None:
    """KuCoin names the pairs of spot, cross and isolated margin; each is read."""
    found = await open_orders(exchange(), ACCOUNTS, FOLLOWED)
    assert {(f.account, f.symbol, f.order_id) for f in found} == {
        (SPOT, "XRP-USDT", "s"),
        (MARGIN_CROSS, "DOGE-USDT", "m"),
        (isolated_account("ETH-USDT"), "ETH-USDT", "i"),
    }


async def test_the_pairs_that_are_followed_are_read_whatever_the_list_says() -> None:
    """An order that is younger than KuCoin's list of pairs is not overlooked."""
    rest = exchange()
    rest.reads["active_spot_symbols"] = {"symbols": []}
    rest.reads["active_spot_orders"] = resting(spot_row("young", "x"))
    found = await open_orders(rest, (SPOT,), FOLLOWED)
    assert [fact.order_id for fact in found] == ["young"]
    assert rest.count("active_margin_symbols") == 0


async def test_an_isolated_account_brings_its_own_pair() -> None:
    """Also where cross margin is not asked for."""
    rest = exchange()
    found = await open_orders(rest, (isolated_account("ETH-USDT"),), FOLLOWED)
    assert [fact.order_id for fact in found] == ["i"]


async def test_open_futures_orders_are_read_to_the_last_page() -> None:
    """Two hundred are one page; the next one is on the second."""
    pages = [[futures_row(f"o{n}") for n in range(200)], [futures_row("last")]]

    def ask(params: Mapping[str, str]) -> dict[str, object]:
        assert params["pageSize"] == "200"
        return {"totalPage": D(2), "items": pages[int(params["currentPage"]) - 1]}

    rest = FakeRest(reads={"open_futures_orders": ask})
    found = await open_orders(rest, (FUTURES,), ())
    assert len(found) == 201
    assert found[-1].order_id == "last"


async def test_a_list_that_cannot_be_read_is_an_error_and_not_empty() -> None:
    """What is not known is never taken for nothing."""
    rest = exchange()
    del rest.reads["active_margin_symbols"]
    with pytest.raises(Exception, match="did not answer"):
        await open_orders(rest, ACCOUNTS, FOLLOWED)


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        ({"symbols": ["ETH-USDT", "BTC-USDT"]}, {"ETH-USDT", "BTC-USDT"}),
        ({"symbolSize": D(1), "symbols": ["BTC-USDT"]}, {"BTC-USDT"}),
        ({"symbolSize": D(0), "symbols": None}, set()),
        ({"symbols": []}, set()),
    ],
)
def test_the_pairs_with_orders_are_read(answer: object, named: set[str]) -> None:
    """The first two are KuCoin's own examples."""
    assert active_symbols(Node(answer, "active")) == named


@pytest.mark.parametrize("answer", [{}, {"symbolSize": D(2), "symbols": ["BTC-USDT"]}])
def test_pairs_that_are_missing_are_refused(answer: object) -> None:
    """No list at all, and fewer pairs than KuCoin counts."""
    with pytest.raises(UsageError, match="symbols must be"):
        active_symbols(Node(answer, "active"))


async def test_a_start_tells_of_every_order_with_its_first_look() -> None:
    """Whoever cancels everything right after it overlooks none."""
    registry = OrderRegistry()
    interests = Interests(coins=frozenset({"USDT"}), spot_symbols=frozenset(FOLLOWED))
    await see_orders(exchange(), registry, interests)
    told = registry.tell(frozenset())
    assert {order.order_id for order in told.orders} == {"s", "m", "i"}
    assert not registry.owes_news
