"""``gnomon live`` on an account that others trade too, and that is unlike the usual.

Isolated pairs with debts, positions of both margin modes, coins in a settle coin that
nothing is opened with, dust; then somebody else borrows a coin, opens a contract,
fills an isolated pair and leaves orders in the book. The bot must keep the exact
books, measure all of it, and touch nothing of it.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from bot.domain.entries import Noted, ParityCause, ParityChecked
from bot.domain.events import SnapshotTaken
from bot.domain.intents import Approved
from bot.guard.resting import STOPS
from connectors.kucoin.following import FOLLOWED
from tests.contract.live_books import entries_of, settled_books
from tests.contract.live_process import Live, Venue, gnomon, live, venue
from tests.contract.served import Said, until

ACCOUNT: Final = """\
vip = 0

[main]
USDT = "1000"
DOGE = "@0.4"

[spot]
USDT = "5000"
BTC = "0.1"
SOL = "@1.3"

[margin_cross]
leverage = "5"
balance = {USDT = "20000", BTC = "@5000"}
principal = {SOL = "@2000", ETH = "@1000"}

[margin_isolated."ETH-USDT"]
leverage = "5"
balance = {USDT = "9000"}
principal = {ETH = "@3000"}

[margin_isolated."SOL-USDT"]
leverage = "5"
balance = {SOL = "@3000", USDT = "10"}
principal = {USDT = "1000"}
interest = {USDT = "2.5"}

[futures]
wallet = {USDT = "9000", BTC = "0.5"}

[[futures.position]]
symbol = "ETHUSDTM"
mode = "isolated"
margin = "1000"
lots = -100
entry = "mark"
leverage = 3

[[futures.position]]
symbol = "SOLUSDTM"
mode = "cross"
base = "@3000"
entry = "mark"
leverage = 3
"""

TURNED_UP: Final = {"XRP", "DOGEUSDTM", "margin_isolated:BTC-USDT"}


def test_what_others_do_is_booked_measured_and_left_alone(tmp_path: Path) -> None:
    """Foreign loans, transfers and trades are in the books, foreign orders stay.

    An account with a new coin in it is measured again within seconds.
    """
    with venue(tmp_path / "venue", "--scenario", "calm", account=ACCOUNT, clock=4) as v:
        orders = [_rest(v, "1000"), _rest_futures(v, "20000")]
        with live(tmp_path / "bot", v) as bot:
            bot.start()
            orders.append(_rest(v, "1001"))
            _trade(v)
            until(
                lambda: _followed(bot),
                TURNED_UP.issubset,
                "what turned up was not followed",
            )
            since = len(entries_of(bot.journal, "ParityChecked"))
            until(
                lambda: _measured(bot, since),
                {"margin_cross", "futures:USDT"}.issubset,
                "the exchange's ratios and ours were not compared again",
            )
            assert settled_books(bot.journal, v)[0] == []
            assert _resting(v) >= set(orders)
            assert bot.stop() == 0
        opening = entries_of(bot.journal, "SnapshotTaken")[0].body
        assert isinstance(opening, SnapshotTaken)
        asked = [e.body for e in entries_of(bot.journal, "Approved")]
        owners = {body.owner for body in asked if isinstance(body, Approved)}
        assert owners <= {STOPS}, "nobody but the stops asked for anything"
        check = gnomon(bot.folder, "journal", "verify", "--journal", str(bot.journal))
        assert check.wait(30) == 0
        check.communicate()


def _trade(place: Venue) -> None:
    """What somebody else does on the same account."""
    _ask(
        place,
        "/api/v3/margin/borrow",
        {"currency": "XRP", "size": "100", "timeInForce": "IOC"},
    )
    move = {"type": "INTERNAL", "currency": "BTC", "amount": "0.01"}
    move |= {"fromAccountType": "TRADE", "toAccountType": "ISOLATED_V2"}
    move |= {"clientOid": "move-1", "toAccountTag": "BTC-USDT"}
    _ask(place, "/api/v3/accounts/universal-transfer", move)
    order = {"symbol": "DOGEUSDTM", "side": "sell", "type": "market", "size": 3}
    order |= {"clientOid": "doge-1", "leverage": "3", "marginMode": "CROSS"}
    _ask(place, "/api/v1/orders", order, host="futures")
    order = {"symbol": "SOLUSDTM", "side": "sell", "type": "market", "size": 5}
    order |= {"clientOid": "sol-1", "leverage": "3", "marginMode": "CROSS"}
    _ask(place, "/api/v1/orders", order, host="futures")


def _rest(place: Venue, price: str) -> str:
    """An order far under the market; its number."""
    order = {"symbol": "BTC-USDT", "side": "buy", "type": "limit", "size": "0.01"}
    order |= {"clientOid": f"rest-{price}", "price": price}
    said = _ask(place, "/api/v1/hf/orders", order)
    return str(said.json["data"]["orderId"])


def _rest_futures(place: Venue, price: str) -> str:
    """The same in a contract in which nothing is held."""
    order = {"symbol": "XBTUSDTM", "side": "buy", "type": "limit", "size": 2}
    order |= {"clientOid": f"rest-{price}", "price": price}
    order |= {"leverage": "3", "marginMode": "CROSS"}
    said = _ask(place, "/api/v1/orders", order, host="futures")
    return str(said.json["data"]["orderId"])


def _ask(
    place: Venue, path: str, body: Mapping[str, object], host: str = "spot"
) -> Said:
    said = place.served.ask("POST", path, json.dumps(body), host=host)
    assert said.code == "200000", said.json
    return said


def _resting(place: Venue) -> set[str]:
    """The numbers of the orders in both books."""
    spot = place.served.ask("GET", "/api/v1/hf/orders/active?symbol=BTC-USDT").json
    futures = place.served.ask(
        "GET", "/api/v1/orders?status=active", host="futures"
    ).json
    rows: list[Any] = [*spot["data"], *futures["data"]["items"]]
    return {str(row["id"]) for row in rows}


def _followed(bot: Live) -> set[str]:
    """The names of which the journal says that they are followed from now on."""
    notes = [entry.body for entry in entries_of(bot.journal, "Noted")]
    texts = [n.text for n in notes if isinstance(n, Noted) and n.topic == FOLLOWED]
    return {name for text in texts for name in text.split(" turned")[0].split(", ")}


def _measured(bot: Live, since: int) -> set[str]:
    """The accounts with a number of ours beside the exchange's, of late."""
    rows = [entry.body for entry in entries_of(bot.journal, "ParityChecked")][since:]
    return {
        row.subject
        for row in rows
        if isinstance(row, ParityChecked) and row.cause is not ParityCause.MISSING
    }
