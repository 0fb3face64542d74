"""What a live run follows."""

from decimal import Decimal

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
from connectors.kucoin.topics import CONTRACT_MARKS, ISOLATED_POSITION, MARGIN_MARKS


def held(*lines: tuple[AccountId, str, str, str]) -> AccountSnapshot:
    """An account with balances and debts."""
    found: dict[AccountId, dict[str, Balance]] = {}
    for account, coin, total, owed in lines:
        balance = Balance(total=Decimal(total), principal=Decimal(owed))
        found.setdefault(account, {})[coin] = balance
    return AccountSnapshot(balances=found)


def test_what_is_owed_is_followed_like_what_is_held() -> None:
    """A debt without a balance needs its mark and the pair that buys it back."""
    found = interests_of(held((MARGIN_CROSS, "SOL", "0", "5")), ())
    assert "SOL" in found.coins
    assert "SOL-USDT" in found.spot_symbols


def test_an_empty_account_still_follows_what_values_it() -> None:
    """Marks are in BTC, and people think in USDT."""
    found = interests_of(AccountSnapshot(balances={}), ())
    assert (sorted(found.coins), found.contracts) == (["BTC", "USDT"], frozenset())
    assert found.settles == {"USDT"}


def test_a_claimed_contract_brings_the_coin_behind_it() -> None:
    """Its mark, its spot pair, and the coin that it settles in."""
    found = interests_of(AccountSnapshot(balances={}), ["ETHUSDM", "SOLUSDCM"])
    assert {"ETH", "SOL"} <= found.coins
    assert found.settles == {"USDT", "ETH", "USDC"}


def test_an_isolated_pair_is_followed_when_it_exists() -> None:
    """Both of its coins, and its own channel."""
    account = isolated_account("XRP-BTC")
    found = interests_of(held((account, "XRP", "1", "0")), ())
    assert found.pairs == {"XRP-BTC"}
    assert {"XRP-BTC", "XRP-USDT", "BTC-USDT"} <= found.spot_symbols
    assert channels_of(found)[ISOLATED_POSITION] == ["XRP-BTC"]


def test_dust_of_nothing_is_not_followed() -> None:
    """A coin of zero costs no subscription; futures coins are margin, not coins."""
    found = interests_of(held((SPOT, "DOGE", "0", "0"), (FUTURES, "XRP", "5", "0")), ())
    assert "DOGE" not in found.coins
    assert "XRP" not in found.coins
    assert "XRP" in found.settles


def test_no_mark_of_btc_in_btc_is_asked_for() -> None:
    """There is no such symbol; and without contracts no channel for them."""
    channels = channels_of(interests_of(AccountSnapshot(balances={}), ()))
    assert channels[MARGIN_MARKS] == ["USDT-BTC"]
    assert CONTRACT_MARKS not in channels
