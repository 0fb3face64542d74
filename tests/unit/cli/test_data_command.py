"""``gnomon data fetch`` as a person drives it, on a small exchange."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.cli import main
from bot.cli.data import Public, fetched
from bot.domain.errors import RefusedError, UsageError
from bot.settings import Settings, settings_from
from connectors.kucoin.archive_plan import FetchPlan, plan_fetch
from tests.unit.kucoin.archive_exchange import PublicExchange

START = datetime(2026, 10, 1, tzinfo=UTC)


@asynccontextmanager
async def small(settings: Settings) -> AsyncIterator[Public]:
    """The small exchange, an hour after the start."""
    yield Public(PublicExchange(), lambda: START + timedelta(hours=1))


async def test_a_fetch_runs_at_the_exchange_s_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An hour is there, a minute more is not yet; nothing goes to standard output."""

    def plan(now: datetime) -> FetchPlan:
        return plan_fetch(["BTC"], START, now, "1m", now=now)

    def late(now: datetime) -> FetchPlan:
        end = now + timedelta(minutes=1)
        return plan_fetch(["BTC"], START, end, "1m", now=now)

    settings = settings_from({}, {})
    done = await fetched(settings, plan, tmp_path / "market", small)
    assert done.bars == 180
    assert done.manifest == tmp_path / "market/market.toml"
    with pytest.raises(UsageError, match="not yet past"):
        await fetched(settings, late, tmp_path / "other", small)
    assert capsys.readouterr().out == ""


async def test_a_coin_that_is_not_listed_is_refused(tmp_path: Path) -> None:
    """Exit code 4, with both names that were looked for."""

    def plan(now: datetime) -> FetchPlan:
        return plan_fetch(["NONE"], START, now, "1m", now=now)

    with pytest.raises(RefusedError, match="NONE-USDT") as refused:
        await fetched(settings_from({}, {}), plan, tmp_path, small)
    assert refused.value.exit_code == 4


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--from", "yesterday", "--to", "2026-10-02"), "--from must be a time"),
        (("--to", "2026-10-02"), "--from"),
    ],
)
def test_a_wrong_option_is_one_sentence(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    words: tuple[str, ...],
    sentence: str,
) -> None:
    """Exit code 2 before anything is opened."""
    with pytest.raises(SystemExit) as stopped:
        main(["data", "fetch", "--symbols", "BTC", "--out", str(tmp_path), *words])
    out, err = capsys.readouterr()
    assert (stopped.value.code, out) == (2, "")
    assert err.startswith("gnomon: ")
    assert sentence in err


def test_an_exchange_that_is_not_there_is_unreachable(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Exit code 3 and one sentence; the real client is asked, and takes its retries."""
    monkeypatch.setenv("KUCOIN_SPOT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("KUCOIN_FUTURES_URL", "http://127.0.0.1:9")
    monkeypatch.chdir(tmp_path)
    command = "data fetch --symbols BTC --from 2026-10-01 --to 2026-10-02 --out x"
    with pytest.raises(SystemExit) as stopped:
        main(command.split())
    out, err = capsys.readouterr()
    assert (stopped.value.code, out) == (3, "")
    assert err.count("\n") == 1
