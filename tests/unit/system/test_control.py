"""A word to the running bot: one line in, one line out, for its owner only."""

import asyncio
import stat
from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.domain.errors import RefusedError
from connectors.system.control import ControlServer, ask_running, control_path


async def echo(request: Mapping[str, object]) -> Mapping[str, object]:
    """Answer with the request."""
    return {"heard": dict(request)}


def test_the_socket_lies_beside_the_journal() -> None:
    """A command finds the running bot by the journal that it names."""
    assert control_path(Path("runs/live/journal.sqlite")) == Path(
        "runs/live/journal.sqlite.ctl"
    )


async def test_a_request_is_answered(tmp_path: Path) -> None:
    """What is asked comes to the handler, and its answer comes back."""
    path = tmp_path / "j.ctl"
    server = await ControlServer.open(path, echo)
    try:
        answer = await ask_running(path, {"do": "balances"}, 1)
    finally:
        await server.close()
    assert answer == {"heard": {"do": "balances"}}


async def test_only_the_owner_may_speak(tmp_path: Path) -> None:
    """The socket file is open to its owner alone, and is gone after the end."""
    path = tmp_path / "j.ctl"
    server = await ControlServer.open(path, echo)
    mode = stat.S_IMODE(path.stat().st_mode)
    await server.close()
    assert (mode, path.exists()) == (0o600, False)


async def test_nobody_running_is_none(tmp_path: Path) -> None:
    """Without a file, and with one that a dead process left, nobody runs."""
    path = tmp_path / "j.ctl"
    assert await ask_running(path, {}, 1) is None
    listener = await asyncio.start_unix_server(lambda r, w: None, path=str(path))
    listener.close()
    await listener.wait_closed()
    if not path.exists():
        path.touch()
    assert await ask_running(path, {}, 1) is None


async def test_a_silent_bot_is_a_refusal(tmp_path: Path) -> None:
    """One that is there and does not answer is not taken for one that is not."""
    path = tmp_path / "j.ctl"

    async def never(request: Mapping[str, object]) -> Mapping[str, object]:
        await asyncio.Event().wait()
        return {}

    server = await ControlServer.open(path, never)
    with pytest.raises(RefusedError, match="did not answer"):
        await ask_running(path, {}, 0.05)
    await server.close()


@pytest.mark.parametrize("line", [b"no json\n", b"[1]\n", b"\n"])
async def test_junk_is_answered_with_an_error(tmp_path: Path, line: bytes) -> None:
    """A line that is no JSON object reaches no handler."""
    path = tmp_path / "j.ctl"
    server = await ControlServer.open(path, echo)
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(line)
    answer = await reader.readline()
    writer.close()
    await writer.wait_closed()
    await server.close()
    assert b'"error"' in answer


async def test_a_journal_in_a_deep_folder_can_be_spoken_to(tmp_path: Path) -> None:
    """A system's socket names are short; the folders of people are not."""
    folder = tmp_path / ("deep" * 20) / ("deeper" * 20)
    folder.mkdir(parents=True)
    path = control_path(folder / "journal.sqlite")
    server = await ControlServer.open(path, echo)
    assert path.exists()
    answer = await ask_running(path, {"do": "loans"}, 1)
    await server.close()
    assert answer == {"heard": {"do": "loans"}}
    assert await ask_running(path, {}, 1) is None
