"""The levers that move coins and debts without a trade.

Repay from what lies idle, bring in the reserve of the main and spot accounts, move
what another account can spare, borrow against a spot leg that stays where it is,
add isolated margin or take it back. What has a request without an answer is not
asked for again; into an account that is being liquidated nothing goes. Nothing here
chooses how much, and nothing is sent.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Final

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    SPOT,
    AccountId,
    MarginMode,
    PositionKey,
    isolated_pair,
)
from bot.domain.events import AccountStatus
from bot.domain.intents import AdjustMargin, Borrow, Repay, Transfer
from bot.domain.money import LEDGER_QUANTUM, ONE, ZERO, floor_to
from bot.guard.asked import is_adjusting, is_asked
from bot.guard.plan_costs import day_of_interest
from bot.guard.plan_limits import borrowable, withdrawable
from bot.guard.plan_model import Atom, Lever, Margin, Owed, Piece, Rates, Stage, Total
from bot.guard.plan_rows import price_of
from bot.guard.state import BORROWING
from bot.risk.measure import SubjectMeasure
from bot.risk.subjects import is_margin
from bot.shadow.state import Shadow

__all__ = ["LEAST_USDT", "money_levers", "takes_collateral"]

LEAST_USDT: Final = Decimal(1)
"""Levers worth less than this are dust and are left alone."""

_ENDLESS: Final = Decimal(10) ** 12
"""No bound of its own: the rows bound what an account can spare."""

_KEEP_MAIN: Final = 1e-4
_KEEP_SPOT: Final = 2e-4
_KEEP_POOL: Final = 3e-4
_KEEP_ROOM: Final = 4e-4
_KEEP_COIN: Final = 5e-4
_KEEP_FREE: Final = 0.5e-4
_PAY_UP: Final = -1e-7
"""Ties between levers that cost nothing: pay back, then free margin, then main."""


def money_levers(shadow: Shadow, measure: SubjectMeasure) -> Iterator[Lever]:
    """Every lever without a trade that can help an account, in a fixed order."""
    yield from _repayments(shadow, measure.account)
    if measure.position is not None:
        yield from _added_margin(shadow, measure.position, measure.settle or "")
    if not takes_collateral(shadow, measure):
        return
    for coin in _coins(shadow, measure):
        yield from _reserve(shadow, measure.account, coin)
        yield from _pools(shadow, measure, coin)
        yield from _loan(shadow, measure.account, coin)
    for account in sorted(shadow.balances):
        if is_margin(account) and account != measure.account:
            yield from _repayments(shadow, account)
    yield from _taken_margin(shadow, measure)


def takes_collateral(shadow: Shadow, measure: SubjectMeasure) -> bool:
    """Transfers into an account that is being liquidated are blocked."""
    key = (measure.account, (measure.settle or "") if measure.is_futures else "")
    blocked = {AccountStatus.LIQUIDATING, AccountStatus.BANKRUPT}
    return shadow.statuses.get(key) not in blocked


def _coins(shadow: Shadow, measure: SubjectMeasure) -> list[str]:
    """The coins that help an account: its cash first, then what it owes or keeps."""
    if measure.settle is not None:
        return [measure.settle]
    pair = isolated_pair(measure.account)
    held = shadow.balances.get(measure.account, {})
    owed = {c for c, b in held.items() if b.liability > 0}
    allowed = set(pair.split("-")) if pair else owed | set(shadow.rules.margin_coins)
    wanted = (owed | {"USDT"} | set(shadow.balances.get(MAIN, {}))) & allowed
    if pair is None:
        wanted |= {"USDT"}
    return sorted(wanted, key=lambda coin: (coin != "USDT", coin))


def _lever(  # noqa: PLR0913 - the parts of a lever without a curve
    *,
    name: str,
    stage: Stage,
    most: Decimal,
    price: float,
    preference: float,
    lever: Lever,
    interest: float = 0.0,
) -> Lever:
    """A lever with one price, its least worth a USDT."""
    most = floor_to(max(most, ZERO), lever.step)
    pieces = (Piece(width=float(most), rates=Rates(interest=interest * price)),)
    floor = LEAST_USDT / Decimal(repr(price)) if price > 0 else ZERO
    return replace(
        lever,
        name=name,
        stage=stage,
        most=most,
        pieces=pieces,
        preference=preference * price,
        least=max(lever.least, floor),
    )


def _repayments(shadow: Shadow, account: AccountId) -> Iterator[Lever]:
    for coin, balance in sorted(shadow.balances.get(account, {}).items()):
        price = price_of(shadow, coin)
        if balance.liability <= 0 or price <= 0 or is_asked(shadow, account, coin):
            continue
        yield _lever(
            name="repaying",
            stage=Stage.REPAY,
            most=balance.liability,
            price=price,
            preference=_PAY_UP * (1.0 + day_of_interest(shadow, coin)),
            lever=_plain(
                {Total(account, coin): -1.0, Owed(account, coin): -1.0},
                f"repay {{amount}} {coin} in {_said(account)}",
                Repay(account=account, coin=coin, amount=ONE),
            ),
        )


def _reserve(shadow: Shadow, account: AccountId, coin: str) -> Iterator[Lever]:
    """Coins of the main account, and cash of the spot account."""
    is_cash = coin == "USDT" or account == FUTURES
    for source, kept in ((MAIN, _KEEP_MAIN), (SPOT, _KEEP_SPOT)):
        if source == SPOT and not is_cash:
            continue
        idle, price = shadow.balance(source, coin).available, price_of(shadow, coin)
        if float(idle) * price < float(LEAST_USDT) or is_asked(shadow, source, coin):
            continue
        lever = _moving(source, account, coin)
        preference = kept if is_cash else _KEEP_COIN
        yield _lever(
            name="the reserve",
            stage=Stage.TRANSFER,
            most=idle,
            price=price,
            preference=preference,
            lever=lever,
        )


def _said(account: AccountId) -> str:
    """An account as a trader calls it.

    Example:
        >>> _said(MARGIN_CROSS), _said(MAIN)
        ('cross margin', 'main')
    """
    pair = isolated_pair(account)
    if pair is not None:
        return f"isolated margin {pair}"
    return "cross margin" if account == MARGIN_CROSS else account


def _moving(source: AccountId, target: AccountId, coin: str) -> Lever:
    return _plain(
        {Total(source, coin): -1.0, Total(target, coin): 1.0},
        f"move {{amount}} {coin} from {_said(source)} to {_said(target)}",
        Transfer(source=source, target=target, coin=coin, amount=ONE),
    )


def _plain(
    moves: Mapping[Atom, float],
    says: str,
    *templates: Repay | Transfer | Borrow | AdjustMargin,
) -> Lever:
    """A lever whose requests all have the amount of the lever."""
    return Lever(
        name="",
        stage=Stage.REPAY,
        most=ZERO,
        step=LEDGER_QUANTUM,
        moves=moves,
        pieces=(),
        intents=lambda amount: tuple(
            replace(each, amount=each.amount * amount) for each in templates
        ),
        says=says,
    )


def _pools(shadow: Shadow, measure: SubjectMeasure, coin: str) -> Iterator[Lever]:
    """What the other accounts that can be liquidated, or hold cash, can spare."""
    for source in sorted(shadow.balances):
        is_pool = is_margin(source) or source == FUTURES
        if not is_pool or source == measure.account:
            continue
        if source == MARGIN_CROSS and coin not in {"USDT", measure.settle}:
            continue
        price = price_of(shadow, coin)
        if price <= 0 or is_asked(shadow, source, coin) or _is_taken(shadow, source):
            continue
        if coin not in shadow.balances[source]:
            continue
        yield _lever(
            name=f"what {_said(source)} can spare",
            stage=Stage.POOL,
            most=_ENDLESS,
            price=price,
            preference=_KEEP_POOL,
            lever=replace(_moving(source, measure.account, coin), out_of=source),
        )


def _is_taken(shadow: Shadow, account: AccountId) -> bool:
    """Whether an account is in trouble: nothing is taken out of one that is."""
    return any(
        name == account and status is not AccountStatus.NORMAL
        for (name, _), status in shadow.statuses.items()
    )


def _loan(shadow: Shadow, account: AccountId, coin: str) -> Iterator[Lever]:
    """Borrow in cross margin, against what stays there, and move it at once."""
    if account == MARGIN_CROSS or _is_taken(shadow, MARGIN_CROSS):
        return
    most = borrowable(shadow, MARGIN_CROSS, coin)
    if most <= 0 or is_asked(shadow, MARGIN_CROSS, coin):
        return
    rules = shadow.rules.margin_coins[coin]
    lever = _plain(
        {Owed(MARGIN_CROSS, coin): 1.0, Total(account, coin): 1.0},
        f"borrow {{amount}} {coin} in {_said(MARGIN_CROSS)} "
        f"and move it to {_said(account)}",
        Borrow(account=MARGIN_CROSS, coin=coin, amount=ONE),
        Transfer(source=MARGIN_CROSS, target=account, coin=coin, amount=ONE),
    )
    step = rules.borrow_unit or rules.quantum
    yield _lever(
        name=BORROWING,
        stage=Stage.BORROW,
        most=most,
        price=price_of(shadow, coin),
        preference=_KEEP_ROOM,
        lever=replace(
            lever, step=step, least=rules.borrow_min or ZERO, out_of=MARGIN_CROSS
        ),
        interest=day_of_interest(shadow, coin),
    )


def _added_margin(shadow: Shadow, key: PositionKey, settle: str) -> Iterator[Lever]:
    price = price_of(shadow, settle)
    if price <= 0 or is_adjusting(shadow, key):
        return
    yield _lever(
        name="isolated margin",
        stage=Stage.ADD_MARGIN,
        most=_ENDLESS,
        price=price,
        preference=_KEEP_FREE,
        lever=replace(
            _plain(
                {Margin(key): 1.0},
                f"add {{amount}} {settle} of margin to {key}",
                AdjustMargin(symbol=key.symbol, amount=ONE, position_side=key.side),
            ),
            out_of=FUTURES,
        ),
    )


def _taken_margin(shadow: Shadow, measure: SubjectMeasure) -> Iterator[Lever]:
    """Isolated margin that another position of the same wallet does not need."""
    for key in sorted(shadow.positions):
        position = shadow.positions[key]
        contract = shadow.rules.contracts.get(key.symbol)
        if position.mode is not MarginMode.ISOLATED or key == measure.position:
            continue
        if contract is None or contract.settle not in {measure.settle, "USDT"}:
            continue
        most = withdrawable(shadow, contract, position)
        if most <= 0 or is_adjusting(shadow, key):
            continue
        yield _lever(
            name=f"the margin of {key}",
            stage=Stage.TRANSFER,
            most=most,
            price=price_of(shadow, contract.settle),
            preference=_KEEP_POOL,
            lever=_plain(
                {Margin(key): -1.0},
                f"take back {{amount}} {contract.settle} of margin from {key}",
                AdjustMargin(symbol=key.symbol, amount=-ONE, position_side=key.side),
            ),
        )
