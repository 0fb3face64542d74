"""The account at KuCoin as it is now, read once, to say what protects it.

Balances, positions, rules, marks and what rests become one shadow, which the
report reads. Read only; nothing is journaled. A part of the composition root.
"""

from decimal import Decimal

from bot.compose import strategies_of
from bot.domain.accounts import FUTURES, MAIN, MARGIN_CROSS, SPOT, AccountSnapshot
from bot.domain.events import MarksTicked, OrderChanged, RulesRead, SnapshotTaken
from bot.domain.instruments import Rules
from bot.domain.money import ONE
from bot.live_start import Connection
from bot.report.protection import Protection, protection
from bot.shadow.apply import apply
from bot.shadow.state import Shadow, empty_shadow
from connectors.kucoin.checks import Check
from connectors.kucoin.interests import interests_of, listed
from connectors.kucoin.notices import announced_checks, notice_checks
from connectors.kucoin.order_reads import open_orders
from connectors.kucoin.parse.marks import contract_mark, usdt_marks
from connectors.kucoin.registry import OrderRegistry
from connectors.kucoin.rules_reader import RulesReader
from connectors.kucoin.snapshots import SnapshotReader, read_snapshot
from connectors.kucoin.stop_book import from_row
from connectors.kucoin.stop_reads import list_stops

__all__ = ["read_protection"]


async def read_protection(
    connection: Connection,
) -> tuple[Protection, tuple[Check, ...]]:
    """Read the account and its stops, and say what they protect, and what is announced.

    Raises:
        ExchangeRefusedError: The exchange refuses a question.
        UnreachableError: No sound answer.
        UsageError: A field of an answer is missing or broken.
    """
    reader = RulesReader(connection.client)
    shadow = await _read(connection, reader)
    notices = await notice_checks(
        connection.client, _held(shadow), connection.clock.now()
    )
    found = protection(shadow, connection.settings.guard)
    return found, (*announced_checks(reader.notices), *notices)


def _held(shadow: Shadow) -> set[str]:
    """The coins and contracts of all accounts, and what is owed."""
    held = {
        coin
        for coins in shadow.balances.values()
        for coin, balance in coins.items()
        if balance.total or balance.liability
    }
    for key in shadow.positions:
        contract = shadow.rules.contracts.get(key.symbol)
        held |= {key.symbol} if contract is None else {key.symbol, contract.base}
    return held


async def _read(connection: Connection, rules_reader: RulesReader) -> Shadow:
    rest, clock = connection.client, connection.clock
    snapshots = SnapshotReader(rest, rules_reader.known_contracts)
    snapshots.keep_settles(await snapshots.settles_in_use())
    snapshot = await read_snapshot(snapshots)
    found = await list_stops(rest, clock, (FUTURES, SPOT, MARGIN_CROSS))
    claims = sorted({row.symbol for row in found.rows})
    coins = snapshots.contract_coins()
    rules = await rules_reader.read(interests_of(snapshot, claims, coins))
    at, registry = clock.now(), OrderRegistry()
    shadow = apply(empty_shadow(rules), RulesRead(at=at, rules=rules))
    shadow = apply(shadow, SnapshotTaken(at=at, snapshot=snapshot))
    shadow = apply(shadow, await _marks(connection, snapshot, claims, rules))
    for row in found.rows:
        own = registry.own_id(row.stop_id, row.client_id)
        shadow = apply(shadow, from_row(row, own))
    for order in await _orders(connection, snapshot, claims, rules):
        shadow = apply(shadow, order)
    return shadow


async def _orders(
    connection: Connection, snapshot: AccountSnapshot, claims: list[str], rules: Rules
) -> tuple[OrderChanged, ...]:
    """The orders that rest, in every market."""
    settings = connection.settings
    ours = [c for s in strategies_of(settings.strategies) for c in s.claims]
    wanted = interests_of(snapshot, [*claims, *ours], rules.contracts)
    interests = listed(wanted, rules)
    accounts = interests.accounts - {MAIN}
    registry = OrderRegistry(patience=0)
    for fact in await open_orders(connection.client, accounts, interests.spot_symbols):
        if not fact.is_stop:
            registry.see(fact)
    return registry.tell(accounts).orders


async def _marks(
    connection: Connection, snapshot: AccountSnapshot, claims: list[str], rules: Rules
) -> MarksTicked:
    rest = connection.client
    interests = interests_of(snapshot, claims, rules.contracts)
    stated = usdt_marks(await rest.read("spot_marks"), interests.coins)
    futures: dict[str, Decimal] = {}
    for symbol in sorted(interests.contracts):
        mark = contract_mark(await rest.read("futures_mark", {"symbol": symbol}))
        futures[symbol] = mark.mark_price
    coins = sorted(interests.coins & stated.keys())
    return MarksTicked(
        at=connection.clock.now(),
        margin_marks={"USDT": ONE, **{coin: stated[coin] for coin in coins}},
        futures_marks=futures,
    )
