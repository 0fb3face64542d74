"""Whether this account and this key can be traded, one question at a time.

Each check reads what the exchange says and answers with a sentence and an advice.
``gnomon doctor`` prints them all; a live start refuses when one of them fails. A
check that could not be made is never a pass. Nothing here changes anything at the
exchange.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Final

from bot.domain.accounts import MarginMode
from bot.domain.errors import UnreachableError, UsageError
from bot.domain.money import ONE
from connectors.kucoin.answers import ExchangeRefusedError, Rest
from connectors.kucoin.exchange_clock import ExchangeClock
from connectors.kucoin.parse.modes import (
    cross_leverage,
    is_hedge_mode,
    is_unified,
    margin_mode,
)
from connectors.kucoin.parse.service import (
    KeyInfo,
    ServiceState,
    key_info,
    service_state,
    vip_level,
)

__all__ = ["Check", "CheckState", "Expected", "check_account", "check_clock"]

_NEEDED: Final = ("General", "Spot", "Margin", "Futures", "InnerTransfer")
_WITHDRAWS: Final = frozenset({"Transfer", "Withdrawal", "Withdraw"})
_KEY_ADVICE: Final = "Mend what the code names; nothing is known about this until then."
_LOST_ADVICE: Final = "See whether this machine reaches the exchange, then try again."
_READ_ADVICE: Final = "Nothing is known about this; report it if it stays."
_CLOCK_WARN_S: Final = 1.0
_CLOCK_FAIL_S: Final = 4.0


class CheckState(StrEnum):
    """How a check came out."""

    PASS = "pass"  # noqa: S105 - a verdict
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"
    """It could not be made: as bad as a failure for a live start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One question with its answer, and what to do about it."""

    name: str
    state: CheckState
    sentence: str
    advice: str = ""
    subject: str = ""
    """What was found, where a program needs it: the account's number."""
    is_unreachable: bool = False
    """It is unknown because the exchange did not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the settings want of the account.

    ``leverages`` are the leverages that strategies will open contracts with, by
    symbol; ``is_withdraw_accepted`` and ``is_open_ip_accepted`` are the operator's
    own words.
    """

    vip: int = 0
    leverages: Mapping[str, Decimal] = field(default_factory=dict)
    is_withdraw_accepted: bool = False
    is_open_ip_accepted: bool = False
    uid: str | None = None
    """The account that was named when arming."""


async def check_account(rest: Rest, expected: Expected) -> tuple[Check, ...]:
    """Every check of key, account and modes, in a fixed order.

    It ends at an exchange that does not answer and at a key that is refused: the
    later questions would only say the same again.
    """
    found = [*await _guarded("service", lambda: _service(rest))]
    if not any(check.is_unreachable for check in found):
        found += await _guarded("key", lambda: _key(rest, expected))
    if found[-1].state is CheckState.UNKNOWN:
        return tuple(found)
    found += await _guarded("account mode", lambda: _account_mode(rest))
    found += await _guarded("fee level", lambda: _fee_level(rest, expected))
    found += await _guarded("position mode", lambda: _position_mode(rest))
    for symbol, leverage in sorted(expected.leverages.items()):
        found += await _guarded(
            f"contract {symbol}", _contract_check(rest, symbol, leverage)
        )
    return tuple(found)


def check_clock(clock: ExchangeClock, rate: Decimal = ONE) -> Check:
    """Whether our clock is near enough to the exchange's for signing.

    An exchange on this machine whose clock runs at another rate judges signatures by
    the time of day, which both share: there is no offset to measure.
    """
    offset, error = clock.offset_s, clock.error_s
    if offset is None or error is None:
        return Check(
            name="clock",
            state=CheckState.UNKNOWN,
            sentence="The exchange's clock could not be read.",
            advice="See whether both hosts answer, then try again.",
            is_unreachable=True,
        )
    if rate != 1:
        return Check(
            name="clock",
            state=CheckState.PASS,
            sentence=f"The exchange's clock runs {rate:f} times as fast as the wall's.",
        )
    worst = abs(offset) + error
    sentence = (
        f"This clock is {abs(offset):.3f} s off the exchange's, within {error:.3f} s."
    )
    if worst > _CLOCK_FAIL_S:
        return Check(
            name="clock",
            state=CheckState.FAIL,
            sentence=sentence,
            advice="Set this machine's clock by NTP; requests are refused at 5 s.",
        )
    state = CheckState.WARN if worst > _CLOCK_WARN_S else CheckState.PASS
    advice = "Set this machine's clock by NTP." if state is CheckState.WARN else ""
    return Check(name="clock", state=state, sentence=sentence, advice=advice)


async def _guarded(
    name: str, check: Callable[[], Awaitable[Sequence[Check]]]
) -> Sequence[Check]:
    """A check whose reading failed is unknown, with the reason."""
    try:
        return await check()
    except ExchangeRefusedError as refusal:
        return (_unknown(name, f"KuCoin refuses with code {refusal}", _KEY_ADVICE),)
    except UnreachableError as error:
        lost = _unknown(name, str(error), _LOST_ADVICE)
        return (replace(lost, is_unreachable=True),)
    except UsageError as error:
        return (_unknown(name, str(error), _READ_ADVICE),)


def _unknown(name: str, sentence: str, advice: str) -> Check:
    sentence = f"{sentence.rstrip('.')}."
    return Check(name=name, state=CheckState.UNKNOWN, sentence=sentence, advice=advice)


async def _service(rest: Rest) -> Sequence[Check]:
    checks = []
    for host, endpoint in (("spot", "spot_status"), ("futures", "futures_status")):
        state, words = service_state(await rest.read(endpoint))
        is_open = state is ServiceState.OPEN
        checks.append(
            Check(
                name=f"service {host}",
                state=CheckState.PASS if is_open else CheckState.FAIL,
                sentence=f"The {host} exchange is {state}{_said(words)}.",
                advice="" if is_open else "Wait until the exchange has opened again.",
            )
        )
    return checks


def _said(words: str) -> str:
    return f": {words}" if words else ""


async def _key(rest: Rest, expected: Expected) -> Sequence[Check]:
    info = key_info(await rest.read("api_key"))
    return (
        _identity(info, expected),
        _permissions(info),
        _withdrawals(info, expected),
        _addresses(info, expected),
    )


def _identity(info: KeyInfo, expected: Expected) -> Check:
    if expected.uid is not None and expected.uid != info.uid:
        return Check(
            name="account",
            state=CheckState.FAIL,
            sentence=(
                f"The key belongs to account {info.uid}, not to {expected.uid} "
                "that was named."
            ),
            advice="Arm the account that the key in .env belongs to.",
        )
    kind = "a sub-account's" if info.is_master is False else "the master account's"
    return Check(
        name="account",
        state=CheckState.PASS,
        sentence=f"The key is {kind}, account {info.uid}.",
        subject=info.uid,
    )


def _permissions(info: KeyInfo) -> Check:
    missing = [name for name in _NEEDED if name not in info.permissions]
    if not missing:
        return Check(
            name="permissions",
            state=CheckState.PASS,
            sentence="The key has every permission that is needed.",
        )
    return Check(
        name="permissions",
        state=CheckState.FAIL,
        sentence=f"The key lacks {', '.join(missing)}.",
        advice=f"Make a key with {', '.join(_NEEDED)} and nothing else.",
    )


def _withdrawals(info: KeyInfo, expected: Expected) -> Check:
    able = sorted(_WITHDRAWS & info.permissions)
    if not able:
        return Check(
            name="withdrawals",
            state=CheckState.PASS,
            sentence="The key cannot withdraw.",
        )
    accepted = expected.is_withdraw_accepted
    return Check(
        name="withdrawals",
        state=CheckState.WARN if accepted else CheckState.FAIL,
        sentence=f"The key can withdraw ({', '.join(able)}).",
        advice=(
            "Make a key without it; to go on all the same, name it with "
            "--accept-withdrawal-key."
        ),
    )


def _addresses(info: KeyInfo, expected: Expected) -> Check:
    if info.ip_whitelist:
        return Check(
            name="addresses",
            state=CheckState.PASS,
            sentence=f"The key is bound to {_addressed(len(info.ip_whitelist))}.",
        )
    accepted = expected.is_open_ip_accepted
    return Check(
        name="addresses",
        state=CheckState.WARN if accepted else CheckState.FAIL,
        sentence="The key works from every address.",
        advice=(
            "Bind it to this machine's address; to go on all the same, say "
            "--accept-any-address."
        ),
    )


def _addressed(count: int) -> str:
    """A count of addresses in words.

    Example:
        >>> _addressed(1), _addressed(3)
        ('one address', '3 addresses')
    """
    return "one address" if count == 1 else f"{count} addresses"


async def _account_mode(rest: Rest) -> Sequence[Check]:
    unified = is_unified(await rest.read("account_mode"))
    if unified:
        return (
            Check(
                name="account mode",
                state=CheckState.FAIL,
                sentence="This is a unified account, whose risk number is another one.",
                advice=(
                    "Gnomon computes the classic accounts only: switch this account "
                    "to classic, or use a classic sub-account."
                ),
            ),
        )
    return (
        Check(
            name="account mode",
            state=CheckState.PASS,
            sentence="This is a classic account.",
        ),
    )


async def _fee_level(rest: Rest, expected: Expected) -> Sequence[Check]:
    level = vip_level(await rest.read("user_info"))
    is_same = level == expected.vip
    return (
        Check(
            name="fee level",
            state=CheckState.PASS if is_same else CheckState.WARN,
            sentence=f"The account's VIP level is {level}.",
            advice=(
                ""
                if is_same
                else f"Set [costs] vip to {level}; it says {expected.vip}, so paper "
                "runs pay other fees than this account does."
            ),
        ),
    )


async def _position_mode(rest: Rest) -> Sequence[Check]:
    if is_hedge_mode(await rest.read("position_mode")):
        return (
            Check(
                name="position mode",
                state=CheckState.FAIL,
                sentence="Futures are in hedge mode, long and short kept apart.",
                advice="Close positions and orders, then switch to one-way mode.",
            ),
        )
    return (
        Check(
            name="position mode",
            state=CheckState.PASS,
            sentence="Futures are in one-way mode.",
        ),
    )


def _contract_check(
    rest: Rest, symbol: str, leverage: Decimal
) -> Callable[[], Awaitable[Sequence[Check]]]:
    async def check() -> Sequence[Check]:
        return (await _contract(rest, symbol, leverage),)

    return check


async def _contract(rest: Rest, symbol: str, leverage: Decimal) -> Check:
    """One contract's margin mode and leverage against what will be traded."""
    name = f"contract {symbol}"
    _, mode = margin_mode(await rest.read("margin_mode", {"symbol": symbol}))
    if mode is not MarginMode.CROSS:
        return Check(
            name=name,
            state=CheckState.FAIL,
            sentence=f"{symbol} is in {mode} margin mode, the settings want cross.",
            advice=f"Close what {symbol} holds and switch it to cross margin.",
        )
    _, stated = cross_leverage(await rest.read("cross_leverage", {"symbol": symbol}))
    if stated < leverage:
        return Check(
            name=name,
            state=CheckState.WARN,
            sentence=f"{symbol} is set to {stated:f}x, it is opened at {leverage:f}x.",
            advice=f"Raise the cross leverage of {symbol} to {leverage:f}x.",
        )
    return Check(
        name=name,
        state=CheckState.PASS,
        sentence=f"{symbol} is in cross mode at {stated:f}x.",
    )
