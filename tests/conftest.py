"""What all tests share: Hypothesis profiles, the recorded data, a rule on skipping.

Nothing here knows the product. The profile comes from ``HYPOTHESIS_PROFILE``, else
``ci`` under ``CI=true``, else ``dev``. The recorded data lives outside the
repository; a test that needs it asks for ``shared_data``, and skips where it is
absent. In CI with the data present such a skip is a failure, because a proof that
silently did not run is worse than none.
"""

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]
_ENV = os.environ  # noqa: TID251 - the tests' own settings, not the bot's

settings.register_profile("dev", max_examples=50, deadline=None)
settings.register_profile("ci", max_examples=200, deadline=None, derandomize=True)
settings.register_profile("soak", max_examples=10_000, deadline=None)


def in_ci() -> bool:
    """Whether this is a run of continuous integration."""
    return _ENV.get("CI", "").lower() == "true"


def shared_folder() -> Path:
    """Where the recorded data is expected; it need not exist."""
    named = _ENV.get("GNOMON_SHARED")
    return Path(named).resolve() if named else ROOT.parent / "shared"


settings.load_profile(_ENV.get("HYPOTHESIS_PROFILE", "ci" if in_ci() else "dev"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of recorded markets, vectors and vendor documents; read only."""
    folder = shared_folder()
    if not folder.is_dir():
        pytest.skip(
            "The recorded data is not on this machine: put the folder `shared` beside "
            "the checkout, or name it in GNOMON_SHARED."
        )
    return folder


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure where the data that it asked for is present."""
    report = yield
    if not (in_ci() and report.skipped and shared_folder().is_dir()):
        return report
    wants_data = "shared_data" in getattr(item, "fixturenames", ())
    if wants_data and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = (
            f"{item.nodeid} skipped, though the recorded data is present at "
            f"GNOMON_SHARED or beside the checkout. It said: {report.longrepr}"
        )
    return report
