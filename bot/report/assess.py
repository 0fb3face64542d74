"""``gnomon risk assess``: every risk number of a file of raw documents.

Pure: documents in, one answer out. The formulas are those of ``bot.risk``; the
shape of the answer is fixed and written here and in its two halves only.
"""

from decimal import Context, localcontext

from bot.report.answers import DIGITS, Answer
from bot.report.assess_futures import assess_futures
from bot.report.assess_margin import assess_cross, assess_pairs
from bot.report.documents import Documents

__all__ = ["assess"]


def assess(documents: Documents) -> Answer:
    """Compute every number that the documents allow.

    Returns:
        ``margin_cross`` (null when it was not given), ``margin_isolated`` by pair
        and ``futures`` by settle currency. Numbers are text, unrounded; what
        cannot be known is null and named in the ``missing`` of its object.

    Raises:
        UsageError: A position or an order tells no settle currency.

    Example:
        >>> from bot.report.documents import read_documents
        >>> assess(read_documents("{}", "nothing"))
        {'margin_cross': None, 'margin_isolated': {}, 'futures': {}}
    """
    with localcontext(Context(prec=DIGITS)):
        return {
            "margin_cross": assess_cross(documents),
            "margin_isolated": assess_pairs(documents),
            "futures": assess_futures(documents.futures),
        }
