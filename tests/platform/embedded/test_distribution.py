"""`tandem db distribute` without a cluster: the SQL can be read beforehand, and a plain server is refused in one line."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from tandem.embedded.checkout import checkout
from tandem.embedded.roles import with_database

Distribute = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def distribute() -> Distribute:
    def run(*words: str, database_url: str | None = None) -> "subprocess.CompletedProcess[str]":
        environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        environment |= {"PYTHONPATH": f"{checkout()}:{checkout() / 'platform'}"}
        environment |= {"DATABASE_URL": database_url} if database_url else {}
        command = [sys.executable, "-m", "tandem.cli", "db", "distribute", *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    return run


def test_the_whole_sql_is_read_before_there_is_a_cluster(distribute: Distribute):
    told = distribute("--dry-run")

    lines = told.stdout.splitlines()
    assert told.returncode == 0, told.stderr
    assert "SELECT create_distributed_table('slot', 'tenant_id', colocate_with => 'organization');" in lines
    assert "ALTER ROLE tandem_app SET citus.propagate_set_commands = 'local';" in lines
    assert lines.index("SET citus.enable_unsafe_triggers = on;") < lines.index("RESET citus.enable_unsafe_triggers;")


@pytest.mark.parametrize("words", [(), ("--dry-run",)])
def test_a_server_without_citus_is_refused_in_one_line(distribute: Distribute, admin_url: str, words: tuple[str, ...]):
    told = distribute(*words, database_url=with_database(admin_url, "postgres"))

    assert told.returncode == 1
    assert (
        told.stderr
        == "Error: this database has no Citus: on every node run CREATE EXTENSION citus (docs/guides/growth.md)\n"
    )


def test_without_an_address_it_says_which_one_it_wants(distribute: Distribute):
    told = distribute()

    assert (told.returncode, told.stdout) == (1, "")
    assert "DATABASE_URL is not set: give a superuser's URL of the coordinator's database" in told.stderr
