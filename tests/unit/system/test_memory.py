"""What a start made is not looked through again by the collector of garbage."""

import gc

from connectors.system.memory import keep_for_good


def test_what_is_there_is_kept_and_what_comes_later_is_not() -> None:
    """The kept objects leave the generations; new garbage is still found."""
    assert gc.get_freeze_count() == 0
    try:
        kept = keep_for_good()
        assert kept == gc.get_freeze_count() > 1_000
        assert len(gc.get_objects()) < kept
        loop: list[object] = []
        loop.append(loop)
        del loop
        assert gc.collect() >= 1
    finally:
        gc.unfreeze()
