"""What the kill campaigns share: the account, a timed start, and the verdict.

Ready means: after the newest start in the journal there is the exchange's snapshot,
and every private feed that was told silent has been told live. The time is taken from
the start of the process, so that it holds Python's start, every check, the catching
up and the sockets.
"""

import json
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from bot.domain.entries import RunStarted
from bot.domain.events import FeedChanged, Filled, IntentSettled, SnapshotTaken
from bot.engine.memory import recall
from storage.codec import StoredRow, decode
from tests.contract.live_books import entries_of, settled_books
from tests.contract.live_process import ROOT, Live, Venue
from tests.contract.venue_records import compare_records

READY_S: Final = 30.0
"""A start may take so long on a machine that has a processor for it."""
PATIENCE_S: Final = 120.0
CROWD: Final = 2.0
"""Processes wanting each processor from which on the time says nothing of us."""
EQUAL_S: Final = 30.0
POLL_S: Final = 0.1

ACCOUNT: Final = """\
vip = 0

[main]
USDT = "5000"

[spot]
USDT = "50000"
BTC = "0.5"

[margin_cross]
leverage = "5"
balance = {USDT = "20000", BTC = "0.5"}
principal = {USDT = "1000"}

[futures]
wallet = {USDT = "10000"}

[[futures.position]]
symbol = "XBTUSDTM"
mode = "isolated"
lots = 30
entry = "mark"
leverage = 3
margin = "900"
"""


@dataclass(slots=True, kw_only=True)
class Death:
    """One kill and the start after it; times in real seconds from that start."""

    killed: str
    doing: list[str] = field(default_factory=list)
    code: int | None = None
    open_intents: int = 0
    ready_s: float | None = None
    ready_cpu_s: float | None = None
    """Processor time that the start took until it was ready."""
    load: float = 0.0
    """How many processes wanted a processor then."""
    settled_s: float | None = None
    """When no request of before was open any more."""
    equal_s: float | None = None
    """When the journal equalled the venue's books."""
    wrong: list[str] = field(default_factory=list)


def die(bot: Live) -> None:
    """SIGKILL; what the process leaves behind stays where it is."""
    assert bot.process is not None
    bot.process.kill()
    bot.codes.append(bot.process.wait())
    bot.process = None


def last_row(journal: Path) -> int:
    """The number of the newest durable row, 0 without any."""
    if not journal.exists():
        return 0
    with closing(sqlite3.connect(f"{journal.as_uri()}?mode=ro", uri=True)) as base:
        return int(
            base.execute("SELECT coalesce(max(seq), 0) FROM entry").fetchone()[0]
        )


def is_ready(journal: Path, since: int) -> bool:
    """Whether the start after a row has its snapshot and its feeds."""
    if not journal.exists():
        return False
    with closing(sqlite3.connect(f"{journal.as_uri()}?mode=ro", uri=True)) as base:
        try:
            rows = base.execute(
                "SELECT at, kind, body FROM entry WHERE seq > ? ORDER BY seq", (since,)
            ).fetchall()
        except sqlite3.OperationalError:
            return False
    feeds, has_snapshot = dict[str, bool](), False
    for row in rows:
        match decode(StoredRow(*row)).body:
            case RunStarted():
                feeds, has_snapshot = {}, False
            case FeedChanged(feed=feed, is_live=is_live):
                feeds[feed] = is_live
            case SnapshotTaken():
                has_snapshot = True
            case _:
                pass
    return has_snapshot and bool(feeds) and all(feeds.values())


def start(bot: Live, death: Death, *words: str) -> float:
    """Start the bot and wait until it is ready; when the process was started."""
    since = last_row(bot.journal)
    known = recall(entries_of(bot.journal)) if bot.journal.exists() else recall([])
    death.open_intents = len(known.open_intents)
    began = time.monotonic()
    bot.start(*words, wait=False)
    while not is_ready(bot.journal, since):
        if not bot.is_running:
            death.wrong.append(f"it ended at its start: {bot.errors[-600:]}")
            return began
        if time.monotonic() - began > PATIENCE_S:
            death.wrong.append(f"not ready in {PATIENCE_S:g} s")
            return began
        time.sleep(POLL_S)
    death.ready_s = round(time.monotonic() - began, 2)
    death.ready_cpu_s, death.load = cpu_s(bot), round(os.getloadavg()[0], 1)
    is_crowded = death.load > CROWD * (os.cpu_count() or 1)
    if death.ready_s > READY_S and not is_crowded:
        death.wrong.append(f"ready after {death.ready_s} s, over {READY_S:g} s")
    return began


def cpu_s(bot: Live) -> float | None:
    """Processor seconds of the running process, where the system tells them."""
    assert bot.process is not None
    stat = Path(f"/proc/{bot.process.pid}/stat")
    if not stat.exists():
        return None
    ticks = stat.read_text(encoding="utf-8").rpartition(")")[2].split()[11:13]
    return round(sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK"), 2)


def prove(bot: Live, place: Venue, death: Death, began: float) -> None:
    """Wait until nothing is open and the books are equal, or say what is not."""
    end = time.monotonic() + PATIENCE_S
    while bot.is_running and recall(entries_of(bot.journal)).open_intents:
        if time.monotonic() > end:
            death.wrong.append("requests of before are still open")
            break
        time.sleep(POLL_S)
    death.settled_s = round(time.monotonic() - began, 2)
    differences, _ = settled_books(bot.journal, place, EQUAL_S)
    if differences:
        death.wrong += differences
    else:
        death.equal_s = round(time.monotonic() - began, 2)
    death.wrong += compare_records(bot.journal, place.served)
    death.wrong += nobodys(bot.journal)


def nobodys(journal: Path) -> list[str]:
    """Fills of our orders that were journaled as somebody else's."""
    entries = [entry.body for entry in entries_of(journal)]
    ours = {
        body.order_id: body.intent_id
        for body in entries
        if isinstance(body, IntentSettled) and body.order_id is not None
    }
    return [
        f"the fill {body.trade_id} of {ours[body.order_id]} is nobody's"
        for body in entries
        if isinstance(body, Filled) and body.order_id in ours and body.intent_id is None
    ]


def environment(home: Path) -> dict[str, str]:
    """The process environment without a setting of the bot's, in another home."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("KUCOIN_", "GNOMON_"))
    }
    return {**kept, "HOME": str(home), "PYTHONPATH": str(ROOT)}


def scripted(bot: Live, number: int, point: str) -> Death:
    """Play the scripted session, killed at a point; what was being done there."""
    mark = bot.folder / "kill.json"
    mark.unlink(missing_ok=True)
    words = ["--run", str(number), "--mark", str(mark)]
    words += ["--kill", point] if point else []
    done = subprocess.run(  # noqa: PLW1510 - a killed one is what is wanted
        [sys.executable, "-m", "benchmarks.kill_session", *words],
        cwd=bot.folder,
        env=environment(bot.folder),
        capture_output=True,
        text=True,
        timeout=180,
    )
    death = Death(killed=point or "not killed", code=done.returncode)
    if mark.exists():
        death.doing = json.loads(mark.read_text(encoding="utf-8"))["doing"]
    elif done.returncode != 0:
        death.wrong.append(done.stderr[-1500:])
    elif refused := json.loads(done.stdout)["refused"]:
        death.doing = [f"refused {words}" for words in refused]
    return death


@dataclass(slots=True)
class Kept:
    """What a campaign has found so far, kept after every kill."""

    path: Path
    found: dict[str, list[Death]] = field(default_factory=dict)

    @classmethod
    def of(cls, path: Path) -> "Kept":
        """What a file holds; nothing if there is none."""
        if not path.exists():
            return cls(path)
        rows = json.loads(path.read_text(encoding="utf-8"))
        return cls(path, {n: [Death(**row) for row in r] for n, r in rows.items()})

    def add(self, name: str, death: Death) -> None:
        """One more kill."""
        self.found.setdefault(name, []).append(death)
        rows = {n: [asdict(death) for death in r] for n, r in self.found.items()}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def table(title: str, deaths: list[Death]) -> str:
    """One campaign in a few lines."""
    ready = sorted(d.ready_s for d in deaths if d.ready_s is not None)
    equal = sorted(d.equal_s for d in deaths if d.equal_s is not None)
    cpu = sorted(d.ready_cpu_s for d in deaths if d.ready_cpu_s is not None)
    loads = sorted(d.load for d in deaths if d.load) or [0.0]
    wrong = [d for d in deaths if d.wrong]
    counts = f"{len(ready)} ready, {len(equal)} equal, {len(wrong)} wrong"
    slow = [d for d in deaths if d.ready_s is not None and d.ready_s > READY_S]
    lines = [
        f"{title}: {len(deaths)} kills, {counts}",
        f"  start to ready  {_spread(ready)}",
        f"  processor time of it  {_spread(cpu)}",
        f"  ready later than {READY_S:g} s  {len(slow)}",
        f"  load meanwhile  median {loads[len(loads) // 2]}, highest {loads[-1]}",
        f"  start to equal  {_spread(equal)}",
        f"  requests open at the kill  {sum(d.open_intents for d in deaths)}",
    ]
    for death in wrong:
        lines.append(f"  WRONG {death.killed} {', '.join(death.doing)}")
        lines += [f"    {words}" for words in death.wrong[:8]]
    return "\n".join(lines)


def _spread(found: list[float]) -> str:
    if not found:
        return "never"
    middle = found[len(found) // 2]
    return f"median {middle:.1f} s, longest {found[-1]:.1f} s"
