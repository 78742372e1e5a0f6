"""Record the posting rules: every version, once, where journals and hospitals can look it up.

A later version is added by a migration that says `record_posting_rules()` again: what is recorded stays.
"""

import sqlalchemy as sa
from alembic import op
from recording import record_posting_rules
from sqlalchemy.dialects import postgresql
from walls import leave_open, refuse_changes

revision = "l0140"
down_revision = "u0140"
branch_labels = None
depends_on = None

FAMILIES = "'payment', 'care', 'fee', 'pay', 'settlement', 'enterprise', 'welfare', 'rounding', 'fx', 'hold'"
BARRED = "family NOT IN ('fee', 'pay') OR strpos(array_to_string(legs || basis, ' '), '{}') = 0"


def upgrade() -> None:
    op.create_table(
        "posting_rule_version",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("family", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("legs", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("basis", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("mirror", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.CheckConstraint(f"family IN ({FAMILIES})", name=op.f("posting_rule_version_family_check")),
        sa.CheckConstraint("version > 0", name=op.f("posting_rule_version_version_check")),
        sa.CheckConstraint(BARRED.format("rev.drug"), name=op.f("posting_rule_version_no_fee_on_drug_check")),
        sa.CheckConstraint(
            BARRED.format("rev.examination"), name=op.f("posting_rule_version_no_fee_on_examination_check")
        ),
        sa.PrimaryKeyConstraint("code", "version", name=op.f("posting_rule_version_pkey")),
        sa.UniqueConstraint("code", "effective_from", name=op.f("posting_rule_version_code_effective_from_key")),
    )
    leave_open("posting_rule_version", tandem_app="SELECT", tandem_operator="SELECT")
    refuse_changes("posting_rule_version")
    record_posting_rules()


def downgrade() -> None:
    op.drop_table("posting_rule_version")
