"""Writes the score that the program shows beside a forecast, from the measured one.

Reads ``benchmarks/results/forecast_score.json`` and writes the module
``bot/risk/forecast_scored.py``, which holds nothing but those numbers. A test
compares the two.

    python -m benchmarks.forecast_ship
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

__all__ = ["main", "module_text"]

SOURCE: Final = Path(__file__).resolve().parent / "results" / "forecast_score.json"
TARGET: Final = Path(__file__).resolve().parents[1] / "bot/risk/forecast_scored.py"

_HEAD: Final = '''"""How good the forecast was on held-out markets: numbers only.

Written by ``python -m benchmarks.forecast_ship`` from
``benchmarks/results/forecast_score.json``; edit neither by hand. Read through
``bot.risk.forecast_trust``, which says what the columns mean; computes nothing.
"""

from typing import Final

__all__ = ["FITTED", "RELIABILITY", "SCORED", "SKILL", "SOURCE_DIGEST", "STATES"]
'''


def module_text(score: bytes) -> str:
    """The module for a file of scores."""
    return "\n".join(_lines(json.loads(score), score)) + "\n"


def _lines(found: dict[str, Any], score: bytes) -> Iterator[str]:
    yield _HEAD
    yield f'SOURCE_DIGEST: Final = "{hashlib.sha256(score).hexdigest()[:16]}"'
    yield '"""The first digits of the SHA-256 of the file of scores."""'
    for name in ("fitted", "scored"):
        first, last = (when[:10] for when in found[name])
        yield f'{name.upper()}: Final = ("{first}", "{last}")'
    yield f"STATES: Final = {found['states']}"
    yield ""
    yield "SKILL: Final = {"
    for row in found["skills"]:
        hours = row["what"].removesuffix(" h")
        if hours.isdigit():
            rivals = [row[f"rate before{end}"] for end in ("", " band")]
            band = ", ".join(f"{edge:.3f}" for edge in rivals[1])
            yield (f"    {hours}: ({rivals[0]:.3f}, {band}, {row['ewma normal']:.3f}),")
    yield "}"
    yield ""
    yield "RELIABILITY: Final = {"
    for name, rows in found["reliability"].items():
        hours = name.removesuffix(" h")
        if not hours.isdigit():
            continue
        yield f"    {hours}: ("
        for row in rows:
            numbers = (row["from"], row["to"], row["said"], row["came"])
            told = ", ".join(f"{number:.4f}" for number in numbers)
            yield f"        ({told}, {row['forecasts']}),"
        yield "    ),"
    yield "}"


def main() -> None:
    """Write the module."""
    TARGET.write_text(module_text(SOURCE.read_bytes()))
    print(TARGET)


if __name__ == "__main__":
    main()
