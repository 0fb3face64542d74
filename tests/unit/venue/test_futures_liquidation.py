"""The venue's futures numbers, and what it does at 95 % and at 100 %."""

from dataclasses import replace
from decimal import Decimal

from bot.domain.accounts import FUTURES, MarginMode, PositionSide
from bot.domain.events import (
    AccountStatus,
    AccountStatusChanged,
    Bucket,
    Cause,
    Event,
    Filled,
    PositionChanged,
    RatioReported,
)
from bot.domain.instruments import Rules
from bot.domain.orders import Side
from connectors.venue.futures_risk import maximum_size, mmr
from tests.unit.venue.futures_bench import (
    BTC,
    ETH,
    INVERSE,
    Bench,
    booked,
    position,
    replayed,
    resting,
)

D = Decimal


def _statuses(events: list[Event]) -> list[AccountStatus]:
    return [e.status for e in events if isinstance(e, AccountStatusChanged)]


def _fills(events: list[Event]) -> list[Filled]:
    return [e for e in events if isinstance(e, Filled)]


def test_the_maintenance_rate_is_the_printed_one() -> None:
    """12.102 BTC of XBTUSDTM have MMR 0.00416136, as the exchange prints."""
    assert mmr(BTC, 12102) == D("0.00416136")


def test_the_maximum_size_is_the_printed_one() -> None:
    """10,000 USDT at 125x and 102,012 carry 12102 lots, as the exchange prints."""
    assert maximum_size(BTC, D(10000) * 125, D(102012)) == 12102


def test_the_help_pages_risk_rate_is_reproduced() -> None:
    """Long 100 lots XBT, a sell order of 1,000 lots ETH, 5,000 USDT: 5.8756 %."""
    flat_btc = replace(BTC, m=None, maintenance_margin_rate=D("0.005"))
    flat_eth = replace(ETH, m=None, maintenance_margin_rate=D("0.008"))
    rules = Rules(contracts={"XBTUSDTM": flat_btc, "ETHUSDTM": flat_eth})
    held = position(100, "62000")
    bench = Bench({"USDT": "5000"}, btc="62000", positions=[held], rules=rules)
    bench.orders.orders.append(
        resting(Side.SELL, 1000, "3000", symbol="ETHUSDTM", leverage="20")
    )
    bench.desk.see(bench.instant("62000", "3000"))
    rate = bench.desk.risk_rate("USDT")
    assert rate == (D(31) + D(240) + D("3.72") + D(18)) / (5000 - 18)


def test_an_account_without_exposure_has_risk_zero_and_no_margin_is_none() -> None:
    """Zero exposure is a rate of zero; exposure without margin has no number."""
    assert Bench({"USDT": "0.5"}).desk.risk_rate("USDT") == 0
    bench = Bench({"USDT": "10"}, positions=[position(100, "50200")])
    assert bench.desk.risk_rate("USDT") is None


def test_the_two_sides_of_hedge_mode_add_up() -> None:
    """A long and a short of equal size are charged twice, the conservative reading."""
    long = position(100, "50000", side=PositionSide.LONG)
    short = position(-100, "50000", side=PositionSide.SHORT)
    one = Bench({"USDT": "1000"}, positions=[long]).desk.risk_rate("USDT")
    both = Bench({"USDT": "1000"}, positions=[long, short]).desk.risk_rate("USDT")
    assert one is not None
    assert both == 2 * one


def test_orders_are_cancelled_at_95_percent_and_said_once() -> None:
    """Between 0.95 and 1 every order of the currency goes; the status comes once."""
    bench = Bench({"USDT": "520"}, positions=[position(100, "50000")])
    bench.orders.orders.append(resting(Side.BUY, 1, "40000"))
    quiet = bench.tick("46000")
    assert _statuses(quiet) == []
    events = bench.tick("45015")
    assert _statuses(events) == [AccountStatus.ORDERS_CANCELLED]
    assert bench.orders.orders == []
    assert _statuses(bench.tick("45013")) == []
    assert _statuses(bench.tick("47000")) == [AccountStatus.NORMAL]


def test_a_small_cross_account_is_taken_over_and_loses_its_margin() -> None:
    """At risk rate 1 the position goes at the bankruptcy price; dust is left."""
    bench = Bench({"USDT": "520"}, positions=[position(100, "50000")])
    events = bench.tick("45005")
    assert _statuses(events) == [
        AccountStatus.ORDERS_CANCELLED,
        AccountStatus.LIQUIDATING,
        AccountStatus.LIQUIDATED,
        AccountStatus.NORMAL,
    ]
    (fill,) = _fills(events)
    assert fill.forced == "liquidation"
    assert fill.side is Side.SELL
    assert D("44800") < fill.price < D("45005")
    assert booked(events, Cause.LIQUIDATION_FEE) == [-fill.fee]
    assert fill.fee == D("45005") * D("0.1") * D("0.0006")
    assert booked(events, Cause.INSURANCE) == []
    assert D(0) <= bench.wallet() < D("0.000001")
    assert bench.desk.positions == {}


def test_the_price_loss_and_the_penalty_are_told_apart() -> None:
    """Profit at mark is REALISED_PNL; what the take-over adds is LIQUIDATION."""
    bench = Bench({"USDT": "520"}, positions=[position(100, "50000")])
    events = bench.tick("45005")
    assert booked(events, Cause.REALISED_PNL) == [D("-499.5")]
    (penalty,) = booked(events, Cause.LIQUIDATION)
    (fee,) = booked(events, Cause.LIQUIDATION_FEE)
    assert D("-520") <= D("-499.5") + penalty + fee < D("-519.999999")


def test_a_gap_through_bankruptcy_is_paid_by_the_insurance_fund() -> None:
    """A jump to 40,000 loses 1,000 of 520: the wallet ends at exactly zero."""
    bench = Bench({"USDT": "520"}, positions=[position(100, "50000")])
    events = bench.tick("40000")
    assert AccountStatus.BANKRUPT in _statuses(events)
    assert booked(events, Cause.INSURANCE) == [D("480")]
    assert bench.wallet() == 0
    assert replayed(bench.events, "USDT", Bucket.BALANCE) == 0


def test_a_large_position_is_cut_in_part_first() -> None:
    """Above 600,000 USDT half is sold at the market until the rate is under 1."""
    bench = Bench({"USDT": "52000"}, positions=[position(20000, "50000")])
    events = bench.tick("47620")
    assert AccountStatus.LIQUIDATED not in _statuses(events)
    held = bench.desk.position("XBTUSDTM")
    assert held is not None
    assert held.lots == 10000
    (fill,) = _fills(events)
    assert fill.qty == 10000
    assert D(47600) < fill.price < D(47620)
    rate = bench.desk.risk_rate("USDT")
    assert rate is not None
    assert rate < 1


def test_a_cut_that_would_be_worse_than_bankruptcy_takes_the_whole_position() -> None:
    """Where depth is so thin that the cut cannot be made, everything is taken over."""
    bench = Bench({"USDT": "52000"}, positions=[position(20000, "50000")])
    thin = bench.instant("47620")
    depth = thin.liquidity["XBTUSDTM"]
    bench.desk.see(
        replace(thin, liquidity={"XBTUSDTM": replace(depth, sigma_1m=D("0.9"))})
    )
    bench.desk.supervise(bench.at)
    assert bench.desk.positions == {}
    assert 0 <= bench.wallet() < D("0.0001")


def test_a_short_is_taken_over_above_the_mark() -> None:
    """The bankruptcy price of a short lies above the mark."""
    bench = Bench({"USDT": "520"}, positions=[position(-100, "50000")])
    events = bench.tick("54950")
    (fill,) = _fills(events)
    assert fill.side is Side.BUY
    assert D("54950") < fill.price < D("55200")
    assert D(0) <= bench.wallet() < D("0.000001")


def test_an_inverse_account_loses_its_coins() -> None:
    """A coin-settled long that falls loses its BTC, and never more."""
    held = position(100000, "50000", contract=INVERSE)
    bench = Bench({"BTC": "0.3"}, positions=[held])
    assert _statuses(bench.tick("45000")) == []
    events = bench.tick("43700")
    assert AccountStatus.LIQUIDATED in _statuses(events)
    assert D(0) <= bench.wallet("BTC") < D("0.0000001")


def test_several_positions_share_what_is_left_by_value() -> None:
    """Two positions are taken over together and together lose the margin."""
    held = [position(100, "50000"), position(200, "2500", contract=ETH)]
    bench = Bench({"USDT": "1100"}, positions=held)
    events = bench.tick("45000", "2220")
    assert len(_fills(events)) == 2
    assert D(0) <= bench.wallet() < D("0.000001")


def test_an_isolated_position_dies_alone() -> None:
    """Only its margin is lost; the rest of the wallet is untouched."""
    held = position(10, "50000", mode=MarginMode.ISOLATED, margin="50")
    bench = Bench({"USDT": "1000"}, positions=[held])
    assert _fills(bench.tick("45300")) == []
    events = bench.tick("45150")
    (fill,) = _fills(events)
    assert fill.forced == "liquidation"
    assert D(950) <= bench.wallet() < D("950.000001")
    assert bench.ledger.margin(FUTURES, "USDT", "XBTUSDTM") == 0
    assert _statuses(events) == [
        AccountStatus.LIQUIDATING,
        AccountStatus.LIQUIDATED,
        AccountStatus.NORMAL,
    ]


def test_the_isolated_margin_rate_is_one_at_the_printed_price() -> None:
    """Long XBTUSDTM at 120016.4 with 20.0027333373: liquidation at 100475.86."""
    held = position(
        1, "120016.4", mode=MarginMode.ISOLATED, margin="20.00273333", leverage="6"
    )
    bench = Bench({"USDT": "100"}, btc="120000", positions=[held])
    assert _fills(bench.tick("100475.9")) == []
    assert len(_fills(bench.tick("100475.8"))) == 1


def test_a_gap_beyond_isolated_bankruptcy_is_paid_by_the_insurance_fund() -> None:
    """The wallet never pays for an isolated position beyond its margin."""
    held = position(10, "50000", mode=MarginMode.ISOLATED, margin="50")
    bench = Bench({"USDT": "1000"}, positions=[held])
    events = bench.tick("40000")
    assert booked(events, Cause.INSURANCE) == [D(50)]
    assert bench.wallet() == D(950)


def test_a_large_isolated_position_comes_down_the_ladder() -> None:
    """In the third tier it is cut to the second tier's limit and judged again."""
    held = position(16000, "50000", mode=MarginMode.ISOLATED, margin="16000")
    bench = Bench({"USDT": "20000"}, positions=[held])
    events = bench.tick("49375")
    fills = _fills(events)
    assert [f.forced for f in fills] == ["liquidation"]
    left = bench.desk.position("XBTUSDTM")
    assert left is not None
    assert left.lots * D("49.375") <= 500000


def test_a_liquidated_isolated_position_loses_its_orders() -> None:
    """Orders of the symbol are cancelled with it."""
    held = position(10, "50000", mode=MarginMode.ISOLATED, margin="50")
    bench = Bench({"USDT": "1000"}, positions=[held])
    bench.orders.orders.append(
        replace(resting(Side.SELL, 1, "60000"), mode=MarginMode.ISOLATED)
    )
    bench.tick("45000")
    assert bench.orders.orders == []


def test_the_risk_rate_is_reported_every_five_seconds() -> None:
    """Two ticks in one second give one report; none without exposure."""
    bench = Bench({"USDT": "1000"}, positions=[position(10, "50000")])
    reports = [
        [e for e in bench.tick("50000", seconds=s) if isinstance(e, RatioReported)]
        for s in (5, 1, 4)
    ]
    assert [len(r) for r in reports] == [1, 0, 1]
    assert reports[0][0].coin == "USDT"
    assert reports[0][0].account == FUTURES
    idle = Bench({"USDT": "1000"})
    assert idle.tick("50000") == []


def test_every_change_of_a_position_is_told() -> None:
    """The last PositionChanged of a symbol is the position as it stands."""
    bench = Bench({"USDT": "52000"}, positions=[position(20000, "50000")])
    bench.tick("47620")
    last = [e for e in bench.events if isinstance(e, PositionChanged)][-1].position
    held = bench.desk.position("XBTUSDTM")
    assert held is not None
    assert (last.lots, last.entry_value) == (held.lots, held.entry_value)


def test_a_wallet_left_negative_by_a_close_is_paid_by_the_insurance_fund() -> None:
    """Closed beyond bankruptcy before the venue looked: zero is the floor."""
    bench = Bench({"USDT": "520"}, positions=[position(100, "50000")])
    bench.trade(Side.SELL, 100, "40000")
    assert bench.wallet() < 0
    events = bench.tick("40000")
    assert bench.wallet() == 0
    assert _statuses(events) == [AccountStatus.BANKRUPT, AccountStatus.NORMAL]


def test_a_large_coin_settled_position_is_weighed_in_usdt() -> None:
    """1.2 M USD of inverse contracts are above 600,000 USDT and are halved first."""
    held = position(1200000, "50000", contract=INVERSE)
    bench = Bench({"BTC": "2.5"}, positions=[held])
    bench.desk.supervise(bench.at)
    events: list[Event] = []
    for price in range(48000, 44000, -50):
        events = bench.tick(str(price))
        if _fills(events):
            break
    assert _fills(events)[0].qty == 600000
    left = bench.desk.position("XBTUSDM")
    assert left is not None
    assert left.lots == 600000
