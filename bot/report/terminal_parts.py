"""The lines of the terminal view: banner, clock, equity, gauges, tables, events.

Each function turns a part of a ``Frame`` into lines of styled text. A colour
never stands alone: a sign and a word say the same. Foreign text is cleaned of
anything that could move the cursor. This module must not decide where the lines
go, nor compute a risk number.
"""

from collections.abc import Sequence
from decimal import Decimal
from textwrap import wrap
from typing import Final

from rich.text import Text

from bot.domain.events import AccountStatus
from bot.report import figures
from bot.report.frame import (
    BAND_TONES,
    RATIO_LIQUIDATION,
    EventLine,
    Frame,
    FuturesGauge,
    MarginGauge,
    Reach,
    Tone,
    banner_of,
)
from bot.report.terminal_plot import bar
from bot.risk.bands import RATIO_HIGH, RATIO_MEDIUM

__all__ = [
    "STYLES",
    "ahead_lines",
    "banner_line",
    "clock_line",
    "equity_line",
    "event_lines",
    "fit",
    "futures_lines",
    "guard_lines",
    "margin_lines",
    "notice_lines",
    "price_line",
    "settlement_line",
    "title_line",
    "twin_line",
]

STYLES: Final = {
    Tone.CALM: "green",
    Tone.CAUTION: "yellow",
    Tone.DANGER: "bold red",
    Tone.NEUTRAL: "",
}
_BANNERS: Final = {
    Tone.CALM: "bold #000000 on #7fb069",
    Tone.CAUTION: "bold #000000 on #e0b040",
    Tone.DANGER: "bold #ffffff on #c62828",
    Tone.NEUTRAL: "bold reverse",
}
_LABEL: Final = 10
_EVENT_INDENT: Final = 12
_NEXT_LINES: Final = 2
_GAUGE: Final = 18
_TMMR_FAR: Final = 10
_BAR: Final = 24
_STATUS: Final = {
    AccountStatus.WARNED: "warned by KuCoin",
    AccountStatus.ORDERS_CANCELLED: "orders cancelled by KuCoin",
    AccountStatus.LIQUIDATING: "BEING LIQUIDATED",
    AccountStatus.LIQUIDATED: "LIQUIDATED",
    AccountStatus.BANKRUPT: "BANKRUPT",
}


def fit(line: Text, width: int) -> Text:
    """The line at exactly this many cells: cut with an ellipsis, or padded.

    Example:
        >>> fit(Text("a long sentence"), 6).plain, fit(Text("ab"), 4).plain
        ('a lon…', 'ab  ')
    """
    line = line.copy()
    line.truncate(width, overflow="ellipsis", pad=True)
    return line


def _label(text: str) -> tuple[str, str]:
    return (figures.clean(text).ljust(_LABEL), "dim")


def banner_line(frame: Frame, width: int) -> Text:
    """The world in one word on a full bar of colour, and the title."""
    banner = banner_of(frame.world)
    left = f" {figures.clean(banner.word)}  {banner.sentence} "
    title = Text(f" {figures.clean(frame.title)} ")
    room = width - len(left)
    if room > len("  Gnomon "):
        title.truncate(room, overflow="ellipsis")
        left += " " * (room - title.cell_len) + title.plain
    line = Text(left)
    line.truncate(width, overflow="ellipsis", pad=True)
    line.stylize(_BANNERS[banner.tone])
    return line


def clock_line(frame: Frame, width: int) -> Text:
    """The market's time, how far the run has come and how fast it goes."""
    line = Text(f" {figures.moment(frame.at)} UTC", style="bold")
    if frame.progress is not None:
        size = max(width - 46, 8)
        line = Text.assemble(
            line, "  ", bar(frame.progress, size, "cyan"), _share(frame.progress)
        )
    if frame.speed is not None:
        line.append(f"  {figures.amount(frame.speed)}x", style="dim")
    return line


def _share(progress: Decimal) -> str:
    return f" {figures.percent(progress, 0)}"


def equity_line(frame: Frame) -> Text:
    """Equity, its change since the start, and the twin without the guard."""
    line = Text.assemble(
        _label(" Equity"), (f"{figures.usdt(frame.equity_usdt)} USDT", "bold")
    )
    change = frame.equity_change
    if change is None:
        line.append("  change unknown", style="dim")
    else:
        style = STYLES[Tone.CALM if change >= 0 else Tone.DANGER]
        sign = "▲" if change > 0 else "▼" if change < 0 else "="
        line.append(f"  {sign} {figures.usdt(change, signed=True)}", style=style)
        line.append(_change_share(frame, change), style=style)
    return line


def _change_share(frame: Frame, change: Decimal) -> str:
    share = figures.share(change, frame.equity_start_usdt)
    return "" if share is None else f" ({figures.percent(share, signed=True)})"


def twin_line(frame: Frame) -> Text | None:
    """What the account without the guard is worth now, if there is one."""
    twin = frame.twin
    if twin is None:
        return None
    line = Text.assemble(_label(" No guard"), f"{figures.usdt(twin.equity_usdt)} USDT")
    if twin.liquidations:
        line.append(f"  ■ liquidated {twin.liquidations}x", style=STYLES[Tone.DANGER])
    ahead = figures.difference(frame.equity_usdt, twin.equity_usdt)
    if ahead is not None:
        line.append(*_ahead(ahead))
    return line


def _ahead(ahead: Decimal) -> tuple[str, str]:
    """What the guard made of the difference, and the style to say it in."""
    if ahead == 0:
        return "  the same so far", "dim"
    told = "guard ahead" if ahead > 0 else "guard behind"
    style = STYLES[Tone.CALM if ahead > 0 else Tone.CAUTION]
    return f"  {told} {figures.usdt(abs(ahead))}", style


def _reach(reach: Reach, word: str) -> str:
    level = figures.percent(reach.level, 0)
    if not reach.is_known:
        return f"{word} {level} at {figures.UNKNOWN}"
    nearest = reach.nearest
    if nearest is None:
        return f"{word} {level}: no uniform move"
    if nearest == 0:
        return f"{word} {level} REACHED"
    return f"{word} {level} at {figures.move(nearest)}"


def _reaches(gauge: MarginGauge | FuturesGauge) -> Text:
    """The levels, the last of them liquidation; nothing given means unknown."""
    reaches = gauge.reaches
    if not reaches:
        return Text("distance unknown", style="dim")
    earlier = "warned" if isinstance(gauge, MarginGauge) else "orders off"
    words = [earlier] * (len(reaches) - 1) + ["liquidated"]
    ordered = sorted(reaches, key=lambda reach: reach.level)
    told = [_reach(reach, word) for reach, word in zip(ordered, words, strict=True)]
    return Text("  ".join(reversed(told)))


def _gauge(gauge: MarginGauge | FuturesGauge, name: str, value: Decimal | None) -> Text:
    tone = BAND_TONES[gauge.band]
    style = STYLES[tone]
    edge = RATIO_LIQUIDATION if isinstance(gauge, MarginGauge) else Decimal(1)
    return Text.assemble(
        (f" {figures.clean(name)}".ljust(_GAUGE) + " ", "bold"),
        (figures.ratio(value).rjust(9), style or "bold"),
        (f" {tone.sign} {gauge.band.value}".ljust(10) + " ", style),
        bar(value, _BAR, style, (RATIO_MEDIUM, RATIO_HIGH), edge),
    )


def _second(gauge: MarginGauge | FuturesGauge) -> Text:
    """What the exchange does with the account, and how far the levels are."""
    status = _STATUS.get(gauge.status)
    told = f"{Tone.DANGER.sign} {status}  " if status else ""
    return Text.assemble("   ", (told, STYLES[Tone.DANGER]), _reaches(gauge))


def margin_lines(gauge: MarginGauge, *, with_debts: bool) -> list[Text]:
    """A margin account: its debt ratio, how far the levels are, and what is owed.

    The debts are left out where a table of loans says the same.
    """
    lines = [_gauge(gauge, gauge.name, gauge.debt_ratio), _second(gauge)]
    if with_debts and gauge.debts:
        owed = ", ".join(
            f"{figures.amount(owes)} {figures.clean(coin)}"
            for coin, owes in gauge.debts
        )
        lines.append(Text(f"   owes {owed}", style="dim"))
    return lines


def futures_lines(gauge: FuturesGauge) -> list[Text]:
    """The futures of one settle currency: risk rate, TMMR, how far the levels are."""
    second = _second(gauge)
    second.append(f"  TMMR {_tmmr(gauge.tmmr)}", style="dim")
    return [_gauge(gauge, gauge.title, gauge.risk_rate), second]


def _tmmr(value: Decimal | None) -> str:
    r"""In percent as KuCoin writes it; when it is far from any danger, as a multiple.

    Example:
        >>> _tmmr(Decimal("4.52")), _tmmr(Decimal("129.26")), _tmmr(Decimal("Infinity"))
        ('452\xa0%', '129x', '∞')
    """
    if value is None or value.is_nan() or value < _TMMR_FAR:
        return figures.percent(value, 0)
    return figures.INFINITE if value.is_infinite() else f"{int(value):,}x"


def guard_lines(frame: Frame, width: int) -> list[Text]:
    """What the guard is doing, and what it does next and when: up to four lines."""
    guard = frame.guard
    tone = guard.state.tone
    first = Text.assemble(
        _label(" Guard"),
        (f"{tone.sign} {guard.state.value}", STYLES[tone] or "bold"),
    )
    if guard.actions is not None:
        first.append(f"  acted {guard.actions}x", style="dim")
    if guard.next_action is None:
        return [first, Text.assemble(_label(" Next"), "unknown")]
    when = ""
    if guard.trigger is not None:
        when = f"at {figures.move(guard.trigger)} from here: "
    told = _next_words(f"{when}{guard.next_action}", guard.trigger_note, width)
    lines = [Text(" " * _LABEL + line) for line in told]
    lines[0] = Text.assemble(_label(" Next"), told[0])
    lines[0].stylize("bold", _LABEL, _LABEL + len(when))
    return [first, *lines, *_resting_lines(guard.resting, width)]


def _resting_lines(resting: str | None, width: int) -> list[Text]:
    """What would act if the process ended, one line."""
    if resting is None:
        return []
    room = max(width - _LABEL - 1, 12)
    told = wrap(figures.clean(resting), room, max_lines=1, placeholder=" …")
    return [Text.assemble(_label(" Dead"), told[0])]


def _next_words(words: str, note: str, width: int) -> list[str]:
    """Two lines at most; the note stands there whole or not at all."""
    room = max(width - _LABEL - 1, 12)
    whole = wrap(figures.clean(f"{words} {note}"), room)
    if len(whole) <= _NEXT_LINES:
        return whole
    return wrap(figures.clean(words), room, max_lines=_NEXT_LINES, placeholder=" …")


def title_line(title: str, width: int) -> Text:
    """A thin rule with a title, as the head of a section."""
    line = Text.assemble((f" {title} ", "bold dim"))
    line.append("─" * max(width - line.cell_len - 1, 0), style="dim")
    return line


def ahead_lines(frame: Frame, width: int, most: int) -> list[Text]:
    """What the forecast says of each account, with its score: ``most`` lines each."""
    room = max(width - _LABEL - 1, 12)
    lines: list[Text] = []
    for told in frame.ahead:
        clean = figures.clean(told).replace(" %", f"{figures.NBSP}%")
        for part in wrap(clean, room, max_lines=most, placeholder=" …"):
            lines.append(Text.assemble(_label("" if lines else " Ahead"), part))
    return lines


def settlement_line(frame: Frame) -> Text | None:
    """When the next funding settles, at which rate, and what it means for us."""
    settlement = frame.settlement
    if settlement is None:
        return None
    line = Text.assemble(
        _label(" Funding"),
        figures.clean(settlement.symbol),
        f" in {figures.duration(frame.settlement_in)}",
        f", {figures.percent(settlement.rate, 4, signed=True)}",
    )
    owed = settlement.amount_usdt
    if owed is None:
        line.append(", amount unknown", style="dim")
    else:
        verb = "you receive" if owed >= 0 else "you pay"
        line.append(f", {verb} {figures.usdt(abs(owed))}")
    return line


def price_line(frame: Frame) -> Text | None:
    """The mark prices and their change since the start."""
    if not frame.prices:
        return None
    line = Text.assemble(_label(" Marks"))
    for coin in frame.prices:
        line.append(f"{figures.clean(coin.coin)} ", style="bold")
        line.append(figures.price(coin.mark))
        if coin.change is not None:
            told = figures.percent(coin.change, 1, signed=True)
            line.append(f" {told}", style="dim")
        line.append("   ")
    return line


def notice_lines(frame: Frame) -> list[Text]:
    """Warnings that stay until they are cured."""
    return [
        Text(f" {Tone.CAUTION.sign} {figures.clean(text)}", style=STYLES[Tone.CAUTION])
        for text in frame.notices
    ]


def event_lines(events: Sequence[EventLine], width: int, room: int) -> list[Text]:
    """What happened, newest first, so that the eye need not travel.

    A long sentence takes two lines, and is cut after that. No more than ``room``
    lines are made, and no event is shown that does not fit whole.
    """
    lines: list[Text] = []
    for event in reversed(events):
        told = _event(event, width)
        if len(lines) + len(told) > room:
            break
        lines += told
    return lines


def _event(event: EventLine, width: int) -> list[Text]:
    style = STYLES[event.tone]
    sentence = wrap(figures.clean(event.text), max(width - _EVENT_INDENT - 1, 12))
    first, *rest = sentence or [""]
    lines = [
        Text.assemble(
            (f" {figures.moment(event.at, date=False)} ", "dim"),
            (f"{event.tone.sign} {first}", style),
        )
    ]
    if rest:
        lines.append(Text(" " * _EVENT_INDENT + " ".join(rest), style=style))
    return lines
