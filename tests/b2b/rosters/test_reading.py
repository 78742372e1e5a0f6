"""A roster's rows: what is taken, what is refused and why."""

from datetime import date

import pytest

from b2b.rosters.reading import ROWS_MAX, read_roster
from tandem.kernel.sheets import FileTooLong
from tests.employers import HEADER

GOOD = "E00001,王芳,13800138000,2020-03-02,\n"


def read(*rows: str):
    return read_roster((HEADER + "".join(rows)).encode())


@pytest.mark.parametrize(
    "phone", ["13800138000", "+8613800138000", "8613800138000", "138 0013 8000", "138-0013-8000", "+86 138 0013 8000"]
)
def test_one_telephone_number_however_it_is_written(phone):
    roster = read(GOOD.replace("13800138000", phone))

    assert [each.phone for each in roster.members] == ["+8613800138000"]


@pytest.mark.parametrize("day", ["2020-03-02", "2020/3/2", "2020.03.02", "2020年3月2日", "20200302"])
def test_one_day_however_it_is_written(day):
    roster = read(GOOD.replace("2020-03-02", day))

    assert [each.joined_on for each in roster.members] == [date(2020, 3, 2)]


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        ("=1+1,王芳,13800138000,2020-03-02,", "staff_number", "formula"),
        ("E 1,王芳,13800138000,2020-03-02,", "staff_number", "invalid"),
        ("1.38E+10,王芳,13800138000,2020-03-02,", "staff_number", "rounded"),
        (f"{'E' * 41},王芳,13800138000,2020-03-02,", "staff_number", "length"),
        (",王芳,13800138000,2020-03-02,", "staff_number", "required"),
        ("E1,@SUM(A1),13800138000,2020-03-02,", "name", "formula"),
        ("E1,,13800138000,2020-03-02,", "name", "required"),
        ("E1,王芳,1.38E+10,2020-03-02,", "phone", "rounded"),
        ("E1,王芳,12345678901,2020-03-02,", "phone", "invalid"),
        ("E1,王芳,1380013800,2020-03-02,", "phone", "invalid"),
        ("E1,王芳,١٣٨٠٠١٣٨٠٠٠,2020-03-02,", "phone", "invalid"),
        ("E1,王芳,13800138000,43891,", "joined_on", "invalid"),
        ("E1,王芳,13800138000,2020-02-30,", "joined_on", "invalid"),
        ("E1,王芳,13800138000,2020311,", "joined_on", "invalid"),
        ("E1,王芳,13800138000,0001-01-01,", "joined_on", "invalid"),
        ("E1,王芳,13800138000,2020-03-02,soon", "left_on", "invalid"),
        ("E1,王芳,13800138000,2020-03-02,2020-03-01", "left_on", "before_joining"),
        ("E1,王芳,13800138000", "row", "cells"),
        ("E1,王,芳,13800138000,2020-03-02,", "row", "cells"),
    ],
)
def test_a_bad_row_is_told_and_the_good_one_beside_it_is_taken(row, column, code):
    roster = read(f"{row}\n", GOOD)

    assert [each.staff_number for each in roster.members] == ["E00001"]
    assert [(each.row, each.field, each.code) for each in roster.refused] == [(2, column, code)]


def test_the_second_row_of_a_staff_number_is_a_duplicate_that_names_the_first():
    roster = read(GOOD, GOOD.replace("13800138000", "13800138001"))

    assert [each.phone for each in roster.members] == ["+8613800138000"]
    [refused] = roster.refused
    assert (refused.row, refused.field, refused.kind) == (3, "staff_number", "duplicate")
    assert "2" in refused.reason.en


def test_one_telephone_does_not_stand_for_two_employees():
    roster = read(GOOD, GOOD.replace("E00001", "E00002").replace("13800138000", "+86 138-0013-8000"))

    assert [each.staff_number for each in roster.members] == ["E00001"]
    assert [(each.row, each.field, each.code) for each in roster.refused] == [(3, "phone", "duplicate")]


def test_whoever_left_and_came_back_under_a_new_number_keeps_their_telephone():
    roster = read(GOOD, "E00000,王芳,13800138000,2015-01-01,2019-01-01\n")

    assert len(roster.members) == 2
    assert roster.refused == []


def test_twenty_thousand_rows_are_taken_and_one_more_is_not():
    rows = [f"E{n:05d},王芳,138{n:08d},2020-03-02,\n" for n in range(ROWS_MAX)]

    assert len(read(*rows).members) == ROWS_MAX
    with pytest.raises(FileTooLong):
        read(*rows, GOOD)
