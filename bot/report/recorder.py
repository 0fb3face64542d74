"""Remembers a run for its report and for the live view: an engine observer.

It keeps curves, sentences, fills, actions, loans and funding, all bounded: long
curves lose resolution and never their extremes, long lists lose their oldest
rows and say how many. The journal holds everything; this is what a person is
shown. It must not influence the run.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.domain.accounts import FUTURES
from bot.domain.entries import Decided, Entry, Noted, Sampled
from bot.domain.events import (
    AccountStatus,
    AccountStatusChanged,
    Event,
    Filled,
    LedgerBooked,
    TradingHalted,
)
from bot.domain.instruments import Rules
from bot.domain.intents import Refused
from bot.domain.money import ZERO
from bot.engine.asking import FAULT
from bot.engine.core import Step
from bot.engine.memory import THRESHOLDS
from bot.guard.adl import ADL_TOPIC
from bot.guard.borrow_watch import BORROW_TOPIC
from bot.guard.twin_rows import COUNTERFACTUAL, TWIN_KEPT
from bot.report.action_log import GUARD, ActionLog, Told, is_action
from bot.report.curve_buffer import CurveBuffer
from bot.report.episodes import EpisodeBook
from bot.report.frame import Series, Tone
from bot.report.kept import ROWS_MAX, Kept
from bot.report.money_book import MoneyBook
from bot.report.outlook_view import OutlookRow, outlook_rows
from bot.report.protection import KeptLine
from bot.report.run_report import ActionRow, DecisionRow, FillRow
from bot.report.wording import (
    account_title,
    intent_title,
    status_title,
    subject_words,
)
from bot.risk.kernel_row import KernelNumbers
from bot.risk.measure import SubjectMeasure, measure_subject
from bot.shadow.state import Shadow

__all__ = ["Recorder"]

_POINTS: Final = 2_000
"""Points of one curve, about; a run samples the account some 1,500 times."""
_NO_MOVE: Final = Decimal("Infinity")
_STOPS: Final = "stops"
_QUIET_NOTES: Final = frozenset(
    {
        "action helped",
        "day opened",
        "outlook",
        "overlay state",
        "pair cut",
        "pair done",
        "pre-image",
        "sizing",
        THRESHOLDS,
        TWIN_KEPT,
    }
)
"""Topics that the journal keeps and a person is not told: an action tells itself."""
_NOTES: Final = {
    "guard stuck": (GUARD, "is stuck", Tone.DANGER),
    "action did not help": (GUARD, "sees that its action did not help", Tone.CAUTION),
    COUNTERFACTUAL: (GUARD, "looks back", Tone.NEUTRAL),
    ADL_TOPIC: ("exchange", "may deleverage", Tone.CAUTION),
    "overlay": ("overlay", "fires", Tone.CAUTION),
    FAULT: ("gnomon", "stopped a strategy", Tone.DANGER),
    BORROW_TOPIC: ("exchange", "changed its loans", Tone.CAUTION),
    "parity": ("gnomon", "disagrees with the exchange", Tone.CAUTION),
    "drift": ("gnomon", "found a difference at the start", Tone.CAUTION),
}
"""Topics that have an owner and words of their own, and how urgent they are."""


class Recorder:
    """What is shown of one run, kept up to date at every moment."""

    def __init__(self, opening: Shadow) -> None:
        self.shadow = opening
        self.guard_actions = 0
        self.liquidated_at: list[datetime] = []
        self.first_marks: dict[str, Decimal] = dict(opening.margin_marks)
        self.main_subject: str | None = None
        """The account whose ratio came nearest to its liquidation so far."""
        self.exposed: dict[str, None] = {}
        """Every coin that an endangered account was ever exposed to, in order."""
        self.subjects: list[str] = []
        """Every endangered account that was ever seen, in order of appearance."""
        self.actions: Kept[ActionRow] = Kept()
        self.decisions: Kept[DecisionRow] = Kept()
        self.fills: Kept[FillRow] = Kept()
        self.log = ActionLog()
        self.stops_line = KeptLine()
        self.episodes = EpisodeBook()
        self.books = MoneyBook(opening)
        self.outlooks: Kept[OutlookRow] = Kept()
        self._looked_at: datetime | None = None
        self._equity = CurveBuffer(_POINTS)
        self._ratios: dict[str, CurveBuffer] = {}
        self._distances: dict[str, CurveBuffer] = {}
        self._prices: dict[str, CurveBuffer] = {}
        self._holdings: deque[Shadow] = deque([opening], maxlen=ROWS_MAX)
        self._peak = ZERO
        self._ends: dict[str, Decimal] = {}
        """The ratio at which each subject is liquidated."""
        self._last_kind = ""
        self._repeats = 0
        self._withdrawn = 0

    def __call__(self, moment: Sequence[Event], step: Step) -> None:
        """Watch one moment; the signature is an engine observer's."""
        shadow = self.shadow = step.state.shadow
        self._hold(shadow)
        for event in moment:
            self._event(event, shadow)
        for told in self.log.answered(moment, shadow):
            self._told(told)
        for measure in step.measures:
            self._measured(measure)
        for numbers in step.numbers:
            self._glanced(numbers, shadow)
        self._look(step)
        for entry in step.entries:
            self._entry(entry, step)
        self.guard_actions += sum(is_action(each) for each in step.approved)
        self.log.sent(step)

    def _look(self, step: Step) -> None:
        """Keep what the forecast says, once a look."""
        at = step.state.ahead.made_at
        if at != self._looked_at:
            self._looked_at = at
            for row in outlook_rows(step.state):
                self.outlooks.add(row)

    def _entry(self, entry: Entry, step: Step) -> None:
        self.episodes.take(entry)
        match entry.body:
            case Sampled() as body:
                self._sample(entry.at, body, step.measures)
            case Decided() as body:
                self._decided(entry.at, body)
            case Refused() as body:
                self._refused(entry.at, body, step.state.shadow.rules)
            case Noted() as body:
                self._noted(entry.at, body)
            case _:
                pass

    def holdings_at(self, at: datetime) -> Shadow | None:
        """The account as it stood at a time, with the marks of its last change.

        None when that is longer ago than is kept.
        """
        place = bisect_right(self._holdings, at, key=lambda held: held.at)
        return self._holdings[place - 1] if place else None

    def _hold(self, shadow: Shadow) -> None:
        """Keep the shadow of each change of holdings; none is changed in place."""
        last = self._holdings[-1]
        if last.balances is shadow.balances and last.positions is shadow.positions:
            return
        if last.at == shadow.at:
            self._holdings[-1] = shadow
        else:
            self._holdings.append(shadow)

    # -- curves -----------------------------------------------------------

    def equity(self) -> Series:
        """Equity in USDT over time."""
        return self._equity.series()

    def ratios(self) -> Mapping[str, Series]:
        """Debt ratio or risk rate by subject; zero while nothing is owed or held."""
        return {name: curve.series() for name, curve in self._ratios.items()}

    def ratio(self, subject: str | None) -> Series:
        """The ratio of one subject over time; empty when it was never measured."""
        curve = self._ratios.get(subject or "")
        return () if curve is None else curve.series()

    def distances(self) -> Mapping[str, Series]:
        """Distance to liquidation by subject; infinite where no move does it."""
        return {name: curve.series() for name, curve in self._distances.items()}

    def prices(self) -> Mapping[str, Series]:
        """Mark prices in USDT by coin."""
        return {name: curve.series() for name, curve in self._prices.items()}

    def _measured(self, measure: SubjectMeasure) -> None:
        if measure.subject not in self._ratios:
            self.subjects.append(measure.subject)
            self._ratios[measure.subject] = CurveBuffer(_POINTS)
            self._distances[measure.subject] = CurveBuffer(_POINTS)
        self._ends[measure.subject] = measure.liquidation
        self.exposed.update(dict.fromkeys(measure.exposure_usdt))
        share = (measure.ratio or ZERO) / measure.liquidation
        if share > self._peak:
            self._peak, self.main_subject = share, measure.subject

    def _glanced(self, numbers: KernelNumbers, shadow: Shadow) -> None:
        """The same of numbers in floats: exactly, if they may be the nearest so far.

        All but the ratio changes only with the holdings, which are measured exactly.
        """
        end, bounds = self._ends.get(numbers.subject), numbers.ratio_bounds
        if end is None or bounds is None or bounds[1] / end > self._peak:
            measure = measure_subject(shadow, numbers.subject)
            if measure is not None:
                self._measured(measure)

    def _sample(
        self, at: datetime, body: Sampled, measures: Iterable[SubjectMeasure]
    ) -> None:
        self._equity.add(at, body.equity_usdt)
        by_name = {measure.subject: measure for measure in measures}
        for subject in self.subjects:
            measure = by_name.get(subject)
            ratio = ZERO if measure is None else measure.ratio
            self._ratios[subject].add(at, ratio)
            self._distances[subject].add(at, _distance(measure))
        for coin, mark in body.marks.items():
            self.first_marks.setdefault(coin, mark)
            self._prices.setdefault(coin, CurveBuffer(_POINTS)).add(at, mark)

    # -- sentences --------------------------------------------------------

    def say(
        self, at: datetime, owner: str, text: str, tone: Tone, decision_id: str = ""
    ) -> None:
        """Keep one sentence."""
        self._last_kind = ""
        row = DecisionRow(
            at=at, owner=owner, text=text, tone=tone, decision_id=decision_id
        )
        self.decisions.add(row)

    def _told(self, told: Told) -> None:
        if told.is_stop:
            self._stop_told(told)
            return
        self._last_kind = ""
        self.decisions.add(told.decision)
        if told.action is not None:
            self.actions.add(told.action)

    def _event(self, event: Event, shadow: Shadow) -> None:
        match event:
            case LedgerBooked():
                self.books.add(event)
            case Filled():
                self._filled(event, shadow)
            case AccountStatusChanged(at=at, status=status):
                if status is AccountStatus.LIQUIDATING:
                    self.liquidated_at.append(at)
                text, tone = status_title(event)
                self.say(at, "exchange", text, tone)
            case TradingHalted(at=at, symbol=symbol, is_halted=is_halted):
                word = "halts" if is_halted else "resumes"
                text = f"{word} trading in {symbol}: {event.reason}"
                self.say(at, "exchange", text, Tone.CAUTION)
            case _:
                pass

    def _filled(self, event: Filled, shadow: Shadow) -> None:
        unit = "lots"
        if event.account != FUTURES:
            rules = shadow.rules.spot.get(event.symbol)
            unit = event.symbol.partition("-")[0] if rules is None else rules.base
        owner = event.forced or self.log.owner_of(event.intent_id)
        row = FillRow(
            at=event.at,
            account=account_title(event.account),
            symbol=event.symbol,
            side=event.side.value,
            qty=event.qty,
            unit=unit,
            price=event.price,
            fee=event.fee,
            fee_coin=event.fee_coin,
            owner=owner,
        )
        self.fills.add(row)

    def _decided(self, at: datetime, body: Decided) -> None:
        reason = subject_words(body.reason)
        is_cured = body.verdict == "cured"
        text = f"is done: {reason}" if is_cured else f"acts: {reason}"
        tone = Tone.CALM if is_cured else Tone.CAUTION
        self.say(at, body.owner, text, tone, body.decision_id)

    def _refused(self, at: datetime, body: Refused, rules: Rules) -> None:
        what = intent_title(rules, body.intent)
        row = DecisionRow(
            at=at,
            owner=body.owner,
            text=f"may not {what}: {body.reason}",
            tone=Tone.CAUTION if body.owner == GUARD else Tone.NEUTRAL,
        )
        self._say_often(row, f"{type(body.intent).__name__} {body.reason[:20]}")

    def _noted(self, at: datetime, body: Noted) -> None:
        if body.topic == THRESHOLDS and body.inputs.get("is_adapted") == "true":
            self.say(at, GUARD, f"knows: {subject_words(body.text)}", Tone.CAUTION)
        if body.topic in _QUIET_NOTES:
            return
        owner, words, tone = _NOTES.get(
            body.topic, ("gnomon", f"notes {body.topic}", Tone.NEUTRAL)
        )
        text = f"{words}: {subject_words(body.text)}"
        row = DecisionRow(at=at, owner=owner, text=text, tone=tone)
        self._say_often(row, body.topic)

    def _stop_told(self, told: Told) -> None:
        """One sentence for all stops that are priced anew in a row."""
        if self._last_kind != _STOPS:
            self._repeats = self._withdrawn = 0
        self._repeats += 1
        self._withdrawn += told.is_withdrawn
        if self._repeats == 1:
            self.decisions.add(told.decision)
        else:
            rested = self._repeats - self._withdrawn
            count = f"{rested} rested and {self._withdrawn} withdrawn by now"
            text = f"{told.decision.text} ({count})"
            self.decisions.replace_last(replace(told.decision, text=text))
        self._last_kind = _STOPS

    def _say_often(self, row: DecisionRow, kind: str) -> None:
        """One sentence for many of a kind in a row: the newest of them, counted."""
        self._repeats = self._repeats + 1 if self._last_kind == kind else 1
        if self._repeats == 1:
            self.decisions.add(row)
        else:
            often = f"{row.text} ({self._repeats} times by now)"
            self.decisions.replace_last(replace(row, text=often))
        self._last_kind = kind


def _distance(measure: SubjectMeasure | None) -> Decimal | None:
    """Infinite where no move liquidates; None where that is not known."""
    if measure is None:
        return _NO_MOVE
    if measure.distance is not None:
        return measure.distance
    return None if measure.ratio is None else _NO_MOVE
