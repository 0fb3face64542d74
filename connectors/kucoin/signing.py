"""How a KuCoin request proves who sent it: a pure function of key and request.

``base64(HMAC-SHA256(secret, timestamp + METHOD + path with query + body))``; the
query is signed as it reads before percent-encoding, the body byte for byte as sent.
The passphrase is signed alone. Key versions 2 and 3 sign alike. Nothing here may
read a setting, keep a secret or print one.

Source: KuCoin's authentication page.
"""

import base64
import hashlib
import hmac

__all__ = ["sign_passphrase", "sign_request"]


def sign_request(
    secret: str, timestamp_ms: int, method: str, endpoint: str, body: str = ""
) -> str:
    """The value of ``KC-API-SIGN``.

    Args:
        secret: The API secret.
        timestamp_ms: The same milliseconds as in ``KC-API-TIMESTAMP``.
        method: GET, POST or DELETE, any case.
        endpoint: Path with its query, not percent-encoded.
        body: The exact JSON text of a POST, else empty.

    Example:
        >>> sign_request("test-api-secret", 1622185200000, "GET",
        ...              "/api/ua/v1/account/ledger")
        'A+drUvUhuK9B9lW6p+c9G0k0AbDvBaRADV4hinVgh9c='
    """
    return _signed(secret, f"{timestamp_ms}{method.upper()}{endpoint}{body}")


def sign_passphrase(secret: str, passphrase: str) -> str:
    """The value of ``KC-API-PASSPHRASE`` for key versions 2 and 3.

    Example:
        >>> sign_passphrase("test-api-secret", "test-passphrase")
        'fqkeR28GaLc+yzydx1yFfD3Jc46eSFoOwfG2YgL/Qos='
    """
    return _signed(secret, passphrase)


def _signed(secret: str, text: str) -> str:
    digest = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode("ascii")
