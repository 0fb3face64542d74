"""The composition root of a live session: the real exchange, or one on this machine.

It connects a key to an account, takes over the journal, opens the books, and plugs
the engine into the live world. ``gnomon live`` runs such a session for ever, an
operator's command for one request. What trades is decided elsewhere.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from bot.compose import strategies_of
from bot.domain.errors import JournalError, RefusedError, UnreachableError, UsageError
from bot.engine.memory import Memory, owner_title, recall
from bot.engine.parity import recall_tracks
from bot.live_start import Connection, LiveSession, Start
from bot.report.doctor import disk_room
from bot.settings import Secret, Settings
from bot.settings_keys import KEY_PARTS
from connectors.kucoin.answers import ExchangeRefusedError
from connectors.kucoin.checks import Check, CheckState, Expected
from connectors.kucoin.client import open_client
from connectors.kucoin.exchange_clock import ExchangeClock
from connectors.system.disk import free_bytes
from storage.journal import SqliteJournal
from storage.lease import AccountLease
from storage.reader import JournalReader
from storage.reserve import Reserve
from storage.tail import entries_for_restart, newest_reports

__all__ = [
    "Connection",
    "LiveOptions",
    "LiveSession",
    "connected",
    "leverages_of",
    "open_session",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveOptions:
    """What a session is for.

    ``uid`` is the account that was named; None takes the key's. A session without
    guard and strategies does only what an operator asks.
    """

    journal: Path
    uid: str | None = None
    is_guarded: bool = True
    has_strategies: bool = True
    is_withdraw_accepted: bool = False
    is_open_ip_accepted: bool = False
    claims: tuple[str, ...] = ()
    """Contracts that are followed although nobody holds or trades them yet."""
    room: Callable[[Path], int] = free_bytes
    """Free bytes under the journal's folder."""

    @property
    def may_add_risk(self) -> bool:
        """Whether it decides by itself, so that it must be able to remember."""
        return self.is_guarded or self.has_strategies


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Connection]:
    """A client for the key and the addresses of the settings, closed at the end.

    Raises:
        UsageError: The key is incomplete, or an address cannot be used.
        RefusedError: The exchange refused something that was asked.
    """
    missing = [
        name
        for name, part in zip(KEY_PARTS, _key_of(settings), strict=True)
        if not part
    ]
    if missing:
        raise UsageError(
            f"The API key is incomplete: fill in {', '.join(missing)} in .env; "
            "`gnomon doctor` checks the rest."
        )
    clock = ExchangeClock(rate=settings.clock_rate)
    client = open_client(
        key=settings.api_key.reveal(),
        secret=settings.api_secret.reveal(),
        passphrase=settings.api_passphrase.reveal(),
        spot_url=settings.spot_url,
        futures_url=settings.futures_url,
        clock=clock,
        vip=settings.vip,
    )
    try:
        yield Connection(client=client, clock=clock, settings=settings)
    except ExchangeRefusedError as refusal:
        raise RefusedError(
            f"KuCoin refuses with code {refusal.code}: {refusal.message.rstrip('.')}. "
            "`gnomon doctor` checks key, account and clock."
        ) from None
    finally:
        await client.close()


def _key_of(settings: Settings) -> tuple[Secret, Secret, Secret]:
    return settings.api_key, settings.api_secret, settings.api_passphrase


@asynccontextmanager
async def open_session(
    connection: Connection, options: LiveOptions
) -> AsyncIterator[LiveSession]:
    """Check, lock, recover and start; everything is given back at the end.

    Raises:
        RefusedError: A check failed.
        AccountBusyError: Another process trades the account.
        JournalError: The journal is damaged, in use, or another account's.
        UnreachableError: The exchange does not answer.
    """
    uid = await _admitted(connection, options)
    with _journal(connection.settings, options, uid) as (journal, memory):
        start = Start(
            connection=connection,
            uid=uid,
            journal=journal,
            memory=memory,
            is_guarded=options.is_guarded,
            has_strategies=options.has_strategies,
            claims=options.claims,
        )
        async with start.opened() as session:
            yield session


def leverages_of(settings: Settings) -> Mapping[str, Decimal]:
    """The leverage at which strategies will open each contract that they claim."""
    return {
        claim: getattr(strategy, "leverage", settings.limits.max_leverage)
        for strategy in strategies_of(settings.strategies)
        for claim in strategy.claims
        if "-" not in claim
    }


async def _admitted(connection: Connection, options: LiveOptions) -> str:
    """The account's number, once every check has passed.

    Raises:
        RefusedError: Names every check that failed, with its advice.
        UnreachableError: The exchange did not answer one of them.
    """
    settings = connection.settings
    found = await connection.checks(
        Expected(
            vip=settings.vip,
            leverages=leverages_of(settings) if options.has_strategies else {},
            uid=options.uid,
            is_withdraw_accepted=options.is_withdraw_accepted,
            is_open_ip_accepted=options.is_open_ip_accepted,
        )
    )
    checks = (*_room(options), *found)
    bad = [c for c in checks if c.state in {CheckState.FAIL, CheckState.UNKNOWN}]
    lost = [c for c in bad if c.is_unreachable]
    if lost:
        raise UnreachableError(
            f"Not started. {lost[-1].sentence} {lost[-1].advice} `gnomon doctor` shows "
            "every check."
        )
    if bad:
        words = " ".join(f"{c.name}: {c.sentence} {c.advice}".rstrip() for c in bad)
        raise RefusedError(f"Not started. {words} `gnomon doctor` shows every check.")
    account = next(c for c in checks if c.name == "account")
    return account.subject


def _room(options: LiveOptions) -> tuple[Check, ...]:
    """The disk's room, without which no session may decide by itself."""
    if not options.may_add_risk:
        return ()
    kept = Reserve(options.journal).size_bytes
    return (disk_room(options.journal, options.room, kept_bytes=kept),)


@contextmanager
def _journal(
    settings: Settings, options: LiveOptions, uid: str
) -> Iterator[tuple[SqliteJournal, Memory]]:
    """The account's lease, and its journal open for writing, with what it remembers.

    Raises:
        JournalError: It is another account's, a simulation's, damaged or in use.
        AccountBusyError: Another process of this machine trades the account.
    """
    path = options.journal
    with AccountLease.take(uid, path):
        memory = Memory()
        if path.exists():
            with JournalReader.open(path) as reader:
                memory = recall(entries_for_restart(reader))
                tracks = recall_tracks(newest_reports(reader), settings.guard.parity)
            if memory.runs and memory.account != uid:
                raise JournalError(
                    f"{path} is the journal of {owner_title(memory.account)}, not of "
                    f"account {uid}; name another with --journal."
                )
            memory = replace(memory, tracks=tracks)
            journal = SqliteJournal.extend(path)
        else:
            journal = SqliteJournal.create(path)
        if options.may_add_risk:
            journal.keep_reserve()
        try:
            yield journal, memory
        finally:
            journal.close()
