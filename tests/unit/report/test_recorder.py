"""What a run is remembered by: sentences, actions, curves, loans, funding."""

from dataclasses import replace
from decimal import Decimal

import pytest

from bot.domain.accounts import FUTURES, MAIN, MARGIN_CROSS
from bot.domain.events import (
    AccountStatus,
    AccountStatusChanged,
    Bucket,
    Cause,
    IntentSettled,
    OrderChanged,
    Posting,
)
from bot.domain.intents import (
    Approved,
    CancelStop,
    PlaceOrder,
    PlaceStop,
    Repay,
    Transfer,
)
from bot.domain.orders import OrderState, Outcome, Side
from bot.report import figures
from bot.report.frame import Tone
from bot.report.kept import Kept
from bot.report.recorder import Recorder
from tests.unit.report.moments import (
    LONG,
    SHORT,
    Run,
    after,
    booked,
    filled,
    money,
    position,
)

_NO_RESERVE = {MARGIN_CROSS: LONG[MARGIN_CROSS]}


def _recorded(run: Run) -> Recorder:
    recorder = Recorder(run.state.shadow)
    run.watch(recorder)
    return recorder


def _texts(recorder: Recorder) -> list[str]:
    return [
        f"{row.owner} {row.text}".replace(figures.NBSP, " ")
        for row in recorder.decisions.rows()
    ]


def _only(run: Run) -> Approved:
    (approved,) = run.step.approved
    return approved


def _on(coin: str, amount: str, bucket: Bucket = Bucket.BALANCE) -> Posting:
    return Posting(account=MARGIN_CROSS, coin=coin, amount=money(amount), bucket=bucket)


def _sale(run: Run, seconds: float, price: str) -> None:
    """The exchange fills the guard's sale in two parts and says that it is done."""
    sent = _only(run)
    intent = sent.intent
    assert isinstance(intent, PlaceOrder)
    half = intent.qty / 2
    fills = [
        replace(
            filled(after(seconds), Side.SELL, "1", at, fee=Decimal(2)),
            qty=half,
            intent_id=sent.intent_id,
            reference_price=Decimal(price),
        )
        for at in (price, str(Decimal(price) - 100))
    ]
    value = sum((fill.qty * fill.price for fill in fills), Decimal(0))
    run.tell(
        *fills,
        booked(after(seconds), Cause.TRADE, _on("BTC", f"-{intent.qty}")),
        booked(after(seconds), Cause.FEE, _on("USDT", str(value - 4))),
        OrderChanged(
            at=after(seconds),
            order_id="o-1",
            intent_id=sent.intent_id,
            account=MARGIN_CROSS,
            symbol="BTC-USDT",
            side=Side.SELL,
            state=OrderState.FILLED,
            qty=intent.qty,
            filled_qty=intent.qty,
        ),
    )


def _repayment(run: Run, seconds: float) -> None:
    """The exchange does the guard's repayment of what the sale brought."""
    sent = _only(run)
    assert isinstance(sent.intent, Repay)
    amount = sent.intent.amount
    run.tell(
        IntentSettled(
            at=after(seconds),
            intent_id=sent.intent_id,
            outcome=Outcome.DONE,
            done_amount=amount,
        ),
        booked(
            after(seconds),
            Cause.REPAY,
            _on("USDT", str(-amount)),
            _on("USDT", str(-amount), Bucket.PRINCIPAL),
        ),
    )


def test_an_action_is_told_when_it_is_over_with_what_it_changed_and_cost() -> None:
    """A sale has its average price, the distances, and slippage plus fees as cost."""
    run = Run(_NO_RESERVE)
    recorder = _recorded(run)
    run.tick(1, "60000")
    run.tick(2, "48000")
    assert recorder.actions.rows() == ()
    sold = _only(run).intent
    assert isinstance(sold, PlaceOrder)
    _sale(run, 3, "48000")
    (action,) = recorder.actions.rows()

    size = figures.amount(sold.qty)
    assert action.what == f"sold {size} BTC at 47,950.00 in cross margin"
    assert action.measure == "distance, cross margin"
    assert action.before is not None
    assert action.after is not None
    assert action.before < money("0.15") < action.after
    assert action.cost_usdt == sold.qty / 2 * 100 + 4
    assert any(
        text.startswith(f"guard sold {size} BTC at 47,950.00 in cross margin: 14.0 %")
        for text in _texts(recorder)
    )


def test_an_episode_begins_and_ends_with_a_sentence() -> None:
    """A person reads why the guard acted and that it is done."""
    run = Run(_NO_RESERVE)
    recorder = _recorded(run)
    run.tick(1, "60000")
    run.tick(2, "48000")
    _sale(run, 3, "48010")
    _repayment(run, 4)
    texts = _texts(recorder)

    assert texts[0] == (
        "guard acts: a move of 14.1 % liquidates cross margin, "
        "under the act distance of 15.0 %"
    )
    assert any(text.startswith("guard is done: cross margin is 25") for text in texts)


def test_a_transfer_is_told_in_the_past_when_it_is_done() -> None:
    """The reserve that was moved is told with its amount, once, and costs nothing."""
    run = Run(LONG)
    recorder = _recorded(run)
    run.tick(1, "60000")
    run.tick(2, "48000")
    sent = _only(run)
    assert isinstance(sent.intent, Transfer)
    coins = sent.intent.amount
    run.tell(
        booked(
            after(3),
            Cause.TRANSFER,
            Posting(account=MAIN, coin="USDT", amount=-coins),
            _on("USDT", str(coins)),
        ),
        IntentSettled(
            at=after(3),
            intent_id=sent.intent_id,
            outcome=Outcome.DONE,
            done_amount=coins,
        ),
    )
    (action,) = recorder.actions.rows()

    assert action.what == "moved 2,000 USDT from main to cross margin"
    assert action.cost_usdt == 0
    assert recorder.guard_actions == 2, "the next lever is on its way"


_STOP = PlaceStop(
    account=MARGIN_CROSS,
    symbol="BTC-USDT",
    side=Side.SELL,
    qty=Decimal("0.1"),
    stop_price=Decimal(48_000),
    is_up=False,
)
_WITHDRAWN = CancelStop(account=MARGIN_CROSS, symbol="BTC-USDT", stop_id="7")


def test_stops_that_are_priced_anew_in_a_row_are_one_sentence() -> None:
    """Three stops are one line with their count; what comes between begins anew."""
    run = Run(LONG)
    recorder = _recorded(run)
    run.tick(1, "60000")
    for number, intent in enumerate((_STOP, _WITHDRAWN, _STOP, None, _WITHDRAWN)):
        if intent is None:
            recorder.say(after(2), "gnomon", "notes a thing", Tone.NEUTRAL)
            continue
        name = f"stops-{number}"
        sent = Approved(intent_id=name, owner="stops", intent=intent, reason="")
        recorder((), replace(run.step, entries=(), approved=(sent,)))
        run.tell(IntentSettled(at=after(2), intent_id=name, outcome=Outcome.DONE))

    sale = "stops rested a stop that would sell BTC-USDT at 48,000.00"
    assert _texts(recorder) == [
        f"{sale} (2 rested and 1 withdrawn by now)",
        "gnomon notes a thing",
        "stops withdrew a stop of BTC-USDT",
    ]


def test_a_refusal_of_the_guard_is_danger_and_says_why() -> None:
    """What the exchange refused the guard is told with its reason, as a danger."""
    run = Run(_NO_RESERVE)
    recorder = _recorded(run)
    run.tick(1, "60000")
    run.tick(2, "48000")
    sent = _only(run)
    run.tell(
        IntentSettled(
            at=after(3),
            intent_id=sent.intent_id,
            outcome=Outcome.REFUSED,
            reason="the pair is paused",
        )
    )
    row = next(row for row in recorder.decisions.rows() if "refused" in row.text)

    assert row.tone is Tone.DANGER
    assert row.text.endswith("refused by the exchange: the pair is paused")


def test_an_answer_in_doubt_keeps_the_request_open() -> None:
    """Doubt is told, and the request is told again when it is proven."""
    run = Run(_NO_RESERVE)
    recorder = _recorded(run)
    run.tick(1, "60000")
    run.tick(2, "48000")
    sent = _only(run)
    run.tell(
        IntentSettled(at=after(3), intent_id=sent.intent_id, outcome=Outcome.IN_DOUBT)
    )

    assert any("has no clear answer to: sell" in text for text in _texts(recorder))
    assert sent.intent_id in {row.decision_id for row in recorder.log.unanswered()}


def test_the_exchanges_deeds_are_told_as_dangers() -> None:
    """A warning and a takeover are sentences with the exchange's own ratio."""
    run = Run(LONG, is_guarded=False)
    recorder = _recorded(run)
    run.tick(1, "60000")
    for seconds, status, ratio in (
        (2, AccountStatus.WARNED, "0.9512"),
        (3, AccountStatus.LIQUIDATING, "0.97"),
    ):
        run.tell(
            AccountStatusChanged(
                at=after(seconds),
                account=MARGIN_CROSS,
                status=status,
                ratio=money(ratio),
            )
        )

    assert _texts(recorder) == [
        "exchange warns cross margin: debt ratio 95.12 % (high risk)",
        "exchange takes cross margin over: debt ratio 97.00 % (high risk)",
    ]
    assert recorder.liquidated_at == [after(3)]
    assert {row.tone for row in recorder.decisions.rows()} == {Tone.DANGER}


def test_loans_add_up_from_start_to_end() -> None:
    """Owed at the end is owed at the start plus borrowed and interest less repaid."""
    run = Run(LONG, is_guarded=False)
    recorder = _recorded(run)
    run.tick(1, "60000")
    owed = Bucket.PRINCIPAL
    run.tell(
        booked(after(2), Cause.BORROW, _on("USDT", "10"), _on("USDT", "10", owed)),
        booked(after(2), Cause.INTEREST, _on("USDT", "0.5", Bucket.INTEREST)),
        booked(
            after(2),
            Cause.REPAY,
            _on("USDT", "-7"),
            _on("USDT", "-0.5", Bucket.INTEREST),
            _on("USDT", "-6.5", owed),
        ),
    )
    (row,) = recorder.books.loans(run.state.shadow)

    assert row.borrowed == 10
    assert row.repaid == 7
    assert row.interest == money("0.5")
    assert row.owed_start is not None
    assert row.owed_end == row.owed_start + 10 + money("0.5") - 7


def test_funding_is_summed_by_contract() -> None:
    """Two settlements of one contract are one row with their signed sum."""
    run = Run(SHORT, position(-100))
    recorder = _recorded(run)
    for seconds, amount in ((1, "1.5"), (2, "-0.25")):
        paid = Posting(account=FUTURES, coin="USDT", amount=money(amount))
        run.tell(
            replace(booked(after(seconds), Cause.FUNDING, paid), symbol="XBTUSDTM")
        )
    (row,) = recorder.books.funding()

    assert (row.symbol, row.settlements) == ("XBTUSDTM", 2)
    assert row.amount == money("1.25")


def test_curves_know_unknown_from_nothing() -> None:
    """Without debt the ratio is zero and the distance infinite; never unknown."""
    run = Run(LONG, is_guarded=False)
    recorder = _recorded(run)
    run.tick(1, "60000")
    run.tell(
        booked(
            after(2),
            Cause.REPAY,
            _on("USDT", "-40000", Bucket.PRINCIPAL),
            _on("BTC", "-0.7"),
        )
    )
    run.tick(4, "60000")
    ratios = [value for _, value in recorder.ratio(MARGIN_CROSS)]
    distances = [value for _, value in recorder.distances()[MARGIN_CROSS]]

    assert ratios[0] is not None
    assert round(ratios[0], 4) == money("0.6667")
    assert ratios[-1] == 0
    assert distances[-1] == Decimal("Infinity")


def test_the_account_at_a_time_is_the_last_change_before_it() -> None:
    """Between two changes the older one holds; before the start there is none."""
    run = Run(LONG, is_guarded=False)
    recorder = _recorded(run)
    run.tick(1, "60000")
    run.tell(booked(after(10), Cause.TRADE, _on("BTC", "-1")))
    early, late = recorder.holdings_at(after(9)), recorder.holdings_at(after(10))

    assert recorder.holdings_at(after(-1)) is None
    assert early is not None
    assert early.balance(MARGIN_CROSS, "BTC").total == 1
    assert late is not None
    assert late.balance(MARGIN_CROSS, "BTC").total == 0


def test_only_the_newest_rows_are_kept_and_the_rest_is_counted() -> None:
    """A list is bounded, and says how much it forgot."""
    kept: Kept[int] = Kept(3)
    for number in range(10):
        kept.add(number)

    assert kept.rows() == (7, 8, 9)
    assert kept.newest(2) == (8, 9)
    assert kept.dropped == 7


@pytest.mark.parametrize("count", [0, 1, 5])
def test_newest_gives_no_more_than_there_is(count: int) -> None:
    """Asking for more than is kept gives all."""
    kept: Kept[int] = Kept(5)
    kept.add(1)

    assert kept.newest(count) == ((1,) if count else ())


def test_a_repayment_that_is_open_is_waited_for() -> None:
    """What the guard waits for is listed until its answer comes."""
    run = Run({MARGIN_CROSS: {**LONG[MARGIN_CROSS]}})
    recorder = _recorded(run)
    run.tick(1, "60000")
    run.tell(booked(after(1), Cause.TRANSFER, _on("USDT", "500")))
    run.tick(2, "47400")
    (waiting,) = recorder.log.waiting("guard")

    assert isinstance(waiting.intent, Repay)
