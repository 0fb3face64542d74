"""Twins as rows of the journal and back: what a restart and a report read.

A twin that is open is kept whole, so that a restart goes on with it; a verdict is
kept with every number that it rests on. Both are notes, so a journal of an older
version can be read as ever. Nothing here follows a twin or judges one.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.domain.accounts import (
    AccountId,
    Balance,
    MarginMode,
    Position,
    PositionKey,
    PositionSide,
)
from bot.domain.entries import Noted
from bot.domain.instruments import Lots
from bot.domain.money import plain
from bot.guard.twin import Costs, Outcome, OutcomeKind, Twin
from bot.guard.undone import GivenBack, Share

__all__ = [
    "COUNTERFACTUAL",
    "TWIN_KEPT",
    "outcome_note",
    "still_open",
    "twin_note",
    "twin_of",
]

COUNTERFACTUAL: Final = "counterfactual"
"""The topic of a verdict on an episode: what would have happened without it."""

TWIN_KEPT: Final = "twin"
"""The topic of a twin that is still watched, as it stands."""

_COIN: Final = "coin "
_POSITION: Final = "position "


def twin_note(twin: Twin) -> Noted:
    """The row that lets a restart go on with a twin."""
    numbers = {
        **_identity(twin),
        **_costs(twin.costs),
        "intents": " ".join(f"{k}@{v.isoformat()}" for k, v in twin.intents.items()),
    }
    for (account, coin), part in sorted(twin.given.balances.items()):
        parts = (part.total, part.principal, part.interest)
        numbers[f"{_COIN}{account} {coin}"] = " ".join(plain(each) for each in parts)
    for key, share in sorted(twin.given.positions.items(), key=lambda e: str(e[0])):
        numbers[f"{_POSITION}{key.symbol} {key.side}"] = _share_text(share)
    return Noted(
        topic=TWIN_KEPT,
        text=f"the account of {twin.subject} without the guard is watched",
        inputs=numbers,
    )


def _identity(twin: Twin) -> dict[str, str]:
    numbers = {
        "subject": twin.subject,
        "episode": str(twin.episode),
        "since": twin.since.isoformat(),
        "begun_at": twin.begun_at.isoformat(),
        "seen_at": twin.seen_at.isoformat(),
        "ended_at": "" if twin.ended_at is None else twin.ended_at.isoformat(),
        "follows": str(twin.follows).lower(),
        "missing": "; ".join(twin.missing),
    }
    if twin.nearest is not None and twin.nearest_at is not None:
        numbers["nearest"] = plain(twin.nearest)
        numbers["nearest_at"] = twin.nearest_at.isoformat()
    return {name: text for name, text in numbers.items() if text}


def _costs(costs: Costs) -> dict[str, str]:
    return {
        "fees": plain(costs.fees),
        "slippage": plain(costs.slippage),
        "carry": plain(costs.carry),
    }


def _share_text(share: Share) -> str:
    pattern = share.pattern
    words = (
        str(share.lots),
        plain(share.entry_value),
        plain(share.margin),
        pattern.mode.value,
        plain(pattern.leverage),
    )
    return " ".join(words)


def twin_of(inputs: Mapping[str, str]) -> Twin:
    """The twin that ``twin_note`` kept.

    Raises:
        KeyError: A part is missing.
        ValueError: A part is no number or no time.
    """
    ended, nearest_at = inputs.get("ended_at"), inputs.get("nearest_at")
    missing = inputs.get("missing", "")
    return Twin(
        subject=inputs["subject"],
        episode=int(inputs["episode"]),
        since=datetime.fromisoformat(inputs["since"]),
        begun_at=datetime.fromisoformat(inputs["begun_at"]),
        seen_at=datetime.fromisoformat(inputs["seen_at"]),
        ended_at=None if ended is None else datetime.fromisoformat(ended),
        follows=inputs.get("follows") == "true",
        intents=dict(_intents(inputs.get("intents", ""))),
        given=_given(inputs),
        costs=Costs(**{k: Decimal(inputs[k]) for k in ("fees", "slippage", "carry")}),
        nearest=None if nearest_at is None else Decimal(inputs["nearest"]),
        nearest_at=None if nearest_at is None else datetime.fromisoformat(nearest_at),
        missing=tuple(missing.split("; ")) if missing else (),
    )


def _intents(text: str) -> Iterable[tuple[str, datetime]]:
    for word in text.split():
        name, _, at = word.partition("@")
        yield name, datetime.fromisoformat(at)


def _given(inputs: Mapping[str, str]) -> GivenBack:
    balances: dict[tuple[AccountId, str], Balance] = {}
    positions: dict[PositionKey, Share] = {}
    for name, text in inputs.items():
        if name.startswith(_COIN):
            account, coin = name.removeprefix(_COIN).split(" ")
            total, principal, interest = (Decimal(word) for word in text.split(" "))
            balances[AccountId(account), coin] = Balance(
                total=total, principal=principal, interest=interest
            )
        elif name.startswith(_POSITION):
            symbol, side = name.removeprefix(_POSITION).split(" ")
            key = PositionKey(symbol, PositionSide(side))
            positions[key] = _share_of(key, text)
    return GivenBack(balances=balances, positions=positions)


def _share_of(key: PositionKey, text: str) -> Share:
    lots, entry, margin, mode, leverage = text.split(" ")
    pattern = Position(
        symbol=key.symbol,
        side=key.side,
        lots=Lots(0),
        entry_value=Decimal(0),
        mode=MarginMode(mode),
        leverage=Decimal(leverage),
    )
    return Share(
        lots=int(lots),
        entry_value=Decimal(entry),
        margin=Decimal(margin),
        pattern=pattern,
    )


def still_open(known: Mapping[str, Twin], note: Noted) -> dict[str, Twin]:
    """The open twins after one more row, by account and episode."""
    inputs = note.inputs
    name = f"{inputs.get('subject')} {inputs.get('since')}"
    if note.topic == TWIN_KEPT:
        return {**known, name: twin_of(inputs)}
    if note.topic == COUNTERFACTUAL:
        return {key: twin for key, twin in known.items() if key != name}
    return dict(known)


# -- verdicts -----------------------------------------------------------------


def outcome_note(outcome: Outcome) -> Noted:
    """The row of a verdict; a number that is not known is not there."""
    twin = outcome.twin
    amounts = {
        "ratio": outcome.ratio,
        "equity": outcome.equity,
        "twin_equity": outcome.twin_equity,
        "difference": outcome.difference,
        "price": outcome.price,
        "loss": outcome.loss,
        "worth": outcome.worth,
    }
    numbers = {name: plain(each) for name, each in amounts.items() if each is not None}
    marks = {f"mark {coin}": plain(mark) for coin, mark in outcome.marks.items()}
    return Noted(
        topic=COUNTERFACTUAL,
        text=_sentence(outcome),
        inputs={
            **_identity(twin),
            "outcome": outcome.kind.value,
            **_costs(twin.costs),
            **numbers,
            **marks,
        },
    )


def _sentence(outcome: Outcome) -> str:
    """The verdict in one sentence with its one number."""
    worth = outcome.worth
    if worth is None:
        return f"{outcome.reason}; what the actions were worth is not known"
    if outcome.kind is OutcomeKind.SAVED:
        lost = f"{outcome.loss:.2f}"
        return (
            f"{outcome.reason}, with {lost} USDT lost; the actions were worth "
            f"{worth:.2f} USDT"
        )
    word = "cost" if worth < 0 else "gained"
    return f"{outcome.reason}; the actions {word} {abs(worth):.2f} USDT"
