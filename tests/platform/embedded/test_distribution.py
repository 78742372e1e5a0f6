"""`tandem db distribute` without a cluster: the SQL can be read beforehand, and a plain server is refused in one line."""

import os
import subprocess
import sys

import pytest

from tandem.embedded.checkout import checkout
from tandem.embedded.roles import with_database
from tests.platform.cli.conftest import Tandem, tandem

__all__ = ["tandem"]


@pytest.fixture(autouse=True)
def no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)


def test_the_whole_sql_is_read_before_there_is_a_cluster():
    # As a process of its own, which knows no table before the command makes it.
    told = subprocess.run(
        [sys.executable, "-m", "tandem.cli", "db", "distribute", "--dry-run"],
        env=os.environ | {"PYTHONPATH": f"{checkout()}:{checkout() / 'platform'}"},
        capture_output=True,
        text=True,
        check=False,
    )

    lines = told.stdout.splitlines()
    assert told.returncode == 0, told.stderr
    assert "SELECT create_distributed_table('slot', 'tenant_id', colocate_with => 'organization');" in lines
    assert "ALTER ROLE tandem_app SET citus.propagate_set_commands = 'local';" in lines
    assert lines.index("SET citus.enable_unsafe_triggers = on;") < lines.index("RESET citus.enable_unsafe_triggers;")


@pytest.mark.parametrize("words", [(), ("--dry-run",)])
def test_a_server_without_citus_is_refused_in_one_line(
    tandem: Tandem, monkeypatch: pytest.MonkeyPatch, admin_url: str, words: tuple[str, ...]
):
    monkeypatch.setenv("DATABASE_URL", with_database(admin_url, "postgres"))

    told = tandem("db", "distribute", *words)

    assert told.exit_code == 1
    assert (
        told.stderr
        == "Error: this database has no Citus: on every node run CREATE EXTENSION citus (docs/guides/growth.md)\n"
    )


def test_without_an_address_it_says_which_one_it_wants(tandem: Tandem):
    told = tandem("db", "distribute")

    assert (told.exit_code, told.stdout) == (1, "")
    assert "DATABASE_URL is not set: give a superuser's URL of the coordinator's database" in told.stderr
