"""What is subscribed over which connection, and connections that are replaced."""

import asyncio
from dataclasses import replace

import pytest

from bot.domain.errors import UsageError
from connectors.kucoin.streams import Channel, Frame, Gap, Restored
from connectors.kucoin.subscriptions import SubscriptionLimits
from connectors.kucoin.topics import (
    CONTRACT_MARKS,
    POSITIONS,
    SPOT_BALANCES,
    SPOT_ORDERS,
)
from tests.unit.kucoin.toy_streams import QUICK, Toy, balance, bench, newest, of, until

BTC = {CONTRACT_MARKS: ("XBTUSDTM",)}


async def test_a_renewal_makes_no_gap_and_doubles_nothing() -> None:
    """The new connection is confirmed before the old one goes, both deliver."""
    async with bench({POSITIONS: (), SPOT_BALANCES: ()}, renew_after_s=0.3) as b:
        await b.reader.restored(2)
        await until(lambda: b.streams.health()[SPOT_BALANCES].renewals >= 1)
        await b.toy.push(balance("9"), newest(b.toy, "/account/balance"))
        await b.reader.frames()
        assert not of(Gap, b.reader.items)
        assert len(of(Restored, b.reader.items)) == 2
        assert b.streams.health()[SPOT_BALANCES].reconnects == 0


async def test_while_two_connections_overlap_each_event_is_delivered_once() -> None:
    """The old connection delivers until the new one is confirmed."""
    toy = Toy()
    toy.answers = lambda peer, _topic: "ack" if peer.number != 1 else "silent"
    async with bench({SPOT_BALANCES: ()}, toy=toy, renew_after_s=0.2) as b:
        await b.reader.restored()
        await until(lambda: len(toy.peers) == 2)
        for peer in (0, 1):
            await toy.push(balance("7"), peer)
        await until(lambda: b.streams.health()[SPOT_BALANCES].repeated == 1)
        assert len(of(Frame, b.reader.items)) == 1
        assert not of(Gap, b.reader.items)
        assert b.streams.health()[SPOT_BALANCES].is_live


async def test_a_loss_during_a_renewal_is_told_and_the_new_connection_takes_over() -> (
    None
):
    """The old connection breaks before the new one is confirmed: one gap."""
    toy = Toy()
    held = asyncio.Event()
    toy.answers = lambda peer, _topic: (
        "silent" if peer.number == 1 and not held.is_set() else "ack"
    )
    limits = replace(QUICK, subscriptions=SubscriptionLimits(ack_s=0.1, sends_max=50))
    async with bench(
        {SPOT_BALANCES: ()}, toy=toy, limits=limits, renew_after_s=0.2
    ) as b:
        await b.reader.restored()
        await until(lambda: len(toy.peers) == 2)
        toy.reset(0)
        await b.reader.gaps()
        held.set()
        await b.reader.restored(2)
        assert len(of(Gap, b.reader.items)) == 1


async def test_topics_are_sent_a_hundred_at_a_time_over_enough_connections() -> None:
    """At most 100 symbols a request and the limit of topics a connection."""
    symbols = tuple(f"C{number}USDTM" for number in range(250))
    limits = replace(
        QUICK, subscriptions=SubscriptionLimits(ack_s=0.5, topics_per_link=220)
    )
    async with bench({CONTRACT_MARKS: symbols}, limits=limits) as b:
        await b.reader.restored()
        sizes = sorted(
            sorted(said["topic"].count(",") + 1 for said in peer.requests)
            for peer in b.toy.peers
        )
        assert sizes == [[20, 100, 100], [30]]
        health = b.streams.health()[CONTRACT_MARKS]
        assert (health.wanted, health.acked) == (250, 250)


async def test_a_refused_channel_is_never_told_to_be_live() -> None:
    """A private topic that the key may not see is a gap with the exchange's words."""
    toy = Toy()
    toy.answers = lambda _peer, _topic: "no permission"
    async with bench({POSITIONS: ()}, toy=toy) as b:
        (gap,) = await b.reader.gaps()
        assert "no permission" in gap.reason
        assert not b.streams.health()[POSITIONS].is_live
        assert len(toy.peers) == 1


async def test_connections_of_one_kind_share_a_token() -> None:
    """One token serves the connections that are made together."""
    symbols = tuple(f"C{number}USDTM" for number in range(4))
    limits = replace(
        QUICK, subscriptions=SubscriptionLimits(topics_per_link=2), token_reuse_s=60.0
    )
    async with bench({CONTRACT_MARKS: symbols}, limits=limits) as b:
        await b.reader.restored()
        assert len(b.toy.peers) == 2
        assert len(b.toy.tokens) == 1


async def test_what_is_wanted_can_change_without_a_loss() -> None:
    """A new symbol is subscribed, an old one given up, on the same connection."""
    async with bench(BTC) as b:
        await b.reader.restored()
        b.streams.subscribe({CONTRACT_MARKS: ("XBTUSDTM", "ETHUSDTM")})
        await until(lambda: b.streams.health()[CONTRACT_MARKS].acked == 2)
        await b.toy.push(b.mark("3", b.clock.ms(), "ETHUSDTM"))
        await b.reader.frames()
        b.streams.subscribe({CONTRACT_MARKS: ("ETHUSDTM",)})
        peer = b.toy.peers[0]
        await until(lambda: peer.requests[-1]["type"] == "unsubscribe")
        assert peer.requests[-1]["topic"] == "/contract/instrument:XBTUSDTM"
        b.streams.subscribe({POSITIONS: ()})
        await b.reader.restored(2)
        assert not of(Gap, b.reader.items)
        assert set(b.streams.health()) == {POSITIONS}


@pytest.mark.parametrize(
    ("channel", "symbols", "words"),
    [
        (Channel("spot", "/market/ticker"), ("BTC-USDT",), "Nothing reads"),
        (CONTRACT_MARKS, (), "needs symbols"),
        (POSITIONS, ("XBTUSDTM",), "takes no symbols"),
        (CONTRACT_MARKS, ("A,B",), "not symbols"),
        (Channel("spot", SPOT_ORDERS.topic), (), "Nothing reads"),
    ],
)
async def test_a_channel_that_makes_no_sense_is_refused(
    channel: Channel, symbols: tuple[str, ...], words: str
) -> None:
    """A mistake in what is wanted is found before anything is connected."""
    with pytest.raises(UsageError, match=words):
        async with bench({channel: symbols}):
            pass


async def test_one_refused_symbol_does_not_silence_the_others() -> None:
    """A refused batch is halved until only the bad symbol is refused."""
    toy = Toy()
    toy.answers = lambda _peer, topic: "not found" if "BAD" in topic else "ack"
    symbols = (*(f"C{number}USDTM" for number in range(20)), "BADUSDTM")
    async with bench({CONTRACT_MARKS: symbols}, toy=toy) as b:
        await b.reader.restored()
        health = b.streams.health()[CONTRACT_MARKS]
        assert health.is_live
        assert health.acked == 20
        assert health.refused == {"BADUSDTM": "404 not found"}
        assert len(toy.peers) == 1


async def test_a_channel_that_the_new_connection_had_first_comes_back_too() -> None:
    """Confirmed before the old connection broke, or after: both are restored."""
    toy = Toy()
    held = asyncio.Event()
    toy.answers = lambda peer, topic: (
        "silent"
        if peer.number == 1 and "Orders" in topic and not held.is_set()
        else "ack"
    )
    limits = replace(QUICK, subscriptions=SubscriptionLimits(ack_s=0.1, sends_max=50))
    wanted = {SPOT_BALANCES: (), SPOT_ORDERS: ()}
    async with bench(wanted, toy=toy, limits=limits, renew_after_s=0.2) as b:
        await b.reader.restored(2)
        await until(lambda: len(toy.peers) == 2 and len(toy.peers[1].topics) == 1)
        toy.reset(0)
        await b.reader.gaps(2)
        held.set()
        again = (await b.reader.restored(4))[2:]
        assert {note.channel for note in again} == {SPOT_BALANCES, SPOT_ORDERS}
        assert len(toy.peers) == 2
