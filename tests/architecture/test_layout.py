"""The shape of the house: rooms of a size one can see whole, names that say what is inside."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOUSES = [ROOT / "platform" / "tandem", ROOT / "tenants", ROOT / "b2b"]
LINES_MAX, TEST_LINES_MAX, FUNCTION_MAX = 400, 500, 50
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "misc", "manager", "service", "services", "core"}
# The architecture names this room so; every import of it is absolute, so nothing is shadowed.
STDLIB_NAMES_ALLOWED = {"http"}


def sources(*roots: Path) -> Iterator[Path]:
    for root in roots:
        yield from (path for path in sorted(root.rglob("*.py")) if "__pycache__" not in path.parts)


def test_the_platform_folder_is_a_source_root_and_holds_one_package():
    inside = {each.name for each in (ROOT / "platform").iterdir() if each.name != "__pycache__"}

    assert inside == {"tandem"}


def test_tests_are_no_packages():
    assert not list((ROOT / "tests").rglob("__init__.py"))


@pytest.fixture(scope="module")
def trees() -> dict[Path, ast.Module]:
    """Every room, read once."""
    return {path: ast.parse(path.read_text()) for path in sources(*HOUSES)}


def test_a_room_is_seen_whole():
    large = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in sources(*HOUSES)}

    assert {path: lines for path, lines in large.items() if lines > LINES_MAX} == {}


def test_a_function_is_seen_whole(trees):
    long = [
        f"{path.relative_to(ROOT)}: {node.name} has {(node.end_lineno or 0) - node.lineno + 1} lines"
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= FUNCTION_MAX
    ]

    assert long == []


def test_no_test_file_is_longer_than_a_reader_bears():
    long = [str(path) for path in sources(ROOT / "tests") if len(path.read_text().splitlines()) > TEST_LINES_MAX]

    assert long == []


def test_names_say_what_is_inside():
    rooms = {part for path in sources(*HOUSES) for part in (*path.relative_to(ROOT).parts[:-1], path.stem)}

    assert rooms & EMPTY_NAMES == set()


def test_furniture_of_several_themes_is_a_folder_not_a_prefix():
    furniture = ("api", "commands", "jobs", "models", "queries", "schemas")
    beside = [
        str(path.relative_to(ROOT))
        for path in sources(*HOUSES)
        if path.stem.endswith(tuple(f"_{piece}" for piece in furniture))
    ]

    assert beside == []


def test_no_module_shadows_the_standard_library():
    names = {path.stem for path in sources(*HOUSES)} | {path.parent.name for path in sources(*HOUSES)}
    shadows = (names & set(sys.stdlib_module_names)) - STDLIB_NAMES_ALLOWED - {"platform"}

    assert {each for each in shadows if not each.startswith("__")} == set()


def test_every_module_says_what_it_is_for(trees):
    silent = [str(path.relative_to(ROOT)) for path, tree in trees.items() if not ast.get_docstring(tree)]

    assert silent == []


def test_imports_stand_at_the_top(trees):
    inside = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, tree in trees.items()
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]

    assert inside == []


def test_money_knows_no_float(trees):
    rooms = [ROOT / "platform/tandem/billing", ROOT / "platform/tandem/kernel/money.py", ROOT / "b2b/contracts"]
    paths = [path for room in rooms for path in (sources(room) if room.is_dir() else [room])]
    floats = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in paths
        for node in ast.walk(trees[path])
        if (isinstance(node, ast.Name) and node.id in {"float", "Float"})
        or (isinstance(node, ast.Constant) and isinstance(node.value, float) and "stripe_gateway" not in str(path))
    ]

    assert floats == []
