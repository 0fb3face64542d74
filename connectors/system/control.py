"""A word to the running bot: one JSON line in, one JSON line out, on this machine.

The running process listens on a socket file beside its journal that only its
owner may open; an operator's command asks through it, so that two processes never
trade one account. A request is one line, bounded in length; so is the answer.
Nothing here knows what is asked.
"""

import asyncio
import json
import os
import socket
import stat
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from bot.domain.errors import RefusedError

__all__ = ["ControlServer", "ask_running", "control_path", "is_running"]

_MAX_LINE: Final = 1024 * 1024
_MAX_CLIENTS: Final = 8
_READ_S: Final = 5.0
_GRACE_S: Final = 0.2
_NOT_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO | stat.S_IXUSR
_NAME_MAX: Final = 100

Handler = Callable[[Mapping[str, object]], Awaitable[Mapping[str, object]]]
"""Answers one request; a refusal is an answer with an ``error``."""


def control_path(journal: Path) -> Path:
    """Where the process that writes a journal can be spoken to: beside the journal.

    Example:
        >>> control_path(Path("/runs/journal.sqlite")).as_posix()
        '/runs/journal.sqlite.ctl'
    """
    return journal.with_name(f"{journal.name}.ctl")


@contextmanager
def _named(path: Path) -> Iterator[str]:
    """A name of the socket that the system accepts: its names are short.

    In a deep folder the file is named through the folder's descriptor.
    """
    if len(os.fsencode(path)) <= _NAME_MAX:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


class ControlServer:
    """Listens on a socket file; make one with ``open``."""

    def __init__(
        self, path: Path, server: asyncio.Server, clients: set[asyncio.Task[None]]
    ) -> None:
        self._path = path
        self._server = server
        self._clients = clients

    @classmethod
    async def open(cls, path: Path, handler: Handler) -> "ControlServer":
        """Listen on ``path``; one that a dead process left behind is replaced.

        The caller holds the journal's lock, so nobody else can be listening.
        """
        room = asyncio.Semaphore(_MAX_CLIENTS)
        clients: set[asyncio.Task[None]] = set()

        async def serve(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            task = asyncio.current_task()
            if task is not None:
                clients.add(task)
                task.add_done_callback(clients.discard)
            async with room:
                await _serve(reader, writer, handler)

        path.parent.mkdir(parents=True, exist_ok=True)
        with _named(path) as name:
            server = await asyncio.start_unix_server(
                serve, sock=_listening(path, name), limit=_MAX_LINE
            )
        return cls(path, server, clients)

    async def close(self) -> None:
        """Listen no more; whoever still waits for an answer gets none."""
        self._server.close()
        if waiting := tuple(self._clients):
            _, late = await asyncio.wait(waiting, timeout=_GRACE_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._server.wait_closed()
        self._path.unlink(missing_ok=True)


def _listening(path: Path, name: str) -> socket.socket:
    """A socket on a file that nobody else may open, from its first moment on."""
    path.unlink(missing_ok=True)
    own = socket.socket(socket.AF_UNIX)
    before = os.umask(_NOT_OTHERS)
    try:
        own.bind(name)
    except OSError:
        own.close()
        raise
    finally:
        os.umask(before)
    return own


async def _serve(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handler: Handler
) -> None:
    """One request and its answer; a broken client harms nobody."""
    try:
        async with asyncio.timeout(_READ_S):
            line = await reader.readline()
        answer = await _answer(line, handler)
        writer.write(json.dumps(answer).encode() + b"\n")
        await writer.drain()
    except (TimeoutError, ConnectionError, asyncio.LimitOverrunError, ValueError):
        pass  # the client went away or never finished its line
    finally:
        await _closed(writer)


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def _answer(line: bytes, handler: Handler) -> Mapping[str, object]:
    try:
        request = json.loads(line)
    except ValueError:
        return {"error": "the request is not one line of JSON"}
    if not isinstance(request, dict):
        return {"error": "the request is not an object"}
    return await handler(request)


async def is_running(path: Path) -> bool:
    """Whether a process listens there now."""
    try:
        with _named(path) as name:
            _, writer = await asyncio.open_unix_connection(name)
    except OSError:
        return False
    await _closed(writer)
    return True


async def ask_running(
    path: Path, request: Mapping[str, object], timeout_s: float
) -> Mapping[str, object] | None:
    """Ask the running process; None when none is running.

    Raises:
        RefusedError: It is there and does not answer in time, or is another user's.
    """
    if not path.exists():  # noqa: ASYNC240 - one look before a command's only request
        return None
    try:
        with _named(path) as name:
            reader, writer = await asyncio.open_unix_connection(name, limit=_MAX_LINE)
    except (ConnectionError, FileNotFoundError):
        return None
    except PermissionError:
        raise RefusedError(
            f"{path} belongs to another user's bot; ask as that user."
        ) from None
    try:
        writer.write(json.dumps(request).encode() + b"\n")
        await writer.drain()
        async with asyncio.timeout(timeout_s):
            line = await reader.readline()
    except (TimeoutError, ConnectionError):
        raise RefusedError(
            f"The running bot did not answer within {timeout_s:g} s; look at its log, "
            "then at what it sent with `gnomon journal intents`."
        ) from None
    finally:
        await _closed(writer)
    found = json.loads(line) if line else {"error": "the running bot gave no answer"}
    return found if isinstance(found, dict) else {"error": "the answer is no object"}
