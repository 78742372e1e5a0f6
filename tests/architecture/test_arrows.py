"""The import contracts hold, and each of them has been seen to break."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

# contract (its first words) -> file and the line planted there
OFFENCES = {
    "b2b stands on tenants": ("tenants/hospitals/queries.py", "import b2b.packages"),
    "inside the platform": ("platform/tandem/accounts/__init__.py", "import tandem.billing.ledger"),
    "money's own order": ("platform/tandem/billing/ledger/queries.py", "import tandem.billing.usage"),
    "the hospital's order": ("tenants/patients/queries.py", "import tenants.schedules"),
    "the employers' order": ("b2b/packages/queries.py", "import b2b.contracts"),
    "inside a slice": ("b2b/packages/models.py", "import b2b.packages.commands"),
    "only the gateway knows Stripe": ("platform/tandem/billing/payments/wiring.py", "import stripe"),
    "commands, queries and models know no HTTP": ("b2b/contracts/commands.py", "import flask"),
    "the sandbox stands alone": ("platform/tandem/stripe_sandbox/clock.py", "import tandem.kernel.clock"),
}


def lint(root: Path) -> str:
    # The very command that `make lint` runs.
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    environment = {"PYTHONPATH": f"{root}:{root / 'platform'}", "PATH": "/usr/bin:/bin", "COLUMNS": "300"}
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False).stdout


def test_the_arrows_point_one_way():
    told = lint(ROOT)

    assert " broken." in told, told
    assert ", 0 broken." in told, told


def test_each_contract_breaks_when_an_offence_is_planted(tmp_path):
    for folder in ("platform", "tenants", "b2b"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for file, line in OFFENCES.values():
        path = tmp_path / file
        path.write_text(path.read_text() + f"\n{line}\n")

    told = lint(tmp_path)

    unbroken = [
        name for name in OFFENCES if not any(row.startswith(name) and " BROKEN" in row for row in told.splitlines())
    ]
    assert unbroken == [], told
