"""The command line called in this process, in a folder of its own. Asserts nothing."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.cli import main
from tests.contract.served import Key, Served

__all__ = ["Desk", "Result"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def object(self) -> Any:
        """The one object on standard output; anything else there is an error."""
        return json.loads(self.out)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A folder with a ``.env``, where commands are typed."""

    folder: Path
    capture: pytest.CaptureFixture[str]

    @classmethod
    def at(
        cls,
        folder: Path,
        capture: pytest.CaptureFixture[str],
        patch: pytest.MonkeyPatch,
    ) -> "Desk":
        """Go to a folder; its home is its own too, and the terminal is 80 wide."""
        patch.chdir(folder)
        patch.setenv("HOME", str(folder))
        patch.setenv("COLUMNS", "80")
        return cls(folder=folder, capture=capture)

    @property
    def journal(self) -> Path:
        """The live bot's journal."""
        return self.folder / "runs" / "live" / "journal.sqlite"

    def configure(
        self, served: Served, key: Key | None = None, /, **lines: str
    ) -> Mapping[str, str]:
        """Write ``.env`` for a venue served at x4; ``lines`` replace or add some."""
        used = key or served.full
        found = {
            "KUCOIN_API_KEY": used.key,
            "KUCOIN_API_SECRET": used.secret,
            "KUCOIN_API_PASSPHRASE": used.passphrase,
            "KUCOIN_SPOT_URL": served.spot,
            "KUCOIN_FUTURES_URL": served.futures,
            "GNOMON_LIVE": "yes",
            "GNOMON_CLOCK_RATE": "4",
            **lines,
        }
        path = self.folder / ".env"
        path.touch(mode=0o600)
        text = "".join(f"{name}={value}\n" for name, value in found.items())
        path.write_text(text, encoding="utf-8")
        return found

    def type(self, *words: str) -> Result:
        """Run one command to its end."""
        self.capture.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main(words)
        said = self.capture.readouterr()
        code = stopped.value.code
        return Result(
            code=code if isinstance(code, int) else 1, out=said.out, err=said.err
        )
