"""Connections that are not made or are lost: what the reader gets told."""

import asyncio

import pytest

from bot.domain.errors import UnreachableError, UsageError
from connectors.kucoin.streams import Frame, Gap
from connectors.kucoin.topics import (
    CONTRACT_MARKS,
    CROSS_POSITION,
    FUTURES_WALLET,
    MARGIN_MARKS,
    POSITIONS,
)
from tests.unit.kucoin.toy_streams import Toy, bench, nothing_for, of, until

BTC = {CONTRACT_MARKS: ("XBTUSDTM",)}


async def test_each_host_and_kind_has_its_own_connection_and_token() -> None:
    """Public and private, spot and futures: four tokens, four sockets."""
    wanted = {
        CONTRACT_MARKS: ("XBTUSDTM",),
        MARGIN_MARKS: ("USDT-BTC", "ETH-BTC"),
        POSITIONS: (),
        FUTURES_WALLET: (),
        CROSS_POSITION: (),
    }
    async with bench(wanted) as b:
        await b.reader.restored(5)
        assert sorted(b.toy.tokens) == [
            "futures_bullet_private",
            "futures_bullet_public",
            "spot_bullet_private",
            "spot_bullet_public",
        ]
        sent = {said["topic"]: said for peer in b.toy.peers for said in peer.requests}
        assert sent["/indicator/markPrice:USDT-BTC,ETH-BTC"]["privateChannel"] is False
        assert sent["/contract/positionAll"]["privateChannel"] is True


async def test_without_a_welcome_nothing_is_sent_and_the_loss_is_told() -> None:
    """A server that never welcomes gets no subscription; the gap says why."""
    toy = Toy()
    toy.welcomes = False
    async with bench(BTC, toy=toy) as b:
        (gap, *_) = await b.reader.gaps()
        assert "welcome" in gap.reason
        assert all(not peer.requests for peer in toy.peers)
        toy.welcomes = True
        await b.reader.restored()
        assert len(of(Gap, b.reader.items)) == 1


async def test_a_missing_ack_is_asked_for_again_and_then_the_socket_is_given_up() -> (
    None
):
    """Two requests without an answer: the connection is made anew."""
    toy = Toy()
    toy.answers = lambda peer, _topic: "silent" if peer.number == 0 else "ack"
    async with bench(BTC, toy=toy) as b:
        await b.reader.restored()
        assert [len(peer.requests) for peer in toy.peers] == [2, 1]
        (gap,) = of(Gap, b.reader.items)
        assert "did not confirm" in gap.reason


async def test_a_close_by_the_server_is_a_gap_and_then_restored() -> None:
    """The gap begins at the last frame; everything is subscribed again."""
    async with bench({**BTC, POSITIONS: ()}) as b:
        await b.reader.restored(2)
        public = next(
            peer for peer in b.toy.peers if "instrument" in peer.requests[0]["topic"]
        )
        at_ms = b.clock.ms()
        await b.toy.push(b.mark("1", at_ms), public.number)
        await b.reader.frames()
        await public.socket.close()
        await b.reader.restored(3)
        (gap,) = of(Gap, b.reader.items)
        assert gap.channel == CONTRACT_MARKS
        assert int(gap.since.timestamp() * 1000) == at_ms
        assert b.streams.health()[CONTRACT_MARKS].reconnects == 1
        assert b.streams.health()[POSITIONS].reconnects == 0


async def test_a_reset_in_the_middle_of_a_frame_is_a_gap() -> None:
    """Half a frame delivers nothing; the loss is told and mended."""
    async with bench(BTC) as b:
        await b.reader.restored()
        b.toy.reset(half=b"\x81\x7e\x01\x00" + b'{"topic":"/contract/instr')
        await b.reader.restored(2)
        assert not of(Frame, b.reader.items)
        assert len(of(Gap, b.reader.items)) == 1


async def test_a_token_that_was_of_no_use_is_not_tried_again() -> None:
    """After a failed handshake the next attempt asks for another token."""
    toy = Toy()
    toy.status = 401
    async with bench(BTC, toy=toy, token_reuse_s=60.0) as b:
        await until(lambda: len(toy.tokens) >= 3)
        toy.status = 101
        await b.reader.restored()


async def test_connections_are_made_at_most_as_often_as_allowed() -> None:
    """A server that closes at once cannot draw out a storm of connections."""
    toy = Toy()
    toy.welcomes = False
    async with bench(
        BTC, toy=toy, connects=3, connects_window_s=60.0, welcome_s=0.01
    ) as b:
        await until(lambda: len(toy.peers) == 3)
        await nothing_for(0.3)
        assert len(toy.peers) == 3
        assert len(of(Gap, b.reader.items)) == 1


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (UnreachableError("KuCoin does not answer."), "does not answer"),
        (UsageError("The key is missing."), "key is missing"),
    ],
)
async def test_without_a_token_the_channel_says_so(
    error: Exception, words: str
) -> None:
    """A token that is not given is a gap with the reason; later ones are asked for."""
    toy = Toy()
    toy.refuse_token = error
    async with bench(BTC, toy=toy) as b:
        (gap,) = await b.reader.gaps()
        assert words in gap.reason
        toy.refuse_token = None
        await b.reader.restored()


async def test_a_refused_handshake_names_the_status_and_never_the_token() -> None:
    """The address of a stream holds a secret; no sentence of ours does."""
    toy = Toy()
    toy.status = 403
    async with bench(BTC, toy=toy) as b:
        (gap,) = await b.reader.gaps()
        assert "HTTP 403" in gap.reason
        assert "secret" not in gap.reason


async def test_a_stream_server_without_encryption_is_not_used() -> None:
    """A token never travels in the clear to another machine."""
    toy = Toy()
    async with bench(BTC, toy=toy) as b:
        await b.reader.restored()
        toy.url = "ws://203.0.113.7:80"
        await b.toy.peers[0].socket.close()
        await b.reader.until(lambda items: len(of(Gap, items)) >= 1)
        await until(
            lambda: "encryption" in (b.streams.health()[CONTRACT_MARKS].reason or "")
        )


async def test_an_expired_token_is_fetched_anew() -> None:
    """The exchange's error about the token costs the connection, and a new token."""
    toy = Toy()
    async with bench(BTC, toy=toy, token_reuse_s=60.0) as b:
        await b.reader.restored()
        await toy.push_raw('{"type":"error","code":401,"data":"token is expired"}')
        await b.reader.restored(2)
        assert len(toy.tokens) == 2


async def test_an_error_of_ours_ends_the_iterator_with_it() -> None:
    """A part that fails unexpectedly is never silent."""
    toy = Toy()
    toy.refuse_token = ZeroDivisionError("a bug")
    async with bench(BTC, toy=toy) as b:
        with pytest.raises(ZeroDivisionError, match="a bug"):
            await asyncio.wait_for(b.reader.task, 1)


async def test_closing_ends_the_iterator() -> None:
    """After close there is no more item and no more connection."""
    async with bench(BTC) as b:
        await b.reader.restored()
        await b.streams.close()
        await asyncio.wait_for(b.reader.task, 1)
        await until(lambda: all(peer.socket.closed for peer in b.toy.peers))
