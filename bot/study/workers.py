"""The processes that a study's jobs run in; they end with the study.

A process that is told to terminate tells its workers nothing, so each of them watches
it: what goes on computing for nobody takes a core from the next study. Nothing here
knows what a job is.
"""

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from threading import Thread

__all__ = ["workers_of"]


def workers_of(count: int) -> ProcessPoolExecutor:
    """Processes that start afresh and end when this one does, however it ends."""
    return ProcessPoolExecutor(
        count, mp_context=get_context("spawn"), initializer=_watch_parent
    )


def _watch_parent() -> None:
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
