"""Two more caps on the operator's fee: over a whole programme, and none at all on medical service fees.

Forward only: fees were capped by these terms and agreements frozen with them; without the columns nobody could
say any more why a fee was cut, and the frozen terms would no longer be what both parties signed.
"""

import sqlalchemy as sa
from alembic import op

revision = "u0140"
down_revision = "b1060"
branch_labels = None
depends_on = None

# As before, with the two new terms among those that freeze with the proposal.
KEEP_TERMS = """
CREATE OR REPLACE FUNCTION agreement_version_keep_terms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'draft' THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    IF TG_OP = 'DELETE'
        OR (NEW.number, NEW.currency, NEW.percent_of_net, NEW.per_visit_minor, NEW.monthly_minor, NEW.cap_percent,
            NEW.cap_per_visit_minor, NEW.cap_per_programme_minor, NEW.zero_on_medical, NEW.refund_window_days)
        IS DISTINCT FROM
           (OLD.number, OLD.currency, OLD.percent_of_net, OLD.per_visit_minor, OLD.monthly_minor, OLD.cap_percent,
            OLD.cap_per_visit_minor, OLD.cap_per_programme_minor, OLD.zero_on_medical, OLD.refund_window_days)
        OR (OLD.effective_from IS NOT NULL
            AND (NEW.effective_from, NEW.terms_sha256) IS DISTINCT FROM (OLD.effective_from, OLD.terms_sha256))
        OR (OLD.effective_until IS NOT NULL AND NEW.effective_until IS DISTINCT FROM OLD.effective_until)
    THEN
        RAISE EXCEPTION 'terms that were proposed are immutable: draft a new version' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""


def upgrade() -> None:
    op.add_column("agreement_version", sa.Column("cap_per_programme_minor", sa.BigInteger(), nullable=True))
    op.add_column(
        "agreement_version",
        sa.Column("zero_on_medical", sa.Boolean(), nullable=False, server_default=sa.text("false")),
    )
    op.alter_column("agreement_version", "zero_on_medical", server_default=None)
    op.create_check_constraint(
        op.f("agreement_version_cap_per_programme_not_negative_check"),
        "agreement_version",
        "cap_per_programme_minor >= 0",
    )
    op.execute(KEEP_TERMS)


def downgrade() -> None:
    raise NotImplementedError("what was metered, rated and settled is not taken back: go forward with a new migration")
