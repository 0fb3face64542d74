"""A live bot whose answers are lost: each request is done once, and known to be.

One session over real processes. Every kind of request meets its worst answer once: a
loan and a transfer that were done while the line was cut, a repayment behind a bad
gateway, a margin order that was accepted and never answered, a futures order that
never arrived; look-ups deny young orders. The campaign in ``benchmarks`` does the same
by chance and in numbers.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.domain.entries import Entry
from bot.domain.events import IntentSettled
from bot.domain.intents import Approved
from bot.domain.orders import Outcome
from connectors.system.control import ask_running, control_path
from tests.contract.live_books import entries_of, settled_books
from tests.contract.live_process import Live, Venue, live, venue
from tests.contract.served import until

ACCOUNT = """\
[main]
USDT = "1000"

[margin_cross]
leverage = "5"
balance = {USDT = "5000", BTC = "0.02"}

[futures]
wallet = {USDT = "3000"}

[[futures.position]]
symbol = "XBTUSDTM"
mode = "cross"
lots = -3
leverage = "3"
"""

FAULTS = """\
[[rest]]
name = "loan"
fault = "drop_after"
method = "POST"
path = "/api/v3/margin/borrow"
count = 1

[[rest]]
name = "repayment"
fault = "status"
method = "POST"
path = "/api/v3/margin/repay"
status = 502
body = "<html>bad gateway</html>"
after = true
count = 1

[[rest]]
name = "transfer"
fault = "drop_after"
family = "transfers"
count = 1

[[rest]]
name = "margin order"
fault = "hang_after"
host = "spot"
family = "orders"
count = 1

[[rest]]
name = "futures order"
fault = "drop_before"
host = "futures"
family = "orders"
count = 1

[[rest]]
name = "not seen yet"
fault = "not_found"
family = "lookups"
not_found_for_s = 20
"""

ASKED: tuple[dict[str, str], ...] = (
    {"do": "borrow", "coin": "USDT", "amount": "321.5", "account": "margin"},
    {"do": "transfer", "coin": "USDT", "amount": "77", "source": "main"}
    | {"target": "margin"},
    {"do": "repay", "coin": "USDT", "amount": "21.5", "account": "margin"},
    {"do": "flatten"},
)


@dataclass(frozen=True, kw_only=True)
class Session:
    """What was said, what was logged and what both sides remember at the end."""

    answers: tuple[Any, ...]
    faults: Counter[str]
    entries: list[Entry]
    differences: list[str]
    place: Venue
    loans: list[Any]
    repayments: list[Any]
    orders: list[Any]

    def settled(self, intent_id: str) -> list[IntentSettled]:
        """What was told of an intent, oldest first."""
        bodies = (entry.body for entry in self.entries)
        found = [b for b in bodies if isinstance(b, IntentSettled)]
        return [each for each in found if each.intent_id == intent_id]

    @property
    def approved(self) -> dict[str, Approved]:
        """Every intent, by its id."""
        bodies = (entry.body for entry in self.entries)
        return {b.intent_id: b for b in bodies if isinstance(b, Approved)}


def _ask_all(bot: Live) -> tuple[Any, ...]:
    """Everything, one after another; new risk waits until every feed is heard."""
    path = control_path(bot.journal)

    def ask(request: dict[str, str]) -> Any:
        return asyncio.run(ask_running(path, request, 60.0))

    def is_admitted(answer: Any) -> bool:
        return all(part["state"] != "refused" for part in answer["requests"])

    first = until(lambda: ask(ASKED[0]), is_admitted, "the loan was never admitted")
    return (first, *(ask(request) for request in ASKED[1:]))


def _items(place: Venue, target: str) -> list[Any]:
    """The rows of a list as the venue remembers them."""
    said = place.served.ask("GET", target).json["data"]
    rows = said["items"]
    assert isinstance(rows, list)
    return rows


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """One session with every fault in it, ended in order."""
    folder: Path = tmp_path_factory.mktemp("faults")
    (folder / "faults.toml").write_text(FAULTS, encoding="utf-8")
    log = folder / "faults.jsonl"
    words = ["--scenario", "calm", "--faults", str(folder / "faults.toml")]
    words += ["--fault-log", str(log)]
    with venue(folder / "venue", *words, account=ACCOUNT, clock=10) as place:
        with live(folder / "bot", place, "--no-strategies") as bot:
            bot.start()
            answers = _ask_all(bot)
            differences, _ = settled_books(bot.journal, place)
            assert bot.stop() == 0, bot.errors
            entries = entries_of(bot.journal)
        lines = log.read_text(encoding="utf-8").splitlines()
        orders = "/api/v3/hf/margin/orders/done?symbol=BTC-USDT&tradeType=MARGIN_TRADE"
        yield Session(
            answers=answers,
            faults=Counter(json.loads(line)["rule"] for line in lines),
            entries=entries,
            differences=differences,
            place=place,
            loans=_items(place, "/api/v3/margin/borrow?currency=USDT"),
            repayments=_items(place, "/api/v3/margin/repay?currency=USDT"),
            orders=_items(place, orders),
        )


def test_every_fault_was_met(session: Session) -> None:
    """Each rule of the script hit its request; a script that misses proves nothing."""
    once = {"loan", "repayment", "transfer", "margin order", "futures order"}
    assert {rule: session.faults[rule] for rule in once} == dict.fromkeys(once, 1)


def test_books_are_equal_after_lost_answers(session: Session) -> None:
    """The journal equals the venue to the last digit, without an adjustment."""
    assert session.differences == []


def test_nothing_stays_in_doubt(session: Session) -> None:
    """Every intent has a proven end, and three answers at least were in doubt first."""
    ends = [session.settled(name)[-1].outcome for name in session.approved]
    assert Outcome.IN_DOUBT not in ends
    doubted = [
        name
        for name in session.approved
        if session.settled(name)[0].outcome is Outcome.IN_DOUBT
    ]
    assert len(doubted) >= 3


def test_the_operator_is_told_what_became_of_it(session: Session) -> None:
    """A loan, a transfer and a repayment whose answers were lost are told as done."""
    for answer in session.answers[:3]:
        assert answer["is_done"], answer
        assert [row["state"] for row in answer["requests"]] == ["done"]
    assert session.place.served.line("margin_cross", "BTC").total < Decimal("0.0001")


def test_a_loan_without_an_answer_is_taken_once(session: Session) -> None:
    """One borrow of the asked size at the venue, and its repayment once."""
    assert [Decimal(row["size"]) for row in session.loans] == [Decimal("321.5")]
    sizes = [Decimal(row["size"]) for row in session.repayments]
    assert sizes.count(Decimal("21.5")) == 1


def test_orders_are_ours_and_none_twice(session: Session) -> None:
    """Each margin order of the venue has an intent of its own that is done by it."""
    names = [row["clientOid"] for row in session.orders]
    assert names
    assert len(set(names)) == len(names)
    for row in session.orders:
        last = session.settled(row["clientOid"])[-1]
        assert (last.outcome, last.order_id) == (Outcome.DONE, row["id"])


def test_an_order_that_never_arrived_is_refused_with_proof(session: Session) -> None:
    """The futures order whose line was cut before is refused, and another closed it."""
    told = [
        [each.outcome for each in session.settled(name)]
        for name, approved in session.approved.items()
        if getattr(approved.intent, "symbol", "") == "XBTUSDTM"
    ]
    assert told[0] == [Outcome.IN_DOUBT, Outcome.REFUSED]
    assert told[-1] == [Outcome.DONE]
    assert session.place.served.position("XBTUSDTM") is None
