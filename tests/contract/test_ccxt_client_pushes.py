"""ccxt's sockets hear what the served venue pushes.

Each private ``watch`` is woken by an action of the same client, and what it returns
agrees with the venue's books.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.contract.ccxt_clients import async_client
from tests.contract.served import PATIENCE_S, Served, serve

PAIR = "BTC/USDT"
CONTRACT = "BTC/USDT:USDT"
FAR = 50_000
AGAIN_S = 0.3
MOST_ACTIONS = 10

KINDS: dict[str, tuple[str, float, dict[str, Any]]] = {
    "spot": (PAIR, 0.001, {}),
    "cross": (PAIR, 0.001, {"marginMode": "cross"}),
    "swap": (CONTRACT, 1, {"marginMode": "cross", "leverage": 5}),
}
"""Market, amount and further words of an order of each kind."""

Act = Callable[[], Awaitable[Any]]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("ccxt"), "--clock", "x60") as server:
        yield server


@pytest.fixture
async def trader(served: Served) -> AsyncIterator[Any]:
    made = async_client(served, served.full)
    await made.load_markets()
    yield made
    await made.close()


async def heard(watch: Act, act: Act, is_it: Callable[[Any], bool] = bool) -> Any:
    """What is watched, once it fits.

    Nobody tells when a subscription stands, so the action is done anew until it is
    heard of.
    """

    async def until_it_fits() -> Any:
        told = await watch()
        while not is_it(told):
            told = await watch()
        return told

    watching = asyncio.ensure_future(until_it_fits())
    for _ in range(MOST_ACTIONS):
        await asyncio.wait({watching}, timeout=AGAIN_S)
        if watching.done():
            return watching.result()
        await act()
    return await asyncio.wait_for(watching, PATIENCE_S)


@pytest.mark.parametrize("symbol", [PAIR, CONTRACT])
async def test_prices_are_watched(trader: Any, symbol: str) -> None:
    """Ticker, book, candles and mark of a pair and of a contract."""
    async with asyncio.timeout(PATIENCE_S):
        ticker = await trader.watch_ticker(symbol)
        book = await trader.watch_order_book(symbol, 5)
        (candle,) = await trader.watch_ohlcv(symbol, "1m")
        mark = await trader.watch_mark_price(symbol)
    assert ticker["bid"] < ticker["ask"]
    assert book["bids"][0][0] < book["asks"][0][0]
    low, high = candle[3], candle[2]
    assert low <= candle[4] <= high
    assert abs(mark["markPrice"] / ticker["last"] - 1) < 0.01


async def test_many_tickers_and_the_funding_rate_are_watched(trader: Any) -> None:
    """Several pairs on one socket, and the rate that a contract will pay."""
    async with asyncio.timeout(PATIENCE_S):
        told = await trader.watch_tickers([PAIR, "ETH/USDT"])
        best = await trader.watch_bids_asks([PAIR])
        rate = await trader.watch_funding_rate(CONTRACT)
    assert set(told) <= {PAIR, "ETH/USDT"}
    assert best[PAIR]["bid"] < best[PAIR]["ask"]
    assert abs(rate["fundingRate"]) < 0.003


@pytest.mark.parametrize("kind", KINDS)
async def test_an_order_is_watched_from_open_to_canceled(
    trader: Any, kind: str
) -> None:
    """The same order is told as open, and as canceled after it was."""
    symbol, amount, words = KINDS[kind]

    async def place() -> None:
        await trader.create_order(symbol, "limit", "buy", amount, FAR, words)

    def watch() -> Awaitable[Any]:
        told: Awaitable[Any] = trader.watch_orders(symbol, None, None, words)
        return told

    (told, *_) = await heard(watch, place)
    assert (told["status"], told["amount"], told["price"]) == ("open", amount, FAR)
    name = told["id"]

    async def cancel() -> None:
        await trader.cancel_all_orders(symbol, words)

    def is_it(rows: Any) -> bool:
        return (name, "canceled") in {(row["id"], row["status"]) for row in rows}

    assert await heard(watch, cancel, is_it)


@pytest.mark.parametrize("kind", KINDS)
async def test_own_trades_are_watched(trader: Any, kind: str) -> None:
    """A fill is told with its price and size, and the account lists the same trade."""
    symbol, amount, words = KINDS[kind]

    async def trade() -> None:
        await trader.create_order(symbol, "market", "buy", amount, None, words)

    rows = await heard(lambda: trader.watch_my_trades(symbol), trade)
    listed = await trader.fetch_my_trades(symbol, None, None, words)
    told = {(row["order"], row["price"], row["amount"]) for row in rows}
    assert told <= {(row["order"], row["price"], row["amount"]) for row in listed}


@pytest.mark.parametrize(
    ("words", "kind", "account"),
    [({"type": "spot"}, "spot", "spot"), ({"type": "swap"}, "swap", "futures")],
)
async def test_a_balance_is_watched(
    trader: Any, served: Served, words: dict[str, str], kind: str, account: str
) -> None:
    """What is pushed after a fill is what the books say."""
    symbol, amount, more = KINDS[kind]

    async def trade() -> None:
        await trader.create_order(symbol, "market", "sell", amount, None, more)

    def is_it(told: Any) -> bool:
        line = served.line(account, "USDT")
        return Decimal(repr(told["USDT"]["total"])) == line.total

    assert await heard(lambda: trader.watch_balance(words), trade, is_it)


async def test_a_position_is_watched(trader: Any, served: Served) -> None:
    """Size of a position is pushed as the books have it, on the futures socket.

    The client's own ``watch_position`` asks the spot host for a topic of the futures
    host, so the topic is subscribed to through its general calls.
    """
    symbol, amount, words = KINDS["swap"]
    await trader.create_order(symbol, "market", "buy", amount, None, words)
    url = await trader.negotiate(privateChannel=True, isFuturesMethod=True)
    trader.set_position_cache(trader.client(url), symbol)

    def watch() -> Awaitable[Any]:
        private = {"privateChannel": True}
        topic = "/contract/position:XBTUSDTM"
        told: Awaitable[Any] = trader.subscribe(
            url, f"position:{symbol}", topic, private
        )
        return told

    async def trade() -> None:
        await trader.create_order(symbol, "market", "buy", amount, None, words)

    def is_it(told: Any) -> bool:
        return bool(told["contracts"] == served.position("XBTUSDTM")["lots"])

    assert await heard(watch, trade, is_it)
