"""``gnomon risk forecast``: reads what it was given and prints the forecast.

Options and history become inputs here, each checked before anything is computed.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from bot.cli.risk_files import AsJson, File, documents_of, print_json, stopped
from bot.domain.errors import GnomonError, UsageError
from bot.report.documents import Documents
from bot.report.forecast import Past, forecast_answer
from bot.report.forecast_known import Funding, Known, Window
from bot.report.forecast_view import forecast_view
from bot.report.subject_terms import subjects_of
from bot.report.whatif import read_moves
from bot.risk.hourly_closes import HOURS_MAX, closes_from, hour_of
from bot.risk.scenarios import Model
from bot.settings import read_settings
from connectors.markets.candle_folder import closes_in
from connectors.markets.recorded import open_market

__all__ = ["HELP", "forecast_command", "past_of"]

HELP = """
How likely, and how soon, each account reaches its levels within 1, 8 and 24 hours.

Examples:

    gnomon risk forecast account.json --history markets/october.toml

    gnomon risk forecast account.json --history candles/ --at 2025-10-10T20:00:00Z

    gnomon risk forecast account.json --history candles/ --borrow-rate USDT=0.11
    --funding XBTUSDTM=0.0001@2025-10-11T00:00:00Z --delist OM=2025-10-11T08:00:00Z
    --blackout 2025-10-11T02:00:00Z/2025-10-11T03:00:00Z --config gnomon.toml

Each number comes with its score: what came of such numbers on data held out of the
fit. The marks of the file are the prices of now; nobody acts in it.
"""

_TIME: Final = "a time with a zone such as 2025-10-10T21:00:00Z"


History = Annotated[
    Path | None,
    typer.Option(
        "--history",
        metavar="DIR|FILE.toml",
        help="Recorded market, or a folder of candle files; without it the file's "
        "own `returns`.",
    ),
]
At = Annotated[
    str | None,
    typer.Option("--at", metavar="TIME", help="Now; else the end of the history."),
]
BorrowRates = Annotated[
    list[str] | None,
    typer.Option(
        "--borrow-rate",
        metavar="COIN=RATE",
        help="Interest a year, a fraction; wins over `borrow_rates` in the file. "
        "Repeatable.",
    ),
]
Fundings = Annotated[
    list[str] | None,
    typer.Option(
        "--funding",
        metavar="SYMBOL=RATE@TIME",
        help="The next settlement of a contract; wins over the contract's own. "
        "Repeatable.",
    ),
]
Delistings = Annotated[
    list[str] | None,
    typer.Option(
        "--delist",
        metavar="COIN=TIME",
        help="From then on the coin is no collateral. Repeatable.",
    ),
]
Blackouts = Annotated[
    list[str] | None,
    typer.Option(
        "--blackout",
        metavar="START/END",
        help="Announced time without orders and transfers. Repeatable.",
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Settings: the guard's blackouts and its limit are told too.",
    ),
]


def forecast_command(
    file: File,
    *,
    history: History = None,
    at: At = None,
    borrow_rate: BorrowRates = None,
    funding: Fundings = None,
    delist: Delistings = None,
    blackout: Blackouts = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Print the forecast of each account."""
    try:
        guard = None if config is None else read_settings(config).guard
        when = None if at is None else read_time(at, "--at")
        known = Known(
            rates=read_rates(borrow_rate or ()),
            fundings=read_fundings(funding or ()),
            delistings=_times(delist or (), "--delist"),
            blackouts=tuple(_window(each) for each in blackout or ()),
            limits=guard,
        )
        documents = documents_of(file)
        past = past_of(documents, history, when)
        answer = forecast_answer(documents, past, known, Model(), when or past.at)
    except GnomonError as error:
        raise stopped(error) from None
    if as_json:
        print_json(answer)
    else:
        Console().print(forecast_view(answer))


def past_of(documents: Documents, source: Path | None, at: datetime | None) -> Past:
    """The hourly closes that the forecast draws from, up to a time.

    Raises:
        UsageError: Returns are given twice, the history is bad, or it ends before.
    """
    if source is None:
        rows, name = documents.returns or {}, "returns"
    elif documents.returns is not None:
        raise UsageError("Give returns in the file or --history, not both.")
    else:
        rows, name = _rows(documents, source, at), str(source)
    if at is not None:
        rows = {
            coin: [row for row in closes if row[0] <= at]
            for coin, closes in rows.items()
        }
    found = closes_from(rows)
    if at is not None and found.coins and found.hour < hour_of(at) - 1:
        raise UsageError(
            f"The history of {name} ends at {Past(closes=found).at.isoformat()}, more "
            f"than an hour before --at {at.isoformat()}; give history that reaches it."
        )
    return Past(closes=found, source=name)


def _rows(
    documents: Documents, source: Path, at: datetime | None
) -> Mapping[str, Sequence[tuple[datetime, Decimal]]]:
    if source.is_dir() and not (source / "market.toml").exists():
        known = [subject.terms for subject in subjects_of(documents)]
        coins = {coin for terms in known if terms is not None for coin in terms.coins}
        return closes_in(source, coins, at, HOURS_MAX)
    market = open_market(source)
    end = market.description.end
    if at is not None and at > end:
        raise UsageError(
            f"--at {at.isoformat()} is after the end of {source}, {end.isoformat()}; "
            "choose a time inside it."
        )
    return market.past_until(at or end, HOURS_MAX)


def read_rates(asked: Iterable[str]) -> dict[str, Decimal]:
    """The borrow rates of the command line, a year; none is negative.

    Raises:
        UsageError: One is no COIN=RATE.

    Example:
        >>> read_rates(["usdt=0.11"])
        {'USDT': Decimal('0.11')}
    """
    rates = dict(read_moves(asked, "--borrow-rate"))
    for coin, rate in rates.items():
        if rate < 0:
            raise UsageError(f"--borrow-rate {coin} must be at least 0, was {rate}.")
    return rates


def read_fundings(asked: Iterable[str]) -> dict[str, Funding]:
    """The settlements of the command line.

    Raises:
        UsageError: One is no SYMBOL=RATE@TIME.
    """
    found: dict[str, Funding] = {}
    for text in asked:
        symbol, _, rest = text.partition("=")
        rate, _, when = rest.partition("@")
        try:
            amount = Decimal(rate)
        except ArithmeticError:
            amount = Decimal("NaN")
        if not symbol or not amount.is_finite():
            raise UsageError(
                "--funding must look like XBTUSDTM=0.0001@2025-10-11T00:00:00Z, "
                f"was {text!r}."
            )
        at = read_time(when, "--funding")
        found[symbol.strip().upper()] = Funding(rate=amount, settlement_at=at)
    return found


def _times(asked: Iterable[str], option: str) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    for text in asked:
        coin, _, when = text.partition("=")
        if not coin or not when:
            raise UsageError(f"{option} must look like COIN={_TIME}, was {text!r}.")
        found[coin.strip().upper()] = read_time(when, option)
    return found


def _window(text: str) -> Window:
    start, _, end = text.partition("/")
    window = Window(
        start=read_time(start, "--blackout"), end=read_time(end, "--blackout")
    )
    if window.end <= window.start:
        raise UsageError(f"--blackout must end after it starts, was {text!r}.")
    return window


def read_time(text: str, option: str) -> datetime:
    """A time with a zone.

    Raises:
        UsageError: It is none.

    Example:
        >>> read_time("2025-10-10T23:00:00+02:00", "--at").hour
        21
    """
    try:
        when = datetime.fromisoformat(text)
        if when.utcoffset() is not None:
            return when.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise UsageError(f"{option} must be {_TIME}, was {text!r}.")
