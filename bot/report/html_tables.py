"""The tables of the HTML report: comparison, actions, costs, loans, fills.

Each function turns one part of a ``RunReport`` into one piece of markup, with a
sentence in its place when there is nothing to show. This module must not open a
file, and must not decide what is good or bad: it prints.
"""

from decimal import Decimal
from typing import Final

from bot.report import figures
from bot.report.html_parts import (
    Column,
    Markup,
    definitions,
    join,
    paragraph,
    table,
    text,
)
from bot.report.run_report import (
    PNL_PARTS,
    ActionRow,
    DecisionRow,
    RunReport,
    count_in,
    figure_in,
    part_of,
)
from bot.report.summary_text import books_note, comparisons, guard_difference

__all__ = [
    "action_table",
    "comparison_table",
    "count_list",
    "fill_table",
    "funding_table",
    "loan_table",
    "pnl_table",
    "saved_interest",
    "timeline_table",
]

_BAR: Final = 180
_BAR_MIN: Final = 1.5
"""Pixels that the smallest amount still gets, so that its sign can be seen."""
_TIME: Final = Column(title="Time, UTC", style="when")


def _num(title: str) -> Column:
    return Column(title=title, style="num")


def comparison_table(report: RunReport) -> Markup:
    """With guard and without, side by side, and the difference in equity."""
    rows = [
        [
            text(line.label),
            text(line.with_guard),
            text(figures.DASH if line.without_guard is None else line.without_guard),
        ]
        for line in comparisons(report)
    ]
    caption = "The same account on the same market."
    if report.without_guard is not None:
        difference = figures.usdt(guard_difference(report), signed=True)
        rows.append([text("Difference in equity, USDT"), text(difference), text("")])
    columns = [Column(title=""), _num("With guard"), _num("Without guard")]
    return table(
        caption,
        columns,
        rows,
        style="side",
        last_is_total=report.without_guard is not None,
    )


def timeline_table(report: RunReport) -> Markup:
    """What happened, in sentences."""
    if not report.decisions:
        return paragraph("Nothing happened that is worth a sentence.", "none")
    rows = [
        [
            text(figures.moment(row.at)),
            _who(row),
            text(row.text),
            Markup(f"<code>{text(row.decision_id)}</code>"),
        ]
        for row in report.decisions
    ]
    columns = [
        _TIME,
        Column(title="Who", style="who"),
        Column(title="What happened", style="wide"),
        Column(title="Explain", style="id"),
    ]
    return table("Oldest first.", columns, rows)


def _who(row: DecisionRow) -> Markup:
    """Who decided, with the tone's sign and colour."""
    sign = row.tone.sign
    return Markup(f'<span class="tone-{row.tone}">{sign} {text(row.owner)}</span>')


def action_table(report: RunReport) -> Markup:
    """What the guard did, why, what it changed and what it cost."""
    if not report.actions:
        return paragraph("The guard did not act.", "none")
    columns = [
        _TIME,
        Column(title="What it did", style="wide"),
        Column(title="Why", style="wide"),
        Column(title="Measure", style="some"),
        _num("Before"),
        _num("After"),
        _num("Cost, USDT"),
    ]
    rows = [_action(row) for row in report.actions]
    return table("A cost is positive; unknown is not zero.", columns, rows)


def _action(row: ActionRow) -> list[Markup]:
    return [
        text(figures.moment(row.at)),
        text(row.what),
        text(row.why),
        text(row.measure),
        text(_measured(row, row.before)),
        text(_measured(row, row.after)),
        text(figures.usdt(row.cost_usdt)),
    ]


def _measured(row: ActionRow, value: Decimal | None) -> str:
    """A ratio rounded up or a distance rounded down; a dash where none was taken."""
    if not row.measure and value is None:
        return figures.DASH
    is_distance = row.measure.startswith("distance")
    return figures.distance(value) if is_distance else figures.banded(value)


def _bar(value: Decimal | None, widest: Decimal) -> Markup:
    """A bar to the right for a gain, to the left for a loss."""
    if value is None or not value.is_finite() or widest <= 0:
        return Markup("")
    size = float(abs(value) / widest) * (_BAR / 2)
    size = max(size, _BAR_MIN) if value else 0.0
    middle = _BAR / 2
    start = middle if value >= 0 else middle - size
    style = "gain" if value >= 0 else "loss"
    return Markup(
        f'<svg class="bar" viewBox="0 0 {_BAR} 14" aria-hidden="true">'
        f'<rect class="{style}" x="{start:.1f}" y="2" width="{size:.1f}" height="10"/>'
        f'<line x1="{middle}" x2="{middle}" y1="0" y2="14"/></svg>'
    )


def pnl_table(report: RunReport) -> Markup:
    """Where the change in equity came from, and whether the parts add up."""
    pnl = part_of(report.summary, "pnl")
    if pnl is None:
        return paragraph("The split of the result is unknown.", "none")
    labels = dict(PNL_PARTS)
    keys = [*labels, *(key for key in pnl if key not in labels)]
    values = {key: figure_in(pnl, key) for key in keys}
    sizes = [abs(v) for v in values.values() if v is not None and v.is_finite()]
    widest = max(sizes, default=Decimal(0))
    rows = [
        [
            text(labels.get(key, key)),
            text(figures.usdt(value, signed=True)),
            _bar(value, widest),
        ]
        for key, value in values.items()
    ]
    change = figures.difference(
        figure_in(report.summary, "equity_end"),
        figure_in(report.summary, "equity_start"),
    )
    total = text(figures.usdt(change, signed=True))
    rows.append([text("Change in equity"), total, Markup("")])
    columns = [Column(title="Part"), _num("USDT"), Column(title="")]
    note, tone = books_note(report)
    return join(
        [
            table("Gains are positive.", columns, rows, last_is_total=True),
            paragraph(note, f"tone-{tone}"),
        ]
    )


def loan_table(report: RunReport) -> Markup:
    """Loans and their interest, in coins."""
    if not report.loans:
        return paragraph("Nothing was borrowed.", "none")
    rows = [
        [
            text(f"{row.account} {row.coin}"),
            text(figures.amount(row.owed_start)),
            text(figures.amount(row.borrowed)),
            text(figures.amount(row.repaid)),
            text(figures.amount(row.interest)),
            text(figures.amount(row.owed_end)),
        ]
        for row in report.loans
    ]
    columns = [
        Column(title="Loan"),
        _num("Owed at start"),
        _num("Borrowed"),
        _num("Repaid"),
        _num("Interest"),
        _num("Owed at end"),
    ]
    return table("In coins.", columns, rows)


def saved_interest(report: RunReport) -> Markup:
    """What repaying from idle balances saved; nothing where nothing was repaid so."""
    found = report.summary.get("interest_saved")
    rows = [
        [
            text(f"{row['account']} {row['coin']}"),
            text(figures.amount(figure_in(row, "repaid"))),
            text(figures.amount(figure_in(row, "interest_saved"))),
            text(f"{row['unknown_hours']}"),
        ]
        for row in (found if isinstance(found, list) else [])
    ]
    if not rows:
        return Markup("")
    columns = [
        Column(title="Loan"),
        _num("Repaid from idle balance"),
        _num("Interest saved"),
        _num("Hours without a rate"),
    ]
    return table("In coins, against the same loan left alone.", columns, rows)


def funding_table(report: RunReport) -> Markup:
    """Funding by contract."""
    if not report.funding:
        return paragraph("No funding was settled.", "none")
    rows = [
        [
            text(row.symbol),
            text(f"{row.settlements:,}"),
            text(figures.amount(row.amount, signed=True)),
            text(row.coin),
        ]
        for row in report.funding
    ]
    columns = [
        Column(title="Contract"),
        _num("Settlements"),
        _num("Amount"),
        Column(title="Coin"),
    ]
    return table("Received is positive, paid is negative.", columns, rows)


def fill_table(report: RunReport) -> Markup:
    """Every fill, or the first and the last of very many."""
    if not report.fills:
        return paragraph("Nothing was traded.", "none")
    rows = [
        [
            text(figures.moment(row.at)),
            text(row.account),
            text(row.symbol),
            text(row.side),
            text(f"{figures.amount(row.qty)} {row.unit}"),
            text(figures.price(row.price)),
            text(f"{figures.amount(row.fee)} {row.fee_coin}"),
            text(row.owner),
        ]
        for row in report.fills
    ]
    columns = [
        _TIME,
        Column(title="Account", style="what"),
        Column(title="Symbol", style="what"),
        Column(title="Side", style="what"),
        _num("Quantity"),
        _num("Price"),
        _num("Fee"),
        Column(title="For", style="what"),
    ]
    return table("Oldest first.", columns, rows)


_COUNTS: Final = (
    ("ticks", "Market instants"),
    ("orders", "Orders"),
    ("fills", "Fills"),
    ("loans", "Borrowings and repayments"),
    ("guard_actions", "Actions of the guard"),
)


def count_list(report: RunReport) -> Markup:
    """How much happened, and how long a hedge stood on one leg."""
    pairs = []
    for key, label in _COUNTS:
        count = count_in(report.summary, key)
        pairs.append((label, figures.UNKNOWN if count is None else f"{count:,}"))
    naked = part_of(report.summary, "naked")
    if naked is not None:
        longest = figures.amount(figure_in(naked, "max_s"))
        most = figures.usdt(figure_in(naked, "max_usdt"))
        pairs.append(("A hedge on one leg", f"at most {longest} s and {most} USDT"))
        if halted := figure_in(naked, "halted_s"):
            price = figures.usdt(figure_in(naked, "halted_usdt"))
            told = f"{figures.amount(halted)} s, which gained or lost {price} USDT"
            pairs.append(("The same while no orders were taken", told))
    return definitions(pairs)
