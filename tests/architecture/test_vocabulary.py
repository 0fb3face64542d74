"""The shared vocabulary is complete: nothing is said that nobody handles.

An event that ``apply`` forgets changes nothing and fails nothing; a setting that
``.env.example`` forgets is found by a reader at night. Both are compared here.
"""

import ast
import re
from typing import get_args

import pytest

from bot.domain.events import Event
from tests.architecture.house import ROOT, Source, product_sources, proof_sources

_ENV_NAME = re.compile(r"(KUCOIN|GNOMON)_[A-Z][A-Z_]*[A-Z]")
EVENTS = sorted(kind.__name__ for kind in get_args(Event))


def _source(where: str, among: list[Source]) -> Source:
    found = [source for source in among if source.where == where]
    if not found:
        pytest.skip(f"{where} is not written yet.")
    return found[0]


def _handled(tree: ast.AST) -> set[str]:
    """Class names that a match, an ``isinstance`` or a table decides by."""
    names: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.MatchClass(cls=kind):
                kinds: list[ast.AST | None] = [kind]
            case ast.Call(func=ast.Name(id="isinstance"), args=[_, kind]):
                kinds = list(ast.walk(kind))
            case ast.Dict(keys=keys):
                kinds = list(keys)
            case _:
                continue
        names |= {_last_name(kind) for kind in kinds}
    return names


def _drawn(tree: ast.AST) -> set[str]:
    """Class names that are called, or handed to a call such as ``st.builds``."""
    return {
        _last_name(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for part in (node.func, *node.args)
    }


def _last_name(node: ast.AST | None) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def test_every_event_is_handled() -> None:
    """The shadow decides about each kind of event by name, if only to ignore it."""
    source = _source("bot/shadow/apply.py", product_sources())
    assert set(EVENTS) - _handled(source.tree) == set()


def test_every_event_is_drawn() -> None:
    """``tests/draw.py`` can draw each kind of event, so that the laws meet them all."""
    source = _source("tests/draw.py", proof_sources())
    assert set(EVENTS) - _drawn(source.tree) == set()


def test_every_setting_of_the_environment_is_in_the_example() -> None:
    """The settings read exactly the names that ``.env.example`` explains."""
    readers = [
        source
        for source in product_sources()
        if source.where.startswith("bot/settings")
    ]
    if not readers:
        pytest.skip("bot/settings.py is not written yet.")
    read = {
        node.value
        for source in readers
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and _ENV_NAME.fullmatch(node.value)
    }
    assert read == set(_example_names())


def test_only_the_settings_know_a_name_of_the_environment() -> None:
    """Elsewhere in the product no text is the bare name of a setting."""
    strangers = [
        f"{source.where}:{node.lineno}: {node.value}"
        for source in product_sources()
        if not source.where.startswith("bot/settings")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and _ENV_NAME.fullmatch(node.value)
    ]
    assert not strangers, "\n".join(strangers)


def test_the_example_explains_each_name() -> None:
    """Above each name of ``.env.example`` stands a comment, and no secret after it."""
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    explained = False
    for line in lines:
        if line.startswith("#"):
            explained = True
        elif line:
            name, _, value = line.partition("=")
            assert explained, f"{name} has no sentence"
            assert value in {"", "no", "1"}, f"{name} has a value"
        else:
            explained = False
    assert len(_example_names()) == len(set(_example_names())) > 0


def _example_names() -> list[str]:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    return re.findall(r"^([A-Z_]+)=", text, flags=re.MULTILINE)
