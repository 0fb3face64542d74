"""The rate pools: KuCoin's fixed windows, the guard's reserve, each way to wait."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.kucoin.answers import Urgency
from connectors.kucoin.endpoints import ENDPOINTS, Pool
from connectors.kucoin.rate_pools import PoolWaitError, RatePool, RatePools, quota
from tests.unit.kucoin.toy_exchange import FakeTime

ROUTINE, GUARD = Urgency.ROUTINE, Urgency.GUARD
MARGIN = ENDPOINTS["margin_accounts"]  # Spot 15
PLACE = ENDPOINTS["place_margin_order"]  # Spot 2
FUTURES = ENDPOINTS["positions"]  # Futures 2


def _headers(remaining: int, reset_ms: int, limit: int = 4000) -> dict[str, str]:
    return {
        "gw-ratelimit-limit": str(limit),
        "gw-ratelimit-remaining": str(remaining),
        "gw-ratelimit-reset": str(reset_ms),
    }


def _pools(time: FakeTime) -> RatePools:
    return RatePools(vip=0, monotonic=time.monotonic, sleep=time.sleep)


def test_quotas_are_those_of_the_level() -> None:
    """The table of VIP levels: its first row, a middle one, its last, and beyond."""
    assert [quota(pool, 0) for pool in Pool] == [4000, 2000, 2000, 2000]
    assert [quota(pool, 5) for pool in Pool] == [16000, 7000, 7000, 2000]
    assert [quota(pool, 12) for pool in Pool] == [40000, 20000, 20000, 2000]
    assert quota(Pool.SPOT, 99) == 40000


def test_routine_requests_use_at_most_60_percent() -> None:
    """After 60 of 100 weights the routine waits for the window; the guard goes on."""
    pool = RatePool(100)
    for _ in range(6):
        assert pool.wait_s(10, ROUTINE, 0.0) == 0
        pool.take(10, 0.0)
    assert pool.wait_s(1, ROUTINE, 5.0) == pytest.approx(26.0)
    for _ in range(4):
        assert pool.wait_s(10, GUARD, 5.0) == 0
        pool.take(10, 5.0)
    assert pool.wait_s(1, GUARD, 5.0) == pytest.approx(26.0)


async def test_windows_last_in_the_exchanges_own_seconds() -> None:
    """At a world ten times as fast a full pool is free again after 3.1 s of ours."""
    time = FakeTime()
    pools = RatePools(vip=0, monotonic=time.monotonic, sleep=time.sleep, rate=10.0)
    for _ in range(160):
        await pools.enter(MARGIN, ROUTINE, 0)
        pools.leave(MARGIN)
    with pytest.raises(PoolWaitError, match=r"for 3\.1 s"):
        await pools.enter(MARGIN, ROUTINE, 3)
    await pools.enter(MARGIN, ROUTINE, 4)
    assert sum(time.slept) == pytest.approx(3.1)


async def test_looking_never_keeps_the_guard_from_acting() -> None:
    """The guard's reads stop at 90 %: its orders still leave in the same window."""
    time = FakeTime()
    pools = _pools(time)
    for _ in range(240):
        await pools.enter(MARGIN, GUARD, 0)
    assert pools.pool(Pool.SPOT).used == 3600
    with pytest.raises(PoolWaitError):
        await pools.enter(MARGIN, GUARD, 2)
    for _ in range(200):
        await pools.enter(PLACE, GUARD, 0)
    assert pools.pool(Pool.SPOT).used == 4000


def test_a_window_is_fixed_from_its_first_request() -> None:
    """Late requests do not move the end; after it, everything is free again."""
    pool = RatePool(100)
    pool.take(30, 10.0)
    pool.take(30, 39.0)
    pool.leave(60)
    assert pool.wait_s(1, ROUTINE, 40.9) > 0
    assert pool.wait_s(60, ROUTINE, 41.0) == 0
    assert pool.used == 0


def test_what_is_in_flight_is_counted_in_the_next_window_too() -> None:
    """A request without an answer may be counted when it arrives, after our window."""
    pool = RatePool(100)
    pool.take(40, 0.0)
    assert pool.wait_s(30, ROUTINE, 31.0) > 0
    pool.leave(40)
    assert pool.used == 40
    assert pool.wait_s(20, ROUTINE, 31.0) == 0


def test_the_exchange_counts_more_than_we_know() -> None:
    """Somebody else uses the same account: the headers' count is ours from now on."""
    pool = RatePool(100)
    pool.take(10, 0.0)
    pool.leave(10)
    pool.told(limit=100, remaining=20, reset_s=12.0, now_s=1.0)
    assert pool.used == 80
    assert pool.wait_s(1, ROUTINE, 1.0) == pytest.approx(13.0)
    assert pool.wait_s(20, GUARD, 1.0) == 0
    assert pool.wait_s(21, GUARD, 1.0) == pytest.approx(13.0)


def test_within_a_window_the_larger_count_holds() -> None:
    """An answer that is older than our last request does not forget that request."""
    pool = RatePool(100)
    pool.take(10, 0.0)
    pool.take(40, 0.1)
    pool.leave(10)
    pool.told(limit=100, remaining=90, reset_s=29.9, now_s=0.2)
    assert pool.used == 50


def test_a_new_window_of_the_exchange_frees_ours() -> None:
    """A reset far beyond our window's end is the next window: only its count holds."""
    pool = RatePool(100)
    pool.take(60, 0.0)
    pool.leave(60)
    pool.take(5, 29.0)
    pool.leave(5)
    pool.told(limit=100, remaining=95, reset_s=29.5, now_s=29.5)
    assert pool.used == 5


def test_a_higher_level_is_learned_from_the_headers() -> None:
    """The limit of the headers is the limit; 60 percent of it are routine."""
    pool = RatePool(2000)
    pool.told(limit=4000, remaining=4000, reset_s=30.0, now_s=0.0)
    assert pool.limit == 4000
    assert pool.wait_s(2400, ROUTINE, 0.0) == 0
    assert pool.wait_s(2401, ROUTINE, 0.0) > 0


def test_a_header_cannot_stop_us_for_long() -> None:
    """A reset of an hour is read as a minute at most."""
    pool = RatePool(100)
    pool.told(limit=100, remaining=0, reset_s=3600.0, now_s=0.0)
    assert pool.wait_s(1, GUARD, 0.0) <= 61
    pool.shut(3600.0, 0.0)
    assert pool.wait_s(1, GUARD, 0.0) <= 61


def test_pauses_double_to_a_limit_and_begin_anew() -> None:
    """1, 2, 4, 8, 16, 30, 30 s for the routine, none for the guard; then 1 s again."""
    pool = RatePool(100)
    waits = []
    now_s = 0.0
    for _ in range(7):
        pool.pause(now_s)
        waits.append(pool.wait_s(1, ROUTINE, now_s))
        assert pool.wait_s(1, GUARD, now_s) == 0
        now_s += waits[-1]
    assert waits == [1, 2, 4, 8, 16, 30, 30]
    pool.went_well()
    pool.pause(now_s)
    assert pool.wait_s(1, ROUTINE, now_s) == 1


async def test_the_gate_waits_for_the_window_and_no_longer() -> None:
    """A routine request that has patience sleeps to the window's end, once."""
    time = FakeTime()
    pools = _pools(time)
    for _ in range(160):  # 2,400 of 4,000
        await pools.enter(MARGIN, ROUTINE, 0)
        pools.leave(MARGIN)
    assert time.slept == []
    await pools.enter(MARGIN, ROUTINE, 35)
    assert time.slept == [pytest.approx(31.0)]
    assert pools.pool(Pool.SPOT).used == 15


async def test_the_gate_refuses_what_would_wait_too_long() -> None:
    """Without patience the request raises at once, is not counted, and says why."""
    time = FakeTime()
    pools = _pools(time)
    for _ in range(160):
        await pools.enter(MARGIN, ROUTINE, 0)
    with pytest.raises(
        PoolWaitError, match=r"Spot quota .* margin_accounts for 31.0 s"
    ):
        await pools.enter(MARGIN, ROUTINE, 30.9)
    assert time.slept == []
    assert pools.pool(Pool.SPOT).used == 2400
    await pools.enter(PLACE, GUARD, 0)


async def test_pools_do_not_share() -> None:
    """A Spot pool that is used up leaves Futures alone."""
    time = FakeTime()
    pools = _pools(time)
    pools.heard(MARGIN, "429000", _headers(0, 9000))
    with pytest.raises(PoolWaitError):
        await pools.enter(PLACE, GUARD, 2)
    await pools.enter(FUTURES, ROUTINE, 0)


async def test_too_many_requests_wait_for_the_reset() -> None:
    """429000 with headers stops everybody until the window is over."""
    time = FakeTime()
    pools = _pools(time)
    pools.heard(MARGIN, "429000", _headers(0, 7000))
    await pools.enter(PLACE, GUARD, 10)
    assert sum(time.slept) == pytest.approx(8.0)  # 7 s and our slack


async def test_an_overload_slows_the_routine_only() -> None:
    """429000 without headers is the exchange's overload: the guard still goes."""
    time = FakeTime()
    pools = _pools(time)
    pools.heard(MARGIN, "429000", {})
    await pools.enter(PLACE, GUARD, 0)
    with pytest.raises(PoolWaitError):
        await pools.enter(PLACE, ROUTINE, 0.9)
    await pools.enter(FUTURES, ROUTINE, 0)


async def test_a_limited_endpoint_rests_alone() -> None:
    """200002 stops that endpoint for 10 s, whoever asks, and no other."""
    time = FakeTime()
    pools = _pools(time)
    pools.heard(MARGIN, "200002", {})
    with pytest.raises(PoolWaitError, match=r"10\.0 s"):
        await pools.enter(MARGIN, GUARD, 2)
    await pools.enter(PLACE, ROUTINE, 0)
    await pools.enter(MARGIN, ROUTINE, 11)
    assert time.slept == [pytest.approx(10.0)]


async def test_a_block_by_address_stops_all_pools() -> None:
    """1015 counts the address, not the user: every pool stops for 30 s."""
    time = FakeTime()
    pools = _pools(time)
    pools.heard(MARGIN, "1015", {})
    for endpoint in (MARGIN, FUTURES, ENDPOINTS["symbols"], ENDPOINTS["transfer"]):
        with pytest.raises(PoolWaitError, match=r"30\.0 s"):
            await pools.enter(endpoint, GUARD, 2)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"gw-ratelimit-limit": "4000", "gw-ratelimit-remaining": "0"},
        _headers(5000, 1000),
        _headers(0, 1000, limit=0),
        {**_headers(0, 1000), "gw-ratelimit-reset": "soon"},
        {**_headers(0, 1000), "gw-ratelimit-remaining": "-1"},
        {**_headers(0, 1000), "gw-ratelimit-limit": "4" * 30},
        {**_headers(0, 1000), "gw-ratelimit-limit": "٤"},
    ],
)
def test_unsound_headers_are_ignored(headers: dict[str, str]) -> None:
    """A header that is missing or makes no sense changes nothing."""
    pools = _pools(FakeTime())
    pools.heard(MARGIN, None, headers)
    assert pools.pool(Pool.SPOT).limit == 4000
    assert pools.pool(Pool.SPOT).used == 0


def test_every_pool_is_slowed_by_a_push_back() -> None:
    """A 403 or 429 from in front of the exchange slows every pool's routine."""
    pools = _pools(FakeTime())
    pools.pushed_back()
    waits = [pools.pool(pool).wait_s(1, ROUTINE, 1000.0) for pool in Pool]
    assert waits == [1.0] * 4


@given(
    asked=st.lists(
        st.tuples(
            st.integers(1, 40),
            st.booleans(),
            st.floats(0, 5, allow_nan=False),
        ),
        max_size=200,
    )
)
def test_no_window_of_the_exchange_is_ever_overrun(
    asked: list[tuple[int, bool, float]],
) -> None:
    """However requests come, the exchange's own count stays within every limit.

    The exchange is told of each request half a second later, and opens its window
    with the first one; its routine count stays below 60 percent, its total below 100.
    """
    pool = RatePool(100)
    now_s = 0.0
    ends_s, total, routine = -1.0, 0, 0
    for weight, is_guard, pause_s in asked:
        now_s += pause_s
        urgency = GUARD if is_guard else ROUTINE
        if pool.wait_s(weight, urgency, now_s) > 0:
            continue
        pool.take(weight, now_s)
        pool.leave(weight)
        arrived_s = now_s + 0.5
        if arrived_s >= ends_s:
            ends_s, total, routine = arrived_s + 30, 0, 0
        total += weight
        routine += 0 if is_guard else weight
        assert total <= 100
        assert routine <= 60
