"""What bounds the guessing of passwords."""

from datetime import datetime
from typing import ClassVar, Final

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel.database import Model, Reference

FAILURES_ALLOWED: Final = 8
FAILURE_WINDOW_MINUTES: Final = 15
LOCK_MINUTES: Final = 15


class LoginThrottle(Reference, Model):
    """Failed sign-ins of one login name, whether or not anybody has it: so that a lock tells nobody. 登录限流"""

    __tablename__ = "login_throttle"
    __reason__ = "counted before it is known who signs in; holds a keyed digest of the login and no person"
    __grants__: ClassVar[dict[str, str]] = {"tandem_app": "SELECT, INSERT, UPDATE, DELETE"}
    __on_coordinator__ = True
    __table_args__ = (Index(None, "last_failed_at"),)

    login_index: Mapped[bytes] = mapped_column(primary_key=True)
    failures: Mapped[int]
    failures_in_all: Mapped[int]
    last_failed_at: Mapped[datetime]
    locked_until: Mapped[datetime | None]
