"""What each push means: events now, accounts to look at, and nothing that raises."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from bot.domain.accounts import FUTURES, MAIN, MARGIN_CROSS, SPOT, isolated_account
from bot.domain.events import (
    AccountStatus,
    AccountStatusChanged,
    AdlRankReported,
    FundingQuoted,
    RatioReported,
    TradingHalted,
)
from connectors.kucoin.feed import Feed, Interests, Taken
from connectors.kucoin.mark_slot import MarkSlot
from connectors.kucoin.parse.funding import RatePush, SettlementNotice
from connectors.kucoin.parse.ledgers import BalancePush
from connectors.kucoin.parse.margin_pushes import (
    CrossRatio,
    CrossStatus,
    IsolatedChange,
)
from connectors.kucoin.parse.marks import ContractMark, MarginMark
from connectors.kucoin.parse.node import Node
from connectors.kucoin.parse.positions import PositionUpdate, position_line
from connectors.kucoin.parse.wallets import wallet
from connectors.kucoin.registry import OrderRegistry
from connectors.kucoin.standing import Standing
from connectors.kucoin.streams import Channel, Frame
from tests.unit.kucoin.world_bench import START

D = Decimal
SPOT_PRIVATE = Channel("spot", "/account/balance", is_private=True)
FUTURES_PRIVATE = Channel("futures", "/contract/positionAll", is_private=True)
PUBLIC = Channel("futures", "/contract/instrument")
PAIR = "ETH-USDT"
ISOLATED = isolated_account(PAIR)


def feed_of() -> Feed:
    """A feed that has heard nothing yet."""
    return Feed(
        interests=Interests(
            coins=frozenset({"USDT", "BTC", "ETH"}),
            spot_symbols=frozenset({"BTC-USDT"}),
            contracts=frozenset({"XBTUSDTM"}),
            pairs=frozenset({PAIR}),
        ),
        registry=OrderRegistry(),
        standing=Standing(warning_debt_ratio=D("0.95")),
    )


def take(feed: Feed, value: object, channel: Channel = SPOT_PRIVATE) -> Taken:
    """Give a feed one push."""
    frame = Frame(channel=channel, subject="s", value=value, received_s=1.0)
    return feed.take(frame)


def later(seconds: float) -> datetime:
    """A time after the start."""
    return START + timedelta(seconds=seconds)


def mark(base: str, price: str, seconds: float = 0) -> MarginMark:
    """One mark in BTC."""
    return MarginMark(base=base, quote="BTC", price=D(price), at=later(seconds))


def test_marks_in_btc_become_marks_in_usdt() -> None:
    """BTC is worth one over USDT's mark, other coins theirs over USDT's."""
    feed = feed_of()
    for value in (mark("USDT", "0.00002"), mark("ETH", "0.05")):
        assert take(feed, value, PUBLIC) == Taken()
    [ticked] = feed.marks.take()
    assert ticked.margin_marks == {"USDT": 1, "BTC": 50000, "ETH": 2500}
    assert ticked.at == START
    assert feed.marks.is_empty


def test_nothing_is_valued_before_usdt_is() -> None:
    """Without USDT's own mark no coin has a price in USDT."""
    slot = MarkSlot()
    slot.put_margin(mark("ETH", "0.05"))
    assert slot.is_empty
    slot.put_margin(mark("USDT", "0.00002"))
    assert slot.take()[0].margin_marks["ETH"] == 2500


def test_a_price_is_as_old_as_the_older_of_its_marks() -> None:
    """A fresh coin beside a stale USDT mark makes a stale price, and says so."""
    slot = MarkSlot()
    slot.put_margin(mark("USDT", "0.00002", 0))
    slot.take()
    slot.put_margin(mark("ETH", "0.05", 30))
    [ticked] = slot.take()
    assert ticked.at == START
    slot.put_margin(mark("USDT", "0.00002", 31))
    assert [(t.at, sorted(t.margin_marks)) for t in slot.take()] == [
        (later(30), ["ETH"]),
        (later(31), ["BTC", "USDT"]),
    ]


def test_older_marks_are_dropped_and_overwritten_ones_counted() -> None:
    """The latest exchange time wins; how many it replaced is told."""
    slot = MarkSlot()
    for seconds, price in ((2, "102"), (1, "101"), (3, "103")):
        slot.put_contract(
            ContractMark(
                symbol="XBTUSDTM",
                mark_price=D(price),
                index_price=None,
                at=later(seconds),
            )
        )
    [ticked] = slot.take()
    assert ticked.futures_marks == {"XBTUSDTM": 103}
    assert (ticked.at, ticked.skipped) == (later(3), 1)


def test_a_mark_without_price_changes_nothing() -> None:
    """No price is not a price of zero: the last one only grows old."""
    slot = MarkSlot()
    slot.put_margin(MarginMark(base="USDT", quote="BTC", price=None, at=START))
    assert slot.is_empty


def ratio(value: str, seconds: float = 0) -> CrossRatio:
    """A push of the debt ratio."""
    return CrossRatio(
        debt_ratio=D(value),
        total_asset=D(1),
        weighted_asset=None,
        total_debt=D(0),
        owned={},
        owed={},
        at=later(seconds),
    )


def statuses(taken: Taken) -> list[AccountStatus]:
    """The statuses that a push told."""
    return [e.status for e in taken.events if isinstance(e, AccountStatusChanged)]


def test_a_ratio_warns_once_and_calms_once() -> None:
    """From 0.95 the account is warned; each change of status is told once."""
    feed = feed_of()
    told = [statuses(take(feed, ratio(r))) for r in ("0.5", "0.95", "0.96", "0.94")]
    assert told == [[], [AccountStatus.WARNED], [], [AccountStatus.NORMAL]]
    assert feed.ratio_at == START
    [reported] = take(feed, ratio("0.1")).events
    assert reported == RatioReported(at=START, account=MARGIN_CROSS, value=D("0.1"))


def test_a_frozen_account_stays_frozen_until_released() -> None:
    """A low ratio during a liquidation does not free the account; its word does."""
    feed = feed_of()
    frozen = CrossStatus(status=AccountStatus.LIQUIDATING, word="FROZEN_FL", at=START)
    freed = CrossStatus(status=AccountStatus.LIQUIDATED, word="UNFROZEN_FL", at=START)
    taken = take(feed, frozen)
    assert statuses(taken) == [AccountStatus.LIQUIDATING]
    assert taken.is_urgent
    assert taken.touched == {MARGIN_CROSS}
    assert statuses(take(feed, ratio("0.2"))) == []
    assert statuses(take(feed, freed)) == [
        AccountStatus.LIQUIDATED,
        AccountStatus.NORMAL,
    ]


def test_an_isolated_liquidation_is_told_and_ended() -> None:
    """The words of an isolated account become its status; it is looked at."""
    feed = feed_of()
    told = []
    for word in ("debt", "in_liquidation", "clear"):
        change = IsolatedChange(
            pair=PAIR, status=word, cause=None, balances={}, at=START
        )
        taken = take(feed, change)
        assert taken.touched == {ISOLATED}
        told.append(statuses(taken))
    assert told == [
        [],
        [AccountStatus.LIQUIDATING],
        [AccountStatus.LIQUIDATED, AccountStatus.NORMAL],
    ]


@pytest.mark.parametrize(
    ("rate", "status"),
    [
        ("0.3", None),
        ("0.95", AccountStatus.ORDERS_CANCELLED),
        ("1", AccountStatus.LIQUIDATING),
    ],
)
def test_the_risk_rate_makes_the_status_of_futures(
    rate: str, status: AccountStatus | None
) -> None:
    """KuCoin states a number only; 95 % cancels orders, 100 % liquidates."""
    standing = Standing(warning_debt_ratio=D("0.95"))
    told = standing.risk_rate(START, "USDT", D(rate))
    assert isinstance(told[0], RatioReported)
    found = [e.status for e in told if isinstance(e, AccountStatusChanged)]
    assert found == ([] if status is None else [status])


def balance(account: str | None) -> BalancePush:
    """A balance push."""
    return BalancePush(
        account=None if account is None else MARGIN_CROSS,
        coin="USDT",
        total=D(1),
        available=D(1),
        hold=D(0),
        event="margin.hold",
        event_id=None,
        at=START,
    )


def test_balances_wake_their_account_or_all() -> None:
    """A push that names no account we know wakes every account of its host."""
    feed = feed_of()
    assert take(feed, balance("margin")).touched == {MARGIN_CROSS}
    everything = {MAIN, SPOT, MARGIN_CROSS, ISOLATED}
    assert take(feed, balance(None)).touched == everything


def test_unknown_pushes_wake_and_never_raise() -> None:
    """A value that nobody knows is counted and makes its host be looked at."""
    feed = feed_of()
    assert take(feed, object(), FUTURES_PRIVATE).touched == {FUTURES}
    assert take(feed, None, PUBLIC) == Taken()
    assert feed.unknown == 2


def test_a_wallet_wakes_when_money_or_orders_moved() -> None:
    """Profit that follows the mark is no reason to look; a balance is."""
    feed = feed_of()
    base = {"currency": "USDT", "walletBalance": "10", "holdBalance": "0"}
    found = [
        take(feed, wallet(Node(base | change, "w")), FUTURES_PRIVATE).touched
        for change in ({}, {"crossUnPnl": "3"}, {"walletBalance": "11"})
    ]
    assert found == [{FUTURES}, frozenset(), {FUTURES}]


def test_positions_wake_and_tell_their_rank() -> None:
    """A whole message wakes, urgently when forced; a mark message tells the rank."""
    feed = feed_of()
    line = position_line(
        Node(
            {
                "symbol": "XBTUSDTM",
                "currentQty": D(1),
                "avgEntryPrice": D(50000),
                "marginMode": "CROSS",
            },
            "p",
        )
    )
    mark_only = PositionUpdate(
        symbol="XBTUSDTM",
        side=line.side,
        reason="markPriceChange",
        line=None,
        mark_price=D(50000),
        adl_rank=4,
        at=START,
    )
    taken = take(feed, mark_only, FUTURES_PRIVATE)
    assert taken.events == (AdlRankReported(at=START, symbol="XBTUSDTM", rank=4),)
    assert not taken.touched
    assert take(feed, mark_only, FUTURES_PRIVATE).events == ()
    forced = PositionUpdate(
        symbol="XBTUSDTM",
        side=line.side,
        reason="adl",
        line=line,
        mark_price=None,
        adl_rank=None,
        at=START,
    )
    taken = take(feed, forced, FUTURES_PRIVATE)
    assert taken.touched == {FUTURES}
    assert taken.is_urgent


def quote(rate: str = "0.0001") -> FundingQuoted:
    """The funding of the running cycle."""
    return FundingQuoted(
        at=START,
        symbol="XBTUSDTM",
        funding_rate=D(rate),
        settlement_at=later(3600),
        funding_interval_h=D(8),
    )


def test_predicted_rates_update_the_running_cycle() -> None:
    """A push carries a rate only; when it settles is known from the last reading."""
    feed = feed_of()
    push = RatePush(
        symbol="XBTUSDTM", funding_rate=D("0.0003"), granularity_ms=60000, at=later(60)
    )
    assert take(feed, push, PUBLIC).funding_of == "XBTUSDTM"
    assert feed.quote_funding(quote()) == (quote(),)
    assert feed.quote_funding(quote()) == ()
    [told] = take(feed, push, PUBLIC).events
    assert isinstance(told, FundingQuoted)
    assert (told.funding_rate, told.settlement_at) == (D("0.0003"), later(3600))


def test_a_settled_rate_asks_for_the_next_cycle() -> None:
    """After a settlement the next one is read, never assumed."""
    feed = feed_of()
    feed.quote_funding(quote())
    settled = RatePush(
        symbol="XBTUSDTM",
        funding_rate=D("0.0003"),
        granularity_ms=28_800_000,
        at=later(3600),
    )
    taken = take(feed, settled, PUBLIC)
    assert (taken.events, taken.funding_of) == ((), "XBTUSDTM")


def test_halts_have_independent_causes() -> None:
    """A symbol opens again when its last cause is gone, and is told so once."""
    feed = feed_of()
    notice = SettlementNotice(
        symbol="XBTUSDTM",
        is_beginning=True,
        settlement_at=START,
        funding_rate=D(0),
        at=START,
    )
    [begun] = take(feed, notice, PUBLIC).events
    assert isinstance(begun, TradingHalted)
    assert begun.is_halted
    assert feed.halt(START, "XBTUSDTM", "service", "closed") == ()
    assert feed.halt(START, "XBTUSDTM", "settlement", None) == ()
    [opened] = feed.halt(START, "XBTUSDTM", "service", None)
    assert isinstance(opened, TradingHalted)
    assert not opened.is_halted
