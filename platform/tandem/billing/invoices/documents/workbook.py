"""An invoice as a workbook: figures are numbers, the sums are formulas, and no text of ours can become a formula."""

import re
from decimal import Decimal
from io import BytesIO
from typing import Any, Final

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font

from tandem.billing.invoices.documents.content import Content

_HEADS: Final = (
    "序号 No.", "项目 Item", "数量 Qty", "单位 Unit", "", "不含税金额 Net", "税率 Rate", "税额 Tax",
    "价税合计 Total",
)  # fmt: skip
_WIDTHS: Final = (16, 46, 12, 10, 14, 16, 18, 14, 16)
_BOLD: Final = Font(bold=True)
# What XML 1.0 cannot hold (https://www.w3.org/TR/xml/#charsets): a workbook with it is none.
_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NET, _TAX, _GROSS = "F", "H", "I"


def xlsx_of(content: Content) -> bytes:
    """The workbook's bytes. Amounts are in major units; the total is a formula over the lines."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("账单")
    for place, width in enumerate(_WIDTHS):
        sheet.column_dimensions["ABCDEFGHI"[place]].width = width
    rows = [[content.title], *([label, value] for label, value in content.facts), []]
    for label, party in (("销售方 Seller", content.seller), ("购买方 Buyer", content.buyer)):
        rows.append([label, party.get("name", ""), "税号 Tax No.", "", party.get("tax_number", "")])
    rows.append([])
    for row in rows:
        sheet.append([_text(sheet, value) for value in row])
    sheet.append([_text(sheet, head or content.price_label, bold=True) for head in _HEADS])
    first = len(rows) + 2
    for line in content.lines:
        sheet.append(
            [
                line.line_no,
                _text(sheet, line.text),
                None if line.quantity is None else line.quantity,
                _text(sheet, line.unit),
                None if line.unit_price is None else line.unit_price.scaleb(-content.exponent),
                _amount(sheet, line.net_minor, content.exponent),
                _text(sheet, line.tax),
                _amount(sheet, line.tax_minor, content.exponent),
                _amount(sheet, line.gross_minor, content.exponent),
            ]
        )
    last = first + len(content.lines) - 1
    total: list[Any] = [_text(sheet, "合计 Total", bold=True), *[None] * 8]
    for column in (_NET, _TAX, _GROSS):
        total["ABCDEFGHI".index(column)] = _formula(sheet, f"=SUM({column}{first}:{column}{last})", content.exponent)
    sheet.append(total)
    sheet.append([])
    for tax in content.taxes:
        said = [_text(sheet, tax.label), _text(sheet, tax.source), None, None, None]
        sheet.append([*said, _amount(sheet, tax.base_minor, content.exponent), None,
                      _amount(sheet, tax.tax_minor, content.exponent)])  # fmt: skip
    made = BytesIO()
    book.save(made)
    return made.getvalue()


def _text(sheet: Any, value: str, *, bold: bool = False) -> Any:
    # Said to be text, so that "=HYPERLINK(…)" in somebody's name stays a name.
    cell = WriteOnlyCell(sheet, value=_NO_XML.sub("\N{REPLACEMENT CHARACTER}", value))
    cell.data_type = "s"
    cell.quotePrefix = value[:1] in "=+-@\t\r" and value != ""
    cell.alignment = Alignment(vertical="top", wrap_text=len(value) > 30)
    if bold:
        cell.font = _BOLD
    return cell


def _amount(sheet: Any, amount_minor: int, exponent: int) -> Any:
    cell = WriteOnlyCell(sheet)
    cell.value = Decimal(amount_minor).scaleb(-exponent)
    cell.number_format = _format(exponent)
    return cell


def _formula(sheet: Any, formula: str, exponent: int) -> Any:
    cell = WriteOnlyCell(sheet, value=formula)
    cell.number_format, cell.font = _format(exponent), _BOLD
    return cell


def _format(exponent: int) -> str:
    return "#,##0" + ("." + "0" * exponent if exponent else "")
