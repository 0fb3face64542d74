"""``gnomon simulate``: many seeded runs with faults, each held to the invariants.

A seed decides the market, the account, the latencies, which answers are lost and
which strategy trades beside the guard. During every run the exchange's own ratios
must be ours and every intent must be remembered before it is sent; after it the
shadow must equal the venue's books to the last digit and nothing may be in doubt. A
breach is a bug: its seed is printed and the command exits with 1.
"""

import asyncio
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Final

import typer

from bot.cli.sentences import say
from bot.cli.simulated_accounts import ACCOUNTS
from bot.compose import Plan, Simulation, paper_account, plan_run, simulate
from bot.domain.entries import Entry, Noted
from bot.domain.intents import Approved
from bot.engine.loop import Engine, Observer
from bot.report.tally import Tally
from bot.risk.measure import equity_usdt
from bot.settings import settings_from
from bot.shadow.drift import compare
from connectors.markets.scenarios import SCENARIOS
from connectors.markets.synthetic import open_scenario
from connectors.system.clock import FreePacer
from connectors.venue.world import FaultDice

__all__ = ["simulate_app"]

simulate_app = typer.Typer(add_completion=False)

_NAMES: Final = tuple(sorted(set(SCENARIOS) - {"year"}))
_ROUNDING: Final = Decimal("1e-12")
"""USDT by which two sums of the same amounts may differ, added in other orders."""

_ARBITRAGE: Final = {
    "coins": ["BTC", "ETH", "SOL"],
    "schedule": "every 60s",
    "min_carry": "0.01",
}
_STRATEGIES: Final[Sequence[Mapping[str, object]]] = (
    {},
    {"strategy": {"funding_arbitrage": _ARBITRAGE}},
    {"strategy": {"auto_repay": {"schedule": "every 60s"}}},
    {"strategy": {"beta_hedge": {"schedule": "every 300s"}}},
)
"""What trades beside the guard, by seed."""

_HELP: Final = """
Run seeded simulations with lost answers and requests, and check the invariants.

Examples:

    gnomon simulate --seeds 20

    gnomon simulate --first 7 --seeds 1 --json
"""


@dataclass(slots=True)
class _Probe:
    """A journal that hashes what it is given and watches what it is told."""

    hash: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    breaches: list[str] = field(default_factory=list)
    sent: AbstractSet[str] = frozenset()
    """What the world has sent, as it grows; set when there is a world."""
    _pending: list[str] = field(default_factory=list)
    entries: int = 0

    def append(self, entries: Sequence[Entry]) -> None:
        """Hash each entry; intents are pending until the commit."""
        for entry in entries:
            self.entries += 1
            self.hash.update(repr(entry).encode())
            match entry.body:
                case Approved(intent_id=name):
                    self._pending.append(name)
                case Noted(topic="parity", text=text):
                    self.breaches.append(f"{entry.at.isoformat()}: {text}")
                case _:
                    pass

    def commit(self) -> None:
        """What was appended is durable now; none of it may have been sent."""
        early = [name for name in self._pending if name in self.sent]
        self.breaches += [f"{name} was sent before it was durable" for name in early]
        self._pending.clear()

    def close(self) -> None:
        """Nothing to close."""


@simulate_app.command("simulate", help=_HELP)
def simulate_command(
    *,
    seeds: Annotated[int, typer.Option(help="How many seeds to run.", min=1)] = 5,
    first: Annotated[int, typer.Option(help="The first seed.", min=0)] = 1,
    minutes: Annotated[
        int, typer.Option(help="Market minutes of each run.", min=10, max=100_000)
    ] = 150,
    as_json: Annotated[bool, typer.Option("--json", help="Print one object.")] = False,
) -> None:
    """Run the seeds and exit with 1 if any invariant broke."""
    rows = []
    for seed in range(first, first + seeds):
        row = asyncio.run(_one(seed, minutes))
        rows.append(row)
        if not as_json:
            sys.stdout.write(_line(row) + "\n")
    if as_json:
        sys.stdout.write(json.dumps({"rows": rows}, indent=2) + "\n")
    if any(row["breaches"] for row in rows):
        say("an invariant broke; the seed above repeats it.")
        raise typer.Exit(code=1)


def _plan(seed: int, minutes: int) -> Plan:
    """Each scenario in turn, then all of them again with the next account."""
    name = _NAMES[seed % len(_NAMES)]
    accounts = (paper_account(), *ACCOUNTS)
    return plan_run(
        world="simulated",
        market=open_scenario(name, seed, duration=timedelta(minutes=minutes)),
        account=accounts[seed // len(_NAMES) % len(accounts)],
        settings=settings_from({}, _STRATEGIES[seed % len(_STRATEGIES)]),
        seed=seed,
        faults=FaultDice(
            lost_answer=(seed % 5) * 0.05,
            lost_request=(seed % 3) * 0.05,
            lost_lookup=(seed % 4) * 0.1,
        ),
    )


async def _one(seed: int, minutes: int) -> dict[str, object]:
    plan = _plan(seed, minutes)
    probe = _Probe()
    made: list[Tally] = []

    def observers(engine: Engine) -> Sequence[Observer]:
        made.append(Tally(engine.state.shadow))
        return [made[0]]

    simulation = await simulate(plan, probe, FreePacer(), observers)
    probe.sent = simulation.world.sent
    await simulation.finish()
    tally = made[0]
    tally.close(simulation.engine.state.shadow)
    summary = tally.summary()
    return {
        "seed": seed,
        "market": plan.market.description.name,
        "instants": simulation.world.instants,
        "entries": probe.entries,
        "orders": summary["orders"],
        "liquidations": summary["liquidations"],
        "max_debt_ratio": summary["max_debt_ratio"],
        "equity_end": summary["equity_end"],
        "digest": probe.hash.hexdigest()[:16],
        "breaches": [*probe.breaches, *_breaches(simulation)],
    }


def _breaches(simulation: Simulation) -> list[str]:
    """What must hold at the end of every run and does not."""
    shadow = simulation.engine.state.shadow
    found = [str(drift) for drift in compare(shadow, simulation.venue.snapshot())]
    found += [
        f"{name} is still {request.state}"
        for name, request in shadow.requests.items()
        if not request.state.is_final
    ]
    stopped = simulation.engine.state.asking.stopped
    found += [f"{name} raised and was stopped" for name in sorted(stopped)]
    ours, theirs = equity_usdt(shadow), simulation.venue.equity_usdt()
    if ours is None or abs(ours - theirs) > _ROUNDING:
        found.append(f"equity is {ours} by the shadow and {theirs} by the venue")
    return found


def _line(row: dict[str, object]) -> str:
    ratio = Decimal(str(row["max_debt_ratio"]))
    breaches = row["breaches"]
    state = "ok" if not breaches else f"BROKEN: {breaches}"
    return (
        f"seed {row['seed']}: {row['market']}, {row['instants']} instants, "
        f"{row['orders']} orders, {row['liquidations']} liquidations, worst debt "
        f"ratio {ratio:.4f}, digest {row['digest']}, {state}"
    )
