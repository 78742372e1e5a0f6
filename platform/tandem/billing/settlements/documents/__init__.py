"""A settlement statement on paper and as a workbook, to print, stamp and file: hospitals' and employers'. 结算单

One content is set twice. The paper holds what can be read: sums by kind, programme and day, disputes and corrections;
the workbook holds every entry behind them. Both are the same bytes for the same statement in the same state.
What draws them is loaded by the first request that asks for one: see `billing/stationery`.
"""

from importlib import import_module
from typing import IO

from tandem.billing.settlements.documents.content import Content
from tandem.billing.settlements.documents.employers import content_of_employers
from tandem.billing.settlements.documents.hospitals import content_of_hospitals
from tandem.billing.settlements.models import EmployerStatement, SettlementStatement

__all__ = ["Content", "content_of", "pdf_of", "write_xlsx"]


def content_of(row: SettlementStatement | EmployerStatement) -> Content:
    """What a statement's papers say. [the statement's party]"""
    return content_of_employers(row) if isinstance(row, EmployerStatement) else content_of_hospitals(row)


def pdf_of(content: Content) -> bytes:
    """The paper. Raises GlyphMissing for a party's name with a character that no embedded font can draw."""
    drawn: bytes = import_module("tandem.billing.settlements.documents.paper").pdf_of(content)
    return drawn


def write_xlsx(content: Content, into: IO[bytes]) -> None:
    """The workbook, with every entry, read while it is written. [the statement's party]"""
    import_module("tandem.billing.settlements.documents.workbook").write_xlsx(content, into)
