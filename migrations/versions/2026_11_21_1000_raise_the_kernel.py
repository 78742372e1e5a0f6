"""Raise the kernel: people and their places, keys, jobs, idempotency, the audit trail."""

from alembic import op
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    LargeBinary,
    PrimaryKeyConstraint,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from walls import PERSON, REFUSE_CHANGE, leave_open, raise_wall, refuse_changes, wall_by_person

revision = "k1000"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = TIMESTAMP(timezone=True)
TABLES = [
    "person",
    "login_session",
    "affiliation",
    "membership",
    "api_key",
    "tenant_key",
    "idempotency_key",
    "person_idempotency_key",
    "audit_event",
    "audit_pending",
    "audit_head",
    "audit_seal",
    "audit_checkpoint",
    "job",
    "cron_mark",
]


def upgrade() -> None:
    op.execute(REFUSE_CHANGE)
    _people()
    _places()
    _keys()
    _idempotency()
    _audit_trail()
    _audit_chain()
    _jobs()


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    op.execute("DROP FUNCTION tandem_refuse_change()")


def _people() -> None:
    op.create_table(
        "person",
        Column("id", Uuid(), nullable=False),
        Column("login_index", LargeBinary(), nullable=False),
        Column("login", LargeBinary(), nullable=False),
        Column("name", LargeBinary(), nullable=False),
        Column("password_hash", Text()),
        Column("totp_secret", LargeBinary()),
        Column("totp_last_step", BigInteger(), nullable=False),
        Column("failed_logins", BigInteger(), nullable=False),
        Column("locked_until", MOMENT),
        Column("language", Text(), nullable=False),
        Column("created_at", MOMENT, nullable=False),
        PrimaryKeyConstraint("id", name=op.f("person_pkey")),
        UniqueConstraint("login_index", name=op.f("person_login_index_key")),
    )
    op.create_table(
        "login_session",
        Column("secret_hash", LargeBinary(), nullable=False),
        Column("person_id", Uuid(), nullable=False),
        Column("audience", Text(), nullable=False),
        Column("tenant_id", Uuid()),
        Column("csrf_token", Text(), nullable=False),
        Column("created_at", MOMENT, nullable=False),
        Column("last_seen_at", MOMENT, nullable=False),
        Column("expires_at", MOMENT, nullable=False),
        Column("revoked_at", MOMENT),
        ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("login_session_person_fkey")),
        PrimaryKeyConstraint("secret_hash", name=op.f("login_session_pkey")),
    )
    op.create_index("login_session_person_id_idx", "login_session", ["person_id"])
    op.create_table(
        "affiliation",
        Column("person_id", Uuid(), nullable=False),
        Column("tenant_id", Uuid(), nullable=False),
        Column("audience", Text(), nullable=False),
        Column("created_at", MOMENT, nullable=False),
        ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("affiliation_person_fkey")),
        PrimaryKeyConstraint("person_id", "tenant_id", "audience", name=op.f("affiliation_pkey")),
    )
    wall_by_person(
        "person",
        where=f"id = {PERSON} OR login_index = decode(nullif(current_setting('app.login_index', true), ''), 'hex')",
        tandem_app="SELECT, INSERT, UPDATE",
        tandem_operator="SELECT, INSERT, UPDATE",
    )
    everything = "SELECT, INSERT, UPDATE, DELETE"
    mine = f"person_id = {PERSON}"
    wall_by_person("login_session", where=mine, tandem_app=everything, tandem_operator=everything)
    wall_by_person("affiliation", where=mine, tandem_app="SELECT, INSERT", tandem_operator="SELECT, INSERT")


def _places() -> None:
    op.create_table(
        "membership",
        Column("tenant_id", Uuid(), nullable=False),
        Column("id", Uuid(), nullable=False),
        Column("person_id", Uuid(), nullable=False),
        Column("audience", Text(), nullable=False),
        Column("roles", ARRAY(Text()), nullable=False),
        Column("status", Text(), nullable=False),
        Column("since", MOMENT, nullable=False),
        Column("ended_at", MOMENT),
        CheckConstraint(
            "audience IN ('operator', 'hospital', 'employer', 'patient', 'regulator', 'public')",
            name=op.f("membership_audience_check"),
        ),
        CheckConstraint("status IN ('active', 'ended')", name=op.f("membership_status_check")),
        PrimaryKeyConstraint("tenant_id", "id", name=op.f("membership_pkey")),
        UniqueConstraint(
            "tenant_id", "person_id", "audience", name=op.f("membership_tenant_id_person_id_audience_key")
        ),
    )
    op.create_table(
        "api_key",
        Column("tenant_id", Uuid(), nullable=False),
        Column("id", Uuid(), nullable=False),
        Column("name", Text(), nullable=False),
        Column("hint", Text(), nullable=False),
        Column("secret_hash", LargeBinary(), nullable=False),
        Column("audience", Text(), nullable=False),
        Column("roles", ARRAY(Text()), nullable=False),
        Column("created_by", Uuid()),
        Column("created_at", MOMENT, nullable=False),
        Column("expires_at", MOMENT, nullable=False),
        Column("last_used_at", MOMENT),
        Column("revoked_at", MOMENT),
        CheckConstraint(
            "audience IN ('operator', 'hospital', 'employer', 'patient', 'regulator', 'public')",
            name=op.f("api_key_audience_check"),
        ),
        PrimaryKeyConstraint("tenant_id", "id", name=op.f("api_key_pkey")),
        UniqueConstraint("tenant_id", "secret_hash", name=op.f("api_key_tenant_id_secret_hash_key")),
    )
    op.create_index("api_key_tenant_id_created_at_idx", "api_key", ["tenant_id", "created_at"])
    raise_wall("membership", operator="write", operator_where="audience <> 'patient'")
    raise_wall("api_key", operator="write")


def _keys() -> None:
    op.create_table(
        "tenant_key",
        Column("tenant_id", Uuid(), nullable=False),
        Column("id", Uuid(), nullable=False),
        Column("purpose", Text(), nullable=False),
        Column("number", BigInteger(), nullable=False),
        Column("master", LargeBinary(), nullable=False),
        Column("wrapped", LargeBinary()),
        Column("status", Text(), nullable=False),
        Column("created_at", MOMENT, nullable=False),
        CheckConstraint("(status = 'destroyed') = (wrapped IS NULL)", name=op.f("tenant_key_destroyed_is_gone_check")),
        CheckConstraint("purpose IN ('field', 'index')", name=op.f("tenant_key_purpose_check")),
        CheckConstraint("status IN ('active', 'retired', 'destroyed')", name=op.f("tenant_key_status_check")),
        CheckConstraint("number BETWEEN 1 AND 65535", name=op.f("tenant_key_number_fits_two_bytes_check")),
        PrimaryKeyConstraint("tenant_id", "id", name=op.f("tenant_key_pkey")),
        UniqueConstraint("tenant_id", "purpose", "number", name=op.f("tenant_key_tenant_id_purpose_number_key")),
    )
    raise_wall("tenant_key", operator="write")


def _idempotency() -> None:
    op.create_table(
        "idempotency_key",
        Column("tenant_id", Uuid(), nullable=False),
        Column("id", Uuid(), nullable=False),
        Column("by_operator", Boolean(), nullable=False),
        Column("route", Text(), nullable=False),
        Column("body_sha256", LargeBinary(), nullable=False),
        Column("status", BigInteger()),
        Column("body", LargeBinary()),
        Column("created_at", MOMENT, nullable=False),
        CheckConstraint("(status IS NULL) = (body IS NULL)", name=op.f("idempotency_key_answered_whole_check")),
        PrimaryKeyConstraint("tenant_id", "id", name=op.f("idempotency_key_pkey")),
    )
    op.create_index("idempotency_key_tenant_id_created_at_idx", "idempotency_key", ["tenant_id", "created_at"])
    op.create_table(
        "person_idempotency_key",
        Column("person_id", Uuid(), nullable=False),
        Column("id", Uuid(), nullable=False),
        Column("route", Text(), nullable=False),
        Column("body_sha256", LargeBinary(), nullable=False),
        Column("status", BigInteger()),
        Column("body", LargeBinary()),
        Column("created_at", MOMENT, nullable=False),
        CheckConstraint("(status IS NULL) = (body IS NULL)", name=op.f("person_idempotency_key_answered_whole_check")),
        PrimaryKeyConstraint("person_id", "id", name=op.f("person_idempotency_key_pkey")),
    )
    op.create_index(
        "person_idempotency_key_person_id_created_at_idx", "person_idempotency_key", ["person_id", "created_at"]
    )
    raise_wall("idempotency_key", operator="write", operator_where="by_operator")
    mine = f"person_id = {PERSON}"
    wall_by_person("person_idempotency_key", where=mine, insert_where=mine, tandem_app="SELECT, INSERT, UPDATE, DELETE")


def _audit_trail() -> None:
    op.create_table(
        "audit_event",
        Column("tenant_id", Uuid(), nullable=False),
        Column("id", Uuid(), nullable=False),
        Column("at", MOMENT, nullable=False),
        Column("actor", Text(), nullable=False),
        Column("action", Text(), nullable=False),
        Column("object_type", Text(), nullable=False),
        Column("object_id", Text(), nullable=False),
        Column("details", JSONB, nullable=False),
        Column("request_id", Text()),
        Column("job_id", Text()),
        PrimaryKeyConstraint("tenant_id", "id", name=op.f("audit_event_pkey")),
    )
    op.create_index("audit_event_object_idx", "audit_event", ["tenant_id", "object_type", "object_id"])
    op.create_table(
        "audit_pending",
        Column("tenant_id", Uuid(), nullable=False),
        Column("id", Uuid(), nullable=False),
        PrimaryKeyConstraint("tenant_id", "id", name=op.f("audit_pending_pkey")),
    )
    op.create_table(
        "audit_head",
        Column("tenant_id", Uuid(), nullable=False),
        Column("id", Uuid(), nullable=False),
        Column("seq", BigInteger(), nullable=False),
        Column("hash", LargeBinary(), nullable=False),
        PrimaryKeyConstraint("tenant_id", "id", name=op.f("audit_head_pkey")),
    )
    raise_wall("audit_event", operator="write", append_only=True)
    refuse_changes("audit_event")
    raise_wall("audit_pending", operator="write")
    raise_wall("audit_head", operator="read")


def _audit_chain() -> None:
    op.create_table(
        "audit_seal",
        Column("tenant_id", Uuid(), nullable=False),
        Column("id", Uuid(), nullable=False),
        Column("seq", BigInteger(), nullable=False),
        Column("prev_hash", LargeBinary(), nullable=False),
        Column("hash", LargeBinary(), nullable=False),
        CheckConstraint("seq >= 1", name=op.f("audit_seal_seq_from_one_check")),
        ForeignKeyConstraint(
            ["tenant_id", "id"], ["audit_event.tenant_id", "audit_event.id"], name=op.f("audit_seal_audit_event_fkey")
        ),
        PrimaryKeyConstraint("tenant_id", "id", name=op.f("audit_seal_pkey")),
        UniqueConstraint("tenant_id", "seq", name=op.f("audit_seal_tenant_id_seq_key")),
    )
    op.create_table(
        "audit_checkpoint",
        Column("tenant_id", Uuid(), nullable=False),
        Column("id", Uuid(), nullable=False),
        Column("at", MOMENT, nullable=False),
        Column("seq", BigInteger(), nullable=False),
        Column("hash", LargeBinary(), nullable=False),
        Column("public_key", LargeBinary(), nullable=False),
        Column("signature", LargeBinary(), nullable=False),
        PrimaryKeyConstraint("tenant_id", "id", name=op.f("audit_checkpoint_pkey")),
    )
    op.create_index("audit_checkpoint_seq_idx", "audit_checkpoint", ["tenant_id", "seq"])
    raise_wall("audit_seal", operator="read", append_only=True)
    refuse_changes("audit_seal")
    raise_wall("audit_checkpoint", operator="read", append_only=True)
    refuse_changes("audit_checkpoint")


def _jobs() -> None:
    op.create_table(
        "job",
        Column("tenant_id", Uuid(), nullable=False),
        Column("id", Uuid(), nullable=False),
        Column("name", Text(), nullable=False),
        Column("queue", Text(), nullable=False),
        Column("args", JSONB, nullable=False),
        Column("key", Text()),
        Column("state", Text(), nullable=False),
        Column("run_at", MOMENT, nullable=False),
        Column("attempts", BigInteger(), nullable=False),
        Column("max_attempts", BigInteger(), nullable=False),
        Column("lease_until", MOMENT),
        Column("lease_token", Uuid()),
        Column("error", Text()),
        Column("request_id", Text()),
        Column("actor", Text()),
        Column("created_at", MOMENT, nullable=False),
        Column("finished_at", MOMENT),
        CheckConstraint("(state = 'running') = (lease_token IS NOT NULL)", name=op.f("job_leased_while_running_check")),
        CheckConstraint("state IN ('queued', 'running', 'done', 'dead')", name=op.f("job_state_check")),
        CheckConstraint("attempts >= 0 AND max_attempts >= 1", name=op.f("job_attempts_check")),
        PrimaryKeyConstraint("tenant_id", "id", name=op.f("job_pkey")),
        UniqueConstraint("tenant_id", "name", "key", name=op.f("job_tenant_id_name_key_key")),
    )
    op.create_index("job_due_idx", "job", ["tenant_id", "queue", "run_at"], postgresql_where=text("state = 'queued'"))
    op.create_index(
        "job_leased_idx", "job", ["tenant_id", "queue", "lease_until"], postgresql_where=text("state = 'running'")
    )
    op.create_index("job_done_idx", "job", ["tenant_id", "finished_at"], postgresql_where=text("state = 'done'"))
    op.create_index("job_dead_idx", "job", ["finished_at", "tenant_id", "id"], postgresql_where=text("state = 'dead'"))
    op.create_index("job_waiting_idx", "job", ["run_at"], postgresql_where=text("state IN ('queued', 'running')"))
    op.create_table(
        "cron_mark",
        Column("line", Text(), nullable=False),
        Column("minute", MOMENT, nullable=False),
        PrimaryKeyConstraint("line", name=op.f("cron_mark_pkey")),
    )
    raise_wall("job", operator="write")
    leave_open("cron_mark", tandem_operator="SELECT, INSERT, UPDATE")
