"""Serve employers: packages, contracts, rosters, reports."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from walls import leave_open, raise_wall, refuse_changes

revision = "b1060"
down_revision = "v1050"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _contract()
    _employer_profile()
    _package()
    _roster_import()
    _roster_member()
    _utilisation_report()
    _walls()


def downgrade() -> None:
    op.drop_table("utilisation_report")
    op.drop_table("roster_member")
    op.drop_table("roster_import")
    op.drop_table("package")
    op.drop_table("employer_profile")
    op.drop_table("contract")


def _walls() -> None:
    raise_wall("contract", operator="write")
    raise_wall("employer_profile", operator="write")
    leave_open("package", tandem_app="SELECT", tandem_operator="SELECT, INSERT, UPDATE")
    raise_wall("roster_import", operator="none")
    raise_wall("roster_member", operator="none")
    raise_wall("utilisation_report", operator="read", append_only=True)
    refuse_changes("utilisation_report")


def _contract() -> None:
    op.create_table(
        "contract",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("package_id", sa.Uuid(), nullable=False),
        sa.Column("package_code", sa.Text(), nullable=False),
        sa.Column("units_per_member", sa.BigInteger(), nullable=False),
        sa.Column("price_per_member_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("hospital_ids", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("programme_id", sa.Uuid(), nullable=False),
        sa.Column("heads_billed", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("drafted_by", sa.Uuid(), nullable=True),
        sa.Column("proposed_by", sa.Uuid(), nullable=True),
        sa.Column("signed_by", sa.Uuid(), nullable=True),
        sa.Column("approved_by", sa.Uuid(), nullable=True),
        sa.Column("effective_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "status IN ('draft', 'negotiable', 'executable', 'effective', 'terminated', 'executed', 'cancelled')",
            name=op.f("contract_status_check"),
        ),
        sa.CheckConstraint(
            "approved_by <> proposed_by AND approved_by <> drafted_by", name=op.f("contract_two_hands_check")
        ),
        sa.CheckConstraint("heads_billed >= 0", name=op.f("contract_heads_not_negative_check")),
        sa.CheckConstraint("starts_on <= ends_on", name=op.f("contract_dates_in_order_check")),
        sa.CheckConstraint("units_per_member > 0 AND price_per_member_minor >= 0", name=op.f("contract_terms_check")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("contract_pkey")),
        sa.UniqueConstraint("tenant_id", "programme_id", name=op.f("contract_tenant_id_programme_id_key")),
    )
    op.create_index(op.f("contract_tenant_id_created_at_idx"), "contract", ["tenant_id", "created_at"], unique=False)


def _employer_profile() -> None:
    op.create_table(
        "employer_profile",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("invoice_title", sa.Text(), nullable=False),
        sa.Column("tax_number", sa.Text(), nullable=True),
        sa.Column("payment_days", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("payment_days BETWEEN 0 AND 180", name=op.f("employer_profile_payment_days_check")),
        sa.CheckConstraint("tenant_id = id", name=op.f("employer_profile_one_per_employer_check")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("employer_profile_pkey")),
    )


def _package() -> None:
    op.create_table(
        "package",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("units_per_member", sa.BigInteger(), nullable=False),
        sa.Column("price_per_member_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("valid_days", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("status IN ('draft', 'on_sale', 'retired')", name=op.f("package_status_check")),
        sa.CheckConstraint("price_per_member_minor >= 0", name=op.f("package_price_not_negative_check")),
        sa.CheckConstraint(
            "units_per_member > 0 AND valid_days > 0", name=op.f("package_some_units_for_some_days_check")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("package_pkey")),
        sa.UniqueConstraint("code", name=op.f("package_code_key")),
    )


def _roster_import() -> None:
    op.create_table(
        "roster_import",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("file_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("rows_read", sa.BigInteger(), nullable=False),
        sa.Column("rows_added", sa.BigInteger(), nullable=False),
        sa.Column("rows_changed", sa.BigInteger(), nullable=False),
        sa.Column("rows_unchanged", sa.BigInteger(), nullable=False),
        sa.Column("rows_refused", sa.BigInteger(), nullable=False),
        sa.Column("errors", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("superseded_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("roster_import_pkey")),
    )
    op.create_index(
        "roster_import_standing_key",
        "roster_import",
        ["tenant_id"],
        unique=True,
        postgresql_where=sa.text("superseded_at IS NULL"),
    )
    op.create_index(
        op.f("roster_import_tenant_id_created_at_idx"), "roster_import", ["tenant_id", "created_at"], unique=False
    )


def _roster_member() -> None:
    op.create_table(
        "roster_member",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("staff_number", sa.Text(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("phone", sa.LargeBinary(), nullable=False),
        sa.Column("login_index", sa.LargeBinary(), nullable=False),
        sa.Column("joined_on", sa.Date(), nullable=False),
        sa.Column("left_on", sa.Date(), nullable=True),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "left_on IS NULL OR left_on >= joined_on", name=op.f("roster_member_left_after_joining_check")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("roster_member_pkey")),
        sa.UniqueConstraint("tenant_id", "staff_number", name=op.f("roster_member_tenant_id_staff_number_key")),
    )
    op.create_index(
        op.f("roster_member_tenant_id_login_index_idx"), "roster_member", ["tenant_id", "login_index"], unique=False
    )


def _utilisation_report() -> None:
    op.create_table(
        "utilisation_report",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("contract_id", sa.Uuid(), nullable=False),
        sa.Column("month_on", sa.Date(), nullable=False),
        sa.Column("members", sa.BigInteger(), nullable=False),
        sa.Column("units_granted", sa.BigInteger(), nullable=False),
        sa.Column("members_active", sa.BigInteger(), nullable=True),
        sa.Column("units_used", sa.BigInteger(), nullable=True),
        sa.Column("active_counted_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("used_counted_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "contract_id"],
            ["contract.tenant_id", "contract.id"],
            name=op.f("utilisation_report_contract_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("utilisation_report_pkey")),
        sa.UniqueConstraint(
            "tenant_id", "contract_id", "month_on", name=op.f("utilisation_report_tenant_id_contract_id_month_on_key")
        ),
    )
