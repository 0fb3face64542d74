"""A gateway with its look-ups over a table of answers; it asserts nothing."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from bot.domain.accounts import AccountId
from bot.domain.entries import Noted
from bot.domain.events import IntentSettled
from bot.domain.intents import Approved
from bot.domain.orders import Outcome
from connectors.kucoin.answers import Urgency
from connectors.kucoin.gateway import Gateway
from connectors.kucoin.lookups import LookUps
from connectors.kucoin.money_requests import MoneyRequests
from connectors.kucoin.pre_images import MoneyIntent
from connectors.kucoin.registry import OrderRegistry
from connectors.kucoin.supervisor import Crew
from connectors.kucoin.warm_images import WarmImages
from tests.unit.kucoin.world_bench import FakeRest, Time, ms

__all__ = ["Bench", "debt", "loan_row"]


@dataclass
class Bench:
    """A gateway with its look-ups over a table of answers."""

    rest: FakeRest = field(default_factory=FakeRest)
    time: Time = field(default_factory=Time)
    events: list[IntentSettled] = field(default_factory=list)
    notes: list[Noted] = field(default_factory=list)
    touched: list[frozenset[AccountId]] = field(default_factory=list)
    registry: OrderRegistry = field(default_factory=OrderRegistry)
    recovered: tuple[Approved, ...] = ()
    images: dict[str, Noted] = field(default_factory=dict)
    wait_s: float = 30.0
    likely: list[MoneyIntent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.crew = Crew(wake=lambda: None)
        self.requests = MoneyRequests()
        self.requests.recover(self.recovered, self.images)
        self.warm = WarmImages(
            rest=self.rest, clock=self.time, likely=lambda: self.likely
        )
        self.lookups = LookUps(
            rest=self.rest,
            clock=self.time,
            sleep=self.time.sleep,
            spawn=self.crew.spawn,
            registry=self.registry,
            settle=self.settle,
            remember=self.notes.append,
            requests=self.requests,
            warm=self.warm,
        )
        self.gateway = Gateway(
            rest=self.rest,
            clock=self.time,
            spawn=self.crew.spawn,
            settle=self.settle,
            remember=self.notes.append,
            touch=self.touch,
            sleep=self.time.sleep,
            registry=self.registry,
            lookups=self.lookups,
            recovered=self.recovered,
            wait_s=self.wait_s,
        )

    def touch(self, accounts: Iterable[AccountId], urgency: Urgency) -> None:
        """Remember what was touched."""
        self.touched.append(frozenset(accounts))

    def settle(self, event: IntentSettled) -> None:
        """As the world does; the engine asks for a look-up of every doubt."""
        self.events.append(event)
        self.gateway.settled(event)

    @property
    def outcomes(self) -> list[Outcome]:
        """The outcomes so far."""
        return [event.outcome for event in self.events]


def debt(
    owed: str,
    *,
    borrows: list[object] | None = None,
    repays: list[object] | None = None,
) -> dict[str, object]:
    """What the cross account owes of USDT, and the histories."""
    line = {"currency": "USDT", "total": "1000", "hold": "0", "liability": owed}
    return {
        "margin_accounts": {
            "accounts": [line],
            "debtRatio": "0",
            "status": "EFFECTIVE",
        },
        "borrow_history": {"totalPage": 1, "items": borrows or []},
        "repay_history": {"totalPage": 1, "items": repays or []},
    }


def loan_row(
    number: str, size: str, status: str, actual: str | None = None
) -> dict[str, object]:
    """One row of the history of loans."""
    return {
        "orderNo": number,
        "symbol": None,
        "currency": "USDT",
        "size": size,
        "actualSize": actual if actual is not None else size,
        "status": status,
        "createdTime": ms(Time().now()),
    }
