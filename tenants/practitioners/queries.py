"""Reads about the practitioners of the hospital in scope."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import and_, select

from tandem.kernel import clock
from tandem.kernel.database import Page, page, session
from tandem.kernel.errors import NotFound, TransitionRefused
from tandem.kernel.tenancy import tenant_id
from tenants.hospitals import covers, licence_day
from tenants.practitioners.errors import PractitionerNotCleared, RealNameCheckDue
from tenants.practitioners.models import (
    CLEARED,
    INDEPENDENT_YEARS_REQUIRED,
    NEXT,
    Credential,
    Practitioner,
    RealNameCheck,
)


def require_practitioner(practitioner_id: UUID, specialty: str, at: datetime) -> Practitioner:
    """The practitioner, cleared to receive patients in a specialty at a moment (I-8). One round trip.

    Raises NotFound, or PractitionerNotCleared with `because`: what is missing.
    """
    statement = (
        select(Practitioner, Credential)
        .outerjoin(
            Credential,
            and_(
                Credential.tenant_id == Practitioner.tenant_id,
                Credential.practitioner_id == Practitioner.id,
                Credential.status == "verified",
            ),
        )
        .where(Practitioner.id == practitioner_id)
    )
    row = session.execute(statement).one_or_none()
    if row is None:
        raise NotFound
    found, credential = row[0], row[1]
    because = [] if found.status in CLEARED else [f"status-{found.status}"]
    if credential is None:
        because.append("credential-missing")
    else:
        because += shortcomings(credential, found.kind, specialty, at)
    if because:
        raise PractitionerNotCleared(practitioner_id=practitioner_id, specialty=specialty, because=because)
    return found


def require_real_name_check(practitioner_id: UUID, at: datetime | None = None) -> None:
    """Raises RealNameCheckDue when the practitioner has not passed the check on that business day (I-9)."""
    if real_name_check_on(practitioner_id, licence_day(at or clock.now())) is None:
        raise RealNameCheckDue(practitioner_id=practitioner_id)


@dataclass(frozen=True, slots=True)
class Qualification:
    """What of a credential decides, for whoever has read it together with something else."""

    is_main_place: bool
    multi_site_filing: str | None
    main_employer_agrees: bool
    independent_practice_since: date | None
    registered_specialties: list[str]
    valid_to: date | None


def shortcomings(credential: Credential | Qualification, kind: str, specialty: str | None, at: datetime) -> list[str]:
    """What a credential lacks at a moment, in stable words; empty when it suffices."""
    day = licence_day(at)
    lacking = []
    if credential.valid_to is not None and credential.valid_to < day:
        lacking.append("credential-expired")
    if kind == "doctor" and independent_years(credential.independent_practice_since, day) < INDEPENDENT_YEARS_REQUIRED:
        lacking.append("independent-practice-under-3-years")
    if not credential.main_employer_agrees:
        lacking.append("employer-does-not-agree")
    if not credential.is_main_place and not credential.multi_site_filing:
        lacking.append("multi-site-filing-missing")
    if specialty is not None and not covers(credential.registered_specialties, specialty):
        lacking.append("specialty-not-registered")
    return lacking


def independent_years(since: date | None, day: date) -> int:
    """Whole years of independent practice on a day."""
    if since is None:
        return 0
    return day.year - since.year - ((day.month, day.day) < (since.month, since.day))


def practitioner(practitioner_id: UUID) -> Practitioner:
    """One practitioner. Raises NotFound."""
    found = session.scalar(select(Practitioner).where(Practitioner.id == practitioner_id))
    if found is None:
        raise NotFound
    return found


def practitioner_for_update(practitioner_id: UUID) -> Practitioner:
    """One practitioner, locked until the transaction ends. Raises NotFound."""
    statement = select(Practitioner).where(Practitioner.id == practitioner_id).with_for_update()
    found = session.scalar(statement)
    if found is None:
        raise NotFound
    return found


def practitioner_of_person(person_id: UUID) -> Practitioner | None:
    """The practitioner that a signed-in person is here; None for everybody else."""
    return session.scalar(select(Practitioner).where(Practitioner.person_id == person_id))


def practitioners(limit: int, after: str | None) -> Page:
    """The hospital's practitioners, in the order they came."""
    statement = select(Practitioner.__table__).where(Practitioner.tenant_id == tenant_id())
    return page(statement, by=[Practitioner.created_at, Practitioner.id], limit=limit, after=after)


def cleared_practitioners() -> Sequence[Practitioner]:
    """All who may receive patients or review prescriptions."""
    statement = select(Practitioner).where(Practitioner.status.in_(CLEARED)).order_by(Practitioner.id)
    return session.scalars(statement).all()


def credential_in_force(practitioner_id: UUID) -> Credential | None:
    """The verified credential; there is at most one."""
    return session.scalar(
        select(Credential).where(Credential.practitioner_id == practitioner_id, Credential.status == "verified")
    )


def credential_for_update(practitioner_id: UUID, credential_id: UUID) -> Credential:
    """One credential of a practitioner, locked. Raises NotFound."""
    statement = (
        select(Credential)
        .where(Credential.id == credential_id, Credential.practitioner_id == practitioner_id)
        .with_for_update()
    )
    found = session.scalar(statement)
    if found is None:
        raise NotFound
    return found


def credentials(practitioner_id: UUID, limit: int, after: str | None) -> Page:
    """A practitioner's credentials, newest first."""
    statement = select(Credential.__table__).where(
        Credential.tenant_id == tenant_id(), Credential.practitioner_id == practitioner_id
    )
    by = [Credential.submitted_at, Credential.id]
    return page(statement, by=by, limit=limit, after=after, newest_first=True)


def credentials_in_force() -> dict[UUID, Credential]:
    """Every verified credential, by practitioner."""
    found = session.scalars(select(Credential).where(Credential.status == "verified"))
    return {each.practitioner_id: each for each in found}


def real_name_check_on(practitioner_id: UUID, day: date) -> RealNameCheck | None:
    """The check a practitioner passed on a business day."""
    return session.scalar(
        select(RealNameCheck).where(RealNameCheck.practitioner_id == practitioner_id, RealNameCheck.checked_on == day)
    )


def refused_move(practitioner: Practitioner, wanted: str) -> TransitionRefused:
    """The refusal of a step that is not open from the practitioner's present state."""
    allowed = sorted(NEXT[practitioner.status])
    return TransitionRefused(current=practitioner.status, wanted=wanted, allowed=allowed)
