"""Any account survives being written and read; any text is read or refused."""

from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    SPOT,
    AccountId,
    AccountSnapshot,
    Balance,
    MarginMode,
    Position,
    PositionKey,
    PositionSide,
    isolated_account,
)
from bot.domain.errors import UsageError
from bot.domain.instruments import Lots
from bot.domain.money import round_half_up
from connectors.venue.account_file import load_account, render, resolve
from tests.unit.venue.test_account_files import EXAMPLE, FIRST, RULES

D = Decimal
AMOUNTS = st.decimals("0.00000001", "1000000", places=8)


def _read(text: str) -> AccountSnapshot:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "account.toml"
        path.write_text(text, encoding="utf-8")
        return resolve(load_account(path), RULES, FIRST)


def _complaint(text: str) -> str | None:
    """The sentence with which a text is refused, None when it is read."""
    try:
        _read(text)
    except UsageError as error:
        return str(error)
    return None


@st.composite
def _margin(draw: st.DrawFn, coins: tuple[str, ...]) -> dict[str, Balance]:
    return {
        coin: Balance(
            total=draw(AMOUNTS), principal=draw(AMOUNTS), interest=draw(AMOUNTS)
        )
        for coin in draw(st.lists(st.sampled_from(coins), unique=True))
    }


@st.composite
def _position(draw: st.DrawFn, symbol: str, mode: MarginMode) -> Position:
    lots = draw(st.integers(-50000, 50000).filter(bool))
    price = draw(st.decimals("0.1", "200000", places=1))
    return Position(
        symbol=symbol,
        lots=Lots(lots),
        entry_value=round_half_up(RULES.contracts[symbol].value(D(lots), price)),
        mode=mode,
        side=PositionSide.LONG if lots > 0 else PositionSide.SHORT,
        leverage=draw(st.decimals("1", "75", places=2)),
        margin=draw(AMOUNTS) if mode is MarginMode.ISOLATED else D(0),
    )


@st.composite
def _accounts(draw: st.DrawFn) -> AccountSnapshot:
    positions = [
        draw(_position(symbol, draw(st.sampled_from(MarginMode))))
        for symbol in draw(
            st.lists(st.sampled_from(sorted(RULES.contracts)), unique=True)
        )
    ]
    wallet = {"USDT": Balance(total=D(9000000)), "BTC": Balance(total=D(9000000))}
    balances: dict[AccountId, dict[str, Balance]] = {
        MAIN: {"USDT": Balance(total=draw(AMOUNTS))},
        SPOT: {"ETH": Balance(total=draw(AMOUNTS))},
        MARGIN_CROSS: draw(_margin(("BTC", "ETH", "USDT"))),
        isolated_account("BTC-USDT"): draw(_margin(("BTC", "USDT"))),
        FUTURES: wallet,
    }
    leverages = st.decimals("1", "5", places=2)
    return AccountSnapshot(
        balances={account: coins for account, coins in balances.items() if coins},
        positions={PositionKey(p.symbol, p.side): p for p in positions},
        margin_leverage={
            MARGIN_CROSS: draw(leverages),
            isolated_account("BTC-USDT"): draw(leverages),
        },
    )


@given(_accounts())
def test_an_account_survives_being_written(account: AccountSnapshot) -> None:
    """``resolve(load(render(account)))`` is the account, to the last digit."""
    assert _read(render(account, RULES)) == account


WORDS = st.sampled_from(
    ['"@5"', '"-1"', "nan", "{}", "[]", "1e99", "true", '"x"', "0", "1979-05-27"]
)


@given(st.data())
def test_a_damaged_file_is_read_or_refused_with_a_sentence(data: st.DataObject) -> None:
    """Whatever value stands anywhere, the only error is one that a person can read."""
    lines = EXAMPLE.splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        number = data.draw(st.integers(0, len(lines) - 1))
        head, equals, _rest = lines[number].partition("=")
        kept = head if equals else data.draw(st.text(max_size=8))
        lines[number] = f"{kept}= {data.draw(WORDS)}"
    complaint = _complaint("\n".join(lines))
    assert complaint is None or complaint.endswith(".")


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text makes the reader fail in another way."""
    complaint = _complaint(text)
    assert complaint is None or "account.toml" in complaint
