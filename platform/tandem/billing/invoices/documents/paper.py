"""An invoice as a PDF: who owes what to whom, line by line, with its taxes and its total in capital figures."""

from collections.abc import Sequence
from typing import Final

from tandem.billing.invoices.documents.content import Content
from tandem.billing.stationery import capitals, figure, number, pages, unit_figure
from tandem.billing.stationery.pages import Parties, Sums, Table, Title, Words

_HEADS: Final = ("项目 Item", "数量 Qty", "单位", "", "不含税 Net", "税率 Rate", "税额 Tax", "合计 Total")
_WIDTHS: Final = (50, 16, 11, 24, 23, 20, 19, 25)
_ALIGN: Final = ("LEFT", "RIGHT", "CENTER", "RIGHT", "RIGHT", "CENTER", "RIGHT", "RIGHT")
_FOOT: Final = "本账单不是发票，发票按税务规定另行开具。This is no fapiao; fapiao are issued separately."


def pdf_of(content: Content) -> bytes:
    """The PDF's bytes. Raises GlyphMissing for a character that the font cannot set: refused, never a gap."""
    blocks: list[pages.Block] = [
        Title(content.title, content.facts),
        Parties(("销售方 Seller", "购买方 Buyer"), (content.seller, content.buyer)),
        Table(_rows(content), _WIDTHS, _ALIGN),
        _sums(content),
        *([Words(content.note)] if content.note else []),
        *_taxes(content),
    ]
    return pages.pdf_of(blocks, title=content.title, number=content.document_no, foot=_FOOT, made_at=content.made_at)


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


def _sums(content: Content) -> Sums:
    rows = [(label, f"{content.currency} {figure(amount, content.exponent)}") for label, amount in content.sums]
    total = next(place for place, (label, _) in enumerate(rows) if label.startswith("价税合计"))
    in_words = f"价税合计（大写） {capitals(content.total_minor)}" if content.currency == "CNY" else ""
    return Sums(rows, total, in_words)


def _taxes(content: Content) -> list[Words]:
    said = []
    for tax in content.taxes:
        base, owed = figure(tax.base_minor, content.exponent), figure(tax.tax_minor, content.exponent)
        said.append(Words(f"{tax.label} · 计税基础 Base {base} · 税额 Tax {owed} · {tax.source}"))
    return said
