"""Book and deliver: schedules, appointments, encounters.

A doctor's time is cut into five-minute cells, each taken once. A signed note refuses every change by itself.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from walls import raise_wall, refuse_changes

revision = "v1050"
down_revision = "h1040"
branch_labels = None
depends_on = None

# Tables in the order they are made, with what the operator's role may do: it plans no visit and reads no record.
WALLED = {
    "schedule": "read",
    "slot": "read",
    "slot_cell": "none",
    "practitioner_leave": "none",
    "appointment": "none",
    "encounter": "none",
    "encounter_note": "none",
    "encounter_addendum": "none",
}
APPEND_ONLY = ("encounter_addendum",)

KEEP_SIGNED_NOTES = """
CREATE FUNCTION tandem_keep_signed_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.signed_at IS NOT NULL THEN
        RAISE EXCEPTION 'a signed note is never altered: add to it' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$
"""


def upgrade() -> None:
    _schedule()
    _slot()
    _slot_cell()
    _practitioner_leave()
    _appointment()
    _encounter()
    _encounter_note()
    _encounter_addendum()
    op.execute(KEEP_SIGNED_NOTES)
    op.execute(
        "CREATE TRIGGER encounter_note_stays_signed BEFORE UPDATE OR DELETE ON encounter_note "
        "FOR EACH ROW EXECUTE FUNCTION tandem_keep_signed_note()"
    )
    for table, operator in WALLED.items():
        raise_wall(table, operator=operator, append_only=table in APPEND_ONLY)
    for table in APPEND_ONLY:
        refuse_changes(table)


def downgrade() -> None:
    for table in reversed(WALLED):
        op.drop_table(table)
    op.execute("DROP FUNCTION tandem_keep_signed_note()")


def _schedule() -> None:
    op.create_table(
        "schedule",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practitioner_id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("weekdays", sa.ARRAY(sa.SmallInteger()), nullable=False),
        sa.Column("opens_at", sa.Time(), nullable=False),
        sa.Column("closes_at", sa.Time(), nullable=False),
        sa.Column("slot_minutes", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("status IN ('published', 'withdrawn')", name=op.f("schedule_status_check")),
        sa.CheckConstraint("first_on <= last_on", name=op.f("schedule_days_in_order_check")),
        sa.CheckConstraint("opens_at < closes_at", name=op.f("schedule_hours_in_order_check")),
        sa.CheckConstraint("slot_minutes > 0 AND slot_minutes % 5 = 0", name=op.f("schedule_on_the_grid_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "practitioner_id"],
            ["practitioner.tenant_id", "practitioner.id"],
            name=op.f("schedule_practitioner_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "service_id"],
            ["healthcare_service.tenant_id", "healthcare_service.id"],
            name=op.f("schedule_healthcare_service_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("schedule_pkey")),
    )
    op.create_index(
        op.f("schedule_tenant_id_created_at_id_idx"), "schedule", ["tenant_id", "created_at", "id"], unique=False
    )
    op.create_index(
        op.f("schedule_tenant_id_practitioner_id_first_on_idx"),
        "schedule",
        ["tenant_id", "practitioner_id", "first_on"],
        unique=False,
    )


def _slot() -> None:
    op.create_table(
        "slot",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("schedule_id", sa.Uuid(), nullable=False),
        sa.Column("practitioner_id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("start_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("end_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "status IN ('free', 'busy-tentative', 'busy', 'busy-unavailable', 'entered-in-error')",
            name=op.f("slot_status_check"),
        ),
        sa.CheckConstraint("start_at < end_at", name=op.f("slot_times_in_order_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "schedule_id"], ["schedule.tenant_id", "schedule.id"], name=op.f("slot_schedule_fkey")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("slot_pkey")),
    )
    op.create_index(
        "slot_free_idx",
        "slot",
        ["tenant_id", "service_id", "start_at", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'free'"),
    )
    op.create_index(
        "slot_once_key",
        "slot",
        ["tenant_id", "practitioner_id", "start_at"],
        unique=True,
        postgresql_where=sa.text("status <> 'entered-in-error'"),
    )
    op.create_index(op.f("slot_tenant_id_schedule_id_idx"), "slot", ["tenant_id", "schedule_id"], unique=False)


def _slot_cell() -> None:
    op.create_table(
        "slot_cell",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slot_id", sa.Uuid(), nullable=False),
        sa.Column("practitioner_id", sa.Uuid(), nullable=False),
        sa.Column("cell_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "slot_id"], ["slot.tenant_id", "slot.id"], name=op.f("slot_cell_slot_fkey")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("slot_cell_pkey")),
        sa.UniqueConstraint("tenant_id", "practitioner_id", "cell_at", name="slot_cell_taken_once"),
    )
    op.create_index(op.f("slot_cell_tenant_id_slot_id_idx"), "slot_cell", ["tenant_id", "slot_id"], unique=False)


def _practitioner_leave() -> None:
    op.create_table(
        "practitioner_leave",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practitioner_id", sa.Uuid(), nullable=False),
        sa.Column("start_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("end_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("lifted_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "because IN ('vacation', 'illness', 'training', 'duty', 'other')",
            name=op.f("practitioner_leave_because_check"),
        ),
        sa.CheckConstraint("start_at < end_at", name=op.f("practitioner_leave_times_in_order_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "practitioner_id"],
            ["practitioner.tenant_id", "practitioner.id"],
            name=op.f("practitioner_leave_practitioner_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("practitioner_leave_pkey")),
    )
    op.create_index(
        op.f("practitioner_leave_tenant_id_created_at_id_idx"),
        "practitioner_leave",
        ["tenant_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("practitioner_leave_tenant_id_practitioner_id_start_at_idx"),
        "practitioner_leave",
        ["tenant_id", "practitioner_id", "start_at"],
        unique=False,
    )


def _appointment() -> None:
    op.create_table(
        "appointment",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slot_id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("practitioner_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("specialty", sa.Text(), nullable=False),
        sa.Column("start_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("end_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("reason", sa.LargeBinary(), nullable=True),
        sa.Column("accepts_advice_only", sa.Boolean(), nullable=False),
        sa.Column("held_until", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("payment_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("booked_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("ended_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("ended_because", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "currency IN ('CNY', 'EUR', 'HKD', 'JPY', 'KWD', 'USD')", name=op.f("appointment_currency_check")
        ),
        sa.CheckConstraint(
            "status <> 'pending' OR held_until IS NOT NULL", name=op.f("appointment_pending_is_held_check")
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'lapsed', 'booked', 'arrived', 'fulfilled', 'cancelled', 'noshow')",
            name=op.f("appointment_status_check"),
        ),
        sa.CheckConstraint("price_minor >= 0", name=op.f("appointment_price_not_negative_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"], ["patient.tenant_id", "patient.id"], name=op.f("appointment_patient_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "practitioner_id"],
            ["practitioner.tenant_id", "practitioner.id"],
            name=op.f("appointment_practitioner_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "service_id"],
            ["healthcare_service.tenant_id", "healthcare_service.id"],
            name=op.f("appointment_healthcare_service_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "slot_id"], ["slot.tenant_id", "slot.id"], name=op.f("appointment_slot_fkey")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("appointment_pkey")),
    )
    op.create_index(
        "appointment_claims_slot_key",
        "appointment",
        ["tenant_id", "slot_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('pending', 'booked', 'arrived', 'fulfilled', 'noshow')"),
    )
    op.create_index(
        "appointment_held_idx",
        "appointment",
        ["tenant_id", "held_until"],
        unique=False,
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(
        op.f("appointment_tenant_id_person_id_created_at_idx"),
        "appointment",
        ["tenant_id", "person_id", "created_at"],
        unique=False,
    )
    op.create_index(
        op.f("appointment_tenant_id_practitioner_id_start_at_idx"),
        "appointment",
        ["tenant_id", "practitioner_id", "start_at"],
        unique=False,
    )
    op.create_index(
        op.f("appointment_tenant_id_start_at_id_idx"), "appointment", ["tenant_id", "start_at", "id"], unique=False
    )


def _encounter() -> None:
    op.create_table(
        "encounter",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("appointment_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("practitioner_id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("specialty", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("evidence_path", sa.Text(), nullable=False),
        sa.Column("evidence_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("started_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("finished_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("ended_because", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "(evidence_path = 'follow_up') = (evidence_id IS NOT NULL)",
            name=op.f("encounter_follow_up_has_evidence_check"),
        ),
        sa.CheckConstraint("evidence_path IN ('follow_up', 'advice_only')", name=op.f("encounter_evidence_path_check")),
        sa.CheckConstraint(
            "status <> 'finished' OR finished_at IS NOT NULL", name=op.f("encounter_finished_has_time_check")
        ),
        sa.CheckConstraint(
            "status IN ('planned', 'in-progress', 'finished', 'cancelled')", name=op.f("encounter_status_check")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "appointment_id"],
            ["appointment.tenant_id", "appointment.id"],
            name=op.f("encounter_appointment_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "evidence_id"],
            ["prior_diagnosis.tenant_id", "prior_diagnosis.id"],
            name=op.f("encounter_prior_diagnosis_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"], ["patient.tenant_id", "patient.id"], name=op.f("encounter_patient_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "practitioner_id"],
            ["practitioner.tenant_id", "practitioner.id"],
            name=op.f("encounter_practitioner_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("encounter_pkey")),
        sa.UniqueConstraint("tenant_id", "appointment_id", name=op.f("encounter_tenant_id_appointment_id_key")),
    )
    op.create_index(
        op.f("encounter_tenant_id_created_at_id_idx"), "encounter", ["tenant_id", "created_at", "id"], unique=False
    )
    op.create_index(
        op.f("encounter_tenant_id_person_id_created_at_idx"),
        "encounter",
        ["tenant_id", "person_id", "created_at"],
        unique=False,
    )
    op.create_index(
        op.f("encounter_tenant_id_practitioner_id_created_at_idx"),
        "encounter",
        ["tenant_id", "practitioner_id", "created_at"],
        unique=False,
    )


def _encounter_note() -> None:
    op.create_table(
        "encounter_note",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("encounter_id", sa.Uuid(), nullable=False),
        sa.Column("complaint", sa.LargeBinary(), nullable=True),
        sa.Column("findings", sa.LargeBinary(), nullable=True),
        sa.Column("advice", sa.LargeBinary(), nullable=True),
        sa.Column("diagnosis_code", sa.LargeBinary(), nullable=True),
        sa.Column("written_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("content_sha256", sa.Text(), nullable=True),
        sa.Column("signed_by", sa.Uuid(), nullable=True),
        sa.Column("signed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(signed_at IS NULL) = (content_sha256 IS NULL) AND (signed_at IS NULL) = (signed_by IS NULL)",
            name=op.f("encounter_note_signature_is_whole_check"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "encounter_id"],
            ["encounter.tenant_id", "encounter.id"],
            name=op.f("encounter_note_encounter_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("encounter_note_pkey")),
        sa.UniqueConstraint("tenant_id", "encounter_id", name=op.f("encounter_note_tenant_id_encounter_id_key")),
    )


def _encounter_addendum() -> None:
    op.create_table(
        "encounter_addendum",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("encounter_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        sa.Column("content_sha256", sa.Text(), nullable=False),
        sa.Column("signed_by", sa.Uuid(), nullable=False),
        sa.Column("signed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("number > 0", name=op.f("encounter_addendum_number_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "encounter_id"],
            ["encounter.tenant_id", "encounter.id"],
            name=op.f("encounter_addendum_encounter_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("encounter_addendum_pkey")),
        sa.UniqueConstraint(
            "tenant_id", "encounter_id", "number", name=op.f("encounter_addendum_tenant_id_encounter_id_number_key")
        ),
    )
