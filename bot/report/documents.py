"""One file of raw exchange documents, read and cross-referenced.

The file holds any subset of the documents that ``gnomon risk`` understands; what
is not in it is None here, which is not the same as empty. This module computes
no risk number.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal, localcontext

from bot.domain.accounts import PositionKey
from bot.domain.errors import UsageError
from bot.domain.instruments import CollateralTier
from bot.report.answers import DIGITS
from bot.report.returns import read_returns
from bot.risk.covariance import Closes
from connectors.kucoin.parse.contracts import Contract, contracts
from connectors.kucoin.parse.decode import decode
from connectors.kucoin.parse.futures_orders import OrderPage, futures_orders
from connectors.kucoin.parse.loans import borrow_rates
from connectors.kucoin.parse.margin_accounts import (
    CrossAccount,
    IsolatedPair,
    cross_account,
    isolated_pairs,
)
from connectors.kucoin.parse.margin_rules import (
    IsolatedTerms,
    MarginConfig,
    MarginTerms,
    collateral_tiers,
    isolated_terms,
    margin_config,
    margin_terms,
)
from connectors.kucoin.parse.marks import btc_prices, margin_marks
from connectors.kucoin.parse.node import Node
from connectors.kucoin.parse.positions import PositionLine, positions
from connectors.kucoin.parse.wallets import Wallet, wallets

__all__ = ["Documents", "FuturesDocuments", "read_documents"]

_KEYS = frozenset(
    {
        "margin_cross",
        "margin_isolated",
        "mark_prices",
        "margin_currencies",
        "isolated_symbols",
        "margin_config",
        "collateral_ratio",
        "futures",
        "returns",
        "borrow_rates",
    }
)
_FUTURES_KEYS = frozenset({"contracts", "wallets", "positions", "orders"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FuturesDocuments:
    """The futures part of a file; None is a document that was not given.

    ``unmoved`` are contracts that a shock takes the mark away from: nobody tells
    which coin moves them.
    """

    contracts: Mapping[str, Contract] = field(default_factory=dict)
    wallets: Mapping[str, Wallet] = field(default_factory=dict)
    positions: Mapping[PositionKey, PositionLine] | None = None
    orders: OrderPage | None = None
    unmoved: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents:
    """A whole file; None is a document that was not given.

    ``prices_btc`` is coin to BTC, with BTC itself always there. ``unknown`` names
    the keys of the file that nobody reads.
    """

    cross: CrossAccount | None = None
    pairs: Mapping[str, IsolatedPair] | None = None
    prices_btc: Mapping[str, Decimal]
    terms: MarginTerms
    pair_terms: Mapping[str, IsolatedTerms] | None = None
    config: MarginConfig | None = None
    tiers: Mapping[str, tuple[CollateralTier, ...]] | None = None
    futures: FuturesDocuments | None = None
    returns: Mapping[str, Closes] | None = None
    borrow_rates: Mapping[str, Decimal] | None = None
    """Coin to what borrowing it costs a year, a fraction."""
    unknown: tuple[str, ...] = ()


def read_documents(text: bytes | str, source: str) -> Documents:
    """Read a file of documents.

    Args:
        text: The content of the file.
        source: The file's name, for errors about the whole of it.

    Raises:
        UsageError: It is not acceptable JSON, or a field is broken; the message
            names the path of the field.

    Example:
        >>> read_documents('{"mark_prices": []}', "account.json").prices_btc
        {'BTC': Decimal('1')}
    """
    decoded = decode(text, source)
    if not isinstance(decoded, dict):
        raise UsageError(
            f"{source} must hold one JSON object with keys such as margin_cross "
            "and futures."
        )
    with localcontext(Context(prec=DIGITS)):
        return _read(Node(decoded, ""))


def _read(root: Node) -> Documents:
    futures = _present(root, "futures")
    marks, terms = _present(root, "mark_prices"), _present(root, "margin_currencies")
    cross, pairs = _present(root, "margin_cross"), _present(root, "margin_isolated")
    symbols = _present(root, "isolated_symbols")
    config, tiers = _present(root, "margin_config"), _present(root, "collateral_ratio")
    returns, rates = _present(root, "returns"), _present(root, "borrow_rates")
    return Documents(
        cross=None if cross is None else cross_account(cross),
        pairs=None if pairs is None else isolated_pairs(pairs),
        prices_btc=btc_prices(() if marks is None else margin_marks(marks)),
        terms=MarginTerms() if terms is None else margin_terms(terms),
        pair_terms=None if symbols is None else isolated_terms(symbols),
        config=None if config is None else margin_config(config),
        tiers=None if tiers is None else collateral_tiers(tiers),
        futures=None if futures is None else _futures(futures),
        returns=None if returns is None else read_returns(returns),
        borrow_rates=None if rates is None else _annual_rates(rates),
        unknown=_unknown(root, futures),
    )


def _annual_rates(node: Node) -> Mapping[str, Decimal]:
    return {quote.coin: quote.annual_rate for quote in borrow_rates(node)}


def _present(parent: Node, name: str) -> Node | None:
    """A document of the file; null is the same as not given."""
    node = parent[name]
    return None if node.is_absent or node.value is None else node


def _futures(node: Node) -> FuturesDocuments:
    listed, purses = _present(node, "contracts"), _present(node, "wallets")
    held, orders = _present(node, "positions"), _present(node, "orders")
    return FuturesDocuments(
        contracts={} if listed is None else contracts(listed),
        wallets={} if purses is None else wallets(purses),
        positions=None if held is None else positions(held),
        orders=None if orders is None else futures_orders(orders),
    )


def _unknown(root: Node, futures: Node | None) -> tuple[str, ...]:
    names = [name for name in root.mapping() if name not in _KEYS]
    if futures is not None:
        names += [f"futures.{n}" for n in futures.mapping() if n not in _FUTURES_KEYS]
    return tuple(names)
