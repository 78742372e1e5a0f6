"""No posting rule is a promise: each one in force is named by code that makes journals, and that code is called."""

import ast
from functools import cache
from pathlib import Path

import pytest

from tandem.billing.ledger.posting_rules import posting_rules

ROOT = Path(__file__).parents[2]
HOUSES = ("platform/tandem", "tenants", "b2b")
IN_FORCE = sorted(code for code, (newest, *_) in posting_rules().items() if not newest.is_withdrawn)


@cache
def modules() -> dict[Path, ast.Module]:
    """All production code, but what shows it off or stands on the other side of the wire."""
    files = [path for house in HOUSES for path in sorted((ROOT / house).rglob("*.py"))]
    aside = ("platform/tandem/demo", "platform/tandem/stripe_sandbox")
    return {path: ast.parse(path.read_text()) for path in files if not str(path.relative_to(ROOT)).startswith(aside)}


MAKERS = {"journal_by_rule", "journal_by"}
"""What makes a journal of a fact, and what proposes one for a difference: people agree, and it is booked."""


@cache
def makers() -> list[Path]:
    """Modules that make journals by rule."""
    return [path for path in modules() if MAKERS & names_in(path)]


@cache
def names_in(path: Path) -> frozenset[str]:
    """Every name that a module uses: plain, behind a dot, or imported."""
    nodes = list(ast.walk(modules()[path]))
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    used |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    return frozenset(used | {each.name for node in nodes if isinstance(node, ast.ImportFrom) for each in node.names})


@cache
def words_said() -> dict[str, list[Path]]:
    """Every string constant of the makers, and where it stands; docstrings say rules too long to be one."""
    said: dict[str, list[Path]] = {}
    for path in makers():
        for node in ast.walk(modules()[path]):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                said.setdefault(node.value, []).append(path)
    return said


@pytest.mark.parametrize("code", IN_FORCE)
def test_every_rule_in_force_is_named_where_journals_are_made(code: str) -> None:
    assert words_said().get(code), f"nobody books {code}: call it, or withdraw it by a version without legs"


def test_every_maker_of_journals_is_called_from_elsewhere() -> None:
    uncalled = []
    for path in makers():
        elsewhere = set().union(*(names_in(other) for other in modules() if other != path))
        for node in modules()[path].body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and node.name not in elsewhere:
                uncalled.append(f"{path.relative_to(ROOT)}: {node.name}")

    assert uncalled == []


def test_a_rule_that_nobody_names_would_be_found() -> None:
    assert "prepayment_donated" not in IN_FORCE
    assert words_said().get("prepayment_donated") is None
