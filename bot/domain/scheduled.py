"""The base of every strategy: a frozen dataclass with declared parameters.

A strategy is a dataclass that extends ``Scheduled``, declares its parameters as
fields and writes ``decide``. From that one declaration follow the check of its
settings, its jobs, and what ``gnomon strategy list`` says of it. It keeps no state:
its fields never change. This module decides nothing about trading.
"""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime
from typing import Any, ClassVar

from bot.domain.errors import UsageError
from bot.domain.intents import Intent, Proposal
from bot.domain.parameters import Parameter, parameters_of, read_parameters
from bot.domain.schedules import FACTS, parts_of
from bot.domain.strategy import Job, View

__all__ = ["Kind", "Scheduled", "kind_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduled:
    """A strategy with a schedule; ``decide`` is what its author writes.

    ``schedule`` is its default, which ``[strategy.NAME] schedule`` replaces. Parameters
    that contradict each other are refused in ``__post_init__`` by a ``ValueError``
    whose text says what must be otherwise.
    """

    name: str
    schedule: str = "every 60s"

    follows_facts: ClassVar[bool] = False
    """Whether it is asked after every fact about requests and positions, too."""
    grace_s: ClassVar[int] = 60
    """A run that is later than this is journaled as missed and not made."""

    @property
    def jobs(self) -> Sequence[Job]:
        """When it is asked: by its schedule."""
        return self.own_jobs()

    def own_jobs(self) -> tuple[Job, ...]:
        """One for each part of its schedule, the first under its own name."""
        found = [
            Job(
                name=f"{self.name}.{number}" if number > 1 else self.name,
                schedule=part,
                grace_s=self.grace_s,
            )
            for number, part in enumerate(parts_of(self.schedule), start=1)
        ]
        if self.follows_facts:
            found.append(Job(name=f"{self.name}.facts", schedule=FACTS))
        return tuple(found)

    @property
    def claims(self) -> frozenset[str]:
        """Markets whose whole position is its own; none unless it says so."""
        return frozenset()

    def decide(self, view: View, due_at: datetime) -> Sequence[Proposal]:
        """What it wants done now; empty for nothing.

        Raises:
            NotImplementedError: The strategy has not written it.
        """
        raise NotImplementedError(f"{type(self).__name__} must write decide")

    def propose(
        self, intent: Intent, reason: str, *, pair: str | None = None, **inputs: str
    ) -> Proposal:
        """An intent as a proposal of this strategy, with the reason for the journal."""
        return Proposal(
            owner=self.name, intent=intent, reason=reason, pair=pair, inputs=inputs
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A sort of strategy that was found: its class, and where it came from.

    Calling it with name, schedule and table makes the strategy.
    """

    name: str
    made_of: type[Scheduled]
    source: str = "built in"
    parameters: Mapping[str, Parameter] = field(default_factory=dict)

    @property
    def schedule(self) -> str:
        """The schedule that holds where the settings name none."""
        return str(self.made_of.__dataclass_fields__["schedule"].default)

    @property
    def summary(self) -> str:
        """The first line of what the class says of itself."""
        return (self.made_of.__doc__ or "").strip().partition("\n")[0]

    def __call__(
        self, name: str, schedule: str | None, values: Mapping[str, object]
    ) -> Scheduled:
        """The strategy of one ``[strategy.NAME]`` table.

        Raises:
            UsageError: A parameter is unknown, out of its range or contradicts another.
        """
        where = f"[strategy.{name}]"
        chosen: dict[str, Any] = read_parameters(where, self.parameters, values)
        if schedule is not None:
            chosen["schedule"] = schedule
        try:
            return self.made_of(name=name, **chosen)
        except ValueError as error:
            raise UsageError(f"{where} {error}") from None


def _example(hint: object) -> str:
    """A declaration of a field's type, as its author would write it."""
    examples = {
        "int": "whole(3, low=1, high=5)",
        "str": 'text("BTC")',
        "bool": "flag(default=True)",
    }
    word = hint.__name__ if isinstance(hint, type) else str(hint)
    return examples.get(word, 'decimal("1", low="0", high="5")')


def kind_of(name: str, made_of: type[Scheduled], source: str = "built in") -> Kind:
    """A class as a kind.

    Raises:
        UsageError: The class is no dataclass of its own, so its fields mean nothing, a
            field has no default, or one that is not what it says it must be.
    """
    if "__dataclass_params__" not in vars(made_of):
        raise UsageError(
            f"{source}: write @dataclass(frozen=True, kw_only=True) above "
            f"class {made_of.__name__}."
        )
    known = parameters_of(made_of)
    for each in fields(made_of):
        has_none = each.default is MISSING and each.default_factory is MISSING
        if has_none and each.name != "name":
            raise UsageError(
                f"{source}: the parameter {each.name} has no default; declare one, "
                f"such as {each.name} = {_example(each.type)}."
            )
    for parameter, declared in known.items():
        declared.prove(f"{source}: the default of {parameter}")
    return Kind(name=name, made_of=made_of, source=source, parameters=known)
