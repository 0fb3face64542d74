"""Laws of the strategies over accounts, prices and rates that nobody chose."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.accounts import FUTURES, MARGIN_CROSS, SPOT, Balance
from bot.domain.intents import (
    Approved,
    Borrow,
    CancelOrder,
    PlaceOrder,
    Proposal,
    Repay,
    Transfer,
)
from bot.domain.orders import OrderType, Side
from bot.domain.strategy import Strategy
from bot.guard.admit import is_reduction
from bot.risk.pairs import Pair, read_pair
from bot.shadow.apply import register
from bot.shadow.state import Shadow
from strategies import KINDS
from tests.unit.strategies.bench import NOW, PRICE, World, done, position, view_of
from tests.unit.strategies.test_funding_makers import resting

CHUNK = Decimal(500)
REPAY = KINDS["auto_repay"]("sweep", None, {"sweep_spot": True})
HEDGE = KINDS["beta_hedge"]("hedge", None, {})


def _carry(account: str, maker_s: int = 0) -> Strategy:
    values = {
        "maker_s": maker_s,
        "coins": ["SOL"],
        "spot_account": account,
        "notional_usdt": 2000,
        "chunk_usdt": CHUNK,
        "max_pairs": 1,
    }
    return KINDS["funding_arbitrage"]("carry", None, values)


CARRIES = {SPOT: _carry("spot"), MARGIN_CROSS: _carry("margin_cross")}
MAKERS = {SPOT: _carry("spot", 60), MARGIN_CROSS: _carry("margin_cross", 60)}

hundredths = st.integers(0, 3000).map(lambda n: Decimal(n).scaleb(-2))
tiny = st.integers(0, 10**6).map(lambda n: Decimal(n).scaleb(-8))
money = st.integers(0, 2 * 10**6).map(lambda n: Decimal(n).scaleb(-2))
rates = st.none() | st.sampled_from(["0.003", "0.0008", "0.0001", "-0.0001", "-0.003"])
marks = st.none() | st.sampled_from([Decimal(100), Decimal("73.21"), Decimal(140)])
halts = st.frozensets(st.sampled_from(["SOL-USDT", "SOLUSDTM"]), max_size=2)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """An account with any legs, loans and means, in any market."""
    account = draw(st.sampled_from([SPOT, MARGIN_CROSS]))
    in_margin = account == MARGIN_CROSS
    coins = Balance(
        total=draw(hundredths) + draw(tiny),
        principal=draw(hundredths) if in_margin else Decimal(0),
        interest=draw(tiny) if in_margin else Decimal(0),
    )
    usdt = Balance(
        total=draw(money), principal=draw(money) if in_margin else Decimal(0)
    )
    lots = draw(st.integers(-300, 300))
    return World(
        balances={
            account: {"SOL": coins, "USDT": usdt},
            FUTURES: {"USDT": Balance(total=draw(money))},
        },
        positions=(position("SOLUSDTM", lots),) if lots else (),
        rate=draw(rates),
        borrow=draw(st.none() | st.sampled_from(["0.04", "0.9"])),
        available=draw(st.none() | st.sampled_from(["0", "3", "1000"])),
        mark=draw(marks),
        futures_mark=draw(marks),
        half_spread=draw(st.none() | st.just("0.0002")),
        halted=draw(halts),
    )


def _strategy(shadow: Shadow) -> Strategy:
    return CARRIES[SPOT if SPOT in shadow.balances else MARGIN_CROSS]


def _pair(shadow: Shadow) -> Pair:
    account = SPOT if SPOT in shadow.balances else MARGIN_CROSS
    pair = read_pair(view_of(shadow), "SOL", account)
    assert pair is not None
    return pair


def _ask(shadow: Shadow) -> list[Proposal]:
    return list(_strategy(shadow).decide(view_of(shadow), NOW))


def _adds(proposal: Proposal) -> bool:
    intent = proposal.intent
    is_order = isinstance(intent, PlaceOrder) and not intent.is_reduction
    return is_order or isinstance(intent, Borrow)


@given(worlds())
def test_an_order_closes_a_gap_or_begins_one_chunk(world: World) -> None:
    """A leg is added to a whole pair by a chunk at most, to a gap only to close it."""
    shadow = world.shadow()
    for proposal in _ask(shadow):
        if not isinstance(proposal.intent, PlaceOrder):
            continue
        before, after = _pair(shadow), _pair(done(shadow, [proposal]))
        lot = Decimal("0.1")
        if before.is_gapped:
            assert abs(after.gap) <= max(abs(before.gap), lot)
        else:
            assert abs(after.gap) * (before.mark or PRICE) <= CHUNK * 2


@given(worlds())
def test_what_is_unknown_is_never_added_to(world: World) -> None:
    """Without marks or a funding rate every proposal is a reduction."""
    if None not in {world.rate, world.mark, world.futures_mark}:
        return
    shadow = world.shadow()
    was_gapped = _pair(shadow).is_gapped
    for proposal in _ask(shadow):
        knows_marks = None not in {world.mark, world.futures_mark}
        assert not _adds(proposal) or (was_gapped and knows_marks)


@given(worlds())
def test_nothing_is_repeated_while_it_is_under_way(world: World) -> None:
    """Asked again with every proposal in flight, the strategies say nothing new."""
    shadow = world.shadow()
    for strategy in (_strategy(shadow), REPAY, HEDGE):
        flying = shadow
        for number, proposal in enumerate(strategy.decide(view_of(shadow), NOW)):
            approved = Approved(
                intent_id=f"i{number}",
                owner=proposal.owner,
                intent=proposal.intent,
                reason=proposal.reason,
            )
            flying = register(flying, approved, NOW)
        if flying is not shadow:
            again = list(strategy.decide(view_of(flying), NOW))
            before = list(strategy.decide(view_of(shadow), NOW))
            assert not [p for p in again if p in before]


@given(worlds())
def test_gaps_end_when_fills_come(world: World) -> None:
    """With both markets open and orders filled, no gap is left after a few rounds.

    A debt that the account cannot pay to buy back is the one exception.
    """
    shadow = world.shadow()
    if world.halted or world.mark is None or world.futures_mark is None:
        return
    for _ in range(40):
        proposals = _ask(shadow)
        if not proposals:
            break
        shadow = done(shadow, proposals)
    pair = _pair(shadow)
    account = pair.account
    is_poor = shadow.balance(account, "USDT").available < abs(pair.gap) * 150
    is_dust = abs(pair.gap) * 100 < 2
    assert not pair.is_gapped or is_dust or (pair.spot_qty < 0 and is_poor)


@given(worlds())
def test_a_reduction_is_one(world: World) -> None:
    """What claims to be a reduction is one to admission, whatever the limits are.

    A purchase that rounds a debt up to the next step may miss it by that step.
    """
    shadow = world.shadow()
    pair = _pair(shadow)
    for proposal in _ask(shadow):
        intent = proposal.intent
        if not isinstance(intent, PlaceOrder) or not intent.is_reduction:
            continue
        if intent.account == FUTURES or intent.qty <= abs(pair.spot_qty):
            assert is_reduction(shadow, intent)
            continue
        least = pair.spot.min_funds / (pair.mark or PRICE)
        assert intent.qty <= max(abs(pair.spot_qty), least) + Decimal("0.02")


@given(worlds())
def test_a_repayment_is_never_more_than_owed_or_there(world: World) -> None:
    """Repayments fit the debt and the balance, transfers the spot account."""
    shadow = world.shadow()
    for proposal in (*REPAY.decide(view_of(shadow), NOW), *_ask(shadow)):
        match proposal.intent:
            case Repay(account=account, coin=coin, amount=amount):
                held = shadow.balance(account, coin)
                assert 0 < amount <= min(held.liability, held.available)
            case Transfer(source=source, coin=coin, amount=amount):
                assert 0 < amount <= shadow.balance(source, coin).available
            case _:
                pass


@given(worlds(), st.sampled_from(["SOL-USDT", "SOLUSDTM"]), st.sampled_from(Side))
def test_beside_what_rests_only_its_gap_is_closed(
    world: World, symbol: str, side: Side
) -> None:
    """While a first leg rests its own market gets no order, the other closes the gap.

    Or the leg is withdrawn, alone.
    """
    plain = world.shadow()
    pair = _pair(plain)
    account = FUTURES if symbol == "SOLUSDTM" else pair.account
    first = PlaceOrder(
        account=account,
        symbol=symbol,
        side=side,
        qty=Decimal(10),
        type=OrderType.LIMIT,
        price=PRICE,
        post_only=True,
    )
    proposal = Proposal(owner="carry", intent=first, reason="begins")
    shadow = resting(plain, proposal)
    found = list(MAKERS[pair.account].decide(view_of(shadow), NOW))
    if any(isinstance(each.intent, CancelOrder) for each in found):
        assert len(found) == 1
        return
    for each in found:
        intent = each.intent
        assert isinstance(intent, PlaceOrder | Borrow | Repay)
        assert not isinstance(intent, PlaceOrder) or intent.symbol != symbol
    after = _pair(done(plain, found))
    assert abs(after.gap) <= max(abs(pair.gap), Decimal("0.1"))


@given(worlds())
def test_usdt_never_goes_back_and_forth(world: World) -> None:
    """Asked until it rests, the carry moves USDT one way only, and ends."""
    shadow, ways, rounds = world.shadow(), set[tuple[str, str]](), 0
    while (proposals := _ask(shadow)) and rounds < 60:
        rounds += 1
        for proposal in proposals:
            if isinstance(proposal.intent, Transfer):
                ways.add((proposal.intent.source, proposal.intent.target))
        shadow = done(shadow, proposals)
    assert len(ways) <= 1
    assert rounds < 60


@given(worlds())
def test_proposals_are_signed_and_explained(world: World) -> None:
    """Every proposal names owner, pair and reason; asking twice changes nothing.

    A transfer is of no single pair.
    """
    shadow = world.shadow()
    proposals = _ask(shadow)
    assert proposals == _ask(shadow)
    for proposal in proposals:
        if isinstance(proposal.intent, Transfer):
            assert (proposal.owner, bool(proposal.reason)) == ("carry", True)
            continue
        assert (proposal.owner, proposal.pair) == ("carry", "SOL")
        assert proposal.reason
        assert proposal.inputs["spot_qty"]
