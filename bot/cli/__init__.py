"""The command line: one table of commands, each bound when it is called.

``gnomon --help`` answers from the table alone, without importing any command.
Every error that a person can act on ends as one sentence on standard error and a
meaningful exit code; anything else is a bug, shows its trace and exits with 1.
"""

import difflib
import importlib
import sys
from collections.abc import Sequence
from typing import Any, Final

import typer
from typer._click import Context
from typer._click.exceptions import ClickException, NoArgsIsHelpError, UsageError
from typer.core import TyperGroup

from bot.cli.sentences import say
from bot.domain.errors import GnomonError

__all__ = ["main"]

_COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "live": ("bot.cli.live", "Trade a real account, armed in two steps."),
    "doctor": ("bot.cli.doctor", "Check all that a live start needs."),
    "paper": ("bot.cli.paper", "Trade on paper on a simulated exchange; needs no key."),
    "replay": ("bot.cli.run", "Replay a recorded market as fast as it goes."),
    "simulate": ("bot.cli.simulate", "Run seeded simulations and check invariants."),
    "risk": ("bot.cli.risk", "Risk numbers and what-if from KuCoin documents."),
    "guard": ("bot.cli.guard", "What the guard did, and what it would do."),
    "journal": ("bot.cli.journal", "Look into a journal: balances, PnL, decisions."),
    "explain": ("bot.cli.journal", "Explain one decision or request by its id."),
    "venue": ("bot.cli.venue", "Serve the simulated exchange on this machine."),
    "parity": ("bot.cli.parity", "How near the shadow was to the exchange's numbers."),
    "data": ("bot.cli.data", "Fetch recorded market data; needs no key."),
    "balances": ("bot.cli.operator", "What every account holds, as KuCoin states it."),
    "positions": ("bot.cli.operator", "The futures positions."),
    "loans": ("bot.cli.operator", "What is owed, principal and interest."),
    "orders": ("bot.cli.operator", "The orders that rest."),
    "borrow": ("bot.cli.operator", "Borrow a coin into a margin account."),
    "repay": ("bot.cli.operator", "Repay a coin, or all of it."),
    "transfer": ("bot.cli.operator", "Move a coin between accounts of yours."),
    "cancel-all": ("bot.cli.operator", "Cancel every order and stop that rests."),
    "flatten": ("bot.cli.operator", "Close orders, positions and loans."),
    "rest-stops": ("bot.cli.operator", "Let stops rest again after a cancel-all."),
    "calibrate": (
        "bot.cli.calibrate_live",
        "Compare our formulas with a small live account.",
    ),
    "study": ("bot.cli.study", "The guard on recorded markets beside others."),
    "backtest": ("bot.cli.backtest", "Replay strategies with every cost charged."),
    "strategy": ("bot.cli.strategy", "Write, list and check strategies of your own."),
    "config": ("bot.cli.config", "Show every setting with its default and source."),
}
"""Command to the module that holds it (an ``app`` or a function) and one line."""

_INTERRUPTED: Final = 130
"""The exit code after Ctrl-C, also the one that typer makes of it."""

_INTRO: Final = """Usage: gnomon COMMAND [OPTIONS]

Gnomon keeps a shadow of a KuCoin account, reads from it how long the account has
left, and acts before the exchange does.

Commands:"""

_EXAMPLES: Final = """
Examples:
  gnomon paper                                   a levered account in a crash
  gnomon replay --market FILE.toml --account FILE.toml --json
  gnomon risk assess account.json --json
  gnomon COMMAND --help                          options and examples

Exit codes: 0 done, 1 a bug, 2 usage or input, 3 unreachable, 4 refused,
5 journal, 130 interrupted."""


def _bind(module: str, name: str) -> Any:
    """The click command of a row of the table: the one lazy import."""
    found = importlib.import_module(module)
    own = getattr(found, f"{name.replace('-', '_')}_app", None)
    return typer.main.get_command(found.app if own is None else own)


class _Table(TyperGroup):
    """A group whose commands are bound by name when they are called."""

    def list_commands(self, ctx: Context) -> list[str]:
        """The names in the order of the table."""
        return list(_COMMANDS)

    def get_command(self, ctx: Context, cmd_name: str) -> Any:
        """Bind one command."""
        row = _COMMANDS.get(cmd_name)
        return None if row is None else _bind(row[0], cmd_name)


_app = typer.Typer(cls=_Table, add_completion=False)


@_app.callback()
def _root() -> None:
    """Gnomon."""


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command and exit with its code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in {"--help", "-h", "help"}:
        _print_help()
        sys.exit(0)
    if arguments[0] == "--version":
        sys.stdout.write("gnomon 0.1.0\n")
        sys.exit(0)
    if arguments[0] not in _COMMANDS:
        say(_unknown(arguments[0]))
        sys.exit(2)
    sys.exit(_run(arguments))


def _unknown(word: str) -> str:
    """A first word that is no command, and the command that it may have meant."""
    near = difflib.get_close_matches(word, [*_COMMANDS], n=1)
    hint = f"did you mean {near[0]}?" if near else "see 'gnomon --help'."
    return f"There is no command {word!r}; {hint}"


def _print_help() -> None:
    lines = [f"  {name:<10} {line}" for name, (_, line) in _COMMANDS.items()]
    sys.stdout.write("\n".join((_INTRO, *lines, _EXAMPLES)) + "\n")


def _run(arguments: list[str]) -> int:
    """Run the command; turn what it raises into an exit code."""
    command = typer.main.get_command(_app)
    try:
        code = command.main(arguments, prog_name="gnomon", standalone_mode=False)
    except GnomonError as error:
        say(str(error))
        return error.exit_code
    except NoArgsIsHelpError as error:
        error.show(file=sys.stderr)
        return 2
    except ClickException as error:
        say(_usage(error))
        return 2
    except (KeyboardInterrupt, typer.Abort):
        code = _INTERRUPTED
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
    if code == _INTERRUPTED:
        say("Interrupted; what was journaled is kept, and the run can be resumed.")
    return code if isinstance(code, int) else 0


def _usage(error: ClickException) -> str:
    """What is wrong with the command line, in one sentence with a way out."""
    said = " ".join(error.format_message().split()).removesuffix(".")
    context = error.ctx if isinstance(error, UsageError) else None
    command = "gnomon" if context is None else context.command_path
    return f"{said}; see '{command} --help'."
