"""What nobody pushes of our account, asked for at its own cadence: ratios and orders.

Each poll reads a few documents and returns the events that are news. Polls know when
they are due in seconds of the exchange's time, and nothing of tasks or failures:
``world.py`` runs them, each alone, and a failed one changes nothing. Nothing here
decides.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    AccountId,
    isolated_account,
)
from bot.domain.errors import RefusedError
from bot.domain.events import Event
from bot.domain.orders import OrderState
from bot.ports import Clock
from connectors.kucoin.answers import ExchangeRefusedError, Rest
from connectors.kucoin.feed import Feed, Interests
from connectors.kucoin.name_by_name import NameByName
from connectors.kucoin.order_reads import open_orders, order_by_id
from connectors.kucoin.order_words import is_margin_account
from connectors.kucoin.parse.margin_accounts import cross_account, isolated_pairs
from connectors.kucoin.parse.service import key_info
from connectors.kucoin.parse.wallets import account_overview
from connectors.kucoin.registry import OrderFact
from connectors.kucoin.stop_reads import news_of_stops
from connectors.kucoin.wake import Waker

__all__ = ["AccountPolls", "Events", "Poll"]

_SILENT: Final = timedelta(seconds=10)
_LOST_LOGIN: Final = frozenset({"400003", "400004", "400005", "400006", "400007"})
_NEEDED: Final = frozenset({"General", "Margin", "Futures"})
_BOOKED_AFTER_S: Final = (20, 60)
"""Seconds past the hour, or past a settlement, at which its bookings are looked for."""
_GRACE: Final = timedelta(seconds=10)

Events = Sequence[Event]


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """One thing to ask for, every so many seconds of the exchange's time."""

    name: str
    every_s: float
    ask: Callable[[], Awaitable[Events]]


@dataclass(slots=True, kw_only=True)
class AccountPolls:
    """The polls of our own account.

    ``settlements`` are the contracts' next settlements, kept by the market's polls.
    """

    rest: Rest
    clock: Clock
    interests: Interests
    feed: Feed
    waker: Waker
    settlements: Mapping[str, datetime]
    pairs: Callable[[], frozenset[str]]
    """The pairs in which orders are listed, besides those that KuCoin names."""
    note: Callable[[str], None]
    """Told in a sentence what of one settle coin cannot be read."""
    _each: NameByName = field(init=False)
    _missing: dict[str, datetime] = field(default_factory=dict)
    _booked_at: datetime | None = None

    def __post_init__(self) -> None:
        """Settle coins that are refused are remembered between two polls."""
        self._each = NameByName(self.clock, self.note)

    def all(self) -> tuple[Poll, ...]:
        """The polls with their cadences."""
        return (
            Poll(name="bookings due", every_s=1, ask=self.bookings_due),
            Poll(name="risk rates", every_s=5, ask=self.risk_rates),
            Poll(name="debt ratios", every_s=5, ask=self.debt_ratios),
            Poll(name="orders", every_s=15, ask=self.orders),
            Poll(name="stops", every_s=60, ask=self.stops),
            Poll(name="full look", every_s=300, ask=self.full_look),
            Poll(name="key", every_s=3600, ask=self.key),
        )

    async def full_look(self) -> Events:
        """Look at everything, which ends in a snapshot."""
        self.waker.touch_all()
        return ()

    async def bookings_due(self) -> Events:
        """Interest is booked soon after each full hour, funding after a settlement."""
        now = self.clock.now()
        before, self._booked_at = self._booked_at, now
        if before is None:
            return ()
        hour = now.replace(minute=0, second=0, microsecond=0)
        if _crossed(before, now, hour):
            margin = [a for a in self.waker.accounts if is_margin_account(a)]
            self.waker.touch(margin)
        for settled_at in self.settlements.values():
            if _crossed(before, now, settled_at):
                self.waker.touch({FUTURES})
        return ()

    async def risk_rates(self) -> Events:
        """The futures risk rate of each settle coin, while there is something in it."""
        if FUTURES not in self.waker.held:
            return ()
        settles = sorted(self.interests.settles)
        return await self._each.ask("the risk rate", settles, self._risk_rate)

    async def _risk_rate(self, settle: str) -> Events:
        params = {"currency": "XBT" if settle == "BTC" else settle}
        overview = account_overview(await self.rest.read("futures_account", params))
        if overview.risk_rate is None:
            return ()
        at = self.clock.now()
        return self.feed.standing.risk_rate(at, settle, overview.risk_rate)

    async def debt_ratios(self) -> Events:
        """Debt ratios by REST: cross where its push is silent, isolated always."""
        return (*await self._cross_ratio(), *await self._isolated_ratios())

    async def _cross_ratio(self) -> Events:
        pushed_at = self.feed.ratio_at
        is_silent = pushed_at is None or self.clock.now() - pushed_at > _SILENT
        if not is_silent or MARGIN_CROSS not in self.waker.held:
            return ()
        account = cross_account(await self.rest.read("margin_accounts"))
        return self._stand(MARGIN_CROSS, account.status, account.debt_ratio)

    async def _isolated_ratios(self) -> Events:
        held = self.waker.held
        pairs = {p for p in self.interests.pairs if isolated_account(p) in held}
        if not pairs:
            return ()
        found = isolated_pairs(await self.rest.read("isolated_accounts"))
        told: list[Event] = []
        for pair in sorted(pairs & found.keys()):
            account = found[pair]
            name = isolated_account(pair)
            told += self._stand(name, account.status, account.debt_ratio)
        return told

    def _stand(
        self, account: AccountId, word: str | None, ratio: Decimal | None
    ) -> Events:
        at, standing = self.clock.now(), self.feed.standing
        told = standing.margin_word(at, account, word or "")
        if ratio is not None:
            told += standing.margin_ratio(at, account, ratio)
        return told

    async def orders(self) -> Events:
        """Open orders as listed; one that is not listed any more is asked for."""
        registry = self.waker.registry
        accounts = self.interests.accounts - {MAIN}
        listed = await open_orders(self.rest, accounts, self.pairs())
        for fact in listed:
            registry.see(fact)
        ids = {fact.order_id for fact in listed}
        unlisted = [f for f in registry.open_orders() if f.order_id not in ids]
        for fact in unlisted:
            await self._ask_order(fact)
        missing = {fact.order_id for fact in unlisted}
        self._missing = {k: v for k, v in self._missing.items() if k in missing}
        self.waker.touch_held()
        return ()

    async def _ask_order(self, fact: OrderFact) -> None:
        """What became of an open order that no list shows."""
        registry = self.waker.registry
        account = registry.account_of(fact)
        if account is None:
            return
        found = await order_by_id(self.rest, account, fact.symbol, fact.order_id)
        if found is not None:
            self._missing.pop(fact.order_id, None)
            registry.see(found)
            return
        first = self._missing.setdefault(fact.order_id, self.clock.now())
        if self.clock.now() - first >= _GRACE:
            reason = "the exchange has no record of it"
            registry.see(replace(fact, state=OrderState.CANCELLED, reason=reason))

    async def stops(self) -> Events:
        """The stops as listed, ours and foreign ones; what is gone is told."""
        accounts = self.interests.accounts - {MAIN}
        return await news_of_stops(self.rest, self.clock, self.waker.registry, accounts)

    # -- our key -----------------------------------------------------------

    async def key(self) -> Events:
        """Whether our key still works and may still do what is needed.

        Raises:
            RefusedError: It does not; nothing can be done without it.
        """
        try:
            info = key_info(await self.rest.read("api_key"))
        except ExchangeRefusedError as refusal:
            if refusal.code in _LOST_LOGIN:
                raise RefusedError(
                    f"KuCoin takes our API key no more ({refusal}); make a new key "
                    "and start again."
                ) from None
            raise
        missing = _NEEDED - info.permissions
        if missing:
            raise RefusedError(
                f"The API key has lost {', '.join(sorted(missing))}; give it back "
                "and start again."
            )
        return ()


def _crossed(before: datetime, now: datetime, base: datetime) -> bool:
    """Whether the time at which something of ``base`` is booked has just passed."""
    dues = (base + timedelta(seconds=s) for s in _BOOKED_AFTER_S)
    return any(before < due <= now for due in dues)
