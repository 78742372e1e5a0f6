"""Note changes of use: roll-ups and claims say which transaction wrote them last."""

import sqlalchemy as sa
from alembic import op

revision = "r0256"
down_revision = "u0255"
branch_labels = None
depends_on = None

CHANGING = ("usage_rollup", "usage_claim")


def upgrade() -> None:
    for table in CHANGING:
        op.add_column(table, sa.Column("changed_xid", sa.BigInteger(), server_default="0", nullable=False))
        op.create_index(f"{table}_by_change_idx", table, ["tenant_id", "changed_xid"])
        op.execute(
            f"CREATE TRIGGER {table}_notes_change BEFORE INSERT OR UPDATE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION tandem_note_change()"
        )


def downgrade() -> None:
    for table in reversed(CHANGING):
        op.execute(f"DROP TRIGGER {table}_notes_change ON {table}")
        op.drop_index(f"{table}_by_change_idx", table)
        op.drop_column(table, "changed_xid")
