"""An invoice as a PDF on A4: bilingual, the font embedded and cut down, the text extractable."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from fpdf import FPDF
from fpdf.enums import TableBordersLayout
from fpdf.fonts import FontFace

from tandem.billing.invoices.documents.capitals import capitals
from tandem.billing.invoices.documents.content import Content, figure, number, unit_figure
from tandem.billing.invoices.documents.lettering import require_glyphs, subset_font

_FAMILY: Final = "noto"
_MARGIN_MM: Final = 15
_GREY, _INK, _RULE = (100, 106, 115), (24, 28, 33), (205, 210, 216)
_HEADS: Final = ("项目 Item", "数量 Qty", "单位", "", "不含税 Net", "税率 Rate", "税额 Tax", "合计 Total")
_WIDTHS: Final = (50, 16, 11, 24, 23, 20, 19, 25)
_ALIGN: Final = ("LEFT", "RIGHT", "CENTER", "RIGHT", "RIGHT", "CENTER", "RIGHT", "RIGHT")
_PARTY: Final = (
    ("tax_number", "税号 Tax No."),
    ("address", "地址 Address"),
    ("telephone", "电话 Tel."),
    ("bank_name", "开户行 Bank"),
    ("bank_account", "账号 Account"),
)
_FOOT: Final = "本账单不是发票，发票按税务规定另行开具。This is no fapiao; fapiao are issued separately."


class _Paper(FPDF):
    """A4 with a foot on each page: the document's number and the page's."""

    document_no = ""

    def footer(self) -> None:
        """Called by the library at the end of each page."""
        self.set_y(-14)
        self.set_font(_FAMILY, size=7)
        self.set_text_color(*_GREY)
        self.cell(0, 4, _FOOT, new_x="LMARGIN", new_y="NEXT")
        self.cell(90, 4, self.document_no)
        self.cell(0, 4, f"{self.page_no()} / {{nb}}", align="R")


def pdf_of(content: Content) -> bytes:
    """The PDF's bytes. Raises GlyphMissing for a character that the font cannot set: refused, never a gap."""
    texts = _texts(content)
    require_glyphs(texts)
    paper = _Paper(format="A4")
    paper.document_no = content.document_no
    with TemporaryDirectory() as folder:
        font = Path(folder) / "noto.ttf"
        subset_font(texts, font)
        paper.add_font(_FAMILY, "", font)
    paper.set_margins(_MARGIN_MM, _MARGIN_MM, _MARGIN_MM)
    paper.set_auto_page_break(True, margin=20)
    paper.set_title(f"{content.title} {content.document_no}")
    paper.set_lang("zh-CN")
    paper.add_page()
    _head(paper, content)
    _parties(paper, content)
    _lines(paper, content)
    _sums(paper, content)
    _taxes(paper, content)
    return bytes(paper.output())


def _head(paper: FPDF, content: Content) -> None:
    paper.set_text_color(*_INK)
    paper.set_font(_FAMILY, size=20)
    paper.cell(0, 11, content.title, new_x="LMARGIN", new_y="NEXT")
    paper.set_draw_color(*_RULE)
    paper.line(_MARGIN_MM, paper.get_y() + 1, paper.w - _MARGIN_MM, paper.get_y() + 1)
    paper.ln(4)
    for place, (label, value) in enumerate(content.facts):
        _pair(paper, label, value, 90)
        if place % 2 or place == len(content.facts) - 1:
            paper.ln(6)
    paper.ln(3)


def _pair(paper: FPDF, label: str, value: str, width: int, *, label_width: int = 30) -> None:
    paper.set_font(_FAMILY, size=8)
    paper.set_text_color(*_GREY)
    paper.cell(label_width, 6, label)
    paper.set_font(_FAMILY, size=9)
    paper.set_text_color(*_INK)
    paper.cell(width - label_width, 6, value)


def _parties(paper: FPDF, content: Content) -> None:
    top, bottoms = paper.get_y(), []
    for left, label, party in (
        (_MARGIN_MM, "销售方 Seller", content.seller),
        (int(paper.w / 2) + 3, "购买方 Buyer", content.buyer),
    ):
        paper.set_xy(left, top)
        _party(paper, left, label, party)
        bottoms.append(paper.get_y())
    paper.set_y(max(bottoms) + 5)


def _party(paper: FPDF, left: int, label: str, party: Mapping[str, Any]) -> None:
    width = paper.w / 2 - _MARGIN_MM - 3
    paper.set_font(_FAMILY, size=8)
    paper.set_text_color(*_GREY)
    paper.cell(width, 5, label, new_x="LEFT", new_y="NEXT")
    paper.set_text_color(*_INK)
    paper.set_font(_FAMILY, size=11)
    paper.multi_cell(width, 6, party.get("name") or "—", align="L", new_x="LEFT", new_y="NEXT")
    for name, title in _PARTY:
        if party.get(name):
            paper.set_font(_FAMILY, size=8)
            paper.set_text_color(*_GREY)
            paper.set_x(left)
            paper.cell(26, 5, title)
            paper.set_text_color(*_INK)
            paper.multi_cell(width - 26, 5, str(party[name]), align="L", new_x="LEFT", new_y="NEXT")
            paper.set_x(left)


def _lines(paper: FPDF, content: Content) -> None:
    paper.set_font(_FAMILY, size=8)
    paper.set_text_color(*_INK)
    heading = FontFace(color=_GREY, fill_color=(244, 246, 248))
    with paper.table(
        _rows(content),
        col_widths=_WIDTHS,
        text_align=_ALIGN,
        width=sum(_WIDTHS) * (paper.w - 2 * _MARGIN_MM) / sum(_WIDTHS),
        headings_style=heading,
        borders_layout=TableBordersLayout.HORIZONTAL_LINES,
        line_height=5,
        padding=(1, 1),
    ):
        pass
    paper.ln(3)


def _rows(content: Content) -> list[Sequence[str]]:
    exponent = content.exponent
    heads = [head or content.price_label for head in _HEADS]
    return [heads] + [
        (
            line.text,
            "" if line.quantity is None else number(line.quantity),
            line.unit,
            "" if line.unit_price is None else unit_figure(line.unit_price, exponent),
            figure(line.net_minor, exponent),
            line.tax,
            figure(line.tax_minor, exponent) if line.is_taxed or line.tax_minor else "—",
            figure(line.gross_minor, exponent),
        )
        for line in content.lines
    ]


def _sums(paper: FPDF, content: Content) -> None:
    if paper.will_page_break(7 * len(content.sums) + 8):
        paper.add_page()
    for label, amount in content.sums:
        is_total = amount == content.total_minor and label.startswith("价税合计")
        paper.set_x(paper.w / 2)
        paper.set_text_color(*(_INK if is_total else _GREY))
        paper.set_font(_FAMILY, size=11 if is_total else 9)
        paper.cell(45, 7, label)
        paper.set_text_color(*_INK)
        shown = f"{content.currency} {figure(amount, content.exponent)}"
        paper.cell(0, 7, shown, align="R", new_x="LMARGIN", new_y="NEXT")
    if content.currency == "CNY":
        paper.set_font(_FAMILY, size=9)
        paper.cell(0, 7, f"价税合计（大写） {capitals(content.total_minor)}", align="R", new_x="LMARGIN", new_y="NEXT")
    paper.ln(3)


def _taxes(paper: FPDF, content: Content) -> None:
    paper.set_font(_FAMILY, size=8)
    if content.note:
        paper.multi_cell(0, 5, content.note, align="L", new_x="LMARGIN", new_y="NEXT")
    for tax in content.taxes:
        paper.set_text_color(*_GREY)
        base, owed = figure(tax.base_minor, content.exponent), figure(tax.tax_minor, content.exponent)
        said = f"{tax.label} · 计税基础 Base {base} · 税额 Tax {owed} · {tax.source}"
        paper.multi_cell(0, 5, said, align="L", new_x="LMARGIN", new_y="NEXT")


def _texts(content: Content) -> list[str]:
    texts = [_FOOT, content.title, content.document_no, content.note, "0123456789.,-–—/·：（） CNY", content.currency]
    texts += [each for pair in content.facts for each in pair]
    texts += [label for label, _ in content.sums] + [each for row in _rows(content) for each in row]
    texts += [each for tax in content.taxes for each in (tax.label, tax.source)]
    texts += [str(party.get(name) or "") for party in (content.seller, content.buyer) for name, _ in _PARTY]
    texts += [str(party.get("name") or "") for party in (content.seller, content.buyer)]
    texts += [title for _, title in _PARTY]
    texts += [
        "销售方购买方 Seller Buyer 计税基础 Base 税额 Tax 价税合计（大写）",
        "负零壹贰叁肆伍陆柒捌玖拾佰仟万亿元角分整",
    ]
    return texts
