"""Rate limits: windows of thirty seconds that begin with their first request."""

import pytest

from connectors.venue.server.quotas import Quotas, pool_limits


class _Clock:
    def __init__(self) -> None:
        self.s = 1000.0

    def now(self) -> float:
        return self.s


def test_a_window_begins_with_its_first_request_and_is_fixed() -> None:
    """What was taken early comes back only when the whole window ends."""
    clock = _Clock()
    quotas = Quotas(clock.now, {"Spot": 10})
    first = quotas.take("Spot", 4, "7")
    assert (first.remaining, first.reset_ms, first.is_empty) == (6, 30_000, False)
    clock.s += 29.5
    second = quotas.take("Spot", 6, "7")
    assert (second.remaining, second.reset_ms, second.is_empty) == (0, 500, False)
    assert quotas.take("Spot", 1, "7").is_empty
    clock.s += 0.5
    assert quotas.take("Spot", 1, "7").remaining == 9


def test_a_refused_request_takes_nothing() -> None:
    """A heavy request that does not fit leaves room for a light one."""
    quotas = Quotas(_Clock().now, {"Spot": 10})
    quotas.take("Spot", 8, "7")
    refused = quotas.take("Spot", 5, "7")
    assert (refused.is_empty, refused.remaining) == (True, 2)
    assert not quotas.take("Spot", 2, "7").is_empty


def test_pools_and_owners_do_not_share() -> None:
    """Another pool and another owner have windows of their own."""
    quotas = Quotas(_Clock().now, {"Spot": 1, "Futures": 1})
    assert not quotas.take("Spot", 1, "7").is_empty
    assert quotas.take("Spot", 1, "7").is_empty
    assert not quotas.take("Spot", 1, "8").is_empty
    assert not quotas.take("Futures", 1, "7").is_empty


def test_the_headers_are_kucoins() -> None:
    """Limit, what is left, and milliseconds to the reset."""
    assert Quotas(_Clock().now, {"Spot": 4000}).take("Spot", 15, "7").headers() == {
        "gw-ratelimit-limit": "4000",
        "gw-ratelimit-remaining": "3985",
        "gw-ratelimit-reset": "30000",
    }


def test_the_number_of_windows_is_bounded() -> None:
    """Many addresses cannot fill the memory: the oldest window is forgotten."""
    quotas = Quotas(_Clock().now, {"Public": 1})
    quotas.take("Public", 1, "first")
    for number in range(5000):
        quotas.take("Public", 1, str(number))
    assert not quotas.take("Public", 1, "first").is_empty
    assert quotas.take("Public", 1, "4999").is_empty


@pytest.mark.parametrize(
    ("vip", "spot", "futures"), [(0, 4000, 2000), (5, 16000, 7000), (12, 40000, 20000)]
)
def test_limits_grow_with_the_level(vip: int, spot: int, futures: int) -> None:
    """The table is KuCoin's; the public pool is the same for all."""
    limits = pool_limits(vip)
    assert (limits["Spot"], limits["Futures"]) == (spot, futures)
    assert (limits["Management"], limits["Public"]) == (futures, 2000)
