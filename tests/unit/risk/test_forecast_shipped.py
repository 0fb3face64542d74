"""The score that the program shows is the one that was measured."""

from pathlib import Path

from benchmarks.forecast_ship import SOURCE, TARGET, module_text


def test_the_shipped_score_is_the_measured_one() -> None:
    """The module holds what the generator makes of the file of scores."""
    made, shipped = module_text(SOURCE.read_bytes()), Path(TARGET).read_text()

    assert "".join(made.split()) == "".join(shipped.split())
