"""From what the command line says to a planned run, checked before anything is done.

Everything that can be wrong with a run's inputs is found here, before a journal is
opened. This module must not write anything and must not run anything.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

from bot.compose import Plan, paper_account, plan_run
from bot.domain.errors import UsageError
from bot.ports import Market
from bot.settings import Settings, read_settings
from bot.settings_keys import KEYS, Key, read_value
from connectors.markets.recorded import open_market
from connectors.markets.synthetic import open_scenario
from connectors.venue.account_file import AccountFile, load_account

__all__ = [
    "LIVE_MARKET",
    "RunOptions",
    "account_of",
    "journal_path",
    "plan_of",
    "refuse_folder",
    "report_path",
    "speed_of",
]

_PAPER_SECONDS: Final = 50
"""How long a paper run takes when no speed is given."""

LIVE_MARKET: Final = "kucoin"
"""The word for the market that is listened to and not read."""

_SLOWEST: Final = 0.001
_MULTIPLIER: Final = next(key for key in KEYS if key.name == "borrow.multiplier")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What the command line asked for."""

    world: str
    market: str | None
    scenario: str | None
    account: Path | None
    config: Path | None
    journal: Path | None
    start: str | None
    end: str | None
    seed: int
    speed: float | None
    borrow_x: str | None
    is_guarded: bool
    has_strategies: bool
    force: bool
    as_json: bool
    duration: str | None = None
    is_seeded: bool = False

    @property
    def is_live_market(self) -> bool:
        """Whether the market is KuCoin's, as it is now."""
        return self.market == LIVE_MARKET


def plan_of(options: RunOptions) -> Plan:
    """The run that was asked for, resolved to its last input.

    Raises:
        UsageError: An option, a setting or an input file is wrong.
    """
    _check_speed(options.speed)
    if options.duration is not None:
        raise UsageError(
            "--for ends a run on the live market; a market that is known beforehand "
            "ends by itself: use --market kucoin, or leave --for out."
        )
    settings = read_settings(options.config)
    plan = plan_run(
        world=options.world,
        market=_market(options, settings),
        account=account_of(options),
        settings=settings,
        seed=options.seed,
        is_guarded=options.is_guarded,
        has_strategies=options.has_strategies,
    )
    refuse_folder(journal_path(options, plan.name))
    refuse_folder(report_path(options, plan.name))
    return plan


def journal_path(options: RunOptions, name: str) -> Path:
    """Where the run of this name is remembered: as told, else in its own folder."""
    if options.journal is not None:
        return options.journal
    return Path("runs") / name / "journal.sqlite"


def report_path(options: RunOptions, name: str) -> Path:
    """Where the HTML report goes: beside the journal."""
    journal = journal_path(options, name)
    if options.journal is None:
        return journal.with_name("report.html")
    return journal.with_name(f"{journal.stem}.html")


def speed_of(options: RunOptions, plan: Plan) -> float:
    """Market seconds a real second; 0 is as fast as it goes."""
    if options.speed is not None:
        return options.speed
    return max(plan.duration.total_seconds() / _PAPER_SECONDS, _SLOWEST)


def _check_speed(speed: float | None) -> None:
    if speed is None or (math.isfinite(speed) and speed >= 0):
        return
    raise UsageError(
        f"--speed must be a number of market seconds a second, 0 or more, was {speed}."
    )


def refuse_folder(path: Path) -> None:
    """Refuse a place for a file that is a folder.

    Raises:
        UsageError: It is one.
    """
    if path.is_dir() or not path.name:
        raise UsageError(f"{path} is a folder; name a file with --journal.")


def account_of(options: RunOptions) -> AccountFile:
    """The starting account: as told, else the one that is installed.

    Raises:
        UsageError: The file is no account.
    """
    return paper_account() if options.account is None else load_account(options.account)


def _market(options: RunOptions, settings: Settings) -> Market:
    if options.market is not None and options.scenario is not None:
        raise UsageError("Give --market or --scenario, not both.")
    borrow_x = settings.borrow.multiplier
    if options.borrow_x is not None:
        borrow_x = read_value(_named("--borrow-x"), options.borrow_x)
    if options.market is not None:
        return _recorded(options.market, options, borrow_x)
    if options.start is not None or options.end is not None:
        raise UsageError("--start and --end choose a part of a --market; name one.")
    return open_scenario(options.scenario or "crash", options.seed, borrow_x=borrow_x)


def _named(option: str) -> Key:
    """The range of the borrow multiplier under the name of its option."""
    return Key(option, _MULTIPLIER.kind, "", "", _MULTIPLIER.low, _MULTIPLIER.high)


def _recorded(name: str, options: RunOptions, borrow_x: Decimal) -> Market:
    if name == LIVE_MARKET:
        raise UsageError(
            "--market kucoin is live and cannot be replayed: use `gnomon paper "
            "--market kucoin`, or fetch a window with `gnomon data fetch` and replay "
            "its manifest."
        )
    return open_market(
        Path(name),
        start=_time(options.start, "--start"),
        end=_time(options.end, "--end"),
        borrow_x=borrow_x,
    )


def _time(text: str | None, option: str) -> datetime | None:
    if text is None:
        return None
    try:
        when = datetime.fromisoformat(text)
        if when.utcoffset() is not None:
            return when.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise UsageError(
        f"{option} must be a time with a zone such as 2025-10-10T21:00:00Z, "
        f"was {text!r}."
    )
