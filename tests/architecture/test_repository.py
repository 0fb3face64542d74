"""What the repository holds besides code: no secret, no machine, no loose lock."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.architecture.house import ROOT, tracked_files

FILE_BYTES_MAX = 500_000
_FOLDERS = "tmp|work|root|farm|opt|home|Users"
_HOSTS = "python[h]osted|pypi[.]org|registry[.]npmjs|deb[.]debian"
MACHINE = re.compile(rf"(?<![\w.}}])/({_FOLDERS})/[A-Za-z0-9_.-]+|{_HOSTS}")
PRIVATE_KEY = re.compile("-----BEGIN [A-Z ]*" + "PRIVATE KEY")
LOCKS = ("requirements.lock", "requirements-dev.lock")
_PIN = re.compile(r"^([A-Za-z0-9_.-]+)==(\S+)( ; .*?)?( \\)?$")


def _texts() -> list[tuple[Path, str]]:
    pairs = []
    for path in tracked_files():
        data = path.read_bytes()
        if path.suffix != ".svg" and b"\0" not in data[:8192]:
            pairs.append((path.relative_to(ROOT), data.decode("utf-8")))
    return pairs


def _pins(name: str) -> list[str]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [line.removesuffix(" \\") for line in lines if not line.startswith(" ")]


def test_no_file_knows_a_machine_or_a_registry() -> None:
    """No tracked text holds a path of somebody's machine or a registry's host."""
    found = [
        f"{path}:{number}: {line.strip()[:80]}"
        for path, text in _texts()
        for number, line in enumerate(text.splitlines(), start=1)
        if MACHINE.search(line)
    ]
    assert not found, "\n".join(found)


def test_no_file_holds_a_private_key() -> None:
    """No tracked text holds a private key."""
    assert [str(path) for path, text in _texts() if PRIVATE_KEY.search(text)] == []


def test_texts_end_cleanly() -> None:
    """Each text of ours ends with one line end, and no line of it with a blank."""
    untidy = [
        str(path)
        for path, text in _texts()
        if text
        and not path.is_relative_to("tests/golden")  # as it came from elsewhere
        and (
            not text.endswith("\n")
            or text.endswith("\n\n")
            or re.search(r"[ \t\r]$", text, flags=re.MULTILINE)
        )
    ]
    assert not untidy, "\n".join(untidy)


def test_no_file_is_large() -> None:
    """Recorded data stays outside: no tracked file is over half a megabyte."""
    large = [
        f"{path.relative_to(ROOT)}: {path.stat().st_size}"
        for path in tracked_files()
        if path.stat().st_size > FILE_BYTES_MAX
    ]
    assert not large, "\n".join(large)


@pytest.mark.parametrize(
    "name", [".env", ".venv/x", "runs/calm-1/journal.sqlite", "a.sqlite-wal"]
)
def test_git_ignores_secrets_and_runs(name: str) -> None:
    """Secrets, the environment and what a run leaves behind are never committed."""
    done = subprocess.run(  # noqa: S603 - git with names of our own
        ["git", "check-ignore", "--quiet", name],  # noqa: S607 - git is on the path
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, f"git does not ignore {name}"


@pytest.mark.parametrize("name", [".env.example", "connectors/venue/rules.toml"])
def test_git_keeps_what_ships(name: str) -> None:
    """The example and the tables inside the packages are not ignored."""
    done = subprocess.run(  # noqa: S603 - git with names of our own
        ["git", "check-ignore", "--quiet", name],  # noqa: S607 - git is on the path
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 1, f"git ignores {name}"


@pytest.mark.parametrize("name", LOCKS)
def test_locks_pin_with_hashes_and_name_no_address(name: str) -> None:
    """Each line of a lock is a pin or a hash; each pin has one; none is an address."""
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text
    assert [pin for pin in _pins(name) if not _PIN.match(pin)] == []
    blocks = re.split(r"\n(?! )", text.rstrip("\n"))
    assert [block for block in blocks if "--hash=sha256:" not in block] == []


def test_the_runtime_lock_is_part_of_the_development_lock() -> None:
    """Pin for pin, so that one environment serves both in any order."""
    assert set(_pins(LOCKS[0])) - set(_pins(LOCKS[1])) == set()


@pytest.mark.parametrize("pin", ["ccxt==4.5.90", "apscheduler==3.11.3"])
def test_required_packages_are_pinned_as_asked(pin: str) -> None:
    """The two packages whose release is fixed are locked at that release."""
    assert pin in _pins(LOCKS[0])
