"""A frame and a finished run with something in every field, for the view tests."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from bot.domain.accounts import MarginMode
from bot.domain.events import AccountStatus
from bot.report.frame import (
    EventLine,
    Frame,
    FuturesGauge,
    GuardState,
    GuardView,
    LoanLine,
    MarginGauge,
    PositionLine,
    PriceLine,
    Reach,
    Series,
    Settlement,
    Tone,
    Twin,
)
from bot.report.run_report import (
    ActionRow,
    Curve,
    DecisionRow,
    FillRow,
    FundingRow,
    GuardLimits,
    LoanRow,
    NextCommand,
    RunReport,
)

__all__ = ["NOON", "hours", "sample_frame", "sample_report"]

NOON: Final = datetime(2025, 10, 10, 12, tzinfo=UTC)


def hours(*values: str | None) -> Series:
    """A curve with a value each hour from noon; None stays None."""
    return tuple(
        (NOON + timedelta(hours=hour), None if value is None else Decimal(value))
        for hour, value in enumerate(values)
    )


def _margin() -> MarginGauge:
    return MarginGauge(
        name="cross margin",
        debt_ratio=Decimal("0.7131"),
        reaches=(
            Reach(level=Decimal("0.95"), down=Decimal("-0.1699")),
            Reach(level=Decimal("0.97"), down=Decimal("-0.1829")),
        ),
        debts=(("USDT", Decimal("33812.387")),),
    )


def _futures() -> FuturesGauge:
    return FuturesGauge(
        settle="USDT",
        risk_rate=Decimal("0.2213"),
        tmmr=Decimal("4.52"),
        reaches=(
            Reach(level=Decimal("0.95"), up=Decimal("0.294")),
            Reach(level=Decimal(1), up=Decimal("0.312")),
        ),
        status=AccountStatus.ORDERS_CANCELLED,
    )


def _position() -> PositionLine:
    return PositionLine(
        symbol="XBTUSDTM",
        lots=-150,
        notional_usdt=Decimal("15631.71"),
        entry=Decimal(121400),
        mark=Decimal("104211.4"),
        upnl_usdt=Decimal("2578.29"),
        mode=MarginMode.ISOLATED,
        leverage=Decimal(3),
        funding_rate=Decimal("0.0001"),
    )


def sample_frame() -> Frame:
    """A levered account in a crash, with its twin."""
    return Frame(
        at=NOON + timedelta(hours=3),
        title="Crash",
        world="paper",
        equity_usdt=Decimal("16601.05"),
        equity_start_usdt=Decimal("25266.54"),
        guard=GuardView(
            state=GuardState.COOLING,
            next_action="sell 0.12 BTC and repay 12,640 USDT",
            trigger=Decimal("-0.0634"),
            trigger_note="or when interest adds up",
            actions=2,
        ),
        progress=Decimal("0.47"),
        speed=Decimal(120),
        margins=(_margin(),),
        futures=(_futures(),),
        prices=(
            PriceLine(coin="BTC", mark=Decimal("104211.4"), change=Decimal("-0.141")),
        ),
        positions=(_position(),),
        loans=(
            LoanLine(
                account="cross margin",
                coin="USDT",
                principal=Decimal(33800),
                interest=Decimal("12.387"),
                annual_rate=Decimal("0.11"),
            ),
        ),
        settlement=Settlement(
            symbol="XBTUSDTM",
            at=NOON + timedelta(hours=4),
            rate=Decimal("0.0001"),
            amount_usdt=Decimal("-1.56"),
        ),
        events=(
            EventLine(at=NOON, text="The run began."),
            EventLine(
                at=NOON + timedelta(hours=2), text="Sold 0.17 BTC.", tone=Tone.CAUTION
            ),
        ),
        notices=("The mark of ETH is 14 s old.",),
        twin=Twin(
            equity_usdt=Decimal("14439.92"),
            liquidations=1,
            equity_series=hours("25266", "20000", "14000", "14439"),
            ratio_series=hours("0.79", "0.9", "0.97", "0"),
        ),
        equity_series=hours("25266", "20000", None, "16601"),
        ratio_series=hours("0.79", "0.82", None, "0.71"),
    )


def _summary() -> dict[str, object]:
    return {
        "start": "2025-10-10T12:00:00Z",
        "end": "2025-10-10T15:00:00Z",
        "ticks": 10800,
        "equity_start": "25266.54",
        "equity_min": "16000.5",
        "equity_end": "16601.05",
        "pnl": {
            "price": "-8630.19",
            "funding": "31.20",
            "interest": "-12.51",
            "fees": "-45.59",
            "slippage": "-8.40",
            "liquidation": "0",
        },
        "max_debt_ratio": "0.8345",
        "max_risk_rate": "0.2585",
        "liquidations": 0,
        "guard_actions": 2,
        "orders": 14,
        "fills": 31,
        "loans": 1,
        "naked": {"p99_s": "0.8", "max_s": "1.4", "max_usdt": "2310.44"},
        "without_guard": {
            "equity_end": "10138.04",
            "liquidations": 1,
            "max_debt_ratio": "0.9703",
            "max_risk_rate": "0.2585",
        },
    }


def _curves() -> Curve:
    return Curve(
        with_guard=hours("0.79", None, "0.82", "0.71"),
        without_guard=hours("0.79", "0.9", "0.97", "0"),
    )


def _decisions() -> tuple[DecisionRow, ...]:
    return (
        DecisionRow(at=NOON, owner="guard", text="It watches.", decision_id="d-000001"),
        DecisionRow(
            at=NOON + timedelta(hours=2),
            owner="exchange",
            text="The twin is taken over.",
            tone=Tone.DANGER,
        ),
    )


def _actions() -> tuple[ActionRow, ...]:
    return (
        ActionRow(
            at=NOON + timedelta(hours=1),
            what="Sold 0.17 BTC",
            why="Distance under 15 %",
            measure="debt ratio",
            before=Decimal("0.8345"),
            after=Decimal("0.7684"),
            cost_usdt=None,
        ),
    )


def _fills() -> tuple[FillRow, ...]:
    return (
        FillRow(
            at=NOON + timedelta(hours=1),
            account="cross margin",
            symbol="BTC-USDT",
            side="sell",
            qty=Decimal("0.17"),
            unit="BTC",
            price=Decimal("115238.16"),
            fee=Decimal("19.59"),
            fee_coin="USDT",
            owner="guard",
        ),
    )


def _loans() -> tuple[LoanRow, ...]:
    return (
        LoanRow(
            account="cross margin",
            coin="USDT",
            owed_start=Decimal(62500),
            borrowed=Decimal(0),
            repaid=Decimal("19985.34"),
            interest=Decimal("12.51"),
            owed_end=Decimal("42527.17"),
        ),
    )


def sample_report() -> RunReport:
    """A finished run: the guard acted, the twin was liquidated."""
    return RunReport(
        title="Crash of October",
        world="replay",
        summary=_summary(),
        facts=(("Seed", "7"),),
        assumptions=("Fees: VIP 0.",),
        derived=("ETH between the coarse closes.",),
        notices=("The guard acts at 6 %.",),
        is_synthetic=True,
        equity=Curve(
            with_guard=hours("25266", "20000", None, "16601"),
            without_guard=hours("25266", "15000", "10138", "10138"),
        ),
        debt_ratios={"cross margin": _curves()},
        risk_rates={"USDT": _curves()},
        distances={"cross margin": _curves()},
        limits={
            "cross margin": GuardLimits(act=Decimal("0.15"), target=Decimal("0.25"))
        },
        prices={"BTC": hours("121400", "110000", "104211")},
        decisions=_decisions(),
        actions=_actions(),
        fills=_fills(),
        loans=_loans(),
        funding=(
            FundingRow(
                symbol="XBTUSDTM", settlements=1, amount=Decimal("31.2"), coin="USDT"
            ),
        ),
        journal_path="runs/crash-7/journal.sqlite",
        report_path="runs/crash-7/report.html",
        next_commands=(
            NextCommand(command="gnomon doctor", purpose="what is missing"),
        ),
    )
