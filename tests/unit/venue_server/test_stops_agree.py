"""A stop asked for over the wire and one asked for in-process do the same.

Both venues see the same market; the served one has its stop from a request in KuCoin's
words, the other from the bot's own intent. What is traded, paid and left is equal.
"""

from collections.abc import Sequence
from decimal import Decimal

import pytest

from bot.domain.accounts import FUTURES, MARGIN_CROSS, AccountId, AccountSnapshot
from bot.domain.events import Filled
from bot.domain.intents import PlaceStop
from bot.domain.orders import Side
from connectors.kucoin.order_words import request_for
from tests.unit.guard.bench import position
from tests.unit.kucoin.world_bench import approved
from tests.unit.venue.builders import DEEP, RATES, instant, later, opening, venue
from tests.unit.venue_server.futures_backend import Served
from tests.unit.venue_server.spot_bench import Bench

MARGIN = opening(
    {"margin_cross": {"BTC": "1"}}, debts={"margin_cross": {"USDT": "30000"}}
)
PERP = opening({"futures": {"USDT": "15000"}}, positions=[position(-500)])
PATHS = [
    ("50000", "48000", "44900", "44000", "46000"),
    ("50000", "52000", "55100", "56000", "40000"),
    ("50000", "50500", "49500", "50000", "50100"),
    ("50000", "30000", "29000", "31000", "29000"),
    ("50000", "66500", "67000", "64000", "67000"),
]


def stop(account: AccountId, *, is_up: bool) -> PlaceStop:
    """Half of what is held, 10 % away."""
    is_futures = account == FUTURES
    return PlaceStop(
        account=account,
        symbol="XBTUSDTM" if is_futures else "BTC-USDT",
        side=Side.BUY if is_futures else Side.SELL,
        qty=Decimal(250) if is_futures else Decimal("0.5"),
        stop_price=Decimal(55000) if is_up else Decimal(45000),
        is_up=is_up,
        leverage=Decimal(5),
    )


Result = tuple[AccountSnapshot, list[tuple[str, Decimal, Decimal, Decimal]]]


def _fills(events: Sequence[object]) -> list[tuple[str, Decimal, Decimal, Decimal]]:
    return [
        (str(e.side), e.qty, e.price, e.fee)
        for e in events
        if isinstance(e, Filled) and e.forced is None
    ]


def in_process(
    account: AccountSnapshot, asked: PlaceStop, prices: Sequence[str]
) -> Result:
    """The bot's own way."""
    place = venue(account)
    events: list[object] = []
    place.tick(instant(btc="50000", liquidity=DEEP, rates=RATES))
    events += place.submit(later(0), approved(asked))
    for second, price in enumerate(prices, start=1):
        market = instant(later(second), btc=price, liquidity=DEEP, rates=RATES)
        events += place.tick(market)
        events += place.advance(market.at)
    return place.snapshot(), _fills(events)


def over_the_wire(
    account: AccountSnapshot, asked: PlaceStop, prices: Sequence[str]
) -> Result:
    """The same in KuCoin's words, as the gateway would send it."""
    body = dict(request_for(approved(asked)).params)
    if asked.account == FUTURES:
        served = Served(account)
        served.ask("POST", "/api/v1/orders", body)
        for price in prices:
            served.tick(price)
        return served.backend.venue.snapshot(), _fills(served.events)
    bench = Bench(account)
    events: list[object] = []
    bench.backend.listen(lambda _at, told: events.extend(told))
    bench.tick(0)
    bench.post("/api/v3/hf/margin/stop-order", **body)
    for price in prices:
        bench.tick(1, btc=price)
    return bench.backend.venue.snapshot(), _fills(events)


@pytest.mark.parametrize("prices", PATHS)
@pytest.mark.parametrize("is_up", [False, True])
@pytest.mark.parametrize(
    ("account_id", "account"), [(MARGIN_CROSS, MARGIN), (FUTURES, PERP)]
)
def test_both_trade_the_same(
    account_id: AccountId,
    account: AccountSnapshot,
    *,
    is_up: bool,
    prices: Sequence[str],
) -> None:
    """Fills, fees, balances and positions, also where the account is taken over."""
    asked = stop(account_id, is_up=is_up)
    assert in_process(account, asked, prices) == over_the_wire(account, asked, prices)
