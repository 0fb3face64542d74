"""The checkout as the architecture tests see it: files, their text, their trees.

Reads only; imports nothing of the product, so that a file which does not import
still gets its verdict.
"""

import ast
import subprocess
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

__all__ = [
    "PRODUCT",
    "ROOT",
    "Source",
    "module_exists",
    "parse",
    "product_sources",
    "proof_sources",
    "pyproject",
    "sources",
    "tracked_files",
]

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("bot", "connectors", "strategies", "storage")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One Python file; ``where`` is its path from the root, with slashes."""

    where: str
    text: str
    tree: ast.Module

    @property
    def module(self) -> str:
        """The dotted name it is imported by."""
        name = self.where.removesuffix(".py").replace("/", ".")
        return name.removesuffix(".__init__")

    def __str__(self) -> str:
        """The path, which pytest shows as the case's name."""
        return self.where


def parse(where: str, text: str) -> Source:
    """Make a source of a text; a planted one in a test, or a file's."""
    return Source(where=where, text=text, tree=ast.parse(text, filename=where))


@cache
def _under(folder: str) -> tuple[Source, ...]:
    paths = sorted((ROOT / folder).rglob("*.py"))
    return tuple(
        parse(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
        for path in paths
    )


def product_sources() -> list[Source]:
    """Every Python file that ships."""
    return [source for folder in PRODUCT for source in _under(folder)]


def proof_sources() -> list[Source]:
    """Every Python file of the tests."""
    return list(_under("tests"))


def sources() -> list[Source]:
    """Every Python file of the repository."""
    return [*product_sources(), *proof_sources(), *_under("benchmarks")]


def module_exists(name: str) -> bool:
    """Whether a dotted name is a module, or a package with an ``__init__``."""
    path = ROOT / name.replace(".", "/")
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


@cache
def pyproject() -> dict[str, Any]:
    """The project's settings as they stand in the file."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@cache
def tracked_files() -> tuple[Path, ...]:
    """What git tracks and the folder still holds, links left out."""
    listing = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607 - git is found on the path
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    paths = (ROOT / name for name in listing.split("\0") if name)
    return tuple(path for path in paths if path.is_file() and not path.is_symlink())
