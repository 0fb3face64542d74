"""A ``gnomon live`` beside a venue of this process: where it trades, its start and end.

Nothing here knows faults or judges anything.
"""

import asyncio
import time
from pathlib import Path
from typing import Any, Final

from connectors.system.control import control_path
from tests.contract.live_process import Live, Venue
from tests.contract.served import Key, Served

__all__ = ["opened", "place_of", "stopped"]

_READY_S: Final = 60.0
_STOP_S: Final = 60.0


def place_of(ready: Any, folder: Path, clock: float) -> Venue:
    """The venue as a bot's folder needs it; the process is this one."""
    keys = [
        Key(key=row["key"], secret=row["secret"], passphrase=row["passphrase"])
        for row in ready["keys"]
    ]
    served = Served(
        spot=ready["spot"],
        futures=ready["futures"],
        uid=ready["uid"],
        full=keys[0],
        read=keys[1],
    )
    place: Any = Venue(
        served=served,
        folder=folder,
        clock=clock,
        process=None,  # type: ignore[arg-type] - started elsewhere
    )
    return place


async def opened(bot: Live) -> None:
    """Until the session of a bot that was started listens to its operator."""
    control = control_path(bot.journal)
    end = time.monotonic() + _READY_S
    while not control.exists():
        if not bot.is_running or time.monotonic() > end:
            raise RuntimeError(f"the bot never opened: {bot.errors}")
        await asyncio.sleep(0.05)


async def stopped(bot: Live) -> int:
    """SIGTERM, and the bot's exit code; the venue goes on meanwhile."""
    process = bot.process
    if process is None:
        return -1
    process.terminate()
    end = time.monotonic() + _STOP_S
    while process.poll() is None and time.monotonic() < end:  # noqa: ASYNC110 - a process has no event
        await asyncio.sleep(0.1)
    return -9 if process.poll() is None else int(process.returncode)
