"""The state of an overlay as a row of the journal, and back.

Text with exact numbers, so that a restart goes on where the journal ends. It decides
nothing.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from bot.domain.accounts import AccountId
from bot.domain.money import plain
from bot.guard.overlay_state import OverlayState
from bot.risk.strategy_book import Book, Leg, Market

__all__ = ["FIRED", "KEPT", "inputs_of", "state_from"]

FIRED: Final = "overlay"
"""The topic of the row that says that an overlay closes its strategy's legs."""
KEPT: Final = "overlay state"
"""The topic of the row from which a restart goes on."""


def inputs_of(name: str, state: OverlayState) -> dict[str, str]:
    """A state as text: all of it, exactly."""
    book = state.book
    kept = {
        "legs": [
            [m.coin, m.account, m.symbol, plain(leg.coins), plain(leg.cash)]
            for m, leg in sorted(book.legs.items())
        ],
        "funding": _texts(book.funding),
        "interest": _texts(book.interest),
        "fees": _texts(book.fees),
        "unvalued": [[*key, plain(qty)] for key, qty in sorted(book.unvalued.items())],
        "bases": _texts(state.bases),
        "peaks": _texts(state.peaks),
        "equity": None if state.equity is None else plain(state.equity),
        "peak_equity": None if state.peak_equity is None else plain(state.peak_equity),
        "closing": dict(sorted(state.closing.items())),
        "resting": {k: v.isoformat() for k, v in sorted(state.resting.items())},
    }
    return {"strategy": name, "state": json.dumps(kept, sort_keys=True)}


def state_from(inputs: Mapping[str, str]) -> OverlayState:
    """The state of a row.

    Example:
        >>> state = OverlayState(book=Book(), peaks={"BTC": Decimal("1.5")})
        >>> state_from(inputs_of("mine", state)) == state
        True
    """
    kept: dict[str, Any] = json.loads(inputs["state"])
    legs = {
        Market(coin, AccountId(account), symbol): Leg(Decimal(coins), Decimal(cash))
        for coin, account, symbol, coins, cash in kept["legs"]
    }
    unvalued = {
        (coin, paid): Decimal(qty) for coin, paid, qty in kept.get("unvalued", ())
    }
    sums = {name: _numbers(kept[name]) for name in ("funding", "interest", "fees")}
    equity, peak = kept["equity"], kept["peak_equity"]
    return OverlayState(
        book=Book(legs=legs, unvalued=unvalued, **sums),
        bases=_numbers(kept["bases"]),
        peaks=_numbers(kept["peaks"]),
        equity=None if equity is None else Decimal(equity),
        peak_equity=None if peak is None else Decimal(peak),
        closing=kept["closing"],
        resting={
            name: datetime.fromisoformat(when).astimezone(UTC)
            for name, when in kept["resting"].items()
        },
    )


def _texts(numbers: Mapping[str, Decimal]) -> dict[str, str]:
    return {name: plain(number) for name, number in sorted(numbers.items())}


def _numbers(texts: Mapping[str, str]) -> dict[str, Decimal]:
    return {name: Decimal(number) for name, number in texts.items()}
