"""When ``gnomon live`` starts, and when it refuses: one sentence and an exit code."""

import json
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.domain.entries import Entry, RunStarted
from storage.journal import SqliteJournal
from tests.contract.commands import Desk
from tests.contract.live_process import Live, Venue, live, venue
from tests.contract.served import Served, serve

ACCOUNT = """\
[main]
USDT = "5000"

[margin_cross]
leverage = "5"
balance = {USDT = "20000", BTC = "0.1"}
principal = {USDT = "5000"}

[futures]
wallet = {USDT = "10000"}
"""
"""A debt, and no position: only then can the position mode be switched."""

_WITHDRAWS = """\
[[key]]
key = "k"
secret = "s"
passphrase = "p"
permissions = "General, Spot, Margin, Futures, InnerTransfer, Transfer"

[[key]]
key = "reader"
secret = "s"
passphrase = "p"
permissions = "General"
"""

ARMED = ("live", "--for", "10s", "--json")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Venue]:
    """A venue at four times the wall's time."""
    folder = tmp_path_factory.mktemp("arming")
    with venue(folder, "--scenario", "calm", account=ACCOUNT, clock=4) as found:
        yield found


@pytest.fixture
def served(place: Venue) -> Served:
    """Where it is and who may come in."""
    return place.served


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


def refused(desk: Desk, *words: str) -> tuple[int, str]:
    """How a start ended that must print nothing on standard output."""
    said = desk.type(*ARMED, *words)
    assert said.out == ""
    assert len(said.err.strip().splitlines()) == 1
    return said.code, said.err


def test_each_of_the_two_steps_is_needed(desk: Desk, served: Served) -> None:
    """The setting alone is not enough, nor is the number; another number is refused."""
    code, sentence = refused(desk)
    assert (code, "--arm ACCOUNT-UID" in sentence) == (4, True)
    code, sentence = refused(desk, "--arm", "999")
    assert code == 4
    assert f"belongs to account {served.uid}, not to 999" in sentence
    desk.configure(served, GNOMON_LIVE="no")
    code, sentence = refused(desk, "--arm", served.uid)
    assert (code, "GNOMON_LIVE=yes" in sentence) == (4, True)
    assert not desk.journal.exists()


def test_a_key_that_others_may_read_is_refused(desk: Desk, served: Served) -> None:
    """In the doctor's words, with the way out, before the exchange is asked."""
    (desk.folder / ".env").chmod(0o644)
    code, sentence = refused(desk, "--arm", served.uid)
    assert code == 4
    assert "Others on this machine may read .env (mode 644). chmod 600 .env" in sentence
    assert not desk.journal.exists()


def test_a_key_without_permissions_is_refused_by_name(
    desk: Desk, served: Served
) -> None:
    """A General-only key may look at nothing that a bot needs."""
    desk.configure(served, served.read)
    code, sentence = refused(desk, "--arm", served.uid)
    assert code == 4
    assert "lacks Spot, Margin, Futures, InnerTransfer" in sentence


def test_a_wrong_secret_is_said_once_and_never_shown(
    desk: Desk, served: Served
) -> None:
    """The code of the exchange and what to do; not the secret, not four times."""
    desk.configure(served, KUCOIN_API_SECRET="not-the-one-that-belongs")  # noqa: S106 - of nobody
    code, sentence = refused(desk, "--arm", served.uid)
    assert code == 4
    assert sentence.count("KuCoin refuses with code 40000") == 1
    assert "not-the-one" not in sentence


@pytest.mark.parametrize("host", ["KUCOIN_SPOT_URL", "KUCOIN_FUTURES_URL"])
def test_an_exchange_that_does_not_answer_is_exit_3(
    desk: Desk, served: Served, host: str
) -> None:
    """Either host: it is not a refusal, and a supervisor may try again."""
    desk.configure(served, None, **{host: "http://127.0.0.1:9"})
    code, sentence = refused(desk, "--arm", served.uid)
    assert (code, "no connection" in sentence) == (3, True)


def test_an_empty_key_is_exit_2_and_names_what_is_missing(
    desk: Desk, served: Served
) -> None:
    """Settings are settings, whatever else may be wrong."""
    desk.configure(served, KUCOIN_API_SECRET="")
    code, sentence = refused(desk, "--arm", served.uid)
    assert (code, "KUCOIN_API_SECRET in .env" in sentence) == (2, True)


def test_hedge_mode_is_refused_with_a_way_out(desk: Desk, served: Served) -> None:
    """Long and short kept apart is another account than the one that is shadowed."""

    def switch(mode: str) -> None:
        body = json.dumps({"positionMode": mode})
        path = "/api/v2/position/switchPositionMode"
        assert served.ask("POST", path, body, host="futures").code == "200000"

    switch("1")
    try:
        code, sentence = refused(desk, "--arm", served.uid)
    finally:
        switch("0")
    assert (code, "switch to one-way mode" in sentence) == (4, True)


def test_doctor_says_what_a_start_would_say(desk: Desk, served: Served) -> None:
    """Its object comes also when the answer is no; the exit code is the verdict."""
    said = desk.type("doctor", "--json")
    assert (said.code, said.object["ready"]) == (0, True)
    desk.configure(served, served.read, GNOMON_LIVE="no")
    (desk.folder / ".env").chmod(0o644)
    said = desk.type("doctor", "--json")
    assert (said.code, said.object["ready"]) == (4, False)
    failed = {c["name"] for c in said.object["checks"] if c["state"] == "fail"}
    assert failed == {"secrets", "arming", "permissions"}
    desk.configure(served, KUCOIN_SPOT_URL="http://127.0.0.1:9")
    said = desk.type("doctor", "--json")
    assert (said.code, said.object["ready"]) == (3, False)


def test_a_damaged_or_foreign_journal_is_exit_5(desk: Desk, served: Served) -> None:
    """Neither is written on; the sentence names the file."""
    desk.journal.parent.mkdir(parents=True)
    desk.journal.write_bytes(b"not a database at all" * 100)
    code, sentence = refused(desk, "--arm", served.uid)
    assert (code, "journal.sqlite" in sentence) == (5, True)
    desk.journal.unlink()
    journal = SqliteJournal.create(desk.journal)
    header = RunStarted(name="live-7", world="live", epoch=1, identity={"account": "7"})
    journal.append([Entry(at=datetime(2026, 1, 1, tzinfo=UTC), body=header)])
    journal.close()
    code, sentence = refused(desk, "--arm", served.uid)
    assert (code, "the journal of account 7, not of account" in sentence) == (5, True)
    checks = desk.type("doctor", "--json").object["checks"]
    assert {"journal's account"} == {c["name"] for c in checks if c["state"] == "fail"}


@pytest.fixture
def bot(tmp_path: Path, place: Venue) -> Iterator[Live]:
    """A bot that is armed for the venue."""
    with live(tmp_path, place, "--no-strategies") as found:
        yield found


def test_a_running_bot_is_asked_and_a_second_one_refused(
    bot: Live, desk: Desk, served: Served
) -> None:
    """Commands go through it; Ctrl-C ends it with 130, SIGTERM with 0 and a summary."""
    bot.start()
    before = served.line("margin_cross", "USDT").principal
    said = desk.type("borrow", "USDT", "20", "--json")
    assert (said.code, said.object["is_done"]) == (0, True), said
    assert served.line("margin_cross", "USDT").principal == before + 20
    code, sentence = refused(desk, "--arm", served.uid)
    assert (code, str(desk.journal) in sentence) == (4, True)
    states = {
        c["name"]: c["state"] for c in desk.type("doctor", "--json").object["checks"]
    }
    assert states["running"] == "warn"
    assert bot.stop(signal.SIGINT) == 130
    assert "every feed delivers" not in bot.errors.lower(), "a quiet log says warnings"
    assert "WARNING" not in bot.errors

    bot.start()
    assert bot.stop(signal.SIGTERM) == 0
    summary = bot.summary()
    assert summary["journal"] == "runs/live/journal.sqlite"
    assert summary["orders"] == 0


def test_a_bot_ends_by_itself_when_its_time_is_over(bot: Live) -> None:
    """``--for`` is the exchange's time: twenty seconds at x4 are five."""
    bot.start("--for", "20s", wait=False)
    assert bot.wait(60) == 0
    assert set(bot.summary()) >= {"equity_end", "journal", "pnl"}


def test_a_person_is_not_refused_for_what_the_key_may_do(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A start refuses a key that can withdraw; a command by hand does its work."""
    keys = tmp_path / "keys.toml"
    keys.write_text(_WITHDRAWS, encoding="utf-8")
    with serve(
        tmp_path, "--clock", "x4", "--keys", str(keys), account=ACCOUNT
    ) as served:
        desk = Desk.at(tmp_path, capsys, monkeypatch)
        desk.configure(served)
        start = desk.type("live", "--arm", served.uid)
        assert start.code == 4
        assert "withdraw" in start.err
        moved = desk.type("transfer", "USDT", "10", "main", "spot", "--json")
        assert moved.code == 0, moved.err
        assert served.line("spot", "USDT").total == 10
