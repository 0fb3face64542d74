"""``gnomon explain ID``: why something was done, and what came of it.

Prints a decision or a request with its inputs, thresholds and alternatives, what
was sent, what came back, and the account's ratios before and after. Nothing here
writes to a journal.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any, Final

import typer

from bot.cli.journal_options import JournalOption, JsonOption, find_journal
from bot.cli.journal_view import (
    print_json,
    print_pairs,
    print_table,
    watch,
)
from bot.guard.state import GUARD
from bot.report.episodes import KINDS, Episode, EpisodeBook
from bot.report.episodes_view import episode_document, episode_sentence
from storage.queries import Record
from storage.reader import JournalReader
from storage.story import RequestStory, Story, tell

__all__ = ["explain", "explain_app"]

_EXAMPLES: Final = """\
Examples:

  gnomon explain D-000017

  gnomon explain D-000017 --journal runs/crash-7/journal.sqlite --json

The ids are in the lists `gnomon journal decisions` and `gnomon journal intents`.
"""

explain_app = typer.Typer(add_completion=False)


@explain_app.command("explain", epilog=_EXAMPLES)
def explain(
    identifier: Annotated[
        str, typer.Argument(metavar="ID", help="A decision or a request.")
    ],
    journal: JournalOption = None,
    as_object: JsonOption = False,
) -> None:
    """Explain one decision or one request by its id."""
    path = find_journal(journal)
    with JournalReader.open(path, watch) as reader:
        story = tell(reader, identifier)
        episode = _episode(reader, story)
    if as_object:
        told = None if episode is None else episode_document(episode)
        head = {"journal": str(path), "id": identifier}
        print_json({**head, **asdict(story), "episode": told})
        return
    _print_story(story)
    if episode is not None:
        print_pairs("without the guard", {"told": episode_sentence(episode)})


def _episode(reader: JournalReader, story: Story) -> Episode | None:
    """The cure that a decision began, or that a request was made in."""
    if story.decision is None or story.decision["owner"] != GUARD:
        return None
    begun = str(story.decision["decision_id"])
    requests = {told.request["intent_id"] for told in story.requests}
    book = EpisodeBook.of(stored.entry for stored in reader.entries(*KINDS))
    for episode in reversed(book.episodes()):
        steps = {step.intent_id for step in episode.steps}
        if episode.decision_id == begun or requests & steps:
            return episode
    return None


def _print_story(story: Story) -> None:
    if story.decision is not None:
        _print_decision(story.decision)
    for told in story.requests:
        _print_request(told)
    for refusal in story.refusals:
        print_pairs(f"refused: {refusal['what']}", _without_body(refusal, "intent"))
        print_pairs("what was asked for", refusal["intent"])
    if story.outlook is not None:
        print_pairs("what the forecast had said", _without_body(story.outlook, "topic"))
    if story.sizing is not None:
        print_pairs("what scaled new risk", _without_body(story.sizing, "topic"))
    _print_ratios(story)


def _print_decision(decision: Record) -> None:
    print_pairs(
        f"decision {decision['decision_id']}",
        _without_body(decision, "decision_id", "inputs", "alternatives"),
    )
    print_pairs("inputs and thresholds", decision["inputs"])
    numbered = {str(n): each for n, each in enumerate(decision["alternatives"], 1)}
    print_pairs("alternatives", numbered)


def _print_request(told: RequestStory) -> None:
    request = told.request
    kept = {name: request[name] for name in ("seq", "at", "owner", "pair", "reason")}
    print_pairs(f"request {request['intent_id']}", kept)
    print_pairs("what was sent", request["intent"])
    print_pairs("measured at admission", request["measured"])
    if not told.outcomes:
        print_pairs("what came back", {"nothing": "its outcome is not known yet"})
    for outcome in told.outcomes:
        print_pairs("what came back", _without_body(outcome, "intent_id"))
    _print_rows("orders", told.orders, ("at", "order_id", "state", "qty", "filled_qty"))
    _print_rows("fills", told.fills, ("at", "side", "qty", "price", "fee", "fee_coin"))
    names = ("at", "cause", "account", "coin", "bucket", "amount")
    _print_rows("money that moved", told.postings, names)


def _print_rows(title: str, rows: Any, names: tuple[str, ...]) -> None:
    if rows:
        print_table(title, {name: name.replace("_", " ") for name in names}, rows)


def _print_ratios(story: Story) -> None:
    for title, sample in (("before", story.before), ("after", story.after)):
        if sample is None:
            print_pairs(title, {"unknown": "the journal has no sample there"})
        else:
            print_pairs(title, _without_body(sample, "seq"))


def _without_body(row: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}
