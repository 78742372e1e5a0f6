"""The sandbox needs nothing but Python: not the rest of the house, not a library."""

import ast
import sys
from pathlib import Path

import tandem.stripe_sandbox

HERE = Path(tandem.stripe_sandbox.__file__).parent


def test_it_imports_only_itself_and_the_standard_library() -> None:
    imported = set()
    for file in HERE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module or "")

    strange = {
        name
        for name in imported
        if name.partition(".")[0] not in sys.stdlib_module_names and not name.startswith("tandem.stripe_sandbox")
    }
    assert len(imported) > 30
    assert strange == set()
