"""Books equal the exchange, whatever becomes visible when."""

from collections.abc import Callable
from random import Random  # noqa: TID251 - seeded, for a law over many orders

import pytest

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    SPOT,
)
from tests.unit.kucoin.listed_account import D, Lag
from tests.unit.kucoin.looks_bench import (
    PAIR,
    chance_of,
    numbers_of,
    opened,
)
from tests.unit.kucoin.small_exchange import SmallExchange

OPERATIONS: tuple[Callable[[SmallExchange, Random, Lag], object], ...] = (
    lambda x, r, lag: x.deposit(MAIN, "USDT", str(r.randint(1, 500)), lag),
    lambda x, r, lag: x.deposit(SPOT, "USDT", str(-r.randint(1, 20)), lag),
    lambda x, r, lag: x.deposit(MARGIN_CROSS, "USDT", str(r.randint(1, 20)), lag),
    lambda x, r, lag: x.deposit(FUTURES, "USDT", str(r.randint(1, 50)), lag),
    lambda x, r, lag: x.deposit(FUTURES, "USDT", str(-r.randint(1, 50)), lag),
    lambda x, r, lag: x.trade(SPOT, "BTC-USDT", "0.001", str(r.randint(50, 70)), lag),
    lambda x, r, lag: x.trade(
        MARGIN_CROSS, "BTC-USDT", "-0.001", str(-r.randint(50, 70)), lag
    ),
    lambda x, r, lag: x.trade(PAIR, "ETH-USDT", "0.01", str(r.randint(20, 40)), lag),
    lambda x, r, lag: x.borrow(MARGIN_CROSS, "USDT", str(r.randint(10, 90)), lag),
    lambda x, r, lag: x.borrow(PAIR, "USDT", str(r.randint(10, 90)), lag),
    lambda x, r, lag: x.repay(MARGIN_CROSS, "USDT", str(r.randint(5, 60)), lag),
    lambda x, r, lag: x.repay(PAIR, "USDT", str(r.randint(5, 60)), lag),
    lambda x, r, lag: x.charge(MARGIN_CROSS, "USDT", lag),
    lambda x, r, lag: x.charge(MARGIN_CROSS, "BTC", lag),
    lambda x, r, lag: x.charge(PAIR, "USDT", lag),
    lambda x, r, lag: x.futures_trade(
        r.randint(1, 9), str(r.randint(59, 61) * 1000), lag
    ),
    lambda x, r, lag: x.futures_trade(
        -r.randint(1, 9), str(r.randint(59, 61) * 1000), lag
    ),
    lambda x, r, lag: x.fund(
        str((D(r.randint(1, 90)) / 7).quantize(D("0.000001")) * r.choice([1, -1])), lag
    ),
)


@pytest.mark.parametrize("seed", range(120))
async def test_books_equal_the_exchange_whatever_the_order_and_the_lag(
    seed: int,
) -> None:
    """Once all is visible: sums are exact, rows booked once, adjustments cancel."""
    chance = chance_of(seed)
    exchange, looker, journal = await opened(chance_of(seed + 1))
    for _ in range(chance.randint(3, 25)):
        lag = Lag(
            rows=chance.choice([0, 0, 1, 7, 25]),
            statement=chance.choice([0, 0, 1, 7, 25]),
        )
        chance.choice(OPERATIONS)(exchange, chance, lag)
        exchange.clock.pass_(chance.choice([0.01, 0.3, 2, 6, 13]))
        if chance.random() < 0.6:
            count = chance.randint(1, len(looker.families))
            journal.take(await looker.look(chance.sample(looker.families, count)))
    exchange.clock.pass_(40)
    look = await looker.look(looker.families)
    journal.take(look)
    for _ in range(3):
        exchange.clock.pass_(11)
        look = await looker.look(looker.families)
        journal.take(look)

    assert journal.numbers == exchange.truth()
    assert look.snapshot is not None
    assert numbers_of(look.snapshot) == exchange.truth()
    assert look.unexplained == ()
    for (account, _, _), amount in journal.adjusted().items():
        assert account == FUTURES
        assert abs(amount) < D("0.000001")
    ids = {booked.entry_id for booked in journal.bookings}
    for list_name, family in (
        ("main_ledger", "main"),
        ("spot_ledger", "spot"),
        ("margin_ledger", "margin"),
        ("funding_history", "funding"),
        ("futures_ledger", "futures"),
    ):
        opening = {"main": 1, "spot": 1, "margin": 2, "futures": 1}.get(family, 0)
        for row in exchange.row_ids(list_name)[opening:]:
            assert f"{family}:{row}" in ids
    assert len(journal.fills) == sum(
        exchange.row_count(name) for name in ("spot_fills", "margin_fills")
    ) + exchange.row_count("futures_fills")
