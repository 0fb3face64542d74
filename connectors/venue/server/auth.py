"""Who sends a private request: keys, signatures, times and permissions.

The order of the complaints and their codes are KuCoin's (``spot-margin.md`` 10.1 and
11). A secret never leaves this module: not in an error, a repr or a log.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, unquote_plus

from connectors.kucoin.signing import sign_passphrase, sign_request
from connectors.venue.server.calls import ProblemError

__all__ = [
    "ALL_PERMISSIONS",
    "ApiKey",
    "KeyRing",
    "SignedRequest",
    "derived_keys",
    "require_permission",
]

ALL_PERMISSIONS: Final = ("General", "Spot", "Margin", "Futures", "InnerTransfer")

CLOCK_TOLERANCE_MS: Final = 5_000
"""A request may be this far off the exchange's clock."""

_HEADERS: Final = (
    "KC-API-KEY",
    "KC-API-SIGN",
    "KC-API-TIMESTAMP",
    "KC-API-PASSPHRASE",
)
_STAMP: Final = re.compile(r"[0-9]{1,20}")
_VERSIONS: Final = frozenset({"2", "3"})
_ALIASES: Final = {"FlexTransfers": "InnerTransfer"}
"""The documents' name of a permission, and the one that a key has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """One API key; ``addresses`` empty lets every address in."""

    key: str
    secret: str = field(repr=False)
    passphrase: str = field(repr=False)
    permissions: frozenset[str]
    addresses: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """What a signature is about, exactly as it came over the wire.

    ``target`` is the path with its query, still percent-encoded; the names of
    ``headers`` are matched whatever their case.
    """

    method: str
    target: str
    body: str
    headers: Mapping[str, str]
    address: str


class KeyRing:
    """The keys of the served user.

    Raises:
        ValueError: Two keys have the same name.
    """

    def __init__(self, keys: Sequence[ApiKey]) -> None:
        self._keys = {key.key: key for key in keys}
        if len(self._keys) != len(keys):
            raise ValueError("two API keys have the same name")

    def authenticate(self, request: SignedRequest, now_ms: int) -> ApiKey:
        """The key that signed a request.

        Args:
            request: As it arrived.
            now_ms: The exchange's clock, milliseconds since 1970.

        Raises:
            ProblemError: Something about it is wrong, with KuCoin's code.
        """
        told = {name.upper(): text for name, text in request.headers.items()}
        if any(not told.get(name) for name in _HEADERS):
            raise ProblemError(
                "400001",
                "Please check the header of your request for KC-API-KEY, KC-API-SIGN, "
                "KC-API-TIMESTAMP, KC-API-PASSPHRASE",
                401,
            )
        key = self._keys.get(told["KC-API-KEY"])
        if key is None:
            raise ProblemError("400003", "KC-API-KEY not exists", 401)
        _check_passphrase(key, told)
        _check_signature(key, told, request)
        _check_time(told["KC-API-TIMESTAMP"], now_ms)
        if key.addresses and request.address not in key.addresses:
            raise ProblemError(
                "400006",
                f"Invalid request ip, the current clientIp is:{request.address}",
                403,
            )
        return key


def _check_passphrase(key: ApiKey, told: Mapping[str, str]) -> None:
    """Versions 2 and 3 sign the passphrase; version 1, in clear, is retired."""
    is_known = told.get("KC-API-KEY-VERSION") in _VERSIONS
    expected = sign_passphrase(key.secret, key.passphrase)
    if not is_known or not _same(expected, told["KC-API-PASSPHRASE"]):
        raise ProblemError("400004", "Invalid KC-API-PASSPHRASE", 401)


def _check_signature(
    key: ApiKey, told: Mapping[str, str], request: SignedRequest
) -> None:
    """The text that was signed is the target before its percent-encoding.

    What is on the wire does not tell how it was encoded, so it is read in each way
    that a client may have: as it is, decoded, and decoded with ``+`` for a space.
    """
    stamp = told["KC-API-TIMESTAMP"]
    target = request.target
    readings = {target, unquote(target), unquote_plus(target)}
    if not _STAMP.fullmatch(stamp):
        raise ProblemError("400002", "Invalid KC-API-TIMESTAMP", 400)
    for reading in readings:
        signature = sign_request(
            key.secret, int(stamp), request.method, reading, request.body
        )
        if _same(signature, told["KC-API-SIGN"]):
            return
    raise ProblemError("400005", "Invalid KC-API-SIGN", 401)


def _check_time(stamp: str, now_ms: int) -> None:
    if abs(int(stamp) - now_ms) > CLOCK_TOLERANCE_MS:
        raise ProblemError("400002", "Invalid KC-API-TIMESTAMP", 400)


def _same(expected: str, told: str) -> bool:
    return hmac.compare_digest(expected.encode(), told.encode())


def require_permission(permissions: frozenset[str], wanted: str) -> None:
    """Refuse a key that lacks the right that an endpoint needs.

    Args:
        permissions: Of the key.
        wanted: Of the endpoint; empty is public.

    Raises:
        ProblemError: 400007.

    Example:
        >>> require_permission(frozenset({"General"}), "General")
        >>> require_permission(frozenset({"InnerTransfer"}), "FlexTransfers")
    """
    if wanted and _ALIASES.get(wanted, wanted) not in permissions:
        raise ProblemError("400007", "Access denied, require more permission.", 403)


def derived_keys(seed: int) -> tuple[ApiKey, ApiKey]:
    """A key with every right and one that may only read, both out of a seed.

    They protect a simulation on this machine and nothing else.
    """
    return (
        _derived(seed, "full", frozenset(ALL_PERMISSIONS)),
        _derived(seed, "read", frozenset({"General"})),
    )


def _derived(seed: int, name: str, permissions: frozenset[str]) -> ApiKey:
    digest = hashlib.sha256(f"gnomon venue {seed} {name}".encode()).hexdigest()
    parts = (digest[24:32], digest[32:36], digest[36:40], digest[40:44], digest[44:56])
    return ApiKey(
        key=digest[:24],
        secret="-".join(parts),
        passphrase=digest[56:],
        permissions=permissions,
    )
