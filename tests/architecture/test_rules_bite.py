"""Each house rule catches a planted breach and lets an honest file pass."""

import pytest

from tests.architecture import rules
from tests.architecture.house import parse

_LONG_FUNCTION = "def f():\n" + "    x = 1\n" * 60
_NOQA = "# no" + "qa"
_IGNORE = "# type: " + "ignore"


@pytest.mark.parametrize(
    ("rule", "where", "text"),
    [
        (rules.has_docstring, "bot/a.py", "x = 1\n"),
        (rules.is_short, "bot/a.py", "x = 1\n" * 401),
        (rules.is_short, "bot/a.py", _LONG_FUNCTION),
        (rules.has_no_global, "bot/a.py", "def f():\n    global x\n    x = 1\n"),
        (rules.has_no_lazy_import, "bot/a.py", "def f():\n    import json\n"),
        (rules.has_no_lazy_import, "bot/a.py", "m = import_module('json')\n"),
        (rules.has_no_lazy_import, "bot/a.py", "m = __import__('json')\n"),
        (
            rules.has_no_lazy_import,
            "bot/compose.py",
            "a = import_module('a')\nb = import_module('b')\n",
        ),
        (rules.has_no_broad_except, "bot/a.py", "try: f()\nexcept: pass\n"),
        (rules.has_no_broad_except, "bot/a.py", "try: f()\nexcept Exception: pass\n"),
        (
            rules.has_no_broad_except,
            "bot/a.py",
            "try: f()\nexcept (ValueError, BaseException): pass\n",
        ),
        (rules.has_no_broad_except, "bot/a.py", "with suppress(Exception): f()\n"),
        (
            rules.has_no_broad_except,
            "bot/domain/fence.py",
            "try: f()\nexcept: pass\ntry: f()\nexcept Exception: pass\n",
        ),
        (rules.has_no_mode_branch, "bot/a.py", "if settings.paper:\n    f()\n"),
        (rules.has_no_mode_branch, "bot/a.py", "x = 1 if mode is Mode.LIVE else 2\n"),
        (rules.has_no_mode_branch, "bot/a.py", "if mode == 'live':\n    f()\n"),
        (rules.has_no_mode_branch, "bot/a.py", "def f(*, dry_run: bool): ...\n"),
        (
            rules.has_no_mode_branch,
            "bot/a.py",
            "match mode:\n    case Mode.PAPER:\n        f()\n",
        ),
        (rules.approves_only_in_admit, "bot/engine/core.py", "a = Approved()\n"),
        (rules.approves_only_in_admit, "bot/a.py", "a = intents.Approved()\n"),
        (rules.names_its_surface, "bot/a.py", "def visible(): ...\n"),
        (rules.exact_without_floats, "bot/domain/a.py", "x = 0.5\n"),
        (rules.exact_without_floats, "bot/domain/a.py", "x = float('1')\n"),
        (rules.is_repeatable, "bot/risk/a.py", "async def f(): ...\n"),
        (rules.is_repeatable, "bot/risk/a.py", "x = sorted(y, key=lambda z: id(z))\n"),
        (rules.is_repeatable, "bot/risk/a.py", "x = hash('a')\n"),
        (rules.explains_its_exceptions, "bot/a.py", f"x = 1  {_NOQA}\n"),
        (rules.explains_its_exceptions, "bot/a.py", f"x = 1  {_NOQA}: E501\n"),
        (rules.explains_its_exceptions, "bot/a.py", f"x = 1  {_IGNORE}\n"),
        (
            rules.explains_its_exceptions,
            "bot/a.py",
            f"x = 1  {_IGNORE}[attr-defined]\n",
        ),
        (rules.explains_its_exceptions, "bot/a.py", "x = 1  # pragma: no cover\n"),
        (rules.states_each_law, "tests/a.py", "def test_a(): ...\n"),
    ],
)
def test_a_planted_breach_is_found(rule: rules.Rule, where: str, text: str) -> None:
    """A file that breaks the rule once gets exactly one complaint, with its name."""
    complaints = rule(parse(where, text))

    assert len(complaints) == 1
    assert complaints[0].startswith(where)


@pytest.mark.parametrize(
    ("rule", "where", "text"),
    [
        (rules.has_docstring, "bot/a.py", '"""For this."""\n'),
        (rules.is_short, "bot/a.py", "x = 1\n" * 400),
        (rules.has_no_lazy_import, "bot/compose.py", "a = import_module('a')\n"),
        (rules.has_no_broad_except, "bot/a.py", "try: f()\nexcept OSError: pass\n"),
        (
            rules.has_no_mode_branch,
            "bot/compose.py",
            "if mode is Mode.LIVE:\n    f()\n",
        ),
        (
            rules.has_no_mode_branch,
            "bot/a.py",
            "if position.mode == 'cross':\n    f()\n",
        ),
        (rules.approves_only_in_admit, "bot/guard/admit.py", "a = Approved()\n"),
        (rules.names_its_surface, "bot/a.py", "__all__ = ['f']\ndef f(): ...\n"),
        (rules.names_its_surface, "bot/a.py", "def _hidden(): ...\n"),
        (rules.exact_without_floats, "bot/a.py", "x = isinstance(y, float)\n"),
        (
            rules.explains_its_exceptions,
            "bot/a.py",
            f"x = 1  {_NOQA}: E501 - a table row\n",
        ),
        (rules.states_each_law, "tests/a.py", 'def test_a():\n    """Law."""\n'),
    ],
)
def test_an_honest_file_passes(rule: rules.Rule, where: str, text: str) -> None:
    """A file that keeps the rule, however narrowly, gets no complaint."""
    assert rule(parse(where, text)) == []
