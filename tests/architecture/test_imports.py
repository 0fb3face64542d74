"""Who may import whom, what an import costs, and that the contracts say it all.

The contracts themselves run as ``lint-imports`` in ``make check``; here stands what
they cannot say: nothing that exists is left out of them, no cycle within a layer,
no heavy package behind an innocent import.
"""

import ast
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from resource import RUSAGE_CHILDREN, getrusage
from typing import Any

import pytest

from tests.architecture.house import (
    PRODUCT,
    ROOT,
    Source,
    module_exists,
    product_sources,
    pyproject,
)

CORE = {
    *("bot.domain", "bot.ports", "bot.shadow", "bot.risk", "bot.guard"),
    *("bot.engine.core", "bot.engine.state", "bot.engine.work", "strategies"),
    *("bot.engine.admitting", "bot.engine.turn"),
}
LAYERS = {
    *("bot.__main__", "bot.cli", "bot.study", "bot.compose"),
    *("bot.report", "bot.dashboard"),
    *("bot.compose_live", "bot.compose_paper", "bot.compose_venue"),
    *(
        "bot.live_links",
        "bot.live_readers",
        "bot.live_protection",
        "bot.compose_strategies",
        "bot.strategy",
        "bot.live_start",
        "bot.paper_plan",
    ),
    *("bot.settings", "bot.engine", "connectors", "storage", "strategies"),
    *(
        "bot.settings_blackouts",
        "bot.settings_keys",
        "bot.settings_sizing",
        "bot.settings_strategies",
        "bot.settings_blackouts",
        "bot.settings_delistings",
        "bot.guard",
        "bot.risk",
        "bot.shadow",
        "bot.ports",
        "bot.domain",
    ),
}
MEASURES = {"bot.risk", "bot.guard", "bot.shadow"}
STORES = {"ccxt", "sqlalchemy", "sqlmodel"}
HEAVY = {"aiohttp", "apscheduler", "pyarrow", *STORES}
LIGHT = dict.fromkeys({*CORE, "connectors.kucoin.parse", "bot.cli"}, HEAVY)
LIGHT["connectors.venue"] = STORES  # its server speaks HTTP
HELP_CPU_S_MAX = 0.4


def _contracts(kind: str) -> Iterator[dict[str, Any]]:
    for contract in pyproject()["tool"]["importlinter"]["contracts"]:
        if contract["type"] == kind:
            yield contract


def _contract(name_start: str) -> dict[str, Any]:
    found = [
        contract
        for kind in ("forbidden", "independence")
        for contract in _contracts(kind)
        if contract["name"].startswith(name_start)
    ]
    assert len(found) == 1, f"{name_start}: {len(found)} contracts"
    return found[0]


def _existing(modules: set[str]) -> set[str]:
    return {name for name in modules if module_exists(name)}


def test_every_layer_that_exists_is_required() -> None:
    """The layers name the whole house; parentheses stand only for what is not there."""
    (contract,) = _contracts("layers")
    parts = [part.strip() for layer in contract["layers"] for part in layer.split("|")]
    assert {part.strip("()") for part in parts} == LAYERS
    assert {part for part in parts if not part.startswith("(")} == _existing(LAYERS)


def test_every_part_of_the_bot_is_a_layer() -> None:
    """No module or package stands in ``bot`` without a place in the order."""
    children = {
        ".".join(source.module.split(".")[:2])
        for source in product_sources()
        if source.module.startswith("bot.")
    }
    assert children - LAYERS == set()


def test_every_package_is_under_contract() -> None:
    """Each of the four packages that exists is a root of the import graph."""
    roots = pyproject()["tool"]["importlinter"]["root_packages"]
    assert set(roots) == _existing(set(PRODUCT))


def test_every_core_module_is_under_contract() -> None:
    """What exists of the core is kept from I/O, clocks and vendors."""
    contract = _contract("The core does no I/O")
    assert set(contract["source_modules"]) == _existing(CORE)


@pytest.mark.parametrize(
    ("name_start", "key", "modules"),
    [
        ("The simulated venue", "source_modules", {"connectors.venue"}),
        (
            "The simulated venue",
            "forbidden_modules",
            {"bot.risk", "bot.guard", "bot.shadow"},
        ),
        ("Strategies see", "source_modules", {"strategies"}),
        ("KuCoin's words", "source_modules", {"connectors.kucoin.parse"}),
        (
            "Only the live connector",
            "source_modules",
            {
                *("bot", "storage", "strategies", "connectors.kucoin.parse"),
                *("connectors.venue", "connectors.markets", "connectors.system"),
            },
        ),
    ],
)
def test_every_contract_covers_what_exists(
    name_start: str, key: str, modules: set[str]
) -> None:
    """A contract names each module that it is about, as soon as that is written."""
    if key == "source_modules" and not _existing(modules):
        pytest.skip(f"Nothing of {', '.join(sorted(modules))} is written yet.")
    assert set(_contract(name_start)[key]) == _existing(modules)


def test_strategies_are_independent() -> None:
    """No strategy imports another: the contract is there as soon as they are."""
    if not module_exists("strategies"):
        pytest.skip("strategies is not written yet.")
    assert _contract("Strategies do not know")["modules"] == ["strategies.*"]


def test_no_import_cycle() -> None:
    """The modules of the product can be put in one order, each after what it needs."""
    known = {source.module for source in product_sources()}
    graph = {source.module: _imported(source) & known for source in product_sources()}
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"import cycle: {' -> '.join(error.args[1])}")
    assert set(order) == known


def _imported(source: Source) -> set[str]:
    names: set[str] = set()
    for node in source.tree.body:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names - {source.module}


@pytest.mark.parametrize(("package", "heavy"), sorted(LIGHT.items()))
def test_importing_the_core_imports_nothing_heavy(
    package: str, heavy: set[str]
) -> None:
    """No module of the core brings a vendor's or a storage package with it."""
    modules = [
        source.module
        for source in product_sources()
        if source.module == package or source.module.startswith(f"{package}.")
    ]
    if not modules:
        pytest.skip(f"{package} is not written yet.")
    if package == "bot.cli":
        modules = ["bot.cli"]
    code = (
        "import importlib, sys\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        f"print(*sorted({heavy!r} & set(sys.modules)))\n"
    )
    assert _run("-c", code).strip() == ""


def test_help_answers_at_once() -> None:
    """``gnomon --help`` takes under 0.4 s of processor time, the median of five."""
    if not module_exists("bot.cli"):
        pytest.skip("bot/cli is not written yet.")
    code = "import sys; sys.argv[0] = 'gnomon'; from bot.cli import main; main()"
    assert "paper" in _run("-c", code, "--help")
    spent = [_cpu_s("-c", code, "--help") for _ in range(5)]
    assert statistics.median(spent) < HELP_CPU_S_MAX, spent


def _run(*arguments: str) -> str:
    """Run Python in a clean process that may cache its bytecode, as a user's does."""
    inherited = os.environ  # noqa: TID251 - a child process gets what we have
    kept = {k: v for k, v in inherited.items() if not k.startswith(("COV_", "PYTHON"))}
    done = subprocess.run(  # noqa: S603 - our own interpreter and our own code
        [sys.executable, *arguments],
        cwd=ROOT,
        env=kept,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _cpu_s(*arguments: str) -> float:
    before = getrusage(RUSAGE_CHILDREN)
    _run(*arguments)
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
