"""An employer's roster. The operator's role has no grant here: it bills heads, it does not know names."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel import clock
from tandem.kernel.crypto import EncryptedText
from tandem.kernel.database import Model, TenantOwned, Wall


class RosterMember(TenantOwned, Model):
    """An employee as HR knows them. 员工"""

    __tablename__ = "roster_member"
    __wall__ = Wall(operator="none")
    __table_args__ = (
        UniqueConstraint("tenant_id", "staff_number"),
        CheckConstraint("left_on IS NULL OR left_on >= joined_on", name="left_after_joining"),
        Index(None, "tenant_id", "login_index"),
    )

    staff_number: Mapped[str]
    name: Mapped[str] = mapped_column(EncryptedText("roster_member.name"))
    phone: Mapped[str] = mapped_column(EncryptedText("roster_member.phone"))
    login_index: Mapped[bytes]
    joined_on: Mapped[date]
    left_on: Mapped[date | None]
    import_id: Mapped[UUID]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class RosterImport(TenantOwned, Model):
    """One uploaded file and what became of it. Its errors name rows and columns, never what stood there. 花名册导入

    `superseded_at`: when another file or a departure changed the roster after it; one file at most still stands.
    """

    __tablename__ = "roster_import"
    __wall__ = Wall(operator="none")
    __table_args__ = (
        Index("roster_import_standing_key", "tenant_id", unique=True, postgresql_where=text("superseded_at IS NULL")),
        Index(None, "tenant_id", "created_at"),
    )

    file_sha256: Mapped[bytes]
    rows_read: Mapped[int]
    rows_added: Mapped[int]
    rows_changed: Mapped[int]
    rows_unchanged: Mapped[int]
    rows_refused: Mapped[int]
    errors: Mapped[list[dict[str, Any]]]
    created_by: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    superseded_at: Mapped[datetime | None]
