"""A number is told when eleven stand behind it and behind its complement, and when its change points at nobody."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2b.reports.suppression import CELL_MIN, HIDDEN, ROUNDED_TO, Told, told_next, told_people, told_units

THEN, NOW = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("people", "among", "told"),
    [
        (0, 100, None),
        (10, 100, None),
        (11, 100, 10),
        (13, 100, 15),
        (50, 100, 50),
        (89, 100, 90),
        (90, 100, None),
        (100, 100, None),
        (20, 49, None),
        (20, 50, 20),
    ],
)
def test_people_are_told_from_eleven_on_both_sides_and_from_fifty_in_all(people, among, told):
    assert told_people(people, among) == told


@given(people=st.integers(0, 500), among=st.integers(0, 500))
def test_what_is_told_never_lets_a_small_cell_be_derived(people, among):
    told = told_people(min(people, among), among)

    assert told is None or (told % ROUNDED_TO == 0 and CELL_MIN <= people <= among - CELL_MIN)


def test_units_are_told_only_where_the_people_who_used_them_are():
    assert told_units(400, 10, 100) is None
    assert told_units(23, 11, 100) == 25
    assert told_units(23, 11, 49) is None


@pytest.mark.parametrize(
    ("changed_by", "moved", "is_new"),
    [(0, 0, False), (1, 0, False), (10, 0, False), (11, 0, True), (11, 1, False), (11, 10, False), (11, 11, True)],
)
def test_a_number_is_told_anew_only_when_its_change_points_at_nobody(changed_by, moved, is_new):
    before = Told(30, THEN)

    told = told_next(before, 45, NOW, changed_by=changed_by, moved=moved)

    assert told == (Told(45, NOW) if is_new else before)


def test_the_first_number_has_nothing_to_be_subtracted_from():
    assert told_next(HIDDEN, 45, NOW, changed_by=0, moved=3) == Told(45, NOW)


def test_a_number_that_became_small_is_hidden():
    assert told_next(Told(30, THEN), None, NOW, changed_by=50, moved=0) == HIDDEN
