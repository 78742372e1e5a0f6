"""A demonstration day that cannot be lived says why in one line, before anything has happened."""

from tests.platform.cli.conftest import Tandem


def test_more_patients_than_slots_are_refused_in_one_line(tandem: Tandem) -> None:
    told = tandem("demo", "day", "--hospitals", "1", "--patients", "5000")

    assert told.exit_code == 1
    assert told.output.startswith("Error: 5000 patients need more than ")
    assert told.output.count("\n") == 1


def test_a_platform_that_nobody_founded_is_told_how_to_be(tandem: Tandem) -> None:
    told = tandem("demo", "day", "--hospitals", "1", "--patients", "1")

    assert told.exit_code == 1
    assert told.output == "Error: the operator is not founded: run `tandem up` (or `tandem demo seed`) first\n"


def test_more_hospitals_than_are_known_are_refused_with_the_way_to_more(tandem: Tandem) -> None:
    told = tandem("demo", "day", "--hospitals", "50", "--patients", "1")

    assert told.exit_code == 1
    assert told.output.startswith("Error: 50 hospitals were asked for and ")
    assert told.output.endswith("name a file with --from\n")
