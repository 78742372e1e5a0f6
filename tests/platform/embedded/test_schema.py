"""Migrations and models say the same, and who does not is named."""

import os
from collections.abc import Iterator

import psycopg
import pytest
from flask import Flask

from tandem.embedded import ServerRefused
from tandem.embedded.roles import ROLES, DatabaseUrls, prepare_database, with_database
from tandem.embedded.schema import differences, pending, tables, upgrade


@pytest.fixture(scope="module")
def urls(admin_url: str) -> Iterator[DatabaseUrls]:
    """A migrated database of these stories alone."""
    own = prepare_database(with_database(admin_url, f"schema_{os.getpid()}"), dict.fromkeys(ROLES, "tests"))
    upgrade(own.owner)
    yield own
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE schema_{os.getpid()} WITH (FORCE)")


def test_an_upgraded_database_has_nothing_pending(urls: DatabaseUrls) -> None:
    assert pending(urls.owner) == []
    assert upgrade(urls.owner) == []
    assert len(tables(urls.owner)) > 20


def test_a_column_nobody_declared_is_named(urls: DatabaseUrls, app: Flask) -> None:
    before = differences(urls.owner)
    with psycopg.connect(urls.owner) as owner:
        owner.execute("ALTER TABLE job ADD COLUMN smuggled_in text")

    after = differences(urls.owner)

    with psycopg.connect(urls.owner) as owner:
        owner.execute("ALTER TABLE job DROP COLUMN smuggled_in")
    assert [each for each in after if each not in before] == ["remove_column job smuggled_in"]


def test_a_database_from_a_newer_release_is_not_touched(urls: DatabaseUrls) -> None:
    with psycopg.connect(urls.owner) as owner:
        owner.execute("CREATE TABLE kept AS SELECT * FROM alembic_version")
        owner.execute("UPDATE alembic_version SET version_num = 'tomorrow'")

    with pytest.raises(ServerRefused, match="the database is ahead of this code"):
        upgrade(urls.owner)

    with psycopg.connect(urls.owner) as owner:
        owner.execute("UPDATE alembic_version SET version_num = (SELECT version_num FROM kept)")
        owner.execute("DROP TABLE kept")
