"""The tally of a run, checked against sums made by hand."""

from decimal import Decimal

import pytest

from bot.domain.accounts import FUTURES, MARGIN_CROSS
from bot.domain.events import (
    AccountStatus,
    AccountStatusChanged,
    Bucket,
    Cause,
    Posting,
    RatioReported,
)
from bot.domain.orders import Side
from bot.report.run_report import figure_in, part_of
from bot.report.tally import Tally
from bot.risk.costs import fee_usdt, slippage_usdt
from tests.unit.report.moments import (
    LONG,
    SHORT,
    Run,
    after,
    booked,
    filled,
    money,
    position,
)


def _watched(run: Run) -> Tally:
    tally = Tally(run.state.shadow)
    run.watch(tally)
    return tally


def _parts(tally: Tally) -> dict[str, Decimal]:
    pnl = part_of(tally.summary(), "pnl")
    assert pnl is not None
    found = {key: figure_in(pnl, key) for key in pnl}
    assert all(value is not None for value in found.values())
    return {key: value for key, value in found.items() if value is not None}


def _on(coin: str, amount: str, bucket: Bucket = Bucket.BALANCE) -> Posting:
    return Posting(account=MARGIN_CROSS, coin=coin, amount=money(amount), bucket=bucket)


def test_the_parts_of_a_sale_are_those_of_the_hand() -> None:
    """A sale 60 under the mark costs 6 of slippage; what is left is price.

    1 BTC at 60,000 less 40,000 owed and 2,000 in reserve: 22,000. 0.1 BTC is sold
    at 59,940 for a fee of 6, then BTC stands at 59,000: 0.9 x 59,000 + 5,994 - 6 -
    40,000 + 2,000 = 21,088, which is 912 less: 900 price, 6 slippage, 6 fee.
    """
    run = Run(LONG, is_guarded=False)
    tally = _watched(run)
    run.tick(1, "60000")
    run.tell(
        filled(after(2), Side.SELL, "0.1", "59940", fee=Decimal(6)),
        booked(after(2), Cause.TRADE, _on("BTC", "-0.1"), _on("USDT", "5994")),
        booked(after(2), Cause.FEE, _on("USDT", "-6")),
    )
    run.tick(3, "59000")
    tally.close(run.state.shadow)

    assert tally.equity_start == 22_000
    assert tally.equity_end == 21_088
    assert _parts(tally) == {
        "price": money("-900"),
        "funding": 0,
        "interest": 0,
        "fees": -6,
        "slippage": -6,
        "liquidation": 0,
    }
    assert tally.summary()["fills"] == 1


def test_interest_and_funding_have_parts_of_their_own() -> None:
    """Interest counts down as debt grows; funding counts as it is paid."""
    run = Run({**LONG, **SHORT}, position(-100), is_guarded=False)
    tally = _watched(run)
    run.tick(1, "60000")
    run.tell(
        booked(after(2), Cause.INTEREST, _on("USDT", "0.5", Bucket.INTEREST)),
        booked(
            after(2),
            Cause.FUNDING,
            Posting(account=FUTURES, coin="USDT", amount=money("1.25")),
        ),
    )
    run.tick(3, "60000")
    parts = _parts(tally)

    assert parts["interest"] == money("-0.5")
    assert parts["funding"] == money("1.25")
    assert parts["price"] == 0


def test_a_liquidation_counts_once_and_its_loss_once() -> None:
    """Taken over, bankrupt and released is one liquidation; the penalty is one loss."""
    run = Run(LONG, is_guarded=False)
    tally = _watched(run)
    run.tick(1, "60000")
    changed = [
        AccountStatusChanged(at=after(2), account=MARGIN_CROSS, status=status)
        for status in (
            AccountStatus.LIQUIDATING,
            AccountStatus.BANKRUPT,
            AccountStatus.LIQUIDATED,
            AccountStatus.NORMAL,
        )
    ]
    run.tell(
        *changed,
        filled(after(2), Side.SELL, "1", "59000", forced="liquidation"),
        booked(after(2), Cause.LIQUIDATION, _on("BTC", "-1"), _on("USDT", "59000")),
        booked(after(2), Cause.LIQUIDATION_FEE, _on("USDT", "-600")),
    )
    run.tick(3, "60000")
    parts = _parts(tally)

    assert tally.liquidations == 1
    assert parts["liquidation"] == -1600
    assert parts["slippage"] == 0
    assert parts["price"] == 0


@pytest.mark.parametrize(
    ("side", "cost"), [(Side.BUY, "594.05940594"), (Side.SELL, "-594.05940594")]
)
def test_a_higher_price_of_an_inverse_contract_costs_the_buyer(
    side: Side, cost: str
) -> None:
    """60,000 dollars at 60,600 are 0.990099 BTC and not 1: a buyer lost 0.009901."""
    run = Run(SHORT)
    run.tick(1, "60000")
    fill = filled(after(2), side, "60000", "60600", account=FUTURES, symbol="XBTUSDM")
    found = slippage_usdt(fill, run.state.shadow)

    assert found is not None
    assert round(found, 8) == money(cost)


def test_the_slippage_of_a_linear_contract_counts_coins() -> None:
    """100 lots are 0.1 BTC: sold 50 under the mark they cost 5."""
    run = Run(SHORT)
    run.tick(1, "60000")
    fill = filled(
        after(2), Side.SELL, "100", "59950", account=FUTURES, symbol="XBTUSDTM"
    )

    assert slippage_usdt(fill, run.state.shadow) == 5


def test_a_cost_without_a_mark_is_unknown() -> None:
    """A fee in a coin that has no mark is not zero, it is unknown."""
    run = Run(LONG)
    run.tick(1, "60000")
    fill = filled(after(2), Side.SELL, "0.1", "59940", fee=Decimal(1), fee_coin="KCS")

    assert fee_usdt(fill, run.state.shadow) is None


def test_the_exchanges_own_ratio_counts_as_an_extreme() -> None:
    """What the exchange saw between two marks of ours is in the extremes."""
    run = Run(LONG)
    tally = _watched(run)
    run.tick(1, "60000")
    run.tell(
        RatioReported(at=after(2), account=MARGIN_CROSS, value=money("0.9")),
        AccountStatusChanged(
            at=after(2),
            account=FUTURES,
            coin="USDT",
            status=AccountStatus.LIQUIDATING,
            ratio=money("1.06"),
        ),
    )

    assert tally.max_debt_ratio == money("0.9")
    assert tally.max_risk_rate == money("1.06")


def test_a_run_whose_equity_was_never_known_has_no_summary() -> None:
    """Without one mark there is nothing to sum up, and it says so."""
    tally = _watched(Run(LONG))

    with pytest.raises(ValueError, match="unknown during the whole run"):
        tally.summary()
