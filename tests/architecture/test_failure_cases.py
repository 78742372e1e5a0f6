"""The guide of failure cases names a test for each, and each of those tests is there."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "guides" / "failure-cases.md"
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)(?:\[([^\]]+)\])?`")
CASES_AT_LEAST = 84
"""How many ways to go wrong the page has: a line that is lost is as bad as a test that is."""


def cases() -> dict[str, list[tuple[str, str, str]]]:
    rows = [line.split("|") for line in GUIDE.read_text().splitlines() if line.startswith("| ")]
    return {cells[1].strip(): NAMED.findall(cells[2]) for cells in rows if cells[1].strip() != "what goes wrong"}


@cache
def stories(path: str) -> dict[str, str]:
    """A test file's tests, each with its source, decorators and all."""
    text = (ROOT / path).read_text()
    lines = text.splitlines()
    return {
        node.name: "\n".join(
            lines[min([node.lineno, *(each.lineno for each in node.decorator_list)]) - 1 : node.end_lineno]
        )
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef)
    }


def untold(named: tuple[str, str, str]) -> bool:
    path, test, variant = named
    if not (ROOT / path).is_file():
        return True
    story = stories(path).get(test)
    return story is None or f'"{variant}"' not in story + '""'


def test_every_failure_case_names_tests_that_exist() -> None:
    lost = {case: [each for each in named if untold(each)] for case, named in cases().items()}

    assert {case: tests for case, tests in lost.items() if tests} == {}


def test_no_failure_case_is_without_a_test_and_none_is_dropped() -> None:
    found = cases()

    assert [case for case, named in found.items() if not named] == []
    assert len(found) >= CASES_AT_LEAST


@pytest.mark.parametrize(
    "named",
    [
        ("tests/platform/billing/nowhere.py", "test_a", ""),
        ("tests/architecture/test_failure_cases.py", "test_nobody_wrote", ""),
        ("tests/architecture/test_failure_cases.py", "test_every_failure_case_names_tests_that_exist", "a variant"),
    ],
)
def test_a_lost_test_would_be_noticed(named: tuple[str, str, str]) -> None:
    assert untold(named)
