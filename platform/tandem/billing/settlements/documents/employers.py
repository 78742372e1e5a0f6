"""What an employer's statement says: sums by programme, never people, and nothing that the statement does not tell."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import RowMapping

from tandem.accounts import names_of
from tandem.billing.invoices import CELL_MIN, buyer_now, seller_on
from tandem.billing.settlements import commands, queries
from tandem.billing.settlements.documents.content import (
    Column,
    Content,
    Due,
    Grid,
    adjustment_grid,
    dispute_grid,
    disputes_of,
    head_of,
    proof_of,
    withheld_minor,
)
from tandem.billing.settlements.models import EmployerStatement
from tandem.billing.stationery import figure
from tandem.kernel.money import EXPONENTS
from tandem.kernel.tenancy import across_tenants

FIGURE_NAMES: Final = {"invoiced": "开票 Invoiced", "paid": "已付 Paid", "drawn": "已使用 Drawn"}
CORRECTION_NAMES: Final = {
    "adjustment": "双方同意的调整 Adjustment",
    "credit_note": "贷项通知单 Credit note",
    "invoice": "迟到的账单 Late invoice",
    "other": "其他 Other",
    "payment": "迟到的付款 Late payment",
    "void": "作废 Void",
}
_TOO_FEW: Final = (
    f"使用数据涉及不足 {CELL_MIN} 人时不披露，并入之后的结算单；合计仅含已披露部分。"
    f"What fewer than {CELL_MIN} members drew is not told here but in a later statement; sums are of what is told."
)


def content_of_employers(row: EmployerStatement) -> Content:
    """What an employer's statement says. [employer]"""
    found, disputes = queries.lines_of_employer_statement(row.id), disputes_of(row)
    corrected = commands.corrections_of(row)
    names = _names(row, {line["programme_id"] for line in found} | {each.programme_id for each in corrected})
    is_reproduced = commands.employer_document_of(row)[1] == row.document_sha256
    corrections = [
        (f"{row.currency}-{each.adjusts_number}", names[each.programme_id], CORRECTION_NAMES[each.kind],
         each.amount_minor)
        for each in corrected
    ]  # fmt: skip
    return Content(
        title="企业结算单 EMPLOYER'S STATEMENT",
        labels=("甲方：企业 Employer", "乙方：运营方 Operator"),
        parties=(buyer_now(None), seller_on(row.last_day)),
        grids=_line_grids(row, found, names),
        due=_due(row, disputes),
        disputes=dispute_grid(disputes, lambda each: _disputed(each, names)),
        more=[*_corrections(corrections), *adjustment_grid(row)],
        proof=proof_of(row, audience="employer", is_reproduced=is_reproduced),
        **head_of(row),
    )


def _names(row: EmployerStatement, programmes: set[UUID]) -> Mapping[UUID, str]:
    with across_tenants(reason="names of the programmes on an employer's statement"):
        called = names_of(programmes)
    names = {each: called.get(each, str(each)) for each in programmes}
    # What belongs to no programme stands on the employer's own line.
    return names | {row.tenant_id: "不属任何计划 No programme"}


def _disputed(dispute: RowMapping, names: Mapping[UUID, str]) -> str:
    programme, kind = dispute["programme_id"], dispute["kind"]
    return f"{names.get(programme, str(programme))} {FIGURE_NAMES.get(kind, kind)}"


def _line_grids(row: EmployerStatement, found: Sequence[RowMapping], names: Mapping[UUID, str]) -> list[Grid]:
    columns = [
        Column("健康计划 Programme", 46),
        Column("本期开票 Invoiced", 24, "amount", is_summed=True),
        Column("本期已付 Paid", 24, "amount", is_summed=True),
        Column("使用次数 Units", 17, "told count"),
        Column("本期使用 Drawn", 23, "told amount", is_summed=True),
        Column("更正 Adjusted", 20, "amount", is_summed=True),
        Column("期末未付 Open", 24, "amount", is_summed=True),
        Column("期末余额 Unspent", 24, "amount", is_summed=True),
    ]
    rows = [
        (
            names[line["programme_id"]],
            line["invoiced_minor"],
            line["paid_minor"],
            line["units_drawn"],
            line["drawn_minor"],
            line["adjusted_minor"],
            line["open_minor"],
            line["unspent_minor"],
        )
        for line in found
    ]
    stated = (
        row.invoiced_minor, row.paid_minor, row.drawn_minor, row.adjusted_minor, row.open_minor, row.unspent_minor,
    )  # fmt: skip
    return [Grid("按健康计划 By programme", columns, rows, stated_minor=stated, note=_TOO_FEW)]


def _due(row: EmployerStatement, disputes: Sequence[RowMapping]) -> Due:
    withheld = withheld_minor(disputes, is_paid=row.status in {"paid", "closed"})
    left = row.open_minor - withheld
    sums = [("期末未付账单 Open", row.open_minor)]
    if withheld:
        sums += [("争议暂扣 Withheld", -withheld), ("扣除争议后应付 Payable", left)]
    direction = "甲乙双方互不应付 Nothing is due:"
    if left:
        direction = "甲方应付乙方 Employer pays operator:" if left > 0 else "乙方应付甲方 Operator pays employer:"
    unspent = f"{row.currency} {figure(row.unspent_minor, EXPONENTS[row.currency])}"
    notes = [f"期末未使用余额（正数：运营方代甲方持有的预付款） Unspent (positive: the employer's money): {unspent}"]
    return Due(sums, len(sums) - 1, direction, abs(left), notes)


def _corrections(rows: Sequence[tuple[str, str, str, int]]) -> list[Grid]:
    columns = [
        Column("更正的结算单 Corrects", 34),
        Column("健康计划 Programme", 66),
        Column("原因 Reason", 50),
        Column("金额 Amount", 30, "amount"),
    ]
    return [Grid("更正以前结算单 Corrections of earlier statements", columns, rows)] if rows else []
