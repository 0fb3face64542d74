"""``gnomon journal``: reading what the bot remembers.

Every command checks the journal's hash chain first, then answers from one
unchanging view of it, also while a bot writes on. Nothing here writes to a
journal.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import typer

from bot.cli.explain import explain_app
from bot.cli.journal_options import (
    AccountOption,
    CoinOption,
    JournalOption,
    JsonOption,
    LimitOption,
    SinceOption,
    SymbolOption,
    UntilOption,
    filters_from,
    find_journal,
)
from bot.cli.journal_view import (
    COLUMNS,
    note,
    print_json,
    print_pairs,
    print_table,
    to_plain,
    watch,
)
from bot.domain.errors import UsageError
from storage.books import balances as book_balances
from storage.books import loans as book_loans
from storage.books import pnl as book_pnl
from storage.books import trial_balance
from storage.export import TABLES, as_csv, as_json
from storage.queries import last_sample, raw_entries
from storage.queries import runs as all_runs
from storage.reader import JournalReader
from storage.verify import check_content

__all__ = ["app", "explain_app"]

_T = TypeVar("_T")

_EXAMPLES: Final = """\
Examples:

  gnomon journal runs

  gnomon journal balances --until 2025-10-10T21:20:00Z

  gnomon journal fills --symbol XBTUSDTM --limit 20

  gnomon journal export fills --format csv --output fills.csv

  gnomon journal verify --journal runs/crash-7/journal.sqlite --json
"""

app = typer.Typer(
    name="journal",
    help="Read the trade journal: balances, profit, orders, loans, decisions.",
    epilog=_EXAMPLES,
    no_args_is_help=True,
    add_completion=False,
)

_SHOWN_ROWS: Final = 50
"""Rows of a table when nobody asked for more; ``--json`` and ``export`` give all."""


def _answer(
    journal: Path | None,
    name: str,
    query: Callable[[JournalReader], Sequence[Mapping[str, Any]]],
    *,
    limit: int | None,
    as_object: bool,
) -> None:
    """Run one query and show its rows as a table or as the one JSON object."""
    path = find_journal(journal)
    with JournalReader.open(path, watch) as reader:
        rows = query(reader)
    if as_object:
        print_json({"journal": str(path), name: rows})
        return
    shown = rows if limit is not None else rows[-_SHOWN_ROWS:]
    print_table(f"{name} of {path}", COLUMNS[name], shown)
    if len(shown) < len(rows):
        note(f"The newest {len(shown)} of {len(rows)}; --limit N shows more.")


@app.command(
    "runs",
    help="The runs of a journal: when, what, how they ended.",
    epilog="Example: gnomon journal runs --json",
)
def list_runs(journal: JournalOption = None, as_object: JsonOption = False) -> None:
    """When the runs of the journal began and ended."""
    _answer(journal, "runs", all_runs, limit=None, as_object=as_object)


@app.command(
    "show",
    help="The entries as they were written, newest last.",
    epilog="Example: gnomon journal show --kind Decided --limit 5",
)
def show_entries(
    journal: JournalOption = None,
    kind: Annotated[
        str | None, typer.Option(help="One kind: Filled, Decided, Noted, ...")
    ] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: LimitOption = 20,
    as_object: JsonOption = False,
) -> None:
    """Entries of the journal, raw."""
    filters = filters_from(since, until, limit=limit)

    def query(reader: JournalReader) -> Sequence[Mapping[str, Any]]:
        return raw_entries(reader, kind, filters)

    _answer(journal, "entries", query, limit=limit, as_object=as_object)


@app.command(
    "verify",
    help="Check every row, hash and page; exit 5 when damaged.",
    epilog="Example: gnomon journal verify --journal runs/crash-7/journal.sqlite",
)
def verify(journal: JournalOption = None, as_object: JsonOption = False) -> None:
    """Prove that the journal is whole, and say what it holds."""
    path = find_journal(journal)
    with JournalReader.open(path, watch) as reader:
        kinds = check_content(reader.connection, path, watch)
        lines = [line for line in trial_balance(reader) if not line.is_balanced]
        answer = {
            "journal": str(path),
            "is_whole": True,
            "rows": reader.head.seq,
            "head": reader.head.hash,
            "has_head_file": reader.has_anchor,
            "kinds": kinds,
            "unbalanced": [
                {"coin": line.coin, "cause": line.cause.value, "net": line.net}
                for line in lines
            ],
        }
    if not answer["has_head_file"]:
        note(f"{path} has no head file beside it: a lost end could not be seen.")
    if as_object:
        print_json(answer)
    else:
        print_pairs(f"{path} is whole", answer)


@app.command(
    "balances",
    help="Every balance, rebuilt from the postings alone.",
    epilog="Example: gnomon journal balances --until 2025-10-10T21:20:00Z",
)
def show_balances(
    journal: JournalOption = None,
    until: UntilOption = None,
    seq: Annotated[
        int | None, typer.Option(min=0, help="As of after this entry number.")
    ] = None,
    account: AccountOption = None,
    coin: CoinOption = None,
    as_object: JsonOption = False,
) -> None:
    """Balances, debts and isolated margin at a time, to the last digit."""
    filters = filters_from(None, until, account=account, coin=coin)

    def query(reader: JournalReader) -> Sequence[Mapping[str, Any]]:
        return [
            to_plain(line) for line in book_balances(reader, filters, until_seq=seq)
        ]

    _answer(journal, "balances", query, limit=0, as_object=as_object)


@app.command(
    "pnl",
    help="What each cause earned or cost, by coin.",
    epilog="Example: gnomon journal pnl --since 2025-10-01 --account futures",
)
def show_pnl(
    journal: JournalOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    account: AccountOption = None,
    coin: CoinOption = None,
    symbol: SymbolOption = None,
    as_object: JsonOption = False,
) -> None:
    """Profit by cause, exact in coins, and at the marks of the newest sample."""
    filters = filters_from(since, until, account=account, coin=coin, symbol=symbol)

    def query(reader: JournalReader) -> Sequence[Mapping[str, Any]]:
        sample = last_sample(reader, filters.until)
        marks = sample[1].marks if sample is not None else {}
        return [to_plain(line) for line in book_pnl(reader, filters, marks)]

    _answer(journal, "pnl", query, limit=0, as_object=as_object)


@app.command(
    "loans",
    help="What was borrowed, repaid, charged, and is still owed.",
    epilog="Example: gnomon journal loans --coin USDT",
)
def show_loans(
    journal: JournalOption = None,
    until: UntilOption = None,
    account: AccountOption = None,
    coin: CoinOption = None,
    as_object: JsonOption = False,
) -> None:
    """Loans by account and coin."""
    filters = filters_from(None, until, account=account, coin=coin)

    def query(reader: JournalReader) -> Sequence[Mapping[str, Any]]:
        return [
            {**to_plain(line), "liability": to_plain(line.liability)}
            for line in book_loans(reader, filters)
        ]

    _answer(journal, "loans", query, limit=0, as_object=as_object)


def _listing(name: str, help_line: str) -> Callable[..., None]:
    """Add a command that lists one of the exportable tables."""

    def command(
        journal: JournalOption = None,
        since: SinceOption = None,
        until: UntilOption = None,
        account: AccountOption = None,
        coin: CoinOption = None,
        symbol: SymbolOption = None,
        limit: LimitOption = None,
        as_object: JsonOption = False,
    ) -> None:
        filters = filters_from(
            since, until, account=account, coin=coin, symbol=symbol, limit=limit
        )

        def query(reader: JournalReader) -> Sequence[Mapping[str, Any]]:
            return TABLES[name](reader, filters)

        _answer(journal, name, query, limit=limit, as_object=as_object)

    example = f"Example: gnomon journal {name} --since 2025-10-10 --limit 20"
    return app.command(name, help=help_line, epilog=example)(command)


_listing("orders", "Orders as they stand after all that was said of them.")
_listing("fills", "Trades of ours.")
_listing("intents", "Our requests, and what became of each.")
_listing("funding", "Funding paid and received.")
_listing("interest", "Interest that loans were charged.")
_listing("decisions", "Decisions; `gnomon explain ID` tells the rest of one.")


@app.command(
    "export",
    help=f"Write one table as CSV or JSON: {', '.join(TABLES)}.",
    epilog="Example: gnomon journal export fills --output fills.csv",
)
def export(
    table: Annotated[str, typer.Argument(help="Which table.", show_default=False)],
    journal: JournalOption = None,
    form: Annotated[str, typer.Option("--format", help="csv or json.")] = "csv",
    output: Annotated[
        Path | None, typer.Option(help="The file to make; default: standard output.")
    ] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    account: AccountOption = None,
    coin: CoinOption = None,
    symbol: SymbolOption = None,
    limit: LimitOption = None,
) -> None:
    """Export a table for other programs."""
    query = _chosen(TABLES, table, "a table")
    render = _chosen({"csv": as_csv, "json": as_json}, form, "--format")
    filters = filters_from(
        since, until, account=account, coin=coin, symbol=symbol, limit=limit
    )
    path = find_journal(journal)
    with JournalReader.open(path, watch) as reader:
        rows = query(reader, filters)
    text = render(rows)
    if output is None:
        sys.stdout.write(text)
        return
    try:
        with output.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"{output} cannot be made: {error.strerror}.") from error
    note(f"{len(rows)} rows in {output}.")


def _chosen(choices: Mapping[str, _T], name: str, what: str) -> _T:
    if name not in choices:
        raise UsageError(f"{what} must be one of {', '.join(choices)}; was {name!r}.")
    return choices[name]
