"""What a settlement statement says, in words and figures ready to be set: the one source of its paper and workbook."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import RowMapping

from tandem.billing.settlements import queries
from tandem.billing.settlements.models import EmployerStatement, SettlementStatement
from tandem.billing.stationery import capitals, figure
from tandem.kernel import clock
from tandem.kernel.money import EXPONENTS

AT_ONCE: Final = 1_000
"""How many disputes and adjustments of one statement are told; nobody has had more than a few."""
DRAFT_MARK: Final = "草稿 DRAFT"
STATUSES: Final = {
    "draft": "草稿 Draft",
    "parked": "待核查 Parked",
    "proposed": "待确认 Proposed",
    "disputed": "有异议 Disputed",
    "confirmed": "已确认 Confirmed",
    "paid": "已付款 Paid",
    "closed": "已结清 Closed",
}
PARTIES: Final = {"hospital": "医院 Hospital", "employer": "企业 Employer", "operator": "运营方 Operator"}
WITHHELD: Final = "未披露 Not told"
"""What stands in the place of a figure that too few people stand behind."""
_DISPUTES: Final = {
    "open": "未决 Open",
    "agreed": "已同意 Agreed",
    "moved": "已移交 Moved",
    "withdrawn": "已撤回 Withdrawn",
}
_ADJUSTMENTS: Final = {
    "proposed": "待定 Proposed",
    "accepted": "已接受 Accepted",
    "declined": "已拒绝 Declined",
    "withdrawn": "已撤回 Withdrawn",
}

Value = str | int | None


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a grid: its head, its width on paper in millimetres (0: only in the workbook), what it holds.

    `is_summed` columns have a sum below them; an amount that is None is not told.
    """

    head: str
    width_mm: int
    holds: str = "text"
    is_summed: bool = False


@dataclass(frozen=True, slots=True)
class Grid:
    """A table. `stated_minor` are the sums that the statement itself says, in order of the summed columns.

    `by_kind`: the first column is a line's name, under which the workbook's entries can be added up. `nil_unsaid`: rows
    of nought are left out on paper. `has_free_text`: people's own words are in it.
    """

    heading: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Value]]
    stated_minor: Sequence[int] = ()
    sum_label: str = "合计 Total"
    by_kind: bool = False
    nil_unsaid: bool = False
    has_free_text: bool = False
    note: str = ""

    def sum_of(self, place: int) -> int:
        """What a column comes to, of what is told."""
        return sum(value for row in self.rows if isinstance(value := row[place], int))


@dataclass(frozen=True, slots=True)
class Due:
    """What is left between the parties: sums, the one that counts, and in words who pays whom."""

    sums: Sequence[tuple[str, int]]
    total: int
    direction: str
    amount_minor: int
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Details:
    """Every entry behind the lines, read while it is written; the first column is its line's name.

    `amount_at` is the place of the amounts; a column's width counts characters.
    """

    columns: Sequence[Column]
    count: int
    amount_at: int
    rows: Callable[[], Iterator[Sequence[str | int]]]


@dataclass(frozen=True, slots=True)
class Content:
    """A whole statement. `mark` stands behind each page; `made_at` is the document's date inside the file."""

    title: str
    number: str
    name: str
    currency: str
    mark: str
    made_at: datetime
    facts: Sequence[tuple[str, str]]
    labels: tuple[str, str]
    parties: tuple[Mapping[str, Any], Mapping[str, Any]]
    grids: Sequence[Grid]
    due: Due
    disputes: Sequence[Grid]
    more: Sequence[Grid]
    sha256: str
    proof: Sequence[str]
    details: Details | None = None

    @property
    def exponent(self) -> int:
        return EXPONENTS[self.currency]

    @property
    def due_in_words(self) -> str:
        """Who pays whom how much: in figures, and for yuan in capital figures too."""
        said = f"{self.due.direction} {self.currency} {figure(self.due.amount_minor, self.exponent)}"
        return f"{said}（大写）{capitals(self.due.amount_minor)}" if self.currency == "CNY" else said


def head_of(row: SettlementStatement | EmployerStatement) -> dict[str, Any]:
    """What both kinds of statement say of themselves: number, days, cut, state."""
    return {
        "number": f"{row.currency}-{row.number}",
        "name": f"statement-{row.currency.lower()}-{row.number}",
        "currency": row.currency,
        "mark": DRAFT_MARK if row.status in {"draft", "parked"} else "",
        "made_at": row.period_end,
        "sha256": row.document_sha256,
        "facts": [
            ("编号 No.", f"{row.currency}-{row.number}（第 {row.number} 期）"),
            ("状态 Status", STATUSES[row.status]),
            ("期间 Period", f"{row.first_day} – {row.last_day}"),
            ("时区 Time zone", f"北京时间 {clock.BUSINESS_ZONE}"),
            ("币种 Currency", row.currency),
            ("账簿截点 Cut", f"凭证 Journals ≤ {row.cut_seq}（上期 {row.previous_cut_seq}）"),
            ("提出日期 Proposed", day_of(None if row.status in {"draft", "parked"} else row.proposed_at)),
            ("确认日期 Confirmed", day_of(row.confirmed_at)),
        ],
    }


def withheld_minor(disputes: Sequence[RowMapping], *, is_paid: bool) -> int:
    """What disputes hold back: the open ones while nothing was paid, then those that were open when it was."""
    return sum(each["withheld_minor"] for each in disputes if _withholds(each, is_paid=is_paid))


def disputes_of(row: SettlementStatement | EmployerStatement) -> Sequence[RowMapping]:
    """The statement's disputes, in order."""
    return list(queries.line_disputes(row.id, limit=AT_ONCE, after=None).rows)


def dispute_grid(disputes: Sequence[RowMapping], named: Callable[[RowMapping], str]) -> list[Grid]:
    """What is disputed, and what became of it; nothing where nothing is."""
    columns = [
        Column("争议项目 Line", 42),
        Column("状态 Status", 24),
        Column("提出日 Raised", 24),
        Column("事由 Reason", 64),
        Column("暂扣 Withheld", 26, "amount", is_summed=True),
        Column("证据 Evidence", 0),
        Column("证据散列 SHA-256", 0),
        Column("处理结果 Resolution", 0),
        Column("处理日期 Resolved", 0),
    ]
    rows = [
        (
            named(each),
            _DISPUTES[each["status"]],
            day_of(each["raised_at"]),
            each["because"],
            each["withheld_minor"],
            each["evidence"],
            each["evidence_sha256"] or "",
            each["resolution"] or "",
            day_of(each["resolved_at"]),
        )
        for each in disputes
    ]
    return [Grid("争议 Disputes", columns, rows, has_free_text=True)] if rows else []


def adjustment_grid(row: SettlementStatement | EmployerStatement) -> list[Grid]:
    """What both parties agreed to correct of this statement, or are asked to; it is booked in a later one."""
    found = queries.adjustments(row.id, limit=AT_ONCE, after=None).rows
    columns = [
        Column("事由 Reason", 72),
        Column("状态 Status", 26),
        Column("提出方 Proposed by", 28),
        Column("决定方 Decided by", 28),
        Column("金额 Amount", 26, "amount"),
    ]
    rows = [
        (
            each["because"],
            _ADJUSTMENTS[each["status"]],
            f"{PARTIES[each['proposed_party']]} {day_of(each['proposed_at'])}",
            f"{PARTIES[each['decided_party']]} {day_of(each['decided_at'])}" if each["decided_party"] else "—",
            each["amount_minor"],
        )
        for each in found
    ]
    note = (
        "调整在之后的结算单入账，并指回本单。An adjustment is booked in a later statement and points back at this one."
    )
    return (
        [Grid("对本单的调整 Adjustments of this statement", columns, rows, has_free_text=True, note=note)]
        if rows
        else []
    )


def proof_of(row: SettlementStatement | EmployerStatement, *, audience: str, is_reproduced: bool) -> list[str]:
    """How the reader proves the statement without trusting the operator."""
    again = (
        "出具本文件时已按账簿截点重新计算，结果逐字节一致。Run again from the books at the cut: the same bytes."
        if is_reproduced
        else "注意：按账簿截点重新计算的结果与本结算单不一致，请勿据此付款或确认。"
        "WARNING: run again from the books, it is no longer the same. Do not pay or confirm."
    )
    return [
        f"结算单标识 Statement: {row.id}",
        f"结算单散列 SHA-256: {row.document_sha256}",
        again,
        f"自行复算：下载复算包 /api/{audience}/v1/settlement_statements/{row.id}/kit，运行 python3 verify.py，"
        "并核对 manifest.json 中的 document_sha256 与上列散列。"
        "To recompute it yourself: take the kit from there, run verify.py, compare document_sha256.",
    ]


def day_of(moment: datetime | date | None) -> str:
    """A day in the business zone."""
    if moment is None:
        return "—"
    if isinstance(moment, datetime):
        return str(moment.astimezone(ZoneInfo(clock.BUSINESS_ZONE)).date())
    return str(moment)


def _withholds(dispute: RowMapping, *, is_paid: bool) -> bool:
    return bool(dispute["is_withheld"] if is_paid else dispute["status"] == "open")
