"""Starting is recovering: what is read, what is reported, what is in doubt."""

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

from bot.domain.accounts import MARGIN_CROSS, AccountSnapshot
from bot.domain.entries import Noted
from bot.domain.events import FundingQuoted, RulesRead, SnapshotTaken
from bot.domain.instruments import Rules
from bot.domain.intents import Approved, Borrow, PlaceOrder
from bot.domain.orders import IntentState, Side
from bot.engine.core import Core
from bot.engine.startup import Recovered, recover
from bot.shadow.apply import apply
from bot.shadow.state import HISTORY_LIMIT
from tests.unit.engine.steps import LONG, bodies
from tests.unit.guard.bench import START, shadow_of
from tests.unit.venue.builders import opening, rules

OPEN = Approved(
    intent_id="g1-i0000009",
    owner="carry",
    intent=PlaceOrder(
        account=MARGIN_CROSS, symbol="BTC-USDT", side=Side.SELL, qty=Decimal(1)
    ),
    reason="before the crash",
)


@dataclass
class Reader:
    """An exchange that states one account."""

    snapshot: AccountSnapshot

    async def read_snapshot(self) -> AccountSnapshot:
        """The account."""
        return self.snapshot

    async def read_rules(self) -> Rules:
        """The rules."""
        return rules()


async def test_a_first_start_is_a_recovery_of_nothing() -> None:
    """Rules, then the snapshot that opens the shadow; nothing to report."""
    start = await recover(Reader(LONG), START, Recovered(), {})
    assert [type(event) for event in start.moment] == [RulesRead, SnapshotTaken]
    assert start.lookups == ()
    state = Core().step(start.state, start.moment).state
    assert state.shadow.is_open
    assert state.next_seq == 1


async def test_every_difference_is_reported() -> None:
    """What the journal believed and what the exchange states, number by number."""
    believed = shadow_of(LONG)
    actual = opening(
        {"margin_cross": {"BTC": "0.9"}, "main": {"USDT": "100"}},
        debts={"margin_cross": {"USDT": "33000"}},
    )
    start = await recover(Reader(actual), START, Recovered(shadow=believed), {})
    step = Core().step(start.state, start.moment)
    texts = [getattr(body, "text", "") for body in bodies(step, Noted)]
    assert texts == [
        "margin_cross BTC total: the shadow has 1, the exchange states 0.9"
    ]


async def test_what_was_open_is_in_doubt_until_it_is_looked_up() -> None:
    """It blocks new risk on its coins, and its id is never used again."""
    recovered = Recovered(open_intents=(OPEN,), next_seq=10)
    start = await recover(Reader(LONG), START, recovered, {})
    assert start.lookups == (OPEN,)
    request = start.state.shadow.requests[OPEN.intent_id]
    assert request.state is IntentState.IN_DOUBT
    assert start.state.next_seq == 10
    again = replace(
        OPEN, intent=Borrow(account=MARGIN_CROSS, coin="BTC", amount=Decimal(1))
    )
    both = Recovered(open_intents=(OPEN, replace(again, intent_id="g1-i0000008")))
    start = await recover(Reader(LONG), START, both, {})
    assert len(start.state.shadow.requests) == 2


async def test_history_is_cut_to_what_is_kept() -> None:
    """Closes from before the start, the newest ones, oldest first."""
    rows = [
        (START - timedelta(hours=hours), Decimal(hours))
        for hours in range(HISTORY_LIMIT + 5, 0, -1)
    ]
    start = await recover(Reader(LONG), START, Recovered(), {"BTC": rows})
    closes = start.state.shadow.closes["BTC"]
    assert len(closes) == HISTORY_LIMIT
    assert closes == tuple(rows[5:])


async def test_settled_rates_from_before_are_there_from_the_start() -> None:
    """What settled before is past, and the first quote of a run does not repeat it."""
    old = FundingQuoted(
        at=START - timedelta(hours=8),
        symbol="XBTUSDTM",
        funding_rate=Decimal("0.0001"),
        settlement_at=START,
        funding_interval_h=Decimal(8),
    )
    recovered = Recovered(funding_past={"XBTUSDTM": (old,)})
    start = await recover(Reader(LONG), START, recovered, {})
    shadow = start.state.shadow
    first = replace(old, at=START, settlement_at=START + timedelta(hours=8))
    assert shadow.funding_past["XBTUSDTM"] == (old,)
    assert apply(shadow, first).funding_past["XBTUSDTM"] == (old,)
