"""``gnomon live``: trade a real account, armed in two steps.

The command reads the settings, opens a session through the composition root, shows
it and ends it in order. It decides nothing about trading.
"""

import asyncio
import signal
from pathlib import Path
from typing import Annotated, Final

import typer

from bot.cli.live_runner import RunLive, run_live
from bot.domain.errors import RefusedError
from bot.report.doctor import secrecy
from bot.settings import Settings, read_settings
from connectors.kucoin.checks import CheckState

__all__ = ["live_app"]

_HELP: Final = """
Trade a real KuCoin account. Real money, real orders.

Armed in two steps: `GNOMON_LIVE=yes` in `.env`, and the account's number named here.
`gnomon doctor` says what is missing. A start recovers: it reads the journal, what the
exchange booked meanwhile, and the fate of every request without an answer.

Examples:

    gnomon doctor

    gnomon live --arm 165111215

    gnomon live --arm 165111215 --no-strategies    # guard only

    gnomon live --arm 165111215 --for 8h --json

Ctrl-C ends it in order (exit 130), SIGTERM too (exit 0): nothing new is begun, what
is under way is waited for. A second Ctrl-C ends at once. Positions and loans stay as
they are; `gnomon flatten` closes them.
"""

_INTERRUPTED: Final = 130
_ENV: Final = Path(".env")

live_app = typer.Typer(add_completion=False, rich_markup_mode="markdown")

Arm = Annotated[
    str | None, typer.Option(help="The account's number: the second arming step.")
]
Config = Annotated[
    Path | None, typer.Option(help="Settings; gnomon.toml here when it exists.")
]
JournalPath = Annotated[
    Path | None,
    typer.Option(
        "--journal", help="Journal file; else GNOMON_JOURNAL, else runs/live."
    ),
]
Duration = Annotated[
    str | None, typer.Option("--for", help="End by itself after this: 90s, 10m, 8h.")
]
NoGuard = Annotated[bool, typer.Option("--no-guard", help="Switch the guard off.")]
NoStrategies = Annotated[
    bool, typer.Option("--no-strategies", help="Switch all strategies off.")
]
WithdrawalKey = Annotated[
    bool,
    typer.Option("--accept-withdrawal-key", help="Go on with a key that can withdraw."),
]
AnyAddress = Annotated[
    bool,
    typer.Option("--accept-any-address", help="Go on with a key no address binds."),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object at the end.")
]


@live_app.command("live", help=_HELP)
def live(
    *,
    arm: Arm = None,
    config: Config = None,
    journal: JournalPath = None,
    duration: Duration = None,
    no_guard: NoGuard = False,
    no_strategies: NoStrategies = False,
    accept_withdrawal_key: WithdrawalKey = False,
    accept_any_address: AnyAddress = False,
    as_json: AsJson = False,
) -> None:
    """Trade a real account."""
    settings = read_settings(config)
    if not settings.is_live_armed:
        raise RefusedError(
            "Live trading is not armed: set GNOMON_LIVE=yes in .env, then name the "
            "account with `gnomon live --arm ACCOUNT-UID`. `gnomon doctor` shows both."
        )
    if arm is None:
        raise RefusedError(
            "The second arming step is missing: name the account with --arm "
            "ACCOUNT-UID; `gnomon doctor` shows its number."
        )
    _refuse_open_secrets(settings)
    stopped_by = asyncio.run(
        run_live(
            RunLive(
                settings=settings,
                uid=arm,
                journal=journal,
                duration=duration,
                is_guarded=not no_guard,
                has_strategies=not no_strategies,
                is_withdraw_accepted=accept_withdrawal_key,
                is_open_ip_accepted=accept_any_address,
                as_json=as_json,
            )
        )
    )
    if stopped_by is signal.SIGINT:
        raise typer.Exit(_INTERRUPTED)


def _refuse_open_secrets(settings: Settings) -> None:
    """Refuse a start while others may read the key.

    Raises:
        RefusedError: They may; in the doctor's words.
    """
    for check in secrecy(settings, _ENV):
        if check.state is CheckState.FAIL:
            raise RefusedError(f"Not started. {check.sentence} {check.advice}")
