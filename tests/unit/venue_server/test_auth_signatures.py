"""Who may call: headers, signatures, clocks and rights, in KuCoin's order."""

from dataclasses import replace
from urllib.parse import quote

import pytest

from connectors.kucoin.signing import sign_passphrase, sign_request
from connectors.venue.server.auth import (
    ALL_PERMISSIONS,
    ApiKey,
    KeyRing,
    SignedRequest,
    derived_keys,
    require_permission,
)
from connectors.venue.server.calls import ProblemError
from connectors.venue.server.key_file import parse_keys

NOW_MS = 1_700_000_000_000
FULL, READ = derived_keys(1)


def _signed(
    key: ApiKey = FULL,
    *,
    method: str = "GET",
    target: str = "/api/v1/accounts",
    signed_target: str | None = None,
    body: str = "",
    stamp: int = NOW_MS,
    version: str = "2",
) -> SignedRequest:
    """A request as a client signs it; ``signed_target`` is what it signed."""
    text = target if signed_target is None else signed_target
    return SignedRequest(
        method=method,
        target=target,
        body=body,
        headers={
            "Kc-Api-Key": key.key,
            "KC-API-SIGN": sign_request(key.secret, stamp, method, text, body),
            "KC-API-TIMESTAMP": str(stamp),
            "KC-API-PASSPHRASE": sign_passphrase(key.secret, key.passphrase),
            "KC-API-KEY-VERSION": version,
        },
        address="127.0.0.1",
    )


def _code(ring: KeyRing, request: SignedRequest) -> str:
    with pytest.raises(ProblemError) as caught:
        ring.authenticate(request, NOW_MS)
    return caught.value.code


def _with(request: SignedRequest, **headers: str) -> SignedRequest:
    names = {name.replace("_", "-"): text for name, text in headers.items()}
    return replace(request, headers={**request.headers, **names})


@pytest.mark.parametrize("version", ["2", "3"])
def test_both_versions_of_the_signature_are_let_in(version: str) -> None:
    """Versions 2 and 3 sign alike, and header names have no case."""
    ring = KeyRing([FULL, READ])
    assert ring.authenticate(_signed(version=version), NOW_MS) is FULL
    assert ring.authenticate(_signed(READ, version=version), NOW_MS) is READ


@pytest.mark.parametrize(
    ("query", "wire"),
    [
        ("symbol=BTC-USDT&tradeType=TRADE", "symbol=BTC-USDT&tradeType=TRADE"),
        ("note=a b&x=1", "note=a+b&x=1"),
        ("note=a b&x=1", "note=a%20b&x=1"),
        ("note=a+b", "note=a+b"),
        ("pass=abc!@#11", "pass=" + quote("abc!@#11", safe="")),
        ("symbol=BTC%2FUSDT", "symbol=BTC%2FUSDT"),
    ],
)
def test_the_query_is_signed_before_its_encoding(query: str, wire: str) -> None:
    """However the client encodes the query, its un-encoded text is what it signed."""
    request = _signed(
        target=f"/api/v1/orders?{wire}", signed_target=f"/api/v1/orders?{query}"
    )
    assert KeyRing([FULL]).authenticate(request, NOW_MS) is FULL


def test_the_body_is_signed_byte_for_byte() -> None:
    """A space more in the body is another body."""
    request = _signed(method="POST", body='{"size":"1"}')
    ring = KeyRing([FULL])
    assert ring.authenticate(request, NOW_MS) is FULL
    assert _code(ring, replace(request, body='{"size": "1"}')) == "400005"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"KC_API_SIGN": ""}, "400001"),
        ({"KC_API_PASSPHRASE": ""}, "400001"),
        ({"Kc_Api_Key": "nobody"}, "400003"),
        ({"KC_API_PASSPHRASE": "wrong"}, "400004"),
        ({"KC_API_KEY_VERSION": "1"}, "400004"),
        ({"KC_API_SIGN": "wrong"}, "400005"),
        ({"KC_API_TIMESTAMP": "soon"}, "400002"),
        ({"KC_API_TIMESTAMP": "9" * 400}, "400002"),
        ({"KC_API_PASSPHRASE": "päss"}, "400004"),
    ],
)
def test_what_is_wrong_has_its_code(headers: dict[str, str], code: str) -> None:
    """Each broken header is refused with KuCoin's own code."""
    assert _code(KeyRing([FULL]), _with(_signed(), **headers)) == code


def test_the_first_complaint_is_the_first_of_the_order() -> None:
    """Key before passphrase before signature before time before address."""
    key = replace(FULL, addresses=frozenset({"10.0.0.1"}))
    ring = KeyRing([key])
    late = _signed(key, stamp=NOW_MS - 60_000)
    bad = _with(late, **dict.fromkeys(("KC_API_SIGN", "KC_API_PASSPHRASE"), "no"))
    assert _code(ring, _with(bad, Kc_Api_Key="nobody")) == "400003"
    assert _code(ring, bad) == "400004"
    assert _code(ring, _with(late, KC_API_SIGN="no")) == "400005"
    assert _code(ring, late) == "400002"
    assert _code(ring, _signed(key)) == "400006"


@pytest.mark.parametrize("off_ms", [-5001, 5001])
def test_a_clock_may_be_five_seconds_off(off_ms: int) -> None:
    """Five seconds pass, a millisecond more does not."""
    ring = KeyRing([FULL])
    edge = off_ms - 1 if off_ms > 0 else off_ms + 1
    assert ring.authenticate(_signed(stamp=NOW_MS + edge), NOW_MS) is FULL
    assert _code(ring, _signed(stamp=NOW_MS + off_ms)) == "400002"


def test_a_key_does_only_what_it_may() -> None:
    """The reading key reads; everything else is 400007."""
    for permission in ("", "General"):
        require_permission(READ.permissions, permission)
    for permission in ("Spot", "Margin", "Futures", "FlexTransfers"):
        with pytest.raises(ProblemError) as caught:
            require_permission(READ.permissions, permission)
        assert (caught.value.code, caught.value.status) == ("400007", 403)
        require_permission(FULL.permissions, permission)


def test_keys_follow_from_the_seed_and_hide_their_secrets() -> None:
    """The same seed gives the same keys, another other ones; a repr tells nothing."""
    assert derived_keys(1) == (FULL, READ)
    assert not {key.secret for key in derived_keys(2)} & {FULL.secret, READ.secret}
    assert FULL.secret not in repr(FULL)
    assert FULL.passphrase not in repr(FULL)
    assert FULL.permissions == set(ALL_PERMISSIONS)


def test_a_complaint_never_holds_a_secret() -> None:
    """No refusal repeats a secret or the passphrase."""
    for headers in ({"KC_API_SIGN": "no"}, {"KC_API_PASSPHRASE": "no"}):
        with pytest.raises(ProblemError) as caught:
            KeyRing([FULL]).authenticate(_with(_signed(), **headers), NOW_MS)
        assert FULL.secret not in str(caught.value)
        assert FULL.passphrase not in str(caught.value)


def test_keys_can_come_from_a_file() -> None:
    """A key file names keys, rights and addresses."""
    (key,) = parse_keys(
        '[[key]]\nkey = "k"\nsecret = "s"\npassphrase = "p"\n'
        'permissions = "General, Spot"\naddresses = "127.0.0.1"\n',
        "keys.toml",
    )
    assert key.permissions == {"General", "Spot"}
    assert KeyRing([key]).authenticate(_signed(key), NOW_MS) is key
