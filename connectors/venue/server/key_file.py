"""API keys for a served venue out of a file, instead of those of its seed.

::

    [[key]]
    key = "my-key"
    secret = "my-secret"
    passphrase = "my-passphrase"
    permissions = "General, Spot, Margin, Futures, InnerTransfer"
    addresses = ""          # a whitelist such as "127.0.0.1"; empty lets all in

They open a simulation. A real key must never be put here, and none is ever printed
by an error.
"""

import tomllib
from pathlib import Path
from typing import Final

from bot.domain.errors import UsageError
from connectors.venue.server.auth import ALL_PERMISSIONS, ApiKey
from connectors.venue.server.fault_fields import Table

__all__ = ["load_keys", "parse_keys"]

_MAX_BYTES: Final = 100_000
_GRANTED: Final = (*ALL_PERMISSIONS, "Transfer")
"""What a key may be given; with Transfer money may leave, which nothing here does."""


def load_keys(path: Path) -> tuple[ApiKey, ...]:
    """Read a file of keys.

    Raises:
        UsageError: It cannot be read, or is not of this form.
    """
    try:
        raw = path.read_bytes()[: _MAX_BYTES + 1]
        text = raw.decode("utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text; save it as UTF-8.") from None
    if len(raw) > _MAX_BYTES:
        raise UsageError(f"{path} is larger than {_MAX_BYTES} bytes.")
    return parse_keys(text, str(path))


def parse_keys(text: str, source: str) -> tuple[ApiKey, ...]:
    """Read keys from TOML.

    Raises:
        UsageError: It is not of this form; names the key of the table, no value.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise UsageError(f"{source} is not valid TOML.") from None
    top = Table(source=source, name="", values=document)
    keys = tuple(_key(table) for table in top.tables("key"))
    top.close()
    if not keys or len({key.key for key in keys}) != len(keys):
        raise UsageError(f"{source} must hold [[key]] tables with different keys.")
    return keys


def _key(table: Table) -> ApiKey:
    wanted = _words(table.text("permissions", ", ".join(ALL_PERMISSIONS)))
    for word in wanted:
        if word not in _GRANTED:
            table.refuse("permissions", "of " + ", ".join(_GRANTED), word)
    found = ApiKey(
        key=table.text("key"),
        secret=table.text("secret"),
        passphrase=table.text("passphrase"),
        permissions=wanted,
        addresses=_words(table.text("addresses", "")),
    )
    table.close()
    return found


def _words(text: str) -> frozenset[str]:
    return frozenset(word.strip() for word in text.split(",") if word.strip())
