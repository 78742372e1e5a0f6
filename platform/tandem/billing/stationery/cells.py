"""Workbooks: figures are numbers, sums are formulas, no text of ours can become one, and no clock is in the bytes."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from shutil import copyfileobj
from typing import IO, Any, Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.writer.excel import ExcelWriter

_A4: Final = 9
_BOLD: Final = Font(bold=True)
# What XML 1.0 cannot hold (https://www.w3.org/TR/xml/#charsets): a workbook with it is none.
_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_UNWRITABLE: Final = "\N{REPLACEMENT CHARACTER}"
# One date for all parts, so that the same document is the same bytes; 1980 is where ZIP's calendar begins.
_DATE: Final = (1980, 1, 1, 0, 0, 0)


@contextmanager
def writing(into: IO[bytes], *, made_at: datetime) -> Iterator[Workbook]:
    """A workbook whose rows go to a file as they are added, so that its memory does not grow with them.

    Made at the same moment of the same rows it is the same to the byte.
    """
    book = Workbook(write_only=True)
    said = made_at.astimezone(UTC).replace(tzinfo=None, microsecond=0)
    book.properties.created, book.properties.modified, book.properties.creator = said, said, "Tandem"
    try:
        yield book
        with _Undated(into, "w", ZIP_DEFLATED) as archive:
            ExcelWriter(book, archive).write_data()
    except BaseException:
        _forget(book)
        raise


def new_sheet(book: Workbook, title: str, widths: Sequence[int], *, frozen_at: str | None = None) -> Any:
    """A sheet with columns of these widths, printed as wide as the paper is.

    `frozen_at` is the cell up to which rows and columns stay in sight, and are printed again on each page.
    """
    sheet = book.create_sheet(title)
    sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", _A4
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    for place, width in enumerate(widths):
        sheet.column_dimensions[column(place)].width = width
    if frozen_at is not None:
        sheet.freeze_panes = frozen_at
        sheet.print_title_rows = "1:1"
    return sheet


def column(place: int) -> str:
    """The letter of a column, counted from nought; sheets of ours have no more than 26."""
    return chr(ord("A") + place)


def text_cell(sheet: Any, value: str, *, bold: bool = False, alone: bool = False) -> Any:
    """A text that stays one; `alone` in its row, it may run over the columns at its right."""
    # Said to be text, so that "=HYPERLINK(…)" in somebody's name stays a name.
    cell = WriteOnlyCell(sheet, value=_NO_XML.sub(_UNWRITABLE, value))
    cell.data_type = "s"
    cell.quotePrefix = value[:1] in "=+-@\t\r" and value != ""
    cell.alignment = Alignment(vertical="top", wrap_text=len(value) > 30 and not alone)
    if bold:
        cell.font = _BOLD
    return cell


def amount_cell(sheet: Any, amount_minor: int, exponent: int) -> Any:
    """An amount as a number in major units."""
    cell = WriteOnlyCell(sheet)
    cell.value = Decimal(amount_minor).scaleb(-exponent)
    cell.number_format = _format(exponent)
    return cell


def formula_cell(sheet: Any, formula: str, exponent: int) -> Any:
    """A sum that the reader's own program works out."""
    cell = WriteOnlyCell(sheet, value=formula)
    cell.number_format, cell.font = _format(exponent), _BOLD
    return cell


class Rows:
    """Many rows of the same columns below each other, each written at once: the same few cells carry all of them.

    `exponents` says of each column how many places its numbers have; None: it holds text.
    """

    def __init__(self, sheet: Any, exponents: Sequence[int | None]) -> None:
        self._sheet, self._exponents = sheet, exponents
        self._cells = [WriteOnlyCell(sheet) for _ in exponents]
        for cell, exponent in zip(self._cells, exponents, strict=True):
            if exponent is not None:
                cell.number_format = _format(exponent)

    def add(self, values: Sequence[str | int]) -> None:
        """Write a row: text for columns of text, whole numbers (of minor units) for the others."""
        for cell, exponent, value in zip(self._cells, self._exponents, values, strict=True):
            if isinstance(value, str):
                cell.value, cell.data_type = _NO_XML.sub(_UNWRITABLE, value), "s"
            else:
                cell.value = Decimal(value).scaleb(-(exponent or 0))
        self._sheet.append(self._cells)


class _Undated(ZipFile):
    """An archive in which the time of day leaves no trace."""

    def writestr(
        self, zinfo_or_arcname: Any, data: Any, compress_type: int | None = None, compresslevel: int | None = None
    ) -> None:
        """Called by the library with the name of each small part."""
        super().writestr(_about(str(zinfo_or_arcname)), data, compress_type, compresslevel)

    def write(
        self, filename: Any, arcname: Any = None, compress_type: int | None = None, compresslevel: int | None = None
    ) -> None:
        """Called by the library with the file in which it kept a sheet's rows."""
        with Path(filename).open("rb") as kept, self.open(_about(str(arcname)), "w", force_zip64=True) as part:
            copyfileobj(kept, part)


def _forget(book: Workbook) -> None:
    # The library keeps a sheet's rows in a file until the archive takes them, or until the process ends.
    for sheet in book.worksheets:
        writer = getattr(sheet, "_writer", None)
        if writer is not None and Path(writer.out).exists():
            writer.cleanup()


def _about(name: str) -> ZipInfo:
    about = ZipInfo(name, _DATE)
    about.compress_type, about.external_attr = ZIP_DEFLATED, 0o644 << 16
    return about


def _format(exponent: int) -> str:
    return "#,##0" + ("." + "0" * exponent if exponent else "")
