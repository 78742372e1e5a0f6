"""Every table is walled by its tenant, or stands on the list of tables without one, with a reason."""

from collections.abc import Iterator

import psycopg
import pytest
from flask import Flask

from tandem.kernel.database import Base, Reference, TenantOwned

APP, OPERATOR = "tandem_app", "tandem_operator"
CHANGES = {"UPDATE", "DELETE", "TRUNCATE"}


@pytest.fixture
def catalogue(app: Flask, database_urls) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_urls.owner) as connection:
        yield connection


def models():
    return {mapper.local_table.name: mapper.class_ for mapper in Base.registry.mappers}


def privileges(catalogue, table: str, role: str) -> set[str]:
    row = catalogue.execute(
        "SELECT array_agg(p) FROM unnest(ARRAY['SELECT','INSERT','UPDATE','DELETE','TRUNCATE']) AS p"
        " WHERE has_table_privilege(%s, %s, p)",
        (role, table),
    ).fetchone()
    return set(row[0] or [])


def policies(catalogue, table: str) -> dict[str, str]:
    found = catalogue.execute(
        "SELECT roles[1]::text, string_agg(coalesce(qual, '') || coalesce(with_check, ''), ' ') FROM pg_policies"
        " WHERE tablename = %s GROUP BY 1",
        (table,),
    )
    return dict(found.fetchall())


def test_no_table_is_unknown_to_the_models(catalogue):
    tables = {
        row[0]
        for row in catalogue.execute(
            "SELECT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace"
            " WHERE relkind IN ('r', 'p', 'v', 'm') AND nspname = 'public'"
        )
    }

    assert tables - set(models()) == {"alembic_version"}


def test_every_table_says_whose_it_is(app):
    undecided = [name for name, model in models().items() if not issubclass(model, TenantOwned | Reference)]
    unreasoned = [name for name, model in models().items() if issubclass(model, Reference) and not model.__reason__]

    assert undecided == []
    assert unreasoned == []


def test_every_tenants_table_is_walled_for_every_role(catalogue):
    open_tables = []
    for name, model in models().items():
        if not issubclass(model, TenantOwned):
            continue
        forced = catalogue.execute(
            "SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE relname = %s", (name,)
        )
        walls = policies(catalogue, name)
        if not forced.fetchone()[0] or "app.tenant_id" not in walls.get(APP, ""):
            open_tables.append(name)
        if model.__wall__.operator == "none" and (privileges(catalogue, name, OPERATOR) or OPERATOR in walls):
            open_tables.append(f"{name} for the operator")

    assert open_tables == []


def test_what_is_written_once_can_be_changed_by_nobody(catalogue):
    changeable = [
        f"{name} by {role}"
        for name, model in models().items()
        if issubclass(model, TenantOwned) and model.__wall__.append_only
        for role in (APP, OPERATOR)
        if privileges(catalogue, name, role) & CHANGES
    ]
    untriggered = [
        name
        for name, model in models().items()
        if issubclass(model, TenantOwned) and model.__wall__.append_only
        if not catalogue.execute(
            "SELECT 1 FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal", (name,)
        ).fetchone()
    ]

    assert changeable == []
    assert untriggered == []


def test_rows_that_are_only_moved_on_can_be_deleted_by_nobody(catalogue):
    walls = {name: model.__wall__ for name, model in models().items() if issubclass(model, TenantOwned)}
    kept = {name for name, wall in walls.items() if not wall.deletable}

    deletable = [
        f"{name} by {role}"
        for name in sorted(kept)
        for role in (APP, OPERATOR)
        if privileges(catalogue, name, role) & {"DELETE", "TRUNCATE"}
    ]

    assert kept >= {"discrepancy", "line_dispute", "fee_adjustment", "discrepancy_resolution", "fapiao"}
    assert kept >= {"refund", "dispute", "balance_transaction", "audit_head"}
    assert deletable == []


def test_tables_without_a_tenant_give_each_role_what_they_say_and_no_more(catalogue):
    differing = []
    for name, model in models().items():
        if not issubclass(model, Reference):
            continue
        for role in (APP, OPERATOR):
            said = {each.strip() for each in model.__grants__.get(role, "").split(",") if each.strip()}
            if privileges(catalogue, name, role) != said:
                differing.append(f"{name} for {role}")
        walled = catalogue.execute("SELECT relrowsecurity FROM pg_class WHERE relname = %s", (name,)).fetchone()[0]
        if walled != bool(model.__person_column__):
            differing.append(f"{name} by person")

    assert differing == []


def test_keys_begin_with_the_tenant(catalogue):
    loose = []
    for name, model in models().items():
        if not issubclass(model, TenantOwned):
            continue
        table = model.__table__
        for constraint in (*table.constraints, *(index for index in table.indexes if index.unique)):
            columns = [column.name for column in getattr(constraint, "columns", [])]
            kind = type(constraint).__name__
            # What is nobody's is referred to without a tenant; it tells nothing of anybody.
            if kind == "ForeignKeyConstraint" and "tenant_id" not in constraint.referred_table.columns:
                continue
            if (
                kind in {"PrimaryKeyConstraint", "UniqueConstraint", "ForeignKeyConstraint", "Index"}
                and columns[0] != "tenant_id"
            ):
                loose.append(f"{name}: {kind} {columns}")

    assert loose == []


def test_a_planted_table_without_a_wall_is_found(catalogue):
    catalogue.execute("CREATE TABLE planted (tenant_id uuid, id uuid, secret text)")
    try:
        with pytest.raises(AssertionError, match="planted"):
            test_no_table_is_unknown_to_the_models(catalogue)
    finally:
        catalogue.rollback()


def test_roles_are_held_by_the_wall(catalogue):
    strong = catalogue.execute(
        "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s) AND (rolsuper OR rolbypassrls OR rolcreaterole)",
        ([APP, OPERATOR, "tandem_owner"],),
    ).fetchall()
    creators = [
        role
        for role in (APP, OPERATOR)
        if catalogue.execute("SELECT has_schema_privilege(%s, 'public', 'CREATE')", (role,)).fetchone()[0]
    ]

    assert strong == []
    assert creators == []
