"""From a mark frame on the socket to the verdict and to the order's first byte.

Usage: python benchmarks/bench_wire_latency.py [--seconds 60] [--cases small,large]

A venue is served in one process and a live bot runs in another, with the journal on
disk and every observer of ``gnomon live``. Requests pass a relay in this process,
which notes when the first byte of each order arrives; the venue notes when each mark
frame leaves; the bot notes its own stages. One machine, one monotonic clock. Every
case runs on the machine as it is and again beside a process that keeps a core busy.
Prints a table; with --out also into a file. Exit code 1 when a limit is broken or
nothing was measured. On a machine with other work, `chrt -f 20` before the command
gives these processes the processor first, as on an idle one.
"""

import argparse
import json
import os
import platform
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

ROOT: Final = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]

from wire_probe import run_bot  # noqa: E402 - after the path is set
from wire_stage import CASES, serve  # noqa: E402 - the same

START_S: Final = 90.0
DECISION_MS: Final = 5.0
FIRST_BYTE_MS: Final = 50.0
_OID: Final = re.compile(rb'"clientOid"\s*:\s*"([^"]+)"')
_CHUNK: Final = 65_536


class Relay:
    """Hands bytes on to a host and notes when the first byte of an order came."""

    def __init__(self, target: str, seen: dict[str, float]) -> None:
        self._target = (urlsplit(target).hostname, urlsplit(target).port)
        self._seen = seen
        self._door = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._door.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._door.close()

    def _accept(self) -> None:
        while True:
            try:
                caller, _ = self._door.accept()
            except OSError:
                return
            venue = socket.create_connection(self._target)
            for plug in (caller, venue):
                plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for pair in ((caller, venue), (venue, caller)):
                threading.Thread(
                    target=self._hand_on,
                    args=pair,
                    kwargs={"is_request": pair[0] is caller},
                    daemon=True,
                ).start()

    def _hand_on(
        self, source: socket.socket, sink: socket.socket, *, is_request: bool
    ) -> None:
        came_s = 0.0
        while True:
            try:
                data = source.recv(_CHUNK)
                now_s = time.monotonic()
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    return
                sink.sendall(data)
            except OSError:
                return
            if not is_request:
                continue
            if data.startswith(b"POST "):
                came_s = now_s
            found = _OID.search(data)
            if found is not None:
                self._seen.setdefault(found.group(1).decode(), came_s)


@contextmanager
def role(name: str, folder: Path, *words: str) -> Iterator["subprocess.Popen[str]"]:
    """This script in another process, as another of the parts."""
    command = [sys.executable, __file__, "--role", name, "--folder", str(folder)]
    with (folder / f"{name}.err").open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(
            [*command, *words],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={"PYTHONPATH": str(ROOT), "HOME": str(folder), "PATH": os.defpath},
        )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _said(folder: Path, name: str) -> str:
    return (folder / f"{name}.err").read_text(encoding="utf-8")[-3000:]


def _ready(process: "subprocess.Popen[str]", folder: Path) -> Any:
    assert process.stdout is not None
    if not select.select([process.stdout], [], [], START_S)[0]:
        raise SystemExit(f"the venue never started: {_said(folder, 'venue')}")
    return json.loads(process.stdout.readline() or "null")


def measure(case: str, seconds: float, speed: float) -> Mapping[str, Any]:
    """One run of venue, relay and bot; everything that was seen, for ``rows_of``."""
    orders: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with role("venue", folder, "--case", case, "--speed", str(speed)) as venue:
            hello = _ready(venue, folder)
            relays = [Relay(hello[host], orders) for host in ("spot", "futures")]
            key = hello["keys"][0]
            environment = {
                "KUCOIN_API_KEY": key["key"],
                "KUCOIN_API_SECRET": key["secret"],
                "KUCOIN_API_PASSPHRASE": key["passphrase"],
                "KUCOIN_SPOT_URL": relays[0].url,
                "KUCOIN_FUTURES_URL": relays[1].url,
                "GNOMON_LIVE": "yes",
                "GNOMON_CLOCK_RATE": f"{speed:g}",
            }
            asked = {"environment": environment, "uid": hello["uid"]}
            (folder / "asked.json").write_text(json.dumps(asked), encoding="utf-8")
            with role("bot", folder, "--seconds", str(seconds)) as bot:
                code = bot.wait(timeout=START_S * 2 + seconds)
            if code:
                raise SystemExit(f"the bot ended with {code}: {_said(folder, 'bot')}")
            venue.send_signal(signal.SIGTERM)
            if venue.wait(timeout=START_S):
                raise SystemExit(f"the venue failed: {_said(folder, 'venue')}")
            for relay in relays:
                relay.close()
        seen: dict[str, Any] = json.loads((folder / "seen.json").read_text())
        sent = json.loads((folder / "sent.json").read_text())
    return {**seen, "sent": sent, "orders": orders}


@contextmanager
def busy(*, is_busy: bool) -> Iterator[None]:
    """Keep one core busy meanwhile, if asked to."""
    if not is_busy:
        yield
        return
    burner = subprocess.Popen([sys.executable, "-c", "while True: sum(range(10**6))"])
    try:
        yield
    finally:
        burner.kill()
        burner.wait()


# -- from what was seen to figures ------------------------------------------


def rows_of(seen: Mapping[str, Any]) -> Mapping[str, list[float]]:
    """Every figure as a list of milliseconds, by its name."""
    left = _departures(seen["sent"])
    rows: dict[str, list[float]] = {}

    def add(name: str, seconds: float) -> None:
        rows.setdefault(name, []).append(seconds * 1000)

    for tick in seen["ticks"]:
        kind = "deciding" if tick["approved"] else "quiet"
        add(f"{kind}: newest frame read to verdict", _gap(tick, "newest_s"))
        add(f"{kind}: oldest frame read to verdict", _gap(tick, "oldest_s"))
        used = tick["used_at_verdict"] - tick["used_then"]
        add(f"{kind}: processor time, frame taken to verdict", used)
        sent_s = _before(left.get(tick["newest"], ()), tick["newest_s"])
        if sent_s is not None:
            add(f"{kind}: frame sent to frame read", tick["newest_s"] - sent_s)
            add(f"{kind}: frame sent to verdict", tick["decided_s"] - sent_s)
        for stage, spent in {**tick["taking"], **tick["spent"]}.items():
            add(f"{kind} stage: {stage}", spent)
        add(f"{kind} stage: observers", tick["ended_s"] - tick["decided_s"])
        add(f"{kind} stage: waited", tick["began_s"] - tick["newest_s"])
        if "PlaceOrder" in tick["kinds"][:1]:
            _add_order(add, seen, tick, tick["approved"][0], sent_s)
    return rows


def _add_order(
    add: Any, seen: Mapping[str, Any], tick: Any, name: str, sent_s: float | None
) -> None:
    """The way of the order that a tick led to, where it is its first request."""
    told = seen["sends"].get(name, {})
    if "written_s" not in told:
        return
    add(
        "deciding: newest frame read to first byte",
        told["written_s"] - tick["newest_s"],
    )
    add(
        "deciding: oldest frame read to first byte",
        told["written_s"] - tick["oldest_s"],
    )
    used = told["used"] - tick["used_then"]
    add("deciding: processor time, frame taken to first byte", used)
    add("request stage: verdict to task", told["task_s"] - tick["decided_s"])
    add("request stage: words and quota", told["signing_s"] - told["task_s"])
    add("request stage: sign and write", told["written_s"] - told["signing_s"])
    add("request: new connection", float(told["new_line"]) / 1000)
    came_s = seen["orders"].get(name)
    if came_s is not None:
        add("request stage: written to relay", came_s - told["written_s"])
        if sent_s is not None:
            add("deciding: frame sent to first byte at the relay", came_s - sent_s)


def _gap(tick: Any, since: str) -> float:
    return float(tick["decided_s"] - tick[since])


def _departures(sent: Sequence[Any]) -> Mapping[str, list[float]]:
    found: dict[str, list[float]] = {}
    for at_s, topic in sent:
        found.setdefault(topic, []).append(at_s)
    return found


def _before(times: Sequence[float], limit: float) -> float | None:
    place = bisect_right(times, limit)
    return times[place - 1] if place else None


def _at(values: Sequence[float], share: float) -> float:
    """A quantile: the smallest value that this share of all does not exceed."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def table(title: str, rows: Mapping[str, list[float]]) -> list[str]:
    """The lines of one case, in milliseconds."""
    lines = [title, f"  {'ms':<50}{'n':>6}{'p50':>9}{'p99':>9}{'max':>9}"]
    for name in sorted(rows):
        values = rows[name]
        lines.append(
            f"  {name:<50}{len(values):>6}{_at(values, 0.5):>9.2f}"
            f"{_at(values, 0.99):>9.2f}{max(values):>9.2f}"
        )
    return lines


def broken(title: str, rows: Mapping[str, list[float]]) -> list[str]:
    """The limits that a case does not keep, in sentences."""
    limits = (
        ("quiet: newest frame read to verdict", DECISION_MS),
        ("deciding: newest frame read to verdict", DECISION_MS),
        ("deciding: newest frame read to first byte", FIRST_BYTE_MS),
        ("deciding: frame sent to first byte at the relay", FIRST_BYTE_MS),
    )
    found = []
    for name, limit in limits:
        if not rows.get(name):
            found.append(f"{title}: nothing was measured of {name!r}")
        elif (p99 := _at(rows[name], 0.99)) > limit:
            found.append(f"{title}: {name} has a p99 of {p99:.2f} ms over {limit:g}")
    return found


def _longest(seen: Mapping[str, Any]) -> float:
    """The longest collection of garbage between the first and the last tick."""
    first, last = (seen["ticks"][place]["began_s"] for place in (0, -1))
    spent = [took for at, _, took in seen["collections"] if first < at <= last]
    return max(spent, default=0.0)


def campaign(asked: argparse.Namespace) -> tuple[list[str], list[str]]:
    """Every case: its table, and the limits that were broken."""
    lines, sentences = [], []
    for name in asked.cases.split(","):
        for is_busy in (False, True) if asked.busy else (False,):
            with busy(is_busy=is_busy):
                load = os.getloadavg()[0]
                seen = measure(name, asked.seconds, asked.speed)
            rows, case = rows_of(seen), CASES[name]
            if asked.json is not None:
                path = asked.json.with_suffix(f".{name}{'-busy' * is_busy}.json")
                path.write_text(json.dumps(seen), encoding="utf-8")
            title = (
                f"{name}: {len(case.coins)} coins, {case.positions} positions, "
                f"{'a core kept busy' if is_busy else 'no load of ours'} "
                f"(load {load:.1f} before, clock x{asked.speed:g}, "
                f"{seen['seconds']:.0f} s, {seen['cpu_seconds']:.1f} s of processor, "
                f"{seen['moments']} moments, {seen['peak_rss_mb']} MB, longest "
                f"collection {_longest(seen) * 1000:.1f} ms)"
            )
            lines += [*table(title, rows), ""]
            sentences += broken(title.split(" (", maxsplit=1)[0], rows)
            print("\n".join(table(title, rows)), "\n", flush=True)
    return lines, sentences


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="of each run")
    parser.add_argument("--cases", default="small,large", help=", ".join(CASES))
    parser.add_argument("--speed", type=float, default=1.0, help="of the venue's clock")
    parser.add_argument("--no-busy", dest="busy", action="store_false")
    parser.add_argument("--loose", action="store_true", help="report limits only")
    parser.add_argument("--json", type=Path, help="where the raw rows go")
    parser.add_argument("--out", type=Path, help="where the table goes as well")
    parser.add_argument("--role", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    """Run a part, or everything."""
    asked = _arguments()
    if asked.role == "venue":
        serve(CASES[asked.case], asked.speed, asked.folder)
    if asked.role == "bot":
        told = json.loads((asked.folder / "asked.json").read_text())
        run_bot(told["environment"], told["uid"], asked.seconds, asked.folder)
        return 0
    lines, sentences = campaign(asked)
    head = f"Python {platform.python_version()}, {os.cpu_count()} cores"
    text = "\n".join([head, "", *lines, *(sentences or ["Every limit was kept."])])
    print("\n".join(sentences or ["Every limit was kept."]))
    if asked.out is not None:
        asked.out.write_text(text + "\n", encoding="utf-8")
    return 1 if sentences and not asked.loose else 0


if __name__ == "__main__":
    sys.exit(main())
