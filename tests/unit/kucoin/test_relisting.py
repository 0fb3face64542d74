"""What rests is listed anew when a person cancels everything."""

from decimal import Decimal

from bot.domain.accounts import SPOT
from bot.domain.stops import StopChanged
from connectors.kucoin.feed import Interests
from connectors.kucoin.registry import OrderRegistry
from connectors.kucoin.relisting import Relisting
from tests.unit.kucoin.test_order_reads import exchange
from tests.unit.kucoin.test_stops import margin_row
from tests.unit.kucoin.world_bench import FakeRest, Time

INTERESTS = Interests(coins=frozenset({"USDT"}))


def relisting(rest: FakeRest) -> Relisting:
    """Over an exchange where somebody else has placed orders and a stop."""
    rest.reads |= {
        "spot_stops": {"totalPage": Decimal(1), "items": []},
        "margin_stops": {
            "totalPage": Decimal(1),
            "items": [margin_row("s1", "by-hand")],
        },
        "futures_stops": {"totalPage": Decimal(1), "items": []},
    }
    return Relisting(
        rest=rest, clock=Time(), registry=OrderRegistry(), wanted=lambda: INTERESTS
    )


async def test_nothing_is_asked_until_somebody_cancels_everything() -> None:
    """Then all is read once, and who waits is told when the orders are told."""
    rest = exchange()
    found = relisting(rest)
    assert await found.ask() == ()
    assert rest.asked == []
    told: list[object] = []
    touched: list[object] = []

    async def nap(seconds: float) -> None:
        told.extend(await found.ask())
        if touched:
            touched.extend(found.registry.tell(frozenset({SPOT})).orders)

    assert await found.fresh(lambda: touched.append("look"), nap)
    [stop] = told
    assert isinstance(stop, StopChanged)
    assert (stop.stop_id, stop.intent_id) == ("s1", None)
    assert len(touched) == 4
    assert rest.count("active_spot_symbols") == 1


async def test_what_cannot_be_listed_is_not_fresh() -> None:
    """The waiting has an end."""
    found = relisting(exchange())
    waits: list[float] = []

    async def nap(seconds: float) -> None:
        waits.append(seconds)

    assert not await found.fresh(lambda: None, nap)
    assert sum(waits) < 21
