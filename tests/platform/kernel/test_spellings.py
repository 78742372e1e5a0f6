"""What people write in many ways is kept in one."""

import pytest

from tandem.kernel.spellings import normalise_id_number, normalise_phone


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("13812345678", "+8613812345678"),
        ("138-1234-5678", "+8613812345678"),
        ("１３８１２３４５６７８", "+8613812345678"),
        ("8613812345678", "+8613812345678"),
        ("0086 138 1234 5678", "+8613812345678"),
        ("+852 5123 4567", "+85251234567"),
        ("020-81332199", "+862081332199"),
    ],
)
def test_a_phone_number_has_one_form(written: str, normal: str) -> None:
    assert normalise_phone(written) == normal


@pytest.mark.parametrize("written", ["", "李明", "138123456789012345", "+0 12", "12ab"])
def test_what_is_no_phone_number_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="telephone"):
        normalise_phone(written)


def test_an_identity_number_has_one_form() -> None:
    assert normalise_id_number(" 44010119900101 123x") == "44010119900101123X"
