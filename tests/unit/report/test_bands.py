"""KuCoin's bands as a person is told of them."""

from decimal import Decimal

import pytest

from bot.domain.accounts import FUTURES, MARGIN_CROSS, AccountId
from bot.domain.money import ONE
from bot.report.alerts import ALARM, INFO, WARNING
from bot.report.band_watch import BandWatch
from bot.report.figures import NBSP
from bot.risk.bands import Band
from bot.risk.measure import SubjectMeasure
from tests.unit.engine.steps import ticked
from tests.unit.report.test_alerts import Person


def measured(ratio: str | None, subject: str = MARGIN_CROSS) -> SubjectMeasure:
    """An account at a ratio."""
    is_futures = subject.startswith("futures")
    return SubjectMeasure(
        subject=subject,
        account=FUTURES if is_futures else AccountId(subject),
        settle="USDT" if is_futures else None,
        ratio=None if ratio is None else Decimal(ratio),
        warning=Decimal("0.95"),
        liquidation=ONE,
        down=None,
        up=None,
        exposure_usdt={},
    )


def test_a_worse_band_is_told_at_once_a_better_one_when_it_is_sure() -> None:
    """A ratio that plays around a limit is told once."""
    watch = BandWatch()
    path = ["0.5", "0.6", "0.6001", "0.5999", "0.6001", "0.59", "0.58", "0.95", "0.1"]
    told = [[band for band, _ in watch.see([measured(ratio)])] for ratio in path]
    assert told == [
        [], [], [Band.MEDIUM], [], [], [], [Band.LOW], [Band.HIGH], [Band.LOW],
    ]  # fmt: skip


def test_the_sentences_name_account_number_and_word() -> None:
    """Debt ratio and risk rate, each under its own name; what KuCoin does in margin."""
    watch = BandWatch()
    [(_, margin), (_, futures)] = watch.see(
        [measured("0.7"), measured("0.92", "futures:USDT")]
    )
    assert margin.replace(NBSP, " ") == (
        "Cross margin is at medium risk: debt ratio 70.00 %. Transfers out are blocked."
    )
    assert "is at high risk: risk rate 92.00" in futures


def test_an_unknown_ratio_changes_no_band_and_a_cured_account_begins_low() -> None:
    """Unknown is not told as low; an account without debt is forgotten."""
    watch = BandWatch()
    assert [band for band, _ in watch.see([measured("0.7")])] == [Band.MEDIUM]
    assert not list(watch.see([measured(None)]))
    assert not list(watch.see([])), "nothing was measured"
    other = measured("0.1", "futures:USDT")
    assert not list(watch.see([other]))
    assert [band for band, _ in watch.see([measured("0.7"), other])] == [Band.MEDIUM]


@pytest.mark.parametrize(
    ("btc", "level", "words"),
    [("50000", WARNING, "medium risk"), ("35500", ALARM, "high risk")],
)
def test_alerts_carry_the_band(btc: str, level: str, words: str) -> None:
    """33 000 owed against a bitcoin at that price, told as KuCoin would call it."""
    person = Person()
    [(found, sentence)] = person.see(ticked(1, btc))
    assert found == level
    assert words in sentence
    assert person.see(ticked(2, btc)) == []
    levels = person.levels(ticked(3, "90000"))
    assert levels == [INFO]
