"""What an invoice says, in words and figures ready to be set: the one source of its PDF and its XLSX."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import RowMapping

from tandem.billing.invoices.models import Invoice
from tandem.billing.stationery import number
from tandem.kernel import clock
from tandem.kernel.money import EXPONENTS

TITLES: Final = {"invoice": "账单 INVOICE", "credit_note": "贷项通知单 CREDIT NOTE"}
STATUSES: Final = {
    "issued": "待付 Open",
    "settled": "已结清 Settled",
    "void": "已作废 Void",
    "draft": "草稿 Draft",
    "rated": "草稿 Draft",
}
QUOTE_US: Final = "付款请注明账单编号。Please quote the invoice number with your payment."
TREATMENTS: Final = {"exempt": "免税 Exempt", "out_of_scope": "不征税 Out of scope"}


@dataclass(frozen=True, slots=True)
class LineContent:
    """One line; `net_minor` and `tax_minor` add up to `gross_minor`."""

    line_no: int
    text: str
    quantity: Decimal | None
    unit: str
    unit_price: Decimal | None
    net_minor: int
    tax: str
    tax_minor: int
    is_taxed: bool = True

    @property
    def gross_minor(self) -> int:
        return self.net_minor + self.tax_minor


@dataclass(frozen=True, slots=True)
class TaxContent:
    """The tax of one rule."""

    label: str
    base_minor: int
    tax_minor: int
    source: str


@dataclass(frozen=True, slots=True)
class Content:
    """The whole document. `facts` are pairs of label and value for its head; `made_at` is its date inside the file."""

    title: str
    document_no: str
    currency: str
    seller: Mapping[str, Any]
    buyer: Mapping[str, Any]
    facts: Sequence[tuple[str, str]]
    lines: Sequence[LineContent]
    taxes: Sequence[TaxContent]
    net_minor: int
    tax_minor: int
    total_minor: int
    sums: Sequence[tuple[str, int]]
    price_label: str
    note: str
    made_at: datetime

    @property
    def exponent(self) -> int:
        return EXPONENTS[self.currency]


def content_of(row: Invoice, lines: Sequence[RowMapping], taxes: Sequence[RowMapping]) -> Content:
    """What an issued invoice or credit note says."""
    by_rule = {tax["tax_rule_id"]: tax for tax in taxes}
    return Content(
        title=TITLES[row.kind],
        document_no=row.document_no or "—",
        currency=row.currency,
        seller=row.seller or {},
        buyer=row.buyer or {},
        facts=_facts(row),
        lines=[_line(line, by_rule.get(line["tax_rule_id"])) for line in lines],
        taxes=[TaxContent(_tax_label(tax), tax["base_minor"], tax["tax_minor"], _source(tax)) for tax in taxes],
        net_minor=row.net_minor,
        tax_minor=row.tax_minor,
        total_minor=row.total_minor,
        sums=_sums(row),
        price_label="含税单价 Price" if row.prices_include_tax else "单价 Price",
        note=QUOTE_US if row.kind == "invoice" and row.open_minor > 0 else "",
        # Frozen with the invoice, so that the same document is the same bytes.
        made_at=row.issued_at or clock.day_bounds(row.last_day)[0],
    )


def _facts(row: Invoice) -> list[tuple[str, str]]:
    facts = [
        ("编号 No.", row.document_no or "—"),
        ("开具日期 Issued", _day(row.issued_at)),
        ("账期 Period", f"{row.first_day} – {row.last_day}"),
        ("币种 Currency", row.currency),
    ]
    if row.kind == "invoice":
        facts += [("付款期限 Due", str(row.due_on)), ("状态 Status", STATUSES[row.status])]
    return facts


def _line(line: RowMapping, tax: RowMapping | None) -> LineContent:
    is_priced = line["unit_price"] is not None
    text = line["text"]
    if line["of_first_day"] is not None:
        text += f"\n（{line['of_first_day']} – {line['of_last_day']}）"
    return LineContent(
        line_no=line["line_no"],
        text=text,
        quantity=line["quantity"] if is_priced or line["kind"] in {"item", "adjustment"} else None,
        unit=line["unit"] or "",
        unit_price=line["unit_price"],
        net_minor=line["net_minor"],
        tax=_tax_label(tax) if tax is not None else "",
        tax_minor=line["tax_minor"],
        is_taxed=tax is None or tax["rate"] is not None,
    )


def _tax_label(tax: RowMapping) -> str:
    # Exempt is not 0 %: it is said in words.
    return TREATMENTS[tax["treatment"]] if tax["rate"] is None else f"{number(tax['rate'] * 100)}%"


def _source(tax: RowMapping) -> str:
    return str(tax["circular"]) if tax["reason"] is None else f"{tax['reason']}（{tax['circular']}）"


def _sums(row: Invoice) -> list[tuple[str, int]]:
    sums = [
        ("不含税金额 Net", row.net_minor),
        ("税额 Tax", row.tax_minor),
        ("价税合计 Total", row.total_minor),
    ]
    if row.credited_minor:
        sums.append(("已冲减 Credited", -row.credited_minor))
    if row.paid_minor:
        sums.append(("已付 Paid", -row.paid_minor))
    if row.kind == "invoice" and row.status in {"issued", "settled"} and (row.credited_minor or row.paid_minor):
        sums.append(("应付余额 Open", row.open_minor))
    return sums


def _day(moment: datetime | None) -> str:
    return "—" if moment is None else str(moment.astimezone(ZoneInfo(clock.BUSINESS_ZONE)).date())
