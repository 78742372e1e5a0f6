"""What documents are made of, whosesoever they are: figures in words, an embedded font, pages, cells. 文具

What draws pages and writes workbooks is larger than a quarter of the application and is needed by few requests: a slice
loads `pages`, `lettering` and `cells` with the first document that somebody asks for, so that neither the start nor the
memory of any other process pays for them.
"""

from tandem.billing.stationery.capitals import capitals
from tandem.billing.stationery.errors import GlyphMissing
from tandem.billing.stationery.figures import figure, number, unit_figure
from tandem.billing.stationery.sending import PDF, XLSX, sent

__all__ = ["PDF", "XLSX", "GlyphMissing", "capitals", "figure", "number", "sent", "unit_figure"]
