"""Tables of the audit trail. Events, seals and checkpoints are written once; pending and head are the sealer's."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel.database import Model, TenantOwned, Wall


class AuditEvent(TenantOwned, Model):
    """One thing that was decided or done, in ids and words without people. 审计事件"""

    __tablename__ = "audit_event"
    __wall__ = Wall(operator="write", append_only=True)
    __table_args__ = (Index("audit_event_object_idx", "tenant_id", "object_type", "object_id"),)

    at: Mapped[datetime]
    # Who, as kind:id ("person:…", "api_key:…", "worker"); never a name.
    actor: Mapped[str] = mapped_column(Text)
    action: Mapped[str] = mapped_column(Text)
    object_type: Mapped[str] = mapped_column(Text)
    object_id: Mapped[str] = mapped_column(Text)
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)
    request_id: Mapped[str | None] = mapped_column(Text)
    job_id: Mapped[str | None] = mapped_column(Text)


class AuditPending(TenantOwned, Model):
    """An event that waits for its seal; `id` is the event's. 待封存审计"""

    __tablename__ = "audit_pending"
    __wall__ = Wall(operator="write")


class AuditSeal(TenantOwned, Model):
    """One link of a tenant's chain: hash = SHA-256(previous hash, the event's canonical JSON). 审计封条"""

    __tablename__ = "audit_seal"
    __wall__ = Wall(operator="read", append_only=True)
    __table_args__ = (
        UniqueConstraint("tenant_id", "seq"),
        ForeignKeyConstraint(["tenant_id", "id"], ["audit_event.tenant_id", "audit_event.id"]),
        CheckConstraint("seq >= 1", name="seq_from_one"),
    )

    seq: Mapped[int]
    prev_hash: Mapped[bytes]
    hash: Mapped[bytes]


class AuditHead(TenantOwned, Model):
    """Where a tenant's chain ends; its row lock lets one sealer at a time add to it. `id` is the tenant's. 审计链头"""

    __tablename__ = "audit_head"
    __wall__ = Wall(operator="read", deletable=False)

    seq: Mapped[int]
    hash: Mapped[bytes]


class AuditCheckpoint(TenantOwned, Model):
    """The chain's head, signed: up to it the chain cannot be rewritten unseen. 审计签章"""

    __tablename__ = "audit_checkpoint"
    __wall__ = Wall(operator="read", append_only=True)
    __table_args__ = (Index("audit_checkpoint_seq_idx", "tenant_id", "seq"),)

    at: Mapped[datetime]
    seq: Mapped[int]
    hash: Mapped[bytes]
    public_key: Mapped[bytes]
    signature: Mapped[bytes]


GENESIS: Final = bytes(32)
"""What the first link of every chain hangs on."""
