"""A process that runs ``gnomon`` again and again, and kills it where it is told.

Started as ``python forks.py FOLDER``; each line of standard input is one JSON task
``{"folder", "words", "kill_after", "signal"}``: run these words in that folder in a
child, and with ``kill_after`` signal it that many seconds after its journal appeared,
or, with ``after_row``, after its first row: on a busy machine that is much later.
One JSON answer a line. The program is imported once, so that a run costs a fork and
not a start of the interpreter.
"""

import contextlib
import io
import json
import os
import signal
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

from bot.cli import main
from bot.cli import run as _warm_run  # noqa: F401 - imported once, before the forks

__all__ = ["serve"]

_JOURNAL = "j.sqlite"


def serve() -> None:
    """Answer tasks until standard input ends."""
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_do(json.loads(line))) + "\n")
        sys.stdout.flush()


def _do(task: dict[str, Any]) -> dict[str, Any]:
    folder = Path(task["folder"])
    child = os.fork()
    if child == 0:
        os._exit(_run(folder, task["words"]))
    if task["kill_after"] is not None:
        _wait(child, folder, float(task["kill_after"]), has_row=task["after_row"])
        if _lives(child):
            os.kill(child, task["signal"])
    _, status = os.waitpid(child, 0)
    return {"code": os.waitstatus_to_exitcode(status), **_said(folder)}


def _run(folder: Path, words: list[str]) -> int:
    """In the child: run the words and keep what they say in files."""
    os.chdir(folder)
    # as at a terminal: what a shell starts in the background ignores Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)
    out, err = io.StringIO(), io.StringIO()
    code: object = 1
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(words)
        except SystemExit as stopped:
            code = stopped.code
    Path("out").write_text(out.getvalue(), encoding="utf-8")
    Path("err").write_text(err.getvalue(), encoding="utf-8")
    return code if isinstance(code, int) else 1


def _wait(child: int, folder: Path, after: float, *, has_row: bool) -> None:
    """Until so long after the journal is there, or until the child has ended."""
    pause = 0.002
    is_there = _has_row if has_row else Path.exists
    while not is_there(folder / _JOURNAL) and _lives(child):
        time.sleep(pause)  # noqa: TID251 - a parent that waits for its child
    due = time.monotonic() + after
    while time.monotonic() < due and _lives(child):
        time.sleep(pause)  # noqa: TID251 - a parent that waits for its child


def _has_row(journal: Path) -> bool:
    """Whether anything was made durable; what is being created has nothing yet."""
    if not journal.exists():
        return False
    with contextlib.closing(
        sqlite3.connect(f"{journal.as_uri()}?mode=ro", uri=True)
    ) as base:
        try:
            return base.execute("SELECT 1 FROM entry LIMIT 1").fetchone() is not None
        except sqlite3.OperationalError:
            return False


def _lives(child: int) -> bool:
    """Whether the child still runs; it stays to be waited for in either case."""
    found = os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    return found is None


def _said(folder: Path) -> dict[str, str]:
    texts = {}
    for name in ("out", "err"):
        file = folder / name
        texts[name] = file.read_text(encoding="utf-8") if file.exists() else ""
    return texts


if __name__ == "__main__":
    serve()
