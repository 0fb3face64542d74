"""Every figure that KuCoin prints about margin, interest, index and signatures.

Compared at the printed digits. As with futures, what is no oracle is skipped by
name, printed and pinned; fields inside a vector count as well.
"""

import json
import sys
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from bot.domain.accounts import Balance
from bot.domain.instruments import CollateralTier, MarginCoinRules
from bot.domain.interest import (
    Loan,
    accruals,
    borrow,
    hour_interest,
    hourly_rate,
    repay,
)
from bot.risk.collateral import (
    Collateral,
    borrow_room,
    collateral_of,
    max_borrow,
    tiered_value,
)
from bot.risk.margin import margin_numbers
from bot.risk.spot_index import spot_index
from connectors.kucoin.signing import sign_passphrase, sign_request

D = Decimal
Case = Mapping[str, Any]

SECTIONS: Final[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "golden" / "kucoin-vectors-margin.json").read_text(
        "utf-8"
    ),
    parse_float=Decimal,
)
VECTORS: Final[dict[str, Case]] = {
    each.get("id", f"signature-{number}"): each
    for section, members in SECTIONS.items()
    if section != "note"
    for number, each in enumerate(members, start=1)
}
SKIPPED_IDS: Final = {
    "DR-4": "a delisting rule in words, no figure to compute",
    "IN-5": "the lending system of 2022 rounded otherwise",
}
SKIPPED_FIELDS: Final = {
    ("printed", "old_max_borrow"): "the rule before the tiers",
    ("also_printed", "LTC"): "no LTC price is printed with it",
}


def skipped() -> dict[str, str]:
    """What the file holds and no test can use as an oracle."""
    found = {name: SKIPPED_IDS[name] for name in VECTORS if name in SKIPPED_IDS}
    for name, vector in VECTORS.items():
        for (group, field), reason in SKIPPED_FIELDS.items():
            if field in vector.get(group, {}):
                found[f"{name}.{field}"] = reason
    return found


def balance(vector: Case) -> Balance:
    """A balance from KuCoin's field names."""
    return Balance(
        total=D(vector["total"]),
        hold=D(vector.get("hold", "0")),
        principal=D(vector.get("liabilityPrincipal", vector.get("liability", "0"))),
        interest=D(vector.get("liabilityInterest", "0")),
    )


def limits(unit: str) -> MarginCoinRules:
    """Limits that leave a printed maximum to the formula and its unit."""
    return MarginCoinRules(
        coin="any",
        coefficient=D(1),
        borrow_min=D(unit),
        borrow_unit=D(unit),
        borrow_max=D(10**9),
    )


def check_cross_push(vector: Case) -> None:
    """WS-1: totals in BTC to the last digit, with ``total`` and not ``available``."""
    numbers = margin_numbers(
        {coin: balance(each) for coin, each in vector["assets"].items()},
        {"BTC": D(1), "USDT": D(vector["derived_mark_USDT_BTC"])},
        {"BTC": D(1), "USDT": D(1)},
    )
    printed = vector["printed"]
    assert numbers.total_asset == D(printed["totalAsset"])
    assert numbers.weighted_asset == D(printed["marginCoefficientTotalAsset"])
    assert numbers.total_debt == D(printed["totalDebt"])
    assert numbers.debt_ratio == printed["debtRatio"]


def check_doge(vector: Case) -> None:
    """DR-1: the printed ratio over the whole derived window of prices."""
    low, high = (D(each) for each in vector["derived_price_window_DOGE_USDT"])
    step = D("1e-8")  # the window's ends are themselves rounded to this
    for price in (low + step, (low + high) / 2, high - step):
        numbers = margin_numbers(
            {"DOGE": balance(vector["base"]), "USDT": balance(vector["quote"])},
            {"DOGE": price, "USDT": D(1)},
            {"DOGE": D(1), "USDT": D(1)},
        )
        assert numbers.debt_ratio is not None
        # The window allows for both readings of the server's last digit.
        roundings = [
            numbers.debt_ratio.quantize(D("0.0001"), rounding=each)
            for each in (ROUND_HALF_UP, ROUND_DOWN)
        ]
        assert D(vector["printed"]["debtRatio"]) in roundings


def check_tiny_debt(vector: Case) -> None:
    """DR-2: a tiny debt has a ratio though the server prints it cut to zero."""
    numbers = margin_numbers(
        {"BTC": balance(vector["base"]), "USDT": balance(vector["quote"])},
        {"BTC": D(60000), "USDT": D(1)},
        {"USDT": D(1)},
    )
    printed = vector["printed"]
    assert numbers.total_asset == D(printed["totalAssetOfQuoteCurrency"])
    assert numbers.total_debt == D(printed["totalLiabilityOfQuoteCurrency"])
    assert numbers.debt_ratio is not None
    exact = D(vector["derived_exact_ratio"])
    assert numbers.debt_ratio.quantize(exact, rounding=ROUND_DOWN) == exact
    cut = numbers.debt_ratio.quantize(D("0.0001"), rounding=ROUND_DOWN)
    assert cut == D(printed["debtRatio"])


def check_btc_ratio(vector: Case) -> None:
    """DR-3: over the threshold."""
    numbers = margin_numbers({"BTC": balance(vector)}, {"BTC": D(1)}, {"BTC": D(1)})
    assert numbers.debt_ratio == D(vector["printed"]["debtRatio"])


def check_max_borrow(vector: Case) -> None:
    """MB-1 to MB-4: the most that may be borrowed, in whole USDT."""
    account = Collateral(
        value=D(vector["total_usdt"]), debt=D(vector["liability_usdt"])
    )
    room = borrow_room(account, D(vector["leverage"]))
    assert room == D(vector["derived_raw"])
    owed = D(vector["liability_usdt"])
    assert max_borrow(room, D(1), owed, limits("1")) == D(vector["printed"])


def check_doge_borrow(vector: Case) -> None:
    """MB-5: both coins of DR-1's pair, DOGE in steps of 10."""
    pair = VECTORS["DR-1"]
    price = D(vector["price"].removeprefix("~"))
    balances = {"DOGE": balance(pair["base"]), "USDT": balance(pair["quote"])}
    account = collateral_of(balances, {"DOGE": price, "USDT": D(1)})
    room = borrow_room(account, D(vector["leverage"]))
    assert room is not None
    raw = D(vector["derived_raw"])
    assert room.quantize(raw, rounding=ROUND_DOWN) == raw
    assert max_borrow(room, D(1), D(0), limits("1")) == D(vector["printed"])
    coin = vector["base_currency"]
    owed = balances["DOGE"].liability
    assert max_borrow(room, price, owed, limits("10")) == D(coin["printed"])
    raw = D(coin["derived_raw"])
    assert (room / price).quantize(raw, rounding=ROUND_DOWN) == raw


def check_tiers(vector: Case) -> None:
    """MB-6 and MB-7: tiered collateral, and the borrowing it allows."""
    tiers = tuple(
        CollateralTier(lower=D(low), upper=D(high), ratio=D(ratio))
        for low, high, ratio in vector["tiers"]
    )
    held = D(vector["holding_value_usdt"])
    value = tiered_value(held, tiers)
    printed = vector.get("printed", {})
    expected = vector.get("derived_collateral_value") or printed["collateral_value"]
    assert value == D(expected)
    if "max_borrow" in printed:
        balances, prices = {"ABC": Balance(total=held)}, {"ABC": D(1)}
        account = collateral_of(balances, prices, {"ABC": tiers})
        room = borrow_room(account, D(vector["leverage"]))
        assert room == D(printed["max_borrow"])
        numbers = margin_numbers(balances, prices, {"ABC": D(1)})
        assert numbers.weighted_asset == D(printed["ltv_collateral_value"])


def check_first_charge(vector: Case) -> None:
    """IN-1: charged at once; the repayment pays interest first."""
    loan = borrow(Loan(), D(10), hourly_rate(D("0.1181")))
    paid = repay(loan, D(10))
    assert paid.principal == D(vector["printed"]["principal"])
    assert paid.interest == D(vector["printed"]["interest"])


def check_dust(vector: Case) -> None:
    """IN-2: dust is charged one unit each full hour, rounded up."""
    start = datetime.fromisoformat("2024-10-23T03:53:26+00:00")
    loan = Loan(principal=D(vector["residual_principal"]))
    end = start + timedelta(hours=len(vector["hours"]))
    charges = list(accruals(loan, D(vector["dayRatio"]) / 24, start, end))
    printed = D(vector["printed_interest_each"])
    assert [each.interest for each in charges] == [printed] * len(vector["hours"])
    hours = [datetime.fromisoformat(vector["hours"][0]).hour + n for n in range(3)]
    assert [each.at.hour for each in charges] == hours


def check_isolated_interest(vector: Case) -> None:
    """IN-3: an hour's interest on 26 USDT."""
    interest = hour_interest(D(26), hourly_rate(D("0.0864")))
    assert interest == D(vector["printed"]["liabilityInterest"])


def check_compounding(vector: Case) -> None:
    """IN-4: the interest of an hour is principal at the next."""
    printed = vector["printed"]
    first, following = D(printed["first_interest"]), printed["next"]
    start = datetime.fromisoformat("2024-01-01T00:00:00+00:00")
    loan = Loan(principal=D(10), interest=first)
    (charge,) = accruals(loan, first / 10, start, start + timedelta(hours=1))
    assert charge.loan.principal == D(following["liabilityPrincipal"])
    assert charge.loan.interest == D(following["liabilityInterest"])
    assert charge.loan.liability == D(following["liability"])


def check_index(vector: Case) -> None:
    """IX-1 and IX-2: the median."""
    assert spot_index(map(D, vector["prices"])) == D(vector["printed"])


def check_signature(vector: Case) -> None:
    """Requests and passphrase as other clients sign them."""
    secret = vector["secret"]
    if "passphrase" in vector:
        signed = sign_passphrase(secret, vector["passphrase"])
        assert signed == vector["signed_passphrase"]
        return
    signed = sign_request(
        secret,
        int(vector["timestamp"]),
        vector["method"],
        vector["endpoint"],
        vector["body"],
    )
    assert signed == vector["sign"]


CHECKS: Final[Mapping[str, Callable[[Case], None]]] = {
    "WS-1": check_cross_push,
    "DR-1": check_doge,
    "DR-2": check_tiny_debt,
    "DR-3": check_btc_ratio,
    **{f"MB-{number}": check_max_borrow for number in (1, 2, 3, 4)},
    "MB-5": check_doge_borrow,
    "MB-6": check_tiers,
    "MB-7": check_tiers,
    "IN-1": check_first_charge,
    "IN-2": check_dust,
    "IN-3": check_isolated_interest,
    "IN-4": check_compounding,
    "IX-1": check_index,
    "IX-2": check_index,
    **{f"signature-{number}": check_signature for number in (1, 2, 3, 4)},
}


@pytest.mark.parametrize("name", [each for each in VECTORS if each not in SKIPPED_IDS])
def test_margin_vector(name: str) -> None:
    """What KuCoin printed comes out at the printed digits."""
    CHECKS[name](VECTORS[name])


def test_exactly_these_margin_vectors_are_skipped(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The list of skipped vectors and fields is printed, and no other is unchecked."""
    with capsys.disabled():
        for name, reason in skipped().items():
            sys.stdout.write(f"\nskipped vector {name}: {reason}")

    assert set(skipped()) == {"DR-4", "IN-5", "MB-6.old_max_borrow", "MB-3.LTC"}
    assert set(CHECKS) | set(SKIPPED_IDS) == set(VECTORS)
    assert not set(CHECKS) & set(SKIPPED_IDS)
