"""The composition root of ``gnomon venue serve``: a simulated exchange on two ports.

It takes market, account and rules as a simulated run does, lets market time begin
now, and puts the venue behind its two hosts. Nothing of the bot runs in it.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from aiohttp import web

from bot.compose import Plan, plan_run
from bot.domain.errors import UsageError
from bot.domain.instruments import Rules
from bot.ports import Market
from bot.settings import settings_from
from connectors.system.clock import SystemClock
from connectors.venue.account_file import AccountFile
from connectors.venue.server.app import Mount
from connectors.venue.server.auth import ApiKey, KeyRing, derived_keys
from connectors.venue.server.backend import Backend
from connectors.venue.server.fault_script import FaultScript
from connectors.venue.server.faults import FaultLog, Faults
from connectors.venue.server.front import Front
from connectors.venue.server.futures_candles import FuturesCandles
from connectors.venue.server.futures_routes import ROUTES as FUTURES_ROUTES
from connectors.venue.server.futures_routes import prepare as prepare_futures
from connectors.venue.server.incidents import Incidents, check_script, open_rules
from connectors.venue.server.pace import MarketClock, Pace, shifted, sleep
from connectors.venue.server.process import Process
from connectors.venue.server.quotas import Quotas, pool_limits
from connectors.venue.server.sockets import mount as mount_sockets
from connectors.venue.server.spot_candles import SpotCandles
from connectors.venue.server.spot_routes import PARTS as SPOT_PARTS
from connectors.venue.server.spot_routes import ROUTES as SPOT_ROUTES
from connectors.venue.venue import Venue

__all__ = ["ServeOptions", "compose_venue"]

_FIRST_UID: Final = 200_000_000
_QUOTE: Final = "USDT"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """What is served and how; ``speed`` is market seconds a real second."""

    market: Market
    account: AccountFile
    port: int = 0
    speed: float = 1.0
    seed: int = 1
    script: FaultScript = field(default_factory=FaultScript)
    keys: Sequence[ApiKey] = ()
    """Empty: derived from the seed."""
    books: Path | None = None
    fault_log: Path | None = None


def compose_venue(options: ServeOptions) -> Process:
    """Build everything, with market time beginning now.

    Raises:
        UsageError: The market cannot hold the account, or the fault script names
            what the market does not have.
    """
    _check_place(options.books)
    plan = _plan(options)
    rules = open_rules(plan.rules)
    check_script(options.script, rules)
    start = SystemClock().now()
    clock = MarketClock(start, options.speed, time.monotonic)
    faults = Faults(
        script=options.script,
        start=start,
        seed=options.seed,
        log=FaultLog(_line_writer(options.fault_log)),
    )
    backend = Backend(
        venue=_venue(plan, rules, start),
        uid=str(_FIRST_UID + options.seed),
        now=clock.now,
    )
    for part in SPOT_PARTS:
        backend.part(part)
    prepare_futures(backend)
    shift = start - plan.market.description.start
    _remember_past(backend, plan.market, shift)
    pace = Pace(
        instants=plan.market.instants(plan.path_order),
        shift=shift,
        clock=clock,
        incidents=Incidents(options.script, start, faults.log),
    )
    keys = tuple(options.keys) or derived_keys(options.seed)
    front = Front(
        backend=backend,
        keys=KeyRing(keys),
        quotas=Quotas(lambda: time.monotonic() * options.speed, pool_limits(plan.vip)),
        faults=faults,
        wall=SystemClock().now,
        wait=sleep,
    )
    return Process(
        front=front,
        pace=pace,
        keys=keys,
        routes=(*SPOT_ROUTES, *FUTURES_ROUTES),
        mount=_sockets(front),
        port=options.port,
        books=options.books,
    )


def _sockets(front: Front) -> Mount:
    """What adds the socket of a host to its application."""

    def mount(app: web.Application, host: str) -> None:
        mount_sockets(
            app,
            front.backend,
            host,
            front.backend.tokens,
            front.faults.frames,
            note_bug=front.bugs.note,
        )

    return mount


def _remember_past(backend: Backend, market: Market, shift: timedelta) -> None:
    """Give the candles what the market knows of the time before its start."""
    spot, futures = backend.part(SpotCandles), backend.part(FuturesCandles)
    rules = backend.venue.rules
    history = market.history()
    shifted_history = {
        coin: [(at + shift, close) for at, close in closes]
        for coin, closes in history.items()
    }
    for symbol, pair in rules.spot.items():
        if pair.quote == _QUOTE:
            spot.remember(symbol, shifted_history.get(pair.base, ()))
    for symbol, contract in rules.contracts.items():
        futures.remember(symbol, shifted_history.get(contract.base, ()))


def _check_place(books: Path | None) -> None:
    """Refuse, before anything is served, books that could not be written."""
    if books is not None and (books.is_dir() or not books.parent.is_dir()):
        raise UsageError(
            f"The books {books} cannot be written: name a file in a folder that is "
            "there."
        )


def _plan(options: ServeOptions) -> Plan:
    """The account resolved on the market, as every simulated run does it."""
    return plan_run(
        world="simulated",
        market=options.market,
        account=options.account,
        settings=settings_from({}, {}),
        seed=options.seed,
        is_guarded=False,
        has_strategies=False,
    )


def _venue(plan: Plan, rules: Rules, start: datetime) -> Venue:
    """The exchange at the market's first instant, moved to now."""
    first = plan.market.first_prices()
    return Venue(
        rules=rules,
        opening=plan.opening,
        first=shifted(first, start - plan.market.description.start),
        at=start,
        vip=plan.vip,
    )


def _line_writer(path: Path | None) -> Callable[[str], None] | None:
    """Appends lines to a file, each at once; None where there is no file.

    Raises:
        UsageError: The file cannot be written.
    """
    if path is None:
        return None

    def write(line: str) -> None:
        with path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    try:
        path.write_text("", encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"The fault log {path} cannot be written: {error.strerror}."
        ) from None
    return write
