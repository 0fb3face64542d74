"""Whether a key and an account can be traded: each answer of the exchange."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import pytest

from bot.domain.errors import UnreachableError
from connectors.kucoin.answers import Answer, ExchangeRefusedError, Urgency
from connectors.kucoin.checks import Check, CheckState, Expected, check_account
from connectors.kucoin.parse.node import Node

KEY: dict[str, object] = {
    "apiVersion": Decimal(3),
    "permission": "General,Spot,Margin,Futures,InnerTransfer",
    "ipWhitelist": "127.0.0.1",
    "createdAt": Decimal(1728443843000),
    "uid": Decimal(165111215),
    "isMaster": True,
}
GOOD: dict[str, object] = {
    "spot_status": {"status": "open", "msg": ""},
    "futures_status": {"status": "open", "msg": ""},
    "api_key": KEY,
    "account_mode": {"selfAccountMode": "CLASSIC"},
    "user_info": {"level": Decimal(0)},
    "position_mode": {"positionMode": Decimal(0)},
    "margin_mode": {"symbol": "XBTUSDTM", "marginMode": "CROSS"},
    "cross_leverage": {"symbol": "XBTUSDTM", "leverage": "5"},
}
WANTED = Expected(leverages={"XBTUSDTM": Decimal(3)}, uid="165111215")


@dataclass
class Exchange:
    """An exchange that gives one answer to each question."""

    answers: Mapping[str, object] = field(default_factory=lambda: dict(GOOD))
    broken: Mapping[str, Exception] = field(default_factory=dict)

    async def read(
        self,
        endpoint: str,
        params: Mapping[str, str] | None = None,
        *,
        urgency: Urgency = Urgency.ROUTINE,
    ) -> Node:
        """One answer."""
        if endpoint in self.broken:
            raise self.broken[endpoint]
        return Node(self.answers[endpoint], endpoint)

    async def write(
        self,
        endpoint: str,
        params: Mapping[str, object],
        *,
        urgency: Urgency = Urgency.ROUTINE,
    ) -> Answer:
        """A check never writes."""
        raise AssertionError(endpoint)


async def found(
    change: Mapping[str, object], expected: Expected = WANTED
) -> list[Check]:
    """The checks of a good account with some answers changed."""
    checks = await check_account(Exchange({**GOOD, **change}), expected)
    return [check for check in checks if check.state is not CheckState.PASS]


async def test_a_good_account_passes_every_check() -> None:
    """Nothing to say about an account that is as it should be."""
    assert await found({}) == []


@pytest.mark.parametrize("word", ["Transfer", "Withdrawal"])
async def test_a_key_that_can_withdraw_fails(word: str) -> None:
    """The bot never needs it; the operator may accept it by name, and is told again."""
    key = {**KEY, "permission": f"{KEY['permission']},{word}"}
    (check,) = await found({"api_key": key})
    assert (check.name, check.state) == ("withdrawals", CheckState.FAIL)
    accepted = Expected(leverages=WANTED.leverages, is_withdraw_accepted=True)
    (check,) = await found({"api_key": key}, accepted)
    assert check.state is CheckState.WARN


@pytest.mark.parametrize(
    "word", ["General", "Spot", "Margin", "Futures", "InnerTransfer"]
)
async def test_a_missing_permission_fails_and_is_named(word: str) -> None:
    """Each of the five is needed."""
    have = [w for w in str(KEY["permission"]).split(",") if w != word]
    (check,) = await found({"api_key": {**KEY, "permission": ",".join(have)}})
    assert check.state is CheckState.FAIL
    assert word in check.sentence


async def test_a_key_from_everywhere_fails() -> None:
    """A key without an address list is refused unless it is accepted."""
    (check,) = await found({"api_key": {**KEY, "ipWhitelist": ""}})
    assert (check.name, check.state) == ("addresses", CheckState.FAIL)


async def test_a_unified_account_is_refused_with_a_way_out() -> None:
    """Its risk number is another one; the advice says what to do."""
    (check,) = await found({"account_mode": {"selfAccountMode": "UNIFIED"}})
    assert check.state is CheckState.FAIL
    assert "classic sub-account" in check.advice


async def test_hedge_mode_fails() -> None:
    """One-way mode only."""
    (check,) = await found({"position_mode": {"positionMode": "1"}})
    assert check.state is CheckState.FAIL


async def test_isolated_contracts_and_low_leverage_are_said() -> None:
    """Isolated margin fails, a leverage below what is traded warns."""
    (check,) = await found(
        {"margin_mode": {"symbol": "XBTUSDTM", "marginMode": "ISOLATED"}}
    )
    assert check.state is CheckState.FAIL
    (check,) = await found({"cross_leverage": {"symbol": "XBTUSDTM", "leverage": "2"}})
    assert check.state is CheckState.WARN


async def test_another_account_than_was_named_fails() -> None:
    """Arming names an account; the key of another one is refused."""
    (check,) = await found({}, Expected(uid="1"))
    assert (check.name, check.state) == ("account", CheckState.FAIL)


async def test_a_closed_exchange_fails() -> None:
    """Closed and cancel-only are no times to start."""
    (check,) = await found(
        {"futures_status": {"status": "cancelonly", "msg": "upgrade"}}
    )
    assert check.state is CheckState.FAIL
    assert "upgrade" in check.sentence


@pytest.mark.parametrize(
    "trouble",
    [
        UnreachableError("The exchange does not answer."),
        ExchangeRefusedError("400007", "no"),
    ],
)
async def test_what_could_not_be_asked_is_unknown(trouble: Exception) -> None:
    """A check that could not be made never passes; the others are made all the same."""
    checks = await check_account(Exchange(broken={"api_key": trouble}), WANTED)
    bad = [check for check in checks if check.state is not CheckState.PASS]
    assert [(check.name, check.state) for check in bad] == [("key", CheckState.UNKNOWN)]


@pytest.mark.parametrize(
    "junk",
    [None, {}, [], {"selfAccountMode": None}, {"selfAccountMode": "X"}],
)
async def test_an_answer_that_makes_no_sense_is_unknown(junk: object) -> None:
    """A new word or a broken answer is never taken for the good one."""
    (check,) = await found({"account_mode": junk})
    assert check.state is CheckState.UNKNOWN
