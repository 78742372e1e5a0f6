"""Named reads of a roster. [employer]"""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, func, or_, select

from b2b.rosters.models import RosterImport, RosterMember
from tandem.kernel.database import Page, page, rows, session
from tandem.kernel.errors import NotFound
from tandem.kernel.tenancy import tenant_id

_member = RosterMember.__table__.c


def members(*, limit: int, after: str | None) -> Page:
    """The roster as uploaded, by staff number."""
    statement = select(RosterMember).where(RosterMember.tenant_id == tenant_id())
    by: Any = [RosterMember.staff_number]
    return page(
        statement.with_only_columns(
            RosterMember.id,
            RosterMember.staff_number,
            RosterMember.name,
            RosterMember.phone,
            RosterMember.joined_on,
            RosterMember.left_on,
        ),
        by=by,
        limit=limit,
        after=after,
    )


def member(member_id: UUID) -> RosterMember:
    """Raises NotFound."""
    found = session.scalars(
        select(RosterMember).where(RosterMember.tenant_id == tenant_id(), RosterMember.id == member_id)
    ).one_or_none()
    if found is None:
        raise NotFound
    return found


def imports(*, limit: int, after: str | None) -> Page:
    """Uploaded files, newest first, without what was wrong with their rows."""
    columns = [column for column in RosterImport.__table__.c if column.name != "errors"]
    statement = select(*columns).where(RosterImport.tenant_id == tenant_id())
    return page(statement, by=[RosterImport.created_at, RosterImport.id], limit=limit, after=after, newest_first=True)


def roster_import(import_id: UUID) -> RosterImport:
    """One uploaded file and what became of it. Raises NotFound."""
    found = session.scalars(
        select(RosterImport).where(RosterImport.tenant_id == tenant_id(), RosterImport.id == import_id)
    ).one_or_none()
    if found is None:
        raise NotFound
    return found


def standing_import(file_sha256: bytes) -> RosterImport | None:
    """What became of this file, if nothing has changed the roster since."""
    standing = select(RosterImport).where(RosterImport.tenant_id == tenant_id(), RosterImport.superseded_at.is_(None))
    return session.scalars(standing.where(RosterImport.file_sha256 == file_sha256)).one_or_none()


def active_heads(on: date) -> int:
    """How many work here on a day."""
    present = or_(_member.left_on.is_(None), _member.left_on > on)
    count = select(func.count()).where(_member.tenant_id == tenant_id(), _member.joined_on <= on, present)
    return int(session.execute(count).scalar_one())


def active_after(on: date, after: UUID | None, limit: int) -> Sequence[RowMapping]:
    """A batch of those who work here on a day, by id: what a grant needs to know of them, no names."""
    present = or_(_member.left_on.is_(None), _member.left_on > on)
    statement = select(_member.id, _member.login_index).where(
        _member.tenant_id == tenant_id(), _member.joined_on <= on, present
    )
    if after is not None:
        statement = statement.where(_member.id > after)
    return rows(statement.order_by(_member.id).limit(limit))


def leavers_until(on: date, after: UUID | None, limit: int) -> Sequence[UUID]:
    """A batch of those who have left by a day, by id."""
    statement = select(_member.id).where(_member.tenant_id == tenant_id(), _member.left_on <= on)
    if after is not None:
        statement = statement.where(_member.id > after)
    return session.scalars(statement.order_by(_member.id).limit(limit)).all()
