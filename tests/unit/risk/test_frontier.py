"""Worked examples of the frontier: by hand, at the edges, and what is not known."""

import numpy as np
import pytest

from bot.risk.covariance import Covariance
from bot.risk.frontier import frontier
from bot.risk.line import FloatArray, line_of
from bot.risk.missing import MissingKind
from bot.risk.rays import NEVER, NOW, Moves, ray_moves
from bot.risk.smallest_shock import regular, smallest_shock
from bot.risk.terms import Terms


def account(owed: float, cash: float = 0.0, **weights: float) -> Terms:
    """A margin account: USDT owed and owned, and the coins that it owns or owes."""
    return Terms(
        subject="margin_cross",
        warning=0.95,
        liquidation=0.97,
        requirement_constant=owed,
        requirement={coin: -each for coin, each in weights.items() if each < 0},
        margin_constant=cash,
        margin={coin: each for coin, each in weights.items() if each > 0},
    )


def inverse(wallet: float, **weights: float) -> Terms:
    """Contracts that settle in a coin: longs lose as the factor falls."""
    return Terms(
        subject="futures:BTC",
        warning=0.95,
        liquidation=1.0,
        requirement={coin: 0.01 * abs(each) for coin, each in weights.items()},
        margin_constant=wallet + sum(weights.values()),
        margin={coin: -each for coin, each in weights.items()},
        is_inverse=True,
    )


def daily(matrix: FloatArray, *coins: str) -> Covariance:
    """A covariance of a day."""
    return Covariance(coins, matrix, 24.0)


def test_two_free_coins_are_the_closed_form() -> None:
    """``s = C w g / w' C w``, as long as the gap over the deviation of the loss."""
    matrix = np.array([[0.0016, 0.0012], [0.0012, 0.0036]])
    found = frontier(account(80, BTC=60, ETH=40), 0.97, daily(matrix, "BTC", "ETH"))
    weights = np.array([58.2, 38.8])
    variance = float(weights @ matrix @ weights)
    assert found.shock is not None
    expected = -matrix @ weights * 17 / variance
    assert list(found.shock.moves.values()) == pytest.approx(expected.tolist())
    assert found.shock.length_sd == pytest.approx(17 / variance**0.5)
    assert found.shock.leading == "ETH"
    assert not found.shock.is_regularised


def test_a_coin_that_is_worthless_leaves_the_rest_to_the_other() -> None:
    """The wilder coin stops at nothing; the other falls by what is then to go."""
    matrix = np.diag([0.0001, 0.09])
    found = frontier(account(80, BTC=90, ALT=40), 0.97, daily(matrix, "ALT", "BTC"))
    assert found.shock is not None
    assert found.shock.moves["BTC"] > -1.0
    lost = 0.97 * (-90 * found.shock.moves["BTC"] - 40 * found.shock.moves["ALT"])
    assert lost == pytest.approx(0.97 * 130 - 80)
    swapped = frontier(account(80, BTC=90, ALT=40), 0.97, daily(matrix, "BTC", "ALT"))
    assert swapped.shock is not None
    assert swapped.shock.moves["ALT"] == -1.0
    assert swapped.shock.moves["BTC"] == pytest.approx((80 / 0.97 - 90) / 90)


def test_an_account_at_its_level_has_zeros() -> None:
    """Everything is nought, with or without returns and betas, and nobody leads."""
    found = frontier(account(98, BTC=100), 0.97)
    assert found.uniform == found.beta_weighted == found.alone["BTC"] == NOW
    assert found.shock is not None
    assert found.shock.length_sd == 0.0
    assert found.shock.moves == {"BTC": 0.0}
    assert found.shock.leading is None
    assert not found.missing


@pytest.mark.parametrize(
    "terms",
    [
        account(0, BTC=100),
        account(80, cash=90, BTC=100),
        account(0, BTC=0, USDC=0),
        Terms(subject="futures:USDT", warning=0.95, liquidation=1.0),
        inverse(1.0),
    ],
    ids=["owes nothing", "cash covers all", "empty", "no position", "no contract"],
)
def test_what_no_shock_can_liquidate_has_none(terms: Terms) -> None:
    """None with nothing missing, never nought."""
    found = frontier(terms, 0.97)
    assert found.uniform == NEVER
    assert found.shock is None
    assert not found.missing
    assert all(moves == NEVER for moves in found.alone.values())


def test_a_debt_of_a_coin_is_reached_upwards() -> None:
    """Owing 50 of SOL against 100 of USDT: SOL at 1.94 times."""
    found = frontier(account(0, cash=100, SOL=-50), 0.97, daily(np.eye(1), "SOL"))
    assert found.alone["SOL"].up_factor == pytest.approx(1.94)
    assert found.alone["SOL"].down_factor is None
    assert found.shock is not None
    assert found.shock.length_sd == pytest.approx(0.94)


def test_a_coin_without_returns_is_named() -> None:
    """Its shock is not known; its uniform move is."""
    found = frontier(account(80, BTC=60, NEW=40), 0.97, daily(np.eye(1), "BTC"))
    assert found.shock is None
    assert found.lacks(MissingKind.RETURNS) == ("NEW",)
    assert found.lacks(MissingKind.BETA) == ("BTC", "NEW")
    assert found.beta_weighted is None
    assert found.uniform.down == pytest.approx(-17 / 97)


def test_two_stablecoins_that_move_as_one_do_not_break_it() -> None:
    """A singular covariance is mended and said to be; the answer is near the limit."""
    twins = np.full((2, 2), 1e-8)
    whole = np.block(
        [[twins, np.zeros((2, 1))], [np.zeros((1, 2)), np.array([[1.6e-3]])]]
    )
    terms = account(80, USDC=50, DAI=10, BTC=60)
    found = frontier(terms, 0.97, daily(whole, "USDC", "DAI", "BTC"))
    assert found.shock is not None
    assert found.shock.is_regularised
    gap = 0.97 * 120 - 80
    spread = (0.97**2 * (60**2 * 1e-8 + 60**2 * 1.6e-3)) ** 0.5
    assert found.shock.length_sd == pytest.approx(gap / spread, rel=1e-3)
    assert found.shock.leading == "BTC"


def test_a_coin_that_never_moved_may_move_a_little() -> None:
    """A variance of nought is raised; the other coin does the falling."""
    terms = account(80, USDC=50, BTC=60)
    found = frontier(terms, 0.97, daily(np.diag([0.0, 4e-4]), "USDC", "BTC"))
    assert found.shock is not None
    assert found.shock.is_regularised
    assert abs(found.shock.moves["USDC"]) < 1e-6
    with pytest.raises(ValueError, match="no coin"):
        regular(np.zeros((2, 2)))


def test_a_long_that_settles_in_its_coin() -> None:
    """Long 1 BTC of contracts with 0.5 BTC: the factor of the closed form."""
    found = frontier(inverse(0.5, BTC=1.0), 1.0, daily(np.array([[0.0025]]), "BTC"))
    factor = 1.01 / 1.5
    assert found.uniform.down_factor == pytest.approx(factor)
    assert found.uniform.up is None
    assert found.alone["BTC"] == found.uniform
    assert found.shock is not None
    assert found.shock.moves["BTC"] == pytest.approx(factor - 1)
    assert found.shock.length_sd == pytest.approx((1 - factor) / 0.05)
    assert sum(found.shock.shares.values()) == pytest.approx(1.0)


def test_a_small_short_that_settles_in_its_coin_is_never_liquidated() -> None:
    """A short of its own coin within the wallet is a dollar: no price ends it."""
    found = frontier(inverse(1.2, BTC=-1.0), 1.0, daily(np.eye(1), "BTC"))
    assert found.uniform == NEVER
    assert found.shock is None
    assert not found.missing


def test_betas_of_several_inverse_coins_meet_the_nearest_zero() -> None:
    """The first zero before any pole, on both sides."""
    line = line_of(inverse(0.6, BTC=1.0, ETH=-0.4), 1.0)
    assert line is not None
    for betas in ([1.0, 2.0], [0.5, -1.5], [1.0, 0.0], [-1.0, 1.0]):
        moves = ray_moves(line, np.array(betas))
        for move, sign in ((moves.down, -1), (moves.up, 1)):
            _is_first_zero(line.height, np.array(betas), move, sign)


def _is_first_zero(
    height: object, betas: FloatArray, move: float | None, sign: int
) -> None:
    """No zero lies between here and the move, and it is one."""
    assert callable(height)
    poles = [-1.0 / beta for beta in betas if beta and -sign / beta > 0]
    end = min([abs(pole) for pole in poles] + [1.0 if sign < 0 else 50.0])
    reach = end if move is None else abs(move)
    if move is not None:
        assert height(1.0 + betas * move) == pytest.approx(0.0, abs=1e-9)
    for step in np.linspace(0.0, 0.9999, 200):
        assert height(1.0 + betas * sign * reach * step) < 0.0


def test_a_float_is_not_mistaken_for_a_position() -> None:
    """A hedge that cancels to rounding has no uniform move, down or up."""
    line = line_of(account(0.2, cash=0.5, BTC=0.3, ETH=-0.1 * 3 * 0.97), 0.97)
    assert line is not None
    assert ray_moves(line, np.ones(2)) == Moves(down=None, up=None)


@pytest.mark.parametrize("count", [2, 3, 5, 9])
def test_coins_that_reach_nothing_at_once_do_not_make_it_circle(count: int) -> None:
    """Equal coins meet their floor together: ties end, and the rest carries on."""
    coins = [f"C{number}" for number in range(count)]
    terms = account(10, LAST=20, **dict.fromkeys(coins, 10.0))
    line = line_of(terms, 0.97)
    assert line is not None
    matrix = np.diag([1.0] * count + [1e-4])
    vector = smallest_shock(line, matrix)
    assert vector is not None
    assert vector[:-1].tolist() == [-1.0] * count
    assert vector[-1] == pytest.approx(10 / 0.97 / 20 - 1)


@pytest.mark.parametrize("level", [0.0, -1.0, float("nan")])
def test_a_level_is_above_zero(level: float) -> None:
    """A ratio of nothing is not a level."""
    with pytest.raises(ValueError, match="level"):
        frontier(account(80, BTC=100), level)


def test_numbers_that_are_not_finite_are_refused() -> None:
    """An infinite price is a mistake of the caller, not a safe account."""
    with pytest.raises(ValueError, match="finite"):
        frontier(account(80, BTC=float("inf")), 0.97)


@pytest.mark.parametrize(
    ("matrix", "horizon_h", "expected"),
    [
        (np.eye(3), 24.0, "rows"),
        (np.array([[1.0, 0.5], [0.4, 1.0]]), 24.0, "symmetric"),
        (np.array([[1.0, np.nan], [np.nan, 1.0]]), 24.0, "finite"),
        (np.diag([1.0, -1.0]), 24.0, "negative"),
        (np.eye(2), 0.0, "horizon"),
    ],
)
def test_what_is_no_covariance_is_refused(
    matrix: FloatArray, horizon_h: float, expected: str
) -> None:
    """The sentence says what a covariance is."""
    with pytest.raises(ValueError, match=expected):
        Covariance(("A", "B"), matrix, horizon_h)
