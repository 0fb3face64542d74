"""A bot on a small venue that dies at a given second while the market goes on.

The core is stepped and its requests reach the venue until the bot dies; then the venue
goes on alone. Nothing here asserts anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from bot.domain.accounts import AccountSnapshot
from bot.domain.entries import Entry
from bot.domain.events import (
    AccountStatus,
    AccountStatusChanged,
    Event,
    Filled,
    RulesRead,
    SnapshotTaken,
)
from bot.domain.market import Liquidity
from bot.domain.stops import StopChanged
from bot.engine.core import Core, State
from bot.guard.limits import GuardLimits
from bot.shadow.state import empty_shadow
from connectors.venue.venue import Venue
from storage.codec import encode
from tests.unit.venue.builders import DEEP, RATES, START, instant, rules, venue

__all__ = ["Life", "live_and_die"]


@dataclass(slots=True)
class Life:
    """What became of an account: everything that happened, and the venue at the end."""

    venue: Venue
    state: State
    events: list[Event] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)

    @property
    def liquidations(self) -> int:
        """How often the exchange took an account or position over."""
        return sum(
            isinstance(e, AccountStatusChanged)
            and e.status in {AccountStatus.LIQUIDATING, AccountStatus.LIQUIDATED}
            for e in self.events
        )

    @property
    def fills(self) -> list[Filled]:
        """Every trade."""
        return [e for e in self.events if isinstance(e, Filled)]

    @property
    def stops(self) -> list[StopChanged]:
        """All that was said of stops."""
        return [e for e in self.events if isinstance(e, StopChanged)]

    @property
    def journal(self) -> list[str]:
        """The rows as they would be stored."""
        return [encode(entry).body for entry in self.entries]


def live_and_die(
    account: AccountSnapshot,
    prices: Sequence[str],
    *,
    dies_after: int,
    limits: GuardLimits | None = None,
    every_s: float = 1.0,
    liquidity: Liquidity = DEEP,
    revives_after: int | None = None,
) -> Life:
    """Walk a market of BTC prices; the bot is dead after so many of them.

    With ``revives_after`` it steps on from there as it was, on a fresh snapshot.

    A request takes effect at once, before the next price.
    """
    core = Core(guard_limits=limits or with_stops())
    exchange = venue(
        account, first=instant(btc=prices[0], liquidity=liquidity, rates=RATES)
    )
    life = Life(venue=exchange, state=State(shadow=empty_shadow(rules())))
    life.events += exchange.opening_events
    opened = (
        RulesRead(at=START, rules=rules()),
        SnapshotTaken(at=START, snapshot=exchange.snapshot()),
    )
    _live(life, core, (*exchange.opening_events, *opened))
    for number, price in enumerate(prices):
        at = START + timedelta(seconds=number * every_s)
        ticked = exchange.tick(instant(at, btc=price, liquidity=liquidity))
        for moment in (ticked, exchange.advance(at)):
            is_back = revives_after is not None and number >= revives_after
            if is_back and number == revives_after:
                told = SnapshotTaken(at=at, snapshot=exchange.snapshot())
                _live(life, core, (told, *_missed(life)))
            if number < dies_after or is_back:
                _live(life, core, moment)
            else:
                life.events += moment
    return life


def _missed(life: Life) -> list[StopChanged]:
    """What became of the stops that the bot knew, while it was dead."""
    known = life.state.shadow.stops
    latest = {stop.stop_id: stop for stop in life.stops if stop.stop_id in known}
    return [stop for stop in latest.values() if stop.state.is_final]


def _live(life: Life, core: Core, moment: Sequence[Event]) -> None:
    """One moment and everything that it leads to."""
    waiting = [tuple(moment)]
    while waiting:
        told = waiting.pop(0)
        life.events += told
        step = core.step(life.state, told)
        life.state = step.state
        life.entries += step.entries
        at = life.venue.now
        waiting += [tuple(life.venue.submit(at, each)) for each in step.approved]


def with_stops() -> GuardLimits:
    """The guard as a run has it where nobody chose otherwise."""
    return replace(GuardLimits(), resting_stops=True)


def without_stops() -> GuardLimits:
    """The guard with nothing that rests."""
    return GuardLimits()
