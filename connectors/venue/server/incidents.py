"""What a fault script does at a time of its own: changed rules, strikes, halts.

The rules of a venue are mappings of frozen values; a change puts another value in
its place, so that every desk trades by it from then on. Nothing here is drawn by
chance, and nothing here knows a request.
"""

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import fields, replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from bot.domain.accounts import PositionKey, PositionSide
from bot.domain.errors import UsageError
from bot.domain.instruments import BY_NAME, Rules
from bot.domain.market import MarketInstant
from connectors.venue.futures import AdlStrike
from connectors.venue.server.backend import Backend
from connectors.venue.server.fault_script import AdlRule, Change, FaultScript, Halt
from connectors.venue.server.faults import FaultLog

__all__ = ["Incidents", "apply_change", "check_script", "open_rules"]

_Happening = Callable[[Backend, datetime], None]

_FEES: Final = {"maker_fee_rate": 0, "taker_fee_rate": 1}


def open_rules(rules: Rules) -> Rules:
    """The same rules in mappings of their own, which may be changed later.

    Rules are read only for everybody; those of the exchange itself are what changes,
    in every place that holds them.
    """
    opened = replace(rules)
    for name in BY_NAME:
        object.__setattr__(opened, name, dict(getattr(rules, name)))
    return opened


def apply_change(rules: Rules, change: Change) -> None:
    """Put the changed instrument in place of the old one.

    Args:
        rules: Of ``open_rules``.
        change: Which field of which instrument becomes what.

    Raises:
        UsageError: There is no such instrument or field, or the value is none.
    """
    if change.kind == "spot" and change.field in _FEES:
        _change_fee(rules, change)
        return
    found: Mapping[str, Any] = {
        "contract": rules.contracts,
        "spot": rules.spot,
        "coin": rules.margin_coins,
    }[change.kind]
    old = found.get(change.name)
    if old is None:
        raise UsageError(
            f"A change names the {change.kind} {change.name!r}, which this market does "
            f"not have; it has {', '.join(sorted(found)) or 'none'}."
        )
    value = _value(change, old)
    _mutable(found)[change.name] = replace(old, **{change.field: value})


def _change_fee(rules: Rules, change: Change) -> None:
    """Replace the maker's or the taker's rate of a pair."""
    rates = rules.spot_fee_rates.get(change.name)
    if rates is None:
        raise UsageError(f"A change names the pair {change.name!r}, which has no fees.")
    changed = list(rates)
    changed[_FEES[change.field]] = _number(change)
    _mutable(rules.spot_fee_rates)[change.name] = (changed[0], changed[1])


def _mutable(found: Mapping[str, Any]) -> MutableMapping[str, Any]:
    if not isinstance(found, dict):
        raise TypeError("rules that may change must come from open_rules")
    return found


def _value(change: Change, old: Any) -> Decimal | int | bool:
    """The new value in the type that the field has; texts and tables stay fixed."""
    names = {f.name for f in fields(old)}
    before = getattr(old, change.field, None)
    is_number = before is None or isinstance(before, Decimal | int)
    if change.field not in names or not is_number:
        raise UsageError(
            f"A change of {change.name} names {change.field!r}, which is not a number "
            f"or flag of it; its fields are {', '.join(sorted(names))}."
        )
    if isinstance(before, bool):
        if change.value not in {"true", "false"}:
            raise UsageError(
                f"A change of {change.name}.{change.field} must be true or false, was "
                f"{change.value!r}."
            )
        return change.value == "true"
    number = _number(change)
    return int(number) if isinstance(before, int) else number


def _number(change: Change) -> Decimal:
    try:
        number = Decimal(change.value)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise UsageError(
            f"A change of {change.name}.{change.field} must be a number, was "
            f"{change.value!r}."
        )
    return number


def check_script(script: FaultScript, rules: Rules) -> None:
    """Refuse a script whose changes, strikes or halts name what is not there.

    Raises:
        UsageError: Names it.
    """
    trial = open_rules(rules)
    for change in script.changes:
        apply_change(trial, change)
    named = [strike.symbol for strike in script.adl]
    for symbol in named:
        if symbol not in rules.contracts:
            raise UsageError(f"A strike names {symbol!r}, which is no contract here.")
    for halt in script.halts:
        if halt.symbol not in rules.contracts and halt.symbol not in rules.spot:
            raise UsageError(
                f"A halt names {halt.symbol!r}, which does not trade here."
            )


class Incidents:
    """The happenings of a script in time order, each done once."""

    def __init__(self, script: FaultScript, start: datetime, log: FaultLog) -> None:
        self._log = log
        self._due: list[tuple[datetime, _Happening]] = []
        for change in script.changes:
            self._add(start, change.at_s, self._changing(change))
        for strike in script.adl:
            self._add(start, strike.at_s, self._striking(strike))
        for halt in script.halts:
            self._add(start, halt.span.from_s, self._halting(halt, is_halted=True))
            if halt.span.to_s is not None:
                self._add(start, halt.span.to_s, self._halting(halt, is_halted=False))
        self._due.sort(key=lambda pair: pair[0])

    def next_due(self) -> datetime | None:
        """When something happens next."""
        return self._due[0][0] if self._due else None

    def run_due(self, backend: Backend, at: datetime) -> None:
        """Do everything that is due up to ``at``."""
        while self._due and self._due[0][0] <= at:
            due, happening = self._due.pop(0)
            happening(backend, max(due, backend.venue.now))

    def _add(self, start: datetime, after_s: float, happening: _Happening) -> None:
        self._due.append((start + timedelta(seconds=after_s), happening))

    def _changing(self, change: Change) -> _Happening:
        def happen(backend: Backend, at: datetime) -> None:
            apply_change(backend.venue.rules, change)
            what = {"name": change.name, "field": change.field, "value": change.value}
            self._log.note(at, "change", change.kind, **what)

        return happen

    def _striking(self, rule: AdlRule) -> _Happening:
        def happen(backend: Backend, at: datetime) -> None:
            mark = backend.venue.tape.futures_mark(rule.symbol)
            price = mark if rule.price is None else rule.price
            self._log.note(at, "adl", "strike", symbol=rule.symbol, lots=rule.lots)
            if price is None:
                return
            key = PositionKey(rule.symbol, PositionSide(rule.side))
            backend.strike(at, AdlStrike(key=key, lots=rule.lots, price=price))

        return happen

    def _halting(self, halt: Halt, *, is_halted: bool) -> _Happening:
        def happen(backend: Backend, at: datetime) -> None:
            self._log.note(
                at, "halt", "stop" if is_halted else "go", symbol=halt.symbol
            )
            last = backend.last_instant
            backend.tick(
                MarketInstant(
                    at=at,
                    last_prices={} if last is None else last.last_prices,
                    margin_marks={} if last is None else last.margin_marks,
                    futures_marks={} if last is None else last.futures_marks,
                    halted={halt.symbol: is_halted},
                )
            )

        return happen
