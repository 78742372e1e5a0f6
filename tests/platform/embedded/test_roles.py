"""Three roles and one database: made once, never stronger than row-level security."""

from collections.abc import Iterator

import psycopg
import pytest

from tandem.embedded import PostgresServer, ServerRefused, start_postgres
from tandem.embedded.roles import (
    APP,
    OPERATOR,
    OWNER,
    ROLES,
    DatabaseUrls,
    administrators_sql,
    prepare_database,
    role_faults,
    with_database,
    with_user,
)

PASSWORDS = {OWNER: "own/er@1", APP: "app:2", OPERATOR: "operator 3"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    running = start_postgres(tmp_path_factory.mktemp("roles"), password="admin", durable=False)
    yield running
    running.stop()


@pytest.fixture
def urls(server: PostgresServer) -> Iterator[DatabaseUrls]:
    yield prepare_database(server.admin_url, PASSWORDS)
    forget(server)


def forget(server: PostgresServer) -> None:
    with psycopg.connect(server.admin_url, autocommit=True) as admin:
        admin.execute("DROP DATABASE IF EXISTS tandem")
        for role in (*ROLES, "dba", "stranger"):
            admin.execute(f"DROP ROLE IF EXISTS {role}")


def test_the_owner_may_create_a_table_and_the_others_may_not(urls: DatabaseUrls) -> None:
    with psycopg.connect(urls.owner) as owner:
        owner.execute("CREATE TABLE ledger (amount_minor bigint)")

    for url in (urls.app, urls.operator):
        with psycopg.connect(url) as guest, pytest.raises(psycopg.errors.InsufficientPrivilege):
            guest.execute("CREATE TABLE sneaked_in (id int)")
        with psycopg.connect(url) as guest, pytest.raises(psycopg.errors.InsufficientPrivilege):
            guest.execute("SELECT * FROM ledger")


def test_neither_guest_steps_around_row_level_security(urls: DatabaseUrls) -> None:
    assert role_faults(urls.app) == []
    assert role_faults(urls.operator) == []


def test_a_role_that_was_given_too_much_is_found_out(server: PostgresServer, urls: DatabaseUrls) -> None:
    with psycopg.connect(server.admin_url) as admin:
        admin.execute(f"ALTER ROLE {APP} BYPASSRLS")

    assert role_faults(urls.app) == ["tandem_app has BYPASSRLS"]
    assert "tandem_owner is the database's owner" in role_faults(urls.owner)


def test_preparing_twice_changes_nothing(server: PostgresServer, urls: DatabaseUrls) -> None:
    with psycopg.connect(urls.owner) as owner:
        owner.execute("CREATE TABLE kept AS SELECT 1 AS one")

    assert prepare_database(server.admin_url, PASSWORDS) == urls

    with psycopg.connect(urls.owner) as owner:
        assert owner.execute("SELECT one FROM kept").fetchone() == (1,)


def test_a_stranger_in_the_cluster_may_not_enter_the_database(server: PostgresServer, urls: DatabaseUrls) -> None:
    with psycopg.connect(server.admin_url) as admin:
        admin.execute("CREATE ROLE stranger LOGIN PASSWORD 'stranger'")

    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(with_user(urls.app, "stranger", "stranger", "tandem"))


def test_another_installations_roles_are_not_taken_over(server: PostgresServer, urls: DatabaseUrls) -> None:
    with pytest.raises(ServerRefused, match="was there already: give its URL as TANDEM_"):
        prepare_database(server.admin_url, dict.fromkeys(ROLES, "somebody else's"))

    with psycopg.connect(urls.app) as app:
        assert app.execute("SELECT 1").fetchone() == (1,)


def test_an_administrator_without_superuser_is_enough(server: PostgresServer) -> None:
    with psycopg.connect(server.admin_url) as admin:
        admin.execute("CREATE ROLE dba LOGIN CREATEROLE CREATEDB PASSWORD 'dba'")

    urls = prepare_database(with_user(server.admin_url, "dba", "dba", "postgres"), PASSWORDS)

    assert role_faults(urls.app) == []
    with psycopg.connect(urls.owner) as owner:
        owner.execute("CREATE TABLE made_by_owner (id int)")
    with psycopg.connect(server.admin_url, autocommit=True) as admin:
        admin.execute("DROP DATABASE tandem")
        admin.execute("DROP OWNED BY dba")
    forget(server)


def test_an_owners_url_is_enough_when_the_roles_are_there(server: PostgresServer, urls: DatabaseUrls) -> None:
    assert prepare_database(urls.owner, PASSWORDS) == urls


def test_who_may_not_create_roles_is_told_the_sql_that_an_administrator_must_run(server: PostgresServer) -> None:
    with psycopg.connect(server.admin_url) as admin:
        admin.execute("CREATE ROLE stranger LOGIN PASSWORD 'stranger'")

    with pytest.raises(ServerRefused, match="an administrator must run: CREATE ROLE tandem_owner LOGIN"):
        prepare_database(with_user(server.admin_url, "stranger", "stranger", "postgres"), PASSWORDS)

    forget(server)


def test_the_sql_for_administrators_does_what_we_would_have_done(server: PostgresServer) -> None:
    statements = [line.replace("'…'", "'by hand'") for line in administrators_sql()]
    turn = next(index for index, line in enumerate(statements) if line.startswith("\\connect"))
    with psycopg.connect(server.admin_url, autocommit=True) as admin:
        for line in statements[:turn]:
            admin.execute(line)
    with psycopg.connect(with_database(server.admin_url, "tandem"), autocommit=True) as admin:
        for line in statements[turn + 1 :]:
            admin.execute(line)

    owner_url = with_user(server.admin_url, OWNER, "by hand", "tandem")
    urls = prepare_database(owner_url, dict.fromkeys(ROLES, "by hand"))

    assert role_faults(urls.operator) == []
    forget(server)


def test_a_url_keeps_its_options_when_the_role_changes() -> None:
    url = with_user("postgresql+psycopg://a:b@db:6432/x?sslmode=require", "tandem_app", "p/@", "tandem")

    assert url == "postgresql://tandem_app:p%2F%40@db:6432/tandem?sslmode=require"
