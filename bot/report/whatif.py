"""``gnomon risk what-if``: the same account after a move, and how far the edges are.

Pure. A shock moves a coin's USDT price; coins that are not named keep theirs. The
exchange marks margin coins in BTC, so those marks are rebuilt; the mark and the
index of a contract move with its base coin (and against its quote coin, where a
stablecoin is shocked). The frontier is measured from the account as it is before
the shocks.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Context, Decimal, localcontext
from typing import Final

from bot.domain.accounts import PositionKey
from bot.domain.errors import UsageError
from bot.domain.instruments import Rules
from bot.domain.money import ONE, plain
from bot.report.answers import DIGITS, Answer, Json, gap, number
from bot.report.assess import assess
from bot.report.assess_margin import (
    NO_USDT,
    cross_balances,
    cross_coefficients,
    pair_balances,
    pair_coefficients,
)
from bot.report.documents import Documents, FuturesDocuments
from bot.report.futures_state import SettleState, futures_state
from bot.risk.distance import (
    UNMOVED_COIN,
    Distance,
    MarginTerms,
    futures_distance,
    margin_distance,
)
from connectors.kucoin.parse.contracts import Contract
from connectors.kucoin.parse.decode import decode
from connectors.kucoin.parse.envelope import coin as coin_word
from connectors.kucoin.parse.marks import usdt_prices
from connectors.kucoin.parse.node import Node
from connectors.kucoin.parse.positions import PositionLine

__all__ = ["frontier", "read_betas", "read_moves", "shocked", "what_if"]

_FUTURES_LEVELS: Final = (Decimal("0.95"), ONE)
_NO_BETAS: Final = "No betas were given; use --beta COIN=NUMBER or --betas FILE."
Betas = Mapping[str, Decimal]


def read_moves(texts: Iterable[str], option: str) -> Mapping[str, Decimal]:
    """Read ``COIN=NUMBER`` texts of the command line; XBT is BTC.

    Raises:
        UsageError: A text has another form, or a coin is named twice.

    Example:
        >>> read_moves(["BTC=-0.2", "eth=0.1"], "--shock")
        {'BTC': Decimal('-0.2'), 'ETH': Decimal('0.1')}
    """
    moves: dict[str, Decimal] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        word = coin_word(name.strip().upper())
        if not equals or not word:
            raise UsageError(
                f"{option} must be COIN=NUMBER, such as BTC=-0.2, but it is {text!r}."
            )
        if word in moves:
            raise UsageError(f"{option} names {word} twice; give each coin once.")
        moves[word] = Node(value, f"{option} {word}").decimal()
    return moves


def read_betas(text: bytes | str, source: str) -> Betas:
    """Read a file of betas, one JSON object of coin to number.

    Raises:
        UsageError: It is not such an object.

    Example:
        >>> read_betas('{"BTC": 1, "ETH": "1.2"}', "betas.json")
        {'BTC': Decimal('1'), 'ETH': Decimal('1.2')}
    """
    betas: dict[str, Decimal] = {}
    for name, node in Node(decode(text, source), source).entries():
        word = coin_word(name.strip().upper())
        if word in betas:
            node.refuse("the only beta of its coin")
        betas[word] = node.decimal()
    return betas


def what_if(
    documents: Documents, shocks: Mapping[str, Decimal], betas: Betas
) -> Answer:
    """The answers before and after the shocks, and the frontier.

    Args:
        documents: The account.
        shocks: Coin to the relative move of its USDT price, above -1.
        betas: Coin to its beta, for the beta-weighted frontier; may be empty.

    Returns:
        ``before`` and ``after`` as ``assess`` writes them, and ``frontier``: for
        each account and threshold the nearest moves down and up that reach it.

    Raises:
        UsageError: A shock is not above -1, or names USDT or a coin without price.
    """
    with localcontext(Context(prec=DIGITS)):
        return {
            "before": assess(documents),
            "after": assess(shocked(documents, shocks)),
            "frontier": frontier(documents, betas),
        }


def shocked(documents: Documents, shocks: Mapping[str, Decimal]) -> Documents:
    """The same documents at the moved prices.

    Raises:
        UsageError: A shock is not above -1, or names USDT or a coin without price.

    Example:
        >>> from bot.report.documents import read_documents
        >>> text = '{"mark_prices": [{"symbol": "USDT-BTC", "value": 0.00002}]}'
        >>> after = shocked(read_documents(text, "f"), {"BTC": Decimal("-0.2")})
        >>> after.prices_btc["USDT"]
        Decimal('0.000025')
    """
    _check(documents, shocks)
    factors = {coin: ONE + move for coin, move in shocks.items()}
    numeraire = factors.get("BTC", ONE)
    return replace(
        documents,
        prices_btc={
            coin: price if coin == "BTC" else price * factors.get(coin, ONE) / numeraire
            for coin, price in documents.prices_btc.items()
        },
        futures=None
        if documents.futures is None
        else _shocked_futures(documents.futures, factors),
    )


def _check(documents: Documents, shocks: Mapping[str, Decimal]) -> None:
    known = set(documents.prices_btc) | set(cross_balances(documents))
    if documents.futures is not None:
        known |= {each.base or "" for each in documents.futures.contracts.values()}
        known |= {each.quote or "" for each in documents.futures.contracts.values()}
    for coin, move in shocks.items():
        if coin == UNMOVED_COIN:
            raise UsageError(
                "--shock USDT is not possible: moves are measured in USDT. Shock the "
                "other coins instead."
            )
        if move <= -1:
            raise UsageError(
                f"--shock {coin} must be above -1 (a price cannot fall by 100 % or "
                f"more), but it is {plain(move)}."
            )
        if coin not in known:
            raise UsageError(
                f"--shock {coin}: the file has no mark price and no contract of {coin}."
            )


def _shocked_futures(
    futures: FuturesDocuments, factors: Mapping[str, Decimal]
) -> FuturesDocuments:
    def factor(item: Contract | None) -> Decimal | None:
        """How a contract's prices move; None where nobody tells which coin it is of."""
        if item is None:
            return ONE
        if item.base is None:
            return None
        return factors.get(item.base, ONE) / factors.get(item.quote or "", ONE)

    def moved(line: PositionLine) -> PositionLine:
        scale = factor(futures.contracts.get(line.symbol))
        return replace(line, mark_price=_times(line.mark_price, scale))

    lines: Mapping[PositionKey, PositionLine] | None = futures.positions
    return replace(
        futures,
        contracts={
            symbol: replace(
                item,
                mark_price=_times(item.mark_price, factor(item)),
                index_price=_times(item.index_price, factor(item)),
            )
            for symbol, item in futures.contracts.items()
        },
        positions=None
        if lines is None
        else {key: moved(line) for key, line in lines.items()},
        unmoved=frozenset(s for s, c in futures.contracts.items() if c.base is None),
    )


def _times(price: Decimal | None, factor: Decimal | None) -> Decimal | None:
    return None if price is None or factor is None else price * factor


def frontier(documents: Documents, betas: Betas) -> Answer:
    """The nearest moves that reach each threshold of each account.

    Keys are ``margin_cross``, ``margin_isolated.PAIR`` and ``futures.CURRENCY``,
    then the threshold. Cross margin has the usual thresholds and those that
    ``margin_config`` states; a pair has its own, without which it is left out. A
    null move says that no move reaches the threshold, unless ``reason`` says that
    it is not known.
    """
    found: dict[str, Json] = {}
    if documents.cross is not None:
        found["margin_cross"] = _cross_frontier(documents, betas)
    for symbol, terms in (documents.pair_terms or {}).items():
        level = terms.liquidation_debt_ratio
        if symbol in (documents.pairs or {}) and level is not None:
            found[f"margin_isolated.{symbol}"] = {
                plain(level): _pair_frontier(documents, symbol, level, betas)
            }
    state = futures_state(documents.futures)
    for name, item in state.settles.items():
        found[f"futures.{name}"] = {
            plain(level): _futures_frontier(item, state.marks, level, betas)
            for level in _FUTURES_LEVELS
        }
    return found


def _cross_frontier(documents: Documents, betas: Betas) -> dict[str, Json]:
    defaults, config = Rules(), documents.config
    levels = {
        defaults.margin_warning_debt_ratio,
        defaults.margin_liquidation_debt_ratio,
    }
    if config is not None:
        stated = {config.warning_debt_ratio, config.liquidation_debt_ratio}
        levels |= {level for level in stated if level is not None}
    prices, coefficients = (
        usdt_prices(documents.prices_btc),
        cross_coefficients(documents),
    )
    balances = cross_balances(documents)
    found: dict[str, Json] = {}
    for level in sorted(levels):
        terms = MarginTerms(prices=prices, coefficients=coefficients, level=level)
        found[plain(level)] = _both(
            margin_distance(balances, terms),
            margin_distance(balances, terms, betas) if betas else None,
            has_prices=bool(prices),
        )
    return found


def _pair_frontier(
    documents: Documents, symbol: str, level: Decimal, betas: Betas
) -> Json:
    pair = (documents.pairs or {})[symbol]
    prices = usdt_prices(documents.prices_btc)
    terms = MarginTerms(
        prices=prices, coefficients=pair_coefficients(documents, pair), level=level
    )
    balances = pair_balances(pair)
    return _both(
        margin_distance(balances, terms),
        margin_distance(balances, terms, betas) if betas else None,
        has_prices=bool(prices),
    )


def _futures_frontier(
    item: SettleState, marks: Mapping[str, Decimal], level: Decimal, betas: Betas
) -> Json:
    if item.is_blind:
        reason = " ".join(reason for _, reason in item.gaps)
        unknown: Json = {"down": None, "up": None, "reason": reason}
        return {"uniform": unknown, "beta_weighted": unknown}
    return _both(
        futures_distance(item.shape, marks, level),
        futures_distance(item.shape, marks, level, betas) if betas else None,
    )


def _both(
    uniform: Distance, weighted: Distance | None, *, has_prices: bool = True
) -> Json:
    return {
        "uniform": _written(uniform, has_prices=has_prices),
        "beta_weighted": {"down": None, "up": None, "reason": _NO_BETAS}
        if weighted is None
        else _written(weighted, has_prices=has_prices),
    }


def _written(distance: Distance, *, has_prices: bool) -> Json:
    answer: dict[str, Json] = {
        "down": number(distance.down),
        "up": number(distance.up),
    }
    if distance.missing:
        reasons = [gap(each)[1] for each in distance.missing]
        answer["reason"] = " ".join(reasons if has_prices else [NO_USDT[1]])
    return answer
