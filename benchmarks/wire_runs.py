"""Live over the wire against the same run in process: books, facts and equity.

Each case serves a market, trades it with ``gnomon live`` from another process until
the market's end, and replays the same market with the same account and settings in
process. Books are compared while it runs and at the end, to the last digit; orders,
loans and transfers of the venue one to one with the journal's intents; liquidations
and funding settlements as sets; and the equity at the market's end. Results are
written below ``benchmarks/results``. The exit code is 1 when the books, the records,
the facts or the equity of any case are not as they must be. At x10 a tenth of a second
of waiting for a processor is a second of the market: equities are only comparable on a
machine that has nothing else to do; how late the bot opened is in the results.

    python -m benchmarks.wire_runs [--cases NAME ...] [--clock 10] [--at-once 2]
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from threading import Event
from typing import Any, Final

from benchmarks.wire_facts import (
    actions,
    gaps,
    last_equity,
    liquidations,
    origin,
    settlements,
    until,
)
from bot.domain.entries import Entry
from bot.domain.events import (
    FundingQuoted,
)
from bot.domain.money import plain
from tests.contract.live_books import compare_books, entries_of, settled_books
from tests.contract.live_process import Live, Venue, gnomon, live, venue
from tests.contract.venue_records import compare_records

__all__ = ["main"]

ROOT: Final = Path(__file__).resolve().parents[1]
RESULTS: Final = ROOT / "benchmarks" / "results"
CASES: Final = ROOT / "benchmarks" / "wire"
MOST_APART: Final = Decimal("0.005")
"""How far apart the equities may end, of the equity at the start."""
_COMPARED_S: Final = 60.0
_SAMPLED_S: Final = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One market, account and settings; ``minutes`` of market time."""

    name: str
    minutes: int
    scenario: str | None = None
    window: str | None = None
    start: datetime | None = None
    account: str | None = None
    settings: str = "default"
    is_guarded: bool = True


_OCTOBER: Final = datetime.fromisoformat("2025-10-10T20:55:00+00:00")
_BEFORE: Final = datetime.fromisoformat("2025-10-10T20:00:00+00:00")
"""An hour before the fall: a bot opens some seconds after the market, and both runs
must have opened their positions before prices run away."""
ALL: Final = (
    Case(name="crash-default", scenario="crash", minutes=150),
    Case(
        name="crash-funded",
        scenario="crash",
        minutes=100,
        account="funded",
        settings="vip12",
    ),
    Case(name="squeeze-short", scenario="squeeze", minutes=150, account="short"),
    Case(
        name="october-pair",
        window="2025-10-crash",
        start=_BEFORE,
        minutes=120,
        account="pair",
        settings="margin",
    ),
    Case(
        name="october-funded",
        window="2025-10-crash",
        start=_BEFORE,
        minutes=120,
        account="funded",
        settings="vip12",
    ),
    Case(
        name="october-unguarded",
        window="2025-10-crash",
        start=_OCTOBER,
        minutes=30,
        account="long",
        settings="sweep",
        is_guarded=False,
    ),
)


def _market_words(case: Case, shared: Path) -> list[str]:
    if case.scenario is not None:
        return ["--scenario", case.scenario, "--seed", "1"]
    assert case.start is not None
    window = shared / "data" / "windows" / f"{case.window}.toml"
    return ["--market", str(window), "--start", case.start.isoformat()]


def _settings(case: Case) -> str:
    return (CASES / f"settings-{case.settings}.toml").read_text(encoding="utf-8")


def _account(case: Case) -> str | None:
    if case.account is None:
        return None
    return (CASES / f"account-{case.account}.toml").read_text(encoding="utf-8")


# -- the two runs -----------------------------------------------------------


def _twin(case: Case, folder: Path, shared: Path) -> tuple[Any, list[Entry]]:
    """The same run in process: its summary and its journal."""
    folder.mkdir(parents=True)
    (folder / "gnomon.toml").write_text(_settings(case), encoding="utf-8")
    words = ["replay", *_market_words(case, shared), "--json", "--journal", "r.sqlite"]
    if case.start is not None:
        end = case.start + timedelta(minutes=case.minutes)
        words += ["--end", end.isoformat()]
    if (account := _account(case)) is not None:
        (folder / "account.toml").write_text(account, encoding="utf-8")
        words += ["--account", "account.toml"]
    if not case.is_guarded:
        words.append("--no-guard")
    process = gnomon(folder, *words)
    out, _ = process.communicate()
    assert process.returncode == 0, out
    return json.loads(out), entries_of(folder / "r.sqlite")


def _began(place: Venue, twin: Sequence[Entry]) -> datetime:
    """The market's start at the venue: as far before a settlement as in process."""
    first = next(e.body for e in twin if isinstance(e.body, FundingQuoted))
    path = f"/api/v1/funding-rate/{first.symbol}/current"
    said = place.served.ask("GET", path, host="futures")
    settled_ms = int(said.json["data"]["fundingTime"])
    return datetime.fromtimestamp(settled_ms / 1000, UTC) - (
        first.settlement_at - twin[0].at
    )


def _wire(
    case: Case, folder: Path, shared: Path, clock: float, twin: Sequence[Entry]
) -> Mapping[str, Any]:
    """The run over the wire; differences of the books, and equities by time."""
    words = () if case.is_guarded else ("--no-guard",)
    with (
        venue(
            folder / "venue",
            *_market_words(case, shared),
            account=_account(case),
            clock=clock,
        ) as place,
        live(folder / "bot", place, *words, settings=_settings(case)) as bot,
    ):
        began = _began(place, twin)
        bot.start()
        end = began + timedelta(minutes=case.minutes)
        watched = _watch(place, bot, began, end)
        # what is under way at the market's end is booked before the bot is ended
        apart, _ = settled_books(bot.journal, place, 60)
        code = bot.stop()
        return {
            **watched,
            "began": began,
            "equity_end": watched["equities"][-1][1],
            "apart_at_end": apart,
            "apart_after_stop": compare_books(bot.journal, place.books()),
            "records": compare_records(bot.journal, place.served),
            "exit_code": code,
            "summary": bot.summary(),
            "entries": entries_of(bot.journal),
        }


def _watch(place: Venue, bot: Live, began: datetime, end: datetime) -> dict[str, Any]:
    """Sample the equity until the market's end and compare books every minute."""
    equities: list[tuple[float, str]] = []
    apart: dict[int, list[str]] = {}
    compared = time.monotonic()
    while True:
        books = place.books()
        at = datetime.fromisoformat(books["at"])
        passed_s = (at - began).total_seconds()
        equities.append((passed_s, books["equity_usdt"]))
        if at >= end:
            return {"equities": equities, "compared": len(apart), "apart": apart}
        assert bot.is_running, f"the bot ended: {bot.errors}"
        if time.monotonic() - compared > _COMPARED_S:
            compared = time.monotonic()
            apart[round(passed_s)] = settled_books(bot.journal, place)[0]
        Event().wait(_SAMPLED_S)


# -- what happened in both --------------------------------------------------


def _judged(case: Case, folder: Path, shared: Path, clock: float) -> dict[str, Any]:
    """Both runs of a case, and what of them is not as it must be."""
    summary, twin = _twin(case, folder / "twin", shared)
    wire = _wire(case, folder / "wire", shared, clock, twin)
    end = timedelta(minutes=case.minutes)
    entries = until(wire["entries"], wire["began"] + end)
    twin = until(twin, twin[0].at + end)
    opened, ended = Decimal(summary["equity_start"]), last_equity(twin)
    apart = (Decimal(wire["equity_end"]) - ended) / opened
    both = {
        "liquidations": (liquidations(entries), liquidations(twin)),
        "funding": (
            settlements(entries, origin(entries)),
            settlements(twin, origin(twin)),
        ),
    }
    found = {
        "case": case.name,
        "market_minutes": case.minutes,
        "clock": clock,
        "opened_after_s": round((entries[0].at - wire["began"]).total_seconds()),
        "fills": wire["summary"]["fills"],
        "fills_in_process": summary["fills"],
        "requests": actions(entries),
        "requests_in_process": actions(twin),
        "equity_start": plain(opened),
        "equity_end": wire["equity_end"],
        "equity_end_in_process": plain(ended),
        "equity_apart": f"{apart:.5f}",
        "equity_gap_by_minute": gaps(wire["equities"], twin),
        "liquidations": both["liquidations"][0],
        "liquidations_in_process": both["liquidations"][1],
        "funding": both["funding"][0],
        "funding_in_process": both["funding"][1],
        "books_compared": wire["compared"] + 2,
        "books_apart": [
            *(w for words in wire["apart"].values() for w in words),
            *wire["apart_at_end"],
            *wire["apart_after_stop"],
        ],
        "records_apart": wire["records"],
        "exit_code": wire["exit_code"],
    }
    return {**found, "broken": _broken(found, both, apart)}


def _broken(
    found: Mapping[str, Any],
    both: Mapping[str, tuple[list[str], list[str]]],
    apart: Decimal,
) -> list[str]:
    broken = []
    if found["books_apart"]:
        broken.append("the books differ")
    if found["records_apart"]:
        broken.append("orders, loans or transfers do not match the journal's intents")
    broken += [f"{name} differ" for name, (a, b) in both.items() if a != b]
    if abs(apart) > MOST_APART:
        broken.append(f"the equities end {apart:.2%} apart")
    if found["exit_code"]:
        broken.append(f"gnomon live ended with {found['exit_code']}")
    return broken


def _line(result: Mapping[str, Any]) -> str:
    apart = Decimal(result["equity_apart"])
    books = len(result["books_apart"])
    return (
        f"{result['case']:22} {result['market_minutes']:4} min x{result['clock']:g}  "
        f"fills {result['fills']:4} (in process {result['fills_in_process']:4})  "
        f"opened after {result.get('opened_after_s', '?')} s  "
        f"books {'equal' if not books else f'{books} apart'} at "
        f"{result['books_compared']} looks  equity {apart:+.3%}  "
        f"liquidations {len(result['liquidations'])}/"
        f"{len(result['liquidations_in_process'])}  funding "
        f"{len(result['funding'])}/{len(result['funding_in_process'])}  "
        f"{'; '.join(result['broken']) or 'as it must be'}"
    )


def _arguments() -> argparse.Namespace:
    names = [case.name for case in ALL]
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("--cases", nargs="+", choices=names, default=names)
    parser.add_argument("--clock", type=float, default=10.0)
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="keeps journals; else thrown away")
    parser.add_argument("--out", type=Path, default=RESULTS / "wire_runs")
    shared = os.environ.get("GNOMON_SHARED", ROOT.parent / "shared")
    parser.add_argument("--shared", type=Path, default=Path(shared))
    return parser.parse_args()


def main() -> int:
    """Run the cases, write and print what was found; 1 when something is broken."""
    asked = _arguments()
    chosen = [case for case in ALL if case.name in asked.cases]
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.folder or Path(scratch)
        with ThreadPoolExecutor(max_workers=asked.at_once) as pool:
            running = [
                pool.submit(
                    _judged, case, folder / case.name, asked.shared, asked.clock
                )
                for case in chosen
            ]
            results = []
            for each in running:
                results.append(each.result())
                sys.stdout.write(_line(results[-1]) + "\n")
                sys.stdout.flush()
    _write(asked.out, results)
    return int(any(result["broken"] for result in results))


def _write(out: Path, results: Sequence[Mapping[str, Any]]) -> None:
    """The results as JSON and as lines, cases from earlier runs kept."""
    path = out.with_suffix(".json")
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    merged = {result["case"]: result for result in [*known, *results]}
    path.write_text(json.dumps([*merged.values()], indent=1) + "\n", encoding="utf-8")
    head = "python -m benchmarks.wire_runs\n\n"
    lines = "".join(_line(result) + "\n" for result in merged.values())
    out.with_suffix(".txt").write_text(head + lines, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
