"""From an account file to the account that a venue opens with.

``@N`` becomes coins at the first mark, rounded down to the instrument's size step
(coins without a pair: 1e-8); positions given in coins or USDT are rounded down to whole
lots, as any order would be. Whatever the market does not trade at its start is refused
with its name: an account cannot be valued without a price.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NoReturn

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
    PositionKey,
    isolated_account,
)
from bot.domain.errors import UsageError
from bot.domain.instruments import ContractRules, Lots, Rules
from bot.domain.market import MarketInstant
from bot.domain.money import LEDGER_QUANTUM, ONE, ZERO, floor_to, plain, round_half_up
from connectors.venue.account_parts import (
    AccountFile,
    Amount,
    MarginPart,
    PositionPart,
)
from connectors.venue.futures_risk import has_maintenance_rate

__all__ = ["resolve"]

_QUOTE = "USDT"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Market:
    """The market's start and its rules, and the file to name in complaints."""

    file: AccountFile
    rules: Rules
    first: MarketInstant

    def refuse(self, name: str, reason: str) -> NoReturn:
        """Complain about a key of the account file.

        Raises:
            UsageError: Always.
        """
        raise UsageError(f"{self.file.path}: {name} {reason}")

    def price(self, coin: str, name: str) -> Decimal:
        """USDT a coin at the first mark."""
        price = self.first.margin_marks.get(coin)
        if price is None and coin == _QUOTE:
            return ONE
        if price is None:
            self.refuse(
                name,
                f"holds or owes {coin}, which the market does not trade at its start; "
                "remove it or choose another market.",
            )
        return price

    def coins(self, coin: str, amount: Amount, name: str) -> Decimal:
        """An amount in coins; zero of a coin needs no price."""
        if amount.number == 0:
            return ZERO
        price = self.price(coin, name)
        if amount.is_worth:
            pair = self.rules.spot.get(f"{coin}-{_QUOTE}")
            step = LEDGER_QUANTUM if pair is None else pair.base_increment
            worth = amount.number * self.price(_QUOTE, name)
            return floor_to(worth / price, step)
        if amount.number % LEDGER_QUANTUM != 0:
            self.refuse(
                name,
                f"must have at most 8 decimals, but it is {plain(amount.number)}.",
            )
        return amount.number


def resolve(
    account_file: AccountFile, rules: Rules, first: MarketInstant
) -> AccountSnapshot:
    """The opening account on a market; holds are zero, no order is open.

    Args:
        account_file: What ``load_account`` read; its ``vip`` is not part of the result.
        rules: The rules of the market, made for the same ``vip``.
        first: The market at its start.

    Raises:
        UsageError: A coin or contract does not trade at the start, a leverage is over
            the limit, a size is under one lot, or isolated margins exceed the wallet.
    """
    market = _Market(file=account_file, rules=rules, first=first)
    balances: dict[AccountId, Mapping[str, Balance]] = {
        MAIN: _owned(market, "main", account_file.main),
        SPOT: _owned(market, "spot", account_file.spot),
        FUTURES: _owned(market, "futures.wallet", account_file.wallet),
    }
    leverage: dict[AccountId, Decimal] = {}
    if account_file.margin_cross is not None:
        part, most = account_file.margin_cross, rules.margin_max_leverage
        balances[MARGIN_CROSS] = _margin(market, "margin_cross", part)
        leverage[MARGIN_CROSS] = _leverage(market, "margin_cross", part, most)
    for pair, part in account_file.margin_isolated.items():
        name = f"margin_isolated.{pair}"
        known = rules.isolated_pairs.get(pair)
        if known is None:
            market.refuse(name, "is no isolated pair of this market.")
        balances[isolated_account(pair)] = _margin(market, name, part)
        most = known.max_leverage
        leverage[isolated_account(pair)] = _leverage(market, name, part, most)
    return AccountSnapshot(
        balances={account: coins for account, coins in balances.items() if coins},
        positions=_positions(market, balances[FUTURES]),
        margin_leverage=leverage,
    )


def _owned(
    market: _Market, name: str, amounts: Mapping[str, Amount]
) -> dict[str, Balance]:
    """Balances without debts; coins of zero are left out."""
    found = {}
    for coin, amount in amounts.items():
        total = market.coins(coin, amount, f"{name}.{coin}")
        if total:
            found[coin] = Balance(total=total)
    return found


def _margin(market: _Market, name: str, part: MarginPart) -> dict[str, Balance]:
    """What a margin account owns and owes, by coin."""

    def of(key: str, amounts: Mapping[str, Amount], coin: str) -> Decimal:
        amount = amounts.get(coin, Amount(number=ZERO))
        return market.coins(coin, amount, f"{name}.{key}.{coin}")

    found = {}
    for coin in dict.fromkeys((*part.balance, *part.principal, *part.interest)):
        balance = Balance(
            total=of("balance", part.balance, coin),
            principal=of("principal", part.principal, coin),
            interest=of("interest", part.interest, coin),
        )
        if balance == Balance():
            continue
        if coin not in market.rules.margin_coins:
            market.refuse(
                name, f"holds or owes {coin}, which this market's margin does not know."
            )
        found[coin] = balance
    return found


def _leverage(market: _Market, name: str, part: MarginPart, most: Decimal) -> Decimal:
    """The leverage set, the limit where none is."""
    if part.leverage is None:
        return most
    if part.leverage > most:
        market.refuse(
            f"{name}.leverage",
            f"must be at most {plain(most)}, but it is {plain(part.leverage)}.",
        )
    return part.leverage


def _positions(
    market: _Market, wallet: Mapping[str, Balance]
) -> dict[PositionKey, Position]:
    """The opening positions; isolated margins have to lie in the wallet."""
    found: dict[PositionKey, Position] = {}
    margins: dict[str, Decimal] = {}
    for part in market.file.positions:
        contract = market.rules.contracts.get(part.symbol)
        if contract is None or part.symbol not in market.first.futures_marks:
            market.refuse(
                f"{part.name}.symbol",
                f"is {part.symbol!r}, a contract that the market does not trade at its "
                "start.",
            )
        if not has_maintenance_rate(contract):
            market.refuse(
                f"{part.name}.symbol",
                f"is {part.symbol!r}, a contract whose rules state no margin rates.",
            )
        position = _position(market, part, contract)
        found[position.key] = position
        settle = contract.settle
        margins[settle] = margins.get(settle, ZERO) + position.margin
        owned = wallet.get(settle, Balance()).total
        if margins[settle] > owned:
            market.refuse(
                f"{part.name}.margin",
                f"brings the isolated margins to {plain(margins[settle])} {settle}, "
                f"but the wallet has {plain(owned)}; the wallet includes them.",
            )
    _check_modes(market)
    return found


def _check_modes(market: _Market) -> None:
    """Both hedge sides of a contract are in one margin mode."""
    modes: dict[str, MarginMode] = {}
    for part in market.file.positions:
        if modes.setdefault(part.symbol, part.mode) is not part.mode:
            market.refuse(
                f"{part.name}.mode", f"must be that of the other {part.symbol} side."
            )


def _position(market: _Market, part: PositionPart, contract: ContractRules) -> Position:
    mark = market.first.futures_marks[part.symbol]
    entry = mark if part.entry is None else part.entry
    lots = _lots(market, part, contract, entry)
    if part.leverage > contract.max_leverage:
        market.refuse(
            f"{part.name}.leverage",
            f"must be at most {plain(contract.max_leverage)}, but it is "
            f"{plain(part.leverage)}.",
        )
    margin = ZERO
    if part.margin is not None:
        margin = market.coins(contract.settle, part.margin, f"{part.name}.margin")
    return Position(
        symbol=part.symbol,
        lots=lots,
        entry_value=round_half_up(contract.value(Decimal(lots), entry)),
        mode=part.mode,
        side=part.side,
        leverage=part.leverage,
        margin=margin,
    )


def _lots(
    market: _Market, part: PositionPart, contract: ContractRules, entry: Decimal
) -> Lots:
    """Whole lots; coins count at the entry price in inverse contracts."""
    mark = market.first.futures_marks[part.symbol]
    if part.base is None:
        raw = Decimal(part.lots or 0)
    elif part.base.is_worth:
        raw = part.base.number / _lot_worth(contract, mark)
    else:
        price = entry if contract.is_inverse else ONE
        raw = part.base.number * price / contract.multiplier
    lots = int(floor_to(raw, Decimal(contract.lot_size)))
    if lots == 0:
        market.refuse(
            part.name,
            f"is smaller than one lot of {part.symbol} "
            f"({plain(_lot_worth(contract, mark))} USDT).",
        )
    return Lots(lots)


def _lot_worth(contract: ContractRules, mark: Decimal) -> Decimal:
    """What a lot is worth in the quote currency, a dollar for a dollar."""
    return contract.multiplier * (ONE if contract.is_inverse else mark)
