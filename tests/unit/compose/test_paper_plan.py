"""Paper on the live market: what is followed, and what a journal hands over."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from bot.domain.accounts import MARGIN_CROSS, AccountSnapshot, Balance
from bot.domain.events import HoldChanged, OrderChanged, SnapshotTaken
from bot.domain.instruments import Rules
from bot.domain.orders import OrderState, Side
from bot.engine.memory import Memory
from bot.engine.reconcile import reconcile
from bot.engine.startup import recover
from bot.paper_plan import interests_for, recovered
from bot.shadow.apply import apply
from bot.shadow.state import empty_shadow
from connectors.venue.account_file import load_account
from tests.simulation.small import write

D = Decimal
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
OPEN = OrderChanged(
    at=AT,
    order_id="order-1",
    intent_id="g1-i1",
    account=MARGIN_CROSS,
    symbol="BTC-USDT",
    side=Side.BUY,
    state=OrderState.OPEN,
    qty=D(1),
    filled_qty=D(0),
    price=D(40_000),
)
HELD = AccountSnapshot(
    balances={MARGIN_CROSS: {"USDT": Balance(total=D(50_000), hold=D(40_000))}}
)
FREE = AccountSnapshot(balances={MARGIN_CROSS: {"USDT": Balance(total=D(50_000))}})


class _Reader:
    """The new simulated venue: the same books, no order."""

    async def read_snapshot(self) -> AccountSnapshot:
        return FREE

    async def read_rules(self) -> Rules:
        return Rules()


async def test_open_orders_end_with_the_venue_that_held_them() -> None:
    """They are cancelled with their holds; then nothing differs or is booked."""
    known = apply(empty_shadow(Rules()), SnapshotTaken(at=AT, snapshot=HELD))
    known = apply(known, OPEN)
    later = AT + timedelta(minutes=5)
    taken = recovered(Memory(runs=1, epoch=1, shadow=known), Rules(), later)
    ended, freed = taken.missed
    assert isinstance(ended, OrderChanged)
    assert (ended.order_id, ended.state) == ("order-1", OrderState.CANCELLED)
    assert freed == HoldChanged(at=later, account=MARGIN_CROSS, coin="USDT", hold=D(0))
    began = await recover(_Reader(), later, taken, {})
    shadow = began.state.shadow
    for event in began.moment[:-1]:
        shadow = apply(shadow, event)
    last = began.moment[-1]
    assert isinstance(last, SnapshotTaken)
    done = reconcile(shadow, last, lambda: "unused")
    assert [type(entry.body) for entry in done.entries] == [SnapshotTaken]
    assert done.shadow.orders == {}


def test_a_first_start_takes_nothing_over() -> None:
    """Without a journal there is nothing to recover."""
    taken = recovered(Memory(), Rules(), AT)
    assert (taken.shadow, taken.missed, taken.open_intents) == (None, (), ())


def test_what_is_named_held_and_owed_is_followed(tmp_path: Path) -> None:
    """Coins, pairs and contracts of the file, and what the journal holds besides."""
    path = write(
        tmp_path / "a.toml",
        '[spot]\nKCS = "3"\n'
        '[margin_cross]\nbalance = {BTC = "@100"}\nprincipal = {SOL = "1"}\n'
        '[margin_isolated."ETH-USDT"]\nbalance = {USDT = "5"}\n'
        '[futures]\nwallet = {USDT = "10"}\n'
        '[[futures.position]]\nsymbol = "XRPUSDTM"\nlots = 1\n',
    )
    account = load_account(path)
    named = interests_for(account, (), None)
    assert named.coins == {"BTC", "ETH", "KCS", "SOL", "USDT"}
    assert named.contracts == {"XRPUSDTM"}
    assert named.pairs == {"ETH-USDT"}
    bought = replace(
        empty_shadow(Rules()), balances={MARGIN_CROSS: {"DOT": Balance(total=D(1))}}
    )
    assert interests_for(account, (), bought).coins == named.coins | {"DOT"}
