"""Laws of stops that wait at the venue: each goes off at its own price, no other."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.accounts import FUTURES, MARGIN_CROSS, AccountId
from bot.domain.intents import CancelStop
from bot.domain.orders import Outcome, StopState
from bot.domain.stops import StopChanged, is_reached
from tests.unit.guard.bench import position
from tests.unit.venue.builders import approved, later, opening, settled, venue
from tests.unit.venue.test_stops import stop, ticked

_ACCOUNT = opening(
    {"margin_cross": {"BTC": "1"}, "futures": {"USDT": "20000"}},
    debts={"margin_cross": {"USDT": "20000"}},
    positions=[position(-500)],
)
_PRICES = st.integers(495, 505).map(lambda hundreds: hundreds * 100)
_STOPS = st.lists(
    st.tuples(st.sampled_from([FUTURES, MARGIN_CROSS]), _PRICES, st.booleans()),
    min_size=1,
    max_size=8,
)
_GONE = {StopState.TRIGGERED, StopState.FAILED}


@given(_STOPS, st.sets(st.integers(0, 7)), st.lists(_PRICES, min_size=1, max_size=9))
def test_a_stop_goes_off_at_the_first_price_that_reaches_it(
    rows: list[tuple[AccountId, int, bool]], cancelled: set[int], prices: list[int]
) -> None:
    """Whatever waits beside it, and whatever was cancelled or went off before."""
    place = venue(_ACCOUNT)
    ticked(place, 1, "50000")
    waiting: dict[str, tuple[Decimal, bool]] = {}
    for number, (account, price, is_up) in enumerate(rows):
        qty = "1" if account == FUTURES else "0.01"
        wanted = stop(account, str(price), qty=qty, is_up=is_up)
        done = settled(place.submit(later(1), approved(wanted, f"s{number}")))
        if is_reached(wanted.stop_price, Decimal(50000), is_up=is_up):
            continue  # it goes off at once, before the next price
        assert done.order_id is not None
        waiting[done.order_id] = (wanted.stop_price, is_up)
        if number in cancelled:
            gone = CancelStop(
                account=account, symbol=wanted.symbol, stop_id=done.order_id
            )
            answer = settled(place.submit(later(1), approved(gone, f"c{number}")))
            assert answer.outcome is Outcome.DONE
            del waiting[done.order_id]
    place.advance(later(1))
    for second, price in enumerate(prices, start=2):
        events = ticked(place, second, str(price))
        went = [e for e in events if isinstance(e, StopChanged) and e.state in _GONE]
        due = {
            name
            for name, (level, is_up) in waiting.items()
            if is_reached(level, Decimal(price), is_up=is_up)
        }
        assert {each.stop_id for each in went} == due
        waiting = {name: row for name, row in waiting.items() if name not in due}
