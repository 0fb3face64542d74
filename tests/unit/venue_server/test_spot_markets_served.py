"""Prices, books and candles of the spot host, and the windows of its lists."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from bot.domain.orders import Side
from connectors.kucoin.parse import service, spot_rules
from connectors.kucoin.parse.node import Node
from connectors.venue.server.calls import Call
from connectors.venue.server.pages import rows_before, window
from connectors.venue.server.spot_candles import SpotCandles
from connectors.venue.server.words_spot_basic import ms
from tests.unit.venue.builders import START
from tests.unit.venue_server.spot_bench import Bench, number, refusal

NOW = datetime(2025, 1, 10, tzinfo=UTC)
DAY = timedelta(days=1)


def _call(**query: object) -> Call:
    return Call(
        at=NOW,
        method="GET",
        path="/",
        args={},
        query={name: str(value) for name, value in query.items()},
        body=Node({}, "body"),
    )


@pytest.mark.parametrize(
    ("query", "first", "last"),
    [
        ({}, NOW - DAY, NOW),
        ({"startAt": ms(NOW - 3 * DAY)}, NOW - 3 * DAY, NOW - 2 * DAY),
        ({"endAt": ms(NOW - 2 * DAY)}, NOW - 3 * DAY, NOW - 2 * DAY),
        (
            {"startAt": ms(NOW - DAY), "endAt": ms(NOW)},
            NOW - DAY,
            NOW,
        ),
        ({"startAt": 0, "endAt": 0}, NOW - DAY, NOW),
    ],
)
def test_a_window_with_one_end_gets_the_other(
    query: dict[str, object], first: datetime, last: datetime
) -> None:
    """A missing end lies as far away as the endpoint allows; a zero is missing."""
    assert window(_call(**query), DAY) == (first, last)


@pytest.mark.parametrize(
    "query",
    [
        {"startAt": ms(NOW - DAY) - 1, "endAt": ms(NOW)},
        {"startAt": ms(NOW), "endAt": ms(NOW) - 1},
        {"startAt": "yesterday"},
    ],
)
def test_a_window_too_wide_or_backward_is_refused(query: dict[str, object]) -> None:
    """A millisecond too much, an end before its start, a word: all are 400100."""
    with refusal("400100"):
        window(_call(**query), DAY)


def test_rows_come_below_the_last_id() -> None:
    """Numbers 5..1 in twos are (5,4), (3,2), (1); without rows the lastId stays."""
    rows = [5, 4, 3, 2, 1]
    assert rows_before(_call(limit=2), rows, int) == ([5, 4], 4)
    assert rows_before(_call(limit=2, lastId=4), rows, int) == ([3, 2], 2)
    assert rows_before(_call(limit=2, lastId=2), rows, int) == ([1], 1)
    assert rows_before(_call(limit=2, lastId=1), rows, int) == ([], 1)
    for wrong in (0, 101, "two"):
        with refusal("400100", "limit"):
            rows_before(_call(limit=wrong), rows, int)


def test_the_time_and_the_pairs_are_read_by_the_bot() -> None:
    """The served rules of each pair are those that the venue trades by."""
    bench = Bench()
    bench.tick(7)
    read = service.server_time(Node(bench.get("/api/v1/timestamp"), ""))
    assert read == bench.at
    listings = spot_rules.spot_listings(Node(bench.get("/api/v2/symbols"), ""))
    for symbol, rules in bench.backend.venue.rules.spot.items():
        assert listings[symbol].rules() == rules
    fees = bench.get("/api/v1/trade-fees", symbols="BTC-USDT")
    assert spot_rules.fee_rates(Node(fees, ""))["BTC-USDT"] == (
        Decimal("0.001"),
        Decimal("0.001"),
    )
    with refusal("900001"):
        bench.get("/api/v2/symbols/DOGE-USDT")


def test_the_book_is_what_a_taker_gets() -> None:
    """A sale trades at the best bid and takes its size away; the asks stay."""
    bench = Bench()
    path = "/api/v1/market/orderbook/level2_20"
    before = bench.get(path, symbol="BTC-USDT")
    bench.post(
        "/api/v1/hf/orders",
        clientOid="s",
        side="sell",
        symbol="BTC-USDT",
        type="market",
        size="0.5",
    )
    after = bench.get(path, symbol="BTC-USDT")
    fill = bench.get("/api/v1/hf/fills", symbol="BTC-USDT")["items"][0]
    assert fill["price"] == before["bids"][0][0]
    assert number(after["bids"][0][1]) == number(before["bids"][0][1]) - number("0.5")
    assert after["asks"] == before["asks"]
    whole = bench.backend.venue.book(bench.at, "BTC-USDT", Side.BUY)
    assert [number(level[1]) for level in after["asks"]] == [x.qty for x in whole]
    ticker = bench.get("/api/v1/market/orderbook/level1", symbol="BTC-USDT")
    assert ticker["bestAsk"] == after["asks"][0][0]
    assert ticker["bestBid"] == after["bids"][0][0]


def test_candles_hold_the_prices_of_their_minute() -> None:
    """Three prices in one minute make one candle; two minutes make one of 5 min."""
    bench = Bench()
    for price in ("50100", "49900", "50050"):
        bench.tick(10, btc=price)
    bench.tick(40, btc="50200")
    path = "/api/v1/market/candles"
    minutes = bench.get(path, symbol="BTC-USDT", type="1min")
    assert [row[1:5] for row in minutes] == [
        ["50200", "50200", "50200", "50200"],
        ["50000", "50050", "50100", "49900"],
    ]
    five = bench.get(path, symbol="BTC-USDT", type="5min")
    assert [row[1:5] for row in five] == [["50000", "50200", "50200", "49900"]]
    assert number(five[0][5]) == 20000
    start = int(minutes[0][0])
    newest = bench.get(path, symbol="BTC-USDT", type="1min", startAt=start)
    assert newest == minutes[:1]
    with refusal("400100", "type"):
        bench.get(path, symbol="BTC-USDT", type="7min")


def test_closes_from_before_the_start_are_candles_too() -> None:
    """Hourly closes are hourly candles that chain, and the live ones come after."""
    bench = Bench()
    closes = [
        (START - timedelta(hours=3 - hour), Decimal(49000 + 100 * hour))
        for hour in range(4)
    ]
    bench.backend.part(SpotCandles).remember("BTC-USDT", closes)
    bench.tick(60, btc="50100")
    path = "/api/v1/market/candles"
    hours = bench.get(path, symbol="BTC-USDT", type="1hour")
    assert [(row[1], row[2]) for row in hours] == [
        ("50000", "50100"),
        ("49200", "49300"),
        ("49100", "49200"),
        ("49000", "49100"),
    ]
    assert number(hours[1][5]) == 60 * 10000


def test_a_day_of_prices_is_a_ticker() -> None:
    """High, low and change count the last 24 hours, not what was before."""
    bench = Bench()
    bench.tick(60, btc="60000")
    bench.tick(25 * 3600, btc="50000")
    bench.tick(60, btc="51000")
    stats = bench.get("/api/v1/market/stats", symbol="BTC-USDT")
    assert (stats["high"], stats["low"], stats["last"]) == ("51000", "50000", "51000")
    assert (stats["changePrice"], stats["changeRate"]) == ("1000", "0.02")
    rows = bench.get("/api/v1/market/allTickers")["ticker"]
    assert {row["symbol"] for row in rows} == {"BTC-USDT", "ETH-USDT"}


@pytest.mark.parametrize(
    ("path", "query", "words"),
    [
        ("/api/v3/margin/currencies", {"isIsolated": "maybe"}, "isIsolated"),
        ("/api/v1/market/orderbook/level1", {}, "symbol is required"),
        ("/api/v1/trade-fees", {}, "symbols is required"),
        ("/api/v1/trade-fees", {"symbols": ",".join("ABCDEFGHIJK")}, "at most 10"),
        ("/api/v3/margin/accounts", {"quoteCurrency": "EUR"}, "quoteCurrency"),
        ("/api/v3/margin/accounts", {"queryType": "OLD"}, "queryType"),
        ("/api/v3/margin/borrow", {}, "currency is required"),
        ("/api/v1/hf/orders/active", {}, "symbol is required"),
        ("/api/v1/hf/accounts/ledgers", {"bizType": "GIFT"}, "bizType"),
        ("/api/v1/hf/accounts/ledgers", {"direction": "up"}, "direction"),
        ("/api/v1/accounts/transferable", {"currency": "BTC"}, "type is required"),
        (
            "/api/v1/accounts/transferable",
            {"currency": "BTC", "type": "OPTION"},
            "OPTION",
        ),
        (
            "/api/v1/accounts/transferable",
            {"currency": "BTC", "type": "ISOLATED"},
            "tag",
        ),
    ],
)
def test_a_query_with_a_bad_field_is_refused_by_its_name(
    path: str, query: dict[str, str], words: str
) -> None:
    """A missing field or an unknown word is 400100 with a sentence that names it."""
    with refusal("400100", words):
        Bench().get(path, **query)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"currency": 5, "size": "1", "timeInForce": "FOK"}, "currency"),
        ({"currency": "USDT", "size": "-1", "timeInForce": "FOK"}, "size"),
        ({"currency": "USDT", "size": "one", "timeInForce": "FOK"}, "size"),
        ({"currency": "USDT", "size": "1"}, "timeInForce is required"),
        ({"currency": "USDT", "size": "1", "timeInForce": "GTC"}, "timeInForce"),
        (
            {"currency": "USDT", "size": "1", "timeInForce": "FOK", "isIsolated": 3},
            "isIsolated",
        ),
    ],
)
def test_a_body_with_a_bad_field_is_refused_by_its_name(
    body: dict[str, object], words: str
) -> None:
    """A wrong kind, sign or word is 400100, and nothing is remembered as a loan."""
    bench = Bench()
    with refusal("400100", words):
        bench.post("/api/v3/margin/borrow", **body)
    assert not bench.backend.archive.loans


def test_flags_may_be_texts() -> None:
    """An isolated loan asked for with the text "true" is an isolated loan."""
    bench = Bench()
    bench.post(
        "/api/v3/margin/borrow",
        currency="USDT",
        size="1",
        timeInForce="FOK",
        isIsolated="true",
        symbol="BTC-USDT",
    )
    assert bench.backend.archive.loans[0].account == "margin_isolated:BTC-USDT"


def test_there_are_no_announcements_and_coins_have_prices() -> None:
    """The list of announcements is an empty page; prices are the marks in USDT."""
    bench = Bench()
    assert bench.get("/api/v3/announcements")["items"] == []
    prices = bench.get("/api/v1/prices", currencies="BTC,USDT")
    assert prices == {"BTC": "50000", "USDT": "1"}
    with refusal("900003"):
        bench.get("/api/v3/currencies/NONE")
