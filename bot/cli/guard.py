"""``gnomon guard``: what the guard did, and what would have happened without it.

One group of commands; each reads and sends nothing. ``report`` reads a journal.
"""

from typing import Final

import typer
from rich.console import Console

from bot.cli.journal_options import JournalOption, JsonOption, find_journal
from bot.cli.journal_view import print_json, watch
from bot.report.episodes import KINDS, EpisodeBook
from bot.report.episodes_view import episodes_document, episodes_view
from storage.reader import JournalReader

__all__ = ["app"]

_REPORT: Final = """\
Examples:

  gnomon guard report

  gnomon guard report --journal runs/crash-7/journal.sqlite --json

An episode is decided 24 hours of market time after its end, or when the account
would have been liquidated without it.
"""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="What the guard did, and what it was good for.",
)


@app.callback()
def _group() -> None:
    """What the guard did, and what it was good for."""


@app.command("report", epilog=_REPORT)
def report(journal: JournalOption = None, as_object: JsonOption = False) -> None:
    """Every episode: its trigger, its steps, its cost, and what it prevented."""
    path = find_journal(journal)
    with JournalReader.open(path, watch) as reader:
        book = EpisodeBook.of(stored.entry for stored in reader.entries(*KINDS))
    episodes, totals = book.episodes(), book.totals()
    if as_object:
        print_json(episodes_document(str(path), episodes, totals))
    else:
        Console().print(episodes_view(episodes, totals))
