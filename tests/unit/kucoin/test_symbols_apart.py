"""A live run in which KuCoin refuses one symbol, or does not list it."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from bot.domain.events import FundingQuoted, LiquidityQuoted, RatioReported
from bot.domain.instruments import Rules
from connectors.kucoin.answers import ExchangeRefusedError
from connectors.kucoin.feed import Interests
from connectors.kucoin.interests import joined
from connectors.venue.examples import XBTUSDTM
from tests.unit.kucoin.live_bench import INTERESTS, Bench, running
from tests.unit.kucoin.public_answers import reads
from tests.unit.kucoin.world_bench import Handler
from tests.unit.venue.builders import spot_rules

D = Decimal
ONLY_BTC = Rules(
    spot={"BTC-USDT": spot_rules("BTC")},
    contracts={
        name: replace(XBTUSDTM, symbol=name) for name in ("AAAUSDTM", "XBTUSDTM")
    },
)
FOO_TOO = replace(ONLY_BTC, spot={**ONLY_BTC.spot, "FOO-USDT": spot_rules("FOO")})
MORE = Interests(
    coins=frozenset({"FOO"}),
    spot_symbols=frozenset({"FOO-USDT"}),
    contracts=frozenset({"AAAUSDTM"}),
)


def bench_of(rules: Rules, *refused: str) -> Bench:
    """A run that comes to follow ``MORE``; KuCoin refuses some symbols."""

    def answer(usual: object) -> Handler:
        def of_symbol(asked: Mapping[str, str]) -> object:
            symbol = asked.get("symbol", "")
            if symbol in refused:
                return ExchangeRefusedError("900001", f"symbol {symbol} not exists.")
            return usual

        return of_symbol

    bench = Bench(wanted=joined(INTERESTS, MORE))
    bench.rest.reads |= {name: answer(usual) for name, usual in reads().items()}
    bench.reader.rules = rules
    return bench


async def test_a_refused_symbol_costs_no_other_its_depth_and_funding() -> None:
    """Of what KuCoin does not refuse all is told, minute after minute."""
    bench = bench_of(FOO_TOO, "AAAUSDTM", "FOO-USDT")
    async with running(bench):
        await bench.time.advance(601)
        depths = [event.symbol for event in bench.of(LiquidityQuoted)]
        assert {"BTC-USDT", "XBTUSDTM"} == set(depths)
        assert {e.symbol for e in bench.of(FundingQuoted)} == {"XBTUSDTM"}
        notes = [n.text for n in bench.notes if "cannot be read and is left" in n.text]
        reason = "cannot be read and is left out: KuCoin says: 900001 symbol"
        assert len(notes) == 2, "once for each symbol, not for each poll"
        assert all(reason in note for note in notes)


async def test_a_settle_coin_that_is_refused_costs_no_other_its_risk_rate() -> None:
    """The rate of USDT is told; the refused coin is noted once, with KuCoin's words."""
    overview = {
        "currency": "USDT",
        "accountEquity": D(10),
        "availableBalance": D(10),
        "riskRatio": D("0.25"),
        "unrealisedPNL": D(0),
    }

    def account(asked: Mapping[str, str]) -> object:
        if asked["currency"] == "ODD":
            return ExchangeRefusedError("400100", "Currency ODD settles no contract.")
        return overview

    odd = Interests(coins=frozenset(), settles=frozenset({"ODD"}))
    bench = Bench(wanted=joined(INTERESTS, odd))
    bench.rest.reads["futures_account"] = account
    async with running(bench):
        await bench.time.advance(60)
        assert {event.coin for event in bench.of(RatioReported)} == {"USDT"}
        asked = [a for name, a in bench.rest.asked if name == "futures_account"]
        assert sum(a["currency"] == "ODD" for a in asked) == 3
        [note] = [n.text for n in bench.notes if "ODD" in n.text and "risk" in n.text]
        assert note.endswith("KuCoin says: 400100 Currency ODD settles no contract.")


async def test_a_pair_that_is_not_listed_is_not_asked_for() -> None:
    """A coin without a pair against USDT: nobody asks until the rules list it."""
    bench = bench_of(ONLY_BTC)

    def asked() -> bool:
        return any(a.get("symbol") == "FOO-USDT" for _, a in bench.rest.asked)

    async with running(bench):
        await bench.time.advance(130)
        assert not asked()
        bench.reader.rules = FOO_TOO
        await bench.time.advance(130)
        assert asked()
        assert "FOO-USDT" in {event.symbol for event in bench.of(LiquidityQuoted)}
