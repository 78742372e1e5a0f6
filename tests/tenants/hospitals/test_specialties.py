"""What a registration in subjects of the catalogue allows."""

import pytest

from tenants.hospitals.specialties import SPECIALTIES, covers, is_paediatric


@pytest.mark.parametrize(
    ("registered", "specialty", "is_allowed"),
    [
        (["03.04"], "03.04", True),
        (["03"], "03.04", True),
        (["03", "03.01"], "03.04", False),
        (["03.01"], "03", False),
        (["03"], "04.01", False),
        ([], "03", False),
        (["03"], "03.99", False),
    ],
)
def test_a_subject_covers_its_professions_unless_it_is_divided(registered, specialty, is_allowed):
    assert covers(registered, specialty) is is_allowed


def test_every_profession_of_the_catalogue_has_its_subject_and_both_names():
    orphans = [code for code, each in SPECIALTIES.items() if each.subject not in SPECIALTIES]
    unnamed = [code for code, each in SPECIALTIES.items() if not each.name.zh or not each.name.en]

    assert (orphans, unnamed) == ([], [])
    assert SPECIALTIES["50.13"].name.zh == "针灸科专业"


def test_chinese_paediatrics_is_for_children_and_the_rest_of_chinese_medicine_is_not():
    assert [code for code in ("07.01", "08", "09.05", "50.04", "50.05", "03") if is_paediatric(code)] == [
        "07.01",
        "08",
        "09.05",
        "50.04",
    ]
