"""Worked examples of money that the guard may move: proven to help, or refused."""

from dataclasses import replace
from decimal import Decimal

from bot.domain.accounts import FUTURES, MARGIN_CROSS, MarginMode
from bot.domain.events import AccountStatus, BorrowRateQuoted
from bot.domain.intents import (
    AdjustMargin,
    Approved,
    Borrow,
    Intent,
    Proposal,
    Refused,
    Transfer,
)
from bot.guard.admit import admit
from bot.guard.state import GuardState
from bot.shadow.state import Shadow
from tests.unit.guard.asking import held_to
from tests.unit.guard.bench import START, position, shadow_of, subject_state
from tests.unit.venue.builders import opening


def carry(wallet: str = "5000", owed: str = "0") -> Shadow:
    """One coin in margin against a short perpetual that is near its end."""
    account = opening(
        {"margin_cross": {"BTC": "1", "USDT": "500"}, "futures": {"USDT": wallet}},
        debts={"margin_cross": {"USDT": owed}},
        positions=[position(-1000)],
    )
    quoted = BorrowRateQuoted(at=START, coin="USDT", annual_rate=Decimal("0.1"))
    return replace(shadow_of(account), borrow={"USDT": quoted})


def asked(
    shadow: Shadow, intent: Intent, owner: str = "guard", cured: str = "futures:USDT"
) -> Approved | Refused:
    """What admission says while an account is under cure."""
    guard = GuardState(subjects={cured: subject_state()} if cured else {})
    proposal = Proposal(owner=owner, intent=intent, reason="test")
    return admit(held_to(shadow, guard=guard), proposal, "i1")


def why(found: Approved | Refused) -> str:
    """The sentence of a refusal."""
    assert isinstance(found, Refused)
    return found.reason


BORROW = Borrow(account=MARGIN_CROSS, coin="USDT", amount=Decimal(8000))
MOVE = Transfer(source=MARGIN_CROSS, target=FUTURES, coin="USDT", amount=Decimal(400))


def test_a_loan_that_helps_the_futures_account_passes() -> None:
    """It is judged with the transfer that follows it."""
    assert isinstance(asked(carry(), BORROW), Approved)


def test_the_same_loan_is_new_risk_for_everybody_else() -> None:
    """Only the guard moves money for a cure; a strategy waits until it is over."""
    assert "curing" in why(asked(carry(), BORROW, owner="carry"))


def test_without_a_cure_the_guard_borrows_nothing() -> None:
    """There is nobody to help."""
    assert why(asked(carry(), BORROW, cured="")) == "no account is under cure"


def test_a_loan_that_endangers_the_margin_account_is_refused() -> None:
    """What saves one account may not push another under its act distance."""
    found = asked(carry(owed="36000"), BORROW)
    assert "would push margin_cross under its act distance" in why(found)


def test_a_loan_does_not_help_the_account_that_owes_it() -> None:
    """Borrowing for the margin account itself only makes its ratio worse."""
    found = asked(carry(owed="36000"), BORROW, cured="margin_cross")
    assert "does not bring margin_cross further" in why(found)


def test_a_transfer_is_held_to_the_60_percent_rule() -> None:
    """The exchange would refuse it; the sentence says how much may leave."""
    assert isinstance(asked(carry(owed="20000"), MOVE), Approved)
    assert "can spare 0 USDT" in why(asked(carry(owed="36000"), MOVE))


def test_nothing_leaves_an_account_in_trouble() -> None:
    """A warned margin account keeps its coins."""
    shadow = replace(carry(), statuses={(MARGIN_CROSS, ""): AccountStatus.WARNED})
    assert why(asked(shadow, MOVE)) == "the exchange says of margin_cross: warned"


def test_a_transfer_the_wrong_way_helps_nobody() -> None:
    """Cash that leaves the futures account makes it worse."""
    back = Transfer(source=FUTURES, target=MARGIN_CROSS, coin="USDT", amount=Decimal(9))
    account = carry(wallet="60000")
    assert "does not bring futures:USDT further" in why(asked(account, back))


def test_margin_may_be_taken_back_for_the_cross_account() -> None:
    """It returns to the wallet that the cross positions live on."""
    shadow = carry()
    lone = replace(
        position(100, mode=MarginMode.ISOLATED, margin="4000"), symbol="XBTUSDTM"
    )
    contract = replace(shadow.rules.contracts["XBTUSDTM"], symbol="ETHUSDTM")
    contracts = {**shadow.rules.contracts, "ETHUSDTM": contract}
    lone = replace(lone, symbol="ETHUSDTM")
    shadow = replace(
        shadow,
        rules=replace(shadow.rules, contracts=contracts),
        positions={**shadow.positions, lone.key: lone},
        futures_marks={**shadow.futures_marks, "ETHUSDTM": Decimal(50000)},
    )
    some = AdjustMargin(symbol="ETHUSDTM", amount=Decimal(-1000))
    assert isinstance(asked(shadow, some), Approved)
    most = AdjustMargin(symbol="ETHUSDTM", amount=Decimal(-3500))
    assert "would push futures_isolated:ETHUSDTM" in why(asked(shadow, most))
