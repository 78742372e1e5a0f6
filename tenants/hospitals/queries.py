"""Reads about the hospital in scope."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select

from tandem.kernel.database import Page, page, session
from tandem.kernel.errors import NotFound, refused_field
from tandem.kernel.i18n import Text
from tandem.kernel.tenancy import tenant_id
from tenants.hospitals.errors import LicenceExpired, LicenceNotValid, SpecialtyNotRegistered
from tenants.hospitals.models import Department, HospitalProfile, Licence, licence_day


def licence_at(moment: datetime) -> Licence | None:
    """The licence valid at a moment; when two overlap (a renewal), the one that lasts longer."""
    day = licence_day(moment)
    statement = (
        select(Licence)
        .where(Licence.status == "verified", Licence.valid_from <= day, Licence.valid_to >= day)
        .order_by(Licence.valid_to.desc(), Licence.id.desc())
        .limit(1)
    )
    return session.scalar(statement)


def longest_valid(licences: Iterable[Licence], at: datetime) -> Licence | None:
    """Of licences at hand, the one that `licence_at` would choose."""
    day = licence_day(at)
    valid = [each for each in licences if each.is_valid_on(day)]
    return max(valid, key=lambda each: (each.valid_to, each.id), default=None)


def require_licence(specialty: str, at: datetime) -> Licence:
    """The licence that allows a specialty at a moment (I-1, I-2).

    Raises LicenceNotValid, LicenceExpired (which is one) or SpecialtyNotRegistered.
    """
    licence = licence_at(at)
    if licence is None:
        raise why_unlicensed(at)
    if not licence.registers(specialty):
        raise SpecialtyNotRegistered(specialty=specialty, registered=licence.registered_specialties)
    return licence


def why_unlicensed(at: datetime) -> LicenceNotValid:
    """The problem of a hospital that has no valid licence at a moment."""
    statement = select(Licence).order_by(Licence.valid_to.desc(), Licence.id.desc()).limit(1)
    latest = session.scalar(statement)
    if latest is None:
        return LicenceNotValid(licence_status="missing")
    if latest.status in {"verified", "expired"}:
        return LicenceExpired(valid_from=latest.valid_from, valid_to=latest.valid_to, day=licence_day(at))
    return LicenceNotValid(licence_status=latest.status)


def licence(licence_id: UUID) -> Licence:
    """One licence. Raises NotFound."""
    found = session.scalar(select(Licence).where(Licence.id == licence_id))
    if found is None:
        raise NotFound
    return found


def licence_for_update(licence_id: UUID) -> Licence:
    """One licence, locked until the transaction ends. Raises NotFound."""
    found = session.scalar(select(Licence).where(Licence.id == licence_id).with_for_update())
    if found is None:
        raise NotFound
    return found


def licences(limit: int, after: str | None) -> Page:
    """The hospital's licences, newest first."""
    statement = select(Licence.__table__).where(Licence.tenant_id == tenant_id())
    return page(statement, by=[Licence.recorded_at, Licence.id], limit=limit, after=after, newest_first=True)


def lapsed_licences(on: date) -> Sequence[Licence]:
    """Licences that still stand as verified or suspended although their last day is over."""
    statement = (
        select(Licence)
        .where(Licence.status.in_(("verified", "suspended")), Licence.valid_to < on)
        .order_by(Licence.id)
        .with_for_update(skip_locked=True)
    )
    return session.scalars(statement).all()


def profile() -> HospitalProfile | None:
    """The hospital's page, once it has written one."""
    return session.scalar(select(HospitalProfile))


def department(department_id: UUID) -> Department:
    """One department. Raises NotFound."""
    found = session.scalar(select(Department).where(Department.id == department_id))
    if found is None:
        raise NotFound
    return found


def require_department(department_id: UUID) -> Department:
    """A department that takes on staff and services.

    Raises Invalid for a missing or closed one: it is named in a body, not in an address.
    """
    found = session.scalar(select(Department).where(Department.id == department_id, Department.status == "active"))
    if found is None:
        raise refused_field(
            "department_id",
            Text("The hospital has no such department", "该医院没有此科室"),
            Text(
                "Take an id from the list of departments; closed ones take nobody on.",
                "请使用科室列表中未关闭的科室编号。",
            ),
            code="department",
        )
    return found


def departments(limit: int, after: str | None) -> Page:
    """The hospital's departments, oldest first."""
    statement = select(Department.__table__).where(Department.tenant_id == tenant_id())
    return page(statement, by=[Department.created_at, Department.id], limit=limit, after=after)
