"""How a migration raises the wall around a table. Kept frozen: later migrations may add, never reword."""

from alembic import op

TENANT = "current_setting('app.tenant_id')::uuid"
PERSON = "nullif(current_setting('app.person_id', true), '')::uuid"

_GRANTS = {"none": None, "read": "SELECT", "write": "SELECT, INSERT, UPDATE, DELETE"}


def raise_wall(
    table: str, *, operator: str, append_only: bool = False, operator_where: str | None = None, deletable: bool = True
) -> None:
    """Wall a tenant's table: its own rows for tandem_app, and what `operator` says for tandem_operator.

    An unset tenant makes tandem_app's queries fail, not come back empty. Not `deletable`: neither role may DELETE.
    """
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    own = f"tenant_id = {TENANT}"
    op.execute(f"CREATE POLICY tenant ON {table} TO tandem_app USING ({own}) WITH CHECK ({own})")
    op.execute(f"CREATE POLICY owner ON {table} TO tandem_owner USING (true) WITH CHECK (true)")
    op.execute(
        f"GRANT {'SELECT, INSERT' if append_only else 'SELECT, INSERT, UPDATE, DELETE'} ON {table} TO tandem_app"
    )
    grant = _GRANTS[operator]
    if grant is not None:
        if append_only:
            grant = grant.replace(", UPDATE, DELETE", "")
        where = operator_where or "true"
        op.execute(f"CREATE POLICY operator ON {table} TO tandem_operator USING ({where}) WITH CHECK ({where})")
        op.execute(f"GRANT {grant} ON {table} TO tandem_operator")
    if not deletable:
        keep_rows(table)


def keep_rows(table: str) -> None:
    """Nobody but the owner may DELETE rows of a table."""
    op.execute(f"REVOKE DELETE ON {table} FROM tandem_app, tandem_operator")


def wall_by_person(table: str, *, where: str, insert_where: str = "true", **grants: str) -> None:
    """Wall a platform table by person: `where` names the rows the acting person can see."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY owner ON {table} TO tandem_owner USING (true) WITH CHECK (true)")
    for role, privileges in grants.items():
        op.execute(f"CREATE POLICY {role}_reads ON {table} FOR SELECT TO {role} USING ({where})")
        op.execute(f"CREATE POLICY {role}_adds ON {table} FOR INSERT TO {role} WITH CHECK ({insert_where})")
        op.execute(f"CREATE POLICY {role}_changes ON {table} FOR UPDATE TO {role} USING ({where}) WITH CHECK ({where})")
        op.execute(f"CREATE POLICY {role}_removes ON {table} FOR DELETE TO {role} USING ({where})")
        op.execute(f"GRANT {privileges} ON {table} TO {role}")


def leave_open(table: str, **grants: str) -> None:
    """A platform table without rows of anybody: plain grants by role."""
    for role, privileges in grants.items():
        op.execute(f"GRANT {privileges} ON {table} TO {role}")


def refuse_changes(table: str) -> None:
    """Whatever the grants say, no UPDATE, DELETE or TRUNCATE on an append-only table."""
    op.execute(
        f"CREATE TRIGGER {table}_is_append_only BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION tandem_refuse_change()"
    )
    op.execute(
        f"CREATE TRIGGER {table}_is_never_truncated BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION tandem_refuse_change()"
    )


REFUSE_CHANGE = """
CREATE FUNCTION tandem_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: correct it with a new row', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
"""
