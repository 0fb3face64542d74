"""The file of vectors that a calibration grows, a step at a time.

Nothing here knows a formula or an exchange.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from bot.domain.errors import UsageError
from bot.report.calibration import Vector, vector_document
from connectors.markets.archive import write_text

__all__ = ["VectorFile"]


@dataclass(slots=True)
class VectorFile:
    """The file of vectors, and which steps are in it; written whole each time."""

    path: Path
    done: dict[str, list[dict[str, object]]] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path) -> Self:
        """What is there already; a file that is not there is empty.

        Raises:
            UsageError: It is not a file of vectors.
        """
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return cls(path)
        except (OSError, ValueError):
            found = None
        if not isinstance(found, list) or not all(
            isinstance(row, dict) and isinstance(row.get("step"), str) for row in found
        ):
            raise UsageError(f"{path} is not a file of this command; name another.")
        done: dict[str, list[dict[str, object]]] = {}
        for row in found:
            done.setdefault(row["step"], []).append(row)
        return cls(path, done)

    def add(self, step: str, vectors: tuple[Vector, ...]) -> None:
        """Write a step down.

        Raises:
            UsageError: The disk refuses.
        """
        rows = [{"step": step, **row} for row in vector_document(vectors)]
        self.done[step] = rows or [{"step": step, "note": "nothing was stated"}]
        flat = [row for found in self.done.values() for row in found]
        write_text(self.path, json.dumps(flat, indent=1) + "\n")
