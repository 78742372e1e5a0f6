"""An invoice as a workbook: figures are numbers, the sums are formulas, and no text of ours can become a formula."""

from io import BytesIO
from typing import Any, Final

from tandem.billing.invoices.documents.content import Content
from tandem.billing.stationery.cells import amount_cell, formula_cell, new_sheet, text_cell, writing

_HEADS: Final = (
    "序号 No.", "项目 Item", "数量 Qty", "单位 Unit", "", "不含税金额 Net", "税率 Rate", "税额 Tax",
    "价税合计 Total",
)  # fmt: skip
_WIDTHS: Final = (16, 46, 12, 10, 14, 16, 18, 14, 16)
_NET, _TAX, _GROSS = "F", "H", "I"


def xlsx_of(content: Content) -> bytes:
    """The workbook's bytes. Amounts are in major units; the total is a formula over the lines."""
    made = BytesIO()
    with writing(made, made_at=content.made_at) as book:
        _write(content, new_sheet(book, "账单", _WIDTHS))
    return made.getvalue()


def _write(content: Content, sheet: Any) -> None:
    rows = [[content.title], *([label, value] for label, value in content.facts), []]
    for label, party in (("销售方 Seller", content.seller), ("购买方 Buyer", content.buyer)):
        rows.append([label, party.get("name", ""), "税号 Tax No.", "", party.get("tax_number", "")])
    rows.append([])
    for row in rows:
        sheet.append([text_cell(sheet, value) for value in row])
    sheet.append([text_cell(sheet, head or content.price_label, bold=True) for head in _HEADS])
    first = len(rows) + 2
    for line in content.lines:
        sheet.append(
            [
                line.line_no,
                text_cell(sheet, line.text),
                None if line.quantity is None else line.quantity,
                text_cell(sheet, line.unit),
                None if line.unit_price is None else line.unit_price.scaleb(-content.exponent),
                amount_cell(sheet, line.net_minor, content.exponent),
                text_cell(sheet, line.tax),
                amount_cell(sheet, line.tax_minor, content.exponent),
                amount_cell(sheet, line.gross_minor, content.exponent),
            ]
        )
    last = first + len(content.lines) - 1
    total: list[Any] = [text_cell(sheet, "合计 Total", bold=True), *[None] * 8]
    for column in (_NET, _TAX, _GROSS):
        total["ABCDEFGHI".index(column)] = formula_cell(
            sheet, f"=SUM({column}{first}:{column}{last})", content.exponent
        )
    sheet.append(total)
    sheet.append([])
    for tax in content.taxes:
        said = [text_cell(sheet, tax.label), text_cell(sheet, tax.source), None, None, None]
        sheet.append([*said, amount_cell(sheet, tax.base_minor, content.exponent), None,
                      amount_cell(sheet, tax.tax_minor, content.exponent)])  # fmt: skip
