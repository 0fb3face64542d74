"""The pure parts of the stream client: books, watch, line, budget."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from connectors.kucoin.socket_buffer import SocketBuffer
from connectors.kucoin.socket_opener import ConnectBudget
from connectors.kucoin.streams import Channel, Frame, Gap, Restored
from connectors.kucoin.subscriptions import (
    MessageBudget,
    SubscriptionLimits,
    Subscriptions,
    Wish,
    place,
)
from connectors.kucoin.watchdog import Cause, ChannelWatch, Silence, Source

START = datetime(2026, 3, 1, tzinfo=UTC)
MARKS = Channel("futures", "/contract/instrument", stale_after_s=10.0)
ORDERS = Channel("spot", "/orders", is_private=True)
ONE, TWO = Source("futures", is_private=False), Source("futures", False, 1)


def _at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def _books(names: str, **changed: float) -> Subscriptions:
    books = Subscriptions(SubscriptionLimits(**changed))  # type: ignore[arg-type] # all are numbers
    books.want(Wish("/t", name, joins=True) for name in names)
    return books


def _sent(books: Subscriptions, now_s: float) -> list[tuple[str, str]]:
    found = []
    while (request := books.next_request(now_s)) is not None:
        found.append((request.request_id, request.topic))
    return found


def test_a_refused_batch_is_halved_down_to_the_bad_symbol() -> None:
    """Every good symbol is confirmed and the bad one keeps the exchange's words."""
    books = _books("abcdX")
    for _ in range(10):
        for request_id, topic in _sent(books, 0.0):
            if "X" in topic:
                books.refuse(request_id, "404", 0.0)
            else:
                books.ack(request_id)
    assert books.acked("/t") == 4
    assert books.refused("/t") == {"X": "404"}
    assert books.is_settled
    assert books.is_complete("/t")


def test_a_refused_symbol_is_asked_for_again_after_a_while() -> None:
    """It may be listed later: once a minute, not before."""
    books = _books("X")
    ((request_id, _),) = _sent(books, 0.0)
    books.refuse(request_id, "404", 0.0)
    assert not books.is_complete("/t")
    assert _sent(books, 59.0) == []
    ((again, _),) = _sent(books, 60.0)
    books.ack(again)
    assert books.is_complete("/t")


def test_an_unanswered_request_is_sent_again_in_halves_and_then_is_a_loss() -> None:
    """Five seconds each time; the second silence is a reason to reconnect."""
    books = _books("abcd")
    assert [topic for _, topic in _sent(books, 0.0)] == ["/t:a,b,c,d"]
    assert books.overdue(4.9) is None
    assert _sent(books, 4.9) == []
    assert books.overdue(5.0) is None
    assert [topic for _, topic in _sent(books, 5.0)] == ["/t:a,b", "/t:c,d"]
    assert "/t" in (books.overdue(10.0) or "")


def test_a_late_answer_to_an_old_request_confirms_nothing() -> None:
    """Only the request that is in flight counts."""
    books = _books("a")
    ((old, _),) = _sent(books, 0.0)
    books.overdue(5.0)
    ((new, _),) = _sent(books, 5.0)
    assert not books.ack(old)
    assert books.acked("/t") == 0
    assert books.ack(new)


def test_a_symbol_given_up_while_its_request_flies_is_unsubscribed_after() -> None:
    """The exchange has subscribed it all the same, so it must be told."""
    books = _books("ab")
    ((request_id, _),) = _sent(books, 0.0)
    books.want([Wish("/t", "a", joins=True)])
    books.ack(request_id)
    request = books.next_request(0.0)
    assert request is not None
    assert (request.topic, request.subscribes) == ("/t:b", False)
    assert books.ack(request.request_id)
    assert books.is_complete("/t")


def test_a_topic_that_joins_no_symbols_gets_one_request_each() -> None:
    """Isolated pairs are subscribed one by one."""
    books = Subscriptions(SubscriptionLimits())
    books.want([Wish("/i", "A-B"), Wish("/i", "C-D"), Wish("/p")])
    assert [topic for _, topic in _sent(books, 0.0)] == ["/i:A-B", "/i:C-D", "/p"]


def test_no_request_has_more_than_a_hundred_symbols() -> None:
    """A batch is the exchange's most, and together they are everything."""
    books = Subscriptions(SubscriptionLimits())
    books.want(Wish("/t", str(number), joins=True) for number in range(250))
    sizes = [topic.count(",") + 1 for _, topic in _sent(books, 0.0)]
    assert sizes == [100, 100, 50]


def test_messages_are_at_most_so_many_in_a_window() -> None:
    """The window slides: the first message that leaves it makes room for one."""
    budget = MessageBudget(3, 10.0)
    for now_s in (0.0, 1.0, 2.0):
        assert budget.allows(now_s)
        budget.note(now_s)
    assert not budget.allows(9.9)
    assert budget.allows(10.0)
    budget.note(10.0)
    assert not budget.allows(10.9)


def test_connections_are_at_most_so_many_in_a_minute() -> None:
    """The seventh waits until the first is a minute old."""
    budget = ConnectBudget(6, 60.0)
    for now_s in range(6):
        assert budget.wait_s(now_s) == 0
        budget.note(now_s)
    assert budget.wait_s(6.0) == pytest.approx(54.0)
    assert budget.wait_s(60.0) == 0


def test_placing_moves_nothing_that_is_held_and_keeps_the_limit() -> None:
    """What stays wanted stays where it is; an empty connection disappears."""
    wishes = [Wish("/t", name) for name in "abcde"]
    placed = place(wishes, {}, 2)
    assert [len(theirs) for theirs in placed.values()] == [2, 2, 1]
    fewer = [Wish("/t", name) for name in "adef"]
    again = place(fewer, placed, 2)
    assert again == {
        0: [Wish("/t", "a"), Wish("/t", "f")],
        1: [Wish("/t", "d")],
        2: [Wish("/t", "e")],
    }
    assert place([], placed, 2) == {}


def _live(*legs: Source) -> ChannelWatch:
    watch = ChannelWatch(MARKS)
    for leg in legs:
        watch.expect(leg, _at(0))
    notes = [watch.clear(leg, Cause.DOWN, _at(0)) for leg in legs]
    assert notes[-1] == Restored(channel=MARKS)
    return watch


def test_a_channel_is_restored_only_when_all_its_legs_are() -> None:
    """Two connections carry it: one gap each, one restoration at the end."""
    watch = _live(ONE, TWO)
    watch.hear(ONE, _at(5), _at(5), is_pulse=True)
    gap = watch.fail(ONE, Cause.DOWN, "lost", at_most=_at(7))
    assert gap == Gap(channel=MARKS, since=_at(5), reason="lost")
    other = watch.fail(TWO, Cause.DOWN, "lost", at_most=_at(8))
    assert other is not None
    assert other.since == _at(0)
    assert watch.clear(ONE, Cause.DOWN, _at(9)) is None
    assert watch.clear(TWO, Cause.DOWN, _at(9)) == Restored(channel=MARKS)


def test_one_failure_is_told_once_whatever_follows_it() -> None:
    """Silence and then the forced reconnect are one gap."""
    watch = _live(ONE)
    assert watch.fail(ONE, Cause.SILENT, "silent", at_most=_at(11)) is not None
    assert watch.fail(ONE, Cause.SILENT, "silent", at_most=_at(12)) is None
    assert watch.fail(ONE, Cause.DOWN, "lost", at_most=_at(31)) is None
    assert watch.clear(ONE, Cause.DOWN, _at(32)) == Restored(channel=MARKS)
    assert watch.is_live


def test_a_gap_never_begins_in_the_future() -> None:
    """A frame whose time is ahead of the clock does not hide what was lost."""
    watch = _live(ONE)
    watch.hear(ONE, _at(20), _at(5), is_pulse=True)
    gap = watch.fail(ONE, Cause.DOWN, "lost", at_most=_at(6))
    assert gap is not None
    assert gap.since == _at(6)


def test_silence_is_measured_in_the_exchanges_time() -> None:
    """Too long after 10 s, hopeless after 30 s, and then patience doubles."""
    watch = _live(ONE)
    assert watch.silence(ONE, _at(10)) is Silence.FINE
    assert watch.silence(ONE, _at(10.1)) is Silence.TOO_LONG
    assert watch.silence(ONE, _at(30)) is Silence.TOO_LONG
    assert watch.silence(ONE, _at(30.1)) is Silence.HOPELESS
    watch.fail(ONE, Cause.DOWN, "again", at_most=_at(31))
    watch.clear(ONE, Cause.DOWN, _at(40))
    assert watch.silence(ONE, _at(40 + 59)) is Silence.TOO_LONG
    assert watch.silence(ONE, _at(40 + 61)) is Silence.HOPELESS


def test_a_channel_without_a_deadline_may_be_silent_for_ever() -> None:
    """Orders and balances have no pulse."""
    watch = ChannelWatch(ORDERS)
    watch.expect(ONE, _at(0))
    watch.clear(ONE, Cause.DOWN, _at(0))
    assert watch.silence(ONE, _at(1e7)) is Silence.FINE


def test_a_connection_that_is_down_is_not_called_silent() -> None:
    """Its failure was told; there is nothing more to notice."""
    watch = _live(ONE)
    watch.fail(ONE, Cause.DOWN, "lost", at_most=_at(1))
    assert watch.silence(ONE, _at(1000)) is Silence.FINE


def _frame(number: int, channel: Channel = ORDERS) -> Frame:
    return Frame(
        channel=channel, subject="s", value=Decimal(number), received_s=float(number)
    )


def _drain(line: SocketBuffer) -> list[object]:

    async def read() -> list[object]:
        return [await line.next() for _ in range(len(line))]

    return asyncio.run(read())


def test_a_full_line_takes_no_frame_and_loses_none_it_has() -> None:
    """``put`` says no; what waits stays in order; a gap still gets in."""
    line = SocketBuffer(3)
    assert [line.put(_frame(number)) for number in range(4)] == [
        True,
        True,
        True,
        False,
    ]
    assert line.put_mark(("futures", "/m", "X"), _frame(9, MARKS)) is None
    gap = Gap(channel=ORDERS, since=START, reason="full")
    line.tell(gap)
    assert not line.has_room
    assert _drain(line) == [_frame(0), _frame(1), _frame(2), gap]
    assert line.has_room


def test_a_mark_is_overwritten_in_its_place() -> None:
    """The newest mark is delivered where the first one waited, with a count."""
    line = SocketBuffer(10)
    slot = ("futures", "/m", "X")
    assert line.put_mark(slot, _frame(1, MARKS)) is False
    line.put(_frame(2))
    assert line.put_mark(slot, _frame(3, MARKS)) is True
    assert line.put_mark(slot, _frame(4, MARKS)) is True
    first, second = _drain(line)
    assert isinstance(first, Frame)
    assert (first.value, first.skipped) == (Decimal(4), 2)
    assert second == _frame(2)
    assert line.put_mark(slot, _frame(5, MARKS)) is False


def test_gaps_and_restorations_do_not_pile_up_for_a_sleeping_reader() -> None:
    """A thousand breaks while nobody reads leave a handful of notes, a gap last."""
    line = SocketBuffer(2)
    for second in range(1000):
        line.tell(Restored(channel=MARKS))
        line.tell(Gap(channel=MARKS, since=_at(second), reason="lost"))
    assert len(line) <= 3
    notes = _drain(line)
    assert notes[-1] == Gap(channel=MARKS, since=_at(0), reason="lost")


def test_an_earlier_gap_takes_the_place_of_a_later_one() -> None:
    """Of two gaps that wait, the one that begins earlier is told."""
    line = SocketBuffer(5)
    line.tell(Gap(channel=MARKS, since=_at(9), reason="late"))
    line.tell(Gap(channel=MARKS, since=_at(3), reason="early"))
    line.tell(Restored(channel=MARKS))
    assert _drain(line) == [
        Gap(channel=MARKS, since=_at(3), reason="early"),
        Restored(channel=MARKS),
    ]


async def test_an_error_comes_before_what_waits() -> None:
    """The reader learns at once that the streams ended, and why."""
    line = SocketBuffer(5)
    line.put(_frame(1))
    line.fail(ZeroDivisionError("first"))
    line.fail(ValueError("second"))
    with pytest.raises(ZeroDivisionError, match="first"):
        await line.next()
