"""Reads about sessions and the places one can sign in to."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import RowMapping, select

from tandem.kernel import clock
from tandem.kernel.database import rows, session
from tandem.kernel.identity import Affiliation, LoginSession, Membership
from tandem.kernel.tenancy import acting_for


def places(person_id: UUID, audience: str) -> list[UUID]:
    """The organisations behind one door where the person holds a seat now. [a scope of that person]

    The affiliation says where to look, the organisation's own row decides.
    """
    listed = session.scalars(
        select(Affiliation.tenant_id)
        .where(Affiliation.person_id == person_id, Affiliation.audience == audience)
        .order_by(Affiliation.created_at)
    ).all()
    return [tenant for tenant in listed if _holds_seat(person_id, tenant, audience)]


def open_sessions(person_id: UUID) -> Sequence[RowMapping]:
    """The person's sessions that are still good, newest first. [a scope of that person]"""
    return rows(
        select(LoginSession.audience, LoginSession.tenant_id, LoginSession.created_at, LoginSession.expires_at)
        .where(
            LoginSession.person_id == person_id,
            LoginSession.revoked_at.is_(None),
            LoginSession.expires_at > clock.now(),
        )
        .order_by(LoginSession.created_at.desc())
        .limit(100)
    )


def _holds_seat(person_id: UUID, tenant: UUID, audience: str) -> bool:
    seat = select(Membership.id).where(
        Membership.tenant_id == tenant,
        Membership.person_id == person_id,
        Membership.audience == audience,
        Membership.status == "active",
    )
    with acting_for(tenant):
        return session.scalar(seat) is not None
