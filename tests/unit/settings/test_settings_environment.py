"""``.env``, the process environment and the TOML file; secrets stay secret."""

import json
import traceback
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest

from bot.domain.errors import UsageError
from bot.settings import Secret, Settings, read_settings, settings_from
from bot.settings_keys import ENVIRONMENT
from tests.simulation.small import ROOT, drive, write

_SECRETS: Final = {
    "KUCOIN_API_KEY": "key-7f31",
    "KUCOIN_API_SECRET": "secret-7f31",
    "KUCOIN_API_PASSPHRASE": "phrase-7f31",
    "GNOMON_ALERT_URLS": "https://alert.example/bot-7f31 https://two.example/7f31",
}
_LOCAL: Final = {
    "KUCOIN_SPOT_URL": "http://127.0.0.1:8080",
    "KUCOIN_FUTURES_URL": "http://localhost:8081",
}


def _shows_nothing(text: str) -> bool:
    return "7f31" not in text


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of this machine, and an empty working folder."""
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def _env(**lines: str) -> Path:
    return write(Path(".env"), "".join(f"{k}={v}\n" for k, v in lines.items()))


def test_the_example_names_what_is_read() -> None:
    """``.env.example`` holds every name of the environment and no other."""
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    names = [line.split("=")[0] for line in text.splitlines() if "=" in line[:40]]
    assert sorted(n for n in names if not n.startswith("#")) == sorted(ENVIRONMENT)


def test_the_example_itself_is_accepted() -> None:
    """Copied as it is, the example gives the same settings as no file."""
    path = ROOT / ".env.example"
    assert repr(read_settings(env_file=path)) == repr(read_settings())


def test_secrets_are_read_and_never_shown() -> None:
    """No text, representation or listing of the settings holds a secret."""
    _env(**_SECRETS)
    settings = read_settings()

    assert settings.api_key.reveal() == "key-7f31"
    assert settings.api_secret.reveal() == "secret-7f31"
    assert settings.api_passphrase.reveal() == "phrase-7f31"
    assert [u.reveal()[-4:] for u in settings.alert_urls] == ["7f31", "7f31"]
    shown = [repr(settings), str(settings), f"{settings}"]
    shown += [str(getattr(settings, field.name)) for field in fields(Settings)]
    assert all(map(_shows_nothing, shown))


def test_config_show_holds_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    """``gnomon config show`` prints no secret in either form."""
    _env(**_SECRETS)
    for words in (["--json"], []):
        said = drive(capsys, "config", "show", *words)
        assert said.code == 0
        assert _shows_nothing(said.out + said.err)


@pytest.mark.parametrize(
    "line", ['X="key-7f31', '"key-7f31', "key-7f31", "=7f31", "a b 7f31"]
)
def test_a_broken_line_is_named_and_not_shown(line: str) -> None:
    """A line of ``.env`` that is no assignment is refused by number alone."""
    write(Path(".env"), f"KUCOIN_API_KEY=key-7f31\n\n{line}\n")
    with pytest.raises(UsageError, match=r"^Line 3 of \.env is not NAME=VALUE") as got:
        read_settings()
    assert _shows_nothing("".join(traceback.format_exception(got.value)))


@pytest.mark.parametrize("kind", ["folder", "bytes"])
def test_an_unreadable_env_is_a_sentence(kind: str) -> None:
    """A ``.env`` that is no text is refused, never passed over."""
    if kind == "folder":
        Path(".env").mkdir()
    else:
        Path(".env").write_bytes(b"KUCOIN_API_KEY=\xff\xfe7f31\n")
    with pytest.raises(UsageError, match=r"^\.env cannot be read: ") as got:
        read_settings()
    assert _shows_nothing("".join(traceback.format_exception(got.value)))


def test_the_process_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is set in the environment overrides ``.env``."""
    _env(KUCOIN_API_KEY="file", GNOMON_JOURNAL="file.sqlite")
    monkeypatch.setenv("KUCOIN_API_KEY", "process")
    settings = read_settings()
    assert settings.api_key.reveal() == "process"
    assert settings.journal == "file.sqlite"


def test_a_value_is_taken_as_it_stands() -> None:
    """A dollar sign in a secret is a dollar sign: nothing is put in its place."""
    write(Path(".env"), "KUCOIN_API_SECRET='a${HOME}b'\n")
    assert read_settings().api_secret.reveal() == "a${HOME}b"


@pytest.mark.parametrize("word", ["Yes", "true", "1", "on", " yes"])
def test_only_one_word_arms(word: str) -> None:
    """Live trading is armed by the word yes alone; anything unclear is refused."""
    assert settings_from({"GNOMON_LIVE": "yes"}, {}).is_live_armed
    assert not settings_from({"GNOMON_LIVE": "no"}, {}).is_live_armed
    assert not settings_from({}, {}).is_live_armed
    with pytest.raises(UsageError, match="GNOMON_LIVE must be 'yes' or 'no'"):
        settings_from({"GNOMON_LIVE": word}, {})


@pytest.mark.parametrize(
    "url",
    [
        "http://api.kucoin.com",
        "api.kucoin.com",
        "ftp://127.0.0.1",
        "https://",
        "http://[",
        "http://127.0.0.1.evil.example",
    ],
)
@pytest.mark.parametrize("name", ["KUCOIN_SPOT_URL", "KUCOIN_FUTURES_URL"])
def test_a_signed_request_never_goes_in_the_clear(name: str, url: str) -> None:
    """An address is https, or it is on this machine."""
    with pytest.raises(UsageError, match=f"^{name} must be an https address"):
        settings_from({name: url}, {})


def test_addresses_have_defaults_and_may_be_local() -> None:
    """Without a name it is KuCoin; a bot may be pointed at a venue on this machine."""
    settings = settings_from({}, {})
    assert settings.spot_url == "https://api.kucoin.com"
    assert settings.futures_url == "https://api-futures.kucoin.com"
    assert settings_from(_LOCAL, {}).spot_url == "http://127.0.0.1:8080"


def test_the_clock_runs_fast_on_this_machine_only() -> None:
    """A rate other than 1 needs both addresses to be local."""
    fast = {"GNOMON_CLOCK_RATE": "60"}
    assert settings_from({**fast, **_LOCAL}, {}).clock_rate == Decimal(60)
    assert settings_from({"GNOMON_CLOCK_RATE": "1.0"}, {}).clock_rate == 1
    for near in ({}, {"KUCOIN_SPOT_URL": _LOCAL["KUCOIN_SPOT_URL"]}):
        with pytest.raises(UsageError, match="both on this machine, was '60'"):
            settings_from({**fast, **near}, {})


@pytest.mark.parametrize("rate", ["0", "-1", "fast", "nan", "inf"])
def test_a_clock_has_a_positive_rate(rate: str) -> None:
    """A clock that stands still or runs backward is refused."""
    with pytest.raises(UsageError, match=r"^GNOMON_CLOCK_RATE must be a number over 0"):
        settings_from({"GNOMON_CLOCK_RATE": rate, **_LOCAL}, {})


def test_a_secret_says_whether_it_is_there() -> None:
    """An absent secret is false, a present one true, and both look the same."""
    assert not Secret("")
    assert Secret("x")
    assert repr(Secret("")) == repr(Secret("x"))


def test_the_file_of_this_folder_is_read() -> None:
    """``gnomon.toml`` here is read without being named, and only then."""
    assert read_settings().vip == 0
    write(Path("gnomon.toml"), "[costs]\nvip = 3\n")
    assert read_settings().vip == 3
    other = write(Path("other.toml"), "[costs]\nvip = 4\n")
    assert read_settings(other).vip == 4


def test_numbers_of_the_file_stay_exact() -> None:
    """A bare number of TOML never passes through a float."""
    path = write(Path("c.toml"), "[guard]\nact_distance = 0.1000000000000000055\n")
    assert read_settings(path).guard.act_distance == Decimal("0.1000000000000000055")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"x", "is not TOML"),
        (b"[a]\nb = 1\nb = 2\n", "is not TOML"),
    ],
)
def test_a_broken_settings_file_is_a_sentence(content: bytes, words: str) -> None:
    """A file that cannot be read is named with what is wrong."""
    Path("c.toml").write_bytes(content)
    with pytest.raises(UsageError, match=f"^The settings file c.toml {words}"):
        read_settings(Path("c.toml"))


@pytest.mark.parametrize(
    ("name", "words"), [("x", "does not exist"), (".", "folder|direc")]
)
def test_an_absent_settings_file_is_a_sentence(name: str, words: str) -> None:
    """A named file must be there, and be a file."""
    with pytest.raises(UsageError, match=words):
        read_settings(Path(name))


def test_config_show_tells_every_key(capsys: pytest.CaptureFixture[str]) -> None:
    """One JSON object with value, default, source and meaning of every key."""
    write(Path("gnomon.toml"), '[guard]\nact_distance = "0.12"\n[strategy.a]\nx = 1\n')
    answer = drive(capsys, "config", "show", "--json").answer()
    rows = {row["key"]: row for row in answer["keys"]}
    assert rows["guard.act_distance"]["value"] == "0.12"
    assert rows["guard.act_distance"]["default"] == "0.15"
    assert rows["guard.act_distance"]["source"] == "gnomon.toml"
    assert rows["guard.cooldown_s"]["source"] == "default"
    assert all(row["meaning"] for row in rows.values())
    assert answer["strategies"][0]["parameters"] == {"x": "1"}
    assert rows["guard.blackouts"]["value"] == "none"
    assert json.dumps(answer)


def test_config_show_tells_lists_and_strategies(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Announced times, delistings, and a strategy with its file and overlay."""
    write(
        Path("gnomon.toml"),
        '[guard]\nblackouts = ["2026-12-01T02:00:00Z/2026-12-01T03:00:00Z"]\n'
        'delistings = ["ABC 2026-12-02T08:00:00Z"]\n'
        '[strategy.mine]\npath = "mine.py"\nqty = 1\n'
        '[strategy.mine.overlay]\nstop_loss = "0.1"\n',
    )
    answer = drive(capsys, "config", "show", "--json").answer()
    rows = {row["key"]: (row["value"], row["source"]) for row in answer["keys"]}
    assert rows["guard.blackouts"][0].startswith("2026-12-01T02:00:00+00:00/")
    assert rows["guard.delistings"] == ("ABC 2026-12-02T08:00:00+00:00", "gnomon.toml")
    (mine,) = answer["strategies"]
    assert mine["path"].endswith("mine.py")
    assert (mine["parameters"], mine["overlay"]) == ({"qty": "1"}, {"stop_loss": "0.1"})
    table = drive(capsys, "config", "show").out
    assert all(each in table for each in ("blackouts", "ABC", "mine", "stop_loss"))
