"""``gnomon live`` as a process, against a served venue, each in a folder of its own.

A venue is served on any market, a bot is started beside it with its own ``.env``,
journal and home, and both are ended by a signal that the test chooses. Their books
are compared to the last digit: the sums of the journal's postings, the state that
the journal folds to, and what the venue itself says. Nothing here decides what is
right; a test does.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any, Final

from tests.contract.served import Key, Served

__all__ = [
    "Live",
    "Venue",
    "gnomon",
    "live",
    "venue",
]

ROOT: Final = Path(__file__).parents[2]
START_S: Final = 60.0
STOP_S: Final = 60.0
_POLL_S: Final = 0.2


def _environment(home: Path) -> dict[str, str]:
    """The process environment without any setting of the bot's, in another home."""
    kept = {
        name: value
        for name, value in os.environ.items()  # noqa: TID251 - handed to a process
        if not name.startswith(("KUCOIN_", "GNOMON_"))
    }
    return {**kept, "HOME": str(home), "PYTHONPATH": str(ROOT)}


def gnomon(
    folder: Path, *words: str, out: Path | None = None
) -> "subprocess.Popen[str]":
    """Start a command of ours in a folder; its errors go to a file beside it."""
    name = "-".join(word for word in words[:2] if not word.startswith("-"))
    with ExitStack() as stack:
        errors = stack.enter_context((folder / f"{name}.err").open("a"))
        kept = None if out is None else stack.enter_context(out.open("w"))
        return subprocess.Popen(  # noqa: S603 - our own command, on our own files
            [sys.executable, "-m", "bot", *words],
            cwd=folder,
            env=_environment(folder),
            stdout=subprocess.PIPE if kept is None else kept,
            stderr=errors,
            text=True,
        )


@dataclass(slots=True, kw_only=True)
class Venue:
    """A served venue that runs."""

    served: Served
    folder: Path
    clock: float
    process: "subprocess.Popen[str]"

    def books(self) -> Any:
        """The venue's true books."""
        return self.served.books()

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait()


@contextmanager
def venue(
    folder: Path, *words: str, account: str | None = None, clock: float = 1.0
) -> Iterator[Venue]:
    """Serve a market until the block ends; SIGTERM must then end it with 0.

    Args:
        folder: Takes the account file and what the process says.
        words: Which market and faults, such as ``--scenario crash``.
        account: The account file's text; the built-in one if None.
        clock: Market seconds a real second.
    """
    folder.mkdir(parents=True, exist_ok=True)
    command = ["venue", "serve", "--port", "0", *words]
    if account is not None:
        (folder / "account.toml").write_text(account, encoding="utf-8")
        command += ["--account", str(folder / "account.toml")]
    if clock != 1:
        command += ["--clock", f"x{clock:g}"]
    process = gnomon(folder, *command)
    try:
        served = _ready(process, folder)
        yield Venue(served=served, folder=folder, clock=clock, process=process)
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=STOP_S)
            assert process.returncode == 0, _errors(folder, "venue-serve")
    finally:
        process.kill()
        process.communicate()


def _ready(process: "subprocess.Popen[str]", folder: Path) -> Served:
    assert process.stdout is not None
    assert select.select([process.stdout], [], [], START_S)[0], "it never started"
    line = process.stdout.readline()
    assert line, _errors(folder, "venue-serve")
    ready = json.loads(line)
    full, read = (
        Key(key=row["key"], secret=row["secret"], passphrase=row["passphrase"])
        for row in ready["keys"]
    )
    return Served(
        spot=ready["spot"],
        futures=ready["futures"],
        uid=ready["uid"],
        full=full,
        read=read,
    )


def _errors(folder: Path, name: str) -> str:
    path = folder / f"{name}.err"
    return path.read_text(encoding="utf-8")[-4000:] if path.exists() else ""


@dataclass(slots=True, kw_only=True)
class Live:
    """A ``gnomon live`` of one folder; it may be started again and again."""

    folder: Path
    uid: str
    words: tuple[str, ...] = ()
    process: "subprocess.Popen[str] | None" = None
    codes: list[int] = field(default_factory=list)
    """How each process ended."""

    @property
    def journal(self) -> Path:
        """Its journal."""
        return self.folder / "runs" / "live" / "journal.sqlite"

    @property
    def errors(self) -> str:
        """The end of what it said on standard error."""
        return _errors(self.folder, "live")

    @property
    def is_running(self) -> bool:
        """Whether a process runs now."""
        return self.process is not None and self.process.poll() is None

    def start(self, *words: str, wait: bool = True) -> None:
        """Start a process; by default wait until its session is open."""
        assert not self.is_running
        command = ["live", "--arm", self.uid, "--json", *self.words, *words]
        out = self.folder / f"live-{len(self.codes)}.json"
        self.process = gnomon(self.folder, *command, out=out)
        if wait:
            self.wait_ready()

    def wait_ready(self, limit_s: float = START_S) -> None:
        """Wait until the session is open: it listens for its operator then."""
        control = self.journal.with_name(f"{self.journal.name}.ctl")
        end = time.monotonic() + limit_s
        while not (control.exists() and self.is_running):
            assert self.is_running, f"it ended at its start: {self.errors}"
            assert time.monotonic() < end, f"it never opened: {self.errors}"
            Event().wait(_POLL_S)

    def stop(self, number: int = signal.SIGTERM, limit_s: float = STOP_S) -> int:
        """End it in order and give its exit code."""
        assert self.process is not None
        if self.is_running:
            self.process.send_signal(number)
        return self.wait(limit_s)

    def wait(self, limit_s: float) -> int:
        """Wait until it ends by itself and give its exit code."""
        assert self.process is not None
        code = self.process.wait(timeout=limit_s)
        self.codes.append(code)
        self.process = None
        return code

    def kill(self) -> None:
        """SIGKILL; the socket that it leaves is removed, so that readiness is seen."""
        if self.process is not None:
            self.process.kill()
            self.codes.append(self.process.wait())
            self.process = None
        self.journal.with_name(f"{self.journal.name}.ctl").unlink(missing_ok=True)

    def summary(self, run: int = -1) -> Any:
        """The JSON that an ended process printed, the newest by default."""
        number = run if run >= 0 else len(self.codes) + run
        text = (self.folder / f"live-{number}.json").read_text(encoding="utf-8")
        return json.loads(text)


@contextmanager
def live(
    folder: Path,
    place: Venue,
    *words: str,
    settings: str = "",
    environment: Mapping[str, str] | None = None,
) -> Iterator[Live]:
    """A bot armed for a served venue, not started yet; ended whatever happens.

    Args:
        folder: Its folder: ``.env``, ``gnomon.toml``, journal and home.
        place: Where it trades.
        words: Further words of every start.
        settings: The text of ``gnomon.toml``.
        environment: Further lines of ``.env``, or other addresses.
    """
    folder.mkdir(parents=True, exist_ok=True)
    served = place.served
    lines = {
        "KUCOIN_API_KEY": served.full.key,
        "KUCOIN_API_SECRET": served.full.secret,
        "KUCOIN_API_PASSPHRASE": served.full.passphrase,
        "KUCOIN_SPOT_URL": served.spot,
        "KUCOIN_FUTURES_URL": served.futures,
        "GNOMON_LIVE": "yes",
        "GNOMON_CLOCK_RATE": f"{place.clock:g}",
        **(environment or {}),
    }
    path = folder / ".env"
    path.touch(mode=0o600)
    text = "".join(f"{name}={value}\n" for name, value in lines.items())
    path.write_text(text, encoding="utf-8")
    (folder / "gnomon.toml").write_text(settings, encoding="utf-8")
    bot = Live(folder=folder, uid=served.uid, words=words)
    try:
        yield bot
    finally:
        bot.kill()


# -- the journal ------------------------------------------------------------
