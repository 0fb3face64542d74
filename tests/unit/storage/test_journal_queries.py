"""The queries: what the short story looks like from each side."""

from datetime import datetime
from pathlib import Path

import pytest

from bot.domain.entries import Entry
from bot.domain.errors import UsageError
from bot.domain.events import IntentSettled
from bot.domain.orders import IntentState, Outcome
from storage.export import TABLES, as_csv, as_json
from storage.queries import (
    Filters,
    intents,
    last_sample,
    open_intents,
    orders,
    positions,
    postings_of,
    raw_entries,
    records,
    runs,
)
from storage.reader import JournalReader
from storage.rows import FillRow, NoteRow, PostingRow, SampleRow
from storage.story import tell
from tests.unit.storage.told import HEADER, STORY, at, write


def test_requests_carry_their_outcome(reader: JournalReader) -> None:
    """In doubt and then done is done; a request without an answer was sent."""
    rows = {row["intent_id"]: row for row in intents(reader)}

    assert rows["I1"]["state"] == "done"
    assert rows["I1"]["order_id"] == "O1"
    assert rows["I1"]["what"] == "PlaceOrder"
    assert rows["I1"]["amount"] == "0.1"
    assert rows["I1"]["intent"]["is_reduction"] is True
    assert rows["I2"]["state"] == "sent"
    assert rows["I2"]["coin"] == "USDT"


def test_open_requests_are_those_without_a_proof(reader: JournalReader) -> None:
    """Only a request that is neither done nor refused must be looked up."""
    (waiting,) = open_intents(reader)

    assert waiting.approved == STORY[17].body
    assert (waiting.seq, waiting.state) == (18, IntentState.SENT)


def test_a_request_in_doubt_stays_open(tmp_path: Path) -> None:
    """In doubt is an answer, but no proof."""
    settled = IntentSettled(at=at(11), intent_id="I2", outcome=Outcome.IN_DOUBT)
    path = write(tmp_path / "j", [*STORY, Entry(at=at(11), body=settled)])
    with JournalReader.open(path) as reader:
        (waiting,) = open_intents(reader)

    assert waiting.state is IntentState.IN_DOUBT


def test_an_order_shows_its_furthest_state(reader: JournalReader) -> None:
    """Two statements about an order make one row: when it began, how it stands."""
    (order,) = orders(reader)

    assert (order["state"], order["filled_qty"]) == ("filled", "0.1")
    assert order["at"] < order["changed_at"]


def test_a_late_open_does_not_reopen_an_order(tmp_path: Path) -> None:
    """Messages out of order change nothing."""
    late = Entry(at=at(11), body=STORY[11].body)
    path = write(tmp_path / "j", [*STORY, late])
    with JournalReader.open(path) as reader:
        assert [order["state"] for order in orders(reader)] == ["filled"]


def test_positions_as_last_stated(reader: JournalReader) -> None:
    """A position is what the exchange last said of it, up to the time asked for."""
    assert [position.lots for position in positions(reader).values()] == [-150]
    assert positions(reader, until=at(0)) == {}


def test_the_newest_sample(reader: JournalReader) -> None:
    """The newest sample up to a time, or none."""
    newest, early = last_sample(reader), last_sample(reader, until=at(5))

    assert newest is not None
    assert early is not None
    assert (newest[0], early[0]) == (at(8), at(4))
    assert newest[1].equity_usdt is None
    assert last_sample(reader, until=at(1)) is None


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        (Filters(), 11),
        (Filters(account="futures"), 2),
        (Filters(coin="BTC"), 2),
        (Filters(symbol="XBTUSDTM"), 1),
        (Filters(since=at(3)), 4),
        (Filters(until=at(1)), 6),
        (Filters(since=at(6), until=at(6), coin="USDT"), 2),
        (Filters(limit=3), 3),
    ],
)
def test_filters_narrow(reader: JournalReader, filters: Filters, count: int) -> None:
    """Both ends of a time belong to it, and filters add up."""
    found = records(reader, PostingRow, filters)

    assert len(found) == count
    assert [(row["seq"], row["item"]) for row in found] == sorted(
        (row["seq"], row["item"]) for row in found
    )


def test_a_limit_keeps_the_newest(reader: JournalReader) -> None:
    """The newest rows, but in the order in which they happened."""
    kept = raw_entries(reader, None, Filters(limit=2))

    assert [row["kind"] for row in kept] == ["Sampled", "Noted"]
    assert raw_entries(reader, "Noted")[0]["body"]["text"] == "none"
    with pytest.raises(UsageError, match="no kind"):
        raw_entries(reader, "Nothing")


def test_a_filter_without_a_column_is_refused(reader: JournalReader) -> None:
    """A filter that cannot be applied is a sentence, not silently dropped."""
    with pytest.raises(UsageError, match="fills have no coin"):
        records(reader, FillRow, Filters(coin="BTC"))


def test_funding_and_interest_carry_their_rates(reader: JournalReader) -> None:
    """What was paid, and the rate at which."""
    (funding,) = postings_of(reader, "funding")
    (interest,) = postings_of(reader, "interest")

    assert (funding["amount"], funding["rate"]) == ("1.5", "0.0001")
    assert (interest["amount"], interest["bucket"]) == ("0.26484019", "interest")


def test_samples_for_plots(reader: JournalReader) -> None:
    """Samples come with their mappings; an unknown equity is None."""
    rows = records(reader, SampleRow)

    assert [row["equity_usdt"] for row in rows] == ["34000.5", None]
    assert rows[0]["debt_ratios"] == {"margin_cross": "0.42"}


def test_runs_and_their_ends(tmp_path: Path, reader: JournalReader) -> None:
    """A run that was cut has no end; one that ended says why."""
    with JournalReader.open(write(tmp_path / "e", STORY, is_ended=True)) as ended:
        (done,) = runs(ended)
    (cut,) = runs(reader)

    assert cut["end"] is None
    assert cut["identity"] == dict(HEADER.identity)
    assert done["reason"] == "end of the market"


def test_entries_come_back_in_pages(tmp_path: Path) -> None:
    """More entries than a page holds, all in order; kinds and a start narrow them."""
    many = [Entry(at=at(n), body=STORY[-1].body) for n in range(2_500)]
    with JournalReader.open(write(tmp_path / "j", [*STORY, *many])) as reader:
        notes = [stored.seq for stored in reader.entries("Noted", after=len(STORY))]

        assert notes == list(range(len(STORY) + 1, len(STORY) + 2_501))
        assert reader.entry(1) == STORY[0]
        assert reader.last() is not None


def test_an_empty_journal_has_no_last_entry(tmp_path: Path) -> None:
    """Nothing was written: nothing is last."""
    with JournalReader.open(write(tmp_path / "j", [])) as reader:
        assert reader.last() is None
        assert runs(reader) == []


def test_the_story_of_a_decision(reader: JournalReader) -> None:
    """A decision tells its numbers, its requests, their results and the ratios."""
    story = tell(reader, "D1")

    assert story.decision is not None
    assert story.decision["inputs"]["act_distance"] == "0.15"
    (request,) = story.requests
    assert request.request["intent_id"] == "I1"
    assert [row["outcome"] for row in request.outcomes] == ["in_doubt", "done"]
    assert [row["price"] for row in request.fills] == ["100000"]
    assert len(request.postings) == 3
    assert [row["reason"] for row in story.refusals] == ["below the smallest repayment"]
    assert story.before is not None
    assert story.after is not None
    assert story.before["debt_ratios"] == {"margin_cross": "0.42"}
    assert story.after["debt_ratios"] == {"margin_cross": "0.27"}


def test_the_story_of_a_request(reader: JournalReader) -> None:
    """A request tells the decision it came from; without one there is none."""
    assert tell(reader, "I1").decision == tell(reader, "D1").decision
    assert tell(reader, "I2").decision is None


def test_an_unknown_id_names_known_ones(reader: JournalReader) -> None:
    """A wrong id is a sentence that helps to find a right one."""
    with pytest.raises(UsageError, match="D1, I1, I2"):
        tell(reader, "D999")


@pytest.mark.parametrize("name", TABLES)
def test_every_table_exports(reader: JournalReader, name: str) -> None:
    """Each table gives CSV with a header, and JSON, of as many rows."""
    rows = TABLES[name](reader, Filters())

    assert rows
    assert as_csv(rows).count("\n") >= len(rows) + 1
    assert as_json(rows).count("\n") == len(rows) + 2


def test_cells_never_start_a_formula(reader: JournalReader) -> None:
    """Text that a spreadsheet would run is quoted, a negative number is not."""
    assert ",'=idle balance," in as_csv(intents(reader))
    assert ",-0.1\n" in as_csv(records(reader, PostingRow))
    assert as_csv(records(reader, NoteRow, Filters(since=at(60)))) == ""


def test_a_time_that_is_not_utc_is_refused(reader: JournalReader) -> None:
    """A filter with a naive time would mean something else to everybody."""
    naive = datetime(2025, 10, 10)  # noqa: DTZ001 - the point of the test
    with pytest.raises(ValueError, match="UTC"):
        records(reader, NoteRow, Filters(since=naive))
