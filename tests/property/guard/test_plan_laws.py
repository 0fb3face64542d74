"""Laws of the planner: near the best that brute force finds, feasible at every step."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import product

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from bot.domain.accounts import FUTURES, MAIN, MARGIN_CROSS, SPOT
from bot.domain.events import LiquidityQuoted
from bot.domain.intents import AdjustMargin, Borrow, Intent, PlaceOrder, Repay, Transfer
from bot.domain.orders import Side
from bot.guard.judge import Verdict, VerdictKind
from bot.guard.limits import GuardLimits, Thresholds
from bot.guard.paydown import paid_down
from bot.guard.plan import Plan, make_plan
from bot.guard.plan_costs import depth_of
from bot.guard.plan_limits import borrowable, free_in_wallet, leaving
from bot.guard.plan_model import Stage
from bot.guard.plan_steps import paid_share, priced
from bot.guard.safety import is_pushed_under, is_worse
from bot.guard.sizing import is_at_target
from bot.risk.measure import SubjectMeasure, measure_subject, measure_subjects
from bot.shadow.apply import apply
from bot.shadow.project import pair_mark, project
from bot.shadow.state import Shadow
from tests.property.guard.drawn import shadows
from tests.unit.guard.bench import position, shadow_of
from tests.unit.venue.builders import opening

NEAR = Thresholds(act=Decimal("0.15"), target=Decimal("0.25"), backstop=Decimal("0.85"))
LIMITS = GuardLimits()
ZERO, ONE = Decimal(0), Decimal(1)
SELDOM = settings(max_examples=40, phases=(Phase.explicit, Phase.reuse, Phase.generate))
"""Brute force tries some hundred exact accounts an example."""


def verdict_on(shadow: Shadow, subject: str) -> Verdict | None:
    """The account as if it had to be cured; None when it has nothing to lose."""
    measure = measure_subject(shadow, subject)
    if measure is None:
        return None
    return Verdict(
        kind=VerdictKind.CURE, measure=measure, thresholds=NEAR, reason="law"
    )


def plan_of(shadow: Shadow, subject: str) -> Plan | None:
    """The plan for a subject of an account."""
    verdict = verdict_on(shadow, subject)
    return None if verdict is None else make_plan(shadow, verdict, LIMITS)


def with_depth(shadow: Shadow, symbol: str, volume: int, sigma: str) -> Shadow:
    """The account where a market has some depth."""
    quoted = LiquidityQuoted(
        at=shadow.at,
        symbol=symbol,
        half_spread=Decimal("0.0003"),
        sigma_1m=Decimal(sigma),
        volume_1m=Decimal(volume),
    )
    return apply(shadow, quoted)


def coarse(shadow: Shadow, steps: dict[str, str]) -> Shadow:
    """The account where spot pairs trade in large steps, so that all can be tried."""
    spot = {
        name: replace(pair, base_increment=Decimal(steps[name]))
        for name, pair in shadow.rules.spot.items()
    }
    return replace(shadow, rules=replace(shadow.rules, spot=spot))


# -- brute force -----------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One way through an account, by the exact engine."""

    cost: Decimal
    shadow: Shadow


def filled(shadow: Shadow, order: PlaceOrder) -> Tried:
    """An order at the price that the depth model gives, and what it cost."""
    coins = order.qty
    if order.account == FUTURES:
        contract = shadow.rules.contracts[order.symbol]
        coins, fee = order.qty * contract.multiplier, contract.taker_fee_rate
        mark = shadow.futures_marks[order.symbol]
    else:
        mark = pair_mark(shadow, order.symbol) or ZERO
        fee = shadow.rules.spot_fee_rates[order.symbol][1]
    if not coins:
        return Tried(cost=ZERO, shadow=shadow)
    lost = Decimal(repr(depth_of(shadow, order.symbol, LIMITS).cost(float(coins))))
    price = mark * (ONE + order.side.sign * lost / coins)
    done = project(shadow, replace(order, price=price))
    return Tried(cost=lost * mark + coins * mark * fee, shadow=done)


def sales(shadow: Shadow, symbols: Sequence[str]) -> Iterator[tuple[PlaceOrder, ...]]:
    """Every combination of whole steps that may be sold in cross margin."""
    grids: list[list[PlaceOrder]] = []
    for symbol in symbols:
        pair = shadow.rules.spot[symbol]
        held = shadow.balance(MARGIN_CROSS, pair.base).total
        grids.append(
            [
                PlaceOrder(
                    account=MARGIN_CROSS,
                    symbol=symbol,
                    side=Side.SELL,
                    qty=count * pair.base_increment,
                    is_reduction=True,
                )
                for count in range(int(held / pair.base_increment) + 1)
            ]
        )
    yield from product(*grids)


def cheapest_sale(shadow: Shadow) -> Decimal | None:
    """The least cost of selling to the target, the whole reserve brought in before."""
    idle = shadow.balance(MAIN, "USDT").total
    found: list[Decimal] = []
    for orders in sales(shadow, ("BTC-USDT", "ETH-USDT")):
        done, cost = shadow, ZERO
        for order in orders:
            tried = filled(done, order)
            done, cost = tried.shadow, cost + tried.cost
        if found and cost >= min(found):
            continue
        if idle:
            move = Transfer(source=MAIN, target=MARGIN_CROSS, coin="USDT", amount=idle)
            done = project(done, move)
        if is_at_target(
            measure_subject(paid_down(shadow, done, MARGIN_CROSS), MARGIN_CROSS), NEAR
        ):
            found.append(cost)
    return min(found, default=None)


@SELDOM
@given(
    btc=st.integers(5, 15),
    eth=st.integers(2, 12),
    share=st.integers(70, 92),
    reserve=st.sampled_from((0, 0, 500, 2000)),
    volumes=st.tuples(st.integers(5, 400), st.integers(50, 4000)),
    sigma=st.sampled_from(("0.0005", "0.002", "0.004")),
)
def test_a_plan_costs_at_most_a_hundredth_more_than_brute_force(
    btc: int,
    eth: int,
    share: int,
    reserve: int,
    volumes: tuple[int, int],
    sigma: str,
) -> None:
    """Two coins against a debt: every pair of whole steps is tried by exact replay.

    One that stands at its target is left out: there a plan sells only what leaves
    slowly, which brute force does not ask for.
    """
    coins = {"BTC": str(Decimal(btc) / 10), "ETH": str(eth)}
    owed = (btc * 5000 + eth * 2500) * share // 100
    shadow = shadow_of(
        opening(
            {"margin_cross": coins, "main": {"USDT": str(reserve)}},
            debts={"margin_cross": {"USDT": str(owed)}},
        )
    )
    shadow = with_depth(shadow, "BTC-USDT", volumes[0], sigma)
    shadow = with_depth(shadow, "ETH-USDT", volumes[1], sigma)
    shadow = coarse(shadow, {"BTC-USDT": "0.05", "ETH-USDT": "0.5"})
    if is_at_target(measure_subject(shadow, MARGIN_CROSS), NEAR):
        return
    plan = plan_of(shadow, MARGIN_CROSS)
    assert plan is not None
    best = cheapest_sale(shadow)
    if best is None:
        assert not plan.is_reached
        return
    assert plan.is_reached, plan
    assert plan.cost.total <= best * Decimal("1.01") + Decimal("0.01")


def carried(lots: int, wallet: int, owed: int) -> Shadow:
    """A coin in margin against a short perpetual of the same size."""
    shadow = shadow_of(
        opening(
            {
                "margin_cross": {"BTC": str(Decimal(lots) / 100)},
                "futures": {"USDT": str(wallet)},
            },
            debts={"margin_cross": {"USDT": str(owed)}},
            positions=[position(-lots * 10)],
        )
    )
    rules = shadow.rules
    contract = replace(rules.contracts["XBTUSDTM"], lot_size=10)
    contracts = {**rules.contracts, "XBTUSDTM": contract}
    return replace(shadow, rules=replace(rules, contracts=contracts))


def cheapest_carry(shadow: Shadow, held: int) -> Decimal | None:
    """The least cost over every number of closed pairs and a grid of transfers."""
    for lots in range(held + 1):
        qty = Decimal(lots) / 100
        closed = filled(shadow, replace(position_order(), qty=Decimal(lots * 10)))
        sold = filled(closed.shadow, replace(spot_order(), qty=qty))
        for twentieth in range(21):
            if _is_carried(shadow, sold.shadow, Decimal(twentieth) / 20):
                return closed.cost + sold.cost
    return None


def _is_carried(before: Shadow, sold: Shadow, share: Decimal) -> bool:
    """Whether a share of what the sale brought cures the futures, the rest repaid."""
    proceeds = sold.balance(MARGIN_CROSS, "USDT").available
    kept = proceeds * (ONE - share)
    done = sold
    if kept > 0:
        done = project(done, Repay(account=MARGIN_CROSS, coin="USDT", amount=kept))
    amount = min(proceeds - kept, leaving(done, MARGIN_CROSS, "USDT"))
    if amount > 0:
        done = project(
            done,
            Transfer(source=MARGIN_CROSS, target=FUTURES, coin="USDT", amount=amount),
        )
    margin = measure_subject(done, MARGIN_CROSS)
    was = measure_subject(before, MARGIN_CROSS)
    if margin is not None and is_pushed_under(was, margin, spare()):
        return False
    return is_at_target(measure_subject(done, "futures:USDT"), NEAR)


def spare() -> Thresholds:
    """What the planner leaves to another account: halfway from act to target."""
    default = LIMITS
    half = (default.act_distance + default.target_distance) / 2
    return replace(NEAR, act=half)


def position_order() -> PlaceOrder:
    """Buys back some of the short."""
    return PlaceOrder(
        account=FUTURES,
        symbol="XBTUSDTM",
        side=Side.BUY,
        qty=ZERO,
        reduce_only=True,
        is_reduction=True,
        leverage=Decimal(5),
    )


def spot_order() -> PlaceOrder:
    """Sells some of the coin."""
    return PlaceOrder(
        account=MARGIN_CROSS,
        symbol="BTC-USDT",
        side=Side.SELL,
        qty=ZERO,
        is_reduction=True,
    )


@SELDOM
@given(
    lots=st.integers(20, 120),
    wallet=st.integers(4, 22),
    share=st.integers(0, 75),
    volume=st.integers(20, 400),
)
def test_a_carry_pair_is_closed_no_further_than_brute_force(
    lots: int, wallet: int, share: int, volume: int
) -> None:
    """Both legs together, and what the sale brings is moved where it is needed."""
    value = lots * 500
    shadow = carried(lots, value * wallet // 100, value * share // 100)
    shadow = with_depth(shadow, "BTC-USDT", volume, "0.001")
    shadow = with_depth(shadow, "XBTUSDTM", volume * 3, "0.001")
    plan = plan_of(shadow, "futures:USDT")
    assert plan is not None
    best = cheapest_carry(shadow, lots)
    if best is None:
        return
    assert plan.is_reached, plan
    assert plan.cost.total <= best * Decimal("1.01") + Decimal("0.01")


# -- feasible at every step ------------------------------------------------


@given(shadows(), st.sampled_from((0, 1, 2, 3)))
def test_every_step_of_a_plan_can_be_done_when_its_turn_comes(
    shadow: Shadow, number: int
) -> None:
    """Coins are there, sizes are whole, no account is made worse or pushed under."""
    subjects = [m.subject for m in measure_subjects(shadow)]
    if number >= len(subjects):
        return
    plan = plan_of(shadow, subjects[number])
    if plan is None:
        return
    was = {m.subject: m for m in measure_subjects(shadow)}
    done = shadow
    for step in plan.steps:
        for each in step.intents:
            intent = each
            if isinstance(each, PlaceOrder):
                intent = priced(done, each, LIMITS)
            assert can_be_sent(done, intent), (step, intent)
            done = project(done, intent)
        now = {m.subject: m for m in measure_subjects(done)}
        own = was.get(plan.subject)
        is_free = step.stage not in {Stage.TRADE, Stage.CANCEL}
        if is_free and own is not None:
            assert not is_worse(own, now.get(plan.subject)), step
        for name, measure in now.items():
            assert name == plan.subject or keeps(was.get(name), measure), step
        was = now


def keeps(before: SubjectMeasure | None, after: SubjectMeasure) -> bool:
    """Whether a step left another account where it may be."""
    if before is not None and before.ratio is None:
        return True
    rough = replace(NEAR, act=Decimal("0.149"), backstop=Decimal("0.3285"))
    if not after.is_futures:
        rough = replace(rough, backstop=NEAR.backstop)
    return not is_pushed_under(before, after, rough) or _is_of_costs(before, after)


def _is_of_costs(before: SubjectMeasure | None, after: SubjectMeasure) -> bool:
    """Whether what is lost is what an order costs beyond the plan's price."""
    if before is None or before.distance is None or after.distance is None:
        return False
    return before.distance - after.distance < Decimal("0.01")


def can_be_sent(shadow: Shadow, intent: Intent) -> bool:
    """Whether the exchange would take an intent as the account then stands."""
    if isinstance(intent, PlaceOrder):
        return is_whole(shadow, intent) and paid_share(shadow, intent) == ONE
    return not isinstance(intent, AdjustMargin | Repay | Borrow | Transfer) or (
        intent.amount < 0 or intent.amount <= most_of(shadow, intent)
    )


def most_of(
    shadow: Shadow, intent: AdjustMargin | Repay | Borrow | Transfer
) -> Decimal:
    """The most of a request's coins that can move now."""
    match intent:
        case Repay(account=account, coin=coin):
            held = shadow.balance(account, coin)
            return min(held.available, held.liability)
        case Borrow(account=account, coin=coin):
            return borrowable(shadow, account, coin)
        case AdjustMargin(symbol=symbol):
            return free_in_wallet(shadow, shadow.rules.contracts[symbol].settle)
        case Transfer(source=source, coin=coin):
            if source in {MAIN, SPOT}:
                return shadow.balance(source, coin).available
            return leaving(shadow, source, coin)


def is_whole(shadow: Shadow, order: PlaceOrder) -> bool:
    """Whether an order keeps to the steps and the least size of its market."""
    if order.account == FUTURES:
        lot = shadow.rules.contracts[order.symbol].lot_size
        return order.qty > 0 and order.qty % lot == 0 and order.reduce_only
    pair = shadow.rules.spot[order.symbol]
    price = shadow.margin_marks[pair.base]
    is_large = order.qty >= pair.base_min and order.qty * price >= pair.min_funds
    return is_large and order.qty % pair.base_increment == 0


@given(shadows(), st.sampled_from((0, 1, 2, 3)))
def test_the_same_account_has_the_same_plan(shadow: Shadow, number: int) -> None:
    """Nothing but the account decides: no clock, no chance, no order of memory."""
    subjects = [m.subject for m in measure_subjects(shadow)]
    if number >= len(subjects):
        return
    first, again = (plan_of(shadow, subjects[number]) for _ in range(2))
    if first is None or again is None:
        assert first is again
        return
    assert first.cost == again.cost
    assert [s.intents for s in first.steps] == [s.intents for s in again.steps]
