"""Where pushes wait for their one reader: a bounded line, and one slot a mark.

A mark that waits is overwritten by a newer one of its symbol, in its place. Everything
else waits in line and is never dropped: when the line is full, ``put`` says so. Gaps
and restorations of a channel fold into each other, so that a reader that sleeps for
hours cannot make them pile up.
"""

import asyncio
from collections import deque
from dataclasses import replace

from connectors.kucoin.streams import Channel, Frame, Gap, Restored

__all__ = ["Item", "SocketBuffer"]

Item = Frame | Gap | Restored
Slot = tuple[str, str, str]
"""Host, topic and symbol."""


class SocketBuffer:
    """The line; one reader, any number of writers on the same loop."""

    def __init__(self, size_max: int) -> None:
        self._size_max = size_max
        self._line: deque[Slot | Item] = deque()
        self._slots: dict[Slot, Frame] = {}
        self._notes: dict[tuple[str, str], list[Gap | Restored]] = {}
        self._news = asyncio.Event()
        self._error: BaseException | None = None
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._line)

    @property
    def has_room(self) -> bool:
        """Whether the line is at most half full."""
        return len(self._line) <= self._size_max // 2

    def put(self, frame: Frame) -> bool:
        """Let a frame wait; False: the line is full and the frame is lost."""
        if len(self._line) >= self._size_max:
            return False
        self._append(frame)
        return True

    def put_mark(self, slot: Slot, frame: Frame) -> bool | None:
        """Let a mark wait in its slot.

        Returns:
            True where it overwrote a mark that nobody read, False where its slot
            was free, None where the line is full and the mark is lost.
        """
        waiting = self._slots.get(slot)
        if waiting is not None:
            self._slots[slot] = replace(frame, skipped=waiting.skipped + 1)
            return True
        if len(self._line) >= self._size_max:
            return None
        self._slots[slot] = frame
        self._append(slot)
        return False

    def tell(self, note: Gap | Restored) -> None:
        """Let a gap or a restoration wait; it is told even when the line is full.

        A restoration that nobody read yet and that another gap follows is taken
        back; a second gap, or a second restoration, without the other between them
        is kept once.
        """
        notes = self._notes.setdefault(_key(note.channel), [])
        if notes and isinstance(note, Gap):
            if len(notes) > 1 and isinstance(notes[-1], Restored):
                self._remove(notes.pop())
            held = notes[-1]
            if isinstance(held, Gap):
                if held.since <= note.since:
                    return
                self._remove(notes.pop())
        if notes and isinstance(note, Restored) and isinstance(notes[-1], Restored):
            return
        notes.append(note)
        self._append(note)

    def _remove(self, note: Gap | Restored) -> None:
        for index in range(len(self._line) - 1, -1, -1):
            if self._line[index] is note:
                del self._line[index]
                return

    def _append(self, entry: Slot | Item) -> None:
        self._line.append(entry)
        self._news.set()

    def fail(self, error: BaseException) -> None:
        """End the line with an error, which the reader gets next."""
        self._error = self._error or error
        self._news.set()

    def close(self) -> None:
        """End the line; what waits is not read any more."""
        self._is_closed = True
        self._news.set()

    async def next(self) -> Item | None:
        """The next item; None when the line was closed.

        Raises:
            BaseException: The error that ended the line.
        """
        while True:
            if self._error is not None:
                raise self._error
            if self._is_closed:
                return None
            if self._line:
                return self._pop()
            self._news.clear()
            await self._news.wait()

    def _pop(self) -> Item:
        entry = self._line.popleft()
        if isinstance(entry, tuple):
            return self._slots.pop(entry)
        if not isinstance(entry, Frame):
            key = _key(entry.channel)
            notes = self._notes[key]
            notes.remove(entry)
            if not notes:
                del self._notes[key]
        return entry


def _key(channel: Channel) -> tuple[str, str]:
    return (channel.host, channel.topic)
