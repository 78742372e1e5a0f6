"""Open accounts: organisations, agreements, requirements, staff, and the bound on guessing passwords."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from walls import leave_open, raise_wall, refuse_changes

revision = "a1010"
down_revision = "k1000"
branch_labels = None
depends_on = None

# What was proposed is what the other party reads and confirms, so terms freeze with the proposal. The one thing the
# confirmation may fill in is a beginning that was left open.
KEEP_TERMS = """
CREATE FUNCTION agreement_version_keep_terms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'draft' THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    IF TG_OP = 'DELETE'
        OR (NEW.number, NEW.currency, NEW.percent_of_net, NEW.per_visit_minor, NEW.monthly_minor, NEW.cap_percent,
            NEW.cap_per_visit_minor, NEW.refund_window_days)
        IS DISTINCT FROM
           (OLD.number, OLD.currency, OLD.percent_of_net, OLD.per_visit_minor, OLD.monthly_minor, OLD.cap_percent,
            OLD.cap_per_visit_minor, OLD.refund_window_days)
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
    _organization()
    _organization_step()
    _organization_requirement()
    _agreement_version()
    _invitation()
    _staff_profile()
    _login_throttle()


def downgrade() -> None:
    op.drop_table("login_throttle")
    op.drop_table("staff_profile")
    op.drop_table("invitation")
    op.drop_table("agreement_version")
    op.execute("DROP FUNCTION agreement_version_keep_terms()")
    op.drop_table("organization_requirement")
    op.drop_table("organization_step")
    op.drop_table("organization")


def _organization() -> None:
    op.create_table(
        "organization",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_sort", sa.Text(), nullable=False),
        sa.Column("uscc", sa.Text(), nullable=True),
        sa.Column("province_code", sa.Text(), nullable=True),
        sa.Column("province", sa.Text(), nullable=True),
        sa.Column("city_code", sa.Text(), nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("tags", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("submitted_by", sa.Uuid(), nullable=True),
        sa.Column("submitted_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("reviewed_by", sa.Uuid(), nullable=True),
        sa.Column("reviewed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("approved_by", sa.Uuid(), nullable=True),
        sa.Column("approved_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("live_since", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("suspended_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("updated_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('operator', 'hospital', 'employer', 'programme', 'regulator')",
            name=op.f("organization_kind_check"),
        ),
        sa.CheckConstraint(
            "status IN ('listed', 'draft', 'submitted', 'under_review', 'info_requested', 'approved', 'rejected', 'withdrawn', 'live', 'suspended')",
            name=op.f("organization_status_check"),
        ),
        sa.CheckConstraint("approved_by <> reviewed_by", name=op.f("organization_approver_is_not_reviewer_check")),
        sa.CheckConstraint("reviewed_by <> submitted_by", name=op.f("organization_reviewer_is_not_submitter_check")),
        sa.CheckConstraint("tenant_id = id", name=op.f("organization_is_its_own_tenant_check")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("organization_pkey")),
    )
    raise_wall("organization", operator="write")


def _organization_step() -> None:
    op.create_table(
        "organization_step",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("from_status", sa.Text(), nullable=True),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("taken_by", sa.Uuid(), nullable=True),
        sa.Column("taken_by_kind", sa.Text(), nullable=False),
        sa.Column("because", sa.Text(), nullable=True),
        sa.Column("taken_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "organization_id"],
            ["organization.tenant_id", "organization.id"],
            name=op.f("organization_step_organization_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("organization_step_pkey")),
    )
    op.create_index(
        op.f("organization_step_tenant_id_taken_at_idx"), "organization_step", ["tenant_id", "taken_at"], unique=False
    )
    raise_wall("organization_step", operator="write", append_only=True)
    refuse_changes("organization_step")


def _organization_requirement() -> None:
    op.create_table(
        "organization_requirement",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("gates", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("gates IN ('approval', 'go_live')", name=op.f("organization_requirement_gates_check")),
        sa.CheckConstraint(
            "status = 'unmet' OR evidence IS NOT NULL", name=op.f("organization_requirement_shown_check")
        ),
        sa.CheckConstraint("status IN ('unmet', 'met', 'waived')", name=op.f("organization_requirement_status_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "organization_id"],
            ["organization.tenant_id", "organization.id"],
            name=op.f("organization_requirement_organization_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("organization_requirement_pkey")),
        sa.UniqueConstraint("tenant_id", "code", name=op.f("organization_requirement_tenant_id_code_key")),
    )
    raise_wall("organization_requirement", operator="write")


def _agreement_version() -> None:
    op.create_table(
        "agreement_version",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("percent_of_net", sa.Numeric(precision=7, scale=4), nullable=False),
        sa.Column("per_visit_minor", sa.BigInteger(), nullable=False),
        sa.Column("monthly_minor", sa.BigInteger(), nullable=False),
        sa.Column("cap_percent", sa.Numeric(precision=7, scale=4), nullable=True),
        sa.Column("cap_per_visit_minor", sa.BigInteger(), nullable=True),
        sa.Column("refund_window_days", sa.BigInteger(), nullable=False),
        sa.Column("effective_from", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("effective_until", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("terms_sha256", sa.Text(), nullable=True),
        sa.Column("drafted_by", sa.Uuid(), nullable=True),
        sa.Column("proposed_by", sa.Uuid(), nullable=True),
        sa.Column("proposed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "currency IN ('CNY', 'EUR', 'HKD', 'JPY', 'KWD', 'USD')", name=op.f("agreement_version_currency_check")
        ),
        sa.CheckConstraint(
            "status = 'draft' OR status = 'withdrawn' OR terms_sha256 IS NOT NULL",
            name=op.f("agreement_version_sealed_check"),
        ),
        sa.CheckConstraint(
            "status IN ('draft', 'proposed', 'in_force', 'superseded', 'declined', 'withdrawn')",
            name=op.f("agreement_version_status_check"),
        ),
        sa.CheckConstraint(
            "status NOT IN ('in_force', 'superseded') OR effective_from IS NOT NULL",
            name=op.f("agreement_version_dated_check"),
        ),
        sa.CheckConstraint("cap_per_visit_minor >= 0", name=op.f("agreement_version_cap_per_visit_not_negative_check")),
        sa.CheckConstraint("cap_percent >= 0 AND cap_percent <= 100", name=op.f("agreement_version_cap_percent_check")),
        sa.CheckConstraint(
            "per_visit_minor >= 0 AND monthly_minor >= 0", name=op.f("agreement_version_amounts_not_negative_check")
        ),
        sa.CheckConstraint(
            "percent_of_net >= 0 AND percent_of_net <= 100", name=op.f("agreement_version_percent_of_net_check")
        ),
        sa.CheckConstraint(
            "refund_window_days BETWEEN 0 AND 365", name=op.f("agreement_version_refund_window_days_check")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "organization_id"],
            ["organization.tenant_id", "organization.id"],
            name=op.f("agreement_version_organization_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("agreement_version_pkey")),
        sa.UniqueConstraint("tenant_id", "number", name=op.f("agreement_version_tenant_id_number_key")),
    )
    op.create_index(
        "agreement_version_effective_from_key",
        "agreement_version",
        ["tenant_id", "effective_from"],
        unique=True,
        postgresql_where=sa.text("status IN ('in_force', 'superseded')"),
    )
    raise_wall("agreement_version", operator="write")
    op.execute(KEEP_TERMS)
    op.execute(
        "CREATE TRIGGER agreement_version_keeps_its_terms BEFORE UPDATE OR DELETE ON agreement_version "
        "FOR EACH ROW EXECUTE FUNCTION agreement_version_keep_terms()"
    )


def _invitation() -> None:
    op.create_table(
        "invitation",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("addressee", sa.LargeBinary(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("roles", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("invited_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("decided_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("status IN ('pending', 'accepted', 'revoked')", name=op.f("invitation_status_check")),
        sa.CheckConstraint("cardinality(roles) > 0", name=op.f("invitation_has_roles_check")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("invitation_pkey")),
        sa.UniqueConstraint("tenant_id", "token_hash", name=op.f("invitation_tenant_id_token_hash_key")),
    )
    op.create_index(
        op.f("invitation_tenant_id_created_at_idx"), "invitation", ["tenant_id", "created_at"], unique=False
    )
    raise_wall("invitation", operator="write")


def _staff_profile() -> None:
    op.create_table(
        "staff_profile",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("membership_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "membership_id"],
            ["membership.tenant_id", "membership.id"],
            name=op.f("staff_profile_membership_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("staff_profile_pkey")),
        sa.UniqueConstraint("tenant_id", "membership_id", name=op.f("staff_profile_tenant_id_membership_id_key")),
    )
    raise_wall("staff_profile", operator="write")


def _login_throttle() -> None:
    op.create_table(
        "login_throttle",
        sa.Column("login_index", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("failures_in_all", sa.BigInteger(), nullable=False),
        sa.Column("last_failed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("locked_until", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("login_index", name=op.f("login_throttle_pkey")),
    )
    op.create_index(op.f("login_throttle_last_failed_at_idx"), "login_throttle", ["last_failed_at"], unique=False)
    leave_open("login_throttle", tandem_app="SELECT, INSERT, UPDATE, DELETE")
