"""Grant entitlements: what a programme owes its members."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from walls import raise_wall, refuse_changes, wall_by_person

revision = "e1035"
down_revision = "p1030"
branch_labels = None
depends_on = None

LOGIN = "login_index = decode(nullif(current_setting('app.login_index', true), ''), 'hex')"


def upgrade() -> None:
    _benefit_invitation()
    _entitlement()
    _programme_hospital()
    _programme_total()
    _entitlement_movement()
    _walls()


def downgrade() -> None:
    op.drop_table("entitlement_movement")
    op.drop_table("programme_total")
    op.drop_table("programme_hospital")
    op.drop_table("entitlement")
    op.drop_table("benefit_invitation")


def _walls() -> None:
    wall_by_person("benefit_invitation", where=LOGIN, tandem_app="SELECT, INSERT")
    raise_wall("entitlement", operator="none")
    raise_wall("programme_hospital", operator="write")
    raise_wall("programme_total", operator="read")
    raise_wall("entitlement_movement", operator="none", append_only=True)
    refuse_changes("entitlement_movement")


def _benefit_invitation() -> None:
    op.create_table(
        "benefit_invitation",
        sa.Column("login_index", sa.LargeBinary(), nullable=False),
        sa.Column("programme_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("login_index", "programme_id", name=op.f("benefit_invitation_pkey")),
    )


def _entitlement() -> None:
    op.create_table(
        "entitlement",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("login_index", sa.LargeBinary(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("units_granted", sa.BigInteger(), nullable=False),
        sa.Column("units_reserved", sa.BigInteger(), nullable=False),
        sa.Column("units_consumed", sa.BigInteger(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("activated_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("status IN ('granted', 'activated', 'revoked')", name=op.f("entitlement_status_check")),
        sa.CheckConstraint(
            "units_reserved + units_consumed <= units_granted", name=op.f("entitlement_never_more_than_granted_check")
        ),
        sa.CheckConstraint(
            "units_reserved >= 0 AND units_consumed >= 0", name=op.f("entitlement_units_not_negative_check")
        ),
        sa.CheckConstraint("valid_from <= valid_to", name=op.f("entitlement_dates_in_order_check")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("entitlement_pkey")),
        sa.UniqueConstraint("tenant_id", "source_id", name=op.f("entitlement_tenant_id_source_id_key")),
    )
    op.create_index(
        op.f("entitlement_tenant_id_login_index_idx"), "entitlement", ["tenant_id", "login_index"], unique=False
    )


def _programme_hospital() -> None:
    op.create_table(
        "programme_hospital",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("admitted_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("programme_hospital_pkey")),
    )


def _programme_total() -> None:
    op.create_table(
        "programme_total",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("closed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("members", sa.BigInteger(), nullable=False),
        sa.Column("members_active", sa.BigInteger(), nullable=False),
        sa.Column("units_granted", sa.BigInteger(), nullable=False),
        sa.Column("units_consumed", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "members >= 0 AND units_granted >= 0 AND units_consumed >= 0",
            name=op.f("programme_total_not_negative_check"),
        ),
        sa.CheckConstraint("tenant_id = id", name=op.f("programme_total_one_per_programme_check")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("programme_total_pkey")),
    )


def _entitlement_movement() -> None:
    op.create_table(
        "entitlement_movement",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("entitlement_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Uuid(), nullable=False),
        sa.Column("hospital_id", sa.Uuid(), nullable=True),
        sa.Column("at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('grant', 'reserve', 'release', 'consume', 'revoke')", name=op.f("entitlement_movement_kind_check")
        ),
        sa.CheckConstraint("units > 0", name=op.f("entitlement_movement_units_positive_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "entitlement_id"],
            ["entitlement.tenant_id", "entitlement.id"],
            name=op.f("entitlement_movement_entitlement_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("entitlement_movement_pkey")),
        sa.UniqueConstraint("tenant_id", "key", "kind", name=op.f("entitlement_movement_tenant_id_key_kind_key")),
    )
    op.create_index(
        op.f("entitlement_movement_tenant_id_entitlement_id_idx"),
        "entitlement_movement",
        ["tenant_id", "entitlement_id"],
        unique=False,
    )
    op.create_index(
        op.f("entitlement_movement_tenant_id_hospital_id_at_idx"),
        "entitlement_movement",
        ["tenant_id", "hospital_id", "at"],
        unique=False,
    )
