"""Reading a register's CSV: bytes in, clean rows and typed problems out. Touches no database.

How a spreadsheet's file is read at all is the kernel's (sheets.py); here stands what a register's columns mean.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from tandem.accounts.imports.errors import RowProblem
from tandem.accounts.organizations.naming import plain_name
from tandem.kernel.i18n import Text
from tandem.kernel.sheets import Column, Misshapen, read_sheet

ROWS_AT_MOST: Final = 100_000

_NO_CODE: Final = Misshapen(
    "code",
    Text("This is no division code of six digits", "行政区划代码应为六位数字"),
    Text("Take it from GB/T 2260.", "请按 GB/T 2260 填写。"),
)
_CODE: Final = Column(may_lack=True, may_be_empty=True, shape=re.compile(r"[0-9]{6}"), misshapen=_NO_CODE)
_PHONE: Final = re.compile(r"[+\-]?[0-9][0-9 ()+\-转,;/]*")

COLUMNS: Final = {
    "province_code": _CODE,
    "province": Column(longest=20),
    "city_code": _CODE,
    "city": Column(longest=20),
    "name": Column(longest=120),
    "address": Column(may_lack=True, may_be_empty=True, longest=200),
    "phone": Column(may_lack=True, may_be_empty=True, longest=60, signed=_PHONE),
    "tags": Column(may_lack=True, may_be_empty=True, longest=120),
}


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
    """Read a register. A bad row is a problem, not an exception.

    Raises FileUnreadable, ColumnsMissing, ColumnsRepeated, FileTooLong.
    """
    sheet = read_sheet(content, COLUMNS, rows_max=ROWS_AT_MOST, formulas="defuse")
    reading = Reading(sheet.encoding, row_count=sheet.row_count, ignored_columns=sheet.ignored_columns)
    first_seen: dict[tuple[str, str], int] = {}
    duplicates: list[RowProblem] = []
    for number, cells in sheet.rows:
        hospital = _hospital(number, cells)
        earlier = first_seen.setdefault(hospital.natural_key, number)
        if earlier == number:
            reading.rows.append(hospital)
        else:
            duplicates.append(_duplicate(number, earlier))
    reading.problems = sorted(sheet.problems + duplicates, key=lambda problem: problem.row)
    return reading


def _hospital(number: int, cells: dict[str, str]) -> HospitalRow:
    tags = tuple(dict.fromkeys(tag for tag in re.split(r"[;；|、]", cells.get("tags", "")) if tag.strip()))
    return HospitalRow(
        number,
        name=cells["name"],
        province=cells["province"],
        city=cells["city"],
        province_code=cells.get("province_code") or None,
        city_code=cells.get("city_code") or None,
        address=cells.get("address") or None,
        phone=cells.get("phone") or None,
        tags=tags,
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
