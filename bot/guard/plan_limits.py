"""What the exchange lets leave an account, and what it lends: exact, and careful.

The room to borrow and the 60 % rule count collateral by its tiers; futures cash that
may leave is the wallet without initial margins and without unrealised gains. Each is
a bound of a lever or a row of a plan; the exchange has the last word. Nothing here
chooses or sends anything.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Final

from bot.domain.accounts import (
    FUTURES,
    AccountId,
    Balance,
    MarginMode,
    Position,
    isolated_pair,
)
from bot.domain.instruments import CollateralTier, ContractRules, MarginCoinRules
from bot.domain.money import LEDGER_QUANTUM, ONE, ZERO, floor_to
from bot.guard.plan_model import Atom, Lots, Margin, Owed, Row, Total
from bot.guard.plan_rows import price_of
from bot.risk.collateral import (
    TRANSFER_OUT_DEBT_RATIO,
    Collateral,
    borrow_room,
    collateral_of,
    max_borrow,
    transferable_out,
)
from bot.risk.futures import unrealised_pnl
from bot.shadow.state import Shadow

__all__ = [
    "borrowable",
    "cash_row",
    "free_in_wallet",
    "leaving",
    "rows_of_sources",
    "spare_of",
    "wallet_row",
    "withdrawable",
]

_ENDLESS: Final = Decimal(10) ** 18
_WHOLE: Final = (CollateralTier(lower=ZERO, upper=_ENDLESS, ratio=ONE),)
_A_LITTLE: Final = 0.002
"""A closed lot frees at least this share of its value: rounding blocks no close."""


def _coin_rules(
    shadow: Shadow, account: AccountId, coin: str
) -> MarginCoinRules | None:
    pair = isolated_pair(account)
    if pair is None:
        return shadow.rules.margin_coins.get(coin)
    own = shadow.rules.isolated_pairs.get(pair)
    if own is None or coin not in {own.base, own.quote}:
        return None
    return own.base_rules if coin == own.base else own.quote_rules


def _tiers(shadow: Shadow, account: AccountId, coin: str) -> tuple[CollateralTier, ...]:
    rules = _coin_rules(shadow, account, coin)
    return rules.tiers if rules is not None and rules.tiers else _WHOLE


def _collateral(shadow: Shadow, account: AccountId) -> Collateral:
    coins: Mapping[str, Balance] = shadow.balances.get(account, {})
    prices = {"USDT": ONE, **shadow.margin_marks}
    return collateral_of(
        coins, prices, {coin: _tiers(shadow, account, coin) for coin in coins}
    )


def borrowable(shadow: Shadow, account: AccountId, coin: str) -> Decimal:
    """The coins that may be borrowed now; zero where anything about it is unknown."""
    rules, quoted = _coin_rules(shadow, account, coin), shadow.borrow.get(coin)
    price = Decimal(repr(price_of(shadow, coin)))
    if rules is None or quoted is None or price <= 0 or not rules.borrow_enabled:
        return ZERO
    leverage = shadow.margin_leverage.get(account, shadow.rules.margin_max_leverage)
    room = borrow_room(_collateral(shadow, account), leverage)
    if room is None:
        return ZERO
    owed = shadow.balance(account, coin).liability
    most = min(room / price, quoted.available or _ENDLESS)
    if rules.borrow_max is not None:
        limited = max_borrow(most * price, price, owed, rules)
        return ZERO if limited is None else limited
    amount = floor_to(max(most, ZERO), rules.borrow_unit or rules.quantum)
    return ZERO if amount < (rules.borrow_min or ZERO) else amount


def leaving(shadow: Shadow, account: AccountId, coin: str) -> Decimal:
    """The coins of one kind that may leave an account now; zero where unknown."""
    if account == FUTURES:
        return max(free_in_wallet(shadow, coin), ZERO)
    price = Decimal(repr(price_of(shadow, coin)))
    balance = shadow.balance(account, coin)
    found = transferable_out(
        _collateral(shadow, account), balance, price, _tiers(shadow, account, coin)
    )
    return ZERO if found is None else floor_to(max(found, ZERO), LEDGER_QUANTUM)


def free_in_wallet(shadow: Shadow, settle: str) -> Decimal:
    """Futures cash that carries no position: a careful reading of free cash.

    The wallet less what is held, isolated margins, the initial margins of cross
    positions at their entry or mark, and cross losses; cross gains count 0. Zero
    where a mark is missing, negative where more is in use than there is.
    """
    balance = shadow.balance(FUTURES, settle)
    free = balance.total - balance.hold
    for key, position in shadow.positions.items():
        contract = shadow.rules.contracts.get(key.symbol)
        if contract is None or contract.settle != settle:
            continue
        if position.mode is MarginMode.ISOLATED:
            free -= position.margin
            continue
        mark = shadow.futures_marks.get(key.symbol)
        if mark is None or mark <= 0:
            return ZERO
        free -= _initial_margin(contract, position, mark)
        free += min(unrealised_pnl(contract, position, mark), ZERO)
    return free


def _initial_margin(
    contract: ContractRules, position: Position, mark: Decimal
) -> Decimal:
    """The larger one of entry and mark: which the exchange takes it does not say."""
    value = abs(contract.value(Decimal(position.lots), mark))
    return max(value, abs(position.entry_value)) / max(position.leverage, ONE)


def withdrawable(
    shadow: Shadow, contract: ContractRules, position: Position
) -> Decimal:
    """Isolated margin that may be taken back: less losses, less the initial margin."""
    mark = shadow.futures_marks.get(position.symbol)
    if mark is None or mark <= 0:
        return ZERO
    loss = min(unrealised_pnl(contract, position, mark), ZERO)
    spare = position.margin + loss - _initial_margin(contract, position, mark)
    return floor_to(max(spare, ZERO), LEDGER_QUANTUM)


def cash_row(shadow: Shadow, account: AccountId, coin: str) -> Row:
    """What leaves an account is there: what is available now, and what comes in."""
    price = price_of(shadow, coin)
    room = float(max(shadow.balance(account, coin).available, ZERO)) * price
    atom = Total(account, coin)
    return Row(
        name=f"{coin} of {account}",
        weigh=lambda each: -price if each == atom else 0.0,
        room=room,
    )


def spare_of(
    shadow: Shadow, account: AccountId, limit: Decimal = TRANSFER_OUT_DEBT_RATIO
) -> bool:
    """Whether an account may give anything now by the exchange's own rules.

    A higher ``limit`` of debt over collateral asks whether it soon might: beyond it
    nobody pays back so much only to take something out.
    """
    if account == FUTURES:
        settles = shadow.balances.get(FUTURES, {})
        is_soon = limit > TRANSFER_OUT_DEBT_RATIO
        return is_soon or all(free_in_wallet(shadow, each) >= 0 for each in settles)
    now = _collateral(shadow, account)
    if now.value is None or now.debt is None:
        return False
    return now.debt <= limit * now.value


def rows_of_sources(shadow: Shadow, sources: Iterable[AccountId]) -> Iterator[Row]:
    """The rules of the accounts that coins leave."""
    for account in sorted(set(sources)):
        if account != FUTURES:
            yield from _sixty(shadow, account)


def _sixty(shadow: Shadow, account: AccountId) -> Iterator[Row]:
    """Debt stays at or under 60 % of the collateral; every coin counts whole here."""
    now = _collateral(shadow, account)
    if now.value is None or now.debt is None:
        return
    limit = float(TRANSFER_OUT_DEBT_RATIO)

    def weigh(atom: Atom) -> float:
        if not isinstance(atom, Total | Owed) or atom.account != account:
            return 0.0
        price = price_of(shadow, atom.coin)
        return price / limit if isinstance(atom, Owed) else -price

    room = float(now.value) - float(now.debt) / limit
    yield Row(name=f"the 60 % rule of {account}", weigh=weigh, room=room)


def wallet_row(shadow: Shadow, settle: str) -> Row:
    """What leaves the futures wallet, or becomes isolated margin, is free there.

    Where more is in use than there is, that is made good first: a rule for those who
    take, and for nobody else.
    """
    dollars = price_of(shadow, settle)

    def weigh(atom: Atom) -> float:
        match atom:
            case Total(account=account, coin=coin) if account == FUTURES:
                return -dollars if coin == settle else 0.0
            case Lots(key=key) | Margin(key=key):
                contract = shadow.rules.contracts.get(key.symbol)
                if contract is None or contract.settle != settle:
                    return 0.0
                if isinstance(atom, Margin):
                    return dollars
                return dollars * _freed(shadow, contract, shadow.positions[key])
            case Total() | Owed():
                return 0.0

    room = float(free_in_wallet(shadow, settle)) * dollars
    return Row(name=f"free {settle} of {FUTURES}", weigh=weigh, room=room)


def _freed(shadow: Shadow, contract: ContractRules, position: Position) -> float:
    """What a closed lot frees beside the profit that it books: never less than it."""
    lots = abs(float(position.lots))
    mark = shadow.futures_marks[position.symbol]
    profit = float(unrealised_pnl(contract, position, mark)) / lots
    if position.mode is MarginMode.ISOLATED:
        unit = abs(float(contract.value(ONE, mark)))
        kept = float(position.margin) / lots + profit
        return profit - max(kept, _A_LITTLE * unit)
    margin = float(_initial_margin(contract, position, mark)) / lots
    return profit - max(profit, 0.0) - margin
