"""What all commands of ``gnomon risk`` do with files, errors and answers.

Reads a file of documents, says an error in its sentence, prints an answer. Computes
nothing.
"""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.sentences import say
from bot.domain.errors import GnomonError, UsageError
from bot.report.answers import Answer
from bot.report.documents import Documents, read_documents

__all__ = ["AsJson", "File", "content", "documents_of", "print_json", "stopped"]

File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="JSON with the exchange's answers (margin_cross, margin_isolated, "
        "mark_prices, margin_currencies, isolated_symbols, margin_config, "
        "collateral_ratio, futures, returns, borrow_rates); - reads standard input.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def documents_of(file: Path) -> Documents:
    """Read the file and warn of keys that nothing reads."""
    documents = read_documents(content(file), str(file))
    for name in documents.unknown:
        say(f"Warning: {file} holds {name!r}, which is not read.")
    return documents


def content(file: Path) -> bytes:
    """The bytes of a file, or of standard input for ``-``.

    Raises:
        UsageError: The file cannot be read.
    """
    if str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        reason = error.strerror or "it cannot be read"
        raise UsageError(f"{file} cannot be read: {reason}.") from None


def stopped(error: GnomonError) -> typer.Exit:
    """Say the sentence on standard error and end with the error's exit code."""
    say(str(error))
    return typer.Exit(error.exit_code)


def print_json(answer: Answer) -> None:
    """One object on standard output."""
    typer.echo(json.dumps(answer, indent=2))
