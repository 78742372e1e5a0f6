"""What a hospital's statement says: its lines, its days, what is due and to whom, and every entry behind them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import RowMapping

from tandem.billing.invoices import buyer_now, seller_on
from tandem.billing.settlements import commands, queries
from tandem.billing.settlements.documents.content import (
    Column,
    Content,
    Details,
    Due,
    Grid,
    adjustment_grid,
    dispute_grid,
    disputes_of,
    head_of,
    proof_of,
    withheld_minor,
)
from tandem.billing.settlements.models import SettlementStatement
from tandem.kernel import clock

NAMES: Final = {
    "visits": "诊疗收入 Visits",
    "programme_visits": "项目诊疗收入 Programme visits",
    "refunds": "退款 Refunds",
    "programme_refunds": "项目退款 Programme refunds",
    "provider_fees": "支付手续费 Provider fees",
    "disputes_lost": "拒付损失 Disputes lost",
    "operator_fees": "运营服务费 Operator fees",
    "operator_fees_reversed": "服务费冲回 Fees reversed",
    "monthly_fees": "月费 Monthly fees",
    "fees_granted": "经同意的超限费 Fees granted",
    "granted_fees_reversed": "超限费冲回 Granted fees reversed",
    "fees_lost_in_disputes": "拒付分担 Fees lost in disputes",
    "traffic_fees": "引流费 Traffic fees",
    "traffic_fees_reversed": "引流费冲回 Traffic fees reversed",
    "adjustments": "双方同意的调整 Adjustments",
    "fees_beyond_caps": "超限待裁定 Fees beyond caps",
}
_INCOME: Final = ("visits", "programme_visits")
_REFUNDS: Final = ("refunds", "programme_refunds")
_PROVIDER: Final = ("provider_fees", "disputes_lost")
_CARRIED: Final = {
    "disputed": "争议已决的暂扣款 Withheld, now resolved",
    "carried_forward": "上期结转 Carried forward",
}


def content_of_hospitals(row: SettlementStatement) -> Content:
    """What a hospital's statement says. [hospital]"""
    written, digest = commands.document_of(row)
    disputes, said = disputes_of(row), orjson.loads(written)
    return Content(
        title="结算单 SETTLEMENT STATEMENT",
        labels=("甲方：医院 Hospital", "乙方：运营方 Operator"),
        parties=(buyer_now(None), seller_on(row.last_day)),
        grids=[*_line_grids(row), _reckoning(row)],
        due=_due(row, disputes),
        disputes=dispute_grid(disputes, lambda each: _named(each["kind"])),
        more=[
            *_programmes(said),
            *_days(row),
            *_corrections(row),
            *_carries(row),
            *adjustment_grid(row),
        ],
        proof=proof_of(row, audience="hospital", is_reproduced=digest == row.document_sha256),
        details=_details(row),
        **head_of(row),
    )


def _line_grids(row: SettlementStatement) -> list[Grid]:
    found = queries.lines_of(row.id)
    columns = [
        Column("项目 Item", 84),
        Column("笔数 Entries", 24, "count", is_summed=True),
        Column("其中前期 Of earlier periods", 36, "amount", is_summed=True),
        Column("金额 Amount", 36, "amount", is_summed=True),
    ]
    added, told = (
        [
            (_named(line["kind"]), line["journal_count"], line["late_minor"], line["amount_minor"])
            for line in found
            if line["is_memo"] is is_memo
        ]
        for is_memo in (False, True)
    )
    stated = (sum(int(line[1]) for line in added), sum(int(line[2]) for line in added), row.payable_minor)
    grids = [
        Grid(
            "一、收支汇总 What the hospital earned and what it cost",
            columns,
            added,
            stated_minor=stated,
            sum_label="医院净额 What the hospital keeps",
            by_kind=True,
            nil_unsaid=True,
            note="收入为正，费用为负；为零的项目不列示。Income positive, cost negative; kinds of nought are not shown.",
        )
    ]
    if any(line[1] for line in told):
        heading = "另示，不计入合计 Told, not added up"
        grids.append(Grid(heading, [_unsummed(each) for each in columns], told, by_kind=True))
    return grids


def _named(kind: str) -> str:
    return NAMES.get(kind, kind)


def _unsummed(column: Column) -> Column:
    return Column(column.head, column.width_mm, column.holds)


def _reckoning(row: SettlementStatement) -> Grid:
    payable = row.operator_fee_minor + row.fee_waiting_before_minor - row.fee_waiting_minor
    programmes = payable + row.carried_in_minor - row.due_to_operator_minor
    rows = [
        ("本期产生的服务费 Fee that arose", row.operator_fee_minor),
        ("加：上期末未到期服务费 Waiting before", row.fee_waiting_before_minor),
        ("减：本期末未到期服务费（退款期内） Waiting still", -row.fee_waiting_minor),
        ("减：运营方应付健康计划诊疗款 The operator owes for programmes", -programmes),
        ("加：以前结算单结转 Carried in from earlier statements", row.carried_in_minor),
    ]
    return Grid(
        "二、应付计算 What is due",
        [Column("项目 Item", 144), Column("金额 Amount", 36, "amount", is_summed=True)],
        rows,
        stated_minor=(row.due_to_operator_minor,),
        sum_label="本期应付（正数：医院应付运营方） Due (positive: the hospital pays)",
    )


def _due(row: SettlementStatement, disputes: Sequence[RowMapping]) -> Due:
    is_paid = row.status in {"paid", "closed"}
    withheld = withheld_minor(disputes, is_paid=is_paid)
    left = row.due_to_operator_minor - withheld
    sums = [("本期应付 Due", row.due_to_operator_minor)]
    if withheld:
        sums += [("争议暂扣 Withheld", -withheld), ("扣除争议后应付 Payable", left)]
    total = len(sums) - 1
    notes = []
    if is_paid:
        sums.append(("已付 Paid", left if row.paid_minor is None else row.paid_minor))
        how = f"付款凭据 Reference {row.payment_reference}" if row.payment_reference else "结转下期 Carried forward"
        notes.append(f"{row.paid_on} · {how}")
    direction = "甲乙双方互不应付 Nothing is due:"
    if left:
        direction = "甲方应付乙方 Hospital pays operator:" if left > 0 else "乙方应付甲方 Operator pays hospital:"
    return Due(sums, total, direction, abs(left), notes)


def _programmes(said: Mapping[str, Any]) -> list[Grid]:
    rows = [(each["programme_id"], each["amount_minor"]) for each in said.get("programmes", ())]
    columns = [Column("健康计划 Programme", 144), Column("运营方应付 Owed", 36, "amount", is_summed=True)]
    return [Grid("按健康计划 By programme", columns, rows)] if rows else []


def _days(row: SettlementStatement) -> list[Grid]:
    by_day: dict[str, list[int]] = {}
    for each in queries.sums_by_day(commands.cut_of_statement(row)):
        kind = queries.line_kind_of(each, row.layout)
        if kind is None or kind.is_memo:
            continue
        day = "前期 Earlier" if each["day"] is None else str(each["day"])
        sums = by_day.setdefault(day, [0, 0, 0, 0, 0, 0])
        amount = int(each["amount_minor"])
        sums[0] += each["entries"] if kind.name in _INCOME else 0
        sums[_place_of(kind.name)] += amount
        sums[5] += amount
    columns = [
        Column("日期 Day", 26),
        Column("就诊 Visits", 18, "count", is_summed=True),
        Column("收入 Income", 28, "amount", is_summed=True),
        Column("退款 Refunds", 26, "amount", is_summed=True),
        Column("手续费及拒付 Provider", 28, "amount", is_summed=True),
        Column("服务费 Fees", 26, "amount", is_summed=True),
        Column("净额 Net", 28, "amount", is_summed=True),
    ]
    return [Grid("按日 By day", columns, [(day, *sums) for day, sums in by_day.items()])] if by_day else []


def _place_of(name: str) -> int:
    if name in _INCOME:
        return 1
    return 2 if name in _REFUNDS else 3 if name in _PROVIDER else 4


def _corrections(row: SettlementStatement) -> list[Grid]:
    sums: dict[tuple[str, str], list[int]] = {}
    for each in queries.sums_by_corrected(commands.cut_of_statement(row)):
        kind = queries.line_kind_of(each, row.layout)
        if kind is not None:
            told = sums.setdefault((_pointing_at(row, each["number"]), _named(kind.name)), [0, 0])
            told[0] += each["entries"]
            told[1] += int(each["amount_minor"])
    columns = [
        Column("更正的结算单 Corrects", 46),
        Column("项目 Item", 74),
        Column("笔数 Entries", 24, "count"),
        Column("金额 Amount", 36, "amount"),
    ]
    heading = "更正以前结算单 Corrections of earlier statements"
    return [Grid(heading, columns, [(*names, *told) for names, told in sums.items()])] if sums else []


def _pointing_at(row: SettlementStatement, number: int | None) -> str:
    return "首期之前 Before the first" if number is None else f"{row.currency}-{number}"


def _carries(row: SettlementStatement) -> list[Grid]:
    rows = [
        (_pointing_at(row, each["from_number"]), _CARRIED[each["because"]], each["amount_minor"])
        for each in queries.carries_into(row.id)
    ]
    columns = [
        Column("来自结算单 From", 46),
        Column("原因 Reason", 98),
        Column("金额 Amount", 36, "amount", is_summed=True),
    ]
    stated = (row.carried_in_minor,)
    return [Grid("结转 Carried in", columns, rows, stated_minor=stated)] if rows else []


def _details(row: SettlementStatement) -> Details:
    columns = [
        Column("项目 Item", 30),
        Column("凭证号 Journal", 12, "count"),
        Column("发生时间 Happened", 20),
        Column("入账时间 Booked", 20),
        Column("凭证类型 Kind", 26),
        Column("来源 Source", 18),
        Column("来源编号 Source id", 38),
        Column("记账规则 Rule", 28),
        Column("更正结算单 Corrects", 18),
        Column("金额 Amount", 16, "amount", is_summed=True),
    ]
    count = sum(line["journal_count"] for line in queries.lines_of(row.id))
    return Details(columns, count, len(columns) - 1, lambda: _entries(row))


def _entries(row: SettlementStatement) -> Iterator[Sequence[str | int]]:
    here = ZoneInfo(clock.BUSINESS_ZONE)
    for each in queries.entries_in_order(commands.cut_of_statement(row)):
        kind = queries.line_kind_of(each, row.layout)
        if kind is None:
            continue
        points = each["is_late"] or each["adjusts_number"] is not None
        yield (
            _named(kind.name),
            each["seq"],
            f"{each['effective_at'].astimezone(here):%Y-%m-%d %H:%M:%S}",
            f"{each['booked_at'].astimezone(here):%Y-%m-%d %H:%M:%S}",
            each["kind"],
            each["source_type"],
            each["source_id"],
            each["rule_version"],
            _pointing_at(row, each["adjusts_number"]) if points else "",
            int(each["amount_minor"]),
        )
