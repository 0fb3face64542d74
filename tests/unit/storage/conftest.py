"""Journals to read, shared by the tests of storage."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.reader import JournalReader
from tests.unit.storage.told import STORY, write


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """The short story, closed."""
    return write(tmp_path / "journal.sqlite", STORY)


@pytest.fixture
def reader(journal: Path) -> Iterator[JournalReader]:
    """The short story, open for reading."""
    with JournalReader.open(journal) as opened:
        yield opened
