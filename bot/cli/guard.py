"""``gnomon guard``: what the guard did, and what it would do about an account.

``report`` reads a journal, ``plan`` an account document; nothing is sent. With
``--json`` standard output holds exactly one object, or nothing on an error; sentences
go to standard error.
"""

import json
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from bot.cli.journal_options import JournalOption, JsonOption, find_journal
from bot.cli.journal_view import print_json, watch
from bot.cli.risk_files import documents_of
from bot.report.episodes import KINDS, EpisodeBook
from bot.report.episodes_view import episodes_document, episodes_view
from bot.report.guard_plan import plan_answer
from bot.report.interest_view import (
    SAVED_KINDS,
    saved_document,
    saved_in,
    saved_table,
)
from bot.report.plan_view import plan_view
from bot.settings import read_settings
from storage.reader import JournalReader

__all__ = ["app"]

app = typer.Typer(
    help="What the guard did, and what it would do.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

_REPORT: Final = """\
Examples:

  gnomon guard report

  gnomon guard report --journal runs/crash-7/journal.sqlite --json

An episode is decided 24 hours of market time after its end, or when the account
would have been liquidated without it.
"""

_PLAN_HELP = """
The least-cost plan for the accounts of a file that are too near to liquidation.

Examples:

    gnomon guard plan account.json

    gnomon guard plan account.json --config gnomon.toml --json | jq .plans

The file is that of `gnomon risk assess`. Each step says what it costs and where the
account stands after it. Nothing is sent. Exit 2 names a broken field.
"""


@app.callback()
def _root() -> None:
    """What the guard did, and what it would do."""


@app.command("plan", help=_PLAN_HELP)
def plan_command(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="JSON with the exchange's answers, as for gnomon risk assess; "
            "- reads standard input.",
            show_default=False,
        ),
    ],
    *,
    config: Annotated[
        Path | None, typer.Option(help="Settings; gnomon.toml here when it exists.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one object.")] = False,
) -> None:
    """Print the plans; nothing is sent."""
    settings = read_settings(config)
    documents = documents_of(file)
    answer = plan_answer(documents, settings.guard, settings.vip)
    if as_json:
        typer.echo(json.dumps(answer, indent=2))
    else:
        Console().print(plan_view(answer))


@app.command("report", epilog=_REPORT)
def report(journal: JournalOption = None, as_object: JsonOption = False) -> None:
    """Every episode: its trigger, its steps, its cost, and what it prevented."""
    path = find_journal(journal)
    with JournalReader.open(path, watch) as reader:
        book = EpisodeBook.of(stored.entry for stored in reader.entries(*KINDS))
        saved = saved_in(stored.entry for stored in reader.entries(*SAVED_KINDS))
    episodes, totals = book.episodes(), book.totals()
    if as_object:
        document = episodes_document(str(path), episodes, totals)
        print_json({**document, "interest_saved": saved_document(saved)})
        return
    Console().print(episodes_view(episodes, totals))
    if saved:
        Console().print(saved_table(saved))
