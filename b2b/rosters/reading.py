"""A roster file's rows, checked one by one. Pure: it touches no row of the database."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from tandem.kernel.crypto import normalise_phone
from tandem.kernel.i18n import Text
from tandem.kernel.sheets import RowRefused, read_csv

ROWS_MAX: Final = 20_000
COLUMNS: Final = {
    "staff_number": ("工号", "员工编号"),
    "name": ("姓名",),
    "phone": ("手机", "手机号", "手机号码"),
    "joined_on": ("入职日期", "入职时间"),
    "left_on": ("离职日期", "离职时间"),
}
_STAFF_NUMBER: Final = re.compile(r"[\w.-]{1,40}")
_MOBILE: Final = re.compile(r"(?:\+?86)?1[3-9]\d{9}")
_DATE_FORMS: Final = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y年%m月%d日", "%Y%m%d")


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
    refused: Sequence[RowRefused]


_SAYINGS: Final = {
    "staff_number": (
        Text("This is no staff number", "工号格式不正确"),
        Text("Use up to 40 letters, digits, dots or dashes.", "请使用不超过 40 位的字母、数字、点或横线。"),
    ),
    "name": (
        Text("The name is missing or too long", "姓名缺失或过长"),
        Text("Write 1 to 60 characters.", "请填写 1 至 60 个字。"),
    ),
    "phone": (
        Text("This is no mobile number of mainland China", "手机号格式不正确"),
        Text("Write 11 digits, as text.", "请以文本格式填写 11 位手机号。"),
    ),
    "joined_on": (Text("This is no date", "日期格式不正确"), Text("Write YYYY-MM-DD.", "请使用 YYYY-MM-DD 格式。")),
    "left_on": (
        Text("This is no date, or before the first day", "离职日期格式不正确或早于入职日期"),
        Text("Write YYYY-MM-DD, or leave it empty.", "请使用 YYYY-MM-DD 格式或留空。"),
    ),
    "duplicate": (
        Text("This staff number stands in the file twice", "文件中工号重复"),
        Text("Keep one of the rows.", "请保留其中一行。"),
    ),
}


def read_roster(content: bytes) -> Roster:
    """Read a roster file. Raises SheetUnreadable when it is no table of these columns."""
    sheet = read_csv(content, COLUMNS, rows_max=ROWS_MAX)
    refused = list(sheet.refused)
    members: dict[str, MemberRow] = {}
    for number, cells in sheet.rows:
        member = _member(cells)
        if isinstance(member, str):
            refused.append(RowRefused(number, member, "invalid", *_SAYINGS[member]))
        elif member.staff_number in members:
            refused.append(RowRefused(number, "staff_number", "duplicate", *_SAYINGS["duplicate"]))
        else:
            members[member.staff_number] = member
    return Roster(list(members.values()), sorted(refused, key=lambda each: each.row))


def _member(cells: dict[str, str]) -> MemberRow | str:
    """The member, or the name of the column that does not fit."""
    if not _STAFF_NUMBER.fullmatch(cells["staff_number"]):
        return "staff_number"
    if not 1 <= len(cells["name"]) <= 60:
        return "name"
    phone = re.sub(r"[\s-]", "", cells["phone"])
    if not _MOBILE.fullmatch(phone):
        return "phone"
    joined_on = _day(cells["joined_on"])
    if joined_on is None:
        return "joined_on"
    left_on = _day(cells["left_on"])
    if (cells["left_on"] and left_on is None) or (left_on is not None and left_on < joined_on):
        return "left_on"
    return MemberRow(cells["staff_number"], cells["name"], normalise_phone(phone), joined_on, left_on)


def _day(text: str) -> date | None:
    for form in _DATE_FORMS:
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 - a calendar day has no zone
        except ValueError:
            continue
    return None
