"""Follows what turns up while a run goes on: its marks, its rules, its orders.

A coin that somebody else borrows, a contract that somebody else opens, is owned or
owed from that moment, and an account with a mark missing cannot be measured at all.
So what is followed only grows, as soon as the books show more. Nothing here reads
the books or decides.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from bot.domain.accounts import isolated_account
from bot.domain.entries import Noted
from connectors.kucoin.feed import Feed, Interests
from connectors.kucoin.interests import channels_of
from connectors.kucoin.market_polls import MarketPolls
from connectors.kucoin.polls import AccountPolls, Events, Poll
from connectors.kucoin.streams import Channel

__all__ = ["FOLLOWED", "Following"]

FOLLOWED: Final = "followed"
"""The topic of what is followed from now on."""


class _Subscriber(Protocol):
    def subscribe(self, wanted: Mapping[Channel, Collection[str]]) -> None:
        """Replace what is wanted."""


@dataclass(slots=True, kw_only=True)
class Following:
    """Widens what a running world follows.

    ``wanted`` gives all that should be followed now, never less than before; the
    reader of ``market`` reads the rules of just that. ``remember`` makes a note
    durable.
    """

    wanted: Callable[[], Interests]
    streams: _Subscriber
    feed: Feed
    market: MarketPolls
    account: AccountPolls
    remember: Callable[[Noted], None]

    def poll(self) -> Poll:
        """Compare often: it asks the exchange only when there is more to follow."""
        return Poll(name="what is followed", every_s=1, ask=self.follow)

    async def follow(self) -> Events:
        """Follow more, if there is more; gives the rules that come with it.

        Raises:
            ExchangeRefusedError: The rules are refused; nothing is changed.
            UnreachableError: They cannot be read; nothing is changed.
        """
        wanted, known = self.wanted(), self.feed.interests
        if wanted == known:
            return ()
        told = await self.market.new_rules()
        self.streams.subscribe(channels_of(wanted))
        self.feed.interests = wanted
        self.market.interests = wanted
        self.account.interests = wanted
        if names := ", ".join(sorted(_names(wanted) - _names(known))):
            text = f"{names} turned up in the account: followed from now"
            self.remember(Noted(topic=FOLLOWED, text=text))
        return told


def _names(interests: Interests) -> frozenset[str]:
    found = interests.coins | interests.contracts | interests.spot_symbols
    return found | {isolated_account(pair) for pair in interests.pairs}
