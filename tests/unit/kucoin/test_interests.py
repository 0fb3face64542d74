"""What a live run follows."""

from dataclasses import replace
from decimal import Decimal

import pytest

from bot.domain.accounts import (
    FUTURES,
    MARGIN_CROSS,
    SPOT,
    AccountId,
    AccountSnapshot,
    Balance,
    isolated_account,
)
from connectors.kucoin.interests import channels_of, interests_of
from connectors.kucoin.parse.contracts import ContractCoins
from connectors.kucoin.topics import CONTRACT_MARKS, ISOLATED_POSITION, MARGIN_MARKS
from connectors.venue.examples import XBTUSDTM


def held(*lines: tuple[AccountId, str, str, str]) -> AccountSnapshot:
    """An account with balances and debts."""
    found: dict[AccountId, dict[str, Balance]] = {}
    for account, coin, total, owed in lines:
        balance = Balance(total=Decimal(total), principal=Decimal(owed))
        found.setdefault(account, {})[coin] = balance
    return AccountSnapshot(balances=found)


def test_what_is_owed_is_followed_like_what_is_held() -> None:
    """A debt without a balance needs its mark and the pair that buys it back."""
    found = interests_of(held((MARGIN_CROSS, "SOL", "0", "5")), (), {})
    assert "SOL" in found.coins
    assert "SOL-USDT" in found.spot_symbols


def test_an_empty_account_still_follows_what_values_it() -> None:
    """Marks are in BTC, and people think in USDT."""
    found = interests_of(AccountSnapshot(balances={}), (), {})
    assert (sorted(found.coins), found.contracts) == (["BTC", "USDT"], frozenset())
    assert found.settles == {"USDT"}


LISTED = {
    "ETHUSDM": ContractCoins(base="ETH", settle="ETH"),
    "SOLUSDCM": ContractCoins(base="SOL", settle="USDC"),
    "XBTMZ26": ContractCoins(base="BTC", settle="BTC"),
    "1000BONKUSDTM": ContractCoins(base="BONK", settle="USDT"),
    "NEWUSDTM": ContractCoins(base=None, settle=None),
}


@pytest.mark.parametrize(
    ("contract", "base", "settles"),
    [
        ("ETHUSDM", "ETH", {"ETH", "USDT"}),
        ("SOLUSDCM", "SOL", {"USDC", "USDT"}),
        ("XBTMZ26", "BTC", {"BTC", "USDT"}),
        ("1000BONKUSDTM", "BONK", {"USDT"}),
    ],
)
def test_a_listed_contract_brings_the_coins_that_its_listing_names(
    contract: str, base: str, settles: set[str]
) -> None:
    """Its coin, the pair of that, and what it settles in; its name says none of it."""
    found = interests_of(AccountSnapshot(balances={}), [contract], LISTED)
    assert found.contracts == {contract}
    assert found.coins == {base, "BTC", "USDT"}
    assert found.spot_symbols == {f"{base}-USDT", "BTC-USDT"}
    assert found.settles == settles


@pytest.mark.parametrize("contract", ["ETHUSDTM", "XBTMH27", "NEWUSDTM"])
def test_no_coin_is_made_up_from_a_name(contract: str) -> None:
    """A contract without a listing, or one that states no coin, is followed alone."""
    found = interests_of(AccountSnapshot(balances={}), [contract], LISTED)
    assert found.contracts == {contract}
    assert found.coins == {"BTC", "USDT"}
    assert found.spot_symbols == {"BTC-USDT"}
    assert found.settles == {"USDT"}


def test_a_position_is_of_the_coin_of_its_rules() -> None:
    """The rules of a contract name its coins as a row of the listing does."""
    rules = replace(XBTUSDTM, symbol="XBTMZ26", settle="BTC")
    found = interests_of(AccountSnapshot(balances={}), ["XBTMZ26"], {"XBTMZ26": rules})
    assert found.settles == {"BTC", "USDT"}


def test_an_isolated_pair_is_followed_when_it_exists() -> None:
    """Both of its coins, and its own channel."""
    account = isolated_account("XRP-BTC")
    found = interests_of(held((account, "XRP", "1", "0")), (), {})
    assert found.pairs == {"XRP-BTC"}
    assert {"XRP-BTC", "XRP-USDT", "BTC-USDT"} <= found.spot_symbols
    assert channels_of(found)[ISOLATED_POSITION] == ["XRP-BTC"]


def test_dust_of_nothing_is_not_followed() -> None:
    """A coin of zero costs no subscription; futures coins are margin, not coins."""
    lines = ((SPOT, "DOGE", "0", "0"), (FUTURES, "XRP", "5", "0"))
    found = interests_of(held(*lines), (), {})
    assert "DOGE" not in found.coins
    assert "XRP" not in found.coins
    assert "XRP" in found.settles


def test_no_mark_of_btc_in_btc_is_asked_for() -> None:
    """There is no such symbol; and without contracts no channel for them."""
    channels = channels_of(interests_of(AccountSnapshot(balances={}), (), {}))
    assert channels[MARGIN_MARKS] == ["USDT-BTC"]
    assert CONTRACT_MARKS not in channels
