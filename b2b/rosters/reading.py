"""A roster file's rows, checked one by one. Pure: it touches no row of the database."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from tandem.kernel.i18n import Text
from tandem.kernel.sheets import Column, Misshapen, RowProblem, read_sheet
from tandem.kernel.spellings import normalise_phone

ROWS_MAX: Final = 20_000
YEARS: Final = range(1900, 2200)
_MOBILE: Final = re.compile(r"(?:\+?86[ -]*)?1[3-9](?:[ -]*[0-9]){9}")
_DATE: Final = re.compile(r"[0-9]{4}([-/.])[0-9]{1,2}\1[0-9]{1,2}|[0-9]{4}年[0-9]{1,2}月[0-9]{1,2}日|[0-9]{8}")
_DATE_FORMS: Final = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y年%m月%d日", "%Y%m%d")
_NO_DATE: Final = Misshapen(
    "invalid", Text("This is no date", "日期格式不正确"), Text("Write YYYY-MM-DD.", "请使用 YYYY-MM-DD 格式。")
)

COLUMNS: Final = {
    "staff_number": Column(
        ("工号", "员工编号"),
        longest=40,
        digits=True,
        shape=re.compile(r"[\w.-]+"),
        misshapen=Misshapen(
            "invalid",
            Text("This is no staff number", "工号格式不正确"),
            Text("Use letters, digits, dots or dashes.", "请使用字母、数字、点或横线。"),
        ),
    ),
    "name": Column(("姓名",), longest=60),
    "phone": Column(
        ("手机", "手机号", "手机号码"),
        longest=30,
        digits=True,
        signed=_MOBILE,
        shape=_MOBILE,
        misshapen=Misshapen(
            "invalid",
            Text("This is no mobile number of mainland China", "手机号格式不正确"),
            Text("Write 11 digits, as text.", "请以文本格式填写 11 位手机号。"),
        ),
    ),
    "joined_on": Column(("入职日期", "入职时间"), longest=20, shape=_DATE, misshapen=_NO_DATE),
    "left_on": Column(("离职日期", "离职时间"), may_be_empty=True, longest=20, shape=_DATE, misshapen=_NO_DATE),
}


@dataclass(frozen=True)
class MemberRow:
    """One employee of the file."""

    staff_number: str
    name: str
    phone: str
    joined_on: date
    left_on: date | None


@dataclass(frozen=True)
class Roster:
    """What could be read, and what could not and why."""

    members: Sequence[MemberRow]
    refused: Sequence[RowProblem]


def read_roster(content: bytes) -> Roster:
    """Read a roster file. A bad row is refused, not an exception.

    Raises FileUnreadable, ColumnsMissing, ColumnsRepeated, FileTooLong.
    """
    sheet = read_sheet(content, COLUMNS, rows_max=ROWS_MAX, formulas="refuse")
    refused = list(sheet.problems)
    members: list[MemberRow] = []
    numbers: dict[str, int] = {}
    phones: dict[str, int] = {}
    for row, cells in sheet.rows:
        member = _member(row, cells)
        if isinstance(member, MemberRow):
            member = _repeated(row, member, numbers, phones) or member
        if isinstance(member, RowProblem):
            refused.append(member)
            continue
        numbers[member.staff_number] = row
        if member.left_on is None:
            phones[member.phone] = row
        members.append(member)
    return Roster(members, sorted(refused, key=lambda each: each.row))


def _member(row: int, cells: dict[str, str]) -> MemberRow | RowProblem:
    joined_on, left_on = _day(cells["joined_on"]), _day(cells["left_on"])
    if joined_on is None:
        return RowProblem(row, "joined_on", "invalid", _NO_DATE.reason, _NO_DATE.mend)
    if cells["left_on"] and left_on is None:
        return RowProblem(row, "left_on", "invalid", _NO_DATE.reason, _NO_DATE.mend)
    if left_on is not None and left_on < joined_on:
        return RowProblem(
            row,
            "left_on",
            "before_joining",
            Text("This is before the first day", "离职日期早于入职日期"),
            Text("Correct one of the two dates.", "请修改其中一个日期。"),
        )
    return MemberRow(cells["staff_number"], cells["name"], normalise_phone(cells["phone"]), joined_on, left_on)


def _repeated(row: int, member: MemberRow, numbers: dict[str, int], phones: dict[str, int]) -> RowProblem | None:
    earlier = numbers.get(member.staff_number)
    if earlier is not None:
        return RowProblem(
            row,
            "staff_number",
            "duplicate",
            Text(f"Row {earlier} has the same staff number", f"与第 {earlier} 行工号重复"),
            Text("Keep one of the rows.", "请保留其中一行。"),
            "duplicate",
        )
    earlier = phones.get(member.phone)
    if earlier is not None and member.left_on is None:
        # One telephone is one login: its owner would receive what is owed to both.
        return RowProblem(
            row,
            "phone",
            "duplicate",
            Text(f"Row {earlier} has the same telephone number", f"与第 {earlier} 行手机号重复"),
            Text("Write each employee's own number.", "请填写员工本人的手机号。"),
            "duplicate",
        )
    return None


def _day(text: str) -> date | None:
    for form in _DATE_FORMS:
        try:
            day = datetime.strptime(text, form).date()  # noqa: DTZ007 - a calendar day has no zone
        except ValueError:
            continue
        return day if day.year in YEARS else None
    return None
