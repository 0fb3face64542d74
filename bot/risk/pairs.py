"""A hedged pair as the account shows it: a spot leg and a perpetual leg of one coin.

The spot leg is what one account owns of the coin less what it owes; the perpetual
leg is the one-way position of the coin's linear contract. Their sum is the gap,
which a hedge keeps near zero. Everything is read from the view at the moment it is
asked for: a pair remembers nothing and decides nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bot.domain.accounts import FUTURES, AccountId, Balance, Position, PositionSide
from bot.domain.instruments import ContractRules, SpotRules
from bot.domain.money import ONE, ZERO, plain
from bot.domain.strategy import View
from bot.risk.futures import unrealised_pnl
from bot.risk.sizing import fill_rate, lot_coins

__all__ = [
    "Backing",
    "Pair",
    "are_quiet",
    "backing",
    "contract_symbol",
    "futures_room",
    "margin_room",
    "pair_inputs",
    "read_pair",
    "trip_rates",
]

_TOLERANCE: Final = Decimal("0.005")
_HALF: Final = Decimal("0.5")


def contract_symbol(coin: str) -> str:
    """The linear USDT perpetual of a coin.

    Example:
        >>> contract_symbol("BTC"), contract_symbol("SOL")
        ('XBTUSDTM', 'SOLUSDTM')
    """
    return "XBTUSDTM" if coin == "BTC" else f"{coin}USDTM"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Both legs of one coin; quantities in coins, marks in USDT, None is unknown."""

    coin: str
    account: AccountId
    spot: SpotRules
    contract: ContractRules
    balance: Balance
    position: Position | None
    mark: Decimal | None
    futures_mark: Decimal | None

    @property
    def symbols(self) -> tuple[str, str]:
        """The spot pair and the contract."""
        return (self.spot.symbol, self.contract.symbol)

    @property
    def lots(self) -> Decimal:
        """Signed lots of the perpetual."""
        return Decimal(0 if self.position is None else self.position.lots)

    @property
    def spot_qty(self) -> Decimal:
        """Coins owned less coins owed."""
        return self.balance.total - self.balance.liability

    @property
    def perp_qty(self) -> Decimal:
        """Signed coins of the perpetual."""
        return self.lots * self.contract.multiplier

    @property
    def gap(self) -> Decimal:
        """What the legs do not cancel: positive is long."""
        return self.spot_qty + self.perp_qty

    @property
    def hedged(self) -> Decimal:
        """Coins that both legs hold against each other."""
        if self.spot_qty * self.perp_qty >= 0:
            return ZERO
        return min(abs(self.spot_qty), abs(self.perp_qty))

    @property
    def direction(self) -> int:
        """+1 for spot long and perpetual short, -1 for the reverse, 0 when flat."""
        if self.is_flat:
            return 0
        if abs(self.perp_qty) >= abs(self.spot_qty):
            return -1 if self.perp_qty > 0 else 1
        return 1 if self.spot_qty > 0 else -1

    @property
    def is_flat(self) -> bool:
        """No position, and less than half a lot of the coin."""
        return self.lots == 0 and abs(self.spot_qty) < self._lot * _HALF

    @property
    def is_gapped(self) -> bool:
        """Whether the legs miss each other by more than one lot and 0.5 %.

        A leg with nothing against it is a gap however small: one lot must not stay.
        """
        size = max(abs(self.spot_qty), abs(self.perp_qty))
        step = max(self._lot, self.spot.base_increment)
        if abs(self.gap) > max(step, size * _TOLERANCE):
            return True
        return self.hedged < step * _HALF and abs(self.gap) >= step

    @property
    def idle_loan(self) -> Decimal:
        """Coins that are owed and lie there unsold."""
        return max(min(self.balance.available, self.balance.liability), ZERO)

    @property
    def _lot(self) -> Decimal:
        return lot_coins(self.contract)


def read_pair(view: View, coin: str, account: AccountId) -> Pair | None:
    """The pair of a coin; None when its rules are unknown or it is in hedge mode.

    Args:
        view: The shadow.
        coin: The base coin.
        account: Where its spot leg lies.
    """
    spot = view.rules.spot.get(f"{coin}-USDT")
    contract = view.rules.contracts.get(contract_symbol(coin))
    if spot is None or contract is None:
        return None
    is_ours = contract.base == coin and contract.settle == "USDT"
    sides = {p.side for p in view.positions() if p.symbol == contract.symbol}
    if contract.is_inverse or not is_ours or sides - {PositionSide.BOTH}:
        return None
    return Pair(
        coin=coin,
        account=account,
        spot=spot,
        contract=contract,
        balance=view.balance(account, coin),
        position=view.position(contract.symbol),
        mark=_price(view, coin),
        futures_mark=view.futures_mark(contract.symbol),
    )


def are_quiet(view: View, coins: Iterable[str], account: AccountId) -> bool:
    """Whether no pair of these coins has a leg that lacks its other or an idle loan.

    Cheap when nothing is held at all, because a watch asks it every few seconds.
    """
    balances = view.balances(account)
    chosen = tuple(coins)
    held = [c for c in chosen if (b := balances.get(c)) and (b.total or b.liability)]
    if not held and not view.positions():
        return True
    pairs = [read_pair(view, coin, account) for coin in chosen]
    return not any(
        pair.is_gapped
        or pair.idle_loan > 0
        or (pair.is_flat and pair.balance.liability > 0)
        for pair in pairs
        if pair is not None
    )


def pair_inputs(view: View, pair: Pair) -> Mapping[str, str]:
    """The numbers that a proposal about a pair rests on, as text."""
    quote = view.funding(pair.contract.symbol)
    lent = view.borrow_rate(pair.coin)
    numbers = {
        "spot_qty": pair.spot_qty,
        "perp_qty": pair.perp_qty,
        "mark": pair.mark,
        "futures_mark": pair.futures_mark,
        "funding_rate": None if quote is None else quote.funding_rate,
        "borrow_annual": None if lent is None else lent.annual_rate,
    }
    return {key: plain(value) for key, value in numbers.items() if value is not None}


def _price(view: View, coin: str) -> Decimal | None:
    """USDT for one coin, also where USDT itself trades away from its peg."""
    mark, usdt = view.mark(coin), view.mark("USDT")
    if mark is None or usdt is None or usdt <= 0:
        return None
    return mark / usdt


def trip_rates(view: View, pair: Pair, coins: Decimal) -> tuple[Decimal, Decimal]:
    """What trading ``coins`` once costs on each leg: (spot, perpetual) fractions.

    Taker fee plus depth. A rate that is not known is infinite, so that nothing is
    ever entered on it.
    """
    spot, perp = (_trip_rate(view, symbol, coins) for symbol in pair.symbols)
    return spot, perp


def _trip_rate(view: View, symbol: str, coins: Decimal) -> Decimal:
    fees = view.fee_rates(symbol)
    depth = fill_rate(view.liquidity(symbol), coins)
    if fees is None or depth is None:
        return Decimal("Infinity")
    return fees[1] + depth


@dataclass(frozen=True, slots=True)
class Backing:
    """What stands behind an account's exposures in USDT, and how large these are.

    ``settled`` is the equity without profits that are not realised yet: only that
    may leave. ``gross`` is the sum of absolute values.
    """

    equity: Decimal
    settled: Decimal
    gross: Decimal

    def room(self, share: Decimal) -> Decimal:
        """The notional that may be added while the equity stays above a share of all.

        Example:
            >>> Backing(Decimal(60), Decimal(60), Decimal(100)).room(Decimal("0.5"))
            Decimal('20')
        """
        return self.equity / share - self.gross

    def surplus(self, share: Decimal) -> Decimal:
        """The USDT beyond a share of the exposures; negative is what is lacking."""
        return min(self.equity, self.settled) - share * self.gross


def backing(view: View, account: AccountId) -> Backing | None:
    """What stands behind the exposures of an account; None when a mark is unknown.

    On futures all that settles in USDT, in other accounts every coin but USDT.
    """
    return _futures(view) if account == FUTURES else _coins(view, account)


def futures_room(view: View, share: Decimal) -> Decimal | None:
    """The USDT notional that may be added while the wallet stays above a share of all.

    ``equity / share - sum of absolute position values``, over everything that
    settles in USDT; None when a mark or a contract is unknown.
    """
    found = backing(view, FUTURES)
    return None if found is None else found.room(share)


def margin_room(view: View, account: AccountId, share: Decimal) -> Decimal | None:
    """The USDT value that may be sold short while equity stays above a share of it.

    ``equity / share - sum of absolute net coin values``; None when a mark is unknown.
    """
    found = backing(view, account)
    return None if found is None else found.room(share)


def _futures(view: View) -> Backing | None:
    wallet = view.balance(FUTURES, "USDT").total
    profit = gross = ZERO
    for position in view.positions():
        contract = view.rules.contracts.get(position.symbol)
        mark = view.futures_mark(position.symbol)
        if contract is None or mark is None:
            return None
        if contract.settle != "USDT":
            continue
        profit += unrealised_pnl(contract, position, mark)
        gross += abs(contract.value(Decimal(position.lots), mark))
    return Backing(wallet + profit, wallet, gross)


def _coins(view: View, account: AccountId) -> Backing | None:
    equity = gross = ZERO
    for coin, balance in sorted(view.balances(account).items()):
        net = balance.total - balance.liability
        if not net:
            continue
        mark = ONE if coin == "USDT" else _price(view, coin)
        if mark is None:
            return None
        equity += net * mark
        gross += ZERO if coin == "USDT" else abs(net * mark)
    return Backing(equity, equity, gross)
