"""What lay ahead of the accounts, for people: lines of the live view, a table.

Each number stands beside its score: what came of such numbers on markets that the
model was not fitted on. Probabilities are rounded up, unknown is the word. Nothing
here forecasts; it words what ``bot.risk.outlook`` found.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from typing import Final

from bot.engine.core import State
from bot.report import figures
from bot.report.html_parts import Column, Markup, paragraph, table, text
from bot.report.wording import subject_title
from bot.risk.forecast_trust import PROVENANCE, trust_of
from bot.risk.outlook import AccountOutlook

__all__ = ["OutlookRow", "ahead_words", "notable", "outlook_rows", "outlook_table"]

_PERCENT: Final = Decimal("0.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlookRow:
    """One account at one look; ``likely`` is empty where nothing is known."""

    at: datetime
    account: str
    horizon_h: int
    found: AccountOutlook
    needed: Decimal | None

    @property
    def likelihood(self) -> float | None:
        """Of a liquidation within the horizon; None is not known."""
        return self.found.probability.get(self.horizon_h)


def outlook_rows(state: State) -> tuple[OutlookRow, ...]:
    """The newest look at every account, none before the first."""
    found, at = state.ahead.outlook, state.ahead.made_at
    if found is None or at is None:
        return ()
    needed = state.guard.foresight.needed
    return tuple(
        OutlookRow(
            at=at,
            account=subject_title(each.subject),
            horizon_h=found.horizon_h,
            found=each,
            needed=needed.get(each.subject),
        )
        for each in found.accounts
    )


def ahead_words(state: State) -> tuple[str, ...]:
    """A sentence for each account, for the live view."""
    return tuple(_sentence(row) for row in outlook_rows(state))


def _sentence(row: OutlookRow) -> str:
    likely = row.likelihood
    if likely is None:
        coins = ", ".join(row.found.missing)
        return f"{row.account}: no forecast, too little history of {coins}"
    told = f"{row.account}: liquidation {percent(likely)} in {row.horizon_h} h"
    told += f" (such came {percent(trust_of(likely, row.horizon_h).came)})"
    shock = row.found.shock
    if shock is not None and shock.leading is not None:
        told += f", shock {shock.length_sd:.1f} sd by {shock.leading}"
    return told if row.found.bets is None else f"{told}, {row.found.bets:.1f} bets"


def percent(likely: float) -> str:
    """A probability rounded up to a tenth of a percent.

    Example:
        >>> percent(0.0), percent(0.00001), percent(0.0123)
        ('0 %', 'under 0.1 %', '1.3 %')
    """
    if likely <= 0.0:
        return "0 %"
    share = Decimal(repr(likely)) * 100
    if share < _PERCENT:
        return "under 0.1 %"
    return f"{share.quantize(_PERCENT, ROUND_CEILING)} %"


def notable(rows: Iterable[OutlookRow]) -> tuple[OutlookRow, ...]:
    """Of each account the first look, the one of the greatest danger, and the last."""
    of_account: dict[str, list[OutlookRow]] = {}
    for row in rows:
        of_account.setdefault(row.account, []).append(row)
    return tuple(row for own in of_account.values() for row in _ends_and_peak(own))


def _ends_and_peak(own: Sequence[OutlookRow]) -> Iterator[OutlookRow]:
    peak = max(own, key=lambda row: (row.likelihood or 0.0, row.at))
    kept = {id(row): row for row in (own[0], peak, own[-1])}
    yield from sorted(kept.values(), key=lambda row: row.at)


def outlook_table(rows: Sequence[OutlookRow]) -> Markup:
    """The notable looks with their scores."""
    if not rows:
        return paragraph("The forecast was never asked.", "none")
    columns = [
        Column(title="Time"),
        Column(title="Account", style="what"),
        Column(title="Liquidation", style="num"),
        Column(title="What came of such"),
        Column(title="Distance that the limit asks for", style="num"),
        Column(title="Likeliest shock", style="num"),
        Column(title="Independent bets", style="num"),
    ]
    caption = (
        "The chance of a liquidation if nobody acts, of each account the first, the "
        f"greatest and the last one. Score: {PROVENANCE}."
    )
    return table(caption, columns, [_cells(row) for row in rows])


def _cells(row: OutlookRow) -> list[Markup]:
    likely, shock, bets = row.likelihood, row.found.shock, row.found.bets
    if likely is None:
        coins = ", ".join(row.found.missing)
        said, score = figures.UNKNOWN, f"too little history of {coins}"
    else:
        said = f"{percent(likely)} in {row.horizon_h} h"
        score = trust_of(likely, row.horizon_h).sentence
    led = "" if shock is None else f"{shock.length_sd:.1f} sd, {shock.leading}"
    return [
        text(figures.moment(row.at)),
        text(row.account),
        text(said),
        text(score),
        text(figures.DASH if row.needed is None else figures.distance(row.needed)),
        text(led or figures.DASH),
        text(figures.DASH if bets is None else f"{bets:.1f}"),
    ]
