"""A session's line is bounded: states are left out first, then the client is cut."""

from typing import cast

from aiohttp import web

from bot.domain.events import Filled, OrderChanged
from connectors.venue.server.order_steps import OrderSteps
from connectors.venue.server.socket_session import Session
from connectors.venue.server.tokens import TokenOwner
from tests.unit.venue.builders import START, opening
from tests.unit.venue_server.futures_backend import Served


class _Deaf:
    """A socket that nothing is ever sent on."""

    closed = False


async def _never(_seconds: float) -> None:
    """Waits for nothing."""


def _session(cuts: list[str]) -> Session:
    return Session(
        host="spot",
        socket=cast("web.WebSocketResponse", _Deaf()),
        cut=lambda: cuts.append("cut"),
        owner=TokenOwner(uid="7", is_private=True, expires_at=START),
        now=lambda: START,
        wait=_never,
    )


def test_states_are_left_out_for_a_slow_reader() -> None:
    """Beyond 500 waiting frames a mark is dropped, a fill is not."""
    cuts: list[str] = []
    session = _session(cuts)
    for number in range(600):
        session.offer("/mark", str(number), is_state=True)
    assert session.skipped == 100
    session.offer("/fill", "fill", is_state=False)
    assert session.skipped == 100
    assert cuts == []


def test_a_full_line_cuts_the_connection() -> None:
    """The 5001st frame that may not be dropped ends the connection."""
    cuts: list[str] = []
    session = _session(cuts)
    for number in range(5000):
        session.offer("/fill", str(number), is_state=False)
    assert cuts == []
    session.offer("/fill", "one too many", is_state=False)
    assert cuts == ["cut"]


def test_the_steps_of_an_order_sum_up_to_the_order() -> None:
    """Whatever is filled in parts: matches add up, and the end is told once."""
    served = Served(opening({"futures": {"USDT": "10000000"}}))
    steps = OrderSteps(served.backend.venue.orders, lambda _account: True)
    served.place("a", size=100000, type="limit", price="50020")
    served.place("b", type="limit", price="49000", size=7)
    served.tick("48900")
    told = list(steps.of(served.events))
    fills = [event for event in served.events if isinstance(event, Filled)]
    changes = [event for event in served.events if isinstance(event, OrderChanged)]
    assert changes
    for client_id in ("a", "b"):
        order = served.backend.venue.orders.by_client_id(client_id)
        assert order is not None
        assert order.filled > 0
        mine = [step for step in told if step.order is order]
        matched = sum(step.fill.qty for step in mine if step.fill is not None)
        assert matched == order.filled
        assert mine[0].kind == "received"
        assert [s.kind for s in mine].count("open") <= 1
        sums = [step.filled for step in mine]
        assert sums == sorted(sums)
    assert sum(1 for step in told if step.fill is not None) == len(fills)
