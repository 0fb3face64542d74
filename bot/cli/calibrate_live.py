"""The live account behind ``gnomon calibrate``: a session without guard and strategies.

Orders and cancels are an operator's proposals: admitted, journaled and sent as all
others are. A switch of leverage is no intent of the core; it is noted in the journal,
durably, before it is sent. Nothing here knows what a calibration compares.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from typing import Final

import typer

from bot.cli.calibrate import Bench
from bot.cli.calibrate import calibrate_app as made_with
from bot.cli.live_runner import ended, journal_of, served
from bot.cli.logs import open_log
from bot.cli.operate import heard
from bot.compose_live import Connection, LiveOptions, connected, open_session
from bot.domain.accounts import FUTURES
from bot.domain.entries import Entry, Noted
from bot.domain.errors import RefusedError
from bot.domain.intents import CancelOrder, PlaceOrder, Proposal
from bot.domain.money import plain
from bot.domain.orders import Outcome
from bot.engine.operator import OperatorDesk, Ticket
from bot.guard.flatten import OPERATOR
from bot.live_start import LiveSession
from bot.settings import Settings
from connectors.system.clock import nap

__all__ = ["LiveHands", "calibrate_app"]

_TOPIC: Final = "leverage"


class LiveHands:
    """Changes the account through a running session."""

    def __init__(
        self,
        connection: Connection,
        session: LiveSession,
        desk: OperatorDesk,
    ) -> None:
        self._connection = connection
        self._session = session
        self._desk = desk

    @property
    def is_armed(self) -> bool:
        """Whether live orders are allowed at all."""
        return self._connection.settings.is_live_armed

    async def place(self, order: PlaceOrder, reason: str) -> None:
        """Send one order; returns when the exchange has taken it.

        Raises:
            RefusedError: A limit, or the exchange, refused it, or nobody knows.
        """
        ticket = await self._take(order, reason)
        if not ticket.is_taken:
            what = str(ticket.document()["what"])
            raise RefusedError(f"{what} is {ticket.state}: {ticket.reason}")

    async def cancel(self, symbol: str, order_id: str, reason: str) -> None:
        """Cancel one order; that it is gone already is no error.

        What is left is seen by whoever looks at the book afterwards.
        """
        intent = CancelOrder(account=FUTURES, symbol=symbol, order_id=order_id)
        await self._take(intent, reason)

    async def switch_leverage(
        self, symbol: str, leverage: Decimal, reason: str
    ) -> None:
        """Set the cross leverage of a contract.

        Raises:
            RefusedError: The exchange refused, or nobody knows.
        """
        words = f"{reason}: {symbol} to {plain(leverage)}x"
        self._note(f"{words} is asked for", {"symbol": symbol})
        answer = await self._connection.client.write(
            "set_cross_leverage", {"symbol": symbol, "leverage": plain(leverage)}
        )
        outcome = str(answer.outcome).replace("_", " ")
        self._note(f"{words} is {outcome}", {"symbol": symbol, "said": answer.message})
        if answer.outcome is not Outcome.DONE:
            raise RefusedError(f"{words} is {outcome}: {answer.message}")

    async def _take(self, intent: PlaceOrder | CancelOrder, reason: str) -> Ticket:
        proposal = Proposal(owner=OPERATOR, intent=intent, reason=reason)
        return await self._desk.take(proposal)

    def _note(self, text: str, inputs: dict[str, str]) -> None:
        """Make a row durable before anything else happens."""
        body = Noted(topic=_TOPIC, text=text, inputs=inputs)
        journal = self._session.journal
        journal.append([Entry(at=self._session.world.now(), body=body)])
        journal.commit()


@asynccontextmanager
async def _opened(settings: Settings, symbol: str) -> AsyncIterator[Bench]:
    """A live account for one contract; the session ends with the block."""
    journal = journal_of(settings, None)
    open_log(journal.parent, is_quiet=True)
    options = LiveOptions(
        journal=journal, is_guarded=False, has_strategies=False, claims=(symbol,)
    )
    async with AsyncExitStack() as stack:
        connection = await stack.enter_async_context(connected(settings))
        session = await stack.enter_async_context(open_session(connection, options))
        observers = await served(session, journal, stack, settings)
        desk = next(o for o in observers if isinstance(o, OperatorDesk))
        session.engine.watch(observers)
        running = asyncio.create_task(session.run())
        try:
            await heard(session, running)
            yield Bench(
                rest=connection.client,
                hands=LiveHands(connection, session, desk),
                now=session.world.now,
                pause=nap,
            )
        finally:
            session.stop()
            await running
            ended(session, {"calibrated": symbol})


calibrate_app: typer.Typer = made_with(_opened)
