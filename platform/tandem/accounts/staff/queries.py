"""Reads about staff and invitations."""

from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, any_, select

from tandem.accounts.staff.models import Invitation, StaffProfile
from tandem.kernel import clock
from tandem.kernel.access import Audience
from tandem.kernel.database import Page, page, session
from tandem.kernel.errors import NotFound
from tandem.kernel.identity import Affiliation, Membership
from tandem.kernel.tenancy import tenant_id

AUDIENCES: Final[dict[str, Audience]] = {
    "operator": "operator",
    "hospital": "hospital",
    "employer": "employer",
    "regulator": "regulator",
}
"""Kind of organisation -> the door its staff enter by. A programme has no staff: it is a wall, not a workplace."""


def staff(*, limit: int, after: str | None) -> Page:
    """The scope's staff, present and past, with the names it knows them by. [any tenant]"""
    columns = (
        Membership.id,
        Membership.person_id,
        Membership.audience,
        Membership.roles,
        Membership.status,
        Membership.since,
        Membership.ended_at,
        StaffProfile.name,
    )
    statement = (
        select(*columns)
        .outerjoin(
            StaffProfile,
            (StaffProfile.tenant_id == Membership.tenant_id) & (StaffProfile.membership_id == Membership.id),
        )
        .where(Membership.tenant_id == tenant_id(), Membership.audience != "patient")
    )
    return page(statement, by=[Membership.since, Membership.id], limit=limit, after=after)


def staff_member(membership_id: UUID) -> Membership:
    """One seat of the scope's staff, locked. [any tenant] Raises NotFound."""
    statement = (
        select(Membership)
        .where(Membership.tenant_id == tenant_id(), Membership.id == membership_id, Membership.audience != "patient")
        .with_for_update()
    )
    found = session.scalar(statement)
    if found is None:
        raise NotFound
    return found


def seat_of(person_id: UUID, audience: str) -> Membership | None:
    """A person's seat, held or ended. [any tenant]"""
    return session.scalar(
        select(Membership)
        .where(Membership.tenant_id == tenant_id(), Membership.person_id == person_id, Membership.audience == audience)
        .with_for_update()
    )


def administrators(audience: str, role: str) -> list[Membership]:
    """Who can administer the scope's organisation; locked, so that two cannot leave at once. [any tenant]"""
    statement = (
        select(Membership)
        .where(
            Membership.tenant_id == tenant_id(),
            Membership.audience == audience,
            Membership.status == "active",
            any_(Membership.roles) == role,
        )
        .order_by(Membership.id)
        .with_for_update()
    )
    return list(session.scalars(statement))


def has_place(person_id: UUID, audience: str) -> bool:
    """Whether the acting person has ever had a place behind that door, anywhere. [a scope of that person]"""
    found = select(Affiliation.tenant_id).where(Affiliation.person_id == person_id, Affiliation.audience == audience)
    return session.scalar(found.limit(1)) is not None


def invitations(*, limit: int, after: str | None) -> Page:
    """The scope's invitations, newest first. [any tenant]"""
    statement = select(Invitation.__table__).where(Invitation.tenant_id == tenant_id())
    return page(statement, by=[Invitation.created_at, Invitation.id], limit=limit, after=after, newest_first=True)


def invitation(invitation_id: UUID) -> Invitation:
    """One invitation, locked. [any tenant] Raises NotFound."""
    return _invitation(Invitation.id == invitation_id)


def open_invitation(token_hash: bytes) -> Invitation:
    """The invitation of a token, while it can be taken up; locked. [its tenant] Raises NotFound."""
    found = _invitation(Invitation.token_hash == token_hash)
    if found.status != "pending" or found.expires_at <= clock.now():
        raise NotFound
    return found


def _invitation(chosen: ColumnElement[bool]) -> Invitation:
    statement = select(Invitation).where(Invitation.tenant_id == tenant_id(), chosen)
    found = session.scalar(statement.with_for_update())
    if found is None:
        raise NotFound
    return found
