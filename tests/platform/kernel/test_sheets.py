"""A table is read as spreadsheets really save it; what does not fit is told by row, and never repeated."""

import re

import pytest

from tandem.kernel.i18n import Text
from tandem.kernel.sheets import (
    Column,
    ColumnsMissing,
    ColumnsRepeated,
    FileTooLong,
    FileUnreadable,
    Misshapen,
    Sheet,
    read_sheet,
)

PHONE = re.compile(r"\+?[0-9]{11,13}")
COLUMNS = {
    "name": Column(("姓名", "Full Name"), longest=10),
    "phone": Column(
        ("手机",),
        digits=True,
        signed=PHONE,
        shape=PHONE,
        misshapen=Misshapen("invalid", Text("No number", "不是号码"), Text("Write digits.", "请填数字。")),
    ),
    "note": Column(("备注",), may_lack=True, may_be_empty=True),
}
TABLE = "姓名,手机,备注\n王芳,13800138000,早班\n"


def read(content: str | bytes, *, rows_max: int = 10, formulas: str = "refuse") -> Sheet:
    encoded = content.encode() if isinstance(content, str) else content
    return read_sheet(encoded, COLUMNS, rows_max=rows_max, formulas=formulas)


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (TABLE.encode(), "utf-8"),
        (TABLE.encode("utf-8-sig"), "utf-8"),
        (TABLE.encode("gbk"), "gb18030"),
        (TABLE.encode("utf-16"), "utf-16"),
        (TABLE.replace(",", ";").encode(), "utf-8"),
        (TABLE.replace(",", "\t").encode(), "utf-8"),
        (TABLE.replace("\n", "\r\n").encode(), "utf-8"),
        (TABLE.replace("王芳", '"王芳"').encode(), "utf-8"),
        (TABLE.replace("姓名,手机", " full name ,PHONE").encode(), "utf-8"),
        (TABLE.rstrip().encode(), "utf-8"),
    ],
)
def test_a_table_is_read_however_it_was_saved(content, encoding):
    sheet = read(content)

    assert sheet.encoding == encoding
    assert sheet.rows == [(2, {"name": "王芳", "phone": "13800138000", "note": "早班"})]
    assert sheet.problems == []


def test_the_order_of_columns_is_free_and_unknown_ones_are_named_and_ignored():
    sheet = read("手机,部门,姓名\n13800138000,内科,王芳\n")

    assert sheet.rows == [(2, {"phone": "13800138000", "name": "王芳"})]
    assert sheet.ignored_columns == ["部门"]


def test_rows_are_numbered_as_a_spreadsheet_numbers_them():
    sheet = read("姓名,手机\n\n王芳,13800138000\n,,\n李明,0\n")

    assert [number for number, _ in sheet.rows] == [3]
    assert [problem.row for problem in sheet.problems] == [5]
    assert sheet.row_count == 2


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "＝", "＋", "－", "＠", " =", "\t="])
def test_a_cell_that_would_run_as_a_formula_is_refused_and_not_repeated(sign):
    sheet = read(f'姓名,手机\n"{sign}CMD()",13800138000\n李明,13800138001\n')

    assert [row["name"] for _, row in sheet.rows] == ["李明"]
    [problem] = sheet.problems
    assert (problem.row, problem.field, problem.code, problem.kind) == (2, "name", "formula", "error")
    assert "CMD" not in problem.reason.en + problem.reason.zh + problem.mend.en + problem.mend.zh


def test_where_it_may_not_be_refused_a_formula_becomes_text_with_a_notice():
    sheet = read("姓名,手机\n=CMD(),13800138000\n", formulas="defuse")

    [(_, row)] = sheet.rows
    assert row["name"] == "'=CMD()"
    assert [(problem.code, problem.kind) for problem in sheet.problems] == [("formula", "notice")]


def test_a_telephone_number_may_begin_with_a_plus():
    sheet = read("姓名,手机\n王芳,+8613800138000\n")

    assert [row["phone"] for _, row in sheet.rows] == ["+8613800138000"]


@pytest.mark.parametrize(
    ("row", "field", "code"),
    [
        ("王芳,1.38E+10", "phone", "rounded"),
        ("王芳,1e+10", "phone", "rounded"),
        ("王芳,+1+1", "phone", "formula"),
        ("王芳,abc", "phone", "invalid"),
        ("王芳,", "phone", "required"),
        (",13800138000", "name", "required"),
        ("　,13800138000", "name", "required"),
        (f"{'长' * 11},13800138000", "name", "length"),
        ("王\x00芳,13800138000", "name", "control"),
        ("王芳", "row", "cells"),
        ("王,芳,13800138000", "row", "cells"),
    ],
)
def test_a_bad_row_stays_out_and_the_good_one_beside_it_goes_in(row, field, code):
    sheet = read(f"姓名,手机\n{row}\n李明,13800138001\n")

    assert [row["name"] for _, row in sheet.rows] == ["李明"]
    assert [(problem.row, problem.field, problem.code) for problem in sheet.problems] == [(2, field, code)]


def test_a_row_with_two_faults_tells_both():
    sheet = read("姓名,手机\n=1,1.38E+10\n")

    assert [problem.code for problem in sheet.problems] == ["formula", "rounded"]


def test_a_file_without_a_column_that_matters_names_it():
    with pytest.raises(ColumnsMissing) as refused:
        read("姓名,备注\n王芳,\n")

    assert refused.value.facts["missing"] == ["phone"]


def test_a_column_that_stands_twice_leaves_open_which_counts():
    with pytest.raises(ColumnsRepeated) as refused:
        read("姓名,手机,phone\n王芳,13800138000,13800138001\n")

    assert refused.value.facts["repeated"] == ["phone"]


def test_an_empty_file_lacks_its_columns():
    with pytest.raises(ColumnsMissing):
        read("")


def test_one_row_too_many_refuses_the_file():
    rows = "王芳,13800138000\n"

    assert read("姓名,手机\n" + rows * 10).row_count == 10
    with pytest.raises(FileTooLong) as refused:
        read("姓名,手机\n" + rows * 11)

    assert refused.value.facts["limit_rows"] == 10


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n\xff\xfe\xfd",
        b"\xff\xfeabc",
        '姓名,手机\n"open,13800138000\n'.encode(),
        ("姓名,手机\n" + "长" * 140_000 + ",1\n").encode(),
    ],
)
def test_what_is_no_csv_is_refused_as_a_whole(content):
    with pytest.raises(FileUnreadable):
        read(content)
