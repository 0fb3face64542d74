"""The law of the streams under seeded disorder: delivered once, or told as lost."""

import random  # noqa: TID251 - seeded below, for the order of faults
from typing import Any

import pytest

from connectors.kucoin.parse.ledgers import BalancePush
from connectors.kucoin.streams import Frame, Restored
from connectors.kucoin.topics import SPOT_BALANCES
from tests.unit.kucoin.toy_streams import (
    Bench,
    Item,
    Peer,
    Toy,
    balance,
    bench,
    nothing_for,
    until,
)

STEPS = 60


async def _publish(toy: Toy, push: dict[str, Any]) -> None:
    """What an exchange does: the push goes to every connection that subscribed."""
    for peer in toy.peers:
        if peer.topics and not peer.socket.closed:
            await _send(toy, peer, push)


async def _send(toy: Toy, peer: Peer, push: dict[str, Any]) -> None:
    transport = toy.requests[peer.number].transport
    if transport is not None and not transport.is_closing():
        await toy.push(push, peer.number)


async def _disturb(b: Bench, dice: random.Random) -> None:
    """One fault, or none."""
    peer = b.toy.peers[-1]
    match dice.randrange(9):
        case 0:
            await peer.socket.close()
        case 1:
            b.toy.reset()
        case 2:
            b.toy.reset(half=b"\x81\x7e\x01\x00half")
        case 3 if not peer.socket.closed:
            await b.toy.push_raw("{broken")
        case 4:
            b.toy.welcomes = False
            b.toy.reset()
            await nothing_for(0.05)
            b.toy.welcomes = True
        case 5:
            await nothing_for(0.03)
        case _:
            pass


@pytest.mark.parametrize("seed", range(4))
async def test_each_event_is_delivered_once_or_a_gap_covers_it(seed: int) -> None:
    """Whatever breaks, no event is doubled and none is missing without a gap.

    An event that is missing has a gap or a restoration between the events that were
    delivered before and after it.
    """
    dice = random.Random(seed)  # noqa: S311 - disorder, not secrets
    async with bench({SPOT_BALANCES: ()}, renew_after_s=0.04) as b:
        await b.reader.restored()
        for step in range(STEPS):
            push = balance(str(step))
            push["data"]["time"] = str(b.clock.ms())
            await _publish(b.toy, push)
            await nothing_for(0.005)
            if dice.random() < 0.15:
                await _disturb(b, dice)
                if dice.random() < 0.7:
                    await until(lambda: b.streams.health()[SPOT_BALANCES].is_live)
        await nothing_for(0.05)
        await until(lambda: b.streams.health()[SPOT_BALANCES].is_live)
        await nothing_for(0.02)
        items = list(b.reader.items)
    ids = [_number(item) for item in items]
    delivered = [number for number in ids if number is not None]
    assert len(delivered) == len(set(delivered))
    for lost in set(range(STEPS)) - set(delivered):
        before = [i for i, n in enumerate(ids) if n is not None and n < lost]
        after = [i for i, n in enumerate(ids) if n is not None and n > lost]
        notes = ids[max(before, default=0) : min(after, default=len(ids))]
        assert None in notes, f"event {lost} is missing and nothing was told"
    assert isinstance(
        next(x for x in items[::-1] if not isinstance(x, Frame)), Restored
    )


def _number(item: Item) -> int | None:
    """The number of a delivered event; None for a gap or a restoration."""
    value = item.value if isinstance(item, Frame) else None
    return int(value.event_id or -1) if isinstance(value, BalancePush) else None
