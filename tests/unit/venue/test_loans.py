"""Loans: what can be had, what it costs, and how it is paid back."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.domain.accounts import MARGIN_CROSS, SPOT, AccountId, isolated_account
from bot.domain.events import Cause, Event, LedgerBooked
from bot.domain.intents import Borrow, PlaceOrder, Repay
from bot.domain.market import BorrowRate
from bot.domain.orders import OrderType, Outcome, Side
from connectors.venue.venue import Venue
from tests.unit.venue.builders import (
    DEEP,
    RATES,
    START,
    approved,
    coin_rules,
    instant,
    later,
    opening,
    rules,
    settled,
    venue,
)

PAIR = isolated_account("BTC-USDT")


def _quoted(coin: str, annual: str, available: str | None = None) -> BorrowRate:
    return BorrowRate(
        coin=coin,
        annual_rate=Decimal(annual),
        available=None if available is None else Decimal(available),
    )


def _venue(
    usdt: str = "1000",
    rates: Sequence[BorrowRate] = RATES,
    *,
    debt: str | None = None,
    account: AccountId = MARGIN_CROSS,
) -> Venue:
    return venue(
        opening(
            {account: {"USDT": usdt}},
            debts={} if debt is None else {account: {"USDT": debt}},
        ),
        first=instant(liquidity=DEEP, rates=rates),
    )


def _borrow(amount: str, coin: str = "USDT", *, partial: bool = False) -> Borrow:
    return Borrow(
        account=MARGIN_CROSS,
        coin=coin,
        amount=Decimal(amount),
        allow_partial=partial,
    )


def _repay(amount: str, coin: str = "USDT") -> Repay:
    return Repay(account=MARGIN_CROSS, coin=coin, amount=Decimal(amount))


def _line(sim: Venue, coin: str = "USDT") -> list[Decimal]:
    line = sim.snapshot().balances[MARGIN_CROSS][coin]
    return [line.total, line.principal, line.interest]


def _booked(events: Sequence[Event]) -> list[Cause]:
    return [e.cause for e in events if isinstance(e, LedgerBooked)]


def test_a_loan_is_charged_its_first_hour_at_once() -> None:
    """IN-1: 10 USDT at 11.81 % a year owe 0.00013482 the moment they are lent."""
    sim = _venue(rates=[_quoted("USDT", "0.1181")])

    events = sim.submit(later(1), approved(_borrow("10")))

    assert settled(events).done_amount == 10
    assert _booked(events) == [Cause.BORROW, Cause.INTEREST]
    assert _line(sim) == [1010, 10, Decimal("0.00013482")]


def test_a_repayment_pays_interest_first_and_dust_stays() -> None:
    """IN-1: repaying the 10 that were borrowed leaves the interest as principal."""
    sim = _venue(rates=[_quoted("USDT", "0.1181")])
    sim.submit(later(1), approved(_borrow("10"), "b"))

    events = sim.submit(later(2), approved(_repay("10"), "r"))

    assert settled(events).done_amount == 10
    assert _line(sim) == [1000, Decimal("0.00013482"), 0]


def test_interest_of_dust_rounds_up_each_hour() -> None:
    """IN-2: the dust of 0.00013482 costs 0.00000001 an hour, not nothing."""
    sim = _venue(usdt="1", rates=[_quoted("USDT", "0.108")], debt="0.00013482")

    events = sim.advance(START.replace(hour=15, minute=30))

    times = [e.at for e in events if isinstance(e, LedgerBooked)]
    expected = START + timedelta(seconds=20)
    assert times == [expected + timedelta(hours=h) for h in range(4)]
    assert _line(sim)[1:] == [Decimal("0.00013485"), Decimal("1e-8")]


def test_the_last_hours_interest_becomes_principal() -> None:
    """IN-4: 10 and 0.00004692 become 10.00004692 and 0.00004693."""
    sim = venue(
        opening(
            {"margin_cross": {"USDT": "100"}}, debts={"margin_cross": {"ETH": "10"}}
        ),
        first=instant(liquidity=DEEP, rates=[_quoted("ETH", "0.04110192")]),
    )
    sim.advance(later(20))
    assert _line(sim, "ETH")[1:] == [10, Decimal("0.00004692")]

    (entry,) = sim.advance(later(3620))

    assert isinstance(entry, LedgerBooked)
    assert entry.cause is Cause.INTEREST
    assert entry.rate == Decimal("0.04110192") / 8760
    assert _line(sim, "ETH")[1:] == [Decimal("10.00004692"), Decimal("0.00004693")]


def test_no_timer_runs_without_debt() -> None:
    """Interest is due only while something is owed, and then at the next hour."""
    sim = _venue()
    assert sim.next_timer() is None
    sim.tick(instant(later(9000)))

    sim.submit(later(9001), approved(_borrow("10")))

    assert sim.next_timer() == START.replace(hour=15, second=20)


def test_a_new_rate_holds_from_its_quote_on() -> None:
    """Each hour is charged at the rate in force then."""
    sim = _venue(debt="1000", usdt="20000", rates=[_quoted("USDT", "0.0876")])
    sim.advance(later(20))
    assert _line(sim)[2] == Decimal("0.01")

    sim.tick(instant(later(60), rates=[_quoted("USDT", "0.876")]))
    sim.advance(later(3620))

    assert _line(sim)[2] == Decimal("0.100001")


def test_an_unquoted_debt_still_costs() -> None:
    """Unknown is never free: USDT at 11 % a year without a quote."""
    sim = _venue(debt="8760", usdt="20000", rates=[])

    sim.advance(later(20))

    assert _line(sim)[2] == Decimal("0.11")


BORROW_REFUSED = [
    ("unquoted", _borrow("10"), [], "130204"),
    ("minimum", _borrow("0.0009"), RATES, "400400"),
    ("unit", _borrow("1.00001"), RATES, "400400"),
    ("zero", _borrow("0"), RATES, "400400"),
    ("negative", _borrow("-5"), RATES, "400400"),
    ("no number", _borrow("NaN"), RATES, "400100"),
    ("absurd", _borrow("1e40"), RATES, "400100"),
    ("leverage", _borrow("4001"), RATES, "130203"),
    ("stock", _borrow("600"), [_quoted("USDT", "0.1", "500")], "130204"),
    ("unknown coin", _borrow("1", "XRP"), RATES, "130201"),
]


@pytest.mark.parametrize(
    ("intent", "rates", "code"),
    [row[1:] for row in BORROW_REFUSED],
    ids=[row[0] for row in BORROW_REFUSED],
)
def test_a_refused_loan_changes_nothing(
    intent: Borrow, rates: Sequence[BorrowRate], code: str
) -> None:
    """All or nothing: a loan that cannot be had whole is not had at all."""
    sim = _venue(rates=rates)
    before = sim.snapshot()

    events = sim.submit(later(1), approved(intent))

    assert (settled(events).outcome, settled(events).code) == (Outcome.REFUSED, code)
    assert len(events) == 1
    assert sim.snapshot() == before


def test_a_switched_off_coin_is_not_lent() -> None:
    """``borrowEnabled`` false refuses the loan."""
    coin = replace(coin_rules("USDT"), borrow_enabled=False)
    sim = venue(
        opening({"margin_cross": {"USDT": "1000"}}),
        with_rules=replace(rules(), margin_coins={"USDT": coin}),
    )

    assert settled(sim.submit(later(1), approved(_borrow("1")))).code == "130201"


@pytest.mark.parametrize("account", [SPOT, isolated_account("ETH-USDT")])
def test_only_margin_accounts_that_exist_can_owe(account: AccountId) -> None:
    """Spot owes nothing, and neither does a pair without isolated margin."""
    intent = replace(_borrow("1"), account=account)

    assert settled(_venue().submit(later(1), approved(intent))).code == "130201"


def test_a_partial_loan_takes_what_there_is() -> None:
    """``allow_partial`` lends the stock, and the stock is then empty."""
    sim = _venue(rates=[_quoted("USDT", "0.1", "500.00005")])

    first = settled(sim.submit(later(1), approved(_borrow("600", partial=True), "a")))
    second = settled(sim.submit(later(2), approved(_borrow("1", partial=True), "b")))

    assert first.done_amount == 500
    assert (second.outcome, second.code) == (Outcome.REFUSED, "130204")


def test_a_repayment_refills_the_stock() -> None:
    """The principal that comes back can be lent again; a new quote replaces all."""
    sim = _venue(rates=[_quoted("USDT", "0.1", "500")])
    sim.submit(later(1), approved(_borrow("500"), "a"))
    sim.submit(later(2), approved(_repay("100"), "b"))

    assert settled(sim.submit(later(3), approved(_borrow("99.99"), "c"))).code is None
    assert settled(sim.submit(later(4), approved(_borrow("1"), "d"))).code == "130204"
    sim.tick(instant(later(5), rates=[_quoted("USDT", "0.1", "50")]))
    assert settled(sim.submit(later(6), approved(_borrow("50"), "e"))).code is None


def test_paying_too_much_is_cut_to_what_is_owed() -> None:
    """The answer tells how much was really paid."""
    sim = _venue()
    sim.submit(later(1), approved(_borrow("10"), "b"))
    owed = sum(_line(sim)[1:])

    answer = settled(sim.submit(later(2), approved(_repay("500"), "r")))

    assert answer.done_amount == owed
    assert _line(sim) == [1010 - owed, 0, 0]
    again = settled(sim.submit(later(3), approved(_repay("1"), "r2")))
    assert (again.outcome, again.code) == (Outcome.REFUSED, "400400")


def test_coins_held_by_orders_cannot_repay() -> None:
    """A repayment needs the coins available; a cancel would free them."""
    sim = _venue(usdt="1000")
    sim.submit(later(1), approved(_borrow("500"), "b"))
    order = PlaceOrder(
        account=MARGIN_CROSS,
        symbol="BTC-USDT",
        side=Side.BUY,
        qty=Decimal("0.029"),
        type=OrderType.LIMIT,
        price=Decimal(49000),
    )
    sim.submit(later(2), approved(order, "o"))

    answer = settled(sim.submit(later(3), approved(_repay("500"), "r")))

    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "130203")


def test_a_loan_sent_twice_is_done_twice() -> None:
    """Borrowing has no client id at KuCoin; the look-up shows the sum."""
    sim = _venue()
    sim.submit(later(1), approved(_borrow("10"), "same"))
    sim.submit(later(2), approved(_borrow("10"), "same"))

    assert _line(sim)[1] == 20
    found = sim.find(later(3), approved(_borrow("10"), "same"))
    assert found.outcome is Outcome.DONE
    assert found.done_amount == 20
    lost = sim.find(later(3), approved(_borrow("10"), "other"))
    assert lost.outcome is Outcome.REFUSED


def test_an_isolated_pair_borrows_its_own_coins_only() -> None:
    """Ten times leverage on the pair's two coins, nothing else."""
    sim = _venue(account=PAIR)
    good = replace(_borrow("9000"), account=PAIR)
    bad = replace(_borrow("1", "ETH"), account=PAIR)

    assert settled(sim.submit(later(1), approved(good, "a"))).code is None
    assert settled(sim.submit(later(2), approved(bad, "b"))).code == "130201"


@pytest.mark.parametrize(
    ("intent", "code"),
    [
        (_repay("0"), "400400"),
        (_repay("0.000000001"), "400400"),
        (_repay("1", "BTC"), "400400"),
        (replace(_repay("1"), account=SPOT), "400400"),
    ],
    ids=["zero", "too fine", "owes none", "spot"],
)
def test_a_senseless_repayment_is_refused(intent: Repay, code: str) -> None:
    """Nothing is paid, nothing changes."""
    sim = _venue(debt="100")
    before = sim.snapshot()

    answer = settled(sim.submit(later(1), approved(intent)))

    assert (answer.outcome, answer.code) == (Outcome.REFUSED, code)
    assert sim.snapshot() == before


def test_nothing_is_lent_on_an_unknown_worth() -> None:
    """An account with a coin that has no mark may not borrow."""
    sim = venue(opening({"margin_cross": {"USDT": "1000", "DOGE": "5"}}))

    assert settled(sim.submit(later(1), approved(_borrow("1")))).code == "130203"
