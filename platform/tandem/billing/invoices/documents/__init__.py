"""An invoice on paper and as a workbook: PDF with the font embedded, XLSX whose sum is a formula."""

from tandem.billing.invoices.documents.content import Content, content_of
from tandem.billing.invoices.documents.paper import pdf_of
from tandem.billing.invoices.documents.workbook import xlsx_of

__all__ = ["Content", "content_of", "pdf_of", "xlsx_of"]
