"""CSV as people send it: any of the usual encodings, with or without a BOM, headers in Chinese or English.

A cell that a spreadsheet would run as a formula is refused, never stored and never repaired in silence; so is a
number that Excel has rounded to 1.38E+10. Every refused row says where, why and how to mend it, without repeating
what was in the cell.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tandem.kernel.errors import Problem
from tandem.kernel.i18n import Text

ENCODINGS: Final = ("utf-8-sig", "gb18030")
CELL_MAX: Final = 2_000
_FORMULA: Final = re.compile(r"^[\s\u3000\ufeff]*[=+\-@＝＋－＠\t\r]")
_ROUNDED: Final = re.compile(r"^\d(\.\d+)?[eE]\+\d+$")


class SheetUnreadable(Problem):
    """Not a CSV we can read; `reason` is encoding, empty, columns, rows or shape."""

    status, slug = 422, "sheet-unreadable"
    title = Text("The file cannot be read as a table", "文件无法作为表格读取")
    mend = Text("Save it as CSV UTF-8 with the columns of the template.", "请按模板列另存为 UTF-8 编码的 CSV。")


@dataclass(frozen=True)
class RowRefused:
    """One row that was not taken. `row` counts from 1 for the first row after the header."""

    row: int
    column: str
    code: str
    reason: Text
    mend: Text


@dataclass(frozen=True)
class Sheet:
    """The rows of a file, each with its number, as column name -> text; and the rows that could not be taken."""

    rows: Sequence[tuple[int, dict[str, str]]]
    refused: Sequence[RowRefused] = field(default_factory=tuple)


def read_csv(content: bytes, columns: Mapping[str, Sequence[str]], *, rows_max: int) -> Sheet:
    """Read a CSV into the named columns; each name lists the headers that mean it, in any language.

    Raises SheetUnreadable when the bytes, the header or the number of rows are not those of such a table.
    """
    lines = csv.reader(io.StringIO(_decoded(content), newline=""), strict=True)
    try:
        header = next(lines, None)
        if not header:
            raise SheetUnreadable(reason="empty")
        places = _places(header, columns)
        taken: list[tuple[int, dict[str, str]]] = []
        refused: list[RowRefused] = []
        for number, cells in enumerate(_filled(lines), start=1):
            if number > rows_max:
                raise SheetUnreadable(reason="rows", rows_max=rows_max)
            problem = _cell_problem(number, cells, places)
            if problem is not None:
                refused.append(problem)
                continue
            taken.append((number, {name: cells[at].strip() for name, at in places.items()}))
    except csv.Error:
        raise SheetUnreadable(reason="shape") from None
    return Sheet(taken, refused)


def _decoded(content: bytes) -> str:
    if b"\x00" in content:
        raise SheetUnreadable(reason="encoding")
    for encoding in ENCODINGS:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise SheetUnreadable(reason="encoding")


def _places(header: Sequence[str], columns: Mapping[str, Sequence[str]]) -> dict[str, int]:
    found = [cell.strip().lower() for cell in header]
    places = {
        name: next((found.index(said.lower()) for said in (name, *meanings) if said.lower() in found), -1)
        for name, meanings in columns.items()
    }
    missing = [name for name, at in places.items() if at < 0]
    if missing:
        raise SheetUnreadable(reason="columns", missing=missing)
    return places


def _filled(lines: Iterator[list[str]]) -> Iterator[list[str]]:
    return (cells for cells in lines if any(cell.strip() for cell in cells))


def _cell_problem(number: int, cells: Sequence[str], places: Mapping[str, int]) -> RowRefused | None:
    for name, at in places.items():
        cell = cells[at] if at < len(cells) else None
        code = _fault(cell)
        if code is not None:
            return RowRefused(number, name, code, *_SAYINGS[code])
    return None


def _fault(cell: str | None) -> str | None:
    if cell is None:
        return "missing"
    if len(cell) > CELL_MAX:
        return "length"
    if _FORMULA.match(cell):
        return "formula"
    return "rounded" if _ROUNDED.match(cell.strip()) else None


_SAYINGS: Final = {
    "missing": (Text("The row is too short", "该行列数不足"), Text("Fill every column.", "请补全各列。")),
    "length": (Text("The cell is too long", "单元格过长"), Text("Shorten it.", "请缩短内容。")),
    "formula": (
        Text("The cell begins like a formula", "单元格以公式符号开头"),
        Text("Remove the sign at its beginning.", "请删除开头的符号。"),
    ),
    "rounded": (
        Text("Excel has rounded this number", "该数字已被 Excel 截断"),
        Text("Format the column as text and type it again.", "请将该列设为文本后重新填写。"),
    ),
}
