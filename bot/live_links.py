"""What the connector's parts ask of a running engine, which is made after them.

The books ask for an order's intent and a contract's mark, the world for what is to be
followed by now. Nothing here changes the engine. A part of the composition root.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from bot.domain.accounts import FUTURES, AccountSnapshot
from bot.domain.events import Event, Filled
from bot.engine.loop import Engine
from bot.guard.likely import likely_cures
from bot.ports import Clock
from bot.shadow.state import Shadow
from connectors.kucoin.answers import Rest
from connectors.kucoin.books import Names
from connectors.kucoin.feed import Interests
from connectors.kucoin.interests import Coined, interests_of, joined, listed, with_coins
from connectors.kucoin.money_requests import MoneyRequests
from connectors.kucoin.polls import Poll
from connectors.kucoin.pre_images import MoneyIntent
from connectors.kucoin.registry import OrderRegistry
from connectors.kucoin.relisting import Relisting
from connectors.system.disk import DiskWatch
from storage.journal import SqliteJournal

__all__ = ["Links", "disk_poll", "interests_at_start", "interests_in"]


def disk_poll(journal: SqliteJournal, clock: Clock) -> Poll:
    """The room under the journal, read every ten seconds of the exchange's time."""
    watch = DiskWatch(folder=journal.path.parent, journal=journal, now=clock.now)
    return Poll(name="disk", every_s=10, ask=watch.ask)


def interests_in(shadow: Shadow) -> Interests:
    """What to follow for the books as they are: all that is held, owed or ordered."""
    claims = [order.symbol for order in shadow.orders.values()]
    held = AccountSnapshot(balances=shadow.balances, positions=shadow.positions)
    return interests_of(held, claims, shadow.rules.contracts)


def interests_at_start(
    snapshot: AccountSnapshot,
    claims: Iterable[str],
    events: Iterable[Event],
    day: date,
) -> Interests:
    """What to follow from a start: the account, the claims, what the day has traded.

    What a fill of a contract was worth cannot be told without the contract's rules,
    and the day's turnover counts every fill, also of a contract that is closed.

    Args:
        snapshot: The account as it is.
        claims: Contracts and pairs as ``interests_of`` takes them.
        events: What is known of the time before; its fills count.
        day: The UTC day.
    """
    fills = (event for event in events if isinstance(event, Filled))
    traded = {f.symbol for f in fills if f.account == FUTURES and f.at.date() == day}
    return interests_of(snapshot, [*claims, *sorted(traded)], {})


@dataclass(slots=True)
class Links:
    """Registry, engine and what was followed so far; it only grows."""

    registry: OrderRegistry = field(default_factory=OrderRegistry)
    requests: MoneyRequests = field(default_factory=MoneyRequests)
    engine: Engine | None = None
    interests: Interests = field(default_factory=lambda: Interests(coins=frozenset()))

    def begin(self, named: Interests, contracts: Mapping[str, Coined]) -> Interests:
        """Follow these from the start, with the coins of their contracts."""
        self.interests = with_coins(named, contracts)
        return self.interests

    def wanted(self) -> Interests:
        """What was followed so far, and what the engine's books show by now."""
        if self.engine is not None:
            found = interests_in(self.engine.state.shadow)
            self.interests = joined(self.interests, found)
        return self.interests

    def tradable(self) -> Interests:
        """The same without the pairs that the engine's rules do not list."""
        wanted = self.wanted()
        if self.engine is None:
            return wanted
        return listed(wanted, self.engine.state.shadow.rules)

    def likely(self) -> Sequence[MoneyIntent]:
        """What a cure might move, by the engine's books."""
        return [] if self.engine is None else likely_cures(self.engine.state.shadow)

    def relisting(self, rest: Rest, clock: Clock) -> Relisting:
        """Lists all that rests when a person asks to cancel it."""
        return Relisting(
            rest=rest, clock=clock, registry=self.registry, wanted=self.tradable
        )

    def names(self) -> Names:
        """What the exchange's numbers mean: our intents, and the newest marks."""
        return Names(
            intent_of=self.registry.intent_of,
            mark_of=self.mark_of,
            loan_of=self.requests.claim,
        )

    def mark_of(self, symbol: str) -> Decimal | None:
        """The newest mark of a contract, or of the coin that a pair trades."""
        if self.engine is None:
            return None
        shadow = self.engine.state.shadow
        coin = symbol.partition("-")[0]
        return shadow.futures_marks.get(symbol, shadow.margin_marks.get(coin))
