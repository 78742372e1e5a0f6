"""Every table can be cut by its tenant, or stands on the list of tables without one, with a reason and a place."""

import ast
import re
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKeyConstraint,
    Identity,
    MetaData,
    Table,
    UniqueConstraint,
    Uuid,
    create_engine,
    text,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import NullPool

from tandem.embedded.distribution import ANCHOR, obstacles, placements, whole_sql
from tandem.kernel.database import Base, Reference, TenantOwned, refusing_constraint

pytestmark = pytest.mark.usefixtures("app")


def test_every_table_can_be_put_where_it_belongs():
    assert obstacles() == []


def test_the_sql_names_every_table_and_no_other():
    told = [re.search(r"(?:table\('|ON TABLE \")(\w+)", statement) for statement in whole_sql()]

    named = [found.group(1) for found in told if found]

    assert set(named) == set(Base.metadata.tables)
    assert {each.table for each in placements()} == set(Base.metadata.tables)


def test_every_tenants_table_lies_beside_the_organisations():
    first, *others = [statement for statement in whole_sql() if "create_distributed_table" in statement]

    assert first == f"SELECT create_distributed_table('{ANCHOR}', 'tenant_id', colocate_with => 'none')"
    assert all(statement.endswith(f"'tenant_id', colocate_with => '{ANCHOR}')") for statement in others)
    assert len(others) + 1 == len([each for each in models() if issubclass(each, TenantOwned)])


def test_a_table_without_a_tenant_says_why_wherever_it_is():
    script = "\n".join(whole_sql())

    unreasoned = [
        model.__tablename__
        for model in models()
        if issubclass(model, Reference) and model.__reason__.replace("'", "''") not in script
    ]

    assert unreasoned == []


def test_what_belongs_to_a_person_is_not_copied_around():
    places = {each.table: each.kind for each in placements()}

    walled_by_person = [m.__tablename__ for m in models() if issubclass(m, Reference) and m.__person_column__]

    assert walled_by_person
    assert {places[table] for table in walled_by_person} == {"coordinator"}


def test_parents_are_placed_before_their_children():
    order = [each.table for each in placements()]

    too_early = [
        (table.name, foreign.referred_table.name)
        for table in Base.metadata.tables.values()
        for foreign in table.foreign_key_constraints
        if order.index(foreign.referred_table.name) > order.index(table.name)
    ]

    assert too_early == []


def test_no_trigger_looks_beyond_the_rows_it_was_called_for(database_urls):
    with psycopg.connect(database_urls.owner) as catalogue:
        bodies = dict(
            catalogue.execute(
                "SELECT p.proname, p.prosrc FROM pg_proc p JOIN pg_trigger t ON t.tgfoid = p.oid"
                " WHERE NOT t.tgisinternal GROUP BY 1, 2"
            ).fetchall()
        )

    assert bodies
    assert {name: read for name, body in bodies.items() if (read := tables_read_by(body))} == {}


def test_no_sequence_and_no_exclusion_counts_across_tenants(database_urls):
    with psycopg.connect(database_urls.owner) as catalogue:
        sequences = catalogue.execute("SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'").fetchall()
        exclusions = catalogue.execute("SELECT conname FROM pg_constraint WHERE contype = 'x'").fetchall()

    assert sequences == []
    assert exclusions == []


@pytest.mark.parametrize(
    "told",
    [
        'duplicate key value violates unique constraint "slot_once_key_104071"',
        'insert or update on table "slot_104071" violates foreign key constraint "slot_once_key_104071"',
        'new row for relation "slot_104071" violates check constraint "slot_once_key"',
    ],
)
def test_a_refusal_by_a_shard_is_told_by_the_models_name(database_urls, told: str):
    # A cluster passes on what its node said in words, without the fields that name table and constraint.
    speak = text(f"DO $$ BEGIN RAISE unique_violation USING MESSAGE = '{told}'; END $$")

    with speaking(database_urls) as connection, pytest.raises(IntegrityError) as refused:
        connection.execute(speak)

    assert refusing_constraint(refused.value) == "slot_once_key"


def test_a_refusal_by_one_machine_is_told_as_it_is(database_urls):
    with speaking(database_urls) as connection, pytest.raises(IntegrityError) as refused:
        connection.execute(text("CREATE TEMP TABLE planted (n int CONSTRAINT planted_once_2026112 UNIQUE)"))
        connection.execute(text("INSERT INTO planted VALUES (1), (1)"))

    assert refusing_constraint(refused.value) == "planted_once_2026112"


def test_constraints_that_explain_themselves_have_names_that_leave_room_for_a_shards_number():
    named = {keyword.arg for call in calls_of("refusing") for keyword in call.keywords}
    known = {each.name for table in Base.metadata.tables.values() for each in (*table.constraints, *table.indexes)}

    assert named
    assert named - known == set()
    assert {name for name in named if len(f"{name}_12345678") > 63} == set()


def test_planted_obstacles_are_found():
    planted = MetaData()
    key = {"primary_key": True}
    Table("organization", planted, Column("tenant_id", Uuid, **key), Column("id", Uuid, **key))
    Table("person", planted, Column("id", Uuid, **key))
    Table(
        "slot",
        planted,
        Column("tenant_id", Uuid, **key),
        Column("id", Uuid, **key),
        Column("number", BigInteger, Identity()),
        Column("organization_id", Uuid),
        Column("person_id", Uuid),
        ForeignKeyConstraint(["organization_id"], ["organization.id"], name="slot_organization_fkey"),
        ForeignKeyConstraint(["person_id"], ["person.id"], name="slot_person_fkey"),
        UniqueConstraint("number", name="slot_number_key"),
    )
    Table(
        "package",
        planted,
        Column("id", Uuid, **key),
        Column("tenant_id", Uuid),
        ForeignKeyConstraint(
            ["tenant_id", "id"], ["organization.tenant_id", "organization.id"], name="package_by_fkey"
        ),
    )

    found = obstacles(planted)

    assert sorted(found) == [
        "package: package_by_fkey leads from a table without a tenant to organization, which is cut by tenant",
        "slot: number counts across tenants",
        "slot: slot_number_key does not begin with tenant_id",
        "slot: slot_organization_fkey could cross from one tenant to another",
        "slot: slot_person_fkey leads to person, which only the coordinator has",
    ]


def test_a_planted_trigger_that_reads_another_table_is_found():
    assert tables_read_by("BEGIN IF EXISTS (SELECT FROM payment WHERE id = NEW.id) THEN RETURN NULL; END") == {
        "payment"
    }


def models() -> list[type]:
    return [mapper.class_ for mapper in Base.registry.mappers]


def speaking(database_urls) -> Connection:
    url = database_urls.owner.replace("postgresql://", "postgresql+psycopg://")
    return create_engine(url, poolclass=NullPool).connect()


def calls_of(function: str) -> list[ast.Call]:
    sources = [path.read_text() for house in ("platform", "tenants", "b2b") for path in Path(house).rglob("*.py")]
    nodes = [node for source in sources for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [node for node in nodes if isinstance(node.func, ast.Name) and node.func.id == function]


def tables_read_by(body: str) -> set[str]:
    return set(re.findall(r"\b(?:FROM|JOIN|INTO|UPDATE)\s+(\w+)", body)) & set(Base.metadata.tables)
