"""Reading a register's CSV: bytes in, clean rows and typed problems out. Touches no database.

Files come from spreadsheets: with a BOM or without, in UTF-8, UTF-16 or GB 18030, with cells that a spreadsheet
would run as formulas (OWASP: CSV injection), with rows twice.
"""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from tandem.accounts.imports.errors import ColumnsMissing, FileTooLong, FileUnreadable, RowProblem
from tandem.accounts.organizations.naming import plain_name
from tandem.kernel.i18n import Text

REQUIRED: Final = ("province", "city", "name")
OPTIONAL: Final = ("province_code", "city_code", "address", "phone", "tags")
COLUMNS: Final = ("province_code", "province", "city_code", "city", "name", "address", "phone", "tags")
LONGEST: Final = {"province": 20, "city": 20, "name": 120, "address": 200, "phone": 60, "tags": 120}
ROWS_AT_MOST: Final = 100_000

_CODE: Final = re.compile(r"[0-9]{6}")
_FORMULA: Final = re.compile(r"[=+\-@\t\r]")
_PHONE: Final = re.compile(r"[+\-]?[0-9][0-9 ()+\-转,;/]*")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffd]")


@dataclass(frozen=True)
class HospitalRow:
    """One hospital as the register knows it."""

    row: int
    name: str
    province: str
    city: str
    province_code: str | None = None
    city_code: str | None = None
    address: str | None = None
    phone: str | None = None
    tags: tuple[str, ...] = ()

    @property
    def natural_key(self) -> tuple[str, str]:
        """What makes two rows the same hospital: its name within its city, whatever the width of its brackets."""
        return plain_name(self.name), self.city


@dataclass
class Reading:
    """What a file says: rows to import, and what was wrong with the others."""

    encoding: str
    rows: list[HospitalRow] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)
    row_count: int = 0
    ignored_columns: list[str] = field(default_factory=list)

    def count(self, kind: str) -> int:
        """How many problems of a kind there are."""
        return sum(problem.kind == kind for problem in self.problems)


def read_hospitals(content: bytes) -> Reading:
    """Read a register. Raises FileUnreadable, ColumnsMissing, FileTooLong; a bad row is a problem, not an exception."""
    encoding, text = _decoded(content)
    records = _records(text)
    header = [cell.strip().lower() for cell in next(records, (1, []))[1]]
    missing = [name for name in REQUIRED if name not in header]
    if missing:
        raise ColumnsMissing(missing=missing, expected=list(COLUMNS))
    reading = Reading(encoding, ignored_columns=[name for name in header if name not in COLUMNS])
    first_seen: dict[tuple[str, str], int] = {}
    for number, cells in records:
        if not any(cell.strip() for cell in cells):
            continue
        reading.row_count += 1
        if reading.row_count > ROWS_AT_MOST:
            raise FileTooLong(limit_rows=ROWS_AT_MOST)
        hospital = _hospital(number, header, cells, reading.problems)
        if hospital is None:
            continue
        earlier = first_seen.setdefault(hospital.natural_key, number)
        if earlier == number:
            reading.rows.append(hospital)
        else:
            reading.problems.append(_duplicate(number, earlier))
    return reading


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
    sample = text[:4096].partition("\n")[0]
    delimiter = max(",;\t", key=sample.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 0
    try:
        for number, cells in enumerate(reader, 1):
            yield number, cells
    except csv.Error:
        raise FileUnreadable(row=number + 1) from None


def _hospital(number: int, header: list[str], cells: list[str], problems: list[RowProblem]) -> HospitalRow | None:
    if len(cells) != len(header):
        problems.append(_cells_off(number, len(cells), len(header)))
        return None
    before = len(problems)
    known = {name: cell.strip() for name, cell in zip(header, cells, strict=True) if name in COLUMNS}
    for name, cell in known.items():
        problems.extend(_refusals(number, name, cell))
    for name in REQUIRED:
        if not known[name]:
            problems.append(_empty(number, name))
    if len(problems) > before:
        return None
    safe = {name: _harmless(number, name, cell, problems) for name, cell in known.items()}
    tags = tuple(dict.fromkeys(tag for tag in re.split(r"[;；|、]", safe.pop("tags", "")) if tag.strip()))
    return HospitalRow(number, tags=tags, **{name: cell or None for name, cell in safe.items()})  # type: ignore[arg-type]  # the required ones are not empty


def _refusals(number: int, name: str, cell: str) -> Iterator[RowProblem]:
    if _CONTROL.search(cell):
        yield RowProblem(
            number,
            name,
            "control",
            Text("The cell holds characters that are no text", "单元格含有非文本字符"),
            Text("Retype it.", "请重新录入。"),
        )
    if len(cell) > LONGEST.get(name, len(cell)):
        limit = LONGEST[name]
        yield RowProblem(
            number,
            name,
            "length",
            Text(f"The cell is longer than {limit} characters", f"单元格超过 {limit} 个字符"),
            Text("Shorten it.", "请缩短内容。"),
        )
    if name.endswith("_code") and cell and not _CODE.fullmatch(cell):
        yield RowProblem(
            number,
            name,
            "code",
            Text("This is no division code of six digits", "行政区划代码应为六位数字"),
            Text("Take it from GB/T 2260.", "请按 GB/T 2260 填写。"),
        )


def _harmless(number: int, name: str, cell: str, problems: list[RowProblem]) -> str:
    # A spreadsheet that opens our export would run such a cell; a telephone number may begin with a plus.
    if not cell or not _FORMULA.match(cell) or (name == "phone" and _PHONE.fullmatch(cell)):
        return cell
    problems.append(
        RowProblem(
            number,
            name,
            "formula",
            Text("The cell began like a formula and was made text", "单元格以公式字符开头，已转为文本"),
            Text(
                "Nothing to do, unless the formula was meant to be its value.", "无需处理；如需填写公式结果请改为数值。"
            ),
            "notice",
        )
    )
    return "'" + cell


def _empty(number: int, name: str) -> RowProblem:
    return RowProblem(
        number, name, "required", Text("The cell is empty", "单元格为空"), Text("Fill it in.", "请补充内容。")
    )


def _cells_off(number: int, found: int, expected: int) -> RowProblem:
    return RowProblem(
        number,
        "row",
        "cells",
        Text(f"The row has {found} cells, the header {expected}", f"本行有 {found} 个单元格，表头有 {expected} 个"),
        Text("Quote cells that hold a comma.", "含逗号的单元格请加引号。"),
    )


def _duplicate(number: int, earlier: int) -> RowProblem:
    return RowProblem(
        number,
        "name",
        "duplicate",
        Text(f"Row {earlier} names the same hospital in the same city", f"与第 {earlier} 行为同城同名医院"),
        Text(
            "Remove one of them, or add the district to the name if they are two hospitals.",
            "请删除其中一行；如为两家医院，请在名称中注明区县。",
        ),
        "duplicate",
    )
