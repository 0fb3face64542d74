"""The numbers that a step keeps: samples of the account, turnover, parity.

Pure functions of a shadow and its measures. They decide nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from bot.domain.accounts import FUTURES
from bot.domain.entries import Entry, Noted, Sampled
from bot.domain.events import Filled, RatioReported
from bot.domain.money import ONE, ZERO, plain
from bot.engine.parity import agree, subject_of
from bot.risk.measure import SubjectMeasure, equity_usdt
from bot.shadow.state import Shadow

__all__ = ["parity_notes", "sample_of", "value_usdt"]


def value_usdt(shadow: Shadow, fill: Filled) -> Decimal:
    """The value of a fill; a settle coin without a mark counts as one USDT."""
    contract = shadow.rules.contracts.get(fill.symbol)
    if fill.account != FUTURES or contract is None:
        return fill.qty * fill.price
    price = shadow.margin_marks.get(contract.settle, ONE)
    return contract.value(fill.qty, fill.price) * price


def sample_of(shadow: Shadow, measures: Sequence[SubjectMeasure]) -> Sampled:
    """The account's numbers at this moment, for plots; unknown ones are absent."""
    ratios = {m.subject: m.ratio for m in measures if m.ratio is not None}
    return Sampled(
        equity_usdt=equity_usdt(shadow),
        debt_ratios={k: v for k, v in ratios.items() if not k.startswith("futures")},
        risk_rates={k: v for k, v in ratios.items() if k.startswith("futures")},
        distances={m.subject: m.distance for m in measures if m.distance is not None},
        marks={
            coin: mark
            for coin, mark in sorted(shadow.margin_marks.items())
            if mark != ZERO
        },
    )


def parity_notes(
    reports: Iterable[RatioReported], measures: Iterable[SubjectMeasure]
) -> list[Entry]:
    """A row for each reported ratio that is not ours.

    Example:
        >>> parity_notes([], [])
        []
    """
    ours = {measure.subject: measure for measure in measures}
    notes = [(report.at, _parity_note(report, ours)) for report in reports]
    return [Entry(at=at, body=note) for at, note in notes if note is not None]


def _parity_note(
    reported: RatioReported, ours: Mapping[str, SubjectMeasure]
) -> Noted | None:
    """A note when the exchange's ratio and ours differ by more than its printing.

    KuCoin prints four decimals of a ratio and cuts the rest, so a difference of
    one in the fourth decimal is none.
    """
    subject = subject_of(reported)
    measure = ours.get(subject)
    own = ZERO if measure is None else measure.ratio
    if own is not None and agree(own, reported.value):
        return None
    stated, text = plain(reported.value), "unknown" if own is None else plain(own)
    return Noted(
        topic="parity",
        text=f"the exchange states {stated} for {subject}, ours is {text}",
    )
