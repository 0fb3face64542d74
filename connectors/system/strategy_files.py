"""Strategies that are not ours: read from a file, or found as an entry point.

A path in the settings names a Python file with exactly one strategy in it; a package
offers strategies under the entry point group ``gnomon.strategies``. Whatever such
code raises becomes one sentence. Nothing here asks a strategy anything.
"""

import hashlib
import importlib.util
import sys
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from bot.domain.errors import UsageError
from bot.domain.fence import Fault, fenced
from bot.domain.scheduled import Kind, Scheduled, kind_of

__all__ = ["GROUP", "digest_of", "installed_kinds", "kind_in", "kind_of_entry"]

GROUP: Final = "gnomon.strategies"
"""The entry point group in which a package offers its strategies."""


def digest_of(path: Path) -> str:
    """The SHA-256 of a strategy's file: what tells two versions of it apart.

    Raises:
        UsageError: The file cannot be read.
    """
    return hashlib.sha256(_bytes(path)).hexdigest()


def kind_in(path: Path) -> Kind:
    """The one strategy of a file, its kind named like the file.

    Raises:
        UsageError: The file is missing, does not import, or has not exactly one.
    """
    module = _imported(path)
    found = [
        each
        for each in vars(module).values()
        if isinstance(each, type)
        and issubclass(each, Scheduled)
        and each.__module__ == module.__name__
        and not each.__name__.startswith("_")
    ]
    if len(found) != 1:
        names = ", ".join(each.__name__ for each in found) or "none"
        raise UsageError(
            f"{path} must hold exactly one class that extends Scheduled, found "
            f"{names}; put each strategy into a file of its own."
        )
    return kind_of(path.stem, found[0], str(path))


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"The strategy {path} cannot be read: {error.strerror}."
        ) from None


def _imported(path: Path) -> ModuleType:
    """Run the file as a module of its own, named by its content."""
    name = f"gnomon_own_{path.stem}_{hashlib.sha256(_bytes(path)).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"The strategy {path} must be a Python file that ends in .py.")
    module, loader = importlib.util.module_from_spec(spec), spec.loader
    sys.modules[name] = module
    found = fenced(lambda: loader.exec_module(module))
    if isinstance(found, Fault):
        del sys.modules[name]
        raise UsageError(f"The strategy {path} does not import: {found.text}.")
    return module


def installed_kinds() -> Mapping[str, EntryPoint]:
    """The strategies that installed packages offer, by name, not imported yet."""
    return {each.name: each for each in entry_points(group=GROUP)}


def kind_of_entry(entry: EntryPoint) -> Kind:
    """A strategy that a package offers.

    Raises:
        UsageError: It does not import, or is no strategy.
    """
    package = "a package" if entry.dist is None else entry.dist.name
    source = f"entry point {entry.name} of {package}"
    found: Any = fenced(entry.load)
    if isinstance(found, Fault):
        raise UsageError(f"The {source} does not import: {found.text}.")
    if not isinstance(found, type) or not issubclass(found, Scheduled):
        raise UsageError(f"The {source} must be a class that extends Scheduled.")
    return kind_of(entry.name, found, source)
