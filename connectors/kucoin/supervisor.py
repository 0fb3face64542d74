"""Tasks that nobody forgets: the first unexpected error of any ends the whole.

A world is many small tasks. One that dies unseen leaves a bot that looks well and
guards nothing, so every task runs in a crew, and the crew hands the first error to
whoever waits on it. Crash-only: nothing here restarts a task.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Final

__all__ = ["Crew", "Spawn"]

Spawn = Callable[[Coroutine[object, object, None], str], None]
"""Run this as a supervised task of that name."""

_TASKS_MAX: Final = 2000


class Crew:
    """A bounded set of tasks with one place for their first error."""

    def __init__(self, *, wake: Callable[[], None]) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = wake
        self._error: BaseException | None = None

    def spawn(self, work: Coroutine[object, object, None], name: str) -> None:
        """Start a task.

        Raises:
            RuntimeError: Far too many are running; something does not end.
        """
        if len(self._tasks) >= _TASKS_MAX:
            work.close()
            raise RuntimeError(f"more than {_TASKS_MAX} tasks run at once")
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None and self._error is None:
            self._error = error
            self._wake()

    def check(self) -> None:
        """Raise the first error that any task ended with."""
        if self._error is not None:
            raise self._error

    async def close(self) -> None:
        """Cancel what still runs and wait for it to end."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
