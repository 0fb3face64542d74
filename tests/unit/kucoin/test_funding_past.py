"""Settled rates from before a start, from answers as KuCoin gives them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from connectors.kucoin.answers import Answer, ExchangeRefusedError, Urgency
from connectors.kucoin.funding_past import read_funding_past
from connectors.kucoin.parse.node import Node
from tests.unit.kucoin.listed_account import ManualClock

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


def _row(symbol: str, hours_ago: int) -> dict[str, object]:
    at = NOW.replace(minute=0) - timedelta(hours=hours_ago)
    return {
        "symbol": symbol,
        "fundingRate": Decimal("0.0001") * hours_ago,
        "timepoint": int(at.timestamp() * 1000) + 7,
    }


class Exchange:
    """States what it has of each contract, newest first; one is not listed."""

    def __init__(self, rows: Mapping[str, object]) -> None:
        self.rows = rows
        self.asked: list[Mapping[str, str]] = []

    async def read(
        self,
        endpoint: str,
        params: Mapping[str, str] | None = None,
        *,
        urgency: Urgency = Urgency.ROUTINE,
    ) -> Node:
        """The history of a contract."""
        assert endpoint == "public_funding_history"
        asked = dict(params or {})
        self.asked.append(asked)
        if asked["symbol"] not in self.rows:
            raise ExchangeRefusedError("100001", "There is no such contract")
        return Node(self.rows[asked["symbol"]], endpoint)

    async def write(
        self,
        endpoint: str,
        params: Mapping[str, object],
        *,
        urgency: Urgency = Urgency.ROUTINE,
    ) -> Answer:
        """Nothing that reads rates writes."""
        raise AssertionError(endpoint)


async def test_settled_rates_are_quotes_oldest_first() -> None:
    """Intervals are the times between them: eight hours, then four."""
    rows = [_row("XBTUSDTM", hours) for hours in (0, 4, 8, 16, 24)]
    exchange = Exchange({"XBTUSDTM": rows})

    found = await read_funding_past(exchange, ManualClock(NOW), {"XBTUSDTM"})

    told = found["XBTUSDTM"]
    assert [int(each.funding_interval_h) for each in told] == [8, 8, 4, 4]
    assert [each.funding_rate for each in told][-2:] == [Decimal("0.0004"), 0]
    assert told[-1].settlement_at == NOW.replace(minute=0)
    assert all(each.at < each.settlement_at <= NOW for each in told)
    (asked,) = exchange.asked
    assert int(asked["to"]) - int(asked["from"]) == 30 * 86_400_000


BROKEN = {"symbol": "XBTUSDTM", "fundingRate": None, "timepoint": -1}


@pytest.mark.parametrize(
    "rows",
    [{}, {"XBTUSDTM": None}, {"XBTUSDTM": []}, {"XBTUSDTM": [BROKEN]}],
    ids=["not listed", "null", "empty", "broken"],
)
async def test_no_history_is_none(rows: Mapping[str, object]) -> None:
    """New, not listed or broken: the start goes on without a past."""
    found = await read_funding_past(Exchange(rows), ManualClock(NOW), {"XBTUSDTM"})
    assert found == {}


async def test_only_the_newest_are_kept() -> None:
    """An hour apart there are more than the shadow remembers: the newest 90 stay."""
    rows = [_row("XBTUSDTM", hours) for hours in range(100)]
    found = await read_funding_past(
        Exchange({"XBTUSDTM": rows}), ManualClock(NOW), {"XBTUSDTM"}
    )
    assert len(found["XBTUSDTM"]) == 90
    assert found["XBTUSDTM"][-1].settlement_at == NOW.replace(minute=0)


async def test_a_gap_has_no_interval() -> None:
    """A rate after days without any is left out, its neighbours are kept."""
    rows = [_row("XBTUSDTM", hours) for hours in (0, 8, 90, 98)]
    found = await read_funding_past(
        Exchange({"XBTUSDTM": rows}), ManualClock(NOW), {"XBTUSDTM"}
    )
    assert [int(each.funding_interval_h) for each in found["XBTUSDTM"]] == [8, 8]
