"""Which requests a cure would begin with, so that their pre-images are at hand."""

from decimal import Decimal

from bot.domain.accounts import FUTURES, MAIN, MARGIN_CROSS, SPOT
from bot.domain.intents import Repay, Transfer
from bot.guard.likely import likely_cures
from bot.live_links import Links
from tests.unit.guard.bench import position, shadow_of
from tests.unit.venue.builders import opening

D = Decimal


def test_idle_coins_come_first_then_the_reserve_then_other_debts() -> None:
    """What a cure can do at once is listed before what it has to trade for."""
    shadow = shadow_of(
        opening(
            {
                "main": {"USDT": "700"},
                "spot": {"BTC": "1"},
                "margin_cross": {"BTC": "1", "ETH": "2"},
                "futures": {"USDT": "900"},
            },
            debts={"margin_cross": {"USDT": "30000", "ETH": "3", "BTC": "0.1"}},
            positions=[position(100)],
        )
    )
    repays = {
        coin: Repay(account=MARGIN_CROSS, coin=coin, amount=D(amount))
        for coin, amount in (("ETH", "3"), ("BTC", "0.1"), ("USDT", "30000"))
    }
    moves = [
        Transfer(source=MAIN, target=target, coin="USDT", amount=D(700))
        for target in (FUTURES, MARGIN_CROSS)
    ]
    expected = [repays["ETH"], repays["BTC"], *moves, repays["USDT"]]
    assert likely_cures(shadow) == expected


def test_without_debts_and_positions_nothing_is_likely() -> None:
    """Spot coins and a reserve alone need no cure."""
    calm = {"main": {"USDT": "700"}, SPOT: {"BTC": "1"}}
    assert likely_cures(shadow_of(opening(calm))) == []
    assert Links().likely() == []
