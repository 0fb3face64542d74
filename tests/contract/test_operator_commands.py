"""The operator's commands against a served venue: what they do, refuse and print."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path

import pytest

from bot.report.calibration_plan import STEPS
from connectors.system.control import control_path
from storage.lease import AccountLease
from tests.contract.commands import Desk
from tests.contract.served import CROSS, ISOLATED, Key, Served, serve, until

KEY = Key(key="k", secret="s", passphrase="p")  # noqa: S106 - of nobody

FAST = ("--clock", "x4")
"""So that marks, which move every few seconds of the market's time, are soon fresh."""

ACCOUNT = """\
vip = 0

[main]
USDT = "5000"

[spot]
USDT = "100"

[margin_cross]
leverage = "5"
balance = {USDT = "20000", BTC = "0.02"}
principal = {USDT = "1000", ETH = "0.1"}
interest = {ETH = "0.0000004"}

[margin_isolated."BTC-USDT"]
leverage = "5"
balance = {USDT = "5000"}
principal = {USDT = "100"}

[futures]
wallet = {USDT = "10000"}

[[futures.position]]
symbol = "XBTUSDTM"
mode = "cross"
lots = -10
entry = "mark"
leverage = 3
"""
"""Something of everything, small beside the depth of the books."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A served venue with that account, the same one for most examples."""
    with serve(tmp_path_factory.mktemp("venue"), *FAST, account=ACCOUNT) as found:
        yield found


@pytest.fixture
def desk(
    tmp_path: Path,
    served: Served,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Desk:
    """A folder whose key is armed for it."""
    found = Desk.at(tmp_path, capsys, monkeypatch)
    found.configure(served)
    return found


def test_looking_prints_what_the_exchange_states(desk: Desk, served: Served) -> None:
    """Balances, loans, positions and orders are the venue's own, to the last digit."""
    book = served.books()["balances"]
    held = {
        (row["coin"], row["total"])
        for row in desk.type("balances", "--json").object["balances"]
    }
    assert held == {
        (coin, line["total"])
        for coins in book.values()
        for coin, line in coins.items()
        if Decimal(line["total"])
    }
    owed = desk.type("loans", "--json").object["loans"]
    assert {
        row["coin"]: row["principal"] for row in owed if "isol" not in row["account"]
    }
    (position,) = desk.type("positions", "--json").object["positions"]
    assert (position["symbol"], position["side"]) == ("XBTUSDTM", "short")
    assert position["lots"] == str(served.position("XBTUSDTM")["lots"])
    said = desk.type("orders")
    assert (said.code, said.out.strip()) == (0, "There are no orders.")


def test_money_moves_by_exactly_what_was_asked(desk: Desk, served: Served) -> None:
    """Borrow, repay and transfer change the venue's books by the amount, once."""
    before = served.line(CROSS, "USDT")
    main = served.line("main", "USDT").total
    isolated = served.line(ISOLATED, "USDT")
    (asked,) = desk.type("borrow", "USDT", "50", "--json").object["requests"]
    assert (asked["what"], asked["state"], asked["done"]) == (
        "borrow 50 USDT in margin_cross",
        "done",
        "50",
    )
    assert served.line(CROSS, "USDT").principal - before.principal == 50
    assert desk.type("repay", "USDT", "50").code == 0
    assert desk.type("transfer", "USDT", "12.5", "main", "BTC-USDT").code == 0
    assert served.line("main", "USDT").total == main - Decimal("12.5")
    assert served.line(ISOLATED, "USDT").total == isolated.total + Decimal("12.5")
    assert desk.type("repay", "USDT", "all", "--account", "BTC-USDT").code == 0
    assert served.line(ISOLATED, "USDT").liability == 0


def test_a_dry_run_sends_nothing(desk: Desk, served: Served) -> None:
    """It says what admission would say, unarmed too, and the books stay."""
    desk.configure(served, GNOMON_LIVE="no")
    before = served.books()["balances"]
    said = desk.type("borrow", "USDT", "10", "--dry-run", "--json").object
    (asked,) = said["requests"]
    assert (said["dry_run"], asked["state"]) == (True, "approved")
    assert "margin_cross ratio after" in asked["measured"]
    table = desk.type("flatten", "--dry-run")
    assert "buy 10 XBTUSDTM" in table.out
    assert "first round" in table.out
    assert max(map(len, table.out.splitlines())) <= 80
    assert served.books()["balances"] == before
    refused = desk.type("flatten")
    assert (refused.code, refused.out) == (4, "")
    assert "GNOMON_LIVE=yes" in refused.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("borrow", "USDT", "NaN"), "a number over 0"),
        (("borrow", "USDT", "0"), "a number over 0"),
        (("borrow", "USDT", "1e400"), "a number over 0"),
        (("borrow", "USDT", "0.123456789"), "eight decimals"),
        (("borrow", "US$", "1"), "not a coin"),
        (("borrow", "USDT", "1", "--account", "savings"), "no account 'savings'"),
        (("transfer", "USDT", "1", "main", "main"), "the same account"),
        (("transfer", "USDT", "1", "main"), "Missing argument"),
        (("borrow", "USDT", "-5"), "No such option"),
    ],
)
def test_wrong_words_are_a_sentence_and_exit_2(
    words: tuple[str, ...],
    sentence: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is asked of any exchange for words that cannot be meant."""
    desk = Desk.at(tmp_path, capsys, monkeypatch)
    nowhere = Served(
        spot="http://127.0.0.1:9",
        futures="http://127.0.0.1:9",
        uid="1",
        full=KEY,
        read=KEY,
    )
    desk.configure(nowhere)
    said = desk.type(*words, "--json")
    assert (said.code, said.out) == (2, "")
    assert sentence in said.err


def test_what_is_refused_is_told_with_its_reason(desk: Desk, served: Served) -> None:
    """An unknown coin, too much, and a distance that would be too small."""
    unknown = desk.type("borrow", "NOPE", "1", "--json")
    assert unknown.code == 4
    assert "NOPE" in unknown.object["requests"][0]["reason"]
    much = desk.type("transfer", "USDT", "1000000", "main", "margin", "--json")
    assert much.code == 4
    assert much.object["requests"][0]["state"] == "refused"
    near = desk.type("borrow", "USDT", "500000")
    assert near.code == 4
    assert "backstop" in " ".join(near.out.split())


def test_flatten_leaves_nothing_that_can_be_liquidated(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All of it, however it came about."""
    with serve(tmp_path, *FAST, account=ACCOUNT) as served:
        desk = Desk.at(tmp_path, capsys, monkeypatch)
        desk.configure(served)
        _place_foreign_order(served)
        _flatten(desk, served)


def _place_foreign_order(served: Served) -> None:
    """An order that this bot knows nothing of."""
    order = {
        "clientOid": "somebody-elses",
        "side": "buy",
        "symbol": "XBTUSDTM",
        "leverage": "3",
        "type": "limit",
        "price": "30000",
        "size": 1,
        "marginMode": "CROSS",
    }
    placed = served.ask("POST", "/api/v1/orders", json.dumps(order), host="futures")
    assert placed.code == "200000"


def _flatten(desk: Desk, served: Served) -> None:
    said = desk.type("flatten", "--json")
    assert (said.code, said.object["is_done"]) == (0, True)
    asked = {row["what"].split()[0] for row in said.object["requests"]}
    assert asked == {"cancel", "buy", "sell", "repay"}
    books = served.books()
    assert books["positions"] == []
    assert all(
        Decimal(line["principal"]) == Decimal(line["interest"]) == 0
        for coins in books["balances"].values()
        for line in coins.values()
    )
    assert served.line(CROSS, "BTC").total == 0
    assert desk.type("orders").out.strip() == "There are no orders."
    again = desk.type("flatten")
    assert (again.code, again.out.strip()) == (0, "There is nothing to do.")
    assert not control_path(desk.journal).exists()


def test_cancel_all_takes_foreign_orders_too(desk: Desk, served: Served) -> None:
    """An order that this bot never sent is cancelled by its number."""
    order = {
        "clientOid": "somebody-elses",
        "side": "buy",
        "symbol": "BTC-USDT",
        "type": "limit",
        "price": "30000",
        "size": "0.001",
        "isIsolated": False,
    }
    placed = served.ask("POST", "/api/v3/hf/margin/order", json.dumps(order))
    assert placed.code == "200000"
    until(
        lambda: served.line(CROSS, "USDT").hold,
        lambda hold: hold > 0,
        "the order never rested",
    )

    stop = {**order, "clientOid": "their-stop", "side": "sell", "type": "market"}
    stop |= {"size": "0.001", "stopPrice": "1000", "stop": "loss"}
    del stop["price"]
    path = "/api/v3/hf/margin/stop-order"
    assert served.ask("POST", path, json.dumps(stop)).code == "200000"

    said = desk.type("cancel-all", "--json")

    assert (said.code, len(said.object["requests"])) == (0, 2)
    assert served.line(CROSS, "USDT").hold == 0
    left = served.ask("GET", "/api/v3/hf/margin/stop-orders?pageSize=100")
    assert left.json["data"]["items"] == []


def _place_where_nobody_follows(served: Served) -> None:
    """Orders and stops of spot, cross and isolated margin, in pairs of no balance."""
    order = {"side": "buy", "type": "limit", "price": "0.01", "size": "1000"}
    stop = {"side": "buy", "type": "market", "size": "100", "stop": "entry"}
    stop["stopPrice"] = "900"
    pair: dict[str, object] = {**order, "price": "30000", "size": "0.001"}
    pair["isIsolated"] = True
    wanted: tuple[tuple[str, str, Mapping[str, object]], ...] = (
        ("/api/v1/hf/orders", "XRP-USDT", order),
        ("/api/v1/stop-order", "XRP-USDT", stop),
        ("/api/v3/hf/margin/order", "DOGE-USDT", order),
        ("/api/v3/hf/margin/stop-order", "DOGE-USDT", stop),
        ("/api/v3/hf/margin/order", "BTC-USDT", pair),
    )
    for number, (path, symbol, more) in enumerate(wanted):
        body = {**more, "clientOid": f"by-hand-{number}", "symbol": symbol}
        said = served.ask("POST", path, json.dumps(body))
        assert said.code == "200000", said.json


def test_cancel_all_finds_what_rests_where_nothing_is_held(
    desk: Desk, served: Served
) -> None:
    """Foreign orders and stops in pairs that the bot does not follow leave too."""
    _place_where_nobody_follows(served)
    listed = desk.type("orders", "--json").object["orders"]
    assert {(row["account"], row["symbol"]) for row in listed} == {
        ("spot", "XRP-USDT"),
        ("cross margin", "DOGE-USDT"),
        ("BTC-USDT isolated", "BTC-USDT"),
    }

    said = desk.type("cancel-all", "--json")

    assert (said.code, said.object["is_done"]) == (0, True)
    assert len(said.object["requests"]) == 5
    assert served.line("spot", "USDT").hold == 0
    assert served.line(CROSS, "USDT").hold == 0
    assert served.line(ISOLATED, "USDT").hold == 0
    assert desk.type("orders").out.strip() == "There are no orders."
    for path in ("/api/v1/stop-order", "/api/v3/hf/margin/stop-orders"):
        assert served.ask("GET", path).json["data"]["items"] == []


def test_a_command_waits_for_one_that_has_the_account(
    desk: Desk, served: Served
) -> None:
    """It says so once on standard error, and goes on when the other has ended."""
    with ExitStack() as other:
        other.enter_context(AccountLease.take(served.uid, desk.folder / "other.sqlite"))
        freed = threading.Timer(3, other.pop_all().close)
        freed.start()
        said = desk.type("transfer", "USDT", "1", "main", "margin", "--json")
        freed.join()
    assert (said.code, said.object["is_done"]) == (0, True)
    assert said.err.count("waiting up to 30 s for it") == 1


def test_a_command_does_not_wait_for_ever(
    desk: Desk, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the limit it is refused, and says who has the account."""
    monkeypatch.setattr("bot.cli.operate._BUSY_S", 1.0)
    with AccountLease.take(served.uid, desk.folder / "other.sqlite"):
        said = desk.type("transfer", "USDT", "1", "main", "margin", "--json")
    assert (said.code, said.out) == (4, "")
    assert f"trades account {served.uid} and writes" in said.err


def test_stops_rest_again_only_where_a_bot_holds_them_back(desk: Desk) -> None:
    """Without a running bot there is no pause to end: exit 4 and a sentence."""
    said = desk.type("rest-stops")
    assert (said.code, said.out) == (4, "")
    assert "No bot runs" in said.err


def test_a_calibration_runs_to_its_end_and_agrees(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every step is observed, every number agrees, and the account is as before."""
    account = '[main]\nUSDT = "100"\n\n[futures]\nwallet = {USDT = "10000"}\n'
    with serve(tmp_path, *FAST, account=account) as served:
        desk = Desk.at(tmp_path, capsys, monkeypatch)
        desk.configure(served)
        steps = desk.type("calibrate", "--dry-run", "--json").object["steps"]
        assert not any(step["done"] for step in steps)

        said = desk.type("calibrate", "--out", "vectors.json", "--json")

        assert said.code == 0, said.err
        assert [step["done"] for step in said.object["steps"]] == [True] * len(STEPS)
        numbers = said.object["numbers"]
        assert len(numbers) >= 15
        assert {row["agrees"] for row in numbers} == {"yes"}
        assert served.books()["positions"] == []
        leverage = served.ask(
            "GET", "/api/v2/getCrossUserLeverage?symbol=XBTUSDTM", host="futures"
        )
        assert Decimal(leverage.json["data"]["leverage"]) == 10
        again = desk.type("calibrate", "--out", "vectors.json", "--json")
        assert again.object == said.object
