"""CSV as people send it: saved by a spreadsheet in whatever encoding, with headers in Chinese or English.

A slice says what its columns may hold; every row that does not fit is told with where, why and how to mend it,
without repeating what stood there. A cell that a spreadsheet would run as a formula (OWASP: CSV injection) is refused
or made harmless, never stored as it is; so is a number that a spreadsheet has rounded to 1.38E+10.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from tandem.kernel.errors import Problem
from tandem.kernel.i18n import Text

CELL_MAX: Final = 2_000
_SNIFFED_CHARACTERS: Final = 4_096
_FORMULA: Final = re.compile(r"[=+\-@＝＋－＠]")
_ROUNDED: Final = re.compile(r"[0-9](\.[0-9]+)?[eE]\+[0-9]+")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffd]")


class FileUnreadable(Problem):
    """The bytes are no text in UTF-8, UTF-16 or GB 18030, or no CSV."""

    status, slug = 422, "file-unreadable"
    title = Text("The file could not be read as CSV", "文件无法按 CSV 读取")
    mend = Text("Save it as 'CSV UTF-8' and send it again.", "请另存为“CSV UTF-8”后重新提交。")


class ColumnsMissing(Problem):
    """The header lacks columns without which no row means anything; `missing` names them."""

    status, slug = 422, "columns-missing"
    title = Text("The header row lacks columns", "表头缺少必需的列")
    mend = Text("Name the columns as in 'expected'; their order is free.", "请按 expected 所列命名各列，顺序不限。")


class ColumnsRepeated(Problem):
    """Two columns of the header mean the same, so no row says which of them counts; `repeated` names them."""

    status, slug = 422, "columns-repeated"
    title = Text("The header row names a column twice", "表头中有重复的列")
    mend = Text("Keep one of each.", "请每列只保留一个。")


class FileTooLong(Problem):
    """More rows than one import takes."""

    status, slug = 422, "file-too-long"
    title = Text("The file has too many rows", "文件行数过多")
    mend = Text("Split it; one import takes {limit_rows} rows.", "请拆分文件；单次最多导入 {limit_rows} 行。")


SHEET_PROBLEMS: Final = (FileUnreadable, ColumnsMissing, ColumnsRepeated, FileTooLong)
"""All that `read_sheet` raises, for the routes that call it."""


@dataclass(frozen=True)
class RowProblem:
    """What is wrong with one row, numbered as a spreadsheet numbers it: the header is row 1.

    An error keeps its row out; a duplicate is left out because an earlier row says the same; a notice is about
    something that was made harmless on the way in.
    """

    row: int
    field: str
    code: str
    reason: Text
    mend: Text
    kind: Literal["error", "duplicate", "notice"] = "error"


@dataclass(frozen=True)
class Misshapen:
    """What is said of a cell that does not have the shape of its column."""

    code: str
    reason: Text
    mend: Text


@dataclass(frozen=True)
class Column:
    """What a column may hold.

    `headers` mean it besides its own name. `shape` is what a filled cell looks like, or `misshapen` is said of it.
    `signed` cells begin like a formula and are none (telephone numbers); in `digits` a rounded number is refused.
    """

    headers: Sequence[str] = ()
    may_lack: bool = False
    may_be_empty: bool = False
    longest: int = CELL_MAX
    shape: re.Pattern[str] | None = None
    misshapen: Misshapen | None = None
    signed: re.Pattern[str] | None = None
    digits: bool = False


@dataclass
class Sheet:
    """A file's clean rows as column name -> text, each with its number; and what was wrong with the others."""

    encoding: str
    ignored_columns: list[str]
    rows: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)
    row_count: int = 0


def read_sheet(
    content: bytes, columns: Mapping[str, Column], *, rows_max: int, formulas: Literal["refuse", "defuse"]
) -> Sheet:
    """Read a CSV into the named columns. A bad row is a problem of the sheet, not an exception.

    `formulas` says what becomes of a cell like one: its row is refused, or it gets an apostrophe in front and a notice.
    Raises FileUnreadable, ColumnsMissing, ColumnsRepeated, FileTooLong.
    """
    encoding, text = _decoded(content)
    records = _records(text)
    header = [cell.strip().lower() for cell in next(records, (1, []))[1]]
    names = _names(header, columns)
    sheet = Sheet(encoding, [cell for cell, name in zip(header, names, strict=True) if name is None])
    for number, cells in records:
        if not any(cell.strip() for cell in cells):
            continue
        sheet.row_count += 1
        if sheet.row_count > rows_max:
            raise FileTooLong(limit_rows=rows_max)
        if len(cells) != len(names):
            sheet.problems.append(_cells_off(number, len(cells), len(names)))
            continue
        row = {name: cell.strip() for name, cell in zip(names, cells, strict=True) if name is not None}
        errors = [problem for name in row for problem in _refusals(number, name, row[name], columns[name], formulas)]
        errors += [_empty(number, name) for name in columns if row.get(name) == "" and not columns[name].may_be_empty]
        sheet.problems += errors
        if not errors:
            sheet.rows.append((number, _harmless(number, row, columns, sheet.problems)))
    return sheet


def _decoded(content: bytes) -> tuple[str, str]:
    is_wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    candidates = ["utf-16"] if is_wide else ["utf-8-sig", "gb18030"]
    for encoding in candidates:
        try:
            text = content.decode(encoding)
            return ("utf-8" if encoding == "utf-8-sig" else encoding), text
        except UnicodeDecodeError:
            continue
    raise FileUnreadable(tried=candidates)


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    sample = text[:_SNIFFED_CHARACTERS].partition("\n")[0]
    delimiter = max(",;\t", key=sample.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 0
    try:
        for number, cells in enumerate(reader, 1):
            yield number, cells
    except csv.Error:
        raise FileUnreadable(row=number + 1) from None


def _names(header: Sequence[str], columns: Mapping[str, Column]) -> list[str | None]:
    meant = {said.lower(): name for name, column in columns.items() for said in (name, *column.headers)}
    names = [meant.get(cell) for cell in header]
    missing = [name for name, column in columns.items() if name not in names and not column.may_lack]
    if missing:
        raise ColumnsMissing(missing=missing, expected=list(columns))
    repeated = [name for name in columns if names.count(name) > 1]
    if repeated:
        raise ColumnsRepeated(repeated=repeated)
    return names


def _refusals(number: int, name: str, cell: str, column: Column, formulas: str) -> Iterator[RowProblem]:
    if _CONTROL.search(cell):
        yield RowProblem(number, name, "control", *_SAYINGS["control"])
    if len(cell) > column.longest:
        reason = Text(f"The cell is longer than {column.longest} characters", f"单元格超过 {column.longest} 个字符")
        yield RowProblem(number, name, "length", reason, Text("Shorten it.", "请缩短内容。"))
        return  # what is too long is measured no further
    if formulas == "refuse" and _is_formula(cell, column):
        yield RowProblem(number, name, "formula", *_SAYINGS["formula"])
    elif column.digits and _ROUNDED.fullmatch(cell):
        yield RowProblem(number, name, "rounded", *_SAYINGS["rounded"])
    elif cell and column.shape and column.misshapen and not column.shape.fullmatch(cell):
        yield RowProblem(number, name, column.misshapen.code, column.misshapen.reason, column.misshapen.mend)


def _is_formula(cell: str, column: Column) -> bool:
    return bool(_FORMULA.match(cell)) and not (column.signed and column.signed.fullmatch(cell))


def _harmless(
    number: int, row: dict[str, str], columns: Mapping[str, Column], problems: list[RowProblem]
) -> dict[str, str]:
    for name, cell in row.items():
        if _is_formula(cell, columns[name]):
            problems.append(RowProblem(number, name, "formula", *_SAYINGS["defused"], kind="notice"))
            row[name] = "'" + cell
    return row


def _empty(number: int, name: str) -> RowProblem:
    return RowProblem(number, name, "required", *_SAYINGS["required"])


def _cells_off(number: int, found: int, expected: int) -> RowProblem:
    return RowProblem(
        number,
        "row",
        "cells",
        Text(f"The row has {found} cells, the header {expected}", f"本行有 {found} 个单元格，表头有 {expected} 个"),
        Text("Quote cells that hold a comma.", "含逗号的单元格请加引号。"),
    )


_SAYINGS: Final = {
    "control": (
        Text("The cell holds characters that are no text", "单元格含有非文本字符"),
        Text("Retype it.", "请重新录入。"),
    ),
    "required": (Text("The cell is empty", "单元格为空"), Text("Fill it in.", "请补充内容。")),
    "formula": (
        Text("The cell begins like a formula", "单元格以公式符号开头"),
        Text("Remove the sign at its beginning.", "请删除开头的符号。"),
    ),
    "rounded": (
        Text("The spreadsheet has rounded this number", "该数字已被表格软件截断"),
        Text("Format the column as text and type it again.", "请将该列设为文本后重新填写。"),
    ),
    "defused": (
        Text("The cell began like a formula and was made text", "单元格以公式字符开头，已转为文本"),
        Text("Nothing to do, unless the formula was meant to be its value.", "无需处理；如需填写公式结果请改为数值。"),
    ),
}
