"""The schema is a promise to old files: its text changes only with its version."""

import hashlib

from storage.schema import INSERT, SCHEMA, SCHEMA_VERSION

_DIGESTS = {1: "6835df6e0f32c4c0886fe5eee7fc795caf5f44aae62aa9e751b3ec2467bfa3da"}


def test_the_schema_of_a_version_never_changes() -> None:
    """Files are compared with this text to the letter; a change needs a new version."""
    digest = hashlib.sha256("\n".join(SCHEMA).encode()).hexdigest()

    assert digest == _DIGESTS[SCHEMA_VERSION]


def test_one_statement_writes() -> None:
    """Rows go in through one insert of five values."""
    assert INSERT.count("?") == 5
