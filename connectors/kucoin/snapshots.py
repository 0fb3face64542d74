"""The account as KuCoin states it now, part by part, in the domain's words.

Main and spot come from one answer, cross margin and isolated pairs from one each,
futures from one overview for every settle coin and the list of positions. A futures
wallet is the stated equity less the stated unrealised profit: what is there without
any mark. KuCoin has no way to read the margin leverage that is set, so it is taken
from whoever asks. Nothing here compares or books.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Final, TypeVar

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    SPOT,
    AccountId,
    AccountSnapshot,
    Balance,
    Position,
    PositionKey,
    isolated_account,
    isolated_pair,
)
from bot.domain.instruments import ContractRules
from connectors.kucoin.answers import Rest, Urgency
from connectors.kucoin.parse.contracts import ContractCoins, contract, contract_coins
from connectors.kucoin.parse.envelope import coin
from connectors.kucoin.parse.ledgers import plain_balances
from connectors.kucoin.parse.margin_accounts import cross_account, isolated_pairs
from connectors.kucoin.parse.positions import position, positions
from connectors.kucoin.parse.stated_rules import contract_of
from connectors.kucoin.parse.wallets import account_overview

__all__ = ["DEFAULT_LEVERAGE", "Part", "SnapshotReader", "gathered", "read_snapshot"]

DEFAULT_LEVERAGE: Final[Mapping[AccountId, Decimal]] = MappingProxyType(
    {MARGIN_CROSS: Decimal(5)}
)
_EMPTY: Final = Balance()
_SETTLES: Final = {"BTC": "XBT"}
_USUAL: Final = frozenset({"USDT", "USDC", "BTC"})
_HF_SPOT: Final = "trade_hf"
_SPOT_TYPES: Final = frozenset({"trade", _HF_SPOT})

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What was read of some accounts: every coin that is not zero, and positions."""

    balances: Mapping[AccountId, Mapping[str, Balance]]
    positions: Mapping[PositionKey, Position] = field(default_factory=dict)


async def gathered(waits: Iterable[Awaitable[T]]) -> list[T]:
    """All results in order; the first error only after everything has ended."""
    results = await asyncio.gather(*waits, return_exceptions=True)
    done: list[T] = []
    for result in results:
        if isinstance(result, BaseException):
            raise result
        done.append(result)
    return done


class SnapshotReader:
    """Reads balances and positions.

    Args:
        rest: The exchange.
        contracts: The contracts' rules as known now; a position in any other
            contract has its rules read from the exchange, once.
        settles: The settle coins of the futures account, such as USDT.
    """

    def __init__(
        self,
        rest: Rest,
        contracts: Callable[[], Mapping[str, ContractRules]],
        settles: Sequence[str] = ("USDT",),
    ) -> None:
        self._rest = rest
        self._contracts = contracts
        self._settles = dict.fromkeys(settles)
        self._foreign: dict[str, ContractRules] = {}
        self._listed: Mapping[str, ContractCoins] = {}

    async def read(
        self, accounts: Iterable[AccountId], urgency: Urgency = Urgency.ROUTINE
    ) -> Part:
        """The stated balances of some accounts, and positions if futures is one.

        Weights: main and spot together 5 (Management), cross 15, isolated 15 (Spot),
        futures 2 and 5 for every settle coin (Futures).

        Raises:
            ExchangeRefusedError: The exchange refuses a question.
            UnreachableError: No sound answer.
            UsageError: A field of an answer is missing or broken.
        """
        wanted = set(accounts)
        waits: list[Awaitable[Part]] = []
        if wanted & {MAIN, SPOT}:
            waits.append(self._plain(urgency))
        if MARGIN_CROSS in wanted:
            waits.append(self._cross(urgency))
        if pairs := sorted(filter(None, map(isolated_pair, wanted))):
            waits.append(self._isolated(pairs, urgency))
        if FUTURES in wanted:
            waits.append(self._futures(urgency))
        read = _joined(await gathered(waits))
        return Part(
            balances={name: read.balances.get(name, {}) for name in sorted(wanted)},
            positions=read.positions,
        )

    @property
    def settles(self) -> tuple[str, ...]:
        """The settle coins whose wallets are read."""
        return tuple(self._settles)

    def keep_settles(self, coins: Iterable[str]) -> None:
        """Read the futures wallets of these settle coins, too, from now on."""
        self._settles |= dict.fromkeys(coins)

    async def pairs_in_use(
        self, urgency: Urgency = Urgency.ROUTINE
    ) -> tuple[AccountId, ...]:
        """The isolated accounts that own or owe anything now (weight 15)."""
        document = await self._rest.read("isolated_accounts", urgency=urgency)
        return tuple(
            isolated_account(symbol)
            for symbol, pair in isolated_pairs(document).items()
            if any(line.balance() != _EMPTY for line in (pair.base, pair.quote))
        )

    async def settles_in_use(
        self, urgency: Urgency = Urgency.ROUTINE
    ) -> tuple[str, ...]:
        """The settle coins whose wallet is not empty, with a position or without.

        Weights: 3 for the listing and 5 for every settle coin in it (Futures).
        """
        listed = await self._rest.read("contracts", urgency=urgency)
        self._listed = contract_coins(listed)
        stated = {each.settle for each in self._listed.values() if each.settle}
        settles = stated | _USUAL
        waits = (self._wallet(settle, urgency) for settle in sorted(settles))
        parts = await gathered(waits)
        return tuple(c for part in parts for c in part.balances[FUTURES])

    async def contract(
        self, symbol: str, urgency: Urgency = Urgency.ROUTINE
    ) -> ContractRules:
        """The rules of any contract, also of one that nobody asked for (weight 3)."""
        rules = self._contracts().get(symbol) or self._foreign.get(symbol)
        if rules is None:
            asked = {"symbol": symbol}
            document = await self._rest.read("contract", asked, urgency=urgency)
            rules = contract_of(contract(document))
            self._foreign[symbol] = rules
        self.keep_settles((rules.settle,))
        return rules

    def known_contracts(self) -> Mapping[str, ContractRules]:
        """Every contract whose rules were asked for or met so far."""
        return {**self._foreign, **self._contracts()}

    def contract_coins(self) -> Mapping[str, ContractCoins]:
        """The coins of every contract that was listed or met so far."""
        met = {
            symbol: ContractCoins(base=rules.base, settle=rules.settle)
            for symbol, rules in self.known_contracts().items()
        }
        return {**self._listed, **met}

    async def _plain(self, urgency: Urgency) -> Part:
        """Main and spot; where the spot account is listed twice, its HF form counts."""
        rows = plain_balances(await self._rest.read("accounts", urgency=urgency))
        types = {row.account for row in rows}
        spot_type = {_HF_SPOT} if _HF_SPOT in types else _SPOT_TYPES
        accounts: dict[AccountId, dict[str, Balance]] = {MAIN: {}, SPOT: {}}
        for row in rows:
            balance = Balance(total=row.total, hold=row.hold)
            if row.account == "main":
                accounts[MAIN][row.coin] = balance
            elif row.account in spot_type:
                accounts[SPOT][row.coin] = balance
        return Part(balances={name: _held(held) for name, held in accounts.items()})

    async def _cross(self, urgency: Urgency) -> Part:
        account = cross_account(
            await self._rest.read("margin_accounts", urgency=urgency)
        )
        lines = {name: line.balance() for name, line in account.lines.items()}
        return Part(balances={MARGIN_CROSS: _held(lines)})

    async def _isolated(self, pairs: Sequence[str], urgency: Urgency) -> Part:
        asked = {"symbol": pairs[0]} if len(pairs) == 1 else {}
        document = await self._rest.read("isolated_accounts", asked, urgency=urgency)
        stated = isolated_pairs(document)
        return Part(
            balances={
                isolated_account(pair): _held(
                    {
                        line.coin: line.balance()
                        for line in (stated[pair].base, stated[pair].quote)
                    }
                    if pair in stated
                    else {}
                )
                for pair in pairs
            }
        )

    async def _futures(self, urgency: Urgency) -> Part:
        """Wallets and positions; a position's settle coin has its wallet read too."""
        asked = list(self._settles)
        wallets = [self._wallet(settle, urgency) for settle in asked]
        parts = await gathered([*wallets, self._positions(urgency)])
        late = [settle for settle in self._settles if settle not in asked]
        parts += await gathered(self._wallet(settle, urgency) for settle in late)
        return _joined(parts)

    async def _wallet(self, settle: str, urgency: Urgency) -> Part:
        document = await self._rest.read(
            "futures_account",
            {"currency": _SETTLES.get(settle, settle)},
            urgency=urgency,
        )
        stated = account_overview(document)
        total = stated.equity - stated.unrealised_pnl
        purse = {coin(stated.currency): Balance(total=total)}
        return Part(balances={FUTURES: _held(purse)})

    async def _positions(self, urgency: Urgency) -> Part:
        lines = positions(await self._rest.read("positions", urgency=urgency))
        held = {}
        for key, line in lines.items():
            rules = await self.contract(line.symbol, urgency)
            held[key] = position(line, rules)
        return Part(balances={FUTURES: {}}, positions=held)


def _joined(parts: Iterable[Part]) -> Part:
    """Several parts as one; the wallets of one account come in several."""
    balances: dict[AccountId, dict[str, Balance]] = {}
    positions: dict[PositionKey, Position] = {}
    for part in parts:
        for name, held in part.balances.items():
            balances.setdefault(name, {}).update(held)
        positions.update(part.positions)
    return Part(balances=balances, positions=positions)


def _held(balances: Mapping[str, Balance]) -> Mapping[str, Balance]:
    """Only the coins that are owned, held or owed."""
    return {name: held for name, held in balances.items() if held != _EMPTY}


async def read_snapshot(
    reader: SnapshotReader,
    leverage: Mapping[AccountId, Decimal] = DEFAULT_LEVERAGE,
    urgency: Urgency = Urgency.ROUTINE,
) -> AccountSnapshot:
    """The whole account, one read of each part, without proof that nothing moved.

    ``looks.Looker`` gives one that is proven coherent. Isolated pairs that own or
    owe nothing are left out.

    Raises:
        ExchangeRefusedError: The exchange refuses a question.
        UnreachableError: No sound answer.
        UsageError: A field of an answer is missing or broken.
    """
    pairs = await reader.pairs_in_use(urgency)
    part = await reader.read((MAIN, SPOT, MARGIN_CROSS, *pairs, FUTURES), urgency)
    return AccountSnapshot(
        balances={name: held for name, held in part.balances.items() if held},
        positions=part.positions,
        margin_leverage=dict(leverage),
    )
