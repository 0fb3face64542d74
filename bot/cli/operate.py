"""One request of the operator: asked of the running bot, else done in a short session.

A short session recovers as every start does, has no guard and no strategies, does
the one request, and ends. It waits for the books before it answers. While another
process opens or closes the account it is waited for, with a limit. What a key may do
beyond trading is judged where a bot starts: no request of a person waits for that.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from bot.cli.live_runner import ended, served
from bot.cli.logs import open_log
from bot.cli.sentences import say
from bot.compose_live import LiveOptions, connected, open_session
from bot.domain.errors import AccountBusyError, RefusedError, UsageError
from bot.engine.loop import Observer
from bot.engine.operator import OperatorDesk
from bot.live_start import LiveSession
from bot.settings import Settings
from connectors.system.clock import nap
from connectors.system.control import ask_running, control_path

__all__ = ["heard", "operate"]

_RUNNING_S: Final = 900.0
_MARKS_S: Final = 20.0
_LOOK_S: Final = 0.05
_BUSY_S: Final = 30.0
"""How long another process that has the account and does not listen is waited for."""
_BUSY_PAUSE_S: Final = 0.5


async def operate(
    settings: Settings, journal: Path, request: Mapping[str, str]
) -> Mapping[str, object]:
    """Do one request and say what became of it.

    Raises:
        UsageError: The request is not understood.
        RefusedError: Stops are to rest again, and no bot runs that would rest them.
        AccountBusyError: Another process keeps the account.
        GnomonError: The account cannot be opened.
    """
    path = control_path(journal)
    answer = await ask_running(path, request, _RUNNING_S)
    if answer is None and request.get("do") == "rest-stops":
        raise RefusedError(
            f"No bot runs on {journal}, so nothing holds its stops back: the next "
            "start rests them."
        )
    if answer is None:
        answer = await _when_free(settings, journal, request)
    error = answer.get("error")
    if isinstance(error, str):
        raise UsageError(error)
    return answer


async def _when_free(
    settings: Settings, journal: Path, request: Mapping[str, str]
) -> Mapping[str, object]:
    """Do it alone once nobody else has the account, or through whoever listens then.

    Nothing was sent when the account was found busy, so it may be tried again.
    """
    ends_s, is_told = time.monotonic() + _BUSY_S, False
    while True:
        try:
            return await _alone(settings, journal, request)
        except AccountBusyError:
            if time.monotonic() >= ends_s:
                raise
        if not is_told:
            say(
                "Another process on this machine has the account; waiting up to "
                f"{_BUSY_S:g} s for it."
            )
            is_told = True
        await nap(_BUSY_PAUSE_S)
        answer = await ask_running(control_path(journal), request, _RUNNING_S)
        if answer is not None:
            return answer


async def _alone(
    settings: Settings, journal: Path, request: Mapping[str, str]
) -> Mapping[str, object]:
    """Open the account, do the request, close it again."""
    open_log(journal.parent, is_quiet=True)
    options = LiveOptions(
        journal=journal,
        is_guarded=False,
        has_strategies=False,
        is_withdraw_accepted=True,
        is_open_ip_accepted=True,
    )
    async with AsyncExitStack() as stack:
        connection = await stack.enter_async_context(connected(settings))
        session = await stack.enter_async_context(open_session(connection, options))
        observers = await served(session, journal, stack, settings)
        session.engine.watch(observers)
        running = asyncio.create_task(session.run())
        try:
            await heard(session, running)
            return await _answered(observers, request, running)
        finally:
            session.stop()
            await running
            ended(session, {"operator": request.get("do", "")})


async def _answered(
    observers: Sequence[Observer],
    request: Mapping[str, str],
    running: asyncio.Task[None],
) -> Mapping[str, object]:
    """The desk's answer; a session that breaks off meanwhile raises what broke it."""
    desk = next(o for o in observers if isinstance(o, OperatorDesk))
    asking = asyncio.create_task(_asked(desk, request))
    await asyncio.wait({running, asking}, return_when=asyncio.FIRST_COMPLETED)
    if asking.done():
        return asking.result()
    asking.cancel()
    await running
    raise RefusedError("The session ended before the request did; look at its journal.")


async def _asked(
    desk: OperatorDesk, request: Mapping[str, str]
) -> Mapping[str, object]:
    """The answer, once what others asked of this session meanwhile is done too."""
    answer = await desk.answer(request)
    await desk.idle()
    return answer


async def heard(session: LiveSession, running: asyncio.Task[None]) -> None:
    """Wait until marks are known, feeds heard and orders told, but not for ever."""
    for _ in range(int(_MARKS_S / _LOOK_S)):
        shadow = session.engine.state.shadow
        unmarked = shadow.rules.contracts.keys() - shadow.futures_marks.keys()
        is_heard = shadow.margin_marks and not unmarked and not shadow.silent_feeds
        if running.done() or (is_heard and not session.world.registry.owes_news):
            return
        await nap(_LOOK_S)
