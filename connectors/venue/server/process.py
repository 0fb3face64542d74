"""The life of a served venue: open, say so, drive the market, stop, leave the books.

It ends by a signal. The exit code is that of the signal (SIGTERM 0, SIGINT 130),
or 1 when a bug was met on the way. Nothing here knows an endpoint or a market.
"""

import asyncio
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bot.domain.errors import UsageError
from connectors.venue.server.app import ADDRESS, Hosts, Mount, build_apps
from connectors.venue.server.auth import ApiKey
from connectors.venue.server.books import write_account
from connectors.venue.server.calls import FUTURES_HOST, SPOT_HOST, Route
from connectors.venue.server.envelope import dumps
from connectors.venue.server.front import Front
from connectors.venue.server.pace import Pace

__all__ = ["Process", "greeting"]

INTERRUPTED: Final = 130
_CODES: Final = {signal.SIGTERM: 0, signal.SIGINT: INTERRUPTED}


def greeting(hosts: Hosts, uid: str, keys: Sequence[ApiKey]) -> Mapping[str, object]:
    """What a client needs to know; the keys are a simulation's and no secret."""
    return {
        "spot": hosts.url(SPOT_HOST),
        "futures": hosts.url(FUTURES_HOST),
        "uid": uid,
        "keys": [
            {
                "key": key.key,
                "secret": key.secret,
                "passphrase": key.passphrase,
                "permissions": sorted(key.permissions),
            }
            for key in keys
        ],
    }


@dataclass(slots=True, kw_only=True)
class Process:
    """One served venue, ready to run.

    ``port`` 0 takes free ports; ``books`` is where the account file goes at the end
    and at SIGUSR1, if anywhere.
    """

    front: Front
    pace: Pace
    keys: Sequence[ApiKey]
    routes: Sequence[Route]
    mount: Mount | None
    port: int = 0
    books: Path | None = None
    _code: int = 0
    _stop: asyncio.Event = field(default_factory=asyncio.Event)

    def stop(self, code: int = 0) -> None:
        """End the run; the first code counts."""
        if not self._stop.is_set():
            self._code = code
            self._stop.set()

    async def run(self, ready: Callable[[str], None]) -> int:
        """Serve until a signal.

        Args:
            ready: Told one line of JSON when both hosts listen.

        Returns:
            The exit code.

        Raises:
            UsageError: A port is taken, or the books cannot be written.
        """
        self.pace.step(self.front.backend)
        hosts = Hosts(build_apps(self.front, self.routes, self.mount))
        try:
            await self._open(hosts)
            self._listen_to_signals()
            ready(dumps(greeting(hosts, self.front.backend.uid, self.keys)))
            await self._drive()
        finally:
            self.front.stopping.set()
            await hosts.close()
            self._write_books()
        return 1 if self.front.bugs.count else self._code

    async def _open(self, hosts: Hosts) -> None:
        try:
            await hosts.open(self.port)
        except OSError as error:
            raise UsageError(
                f"The venue cannot listen on {ADDRESS}, port {self.port} and the next: "
                f"{error.strerror}. Choose another with --port, or 0 for free ones."
            ) from None
        for host in hosts.ports:
            url = hosts.url(host, "ws") + "/endpoint"
            self.front.backend.socket_urls[host] = url

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number, code in _CODES.items():
            loop.add_signal_handler(number, self.stop, code)
        loop.add_signal_handler(signal.SIGUSR1, self._write_books)

    async def _drive(self) -> None:
        """Move the market until the end; a market that fails ends the run."""
        market = asyncio.ensure_future(self.pace.run(self.front.backend))
        stopped = asyncio.ensure_future(self._stop.wait())
        await asyncio.wait({market, stopped}, return_when=asyncio.FIRST_COMPLETED)
        for task in (market, stopped):
            task.cancel()
        found = await asyncio.gather(market, stopped, return_exceptions=True)
        failure = found[0]
        if isinstance(failure, Exception):
            self.front.bugs.note("the market", failure)

    def _write_books(self) -> None:
        if self.books is not None:
            write_account(self.front.backend, self.books)
