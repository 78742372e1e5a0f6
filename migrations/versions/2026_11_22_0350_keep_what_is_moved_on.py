"""Keep rows that are only moved on: no role of ours deletes them, and a series of numbers is never turned back."""

from alembic import op
from walls import keep_rows

revision = "m0350"
down_revision = "e0345"
branch_labels = None
depends_on = None

# Which roles could delete rows of a table until now.
DELETERS = {
    "discrepancy": "tandem_app, tandem_operator",
    "discrepancy_resolution": "tandem_app, tandem_operator",
    "line_dispute": "tandem_app, tandem_operator",
    "fee_adjustment": "tandem_app, tandem_operator",
    "fapiao": "tandem_app, tandem_operator",
    "number_series": "tandem_app, tandem_operator",
    "refund": "tandem_app",
    "dispute": "tandem_app",
    "balance_transaction": "tandem_app",
    "audit_head": "tandem_app",
}
REFUSE_TURNING_BACK = """
CREATE FUNCTION tandem_refuse_turning_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a number that was given is not given again: the next number of % only grows', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$
"""


def upgrade() -> None:
    for table in DELETERS:
        keep_rows(table)
    op.execute(REFUSE_TURNING_BACK)
    # A series under another name would begin anew under its old one.
    op.execute(
        "CREATE TRIGGER number_series_only_grows BEFORE UPDATE ON number_series FOR EACH ROW "
        "WHEN (NEW.next_number < OLD.next_number "
        "OR (OLD.tenant_id, OLD.id, OLD.series) IS DISTINCT FROM (NEW.tenant_id, NEW.id, NEW.series)) "
        "EXECUTE FUNCTION tandem_refuse_turning_back()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER number_series_only_grows ON number_series")
    op.execute("DROP FUNCTION tandem_refuse_turning_back()")
    for table, roles in DELETERS.items():
        op.execute(f"GRANT DELETE ON {table} TO {roles}")
