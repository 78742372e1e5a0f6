"""Another slice is entered by its door only, and the door lists what may be taken out."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = {"tandem": ROOT / "platform", "tenants": ROOT, "b2b": ROOT}
# What the roof may reach into: it wires views, jobs and events together.
ROOF = {"tandem.wiring", "tenants.wiring", "b2b.wiring", "tandem.app", "tandem.cli", "tandem.demo"}
GROUND = {"tandem.kernel", "tandem.embedded", "tandem.stripe_sandbox", "tandem.web", "tandem.cli", "tandem.demo"}


def slices() -> dict[str, Path]:
    found: dict[str, Path] = {}
    for house, root in SOURCE.items():
        tables = sorted([*(root / house).rglob("models.py"), *(root / house).rglob("models")])
        for place in [path.parent for path in tables]:
            name = ".".join(place.relative_to(root).parts)
            if not any(name == ground or name.startswith(ground + ".") for ground in GROUND):
                found[name] = place
    return found


SLICES = slices()


def slice_of(module: str) -> str | None:
    return next(
        (name for name in sorted(SLICES, key=len, reverse=True) if module == name or module.startswith(name + ".")),
        None,
    )


def modules() -> list[tuple[str, Path]]:
    return [
        (".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"), path)
        for house, root in SOURCE.items()
        for path in sorted((root / house).rglob("*.py"))
        if "__pycache__" not in path.parts
    ]


def through_the_wall(module: str, path: Path) -> list[str]:
    """What a module takes out of another slice by another way than its door."""
    own = slice_of(module)
    family = module.split(".")[:2]
    return [
        f"{module}, line {node.lineno}: {node.module}"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module
        for entered in [slice_of(node.module)]
        if entered
        and entered != own
        and node.module != entered
        # accounts is one house of small rooms behind one door; its rooms know each other.
        and not (family == ["tandem", "accounts"] and entered.startswith("tandem.accounts."))
    ]


def test_other_slices_are_entered_by_their_door():
    burglars = [
        burglar
        for module, path in modules()
        if not any(module == roof or module.startswith(roof + ".") for roof in ROOF)
        for burglar in through_the_wall(module, path)
    ]

    assert burglars == []


def test_somebody_who_comes_through_the_wall_is_found(tmp_path):
    planted = tmp_path / "planted.py"
    planted.write_text(
        "from tandem.billing.payments.models import Payment\nfrom tandem.billing.payments import Refund\n"
    )

    found = through_the_wall("tandem.billing.usage.planted", planted)

    assert found == ["tandem.billing.usage.planted, line 1: tandem.billing.payments.models"]


def test_every_door_is_described():
    doors = {name: ast.parse((place / "__init__.py").read_text()) for name, place in SLICES.items()}

    assert [name for name, door in doors.items() if not ast.get_docstring(door)] == []
