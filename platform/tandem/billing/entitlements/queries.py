"""Named reads of a programme."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, func, or_, select

from tandem.billing.entitlements.models import (
    BenefitInvitation,
    Entitlement,
    EntitlementMovement,
    ProgrammeHospital,
    ProgrammeTotal,
)
from tandem.kernel.database import rows, session
from tandem.kernel.identity import Person
from tandem.kernel.tenancy import acting_for, as_login, as_person, tenant_id

INVITATIONS_MAX = 20


@dataclass(frozen=True)
class Activity:
    """Members who accepted, who used or gave back units, and who joined or left."""

    accepted: int
    used: int
    moved: int


def benefits_of(person_id: UUID) -> Sequence[dict[str, Any]]:
    """A person's benefits over all programmes that know the login, newest first. Opens the scopes it needs."""
    with as_person(person_id):
        login_index = session.scalars(select(Person.login_index).where(Person.id == person_id)).one()
    with as_login(login_index):
        invited = select(BenefitInvitation.programme_id).where(BenefitInvitation.login_index == login_index)
        programmes = session.scalars(invited.order_by(BenefitInvitation.created_at.desc()).limit(INVITATIONS_MAX)).all()
    found: list[dict[str, Any]] = []
    for programme in programmes:
        with acting_for(programme, person_id=person_id):
            hospitals = hospitals_of_programme()
            owed = entitlements_for(person_id, login_index)
        found += [dict(row) | {"hospital_ids": hospitals} for row in owed]
    return found


def entitlements_for(person_id: UUID, login_index: bytes) -> Sequence[RowMapping]:
    """What waits for a login in this programme, or was accepted by this person; never what another accepted.

    [programme]
    """
    owed = Entitlement.__table__.c
    free = (owed.units_granted - owed.units_reserved - owed.units_consumed).label("units_left")
    statement = select(
        owed.id,
        owed.tenant_id.label("programme_id"),
        owed.status,
        owed.units_granted,
        owed.units_reserved,
        owed.units_consumed,
        free,
        owed.valid_from,
        owed.valid_to,
    ).where(
        owed.tenant_id == tenant_id(),
        owed.login_index == login_index,
        or_(owed.person_id.is_(None), owed.person_id == person_id),
    )
    return rows(statement.order_by(owed.created_at.desc()).limit(INVITATIONS_MAX))


def hospitals_of_programme() -> list[UUID]:
    """The hospitals that serve this programme. [programme]"""
    serving = select(ProgrammeHospital.id).where(ProgrammeHospital.tenant_id == tenant_id())
    return list(session.scalars(serving.order_by(ProgrammeHospital.id)))


def programme_totals() -> ProgrammeTotal | None:
    """Granted and used, in sums. [programme, also the operator]"""
    return session.scalars(select(ProgrammeTotal).where(ProgrammeTotal.tenant_id == tenant_id())).one_or_none()


def activity_since(moment: datetime) -> Activity:
    """How many members stand behind what changed since a moment: what decides whether a change may be told.

    [programme]
    """
    owed, step = Entitlement.__table__.c, EntitlementMovement.__table__.c
    accepted = select(func.count()).where(owed.tenant_id == tenant_id(), owed.activated_at > moment)
    whose = func.count(step.entitlement_id.distinct())
    used, moved = (
        select(whose).where(step.tenant_id == tenant_id(), step.kind.in_(kinds), step.at > moment)
        for kinds in (("consume", "release"), ("grant", "revoke"))
    )
    return Activity(*(int(session.execute(each).scalar_one()) for each in (accepted, used, moved)))


def units_reserved() -> int:
    """Units kept for bookings whose visits are still to come. [programme]"""
    owed = Entitlement.__table__.c
    kept = select(func.coalesce(func.sum(owed.units_reserved), 0)).where(owed.tenant_id == tenant_id())
    return int(session.execute(kept).scalar_one())


def members_with_use() -> int:
    """How many members have used a unit: what decides whether their units may be told. [programme]"""
    owed = Entitlement.__table__.c
    used = select(func.count()).where(owed.tenant_id == tenant_id(), owed.units_consumed > 0)
    return int(session.execute(used).scalar_one())


def members_drawing(since: datetime | None, until: datetime) -> int:
    """How many members used a unit in [since, until), from the beginning without `since`, and kept it. [programme]"""
    step, back = EntitlementMovement.__table__.c, EntitlementMovement.__table__.alias().c
    returned = select(back.key).where(
        back.tenant_id == tenant_id(), back.kind == "release", back.key == step.key, back.at < until
    )
    drew = select(func.count(step.entitlement_id.distinct())).where(
        *(step.tenant_id == tenant_id(), step.kind == "consume", step.at < until),
        ~returned.correlate(EntitlementMovement.__table__).exists(),
    )
    return int(session.scalar(drew if since is None else drew.where(step.at >= since)) or 0)


def consumed_among(keys: Collection[UUID]) -> set[UUID]:
    """Which of these keys have consumed a unit. [programme]"""
    step = EntitlementMovement.__table__.c
    statement = select(step.key).where(step.tenant_id == tenant_id(), step.kind == "consume", step.key.in_(list(keys)))
    return set(session.scalars(statement))


def consumed_at(hospital_id: UUID, since: datetime, until: datetime) -> set[UUID]:
    """The keys that consumed a unit at a hospital in [since, until): keys are its payments, not people. [programme]"""
    step = EntitlementMovement.__table__.c
    statement = select(step.key).where(
        *(step.tenant_id == tenant_id(), step.kind == "consume", step.hospital_id == hospital_id),
        *(step.at >= since, step.at < until),
    )
    return set(session.scalars(statement))
