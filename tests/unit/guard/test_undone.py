"""What the guard changed, taken back: worked examples and laws."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    Balance,
    Position,
    PositionKey,
)
from bot.domain.events import (
    BorrowRateQuoted,
    Bucket,
    Cause,
    Event,
    Filled,
    FundingQuoted,
    LedgerBooked,
    PositionChanged,
    Posting,
)
from bot.domain.instruments import Lots
from bot.domain.orders import Side
from bot.guard.undone import GivenBack, Share, accrued, given_back, restored
from bot.risk.measure import equity_usdt
from bot.shadow.apply import apply
from bot.shadow.state import Shadow
from tests.unit.guard.bench import cross_long, later, position, shadow_of
from tests.unit.venue.builders import START, opening

KEY = PositionKey("XBTUSDTM")
AMOUNTS = st.decimals("-1000", "1000", places=8, allow_nan=False)


def booked(
    *postings: Posting, intent: str | None = "g1", cause: Cause = Cause.TRADE
) -> LedgerBooked:
    """A booking of a request."""
    return LedgerBooked(
        at=START, entry_id="e", cause=cause, postings=postings, intent_id=intent
    )


def posting(account: str, coin: str, amount: str, bucket: str = "balance") -> Posting:
    """A posting by words."""
    names = {"margin": MARGIN_CROSS, "main": MAIN, "futures": FUTURES}
    return Posting(
        account=names[account],
        coin=coin,
        amount=Decimal(amount),
        bucket=Bucket(bucket),
    )


def after(shadow: Shadow, *moment: Event) -> Shadow:
    """The shadow that knows the moment."""
    for event in moment:
        shadow = apply(shadow, event)
    return shadow


def undone(shadow: Shadow, *moment: Event) -> GivenBack:
    """What one moment of the request g1 is given back with."""
    positions = (shadow.positions, after(shadow, *moment).positions)
    return given_back(GivenBack(), moment, {"g1"}, positions)


def fill(lots: int, price: str, intent: str = "g1", side: Side = Side.BUY) -> Filled:
    """A trade of the contract."""
    return Filled(
        at=START,
        trade_id=f"{intent}{lots}",
        order_id="o",
        intent_id=intent,
        account=FUTURES,
        symbol="XBTUSDTM",
        side=side,
        qty=Decimal(lots),
        price=Decimal(price),
        reference_price=Decimal(price),
        fee=Decimal(0),
        fee_coin="USDT",
        is_maker=False,
    )


def test_only_the_requests_own_bookings_are_taken_back() -> None:
    """Bookings of others, and those without any request, are in both accounts."""
    shadow = cross_long()
    moment = (
        booked(posting("margin", "BTC", "-0.5"), posting("margin", "USDT", "25000")),
        booked(posting("margin", "BTC", "-0.1"), intent="s1"),
        booked(posting("margin", "USDT", "7"), intent=None),
    )
    back = undone(shadow, *moment)
    other = restored(after(shadow, *moment), back)
    assert other.balance(MARGIN_CROSS, "BTC").total == Decimal("0.9")
    assert other.balance(MARGIN_CROSS, "USDT").total == 7


def test_a_repayment_is_owed_again() -> None:
    """Interest, principal and the coins that paid them."""
    shadow = cross_long()
    moment = booked(
        posting("margin", "USDT", "-110"),
        posting("margin", "USDT", "-100", "principal"),
        posting("margin", "USDT", "-10", "interest"),
        cause=Cause.REPAY,
    )
    back = undone(shadow, moment)
    [(place, part)] = back.balances.items()
    assert place == (MARGIN_CROSS, "USDT")
    assert part == Balance(
        total=Decimal(110), principal=Decimal(100), interest=Decimal(10)
    )


def test_a_closed_position_is_open_again_at_its_entry() -> None:
    """Lots, entry and the profit that was realised: the equity is that of before."""
    wallet = opening({"futures": {"USDT": "9000"}})
    shadow = shadow_of(replace(wallet, positions={KEY: position(-1000)}))
    gone = replace(shadow.positions[KEY], lots=Lots(0), entry_value=Decimal(0))
    moment = (
        fill(1000, "48000"),
        booked(posting("futures", "USDT", "2000"), cause=Cause.REALISED_PNL),
        PositionChanged(at=START, position=gone, reason="trade"),
    )
    other = restored(after(shadow, *moment), undone(shadow, *moment))
    assert other.positions == shadow.positions
    assert equity_usdt(other) == equity_usdt(shadow)


def test_a_moment_with_two_traders_is_shared_by_what_each_filled() -> None:
    """Three quarters of the change were the guard's."""
    wallet = opening({"futures": {"USDT": "9000"}})
    shadow = shadow_of(replace(wallet, positions={KEY: position(-1000)}))
    less = replace(position(-600))
    moment = (
        fill(300, "50000"),
        fill(100, "50000", intent="s1"),
        PositionChanged(at=START, position=less, reason="trade"),
    )
    share = undone(shadow, *moment).positions[KEY]
    assert share.lots == -300
    entry = position(-1000).entry_value - position(-600).entry_value
    assert share.entry_value == entry * 3 / 4


@given(st.lists(st.tuples(AMOUNTS, st.booleans()), max_size=8))
def test_taking_back_everything_gives_the_account_of_before(
    rows: list[tuple[Decimal, bool]],
) -> None:
    """Whatever was booked for a request, without it the balances are the old ones."""
    shadow = cross_long()
    moment = [
        booked(
            Posting(
                account=MARGIN_CROSS if is_margin else MAIN, coin="USDT", amount=amount
            )
        )
        for amount, is_margin in rows
    ]
    other = restored(after(shadow, *moment), undone(shadow, *moment))
    for account in (MARGIN_CROSS, MAIN):
        assert other.balance(account, "USDT") == shadow.balance(account, "USDT")


def test_interest_of_a_debt_that_is_no_longer_owed() -> None:
    """Each full hour rolls up and is charged, as the exchange does it."""
    rate = BorrowRateQuoted(at=START, coin="USDT", annual_rate=Decimal("0.1181"))
    shadow = apply(cross_long(), rate)
    back = GivenBack(balances={(MARGIN_CROSS, "USDT"): Balance(principal=Decimal(10))})
    found = accrued(back, shadow, later(shadow, 7200))
    part = found.given.balances[MARGIN_CROSS, "USDT"]
    assert found.missing == ()
    assert part.principal == Decimal("10.00013482")
    assert found.interest["USDT"] == part.interest + Decimal("0.00013482")


def test_a_debt_without_a_rate_is_not_free() -> None:
    """What cannot be charged is named, and no verdict will rest on it."""
    shadow = cross_long()
    back = GivenBack(balances={(MARGIN_CROSS, "ETH"): Balance(principal=Decimal(1))})
    found = accrued(back, shadow, later(shadow, 3600))
    assert found.missing == ("no borrow rate of ETH",)
    assert found.given == back


def test_funding_of_a_position_that_is_no_longer_held() -> None:
    """A short that would still be there is paid at the settlement, once."""
    settles = START + timedelta(minutes=5)
    quote = FundingQuoted(
        at=START,
        symbol="XBTUSDTM",
        funding_rate=Decimal("0.001"),
        settlement_at=settles,
        funding_interval_h=Decimal(8),
    )
    shadow = apply(shadow_of(opening({"futures": {"USDT": "1"}})), quote)
    back = GivenBack(positions={KEY: Share(lots=-1000, pattern=position(-1000))})
    found = accrued(back, shadow, later(shadow, 300))
    assert found.funding == {"USDT": Decimal(50)}
    assert found.given.balances[FUTURES, "USDT"].total == 50
    again = accrued(found.given, later(shadow, 300), later(shadow, 600))
    assert again.funding == {}


def test_a_position_that_is_whole_again_is_no_position_when_its_lots_are_none() -> None:
    """Opposite lots cancel out and leave nothing behind."""
    wallet = opening({"futures": {"USDT": "9000"}})
    shadow = shadow_of(replace(wallet, positions={KEY: position(-10)}))
    pattern: Position = position(-10)
    back = GivenBack(positions={KEY: Share(lots=10, pattern=pattern)})
    assert restored(shadow, back).positions == {}
