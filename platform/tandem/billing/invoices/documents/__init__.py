"""An invoice on paper and as a workbook: PDF with the font embedded, XLSX whose sum is a formula.

What draws them is loaded by the first request that asks for one: see `billing/stationery`.
"""

from importlib import import_module

from tandem.billing.invoices.documents.content import Content, content_of

__all__ = ["Content", "content_of", "pdf_of", "xlsx_of"]


def pdf_of(content: Content) -> bytes:
    """The document as PDF. Raises GlyphMissing for a character that no embedded font can draw."""
    drawn: bytes = import_module("tandem.billing.invoices.documents.paper").pdf_of(content)
    return drawn


def xlsx_of(content: Content) -> bytes:
    """The document as a workbook whose sums are formulas."""
    written: bytes = import_module("tandem.billing.invoices.documents.workbook").xlsx_of(content)
    return written
