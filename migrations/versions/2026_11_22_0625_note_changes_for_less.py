"""Note changes of use for less: by default, and by the trigger only where a statement says otherwise.

A call of the trigger cost as much as writing the row. The default says which transaction it is; the trigger still
corrects whoever names another one, and every update. The index of claims by line goes: they are found by what they
claim, and its random keys cost a third of the claim.
"""

from alembic import op

revision = "u0625"
down_revision = "l0620"
branch_labels = None
depends_on = None

CHANGING = ("usage_rollup", "usage_claim")
NOW = "(pg_current_xact_id()::text::bigint)"


def upgrade() -> None:
    for table in CHANGING:
        op.execute(f"ALTER TABLE {table} ALTER changed_xid SET DEFAULT {NOW}")
        _note(table, f"WHEN (NEW.changed_xid IS DISTINCT FROM {NOW})")
    op.drop_index("usage_claim_by_line", "usage_claim")


def downgrade() -> None:
    op.create_index("usage_claim_by_line", "usage_claim", ["tenant_id", "rated_line_id"])
    for table in reversed(CHANGING):
        _note(table, "")
        op.execute(f"ALTER TABLE {table} ALTER changed_xid SET DEFAULT 0")


def _note(table: str, when: str) -> None:
    op.execute(f"DROP TRIGGER {table}_notes_change ON {table}")
    op.execute(
        f"CREATE TRIGGER {table}_notes_change BEFORE INSERT OR UPDATE ON {table} "
        f"FOR EACH ROW {when} EXECUTE FUNCTION tandem_note_change()"
    )
