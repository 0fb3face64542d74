"""The house rules, file by file, so that a failure names the file."""

from collections.abc import Iterable

import pytest

from tests.architecture import rules
from tests.architecture.house import Source, product_sources, proof_sources, sources

EVERYWHERE: tuple[rules.Rule, ...] = (
    rules.has_docstring,
    rules.is_short,
    rules.has_no_global,
    rules.has_no_lazy_import,
    rules.has_no_broad_except,
    rules.explains_its_exceptions,
)
IN_THE_PRODUCT: tuple[rules.Rule, ...] = (
    rules.has_no_mode_branch,
    rules.approves_only_in_admit,
    rules.names_its_surface,
)
EXACT = (
    "bot/domain/",
    "bot/shadow/",
    "connectors/kucoin/parse/",
    "storage/",
)
"""Folders where money is counted; of ``bot/risk`` every file without numpy."""

IN_FLOATS = (
    "bot/risk/kernel_row.py",
    "bot/risk/terms.py",
    "bot/risk/terms_of.py",
)
"""The fast copies of ``bot/risk``, each held to the exact engine by a property test."""

IN_ODDS = (
    "bot/risk/coming_shifts.py",
    "bot/risk/forecast_scored.py",
    "bot/risk/carry_choice.py",
    "bot/risk/carry_offer.py",
    "bot/risk/carry_pairs.py",
    "bot/risk/known_flows.py",
    "bot/risk/odds.py",
)
"""Probabilities and what feeds them: a model's view, never money that is booked."""

CORE = (
    *("bot/domain/", "bot/shadow/", "bot/risk/", "bot/guard/", "strategies/"),
    *("bot/engine/core.py", "bot/engine/state.py", "bot/engine/work.py"),
    *("bot/engine/admitting.py", "bot/engine/turn.py"),
)


def _is_exact(source: Source) -> bool:
    if source.where.startswith("bot/risk/"):
        return (
            "import numpy" not in source.text
            and source.where not in IN_FLOATS + IN_ODDS
        )
    return source.where.startswith(EXACT)


def _expect_none(complaints: Iterable[str]) -> None:
    """Fail with every complaint, so that one run shows all that is to mend."""
    found = list(complaints)
    assert not found, "\n".join(["", *found])


@pytest.mark.parametrize("source", sources(), ids=str)
def test_every_file_keeps_the_house_rules(source: Source) -> None:
    """Short, documented, no global, no lazy import, no broad except, no bare noqa."""
    _expect_none(line for rule in EVERYWHERE for line in rule(source))


@pytest.mark.parametrize("source", product_sources(), ids=str)
def test_the_product_keeps_its_own_rules(source: Source) -> None:
    """No branch on a mode, one maker of approvals, a named public surface."""
    _expect_none(line for rule in IN_THE_PRODUCT for line in rule(source))


@pytest.mark.parametrize(
    "source", [source for source in product_sources() if _is_exact(source)], ids=str
)
def test_money_is_never_a_float(source: Source) -> None:
    """Where money is counted no float is written and nothing is made a float."""
    _expect_none(rules.exact_without_floats(source))


@pytest.mark.parametrize(
    "source",
    [source for source in product_sources() if source.where.startswith(CORE)],
    ids=str,
)
def test_the_core_is_repeatable(source: Source) -> None:
    """The core has no await and nothing whose value differs from run to run."""
    _expect_none(rules.is_repeatable(source))


@pytest.mark.parametrize("source", proof_sources(), ids=str)
def test_each_test_states_its_law(source: Source) -> None:
    """The docstring of a test is the sentence that it proves."""
    _expect_none(rules.states_each_law(source))


def test_the_command_table_alone_binds_modules_by_name() -> None:
    """Of all the files of ``bot/cli`` one at most calls ``import_module``."""
    binding = [
        source.where
        for source in product_sources()
        if source.where.startswith("bot/cli/") and "import_module(" in source.text
    ]
    assert len(binding) <= 1, binding
