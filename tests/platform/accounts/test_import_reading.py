"""A register is read as spreadsheets really write it, and every bad row says where, why and how to mend it."""

import pytest

from tandem.accounts.imports.errors import ColumnsMissing, FileUnreadable
from tandem.accounts.imports.reading import read_hospitals

HEADER = "province_code,province,city_code,city,name,address,phone,tags\n"
GOOD = "310000,上海市,310100,上海市,徐汇区中心医院,淮海中路966号,021-54036080,定点医院;三级\n"


@pytest.mark.parametrize(
    ("encoded", "name"),
    [
        ((HEADER + GOOD).encode(), "utf-8"),
        ((HEADER + GOOD).encode("utf-8-sig"), "utf-8"),
        ((HEADER + GOOD).encode("gb18030"), "gb18030"),
        ((HEADER + GOOD).encode("utf-16"), "utf-16"),
        ((HEADER + GOOD).replace(",", ";").replace("定点医院;", "定点医院|").encode(), "utf-8"),
    ],
)
def test_a_register_is_read_in_whatever_encoding_a_spreadsheet_saved_it(encoded, name):
    reading = read_hospitals(encoded)

    assert reading.encoding == name
    assert reading.problems == []
    [hospital] = reading.rows
    assert (hospital.name, hospital.city, hospital.tags) == ("徐汇区中心医院", "上海市", ("定点医院", "三级"))


def test_the_second_row_of_a_hospital_is_reported_with_the_row_it_repeats():
    brackets = GOOD.replace("徐汇区中心医院", "中心医院(徐汇)") + GOOD.replace("徐汇区中心医院", "中心医院（徐汇）")

    reading = read_hospitals((HEADER + brackets).encode())

    assert len(reading.rows) == 1
    [problem] = reading.problems
    assert (problem.row, problem.code, problem.kind) == (3, "duplicate", "duplicate")
    assert "Row 2" in problem.reason.en


def test_the_same_name_in_another_city_is_another_hospital():
    elsewhere = GOOD.replace("上海市,310100,上海市", "上海市,310100,苏州市")

    reading = read_hospitals((HEADER + GOOD + elsewhere).encode())

    assert len(reading.rows) == 2
    assert reading.problems == []


@pytest.mark.parametrize(
    ("row", "field", "code"),
    [
        ("310000,上海市,310100,上海市,,,,\n", "name", "required"),
        ("310000,上海市,310100,,徐汇医院,,,\n", "city", "required"),
        ("31,上海市,310100,上海市,徐汇医院,,,\n", "province_code", "code"),
        (f"310000,上海市,310100,上海市,{'医' * 121},,,\n", "name", "length"),
        ("310000,上海市,310100,上海市,徐汇\x00医院,,,\n", "name", "control"),
        ("310000,上海市,310100,上海市,徐汇医院,淮海中路,966号,,\n", "row", "cells"),
    ],
)
def test_a_bad_row_stays_out_and_the_good_one_beside_it_goes_in(row, field, code):
    reading = read_hospitals((HEADER + row + GOOD).encode())

    assert [hospital.name for hospital in reading.rows] == ["徐汇区中心医院"]
    [problem] = reading.problems
    assert (problem.row, problem.field, problem.code, problem.kind) == (2, field, code, "error")


def test_a_formula_becomes_text_but_a_telephone_number_keeps_its_plus():
    formula = GOOD.replace("徐汇区中心医院", "=HYPERLINK(1)").replace("021-54036080", "+86 21 54036080")

    reading = read_hospitals((HEADER + formula).encode())

    [hospital] = reading.rows
    assert (hospital.name, hospital.phone) == ("'=HYPERLINK(1)", "+86 21 54036080")
    assert [(problem.code, problem.kind) for problem in reading.problems] == [("formula", "notice")]


def test_a_file_without_the_columns_that_matter_is_refused_by_name():
    with pytest.raises(ColumnsMissing) as refused:
        read_hospitals(b"name,telephone\nsome,1\n")

    assert refused.value.facts["missing"] == ["province", "city"]


@pytest.mark.parametrize(
    "content", [b"\x89PNG\r\n\x1a\n\xff\xfe\xfd", b"\xff\xfeabc", (HEADER + '"open,quote\n').encode()]
)
def test_what_is_no_csv_is_refused_as_a_whole(content):
    with pytest.raises(FileUnreadable):
        read_hospitals(content)


def test_an_empty_file_lacks_its_columns():
    with pytest.raises(ColumnsMissing):
        read_hospitals(b"")
