"""A live start on a disk without room for its journal."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.compose_live import LiveOptions, open_session
from bot.domain.errors import RefusedError, UnreachableError
from bot.settings import Settings, read_settings
from connectors.kucoin.checks import Check, CheckState, Expected


@dataclass
class Answers:
    """An exchange of which only the checks are asked, and then nothing answers."""

    settings: Settings

    async def checks(self, expected: Expected) -> tuple[Check, ...]:
        """Everything is in order over there."""
        return (
            Check(
                name="account", state=CheckState.PASS, sentence="It is.", subject="7"
            ),
        )


@dataclass
class Silence(Answers):
    """An exchange that does not answer even that."""

    async def checks(self, expected: Expected) -> tuple[Check, ...]:
        """Nothing comes back."""
        raise UnreachableError("the exchange was asked")


def settings(folder: Path, patch: pytest.MonkeyPatch) -> Settings:
    """Defaults, of an empty folder."""
    patch.chdir(folder)
    return read_settings(None)


async def test_a_bot_does_not_start_on_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the doctor fails refuses the start, before a journal is made."""
    journal = tmp_path / "j.sqlite"
    options = LiveOptions(journal=journal, uid="7", room=lambda _: 100_000_000)
    connection = Answers(settings(tmp_path, monkeypatch))
    with pytest.raises(RefusedError, match=r"disk room: 0.10 GB are free .* Make room"):
        await open_session(connection, options).__aenter__()  # type: ignore[arg-type]  # by hand
    assert not journal.exists()


async def test_a_persons_reduction_is_not_refused_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session that decides nothing by itself is not asked for room."""
    options = LiveOptions(
        journal=tmp_path / "j.sqlite",
        is_guarded=False,
        has_strategies=False,
        room=lambda _: 0,
    )
    connection = Silence(settings(tmp_path, monkeypatch))
    with pytest.raises(UnreachableError, match="the exchange was asked"):
        await open_session(connection, options).__aenter__()  # type: ignore[arg-type]  # by hand
