"""Invitations and the names by which an organisation knows its staff.

A person's own row is the platform's and reached only by that person; what colleagues may read is the profile here.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKeyConstraint, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel import clock
from tandem.kernel.crypto import EncryptedText
from tandem.kernel.database import Model, TenantOwned, Wall
from tandem.kernel.states import states

NEXT: Final = {"pending": {"accepted", "revoked"}, "accepted": set[str](), "revoked": set[str]()}
"""An invitation past its expires_at stays pending and is simply of no use any more."""

INVITATION_DAYS: Final = 14
CLINICAL_ROLES: Final = frozenset({"doctor", "pharmacist", "medical_affairs"})
ADMIN_ROLES: Final = {
    "operator": "operator_admin",
    "hospital": "hospital_admin",
    "employer": "employer_admin",
    "regulator": "regulator",
}


class Invitation(TenantOwned, Model):
    """A seat offered: whoever holds the token may take it, once, until it expires. 邀请"""

    __tablename__ = "invitation"
    __wall__ = Wall(operator="write")
    __table_args__ = (
        UniqueConstraint("tenant_id", "token_hash"),
        states(NEXT),
        CheckConstraint("cardinality(roles) > 0", name="has_roles"),
        Index(None, "tenant_id", "created_at"),
    )

    addressee: Mapped[str] = mapped_column(EncryptedText("invitation.addressee"))
    audience: Mapped[str]
    roles: Mapped[list[str]] = mapped_column(ARRAY(Text))
    token_hash: Mapped[bytes]
    status: Mapped[str] = mapped_column(default="pending")
    invited_by: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    expires_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]


class StaffProfile(TenantOwned, Model):
    """How an organisation knows one of its people. 员工档案"""

    __tablename__ = "staff_profile"
    __wall__ = Wall(operator="write")
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "membership_id"], ["membership.tenant_id", "membership.id"]),
        UniqueConstraint("tenant_id", "membership_id"),
    )

    membership_id: Mapped[UUID]
    name: Mapped[str] = mapped_column(EncryptedText("staff_profile.name"))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
