"""Admit hospitals: licences, practitioners, services, patients, the directory."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from walls import leave_open, raise_wall, refuse_changes

revision = "h1040"
down_revision = "e1035"
branch_labels = None
depends_on = None

WALLED = {
    "hospital_profile": {"operator": "read"},
    "licence": {"operator": "write"},
    "department": {"operator": "read"},
    "practitioner": {"operator": "none"},
    "credential": {"operator": "none"},
    "real_name_check": {"operator": "none", "append_only": True},
    "patient": {"operator": "none"},
    "consent": {"operator": "none", "append_only": True},
    "prior_diagnosis": {"operator": "none", "append_only": True},
    "healthcare_service": {"operator": "read"},
}
OPEN = ("directory_hospital", "directory_service", "directory_practitioner")


def upgrade() -> None:
    create_tables()
    for table, wall in WALLED.items():
        raise_wall(table, **wall)
        if wall.get("append_only"):
            refuse_changes(table)
    for table in OPEN:
        leave_open(table, tandem_app="SELECT, INSERT, UPDATE, DELETE", tandem_operator="SELECT")


def downgrade() -> None:
    for table in [*reversed(OPEN), *reversed(WALLED)]:
        op.drop_table(table)


def create_tables() -> None:
    op.create_table(
        "hospital_profile",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("institution_code", sa.Text(), nullable=True),
        sa.Column("insurance_code", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("website", sa.Text(), nullable=True),
        sa.Column("introduction", sa.Text(), nullable=False),
        sa.Column("updated_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "level IN ('3A', '3B', '3C', '2A', '2B', '2C', '1A', '1B', '1C', 'ungraded')",
            name="hospital_profile_level_check",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="hospital_profile_pkey"),
        sa.UniqueConstraint("tenant_id", name="hospital_profile_tenant_id_key"),
    )
    op.create_table(
        "licence",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("licensed_name", sa.Text(), nullable=False),
        sa.Column("second_name", sa.Text(), nullable=True),
        sa.Column("issuing_authority", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=False),
        sa.Column("registered_specialties", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("verification_due_on", sa.Date(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=True),
        sa.Column("verified_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("recorded_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "status IN ('recorded', 'verified', 'suspended', 'refused', 'revoked', 'expired')",
            name="licence_status_check",
        ),
        sa.CheckConstraint("cardinality(registered_specialties) > 0", name="licence_specialties_not_empty_check"),
        sa.CheckConstraint("valid_from <= valid_to", name="licence_dates_in_order_check"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="licence_pkey"),
        sa.UniqueConstraint("tenant_id", "number", "valid_from", name="licence_tenant_id_number_valid_from_key"),
    )
    op.create_index(
        "licence_tenant_id_status_valid_to_idx", "licence", ["tenant_id", "status", "valid_to"], unique=False
    )
    op.create_table(
        "department",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=True),
        sa.Column("specialty", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("status IN ('active', 'closed')", name="department_status_check"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="department_pkey"),
        sa.UniqueConstraint("tenant_id", "name", name="department_tenant_id_name_key"),
    )
    op.create_table(
        "practitioner",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("department_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("id_number", sa.LargeBinary(), nullable=False),
        sa.Column("id_number_index", sa.LargeBinary(), nullable=False),
        sa.Column("phone", sa.LargeBinary(), nullable=False),
        sa.Column("introduction", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('doctor', 'pharmacist')", name="practitioner_kind_check"),
        sa.CheckConstraint(
            "status IN ('invited', 'credentials_submitted', 'verified', 'active', 'paused', 'suspended', 'ended')",
            name="practitioner_status_check",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "department_id"],
            ["department.tenant_id", "department.id"],
            name="practitioner_department_fkey",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="practitioner_pkey"),
        sa.UniqueConstraint("tenant_id", "id_number_index", name="practitioner_tenant_id_id_number_index_key"),
        sa.UniqueConstraint("tenant_id", "person_id", name="practitioner_tenant_id_person_id_key"),
    )
    op.create_index("practitioner_tenant_id_created_at_idx", "practitioner", ["tenant_id", "created_at"], unique=False)
    op.create_table(
        "credential",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practitioner_id", sa.Uuid(), nullable=False),
        sa.Column("qualification_number", sa.LargeBinary(), nullable=False),
        sa.Column("practice_certificate_number", sa.Text(), nullable=False),
        sa.Column("places", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("is_main_place", sa.Boolean(), nullable=False),
        sa.Column("multi_site_filing", sa.Text(), nullable=True),
        sa.Column("main_employer_agrees", sa.Boolean(), nullable=False),
        sa.Column("independent_practice_since", sa.Date(), nullable=True),
        sa.Column("registered_specialties", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("document_sha256", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("submitted_by", sa.Uuid(), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("submitted_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('submitted', 'verified', 'rejected', 'superseded', 'revoked')", name="credential_status_check"
        ),
        sa.CheckConstraint("cardinality(places) BETWEEN 1 AND 3", name="credential_places_check"),
        sa.CheckConstraint("decided_by <> submitted_by", name="credential_four_eyes_check"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "practitioner_id"],
            ["practitioner.tenant_id", "practitioner.id"],
            name="credential_practitioner_fkey",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="credential_pkey"),
    )
    op.create_index(
        "credential_in_force_key",
        "credential",
        ["tenant_id", "practitioner_id"],
        unique=True,
        postgresql_where=sa.text("status = 'verified'"),
    )
    op.create_index(
        "credential_tenant_id_practitioner_id_submitted_at_idx",
        "credential",
        ["tenant_id", "practitioner_id", "submitted_at"],
        unique=False,
    )
    op.create_table(
        "real_name_check",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practitioner_id", sa.Uuid(), nullable=False),
        sa.Column("checked_on", sa.Date(), nullable=False),
        sa.Column("checked_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "practitioner_id"],
            ["practitioner.tenant_id", "practitioner.id"],
            name="real_name_check_practitioner_fkey",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="real_name_check_pkey"),
        sa.UniqueConstraint(
            "tenant_id",
            "practitioner_id",
            "checked_on",
            name="real_name_check_tenant_id_practitioner_id_checked_on_key",
        ),
    )
    op.create_table(
        "patient",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("relationship", sa.Text(), nullable=False),
        sa.Column("guardian_patient_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("id_number", sa.LargeBinary(), nullable=False),
        sa.Column("id_number_index", sa.LargeBinary(), nullable=False),
        sa.Column("phone", sa.LargeBinary(), nullable=False),
        sa.Column("phone_index", sa.LargeBinary(), nullable=False),
        sa.Column("born_on", sa.LargeBinary(), nullable=False),
        sa.Column("sex", sa.Text(), nullable=False),
        sa.Column("registered_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "(relationship = 'self') = (guardian_patient_id IS NULL)", name="patient_wards_have_guardians_check"
        ),
        sa.CheckConstraint("relationship IN ('self', 'child', 'ward')", name="patient_relationship_check"),
        sa.CheckConstraint("sex IN ('female', 'male')", name="patient_sex_check"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "guardian_patient_id"], ["patient.tenant_id", "patient.id"], name="patient_patient_fkey"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="patient_pkey"),
        sa.UniqueConstraint("tenant_id", "id_number_index", name="patient_tenant_id_id_number_index_key"),
    )
    op.create_index(
        "patient_own_record_key",
        "patient",
        ["tenant_id", "person_id"],
        unique=True,
        postgresql_where=sa.text("relationship = 'self'"),
    )
    op.create_index("patient_tenant_id_person_id_idx", "patient", ["tenant_id", "person_id"], unique=False)
    op.create_index("patient_tenant_id_phone_index_idx", "patient", ["tenant_id", "phone_index"], unique=False)
    op.create_table(
        "consent",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("text_version", sa.BigInteger(), nullable=False),
        sa.Column("text_sha256", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=False),
        sa.Column("decided_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("decision IN ('given', 'withdrawn')", name="consent_decision_check"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"], ["patient.tenant_id", "patient.id"], name="consent_patient_fkey"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="consent_pkey"),
    )
    op.create_index(
        "consent_tenant_id_patient_id_purpose_decided_at_idx",
        "consent",
        ["tenant_id", "patient_id", "purpose", "decided_at"],
        unique=False,
    )
    op.create_table(
        "prior_diagnosis",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("specialty", sa.Text(), nullable=False),
        sa.Column("diagnosis_code", sa.Text(), nullable=False),
        sa.Column("diagnosis_name", sa.Text(), nullable=False),
        sa.Column("hospital_name", sa.Text(), nullable=False),
        sa.Column("diagnosed_on", sa.Date(), nullable=False),
        sa.Column("document_kind", sa.Text(), nullable=False),
        sa.Column("document_sha256", sa.Text(), nullable=False),
        sa.Column("filed_by", sa.Uuid(), nullable=False),
        sa.Column("filed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "document_kind IN ('outpatient_record', 'discharge_summary', 'diagnosis_certificate', 'prescription', 'report')",
            name="prior_diagnosis_document_kind_check",
        ),
        sa.CheckConstraint("document_sha256 ~ '^[0-9a-f]{64}$'", name="prior_diagnosis_document_sha256_check"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "patient_id"], ["patient.tenant_id", "patient.id"], name="prior_diagnosis_patient_fkey"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="prior_diagnosis_pkey"),
        sa.UniqueConstraint(
            "tenant_id", "patient_id", "document_sha256", "diagnosis_code", name="prior_diagnosis_document_key"
        ),
    )
    op.create_index(
        "prior_diagnosis_tenant_id_patient_id_diagnosed_on_idx",
        "prior_diagnosis",
        ["tenant_id", "patient_id", "diagnosed_on"],
        unique=False,
    )
    op.create_table(
        "healthcare_service",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("department_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("specialty", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("care_type", sa.Text(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("duration_minutes", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("published_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "care_type IN ('follow_up', 'advice', 'family_doctor')", name="healthcare_service_care_type_check"
        ),
        sa.CheckConstraint(
            "currency IN ('CNY', 'EUR', 'HKD', 'JPY', 'KWD', 'USD')", name="healthcare_service_currency_check"
        ),
        sa.CheckConstraint("mode IN ('text', 'video', 'phone')", name="healthcare_service_mode_check"),
        sa.CheckConstraint("status IN ('draft', 'active', 'retired')", name="healthcare_service_status_check"),
        sa.CheckConstraint("duration_minutes BETWEEN 5 AND 240", name="healthcare_service_duration_check"),
        sa.CheckConstraint("price_minor BETWEEN 0 AND 10000000", name="healthcare_service_price_check"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "department_id"],
            ["department.tenant_id", "department.id"],
            name="healthcare_service_department_fkey",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="healthcare_service_pkey"),
        sa.UniqueConstraint("tenant_id", "name", name="healthcare_service_tenant_id_name_key"),
    )
    op.create_index(
        "healthcare_service_tenant_id_created_at_idx", "healthcare_service", ["tenant_id", "created_at"], unique=False
    )
    op.create_table(
        "directory_hospital",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("second_name", sa.Text(), nullable=True),
        sa.Column("name_sort", sa.Text(), nullable=False),
        sa.Column("initials", sa.Text(), nullable=False),
        sa.Column("province", sa.Text(), nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("level", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("website", sa.Text(), nullable=True),
        sa.Column("introduction", sa.Text(), nullable=False),
        sa.Column("licence_number", sa.Text(), nullable=False),
        sa.Column("licence_authority", sa.Text(), nullable=False),
        sa.Column("licence_valid_to", sa.Date(), nullable=False),
        sa.Column("specialties", postgresql.JSONB(), nullable=False),
        sa.Column("specialty_codes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("refreshed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="directory_hospital_pkey"),
    )
    op.create_index("directory_hospital_city_name_sort_idx", "directory_hospital", ["city", "name_sort"], unique=False)
    op.create_index(
        "directory_hospital_initials_idx",
        "directory_hospital",
        ["initials"],
        unique=False,
        postgresql_ops={"initials": "text_pattern_ops"},
    )
    op.create_index(
        "directory_hospital_name_idx",
        "directory_hospital",
        ["name"],
        unique=False,
        postgresql_ops={"name": "text_pattern_ops"},
    )
    op.create_index("directory_hospital_name_sort_id_idx", "directory_hospital", ["name_sort", "id"], unique=False)
    op.create_table(
        "directory_service",
        sa.Column("hospital_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("specialty", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("specialty_name_zh", sa.Text(), nullable=False),
        sa.Column("specialty_name_en", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("care_type", sa.Text(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("duration_minutes", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("price_minor >= 0", name="directory_service_price_not_negative_check"),
        sa.PrimaryKeyConstraint("hospital_id", "id", name="directory_service_pkey"),
    )
    op.create_index("directory_service_price_minor_id_idx", "directory_service", ["price_minor", "id"], unique=False)
    op.create_index(
        "directory_service_specialty_price_minor_id_idx",
        "directory_service",
        ["specialty", "price_minor", "id"],
        unique=False,
    )
    op.create_index(
        "directory_service_subject_price_minor_id_idx",
        "directory_service",
        ["subject", "price_minor", "id"],
        unique=False,
    )
    op.create_table(
        "directory_practitioner",
        sa.Column("hospital_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_sort", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("introduction", sa.Text(), nullable=False),
        sa.Column("specialties", sa.ARRAY(sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("hospital_id", "id", name="directory_practitioner_pkey"),
    )
