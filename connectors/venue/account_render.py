"""Writing an account back in the form of an account file.

What a file cannot say is left out: holds (no order is part of an account file) and
ADL lamps. Everything else comes back the same when the text is loaded and resolved
with the same rules: entry prices carry 28 digits, so that the exact cost returns.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    SPOT,
    AccountId,
    AccountSnapshot,
    Balance,
    MarginMode,
    Position,
    PositionSide,
    isolated_pair,
)
from bot.domain.instruments import Rules
from bot.domain.money import plain

__all__ = ["render"]


def render(snapshot: AccountSnapshot, rules: Rules, vip: int = 0) -> str:
    """The account as TOML text, sorted, numbers quoted in plain notation.

    Args:
        snapshot: What is owned, owed and held.
        rules: To turn the cost of a position into its entry price.
        vip: The fee level.
    """
    return "\n".join(_lines(snapshot, rules, vip)) + "\n"


def _lines(snapshot: AccountSnapshot, rules: Rules, vip: int) -> Iterator[str]:
    yield f"vip = {vip}"
    for account in (MAIN, SPOT):
        totals = _numbers(snapshot.balances.get(account, {}), "total")
        if totals:
            yield from ("", f"[{account}]")
            yield from (f'{coin} = "{text}"' for coin, text in totals.items())
    for account in sorted({*snapshot.balances, *snapshot.margin_leverage}):
        pair = isolated_pair(account)
        if account == MARGIN_CROSS:
            yield from ("", "[margin_cross]", *_margin(snapshot, account))
        elif pair is not None:
            header = f'[margin_isolated."{pair}"]'
            yield from ("", header, *_margin(snapshot, account))
    wallet = _numbers(snapshot.balances.get(FUTURES, {}), "total")
    if wallet or snapshot.positions:
        yield from ("", "[futures]", f"wallet = {_inline(wallet)}")
    for key in sorted(snapshot.positions):
        yield from _position(snapshot.positions[key], rules)


def _margin(snapshot: AccountSnapshot, account: AccountId) -> Iterator[str]:
    """The keys of a margin account."""
    leverage = snapshot.margin_leverage.get(account)
    if leverage is not None:
        yield f'leverage = "{plain(leverage)}"'
    names = {"balance": "total", "principal": "principal", "interest": "interest"}
    for key, name in names.items():
        numbers = _numbers(snapshot.balances.get(account, {}), name)
        if numbers:
            yield f"{key} = {_inline(numbers)}"


def _numbers(coins: Mapping[str, Balance], name: str) -> dict[str, str]:
    """One number of each coin as text, zeros left out, sorted by coin."""
    found = {}
    for coin in sorted(coins):
        amount: Decimal = getattr(coins[coin], name)
        if amount != 0:
            found[coin] = plain(amount)
    return found


def _inline(numbers: Mapping[str, str]) -> str:
    return "{" + ", ".join(f'{coin} = "{text}"' for coin, text in numbers.items()) + "}"


def _position(position: Position, rules: Rules) -> Iterator[str]:
    contract = rules.contracts[position.symbol]
    size = Decimal(position.lots) * contract.multiplier
    cost = position.entry_value
    entry = size / cost if contract.is_inverse else cost / size
    yield from ("", "[[futures.position]]")
    yield f'symbol = "{position.symbol}"'
    yield f'mode = "{position.mode}"'
    if position.side is not PositionSide.BOTH:
        yield f'side = "{position.side}"'
    yield f"lots = {position.lots}"
    yield f'entry = "{plain(entry)}"'
    yield f'leverage = "{plain(position.leverage)}"'
    if position.mode is MarginMode.ISOLATED:
        yield f'margin = "{plain(position.margin)}"'
