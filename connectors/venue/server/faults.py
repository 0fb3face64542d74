"""The dice of a fault script: which request and which push is hit, and the log of it.

Every rule has a generator of its own, seeded by the script's seed and its place, so
that the hits of one rule do not depend on the others. Every hit has a number and a
line in the log. This module decides only; who asked does what was drawn.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from random import Random  # noqa: TID251 - seeded by the script
from typing import Final

from connectors.venue.server.fault_script import (
    Blackout,
    FaultScript,
    RestRule,
    Span,
    WebsocketRule,
    family_of,
)

__all__ = ["FaultLog", "Faults", "FrameDice", "RestDice"]

_REMEMBERED: Final = 10_000


class FaultLog:
    """Numbers every fault and writes it down as one line of JSON.

    Args:
        write: Takes a line without its end; None keeps the lines in memory only.
    """

    def __init__(self, write: Callable[[str], None] | None = None) -> None:
        self._write = write
        self.number = 0
        self.lines: list[str] = []
        """The newest lines, at most 10,000."""

    def note(self, at: datetime, rule: str, fault: str, **what: object) -> int:
        """Log a fault that was done; returns its number."""
        self.number += 1
        row: Mapping[str, object] = {
            "n": self.number,
            "at": at.isoformat(),
            "rule": rule,
            "fault": fault,
            **what,
        }
        line = json.dumps(row, default=str)
        self.lines.append(line)
        if len(self.lines) > _REMEMBERED:
            del self.lines[: _REMEMBERED // 10]
        if self._write is not None:
            self._write(line)
        return self.number


@dataclass(slots=True, kw_only=True)
class _Die:
    """The chance of one rule, and how often it hit."""

    dice: Random
    span: Span
    rate: float
    count: int | None
    hits: int = 0

    def falls(self, start: datetime, at: datetime) -> bool:
        """Whether it hits now; only a request inside the span uses up chance."""
        is_spent = self.count is not None and self.hits >= self.count
        if is_spent or not self.span.covers(start, at):
            return False
        is_hit = self.dice.random() < self.rate
        self.hits += is_hit
        return is_hit


def _die(seed: str, rule: RestRule | WebsocketRule) -> _Die:
    return _Die(
        dice=Random(seed),  # noqa: S311 - chance of a simulation, not a secret
        span=rule.span,
        rate=rule.rate,
        count=rule.count,
    )


class RestDice:
    """Draws the faults of requests."""

    def __init__(
        self, rules: tuple[RestRule, ...], seed: int, start: datetime, log: FaultLog
    ) -> None:
        self._dice = [(r, _die(f"{seed}/rest/{i}", r)) for i, r in enumerate(rules)]
        self._start = start
        self._log = log

    def draw(
        self,
        host: str,
        method: str,
        path: str,
        at: datetime,
        age_s: float | None = None,
    ) -> list[RestRule]:
        """The rules that hit this request, in the order of the script.

        Args:
            host: ``spot`` or ``futures``.
            method: Upper case.
            path: Without its query.
            at: The venue's time.
            age_s: How long ago the order was accepted that the request names; None
                where it names none of ours.
        """
        family = family_of(method, path)
        hits: list[RestRule] = []
        for rule, die in self._dice:
            is_young = age_s is not None and age_s < rule.not_found_for_s
            if rule.fault == "not_found" and (method != "GET" or not is_young):
                continue
            if rule.fits(host, method, path, family) and die.falls(self._start, at):
                self._log.note(
                    at, rule.name, rule.fault, host=host, method=method, path=path
                )
                hits.append(rule)
        return hits


class FrameDice:
    """Draws the faults of pushes; the sockets ask it before they send a frame."""

    def __init__(
        self,
        rules: tuple[WebsocketRule, ...],
        seed: int,
        start: datetime,
        log: FaultLog,
    ) -> None:
        self._dice = [(r, _die(f"{seed}/ws/{i}", r)) for i, r in enumerate(rules)]
        self._start = start
        self._log = log

    def draw(self, host: str, topic: str, at: datetime) -> WebsocketRule | None:
        """The first rule of the script that hits this frame, or None.

        Args:
            host: ``spot`` or ``futures``.
            topic: The topic of the frame, with its symbol.
            at: The venue's time.
        """
        for rule, die in self._dice:
            if rule.fits(host, topic) and die.falls(self._start, at):
                self._log.note(at, rule.name, rule.fault, host=host, topic=topic)
                return rule
        return None


@dataclass(slots=True, kw_only=True)
class Faults:
    """A script at work: the dice of requests and pushes, and the states of time.

    Example:
        >>> from datetime import UTC
        >>> start = datetime(2025, 1, 1, tzinfo=UTC)
        >>> faults = Faults(script=FaultScript(), start=start)
        >>> faults.rest.draw("spot", "GET", "/api/v1/accounts", faults.start)
        []
    """

    script: FaultScript
    start: datetime
    seed: int = 0
    """Used where the script names none."""
    log: FaultLog = field(default_factory=FaultLog)
    rest: RestDice = field(init=False)
    frames: FrameDice = field(init=False)

    def __post_init__(self) -> None:
        seed = self.seed if self.script.seed is None else self.script.seed
        self.rest = RestDice(self.script.rest, seed, self.start, self.log)
        self.frames = FrameDice(self.script.websocket, seed, self.start, self.log)

    def blackout(self, host: str, at: datetime) -> Blackout | None:
        """The upgrade that a host is in, None while it is open."""
        for blackout in self.script.blackouts:
            if blackout.host in {"*", host} and blackout.span.covers(self.start, at):
                return blackout
        return None

    def told_skew_ms(self, at: datetime) -> int:
        """How far ahead of true time ``/timestamp`` is."""
        return sum(
            c.skew_ms for c in self.script.clocks if c.span.covers(self.start, at)
        )

    def judged_skew_ms(self, at: datetime) -> int:
        """How far ahead of true time the clock is that judges signatures."""
        return sum(
            c.skew_ms
            for c in self.script.clocks
            if c.span.covers(self.start, at) and not c.is_timestamp_only
        )
