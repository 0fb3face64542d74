"""Ladders over the wire in isolated margin and on spot: placed, listed, gone off.

An isolated pair is levered long, and coins on the spot account are hedged by a
perpetual, on thin books. The bot rests its ladders and is killed; then the pair's coin
falls and the hedged one rises, and the rungs go off with nobody there.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.contract.live_process import Venue, gnomon, live, venue
from tests.contract.test_live_stops import (
    LIMIT_S,
    _futures_stops,
    _margin_stops,
    _wait,
)
from tests.simulation.small import market

ACCOUNT = """\
[main]
USDT = "1000"

[spot]
ETH = "10"

[margin_isolated."BTC-USDT"]
leverage = "5"
balance = {BTC = "5"}
principal = {USDT = "165000"}

[futures]
wallet = {USDT = "9000"}

[[futures.position]]
symbol = "ETHUSDTM"
mode = "cross"
lots = -1000
leverage = "3"
"""
CALM = 50
MOVES = 28
MARKET = {
    "BTC": [50000.0] * CALM + [50000.0 - 600 * n for n in range(1, MOVES)],
    "ETH": [2500.0] * CALM + [2500.0 + 35 * n for n in range(1, MOVES)],
}
VOLUME = 600.0
"""Coins a bar: three of each can be taken in a minute."""
ISOLATED = "margin_isolated:BTC-USDT"


@dataclass(frozen=True, kw_only=True)
class Told:
    """What both sides said."""

    margin: list[Any]
    spot: list[Any]
    futures: list[Any]
    doctor: Any
    books: Any


def _spot_stops(place: Venue) -> list[Any]:
    found = place.served.ask("GET", "/api/v1/stop-order?pageSize=100")
    return [row for row in found.json["data"]["items"] if row["tradeType"] == "TRADE"]


def _isolated_stops(place: Venue) -> list[Any]:
    return [row for row in _margin_stops(place) if row["tradeType"] != "TRADE"]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """The whole story, once."""
    folder: Path = tmp_path_factory.mktemp("isolated")
    recorded = market(folder / "market", MARKET, volume=VOLUME)
    words = ["--market", str(recorded)]
    with venue(folder / "venue", *words, account=ACCOUNT, clock=60) as place:
        with live(folder / "bot", place, "--no-strategies") as bot:
            bot.start()
            margin = _wait(
                lambda: _isolated_stops(place), lambda r: len(r) > 1, "isolated stops"
            )
            spot, futures = _wait(
                lambda: (_spot_stops(place), _futures_stops(place)),
                lambda both: len(both[0]) == len(both[1]) > 1,
                "both legs, and the first stop, made before the depth was known, gone",
            )
            bot.kill()
            said = bot.folder / "doctor.json"
            process = gnomon(bot.folder, "doctor", "--json", out=said)
            assert process.wait(timeout=LIMIT_S) in {0, 4}
            _wait(
                lambda: (_isolated_stops(place), _spot_stops(place)),
                lambda left: left == ([], []),
                "every rung goes off",
            )
        yield Told(
            margin=margin,
            spot=spot,
            futures=futures,
            doctor=json.loads(said.read_text(encoding="utf-8")),
            books=place.served.books(),
        )


def test_an_isolated_pair_rests_a_ladder_of_its_own_kind(told: Told) -> None:
    """Sales below the mark under the isolated trade type, graded prices."""
    assert {row["tradeType"] for row in told.margin} == {"MARGIN_ISOLATED_TRADE"}
    assert {(row["side"], row["stop"]) for row in told.margin} == {("sell", "loss")}
    prices = [Decimal(row["stopPrice"]) for row in told.margin]
    assert len(set(prices)) == len(prices) > 1
    assert sum(Decimal(row["size"]) for row in told.margin) <= 5


def test_the_spot_leg_of_a_hedge_leaves_with_its_perpetual(told: Told) -> None:
    """Rung by rung the coins are sold where the short is bought back."""
    assert {row["tradeType"] for row in told.spot} == {"TRADE"}
    assert {(row["side"], row["stop"]) for row in told.spot} == {("sell", "entry")}
    spot = sum((Decimal(row["size"]) for row in told.spot), Decimal(0))
    perp = sum((Decimal(row["size"]) for row in told.futures), Decimal(0)) / 100
    assert 0 < spot <= 10
    assert abs(spot - perp) <= Decimal("0.05")
    assert len(told.spot) == len(told.futures)


def test_the_doctor_counts_them_as_protection(told: Told) -> None:
    """Both accounts are protected, each stop is ours, none lacks a leg."""
    found = told.doctor["protection"]
    assert {row["owner"] for row in found["stops"]} == {"gnomon"}
    assert sorted(found["protected"]) == ["futures:USDT", ISOLATED]
    assert (found["unprotected"], found["partly"]) == ([], [])


def test_nothing_was_taken_over_and_nothing_was_sold_twice(told: Told) -> None:
    """The pair keeps coins and owes no more; the hedge shrank on both legs."""
    pair = told.books["balances"][ISOLATED]
    assert 0 < Decimal(pair["BTC"]["total"]) < 5
    assert 165000 <= Decimal(pair["USDT"]["principal"]) < 165100  # interest joined it
    (short,) = [p for p in told.books["positions"] if p["symbol"] == "ETHUSDTM"]
    coins = Decimal(told.books["balances"]["spot"]["ETH"]["total"])
    assert -1000 < int(short["lots"]) < 0
    assert abs(coins + Decimal(int(short["lots"])) / 100) <= Decimal("0.1")
