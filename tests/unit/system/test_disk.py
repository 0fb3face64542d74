"""The room under a journal as the engine hears of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bot.domain.events import Event, FeedChanged
from connectors.system.disk import DiskWatch, free_bytes

AT = datetime(2026, 1, 1, tzinfo=UTC)
FLOOR = 1_000_000_000


@dataclass
class Disk:
    """A disk of a given room, and a journal beside it."""

    free: int = 50 * FLOOR
    has_reserve: bool = True
    can_keep: bool = True
    is_gone: bool = False

    def room(self, folder: Path) -> int:
        """Free bytes, or what a lost disk says."""
        if self.is_gone:
            raise OSError(5, "Input/output error")
        return self.free

    def keep_reserve(self) -> bool:
        """Take the room if there is any."""
        self.has_reserve = self.can_keep
        return self.can_keep


def watch(disk: Disk) -> DiskWatch:
    """The poll over it."""
    return DiskWatch(folder=Path(), journal=disk, now=lambda: AT, room=disk.room)


def told(events: Sequence[Event]) -> list[tuple[str, bool, str]]:
    """What was said."""
    assert all(isinstance(event, FeedChanged) for event in events)
    return [(e.feed, e.is_live, e.reason) for e in events if isinstance(e, FeedChanged)]


async def test_room_is_no_news() -> None:
    """As long as there is room nothing is said."""
    poll = watch(Disk())
    assert not await poll.ask()
    assert not await poll.ask()


async def test_the_floor_is_told_once_and_its_end_once() -> None:
    """Under the floor the disk is silent until there is room again."""
    disk = Disk(free=FLOOR)
    poll = watch(disk)
    assert not await poll.ask(), "the floor itself is enough"
    disk.free = FLOOR - 1
    [(feed, is_live, reason)] = told(await poll.ask())
    assert (feed, is_live) == ("disk", False)
    assert reason.startswith("0.99 GB are free under the journal, less than the 1.00")
    assert not await poll.ask()
    disk.free = FLOOR
    assert told(await poll.ask()) == [
        ("disk", True, "there is room again under the journal")
    ]


async def test_a_reserve_that_was_used_is_kept_again_or_told() -> None:
    """Room for the floor is not enough while the reserve cannot be kept."""
    disk = Disk(has_reserve=False, can_keep=False)
    poll = watch(disk)
    [(_, is_live, reason)] = told(await poll.ask())
    assert not is_live
    assert "reserve cannot be kept" in reason
    disk.can_keep = True
    assert [is_live for _, is_live, _ in told(await poll.ask())] == [True]
    assert disk.has_reserve


async def test_a_disk_that_cannot_be_read_is_not_taken_for_good() -> None:
    """Unknown room is no room."""
    poll = watch(Disk(is_gone=True))
    [(_, is_live, reason)] = told(await poll.ask())
    assert not is_live
    assert "cannot be read (Input/output error)" in reason


def test_the_room_is_read_from_the_system(tmp_path: Path) -> None:
    """The figure is the file system's own."""
    assert free_bytes(tmp_path) > 0
