"""Files of keys, and the envelope: what is read and written, and what is refused."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from bot.domain.errors import UsageError
from connectors.venue.server.auth import ALL_PERMISSIONS
from connectors.venue.server.envelope import dumps
from connectors.venue.server.key_file import load_keys

KEY = '[[key]]\nkey = "k"\nsecret = "hidden"\npassphrase = "p"\n'


def _load(tmp_path: Path, text: str) -> object:
    path = tmp_path / "keys.toml"
    path.write_text(text, encoding="utf-8")
    return load_keys(path)


def test_a_key_without_rights_may_do_everything(tmp_path: Path) -> None:
    """What is left out is every right and every address."""
    path = tmp_path / "keys.toml"
    path.write_text(KEY, encoding="utf-8")
    (key,) = load_keys(path)
    assert key.permissions == set(ALL_PERMISSIONS)
    assert key.addresses == frozenset()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must hold [[key]] tables"),
        (KEY + KEY, "with different keys"),
        (KEY + 'permissions = "Everything"', "key[0].permissions must be of General"),
        (KEY + "colour = 1", "key[0].colour is not known"),
        ('[[key]]\nkey = "k"', "key[0].secret must be a text, but it is missing"),
        ('secret = "hidden', "is not valid TOML"),
        ("#" * 100_001, "is larger than"),
    ],
)
def test_a_wrong_key_file_is_refused_without_its_secret(
    tmp_path: Path, text: str, words: str
) -> None:
    """The sentence names the file and the key of the table, never a value."""
    with pytest.raises(UsageError) as caught:
        _load(tmp_path, text)
    assert words in str(caught.value)
    assert "keys.toml" in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_a_key_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    """A missing file and one that is no text are refused by name."""
    with pytest.raises(UsageError, match="cannot be read"):
        load_keys(tmp_path / "nowhere.toml")
    (tmp_path / "keys.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="UTF-8"):
        load_keys(tmp_path / "keys.toml")


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (1.5, TypeError),
        (datetime(2025, 1, 1, tzinfo=UTC), TypeError),
        (Decimal("NaN"), ValueError),
        ({"deep": [Decimal("Infinity")]}, ValueError),
    ],
)
def test_what_is_not_exact_is_never_written(
    value: object, error: type[Exception]
) -> None:
    """A float, a time and a number that is none are refused, however deep."""
    with pytest.raises(error):
        dumps(value)


def test_texts_are_escaped_and_names_kept() -> None:
    """Quotes, control characters and other alphabets survive a reader."""
    assert dumps({'a"b': "x\ny", "é": -0}) == '{"a\\"b":"x\\ny","\\u00e9":0}'
