"""The rehearsal of the README, its own blocks, typed into two shells.

Only the ports and the duration are other ones: whatever else the page says to type is
run as it stands, in a home of its own.
"""

import json
import os
import re
import select
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
_START_S = 60.0
_SHELL_S = 120.0


def blocks() -> list[str]:
    """What the fourth step says to type, block by block."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    step = text.partition("### 4. Rehearse")[2].partition("### 5. Arm")[0]
    return re.findall(r"^```\n(.*?)^```$", step, re.DOTALL | re.MULTILINE)


def changed(text: str, changes: Mapping[str, str]) -> str:
    """A block with some words replaced; each must be there."""
    for old, new in changes.items():
        assert old in text, f"the README does not say {old!r} any more"
        text = text.replace(old, new)
    return text


def environment(home: Path) -> dict[str, str]:
    """A shell's environment with the command on its path and nothing set up."""
    command = home / "bin" / "gnomon"
    command.parent.mkdir()
    command.write_text(
        f"#!/bin/sh\nPYTHONPATH={shlex.quote(str(ROOT))} "
        f'exec {shlex.quote(sys.executable)} -m bot "$@"\n',
        encoding="utf-8",
    )
    command.chmod(0o700)
    kept = {
        name: value
        for name, value in os.environ.items()  # noqa: TID251 - handed to a shell
        if not name.startswith(("KUCOIN_", "GNOMON_"))
    }
    path = f"{command.parent}{os.pathsep}{kept.get('PATH', os.defpath)}"
    return {**kept, "HOME": str(home), "PATH": path}


@contextmanager
def first_terminal(
    script: str, home: Path, kept: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    """Type a script that serves a venue; SIGTERM must end the venue with 0."""
    shell = subprocess.Popen(  # noqa: S603 - the page's own words
        ["bash", "-ec", script + 'echo "ended with $?"'],  # noqa: S607 - on the path
        cwd=home,
        env=dict(kept),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert shell.stdout is not None
        assert select.select([shell.stdout], [], [], _START_S)[0], "it never started"
        yield json.loads(shell.stdout.readline())
        for process in _children(shell.pid):
            os.kill(process, signal.SIGTERM)
        out, err = shell.communicate(timeout=_SHELL_S)
        assert (out, err) == ("ended with 0\n", "")
    finally:
        if shell.poll() is None:
            os.killpg(shell.pid, signal.SIGKILL)
            shell.communicate()


def _children(process: int) -> list[int]:
    text = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="utf-8")
    return [int(word) for word in text.split()]


def typed(script: str, home: Path, kept: Mapping[str, str]) -> str:
    """Type a script into a second terminal; every line of it must succeed."""
    done = subprocess.run(  # noqa: S603 - the page's own words
        ["bash", "-ec", script],  # noqa: S607 - on the path
        cwd=home,
        env=dict(kept),
        capture_output=True,
        text=True,
        timeout=_SHELL_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_rehearsal_works_as_it_is_written(tmp_path: Path) -> None:
    """Whoever types the page gets a venue, a ready doctor, and a whole journal."""
    serve, live, look = blocks()
    kept = environment(tmp_path)
    serve = changed(serve, {"--port 8080": "--port 0"})
    with first_terminal(serve, tmp_path, kept) as ready:
        addresses = {
            "http://127.0.0.1:8080": ready["spot"],
            "http://127.0.0.1:8081": ready["futures"],
            "--for 2h": "--for 40s",
        }
        assert f"--arm {ready['uid']} " in live
        said = typed(changed(live, addresses), tmp_path, kept)
        assert "Ready for a live start." in said
        said = typed("cd ~/gnomon-rehearsal\n" + look, tmp_path, kept)
        assert f"live-{ready['uid']}" in said
        assert "journal.sqlite is whole" in said
        assert "printing" in said, "no ratio was compared"
    folder = tmp_path / "gnomon-rehearsal"
    assert (folder / ".env").stat().st_mode & 0o077 == 0
    assert "[margin_cross]" in (folder / "end.toml").read_text(encoding="utf-8")
