"""Hypothesis strategies for the domain's values: one for every event type.

Reused by property tests and simulations. Amounts are exact multiples of 1e-8, times
are UTC, and the few symbols match each other, so that drawn events meet.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    SPOT,
    AccountSnapshot,
    Balance,
    Position,
    isolated_account,
)
from bot.domain.events import (
    AccountStatus,
    AccountStatusChanged,
    AdlRankReported,
    BorrowRateQuoted,
    Bucket,
    Cause,
    Event,
    FeedChanged,
    Filled,
    FundingQuoted,
    HoldChanged,
    IntentSettled,
    LedgerBooked,
    LiquidityQuoted,
    MarksTicked,
    OperatorAsked,
    OrderChanged,
    PositionChanged,
    Posting,
    RatioReported,
    RulesRead,
    ScheduleDue,
    SnapshotTaken,
    TradingHalted,
)
from bot.domain.instruments import Lots, Rules
from bot.domain.orders import OrderState, Outcome, Side, StopState
from bot.domain.prices import PricesSeen
from bot.domain.stops import StopChanged

START = datetime(2025, 10, 10, tzinfo=UTC)
COINS = ("USDT", "BTC", "ETH")
CONTRACTS = ("XBTUSDTM", "ETHUSDTM")
PAIRS = ("BTC-USDT", "ETH-USDT")
ACCOUNTS = (MAIN, SPOT, MARGIN_CROSS, FUTURES, isolated_account("BTC-USDT"))
RULES = Rules()

times = st.integers(0, 10**6).map(lambda s: START + timedelta(seconds=s))
amounts = st.integers(0, 10**14).map(lambda n: Decimal(n).scaleb(-8))
signed_amounts = st.integers(-(10**14), 10**14).map(lambda n: Decimal(n).scaleb(-8))
prices = st.integers(1, 10**9).map(lambda n: Decimal(n).scaleb(-4))
rates = st.integers(-(10**5), 10**5).map(lambda n: Decimal(n).scaleb(-7))
coins = st.sampled_from(COINS)
contracts = st.sampled_from(CONTRACTS)
pairs = st.sampled_from(PAIRS)
accounts = st.sampled_from(ACCOUNTS)
intent_ids = st.integers(1, 5).map(lambda n: f"g1-i{n:07d}")

postings = st.builds(
    Posting,
    account=accounts,
    coin=coins,
    amount=signed_amounts,
    bucket=st.sampled_from(Bucket),
    symbol=st.none() | contracts,
)
balances = st.builds(
    Balance,
    total=amounts,
    hold=st.just(Decimal(0)),
    principal=amounts,
    interest=amounts,
)
positions = st.builds(
    Position,
    symbol=contracts,
    lots=st.integers(-(10**6), 10**6).map(Lots),
    entry_value=signed_amounts,
    adl_rank=st.none() | st.integers(1, 5),
    maintenance_margin_rate=st.none() | amounts,
)
snapshots = st.builds(
    AccountSnapshot,
    balances=st.dictionaries(accounts, st.dictionaries(coins, balances)),
    positions=st.lists(positions.filter(lambda p: p.lots != 0)).map(
        lambda found: {p.key: p for p in found}
    ),
)

marks_ticked = st.builds(
    MarksTicked,
    at=times,
    margin_marks=st.dictionaries(coins, prices),
    futures_marks=st.dictionaries(contracts, prices),
)
prices_seen = st.builds(
    PricesSeen,
    at=times,
    index_prices=st.dictionaries(contracts, prices),
    last_prices=st.dictionaries(contracts | pairs, prices),
)
ledger_booked = st.builds(
    LedgerBooked,
    at=times,
    entry_id=st.uuids().map(str),
    cause=st.sampled_from(Cause),
    postings=st.lists(postings, max_size=4).map(tuple),
)
filled = st.builds(
    Filled,
    at=times,
    trade_id=st.uuids().map(str),
    order_id=st.sampled_from(("o1", "o2")),
    intent_id=st.none() | intent_ids,
    account=accounts,
    symbol=pairs | contracts,
    side=st.sampled_from(Side),
    qty=amounts,
    price=prices,
    reference_price=prices,
    fee=amounts,
    fee_coin=coins,
    is_maker=st.booleans(),
    forced=st.none() | st.sampled_from(("liquidation", "adl")),
)
order_changed = st.builds(
    OrderChanged,
    at=times,
    order_id=st.sampled_from(("o1", "o2", "o3")),
    intent_id=st.none() | intent_ids,
    account=accounts,
    symbol=pairs | contracts,
    side=st.sampled_from(Side),
    state=st.sampled_from(OrderState),
    qty=amounts,
    filled_qty=amounts,
    price=st.none() | prices,
    reduce_only=st.booleans(),
)
stop_changed = st.builds(
    StopChanged,
    at=times,
    stop_id=st.sampled_from(("s1", "s2", "s3")),
    intent_id=st.none() | intent_ids,
    account=accounts,
    symbol=pairs | contracts,
    side=st.sampled_from(Side),
    state=st.sampled_from(StopState),
    qty=amounts,
    stop_price=prices,
    is_up=st.booleans(),
)
intent_settled = st.builds(
    IntentSettled,
    at=times,
    intent_id=intent_ids,
    outcome=st.sampled_from(Outcome),
    order_id=st.none() | st.sampled_from(("o1", "o2")),
    done_amount=amounts,
)

events: st.SearchStrategy[Event] = st.one_of(
    marks_ticked,
    prices_seen,
    ledger_booked,
    filled,
    order_changed,
    stop_changed,
    intent_settled,
    st.builds(HoldChanged, at=times, account=accounts, coin=coins, hold=amounts),
    st.builds(PositionChanged, at=times, position=positions, reason=st.just("trade")),
    st.builds(AdlRankReported, at=times, symbol=contracts, rank=st.integers(1, 5)),
    st.builds(
        AccountStatusChanged,
        at=times,
        account=accounts,
        status=st.sampled_from(AccountStatus),
        coin=st.none() | coins,
    ),
    st.builds(RatioReported, at=times, account=accounts, value=amounts),
    st.builds(
        TradingHalted,
        at=times,
        symbol=pairs,
        is_halted=st.booleans(),
        reason=st.just("pause"),
    ),
    st.builds(
        FeedChanged,
        at=times,
        feed=st.sampled_from(("marks", "margin account")),
        is_live=st.booleans(),
        reason=st.just("no frame"),
    ),
    st.builds(
        FundingQuoted,
        at=times,
        symbol=contracts,
        funding_rate=rates,
        settlement_at=times,
        funding_interval_h=st.sampled_from((Decimal(1), Decimal(4), Decimal(8))),
    ),
    st.builds(BorrowRateQuoted, at=times, coin=coins, annual_rate=amounts),
    st.builds(
        LiquidityQuoted,
        at=times,
        symbol=pairs,
        half_spread=amounts,
        sigma_1m=amounts,
        volume_1m=amounts,
    ),
    st.builds(
        ScheduleDue,
        at=times,
        job=st.just("job"),
        due_at=times,
        missed=st.integers(0, 3),
    ),
    st.builds(
        OperatorAsked,
        at=times,
        proposals=st.just(()),
        rests_stops=st.sampled_from([None, True, False]),
    ),
    st.builds(SnapshotTaken, at=times, snapshot=snapshots),
    st.builds(RulesRead, at=times, rules=st.just(RULES)),
)
"""Any event that the engine can be told."""
