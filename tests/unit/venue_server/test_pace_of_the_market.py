"""The clock of the served venue, what falls due in it, and scripted incidents."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.domain.accounts import FUTURES, MARGIN_CROSS, SPOT, Position, PositionKey
from bot.domain.errors import UsageError
from bot.domain.instruments import Lots
from bot.domain.intents import Borrow, PlaceOrder
from bot.domain.market import FundingQuote, MarketInstant
from bot.domain.orders import OrderType, Outcome, Side
from connectors.venue.server.backend import Backend
from connectors.venue.server.fault_script import FaultScript, parse_script
from connectors.venue.server.faults import FaultLog
from connectors.venue.server.incidents import Incidents, check_script, open_rules
from connectors.venue.server.pace import MarketClock, Pace, shifted
from connectors.venue.venue import Venue
from tests.unit.venue.builders import (
    DEEP,
    RATES,
    START,
    instant,
    later,
    opening,
    rules,
)

SHIFT = timedelta(days=300, seconds=17)
BEGIN = START + SHIFT


def _change(kind: str, name: str, field: str, value: str) -> str:
    """A script of one change."""
    return (
        f"[[change]]\nat_s = 1\nkind = '{kind}'\nname = '{name}'\n"
        f"field = '{field}'\nvalue = '{value}'"
    )


class _Bench:
    """A venue with a market of three instants, a clock set by hand, and its pace."""

    def __init__(
        self,
        speed: float = 1.0,
        script: str = "",
        opened: dict[str, dict[str, str]] | None = None,
        seconds: tuple[float, ...] = (0, 10, 20),
        positions: tuple[Position, ...] = (),
    ) -> None:
        self.real_s = 500.0
        self.waits: list[float] = []
        self.log = FaultLog()
        account = opening(
            opened or {"spot": {"USDT": "10000"}, "futures": {"USDT": "10000"}},
            debts={"margin_cross": {"USDT": "100"}}
            if opened and "margin_cross" in opened
            else None,
            positions=positions,
        )
        self.clock = MarketClock(BEGIN, speed, lambda: self.real_s)
        parsed = parse_script(script, "f") if script else FaultScript()
        changeable = open_rules(rules())
        check_script(parsed, changeable)
        first = shifted(instant(liquidity=DEEP, rates=RATES), SHIFT)
        made = Venue(rules=changeable, opening=account, first=first, at=BEGIN)
        self.backend = Backend(venue=made, uid="7", now=self.clock.now)
        self.pace = Pace(
            instants=self._market(seconds),
            shift=SHIFT,
            clock=self.clock,
            incidents=Incidents(parsed, BEGIN, self.log),
            wait=self._wait,
        )

    @staticmethod
    def _market(seconds: tuple[float, ...]) -> Iterator[MarketInstant]:
        for number, second in enumerate(seconds):
            yield instant(
                later(second), btc=str(50000 + number), liquidity=DEEP, rates=RATES
            )

    async def _wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.real_s += seconds
        await asyncio.sleep(0)  # noqa: TID251 - gives the loop a turn, no time passes

    def settle(self) -> None:
        """Apply everything that is due."""
        while self.pace.step(self.backend):
            pass

    def price(self) -> Decimal | None:
        """The last price of BTC."""
        return self.backend.venue.tape.last("BTC-USDT")


def test_every_time_of_an_instant_is_shifted() -> None:
    """The instant and the settlement that its quote names move together."""
    quote = FundingQuote(
        symbol="XBTUSDTM",
        funding_rate=Decimal("0.0001"),
        settlement_at=later(3600),
        funding_interval_h=Decimal(8),
    )
    moved = shifted(replace(instant(later(5)), funding_quotes=(quote,)), SHIFT)
    assert moved.at == BEGIN + timedelta(seconds=5)
    assert moved.funding_quotes[0].settlement_at == BEGIN + timedelta(hours=1)


def test_instants_are_applied_when_their_time_has_come() -> None:
    """At sixty market seconds a second the instant of second 10 waits a sixth."""
    bench = _Bench(speed=60)
    bench.settle()
    assert bench.price() == 50000
    bench.real_s += 9.9 / 60
    bench.settle()
    assert bench.price() == 50000
    bench.real_s += 0.2 / 60
    bench.settle()
    assert bench.price() == 50001
    assert bench.backend.last_instant is not None
    assert bench.backend.last_instant.at == BEGIN + timedelta(seconds=10)


def test_the_clock_never_passes_an_instant_that_was_not_applied() -> None:
    """A server that is behind shows an earlier time, and a request arrives in it."""
    bench = _Bench()
    bench.settle()
    bench.real_s += 100
    assert bench.backend.now() == BEGIN + timedelta(seconds=10)
    assert bench.clock.lag_s() == 90
    order = PlaceOrder(
        account=SPOT, symbol="BTC-USDT", side=Side.BUY, qty=Decimal("0.1")
    )
    settled = bench.backend.submit(bench.backend.now(), order, "c-1")
    assert settled.outcome is Outcome.DONE
    bench.settle()
    assert bench.backend.now() == BEGIN + timedelta(seconds=100)


def test_at_the_markets_end_prices_stay_and_time_goes_on() -> None:
    """After the last instant the venue trades on at its price."""
    bench = _Bench()
    bench.real_s += 3600
    bench.settle()
    assert (bench.pace.has_ended, bench.pace.applied) == (True, 3)
    assert bench.price() == 50002
    assert bench.backend.now() == BEGIN + timedelta(seconds=3600)
    order = PlaceOrder(
        account=SPOT, symbol="BTC-USDT", side=Side.BUY, qty=Decimal("0.1")
    )
    now = bench.backend.now()
    assert bench.backend.submit(now, order, "c-1").outcome is Outcome.DONE


def test_timers_run_in_time_after_the_market_too() -> None:
    """Interest is charged at twenty seconds past the hour of venue time."""
    bench = _Bench(opened={"margin_cross": {"USDT": "1000"}})
    bench.real_s += 30
    bench.settle()
    assert bench.pace.has_ended
    due = bench.backend.venue.next_timer()
    assert due is not None
    before = len(bench.backend.archive.interest)
    bench.real_s += (due - bench.backend.now()).total_seconds()
    bench.settle()
    assert len(bench.backend.archive.interest) == before + 1
    assert bench.backend.archive.interest[-1].at == due


async def test_it_waits_no_longer_than_a_poll_and_gives_way_after_each_step() -> None:
    """Between instants it looks up four times a second: a request may set a timer."""
    bench = _Bench()
    task = asyncio.ensure_future(bench.pace.run(bench.backend))
    while bench.pace.applied < 3:  # noqa: ASYNC110 - the loop is what is tested
        await asyncio.sleep(0)  # noqa: TID251 - gives the loop a turn
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert max(bench.waits) <= 0.25
    assert bench.waits.count(0.0) >= 3
    assert bench.real_s - 500 == pytest.approx(20, abs=0.5)


def test_a_parameter_changes_at_its_time_for_every_desk() -> None:
    """From second 5 on a limit price 2 % off the mark is outside the band."""
    script = (
        "[[change]]\nat_s = 5\nkind = 'contract'\nname = 'XBTUSDTM'\n"
        "field = 'price_band'\nvalue = '0.01'"
    )
    bench = _Bench(script=script)
    bench.settle()

    def sell(client_id: str) -> str | None:
        far = PlaceOrder(
            account=FUTURES,
            symbol="XBTUSDTM",
            side=Side.SELL,
            qty=Decimal(1),
            type=OrderType.LIMIT,
            price=Decimal(48500),
            leverage=Decimal(5),
        )
        return bench.backend.submit(bench.backend.now(), far, client_id).code

    assert sell("c-1") is None
    bench.real_s += 6
    bench.settle()
    assert sell("c-2") == "300012"
    assert bench.log.number == 1


def test_a_fee_changes_at_its_time() -> None:
    """The taker's fee of a pair becomes what the script says."""
    script = (
        "[[change]]\nat_s = 1\nkind = 'spot'\nname = 'BTC-USDT'\n"
        "field = 'taker_fee_rate'\nvalue = '0.002'"
    )
    bench = _Bench(script=script)
    bench.real_s += 2
    bench.settle()
    order = PlaceOrder(
        account=SPOT, symbol="BTC-USDT", side=Side.BUY, qty=Decimal("0.1")
    )
    bench.backend.submit(bench.backend.now(), order, "c-1")
    fill = bench.backend.archive.fills[-1].fill
    assert fill.fee == fill.price * fill.qty * Decimal("0.002")


def test_a_position_is_deleveraged_at_its_time() -> None:
    """The strike cuts the lots that the script names, at its price."""
    script = (
        "[[adl]]\nat_s = 3\nsymbol = 'XBTUSDTM'\nlots = 40\nprice = '50500'\n"
        "[[adl]]\nat_s = 4\nsymbol = 'XBTUSDTM'\nlots = 10"
    )
    long = Position(symbol="XBTUSDTM", lots=Lots(100), entry_value=Decimal(4000))
    bench = _Bench(script=script, positions=(long,))
    bench.real_s += 5
    bench.settle()
    left = bench.backend.venue.snapshot().positions[PositionKey("XBTUSDTM")]
    assert left.lots == 50
    fills = [record.fill for record in bench.backend.archive.fills]
    assert [(fill.forced, fill.price) for fill in fills] == [
        ("adl", Decimal(50500)),
        ("adl", Decimal(50000)),
    ]


def test_a_symbol_halts_and_resumes() -> None:
    """Between its times the pair takes no orders; before and after it does."""
    script = "[[halt]]\nsymbol = 'BTC-USDT'\nfrom_s = 2\nto_s = 4"
    bench = _Bench(script=script)
    codes = []
    for number, second in enumerate((1, 3, 5)):
        bench.real_s = 500.0 + second
        bench.settle()
        order = PlaceOrder(
            account=SPOT, symbol="BTC-USDT", side=Side.BUY, qty=Decimal("0.01")
        )
        now = bench.backend.now()
        codes.append(bench.backend.submit(now, order, f"c-{number}").code)
    assert codes == [None, "400600", None]
    assert bench.price() == 50000


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (
            "[[change]]\nat_s=1\nkind='contract'\nname='X'\nfield='k'\nvalue='1'",
            "names the contract 'X'",
        ),
        (
            _change("contract", "XBTUSDTM", "tiers", "1"),
            "is not a number or flag",
        ),
        (
            _change("coin", "BTC", "borrow_enabled", "no"),
            "must be true or false",
        ),
        (
            _change("coin", "BTC", "coefficient", "NaN"),
            "must be a number",
        ),
        (
            _change("spot", "X-USDT", "maker_fee_rate", "0"),
            "has no fees",
        ),
        ("[[adl]]\nat_s=1\nsymbol='X'\nlots=1", "which is no contract"),
        ("[[halt]]\nsymbol='X'", "does not trade here"),
    ],
)
def test_a_script_that_names_what_is_not_there_is_refused(
    table: str, words: str
) -> None:
    """Before anything is served, and without touching the rules."""
    kept = open_rules(rules())
    with pytest.raises(UsageError, match=words):
        check_script(parse_script(table, "f"), kept)
    assert kept == rules()


def test_borrowing_can_be_switched_off() -> None:
    """A coin's flag changes like its numbers; loans are refused from then on."""
    script = _change("coin", "BTC", "borrow_enabled", "false")
    bench = _Bench(script=script, opened={"margin_cross": {"USDT": "10000"}})
    codes = []
    for second in (0, 2):
        bench.real_s = 500.0 + second
        bench.settle()
        ask = Borrow(account=MARGIN_CROSS, coin="BTC", amount=Decimal("0.01"))
        now, name = bench.backend.now(), f"borrow-{second}"
        codes.append(bench.backend.submit(now, ask, name).code)
    assert codes == [None, "130201"]


def test_speed_must_be_positive() -> None:
    """A clock that stands or runs backwards is refused."""
    for speed in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="speed must be positive"):
            MarketClock(BEGIN, speed, lambda: 0.0)
