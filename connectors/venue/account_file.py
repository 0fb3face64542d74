"""Account files: any start of any account, to be replayed on any market.

The form is DESIGN section 8's: ``vip``, ``[main]``, ``[spot]``, ``[margin_cross]``,
``[margin_isolated."BTC-USDT"]``, ``[futures]``, ``[[futures.position]]``. Numbers may
be quoted or bare, never become floats; ``"@30000"`` is worth that many USDT at the
first mark. A position may also state ``side`` (``long``, ``short``) for hedge mode.
``wallet`` is KuCoin's wallet balance: the margins of isolated positions are in it.

``load_account`` checks the form, ``resolve`` needs the market and its rules, ``render``
writes an account back. Every complaint names the key, what it must be and what it was.
"""

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final, NoReturn

from bot.domain.accounts import MarginMode, PositionKey, PositionSide
from bot.domain.errors import UsageError
from bot.domain.fees import MAX_VIP
from connectors.venue.account_opening import resolve
from connectors.venue.account_parts import (
    AccountFile,
    Amount,
    MarginPart,
    PositionPart,
)
from connectors.venue.account_render import render

__all__ = [
    "AccountFile",
    "Amount",
    "MarginPart",
    "PositionPart",
    "digest",
    "load_account",
    "render",
    "resolve",
]

_TOP: Final = frozenset({"vip", "main", "spot", "margin_cross", "margin_isolated"})
_MARGIN: Final = frozenset({"leverage", "balance", "principal", "interest"})
_POSITION: Final = frozenset(
    {"symbol", "mode", "side", "lots", "base", "entry", "leverage", "margin"}
)
_COIN: Final = re.compile(r"[A-Z0-9]{1,20}")
_PAIR: Final = re.compile(r"[A-Z0-9]{1,20}-[A-Z0-9]{1,20}")
_MAX_BYTES: Final = 1_000_000
_MAX_EXPONENT: Final = 30


@dataclass(frozen=True, slots=True)
class _Field:
    """A value of the file under its full key."""

    path: Path
    name: str
    value: object

    def refuse(self, expected: str) -> NoReturn:
        """Say what the key must be and what it is.

        Raises:
            UsageError: Always.
        """
        raise UsageError(
            f"{self.path}: {self.name} must be {expected}, but it is {self.value!r}."
        )

    def table(self, known: frozenset[str] | None = None) -> dict[str, "_Field"]:
        """Its fields by key; ``known`` None lets any key pass."""
        if not isinstance(self.value, dict):
            self.refuse("a table")
        prefix = f"{self.name}." if self.name else ""
        for key in self.value:
            if known is not None and key not in known:
                raise UsageError(
                    f"{self.path}: {prefix}{key} is not a key of an account file; "
                    f"known here: {', '.join(sorted(known))}."
                )
        return {
            key: _Field(self.path, f"{prefix}{key}", value)
            for key, value in self.value.items()
        }

    def number(self, expected: str) -> Decimal:
        """A finite number, quoted or bare."""
        value = self.value
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
            self.refuse(expected)
        try:
            number = Decimal(value.strip() if isinstance(value, str) else value)
        except InvalidOperation:
            self.refuse(expected)
        if not number.is_finite() or abs(number.adjusted()) > _MAX_EXPONENT:
            self.refuse(expected)
        return number

    def amount(self, *, is_signed: bool = False) -> Amount:
        """Coins, or ``@N`` for worth N USDT; negative only where it makes sense."""
        words = "a number of coins or '@' and a number of USDT, quoted"
        is_worth = isinstance(self.value, str) and self.value.lstrip().startswith("@")
        source = self
        if isinstance(self.value, str) and is_worth:
            source = _Field(self.path, self.name, self.value.strip().removeprefix("@"))
        number = source.number(words)
        if number < 0 and not is_signed:
            self.refuse(f"{words}, not negative")
        return Amount(number=number, is_worth=is_worth)

    def leverage(self) -> Decimal:
        """A leverage of at least 1."""
        number = self.number("a leverage of at least 1")
        if number < 1:
            self.refuse("a leverage of at least 1")
        return number

    def whole(self, expected: str) -> int:
        """A whole number, quoted or bare."""
        number = self.number(expected)
        if number != number.to_integral_value():
            self.refuse(expected)
        return int(number)

    def word(self, allowed: tuple[str, ...]) -> str:
        """One of a few words."""
        if not isinstance(self.value, str) or self.value not in allowed:
            self.refuse(" or ".join(repr(word) for word in allowed))
        return self.value

    def amounts(self) -> dict[str, Amount]:
        """Amounts by coin."""
        found = {}
        for coin, entry in self.table().items():
            if not _COIN.fullmatch(coin):
                entry.refuse("under a coin in capital letters, such as BTC")
            found[coin] = entry.amount()
        return found


def _read(path: Path) -> bytes:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"The account file {path} cannot be read: {error.strerror}."
        ) from None
    if len(raw) > _MAX_BYTES:
        raise UsageError(f"The account file {path} is larger than {_MAX_BYTES} bytes.")
    return raw


def digest(path: Path) -> str:
    """The SHA-256 of an account file, in hexadecimal.

    Raises:
        UsageError: The file cannot be read.
    """
    return hashlib.sha256(_read(path)).hexdigest()


def load_account(path: Path) -> AccountFile:
    """Read an account file and check its form; no market is needed.

    Raises:
        UsageError: The file cannot be read, is no TOML, or a key is wrong.
    """
    raw = _read(path)
    try:
        document = tomllib.loads(raw.decode("utf-8"), parse_float=Decimal)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, InvalidOperation) as error:
        raise UsageError(
            f"The account file {path} is not valid TOML: {error}."
        ) from None
    top = _Field(path, "", document).table(_TOP | {"futures"})
    nothing = _Field(path, "", {})
    futures = top.get("futures", nothing).table(frozenset({"wallet", "position"}))
    isolated = top.get("margin_isolated", nothing).table()
    cross = top.get("margin_cross")
    return AccountFile(
        path=path,
        digest=hashlib.sha256(raw).hexdigest(),
        vip=_vip(top.get("vip")),
        main=top.get("main", nothing).amounts(),
        spot=top.get("spot", nothing).amounts(),
        margin_cross=None if cross is None else _margin(cross),
        margin_isolated={pair: _pair(pair, part) for pair, part in isolated.items()},
        wallet=futures.get("wallet", nothing).amounts(),
        positions=_positions(futures.get("position")),
    )


def _vip(entry: _Field | None) -> int:
    if entry is None:
        return 0
    words = f"a fee level from 0 to {MAX_VIP}"
    level = entry.whole(words)
    if not 0 <= level <= MAX_VIP:
        entry.refuse(words)
    return level


def _margin(entry: _Field) -> MarginPart:
    """A margin account of either kind."""
    fields = entry.table(_MARGIN)
    leverage = fields.get("leverage")
    amounts = {
        name: fields[name].amounts()
        for name in ("balance", "principal", "interest")
        if name in fields
    }
    return MarginPart(
        leverage=None if leverage is None else leverage.leverage(),
        balance=amounts.get("balance", {}),
        principal=amounts.get("principal", {}),
        interest=amounts.get("interest", {}),
    )


def _pair(pair: str, entry: _Field) -> MarginPart:
    """An isolated pair: only its two coins."""
    if not _PAIR.fullmatch(pair):
        entry.refuse("under a pair in capital letters, such as BTC-USDT")
    part = _margin(entry)
    for name in ("balance", "principal", "interest"):
        amounts: Mapping[str, Amount] = getattr(part, name)
        for coin in amounts:
            if coin not in pair.split("-"):
                raise UsageError(
                    f"{entry.path}: {entry.name}.{name}.{coin} must be one of the two "
                    f"coins of {pair}."
                )
    return part


def _positions(entry: _Field | None) -> tuple[PositionPart, ...]:
    """All positions; a symbol and side is stated once, the modes fit together."""
    if entry is None:
        return ()
    if not isinstance(entry.value, list):
        entry.refuse("written as [[futures.position]]")
    parts = [
        _position(_Field(entry.path, f"{entry.name}[{index}]", value))
        for index, value in enumerate(entry.value)
    ]
    seen: dict[PositionKey, str] = {}
    for part in parts:
        key = PositionKey(part.symbol, part.side)
        if key in seen:
            raise UsageError(
                f"{entry.path}: {part.name} is a second position in {key}; "
                f"{seen[key]} is the first. State it once."
            )
        seen[key] = part.name
    if len({part.side is PositionSide.BOTH for part in parts}) > 1:
        raise UsageError(
            f"{entry.path}: {entry.name} mixes hedge-mode sides with one-way "
            "positions; an account is in one position mode."
        )
    return tuple(parts)


def _position(entry: _Field) -> PositionPart:
    fields = entry.table(_POSITION)

    def of(key: str, default: object) -> _Field:
        return fields.get(key, _Field(entry.path, f"{entry.name}.{key}", default))

    symbol = of("symbol", None)
    if not isinstance(symbol.value, str) or not symbol.value:
        symbol.refuse("the name of a contract, such as 'XBTUSDTM'")
    mode = MarginMode(of("mode", "cross").word(("cross", "isolated")))
    side = PositionSide(of("side", "both").word(("both", "long", "short")))
    lots, base = _size(fields, entry, side)
    return PositionPart(
        name=entry.name,
        symbol=symbol.value,
        mode=mode,
        side=side,
        lots=lots,
        base=base,
        entry=_entry_price(of("entry", "mark")),
        leverage=of("leverage", 1).leverage(),
        margin=_isolated_margin(of("margin", None), mode),
    )


def _size(
    fields: Mapping[str, _Field], entry: _Field, side: PositionSide
) -> tuple[int | None, Amount | None]:
    """Signed lots or base coins, exactly one of the two, not zero."""
    if ("lots" in fields) == ("base" in fields):
        raise UsageError(
            f"{entry.path}: {entry.name} must state exactly one of lots and base."
        )
    if "lots" in fields:
        size = fields["lots"]
        lots = size.whole("a whole number of lots, negative for a short")
        sign: Decimal = Decimal(lots)
        found: tuple[int | None, Amount | None] = (lots, None)
    else:
        size = fields["base"]
        amount = size.amount(is_signed=True)
        sign, found = amount.number, (None, amount)
    if sign == 0:
        size.refuse("other than zero")
    if side is not PositionSide.BOTH and (sign > 0) != (side is PositionSide.LONG):
        size.refuse(f"of the sign of a {side} position")
    return found


def _entry_price(entry: _Field) -> Decimal | None:
    if entry.value == "mark":
        return None
    price = entry.number("'mark' or a positive price")
    if price <= 0:
        entry.refuse("'mark' or a positive price")
    return price


def _isolated_margin(entry: _Field, mode: MarginMode) -> Amount | None:
    """Isolated positions state their margin, cross positions have none."""
    if mode is MarginMode.CROSS:
        if entry.value is not None:
            entry.refuse("left out of a cross position")
        return None
    if entry.value is None:
        entry.refuse("the margin of the isolated position, in its settle currency")
    return entry.amount()
