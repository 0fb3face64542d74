"""Auto-repay: worked examples of what is repaid, kept and fetched."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.domain.accounts import MARGIN_CROSS, SPOT, AccountId, isolated_account
from bot.domain.errors import UsageError
from bot.domain.intents import Approved, Repay, Transfer
from bot.domain.orders import IntentState
from bot.domain.strategy import Setback, Strategy
from bot.shadow.state import Request
from strategies import KINDS
from tests.unit.strategies.bench import NOW, World, balance, position, view_of

ISOLATED = isolated_account("SOL-USDT")


def repay(**values: object) -> Strategy:
    """The strategy with these parameters."""
    return KINDS["auto_repay"]("sweep", None, values)


def _told(strategy: Strategy, world: World) -> list[object]:
    return [proposal.intent for proposal in strategy.decide(world.view(), NOW)]


def _repays(account: AccountId, coin: str, amount: str) -> Repay:
    return Repay(account=account, coin=coin, amount=Decimal(amount))


@pytest.mark.parametrize(
    ("total", "owed", "interest", "keep", "expected"),
    [
        # idle   owed    interest   keep   repaid
        ("500", "2000", "0.5", "0", "500"),
        ("500", "2000", "0.5", "120", "380"),
        ("5000", "2000", "0.50000001", "0", "2000.50000001"),
        ("2000.5", "2000", "0.5", "0", "2000.5"),
    ],
    ids=["part", "keeps some", "all with interest", "to the last digit"],
)
def test_idle_usdt_repays_what_is_owed(
    total: str, owed: str, interest: str, keep: str, expected: str
) -> None:
    """What is idle beyond the kept part repays, never more than is owed."""
    world = World(balances={MARGIN_CROSS: {"USDT": balance(total, owed, interest)}})

    assert _told(repay(keep_usdt=keep), world) == [
        _repays(MARGIN_CROSS, "USDT", expected)
    ]


def test_dust_is_left_unless_it_ends_the_debt() -> None:
    """Half a USDT against a large debt waits; against a debt of half a USDT it pays."""
    large = World(balances={MARGIN_CROSS: {"USDT": balance("0.5", "900")}})
    small = World(balances={MARGIN_CROSS: {"USDT": balance("7", "0.5", "0.00000001")}})

    assert _told(repay(), large) == []
    assert _told(repay(), small) == [_repays(MARGIN_CROSS, "USDT", "0.50000001")]


def test_the_usdt_of_a_short_stays() -> None:
    """Ten coins sold short at 100: 1050 USDT stay to buy them back."""
    coins = {"USDT": balance("1500", "4000"), "SOL": balance("0", "10")}

    assert _told(repay(), World(balances={MARGIN_CROSS: coins})) == [
        _repays(MARGIN_CROSS, "USDT", "450")
    ]


def test_a_short_without_a_mark_keeps_everything() -> None:
    """What a purchase will cost is unknown, so no USDT leaves."""
    coins = {"USDT": balance("1500", "4000"), "SOL": balance("0", "10")}

    assert _told(repay(), World(balances={MARGIN_CROSS: coins}, mark=None)) == []


def test_the_dearest_loan_comes_first() -> None:
    """Cross and isolated debts are both repaid, the one that costs more first."""
    world = World(
        balances={
            MARGIN_CROSS: {"USDT": balance("100", "500")},
            ISOLATED: {"USDT": balance("300", "400"), "SOL": balance("1", "2")},
        }
    )

    assert _told(repay(), world) == [
        _repays(ISOLATED, "USDT", "195"),
        _repays(MARGIN_CROSS, "USDT", "100"),
        _repays(ISOLATED, "SOL", "1"),
    ]


def test_skipped_coins_are_left_alone() -> None:
    """A coin that another strategy borrowed to sell is none of its business."""
    world = World(balances={MARGIN_CROSS: {"SOL": balance("5", "5")}})

    assert _told(repay(skip=["SOL"]), world) == []
    assert _told(repay(coins=["USDT"]), world) == []
    assert _told(repay(), world) == [_repays(MARGIN_CROSS, "SOL", "5")]


def test_idle_spot_usdt_is_fetched_only_when_told() -> None:
    """With sweep_spot as much moves as is owed beyond what lies there already."""
    world = World(
        balances={
            SPOT: {"USDT": balance("900")},
            MARGIN_CROSS: {"USDT": balance("0", "500")},
        }
    )
    move = Transfer(source=SPOT, target=MARGIN_CROSS, coin="USDT", amount=Decimal(500))

    assert _told(repay(), world) == []
    assert _told(repay(sweep_spot=True), world) == [move]
    assert _told(repay(sweep_spot=True, keep_usdt=700), world) == [
        replace(move, amount=Decimal(200))
    ]


def test_idle_coins_are_fetched_from_where_nothing_is_owed() -> None:
    """Spot and a pair without debts lend their SOL to cross; a pair that owes keeps."""
    clean, owing = isolated_account("SOL-USDT"), isolated_account("SOL-BTC")
    world = World(
        balances={
            SPOT: {"SOL": balance("2")},
            clean: {"SOL": balance("1")},
            owing: {"SOL": balance("9"), "BTC": balance("0", "0.1")},
            MARGIN_CROSS: {"SOL": balance("0", "10"), "USDT": balance("2000")},
        }
    )
    told = _told(repay(sweep_spot=True, coins=["SOL"]), world)

    assert told == [
        Transfer(source=source, target=MARGIN_CROSS, coin="SOL", amount=Decimal(qty))
        for source, qty in ((SPOT, 2), (clean, 1))
    ]


def test_coins_that_a_long_perpetual_waits_for_stay() -> None:
    """10 SOL borrowed against a long of 10 are to be sold; 12 there leave 2 idle."""
    long = (position("SOLUSDTM", 100),)
    unsold = World(
        balances={MARGIN_CROSS: {"SOL": balance("10", "10")}}, positions=long
    )
    sold = World(balances={MARGIN_CROSS: {"SOL": balance("3", "13")}}, positions=long)

    assert _told(repay(), unsold) == []
    assert _told(repay(), sold) == [_repays(MARGIN_CROSS, "SOL", "3")]


def test_coins_against_a_short_perpetual_are_not_fetched() -> None:
    """Of 12 SOL on spot, 10 against a short of 10, two may leave for a debt of 5."""
    lent = {SPOT: {"SOL": balance("12")}, MARGIN_CROSS: {"SOL": balance("0", "5")}}
    pair = World(balances=lent, positions=(position("SOLUSDTM", -100),))
    more = World(balances=lent, positions=(position("SOLUSDTM", -130),))
    move = Transfer(source=SPOT, target=MARGIN_CROSS, coin="SOL", amount=Decimal(2))

    assert _told(repay(sweep_spot=True), pair) == [move]
    assert _told(repay(sweep_spot=True), more) == []
    assert _told(repay(sweep_spot=True), World(balances=lent)) == [
        replace(move, amount=Decimal(5))
    ]


@pytest.mark.parametrize(("minute", "acts"), [(0, False), (49, False), (50, True)])
def test_an_hour_is_waited_for_when_told(minute: int, acts: bool) -> None:
    """With ``before_hour_m`` 10 it repays from 12:50 on, before the charge of 13:00."""
    shadow = World(balances={MARGIN_CROSS: {"USDT": balance("500", "2000")}}).shadow()
    at = NOW + timedelta(minutes=minute)
    times = dict.fromkeys(shadow.mark_times, at)
    view = view_of(replace(shadow, at=at, mark_times=times))

    assert bool(repay(before_hour_m=10).decide(view, at)) is acts
    assert repay().decide(view, at)


def test_a_repayment_says_what_the_next_hour_charges_less() -> None:
    """500 of 2000 USDT at 5 % a year: 0.00285388 less, as the exchange rounds."""
    world = World(balances={MARGIN_CROSS: {"USDT": balance("500", "2000")}})
    (told,) = repay().decide(world.view(), NOW)

    assert told.inputs["saves_next_hour"] == "0.00285388"


def test_nothing_is_sent_twice() -> None:
    """While a repayment is under way, or was refused lately, there is no second."""
    shadow = World(balances={MARGIN_CROSS: {"USDT": balance("500", "2000")}}).shadow()
    intent = _repays(MARGIN_CROSS, "USDT", "500")
    approved = Approved(intent_id="i1", owner="sweep", intent=intent, reason="r")
    flying = Request(approved=approved, state=IntentState.SENT, sent_at=NOW)
    setback = Setback(at=NOW, intent=intent, reason="refused")

    for changed in (
        replace(shadow, requests={"i1": flying}),
        replace(shadow, setbacks={("sweep", "USDT"): setback}),
    ):
        assert list(repay().decide(view_of(changed), NOW)) == []


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"keep_usd": 1}, "keep_usd is not known; did you mean keep_usdt?"),
        ({"keep_usdt": -1}, "keep_usdt must be a number at least 0"),
        ({"sweep_spot": "yes"}, "sweep_spot must be true or false"),
        ({"skip": ["SOL", "SOL"]}, "skip must be a list of different texts"),
    ],
)
def test_wrong_parameters_name_their_key(
    values: Mapping[str, object], said: str
) -> None:
    """Each error says ``[strategy.sweep]``, the key and what fits."""
    with pytest.raises(UsageError) as error:
        repay(**values)
    assert f"[strategy.sweep] {said}" in str(error.value)
