"""Stops of a live bot over the wire: placed, lost, withdrawn, gone off, adopted.

One session over real processes. The bot rests its stops while the market is calm; the
answer to the first margin stop is lost; a person withdraws one by hand and the bot
rests it again; then the bot is killed, the market falls, the stops go off with nobody
there, and the next start finds out what became of them.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from bot.domain.accounts import FUTURES, MARGIN_CROSS
from bot.domain.entries import Entry
from bot.domain.events import Filled, IntentSettled
from bot.domain.intents import Approved, PlaceStop
from bot.domain.orders import Outcome, StopState
from bot.domain.stops import StopChanged
from tests.contract.live_books import entries_of, settled_books
from tests.contract.live_process import Live, Venue, gnomon, live, venue
from tests.simulation.small import market

ACCOUNT = """\
[main]
USDT = "1000"

[margin_cross]
leverage = "5"
balance = {BTC = "1"}
principal = {USDT = "33000"}

[futures]
wallet = {USDT = "18000"}

[[futures.position]]
symbol = "XBTUSDTM"
mode = "cross"
lots = -1000
leverage = "3"
"""

FAULTS = """\
[[rest]]
name = "margin stop"
fault = "drop_after"
method = "POST"
path = "/api/v3/hf/margin/stop-order"
count = 1
"""

LIMIT_S = 120.0
"""How long anything may take beside the market's own minutes."""
CALM_MINUTES = 110
PRICES = [50000.0] * CALM_MINUTES + [50000.0 - 800 * n for n in range(1, 23)]
MARKET_S = len(PRICES) * 60 / 60
"""The market's length on the bench, sixty times as fast as the clock."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """What both sides remember at the end."""

    entries: list[Entry]
    differences: list[str]
    margin_stops: list[Any]
    by_hand: str
    doctor: Any
    books: Any
    cancelled: Any
    left: tuple[int, int]

    def of(self, kind: type) -> list[Any]:
        """The bodies of a kind, oldest first."""
        return [e.body for e in self.entries if isinstance(e.body, kind)]

    @property
    def asked(self) -> dict[str, PlaceStop]:
        """Every stop that was asked for, by its intent."""
        return {
            body.intent_id: body.intent
            for body in self.of(Approved)
            if isinstance(body.intent, PlaceStop)
        }


def _futures_stops(place: Venue) -> list[Any]:
    rows = place.served.ask("GET", "/api/v1/stopOrders?pageSize=100", host="futures")
    found = rows.json["data"]["items"]
    assert isinstance(found, list)
    return found


def _margin_stops(place: Venue) -> list[Any]:
    target = "/api/v3/hf/margin/stop-orders?pageSize=100"
    found = place.served.ask("GET", target).json["data"]["items"]
    assert isinstance(found, list)
    return found


def _wait(look: Callable[[], Any], is_there: Callable[[Any], bool], what: str) -> Any:
    """Look again and again until it is there, for longer than the market takes."""
    end = time.monotonic() + MARKET_S + LIMIT_S
    while not is_there(seen := look()):
        assert time.monotonic() < end, f"{what}; last seen: {seen!r}"
        Event().wait(0.3)
    return seen


def _doctor(folder: Path) -> Any:
    """What ``gnomon doctor --json`` says, whatever it thinks of a live start."""
    said = folder / "doctor.json"
    process = gnomon(folder, "doctor", "--json", out=said)
    assert process.wait(timeout=LIMIT_S) in {0, 4}
    return json.loads(said.read_text(encoding="utf-8"))


def _typed(folder: Path, *words: str) -> Any:
    """What an operator's command says to a machine."""
    said = folder / "typed.json"
    process = gnomon(folder, *words, "--json", out=said)
    assert process.wait(timeout=LIMIT_S) == 0
    return json.loads(said.read_text(encoding="utf-8"))


def _cancelled_all(place: Venue, bot: Live) -> tuple[Any, tuple[int, int]]:
    """Cancel everything, see what is left some market minutes later, rest again."""
    answer = _typed(bot.folder, "cancel-all")
    Event().wait(6.0)
    left = len(_margin_stops(place)), len(_futures_stops(place))
    _typed(bot.folder, "rest-stops")
    _wait(lambda: _margin_stops(place), lambda r: len(r) == 2, "margin stops again")
    _wait(lambda: _futures_stops(place), lambda r: len(r) == 2, "futures stops again")
    return answer, left


def _told(bot: Live, state: StopState) -> list[StopChanged]:
    bodies = [e.body for e in entries_of(bot.journal, "StopChanged")]
    return [b for b in bodies if isinstance(b, StopChanged) and b.state is state]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """The whole story, once."""
    folder: Path = tmp_path_factory.mktemp("stops")
    (folder / "faults.toml").write_text(FAULTS, encoding="utf-8")
    recorded = market(folder / "market", {"BTC": PRICES})
    words = ["--market", str(recorded), "--faults", str(folder / "faults.toml")]
    with venue(folder / "venue", *words, account=ACCOUNT, clock=60) as place:
        with live(folder / "bot", place, "--no-strategies") as bot:
            bot.start()
            _wait(lambda: _margin_stops(place), lambda r: len(r) == 2, "margin stops")
            stops = _wait(
                lambda: _futures_stops(place), lambda r: len(r) == 2, "futures stops"
            )
            by_hand = stops[0]["id"]
            place.served.ask("DELETE", f"/api/v1/orders/{by_hand}", host="futures")
            _wait(
                lambda: _told(bot, StopState.CANCELLED),
                lambda told: by_hand in {s.stop_id for s in told},
                "the push of a stop that was withdrawn by hand",
            )
            _wait(
                lambda: [s["id"] for s in _futures_stops(place)],
                lambda ids: len(ids) == 2 and by_hand not in ids,
                "a stop in its place",
            )
            cancelled, left = _cancelled_all(place, bot)
            margin_stops = _margin_stops(place)
            bot.kill()
            doctor = _doctor(bot.folder)
            _wait(
                lambda: place.served.position("XBTUSDTM"),
                lambda held: held is None or abs(int(held["lots"])) < 1000,
                "the stops go off",
            )
            bot.start()
            differences, books = settled_books(bot.journal, place)
            assert bot.stop() == 0, bot.errors
            entries = entries_of(bot.journal)
        yield Session(
            entries=entries,
            differences=differences,
            margin_stops=margin_stops,
            by_hand=by_hand,
            doctor=doctor,
            books=books,
            cancelled=cancelled,
            left=left,
        )


def test_a_stop_whose_answer_was_lost_rests_once(session: Session) -> None:
    """It is in doubt, then found under our id, and no second one was placed."""
    names = [row["clientOid"] for row in session.margin_stops]
    assert len(set(names)) == len(names) == 2
    outcomes: dict[str, list[Outcome]] = {name: [] for name in session.asked}
    for told in session.of(IntentSettled):
        if told.intent_id in outcomes:
            outcomes[told.intent_id].append(told.outcome)
    assert [Outcome.IN_DOUBT, Outcome.DONE] in outcomes.values()


def test_what_rests_reduces_and_watches_the_mark(session: Session) -> None:
    """Both legs rest below and above the market, each to be traded the closing way."""
    kinds = {(s.account, str(s.side), s.is_up) for s in session.asked.values()}
    assert kinds == {
        (FUTURES, "buy", False),
        (FUTURES, "buy", True),
        (MARGIN_CROSS, "sell", False),
        (MARGIN_CROSS, "sell", True),
    }


def test_who_cancels_everything_has_no_order_of_ours_left(session: Session) -> None:
    """Every stop is withdrawn, and none comes back before the operator says so."""
    asked = [row["what"] for row in session.cancelled["requests"]]
    assert len([what for what in asked if what.startswith("cancel stop")]) >= 4
    assert session.cancelled["is_done"] is True
    assert session.left == (0, 0)


def test_the_doctor_lists_what_protects_the_account(session: Session) -> None:
    """While the process is down: four stops of ours, and no account without one."""
    found = session.doctor["protection"]
    assert {row["owner"] for row in found["stops"]} == {"gnomon"}
    assert len(found["stops"]) == 4
    for row in found["stops"]:
        away = Decimal(row["trigger_price"]) / Decimal(row["mark"]) - 1
        assert abs(away - Decimal(row["move"])) < Decimal("1e-9")
        assert (away > 0) is (row["triggers"] == "above")
    assert sorted(found["protected"]) == ["futures:USDT", "margin_cross"]
    assert found["unprotected"] == []


def test_both_legs_went_off_and_their_fills_are_ours(session: Session) -> None:
    """The next start books what the stops traded under the ids that asked for them."""
    fills = [f for f in session.of(Filled) if f.intent_id in session.asked]
    assert {f.account for f in fills} == {FUTURES, MARGIN_CROSS}
    for fill in fills:
        asked = session.asked[fill.intent_id]
        assert (fill.account, fill.side) == (asked.account, asked.side)
    triggered = [s for s in session.of(StopChanged) if s.state is StopState.TRIGGERED]
    assert {s.account for s in triggered} == {FUTURES, MARGIN_CROSS}


def test_the_books_are_equal_after_it(session: Session) -> None:
    """The journal equals the venue to the last digit, without an adjustment."""
    assert session.differences == []


def test_the_account_was_not_taken_over(session: Session) -> None:
    """Nothing was liquidated while nobody was there."""
    assert not [f for f in session.of(Filled) if f.forced is not None]
    owned = Decimal(session.books["balances"]["margin_cross"]["BTC"]["total"])
    assert 0 < owned < 1
