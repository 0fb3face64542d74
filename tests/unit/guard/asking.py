"""Asking admission: an account with room for everything, and what becomes of it."""

from decimal import Decimal

from bot.domain.accounts import (
    FUTURES,
    MARGIN_CROSS,
)
from bot.domain.intents import (
    Approved,
    Borrow,
    Intent,
    PlaceOrder,
    Proposal,
    Refused,
)
from bot.domain.orders import Side
from bot.guard.admit import Admission, admit
from bot.guard.limits import GuardLimits, RiskLimits
from bot.guard.state import GuardState
from bot.shadow.state import Shadow
from tests.unit.guard.bench import (
    shadow_of,
)
from tests.unit.venue.builders import opening

BUY = PlaceOrder(
    account=MARGIN_CROSS, symbol="BTC-USDT", side=Side.BUY, qty=Decimal("0.1")
)
OPEN = PlaceOrder(account=FUTURES, symbol="XBTUSDTM", side=Side.BUY, qty=Decimal(100))
BORROW = Borrow(account=MARGIN_CROSS, coin="USDT", amount=Decimal(100))


def rich() -> Shadow:
    """An account with room for everything: 2 BTC, 40000 USDT, 10000 owed."""
    return shadow_of(
        opening(
            {
                "main": {"USDT": "5000"},
                "spot": {"USDT": "100", "BTC": "0.5"},
                "margin_cross": {"BTC": "2", "USDT": "40000"},
                "futures": {"USDT": "30000"},
            },
            debts={"margin_cross": {"USDT": "10000"}},
        )
    )


def held_to(
    shadow: Shadow,
    *,
    limits: RiskLimits | None = None,
    guard: GuardState | None = None,
    day: str | None = None,
) -> Admission:
    """What a proposal is held to; loose limits unless a test says otherwise."""
    return Admission(
        shadow=shadow,
        guard=guard or GuardState(),
        limits=limits or RiskLimits(),
        guard_limits=GuardLimits(),
        day_open_equity=None if day is None else Decimal(day),
    )


def asked(admission: Admission, intent: Intent) -> Approved | Refused:
    """What becomes of a proposal."""
    proposal = Proposal(owner="test", intent=intent, reason="why", inputs={"k": "v"})
    return admit(admission, proposal, "g1-i0000001")


def why(admission: Admission, intent: Intent) -> str:
    """The sentence of a refusal."""
    found = asked(admission, intent)
    assert isinstance(found, Refused)
    assert found.owner == "test"
    return found.reason


def passes(shadow: Shadow, intent: Intent) -> bool:
    """Whether an intent is approved under loose limits."""
    return isinstance(asked(held_to(shadow), intent), Approved)
