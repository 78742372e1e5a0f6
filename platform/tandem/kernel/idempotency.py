"""Idempotency keys: a POST repeated with the same key gets the first answer again, and happens once.

The key, the body's hash and the answer live in the transaction of the effect, so they exist exactly when it does: a
refused or broken request leaves no key behind and may be tried again. Answers are kept encrypted, for two days.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Text, delete, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel import clock, crypto
from tandem.kernel.database import Model, Reference, TenantOwned, Wall, session
from tandem.kernel.errors import IdempotencyKeyReused, StillRunning
from tandem.kernel.ids import derived_id
from tandem.kernel.statements import Statement
from tandem.kernel.tenancy import OPERATOR_ID, NoTenantChosen, Scope, current_scope

KEPT_HOURS: Final = 48
FORGET_ROWS: Final = 5_000
_LOCK_NOT_AVAILABLE: Final = "55P03"
_PLACE: Final = "idempotency_key.body"
_IN_HAND: Final = "tandem.idempotency"


class IdempotencyKey(TenantOwned, Model):
    """A key used in one organisation; `id` is derived from actor, route and key. 幂等键"""

    __tablename__ = "idempotency_key"
    # The operator's people have keys of their own; a hospital's answers are not theirs to read.
    __wall__ = Wall(operator="write", operator_where="by_operator")
    __table_args__ = (
        Index(None, "tenant_id", "created_at"),
        CheckConstraint("(status IS NULL) = (body IS NULL)", name="answered_whole"),
    )

    by_operator: Mapped[bool]
    route: Mapped[str] = mapped_column(Text)
    body_sha256: Mapped[bytes]
    status: Mapped[int | None]
    body: Mapped[bytes | None]
    created_at: Mapped[datetime]


class PersonIdempotencyKey(Reference, Model):
    """A key used by a person outside any organisation, such as a patient's sign-up elsewhere. 个人幂等键"""

    __tablename__ = "person_idempotency_key"
    __reason__ = "belongs to a person, not to an organisation; walled by person"
    __grants__: ClassVar[dict[str, str]] = {"tandem_app": "SELECT, INSERT, UPDATE, DELETE"}
    __person_column__ = "person_id"
    __table_args__ = (
        Index(None, "person_id", "created_at"),
        CheckConstraint("(status IS NULL) = (body IS NULL)", name="answered_whole"),
    )

    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    route: Mapped[str] = mapped_column(Text)
    body_sha256: Mapped[bytes]
    status: Mapped[int | None]
    body: Mapped[bytes | None]
    created_at: Mapped[datetime]


_MINE: Final = {
    IdempotencyKey.__tablename__: ("tenant_id", "by_operator"),
    PersonIdempotencyKey.__tablename__: ("person_id",),
}
"""Whose a key is."""


def _take(table: str, owner: tuple[str, ...]) -> Statement:
    columns = " ".join((*owner, "id route body_sha256 created_at"))
    return Statement.inserting(table, columns, "ON CONFLICT DO NOTHING RETURNING id")


def _answer(table: str, owner: tuple[str, ...]) -> Statement:
    mine = " AND ".join(f"{name} = %({name})s" for name in (*owner, "id"))
    return Statement(f"UPDATE {table} SET status = %(status)s, body = %(body)s WHERE {mine}")  # noqa: S608  # our names


_TAKE: Final = {table: _take(table, owner) for table, owner in _MINE.items()}
_ANSWER: Final = {table: _answer(table, owner) for table, owner in _MINE.items()}


@dataclass(frozen=True)
class Replay:
    """The answer the first request got."""

    status: int
    body: bytes


@dataclass(frozen=True)
class _Place:
    """Where a scope's keys are kept, and for whom their answers are encrypted."""

    table: Any
    owner: dict[str, Any]

    @property
    def tenant(self) -> UUID | None:
        return self.owner.get("tenant_id")


def begin(route: str, key: str, body_sha256: bytes, *, actor_id: UUID | None) -> Replay | None:
    """Take the key for this request: None to go on, or the answer that the first request with it got.

    Raises IdempotencyKeyReused when the first had another body, StillRunning when it has not ended within the lock
    timeout, NoTenantChosen in a scope that is of no tenant, person or operator.
    """
    place = _place(current_scope())
    key_id = derived_id("idempotency", actor_id, route, key)
    facts = {**place.owner, "id": key_id, "route": route, "body_sha256": body_sha256, "created_at": clock.now()}
    if _is_first(_TAKE[place.table.name], facts):
        current_scope().info[_IN_HAND] = (place, key_id)
        if place.tenant is None:
            forget_old(limit=20)  # persons are never listed, so no nightly job could find their old keys
        return None
    found = session.execute(select(place.table).where(*_row(place, key_id))).one_or_none()
    if found is None or found.body is None:
        # Forgotten between the two statements, or its request committed without an answer.
        raise StillRunning
    if found.body_sha256 != body_sha256:
        raise IdempotencyKeyReused
    return Replay(found.status, crypto.decrypt(found.body, _PLACE).encode())


def finish(status: int, body: bytes) -> None:
    """Keep the answer of the request at hand; a problem raised instead rolls the key back with everything else."""
    place, key_id = current_scope().info.pop(_IN_HAND)
    sealed = crypto.encrypt(body.decode(), _PLACE, platform=place.tenant is None, owner=place.tenant)
    _ANSWER[place.table.name].rows({**place.owner, "id": key_id, "status": status, "body": sealed})


def forget_old(limit: int = FORGET_ROWS) -> int:
    """Drop up to `limit` keys of the scope's tenant or person that are older than two days. Returns how many."""
    place = _place(current_scope())
    table = place.table
    walls = [table.c[name] == value for name, value in place.owner.items() if name != "by_operator"]
    old = select(table.c.id).where(*walls, table.c.created_at < clock.now() - timedelta(hours=KEPT_HOURS)).limit(limit)
    return len(session.execute(delete(table).where(*walls, table.c.id.in_(old)).returning(table.c.id)).all())


def _place(scope: Scope) -> _Place:
    by_operator = scope.role == "operator"
    if by_operator or scope.tenant_id is not None:
        tenant = scope.tenant_id or OPERATOR_ID
        return _Place(IdempotencyKey.__table__, {"tenant_id": tenant, "by_operator": by_operator})
    if scope.person_id is None:
        raise NoTenantChosen("a key needs somebody it belongs to")
    return _Place(PersonIdempotencyKey.__table__, {"person_id": scope.person_id})


def _row(place: _Place, key_id: UUID) -> list[Any]:
    return [*(place.table.c[name] == value for name, value in place.owner.items()), place.table.c.id == key_id]


def _is_first(wish: Statement, facts: dict[str, Any]) -> bool:
    try:
        return wish.row(facts) is not None
    except OperationalError as refused:
        # The first request holds its key's row until it commits or rolls back; we waited as long as we may.
        if getattr(refused.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
            raise StillRunning from None
        raise
