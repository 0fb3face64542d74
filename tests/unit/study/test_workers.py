"""The processes of a study."""

import subprocess
import sys

_LIMIT_S = 30.0
_STUDY = """
import time
from bot.study.workers import workers_of
with workers_of(1) as pool:
    print(pool.submit(abs, -1).result(), flush=True)
    pool.submit(time.sleep, 600).result()
"""


def test_workers_end_when_their_study_is_killed() -> None:
    """A job of ten minutes does not outlive it: nobody holds its output any more."""
    with subprocess.Popen(  # noqa: S603 - our own interpreter, our own text
        [sys.executable, "-c", _STUDY], stdout=subprocess.PIPE, text=True
    ) as study:
        assert study.stdout is not None
        assert study.stdout.readline() == "1\n"
        study.kill()
        rest, _ = study.communicate(timeout=_LIMIT_S)
    assert rest == ""
