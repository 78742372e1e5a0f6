"""The migrated schema on a Citus cluster, as the models say.

A tenant's tables are cut by `tenant_id` and lie together, so that one tenant's rows share a node. Tables without a
tenant are copied to every node where they are read far more often than written; those that requests write as they
come stay on the coordinator: a change to a copied table is a commit on every node, and an upsert locks all of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final, Literal

import psycopg
from psycopg import sql
from sqlalchemy import ForeignKeyConstraint, MetaData, PrimaryKeyConstraint, Table, UniqueConstraint
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import AddConstraint

from tandem.embedded.errors import ServerRefused
from tandem.embedded.roles import APP, OPERATOR, OWNER
from tandem.kernel.database import Base, Reference, TenantOwned

Kind = Literal["distributed", "reference", "coordinator"]

COLUMN: Final = "tenant_id"
ANCHOR: Final = "organization"
"""The table that all others lie together with: every tenant has one row in it."""

_SETTINGS: Final = (
    # Without it `SET LOCAL app.tenant_id` stays on the coordinator and the wall on the workers refuses everything.
    (APP, "citus.propagate_set_commands", "local"),
    (OPERATOR, "citus.propagate_set_commands", "local"),
    # Citus repeats our `BEGIN; SET LOCAL …` to the workers word for word; each would warn that it has begun already.
    (APP, "log_min_messages", "error"),
    (OPERATOR, "log_min_messages", "error"),
    # "Unsafe" are triggers that look at other tables' rows, which may lie elsewhere. Ours look at their own only.
    (OWNER, "citus.enable_unsafe_triggers", "on"),
)
_ALLOW_TRIGGERS: Final = "SET citus.enable_unsafe_triggers = on"
_AS_BEFORE: Final = "RESET citus.enable_unsafe_triggers"


@dataclass(frozen=True)
class Placement:
    """Where a table's rows are on a cluster, and why."""

    table: str
    kind: Kind
    reason: str

    def statements(self) -> list[str]:
        """The SQL that puts the table there; a table of the coordinator is only told its reason."""
        name, reason = sql.Literal(self.table), sql.Literal(f"{self.kind}: {self.reason}")
        comment = sql.SQL("COMMENT ON TABLE {} IS {}").format(sql.Identifier(self.table), reason).as_string()
        if self.kind == "coordinator":
            return [comment]
        if self.kind == "reference":
            return [sql.SQL("SELECT create_reference_table({})").format(name).as_string(), comment]
        beside = "none" if self.table == ANCHOR else ANCHOR
        place = sql.SQL("SELECT create_distributed_table({}, {}, colocate_with => {})")
        return [place.format(name, sql.Literal(COLUMN), sql.Literal(beside)).as_string()]


def placements() -> list[Placement]:
    """Every table of the models and its place, those first that others refer to. Models must be imported."""
    models = {mapper.local_table: mapper.class_ for mapper in Base.registry.mappers}
    placed = [_place(table, models[table]) for table in Base.metadata.sorted_tables]
    return sorted(placed, key=lambda each: each.table != ANCHOR)


def _place(table: Table, model: type[Any]) -> Placement:
    if issubclass(model, TenantOwned):
        return Placement(table.name, "distributed", "one tenant's rows")
    if not issubclass(model, Reference):
        raise TypeError(f"{table.name} is neither a tenant's nor a reference")
    stays = model.__person_column__ is not None or model.__on_coordinator__
    return Placement(table.name, "coordinator" if stays else "reference", model.__reason__)


def _ties() -> list[ForeignKeyConstraint]:
    # Citus turns whatever hangs on a table it copies into tables of the coordinator, which it then will not cut.
    # So a tenant's table lets go of the copied ones while it is placed, and takes hold again at the end.
    kinds = {each.table: each.kind for each in placements()}
    return [
        foreign
        for table in Base.metadata.sorted_tables
        for foreign in sorted(table.foreign_key_constraints, key=lambda each: str(each.name))
        if (kinds[table.name], kinds[foreign.referred_table.name]) == ("distributed", "reference")
    ]


def _let_go(tie: ForeignKeyConstraint) -> str:
    table, name = sql.Identifier(tie.table.name), sql.Identifier(str(tie.name))
    return sql.SQL("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {}").format(table, name).as_string()


def _take_hold(tie: ForeignKeyConstraint) -> str:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # the library leaves it untyped
    return " ".join(str(AddConstraint(tie).compile(dialect=dialect)).split())


def obstacles(schema: MetaData = Base.metadata) -> list[str]:
    """What keeps tables from the places of `placements()`; empty when `schema` can be distributed."""
    kinds = {each.table: each.kind for each in placements()}
    tables = schema.sorted_tables
    return [f"{table.name}: {told}" for table in tables for told in _obstacles(table, kinds)]


def _obstacles(table: Table, kinds: Mapping[str, Kind]) -> Iterable[str]:
    keys = [each for each in table.constraints if isinstance(each, PrimaryKeyConstraint | UniqueConstraint)]
    unique = [(str(each.name), list(each.columns.keys())) for each in keys]
    unique += [(str(each.name), [column.name for column in each.columns]) for each in table.indexes if each.unique]
    if kinds[table.name] == "distributed":
        yield from (f"{name} does not begin with {COLUMN}" for name, columns in unique if columns[0] != COLUMN)
    for column in table.columns:
        if column.autoincrement is True or column.identity is not None or "nextval" in str(column.server_default):
            yield f"{column.name} counts across tenants"
    for foreign in table.foreign_key_constraints:
        yield from _foreign_obstacles(table, foreign, kinds)


def _foreign_obstacles(table: Table, foreign: ForeignKeyConstraint, kinds: Mapping[str, Kind]) -> Iterable[str]:
    to = foreign.referred_table
    pairs = [(element.parent.name, element.column.name) for element in foreign.elements]
    match kinds[table.name], kinds[to.name]:
        case "distributed", "distributed" if pairs[0] != (COLUMN, COLUMN):
            yield f"{foreign.name} could cross from one tenant to another"
        case (("reference" | "coordinator"), "distributed"):
            yield f"{foreign.name} leads from a table without a tenant to {to.name}, which is cut by tenant"
        case (("distributed" | "reference"), "coordinator"):
            yield f"{foreign.name} leads to {to.name}, which only the coordinator has"


def whole_sql() -> list[str]:
    """All the SQL there is to run on a cluster that has only been migrated. Models must be imported."""
    settings = [_setting(*each) for each in _SETTINGS]
    tables = [statement for each in placements() for statement in each.statements()]
    ties = _ties()
    return [
        *settings, _ALLOW_TRIGGERS, *map(_let_go, ties), *tables, *map(_take_hold, ties), _AS_BEFORE,
    ]  # fmt: skip


def missing_sql(admin_url: str) -> list[str]:
    """What of it this cluster still lacks; empty when everything is in its place. Models must be imported.

    Raises ServerRefused where there is no cluster, where a table is missing or where one was put elsewhere.
    """
    with closing(_entry(admin_url)) as admin:
        return _missing(admin)


def distribute(admin_url: str) -> list[str]:
    """Put every table in its place and return the SQL that was needed. Doing it again changes nothing.

    `admin_url` is a superuser's, of the migrated database on the coordinator. Raises ServerRefused.
    """
    with closing(_entry(admin_url)) as admin:
        wanted = _missing(admin)
        for statement in wanted:
            try:
                admin.execute(statement)
            except psycopg.Error as error:
                raise ServerRefused(f"{statement}: {str(error).strip()}") from None
        if left := _missing(admin):
            raise ServerRefused(f"the cluster did not take it: {'; '.join(left)}")
        return wanted


def _entry(admin_url: str) -> psycopg.Connection:
    try:
        admin = psycopg.connect(admin_url, autocommit=True, connect_timeout=5)
    except psycopg.OperationalError as error:
        raise ServerRefused(f"no entry to the coordinator: {str(error).strip().splitlines()[0]}") from None
    try:
        _refuse_unready(admin)
    except ServerRefused:
        admin.close()
        raise
    return admin


def _refuse_unready(admin: psycopg.Connection) -> None:
    if not _value(admin, "SELECT count(*) FROM pg_extension WHERE extname = 'citus'"):
        raise ServerRefused(
            "this database has no Citus: on every node run CREATE EXTENSION citus (docs/guides/growth.md)"
        )
    if not _value(admin, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"):
        raise ServerRefused("DATABASE_URL must be a superuser's: it sets roles on every node")
    if not _value(admin, "SELECT count(*) FROM pg_dist_node WHERE groupid = 0"):
        raise ServerRefused("the coordinator does not know itself: run SELECT citus_set_coordinator_host('…', 5432)")
    if not _value(admin, "SELECT count(*) FROM pg_dist_node WHERE noderole = 'primary' AND shouldhaveshards"):
        raise ServerRefused("the cluster has no worker: run SELECT citus_add_node('…', 5432)")


def _missing(admin: psycopg.Connection) -> list[str]:
    wanted = [_setting(*each) for each in _SETTINGS if not _on_every_node(admin, _setting_found(*each))]
    tables = _missing_tables(admin)
    return [*wanted, *([_ALLOW_TRIGGERS, *tables, _AS_BEFORE] if tables else [])]


def _missing_tables(admin: psycopg.Connection) -> list[str]:
    found = {
        name: (kind, told)
        for name, kind, told in admin.execute(
            "SELECT c.relname, CASE WHEN p.partmethod = 'h' AND p.colocationid = anchor.colocationid"
            "  AND column_to_column_name(p.logicalrelid, p.partkey) = %s THEN 'distributed'"
            "  WHEN p.partmethod = 'n' AND p.repmodel = 't' THEN 'reference'"
            "  WHEN p.logicalrelid IS NULL THEN 'coordinator' ELSE 'elsewhere' END, obj_description(c.oid, 'pg_class')"
            " FROM pg_class c LEFT JOIN pg_dist_partition p ON p.logicalrelid = c.oid"
            " LEFT JOIN pg_dist_partition anchor ON anchor.logicalrelid = to_regclass(%s)"
            " WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace",
            [COLUMN, ANCHOR],
        )
    }
    wanted: list[str] = []
    moved: set[str] = set()
    for each in placements():
        if each.table not in found:
            raise ServerRefused(f"the table {each.table} is missing: run `tandem db upgrade` first")
        kind, told = found[each.table]
        if kind not in (each.kind, "coordinator"):
            raise ServerRefused(f"{each.table} was to be {each.kind} and is {kind}: undistribute_table() it first")
        *place, last = each.statements()
        if each.kind == "distributed":
            place, last = [last], ""
        if kind != each.kind:
            wanted += place
            moved.add(each.table)
        wanted += [last] if last and told != f"{each.kind}: {each.reason}" else []
    held = {name for (name,) in admin.execute("SELECT conname FROM pg_constraint WHERE contype = 'f'")}
    loose = [tie for tie in _ties() if moved & {tie.table.name, tie.referred_table.name}]
    torn = [tie for tie in _ties() if tie not in loose and tie.name not in held]
    return [*map(_let_go, loose), *wanted, *map(_take_hold, [*loose, *torn])]


def _setting(role: str, name: str, value: str) -> str:
    return f"ALTER ROLE {role} SET {name} = '{value}'"


def _setting_found(role: str, name: str, value: str) -> str:
    asked = sql.SQL("SELECT coalesce({} = ANY(rolconfig), false) FROM pg_roles WHERE rolname = {}")
    return asked.format(sql.Literal(f"{name}={value}"), sql.Literal(role)).as_string()


def _on_every_node(admin: psycopg.Connection, question: str) -> bool:
    answers: Sequence[tuple[Any, ...]] = admin.execute(
        "SELECT success, result FROM run_command_on_all_nodes(%s)", [question]
    ).fetchall()
    return bool(answers) and all(success and result == "t" for success, result in answers)


def _value(admin: psycopg.Connection, question: str) -> Any:
    row = admin.execute(question).fetchone()
    return row[0] if row else None
