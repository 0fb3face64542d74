"""New risk leaves every account that it touches alive under the stress set, scaled."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from bot.domain.accounts import FUTURES, MAIN, MARGIN_CROSS, SPOT, Position
from bot.domain.intents import (
    Approved,
    Borrow,
    Intent,
    PlaceOrder,
    Proposal,
    Refused,
    Transfer,
)
from bot.domain.orders import Side
from bot.domain.room import Factor, Legs, RoomAsked
from bot.guard.admit import Admission, admit
from bot.guard.idle_stable import idle_stable
from bot.guard.largest import largest
from bot.guard.limits import GuardLimits, RiskLimits, Thresholds
from bot.guard.size_factors import (
    Sizing,
    diversification_factor,
    gains_factor,
    volatility_factor,
)
from bot.guard.state import GuardState
from bot.risk.book_volatility import DayVolatility
from bot.risk.measure import measure_subject
from bot.risk.outlook import AccountOutlook, Outlook
from bot.risk.stress_set import moved, stress_set
from bot.shadow.state import Shadow
from tests.unit.strategies.bench import World, balance, position

THRESHOLDS = Thresholds(
    act=Decimal("0.15"), target=Decimal("0.25"), backstop=Decimal("0.85")
)
HALF = Sizing(
    standing=(Factor(name="results", value=Decimal("0.5"), reason="a drawdown"),)
)


def account(usdt: str, held: Sequence[Position] = (), *, spot: str = "10000") -> Shadow:
    """A futures wallet with positions, cash in spot and margin."""
    world = World(
        balances={
            MAIN: {"USDT": balance("0")},
            SPOT: {"USDT": balance(spot)},
            MARGIN_CROSS: {"USDT": balance("10000")},
            FUTURES: {"USDT": balance(usdt)},
        },
        positions=[replace(each, leverage=Decimal(20)) for each in held],
    )
    return replace(world.shadow(), is_open=True)


def order(symbol: str, side: Side, lots: int) -> PlaceOrder:
    """A perpetual at leverage 10: a lot of SOL is worth 10 USDT, one of BTC 0.1."""
    return PlaceOrder(
        account=FUTURES,
        symbol=symbol,
        side=side,
        qty=Decimal(lots),
        leverage=Decimal(10),
    )


def held_to(shadow: Shadow, sizing: Sizing | None = None) -> Admission:
    """Default limits; what scales is what a test says."""
    return Admission(
        shadow=shadow,
        guard=GuardState(),
        limits=RiskLimits(mark_stale_after=timedelta(days=1)),
        guard_limits=GuardLimits(),
        day_open_equity=None,
        sizing=sizing or Sizing(),
    )


def told(
    shadow: Shadow, intent: Intent, sizing: Sizing | None = None
) -> Approved | Refused:
    """What becomes of an intent of a strategy."""
    proposal = Proposal(owner="carry", intent=intent, reason="why", inputs={})
    return admit(held_to(shadow, sizing), proposal, "g1-i0000001")


def test_what_would_not_survive_the_stress_set_is_refused_by_name() -> None:
    """A long of BTC against a short of SOL has no uniform move, but its parts part."""
    long = account("3000", [position("XBTUSDTM", 100_000)])
    said = told(long, order("SOLUSDTM", Side.SELL, 900))
    assert isinstance(said, Refused)
    assert "futures:USDT would not survive the stress set" in said.reason
    assert "majors" in said.reason
    assert "liquidated at 1" in said.reason


def test_half_of_it_survives() -> None:
    """The same trade of a size that the wallet carries under both moves passes."""
    long = account("3000", [position("XBTUSDTM", 60_000)])
    assert isinstance(told(long, order("SOLUSDTM", Side.SELL, 300)), Approved)


def test_what_makes_no_account_worse_passes() -> None:
    """An account that dies in a scenario may take what makes it die less."""
    torn = account(
        "2500", [position("XBTUSDTM", 100_000), position("SOLUSDTM", -1_000)]
    )
    target = THRESHOLDS.target
    died = [
        measure_subject(moved(torn, each), "futures:USDT")
        for each in stress_set(frozenset({"BTC", "SOL"}), target)
    ]
    assert any(m is not None and m.ratio is not None and m.ratio >= 1 for m in died)
    less = replace(order("XBTUSDTM", Side.SELL, 10_000), leverage=Decimal(100))
    assert isinstance(told(torn, less), Approved)
    more = replace(order("XBTUSDTM", Side.BUY, 10_000), leverage=Decimal(100))
    assert isinstance(told(torn, more), Refused)


def test_a_scale_asks_for_more_distance_and_says_why() -> None:
    """Half the scale doubles the act distance, and the sentence names the factor."""
    short = order("SOLUSDTM", Side.SELL, 800)
    calm = account("2500")
    assert isinstance(told(calm, short), Approved)
    said = told(calm, short, HALF)
    assert isinstance(said, Refused)
    assert "its act distance 0.2100 over 0.500" in said.reason
    assert "results 0.5 (a drawdown)" in said.reason


def test_a_scale_halves_the_net_leverage() -> None:
    """Net leverage over half of max_leverage is refused with both numbers."""
    shadow = account("9000", spot="0")
    shadow = replace(shadow, balances={FUTURES: shadow.balances[FUTURES]}, closes={})
    limits = replace(held_to(shadow).limits, max_leverage=Decimal(2))
    long = order("XBTUSDTM", Side.BUY, 100_000)
    proposal = Proposal(owner="carry", intent=long, reason="why", inputs={})
    free = replace(held_to(shadow), limits=limits)
    assert isinstance(admit(free, proposal, "g1-i1"), Approved)
    said = admit(replace(free, sizing=HALF), proposal, "g1-i1")
    assert isinstance(said, Refused)
    assert "over max_leverage 1.000 (2 times 0.500: results 0.5" in said.reason


def test_the_second_leg_of_a_pair_is_not_scaled() -> None:
    """It lowers the net exposure: no factor and no reserve stands in its way."""
    shadow = account("2500")
    coins = {"USDT": balance("1000"), "SOL": balance("80")}
    one_leg = replace(shadow, balances={**shadow.balances, SPOT: coins})
    nothing = replace(
        HALF,
        standing=(Factor(name="results", value=Decimal(0), reason="cut"),),
        stable_reserve=Decimal("0.9"),
    )
    hedge = order("SOLUSDTM", Side.SELL, 800)
    assert isinstance(told(one_leg, hedge, nothing), Approved)
    assert isinstance(told(shadow, hedge, nothing), Refused)


def test_the_reserve_stays() -> None:
    """Spending the idle dollars below their share of the equity is refused."""
    shadow = account("0", spot="1000")
    buy = PlaceOrder(account=SPOT, symbol="SOL-USDT", side=Side.BUY, qty=Decimal("9.5"))
    reserve = Sizing(stable_reserve=Decimal("0.95"))
    assert isinstance(told(shadow, buy), Approved)
    said = told(shadow, buy, reserve)
    assert isinstance(said, Refused)
    assert "under the stable_reserve 0.95" in said.reason
    home = Transfer(source=FUTURES, target=MAIN, coin="USDT", amount=Decimal(5))
    richer = account("500", spot="10")
    assert isinstance(told(richer, home, reserve), Approved)


def test_borrowed_and_needed_dollars_are_no_reserve() -> None:
    """A loan adds nothing; of a wallet counts what could leave and all be survived."""
    loan = account("0", spot="0")
    coins = {"USDT": balance("500", "500"), "SOL": balance("20")}
    owing = replace(loan, balances={MARGIN_CROSS: coins})
    assert idle_stable(owing, lambda measure: THRESHOLDS) == 0
    free = account("1000", spot="0")
    used = account("1000", [position("SOLUSDTM", -300)], spot="0")
    idle, left = (
        idle_stable(each, lambda measure: THRESHOLDS) for each in (free, used)
    )
    assert idle == 11_000
    assert 10_000 < left < 10_000 + 1000 - 450


def test_more_debt_is_scaled_too() -> None:
    """A loan moves no net exposure; it is no hedge and is held to the scale."""
    shadow = account("0")
    coins = {"USDT": balance("0", "600"), "SOL": balance("10")}
    owing = replace(shadow, balances={MARGIN_CROSS: coins})
    loan = Borrow(account=MARGIN_CROSS, coin="USDT", amount=Decimal(100))
    assert isinstance(told(owing, loan), Approved)
    assert isinstance(told(owing, loan, HALF), Refused)


def test_factors_say_their_reason() -> None:
    """Each factor is a fraction with the numbers it came from."""
    wild = volatility_factor(
        DayVolatility(assumed=0.08), {"SOL": Decimal(-5)}, Decimal("0.05")
    )
    assert wild.value == Decimal("0.625")
    assert "8.0 % a day, assumed for SOL" in wild.reason
    assert gains_factor(Decimal(100), Decimal(80)).value == 1
    assert gains_factor(Decimal(100), Decimal(200)).value == Decimal("0.5")
    assert gains_factor(None, Decimal(200)).value == 1


def test_too_few_bets_cut_the_size() -> None:
    """Five coins that are one bet scale new risk; a lone coin is one as expected."""
    share = Decimal("0.1")
    one = AccountOutlook(subject="margin_cross", bets=1.05, coins=5)
    lone = AccountOutlook(subject="futures:USDT", bets=1.0, coins=1)
    found = diversification_factor(_outlook(one, lone), share)
    assert found.value == Decimal("0.750")
    assert "the 5 coins of margin_cross are 1.05 independent bets" in found.reason
    unknown = replace(one, bets=None)
    assert (
        "unknown, taken as 1" in diversification_factor(_outlook(unknown), share).reason
    )
    assert diversification_factor(_outlook(lone), share).value == 1
    assert diversification_factor(None, share).value == 1


def _outlook(*accounts: AccountOutlook) -> Outlook:
    return Outlook(accounts=accounts, horizon_h=24, paths=2, rows=1000)


def test_the_room_names_what_binds_it() -> None:
    """Depth, funds, distance and the amount asked for are told apart."""
    asked = RoomAsked(coin="SOL", direction=1, account=SPOT)
    rich = account("100000", spot="100000")
    assert largest(held_to(rich), asked).limit == "funds"
    few = replace(asked, most_usdt=Decimal(200))
    found = largest(held_to(rich), few)
    assert found.limit == "asked"
    assert (found.coins, found.perp_lots) == (Decimal(2), Decimal(20))
    near = replace(asked, legs=Legs.PERP, direction=-1, leverage=Decimal(50))
    assert largest(held_to(account("1000")), near).limit == "act distance"
    deep = {k: replace(v, volume_1m=Decimal(100)) for k, v in rich.liquidity.items()}
    thin = replace(rich, liquidity=deep)
    shallow = largest(held_to(thin), asked)
    assert (shallow.limit, shallow.coins) == ("depth", Decimal(5))
    reverse = replace(asked, direction=-1)
    assert largest(held_to(rich), reverse).limit == "borrowing"


def test_the_room_is_what_the_smallest_order_leaves() -> None:
    """Less than the least order is nothing, and the sentence says the least."""
    asked = RoomAsked(coin="SOL", direction=1, account=SPOT, most_usdt=Decimal(5))
    found = largest(held_to(account("100")), asked)
    assert found.coins == 0
    assert "the smallest order is 0.1 SOL" in found.sentence
