"""Every key of ``gnomon.toml``: read, held to its range, and refused by name."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import pytest

from bot.domain.errors import UsageError
from bot.settings import Settings, settings_from
from bot.settings_keys import KEYS, Key

_TINY: Final = Decimal("1e-9")


def _document(name: str, value: object) -> dict[str, dict[str, object]]:
    section, key = name.split(".")
    return {section: {key: value}}


def _chosen(settings: Settings) -> list[Any]:
    """What the program itself reads, as opposed to what ``config show`` prints."""
    return [
        settings.vip,
        settings.guard,
        settings.limits,
        settings.sizing,
        settings.borrow,
        settings.depth,
    ]


NUMBERS = [key for key in KEYS if key.kind != "bool"]


@pytest.mark.parametrize("key", NUMBERS, ids=lambda key: key.name)
def test_every_key_reaches_the_program(key: Key) -> None:
    """A key that is set changes a value that the program uses, and its source."""
    default = Decimal(key.default)
    value = default + 1 if key.kind == "int" else default * Decimal("1.02")
    settings = settings_from({}, _document(key.name, str(value)))

    assert settings.values[key.name] == value
    assert settings.sources[key.name] == "gnomon.toml"
    assert _chosen(settings) != _chosen(settings_from({}, {}))


@pytest.mark.parametrize("key", NUMBERS, ids=lambda key: key.name)
def test_the_edges_of_every_range_hold(key: Key) -> None:
    """The first value outside a range is refused, and the sentence names the key."""
    step = Decimal(1) if key.kind == "int" else _TINY
    outside = []
    if key.low is not None:
        low = Decimal(key.low)
        outside.append(low - step if key.is_low_included else low)
    if key.high is not None:
        outside.append(Decimal(key.high) + step)
    assert outside
    for value in outside:
        with pytest.raises(UsageError, match=rf"^{key.name} must be .*, was "):
            settings_from({}, _document(key.name, str(value)))


@pytest.mark.parametrize("key", NUMBERS, ids=lambda key: key.name)
@pytest.mark.parametrize("value", ["", "abc", "NaN", "Infinity", True, 0.1, None, [1]])
def test_what_is_no_number_is_refused(key: Key, value: object) -> None:
    """Text without a number, a flag, a float or a list is refused for every key."""
    with pytest.raises(UsageError, match=rf"^{key.name} must be "):
        settings_from({}, _document(key.name, value))


@pytest.mark.parametrize("value", ["", "yes", 1, None, [1]])
def test_what_is_no_flag_is_refused(value: object) -> None:
    """A flag is true or false, and the sentence says so."""
    with pytest.raises(UsageError, match="must be true or false, was "):
        settings_from({}, _document("guard.resting_stops", value))


def test_a_flag_reaches_the_program() -> None:
    """Stops rest where nobody chose otherwise."""
    assert settings_from({}, {}).guard.resting_stops
    chosen = settings_from({}, _document("guard.resting_stops", False))
    assert not chosen.guard.resting_stops


@pytest.mark.parametrize("key", [k for k in KEYS if k.kind == "int"], ids=str)
def test_a_whole_number_has_no_fraction(key: Key) -> None:
    """A key that counts takes 50.0 and refuses 1.5."""
    whole = Decimal(key.default).quantize(Decimal("0.0"))
    assert settings_from({}, _document(key.name, whole)).values[key.name] == whole
    with pytest.raises(UsageError, match="a whole number"):
        settings_from({}, _document(key.name, Decimal("1.5")))


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_every_default_is_in_its_own_range(key: Key) -> None:
    """A default, written out as if it had been chosen, is accepted."""
    settings = settings_from({}, _document(key.name, key.default))
    assert _chosen(settings) == _chosen(settings_from({}, {}))


@dataclass(frozen=True)
class _Wrong:
    """A document and the words that its refusal must hold."""

    document: dict[str, object]
    words: str


@pytest.mark.parametrize(
    "wrong",
    [
        _Wrong({"guard": {"act_distence": "0.1"}}, "did you mean guard.act_distance?"),
        _Wrong({"guards": {"act_distance": "0.1"}}, "did you mean guard.act_distance?"),
        _Wrong({"zzz": {"qqq": 1}}, "see 'gnomon config show'"),
        _Wrong({"guard": 1}, r"\[guard\] must be a table of settings, was 1"),
        _Wrong({"strategy": Decimal("1.5")}, r"\[strategy\] must hold tables, was 1.5"),
        _Wrong({"strategy": {"x": True}}, r"\[strategy.x\] must be a table, was true"),
        _Wrong({"strategy": {"x": {"kind": 1}}}, "kind and schedule must be text"),
        _Wrong({"strategy": {"x": {"enabled": "yes"}}}, "must be true or false"),
        _Wrong({"guard": {"act_distance": "0.25"}}, "must be larger than guard.act"),
        _Wrong({"guard": {"act_distance_alt": "0.5"}}, "guard.target_distance_alt"),
        _Wrong({"depth": {"latency_min_ms": 251}}, "found 251 and 250"),
    ],
    ids=lambda wrong: str(wrong.document),
)
def test_what_does_not_fit_is_named(wrong: _Wrong) -> None:
    """An unknown key, a wrong shape and a contradiction each get their sentence."""
    with pytest.raises(UsageError, match=wrong.words) as caught:
        settings_from({}, wrong.document)
    assert str(caught.value).endswith((".", "?"))
    assert "Decimal(" not in str(caught.value)


def test_equal_latencies_are_allowed() -> None:
    """The shortest latency may be the longest one."""
    document: dict[str, object] = {"depth": {"latency_min_ms": 9, "latency_max_ms": 9}}
    depth = settings_from({}, document).depth
    assert (depth.latency_min_ms, depth.latency_max_ms) == (9, 9)


def test_a_strategy_keeps_its_own_parameters() -> None:
    """What is not common to all strategies is handed to the one it belongs to."""
    table = {"kind": "carry", "schedule": "every 60s", "coin": "BTC", "x": 2}
    (strategy,) = settings_from({}, {"strategy": {"one": table}}).strategies
    assert (strategy.name, strategy.kind, strategy.enabled) == ("one", "carry", True)
    assert strategy.parameters == {"coin": "BTC", "x": 2}


def test_a_strategy_is_of_the_kind_of_its_name_by_default() -> None:
    """``[strategy.carry]`` needs no kind."""
    (strategy,) = settings_from({}, {"strategy": {"carry": {}}}).strategies
    assert (strategy.kind, strategy.schedule) == ("carry", None)


@pytest.mark.parametrize(
    "kind", ["debt_ratio_second", "risk_rate_second", "risk_rate_second_share"]
)
def test_the_second_limit_of_parity_lies_beyond_the_first(kind: str) -> None:
    """A second limit inside the first would never be met; the sentence names both."""
    with pytest.raises(UsageError, match=f"parity.{kind} must be larger than"):
        settings_from({}, _document(f"parity.{kind}", "0.0001"))


def test_parity_reaches_the_guard_s_limits() -> None:
    """The guard is held to the limits of the settings file, in its own units."""
    parity = settings_from({}, _document("parity.window_s", "4.5")).guard.parity

    assert parity.window.total_seconds() == 4.5
    assert parity.debt_ratio_first == Decimal("0.002")
    assert parity.risk_rate_second_share == Decimal("0.10")
