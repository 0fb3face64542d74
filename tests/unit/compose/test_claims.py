"""What a strategy claims must be a market, and one that its overlay can see."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pytest

from bot.compose_strategies import (
    built,
    claim_notes,
    refuse_blind,
    refuse_idle,
    uncounted,
)
from bot.domain.errors import UsageError
from bot.domain.intents import Proposal
from bot.domain.overlay import Overlaid, Overlay
from bot.domain.scheduled import Scheduled, kind_of
from bot.domain.strategy import Strategy, View
from bot.settings import StrategySettings, settings_from
from strategies import KINDS
from tests.unit.venue.builders import rules


def settings_of(name: str, kind: str) -> StrategySettings:
    """A table with nothing but its kind."""
    return settings_from({}, {"strategy": {name: {"kind": kind}}}).strategies[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claiming(Scheduled):
    """A strategy that wants nothing and claims what it is told to."""

    wanted: Any = ("BTC-USDT in spot",)

    @property
    def claims(self) -> frozenset[str]:
        """What it is told."""
        return frozenset(self.wanted)

    def decide(self, view: View, due_at: datetime) -> Sequence[Proposal]:
        """Nothing."""
        return []


def claiming(*claims: object, schedule: str = "every 60s") -> Strategy:
    """A strategy with these claims, built from its table."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Mine(Claiming):
        """Claims these."""

        wanted: Any = claims

    table = replace(settings_of("mine", "mine"), schedule=schedule)
    return built(kind_of("mine", Mine), table)


def overlaid(*claims: object) -> Strategy:
    """The same under an overlay."""
    return Overlaid(claiming(*claims), Overlay())


@pytest.mark.parametrize(
    "claim",
    [
        "BTC-USDT in spot",
        "BTC-USDT in margin_cross",
        "BTC-USDT in margin_isolated:BTC-USDT",
        "XBTUSDTM",
        "1000BONKUSDTM",
        "XBTMZ25",
    ],
)
def test_a_pair_in_an_account_and_a_contract_are_claims(claim: str) -> None:
    """Whether the market of today trades them or not."""
    assert claiming(claim).claims == {claim}


@pytest.mark.parametrize(
    "claim",
    [
        *("BTC-USDT", "NONSENSE in mars", "BTC-USDT in mars", "btc", "BTC", ""),
        *("BTCUSDT in spot", "btc-usdt in spot", "BTC-USDT in main", " XBTUSDTM"),
        *("BTC-USDT in margin_isolated:ETH-USDT", "XBTUSDTM in futures", 7),
    ],
)
def test_a_claim_that_names_no_market_is_refused(claim: object) -> None:
    """The sentence names the claim and shows two that are right."""
    with pytest.raises(UsageError) as refused:
        claiming("XBTUSDTM", claim)
    assert str(refused.value).startswith(
        f"[strategy.mine] claims {claim!r}, which names no market; write a pair with "
        "its account, such as 'BTC-USDT in spot'"
    )


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_our_own_strategies_claim_markets(kind: str) -> None:
    """With their defaults each is built; funding arbitrage must be told its coins."""
    told = {"coins": ["SOL"]} if kind == "funding_arbitrage" else {}
    table = replace(settings_of("ours", kind), parameters=told)
    assert built(KINDS[kind], table).name == "ours"


def test_an_overlay_that_does_not_see_a_market_is_refused() -> None:
    """DOGE is not traded here, and XBTUSDM is not counted in USDT."""
    refuse_blind([overlaid("BTC-USDT in spot", "XBTUSDTM")], rules())
    refuse_blind([claiming("DOGE-USDT in spot")], rules())
    for claim in ("DOGE-USDT in spot", "DOGEUSDTM", "XBTUSDM"):
        with pytest.raises(UsageError, match=f"overlay] claims '{claim}', which"):
            refuse_blind([overlaid("XBTUSDTM", claim)], rules())


def test_a_schedule_that_waits_for_no_contract_is_refused() -> None:
    """It would never be asked; a live start journals it and goes on."""
    waiting = claiming("XBTUSDTM", schedule="before-settlement 10m NOPEUSDTM")
    refuse_idle([claiming(schedule="before-settlement 1h XBTUSDTM")], rules())
    with pytest.raises(UsageError, match="no contract NOPEUSDTM is traded here; "):
        refuse_idle([waiting], rules())
    (note,) = claim_notes([waiting], rules())
    assert note.topic == "unasked schedule"


def test_without_an_overlay_it_is_a_sentence_of_the_run() -> None:
    """What happens there is in no profit, and that is said."""
    (said,) = uncounted([claiming("XBTUSDTM", "DOGEUSDTM")], rules())
    assert said.startswith("mine claims DOGEUSDTM, which is not traded here")


def test_a_live_start_goes_on_while_an_overlay_sees_a_market() -> None:
    """A delisted coin is noted; an overlay that sees nothing at all is refused."""
    (note,) = claim_notes([overlaid("XBTUSDTM", "DOGEUSDTM")], rules())
    assert (note.topic, "DOGEUSDTM" in note.text) == ("uncounted claim", True)
    assert claim_notes([overlaid("XBTUSDTM")], rules()) == ()
    with pytest.raises(UsageError, match="never end a loss there"):
        claim_notes([overlaid("DOGEUSDTM", "LUNAUSDTM")], rules())
