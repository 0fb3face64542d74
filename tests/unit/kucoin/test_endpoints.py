"""The table of endpoints against KuCoin's own examples."""

import json
from pathlib import Path

import pytest

from connectors.kucoin.endpoints import ENDPOINTS, Endpoint, Host

STATED_OTHERWISE = {
    # another source counts 30 for it; the larger weight is ours
    "cancel_futures_orders": (30, "Futures"),
    # public in fact; the examples file them under a permission
    "funding_rate": (2, ""),
    "public_funding_history": (5, ""),
    # its weight is missing in the examples
    "recent_futures_fills": (3, "Futures"),
}
"""What the examples state for these is not what counts: weight and permission."""
FUTURES_OF_ACCOUNT = {"/api/v1/account-overview", "/api/v1/transaction-history"}
_NAMES: dict[str | None, str] = {"FlexTransfers": "InnerTransfer", "NULL": "", None: ""}


def _examples(folder: Path) -> dict[tuple[str, str, str], dict[str, str]]:
    """Every official example, by method, path and host as they really are."""
    found = {}
    for file in sorted(folder.glob("rest-*.json")):
        for row in json.loads(file.read_text(encoding="utf-8")):
            method, path = row["method"], row["path"]
            path = path.replace("{order-id}", "{orderId}")
            host = row["host"]
            if path in FUTURES_OF_ACCOUNT or method == "PATCH":
                method, host = "GET", "futures"
            found[method, path, host] = row
    return found


def _by_address() -> dict[tuple[str, str, str], list[Endpoint]]:
    found: dict[tuple[str, str, str], list[Endpoint]] = {}
    for row in ENDPOINTS.values():
        found.setdefault((row.method, row.path, row.host.value), []).append(row)
    return found


def test_pools_weights_and_permissions_are_as_stated(shared_data: Path) -> None:
    """Where KuCoin has an example, pool, weight and permission are the example's."""
    examples = _examples(shared_data / "kucoin" / "examples")
    compared = 0
    for address, rows in _by_address().items():
        stated = examples.get(address)
        if stated is None:
            continue
        for row in rows:
            permission = stated["permission"]
            example = (stated["weight"], _NAMES.get(permission, permission))
            known = STATED_OTHERWISE.get(row.name)
            assert row.pool == stated["pool"], row.name
            assert (row.weight, row.permission) == (known or example), row.name
            compared += 1
    assert compared > 90


def test_each_name_says_its_own_row() -> None:
    """Rows are found by their own name; each write is signed; no read needs a proof."""
    assert all(name == row.name for name, row in ENDPOINTS.items())
    assert all(row.is_signed for row in ENDPOINTS.values() if row.is_write)
    assert not any(row.proof for row in ENDPOINTS.values() if not row.is_write)


def test_every_order_and_loan_needs_its_id_as_proof() -> None:
    """What moves money is done only where the answer names what was done."""
    moving = {
        name
        for name in ENDPOINTS
        if name.startswith("place_") or name in {"borrow", "repay", "transfer"}
    }
    assert len(moving) == 8
    assert all(ENDPOINTS[name].proof for name in moving)


def test_only_one_address_has_two_names() -> None:
    """Two names for one address differ in what they always send."""
    doubles = [rows for rows in _by_address().values() if len(rows) > 1]
    (pair,) = doubles
    assert {row.fixed for row in pair} == {
        (("status", "active"),),
        (("status", "done"),),
    }


@pytest.mark.parametrize("name", ["spot_bullet_public", "futures_bullet_private"])
def test_a_stream_token_is_no_write(name: str) -> None:
    """Asking for a token by POST changes nothing."""
    assert ENDPOINTS[name].method == "POST"
    assert not ENDPOINTS[name].is_write


def test_both_hosts_have_time_status_and_tokens() -> None:
    """Whatever runs on one host runs on the other."""
    for host in Host:
        names = {name for name, row in ENDPOINTS.items() if row.host is host}
        for part in ("time", "status", "bullet_public", "bullet_private"):
            assert f"{host}_{part}" in names
