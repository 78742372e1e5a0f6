"""Decisions about the hospital in scope: its page, its licence, its departments."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from tandem.accounts import meet_requirement, own_organization
from tandem.kernel import audit, clock, outbox
from tandem.kernel.database import refusing, session
from tandem.kernel.errors import TransitionRefused, refused_field
from tandem.kernel.i18n import Text
from tandem.kernel.states import move
from tandem.kernel.tenancy import tenant_id
from tenants.hospitals import queries
from tenants.hospitals.errors import (
    DepartmentNameTaken,
    LicenceAlreadyRecorded,
    LicenceExpired,
    LicenceNameMismatch,
    LicenceSettled,
)
from tenants.hospitals.events import LicenceLapsed, LicenceVerified, ProfileChanged
from tenants.hospitals.models import DEPARTMENT_NEXT, LICENCE_NEXT, Department, HospitalProfile, Licence


def write_profile(facts: Mapping[str, Any]) -> HospitalProfile:
    """Write or rewrite the hospital's page; the caller has checked the version of a page that exists."""
    page = queries.profile()
    if page is None:
        page = HospitalProfile(tenant_id=tenant_id(), id=tenant_id(), **facts)
        session.add(page)
    else:
        for name, value in facts.items():
            setattr(page, name, value)
    session.flush()
    audit.record(action="profile.written", object_type="hospital_profile", object_id=page.id)
    outbox.add(ProfileChanged(page.id))
    return page


def record_licence(facts: Mapping[str, Any]) -> Licence:
    """Record a licence as the hospital reads it off the paper; it counts once the operator has verified it.

    Raises Invalid for dates out of order, LicenceNameMismatch (I-1), LicenceAlreadyRecorded.
    """
    _check_dates(facts["valid_from"], facts["valid_to"])
    _check_name(facts["licensed_name"])
    licence = Licence(tenant_id=tenant_id(), **facts)
    with refusing(licence_tenant_id_number_valid_from_key=LicenceAlreadyRecorded):
        session.add(licence)
    audit.record(
        action="licence.recorded", object_type="licence", object_id=licence.id, details={"number": licence.number}
    )
    return licence


def correct_licence(licence: Licence, changes: Mapping[str, Any]) -> Licence:
    """Correct what was misread, until the operator has looked; the caller has checked the version.

    Raises LicenceSettled, Invalid, LicenceNameMismatch, LicenceAlreadyRecorded.
    """
    if licence.status != "recorded":
        raise LicenceSettled(licence_status=licence.status)
    _check_dates(changes.get("valid_from", licence.valid_from), changes.get("valid_to", licence.valid_to))
    _check_name(changes.get("licensed_name", licence.licensed_name))
    with refusing(licence_tenant_id_number_valid_from_key=LicenceAlreadyRecorded):
        for name, value in changes.items():
            setattr(licence, name, value)
    audit.record(
        action="licence.corrected",
        object_type="licence",
        object_id=licence.id,
        details={"fields": sorted(changes)},
    )
    return licence


def verify_licence(licence_id: UUID, *, evidence: str) -> Licence:
    """The operator has found the licence in the authority's register. It is in force within its dates.

    Raises NotFound, TransitionRefused, LicenceExpired when it is over already, LicenceNameMismatch.
    """
    return _enter_validity(queries.licence_for_update(licence_id), evidence, from_states={"recorded"})


def refuse_licence(licence_id: UUID, *, because: str) -> Licence:
    """The operator could not find the licence, or found it otherwise. Raises NotFound, TransitionRefused."""
    licence = queries.licence_for_update(licence_id)
    move(licence, "refused", LICENCE_NEXT, because=because)
    licence.evidence = because
    return licence


def reinstate_licence(licence_id: UUID, *, because: str) -> Licence:
    """The authority has lifted a suspension.

    Raises NotFound, TransitionRefused, LicenceExpired when it is over meanwhile, LicenceNameMismatch.
    """
    return _enter_validity(queries.licence_for_update(licence_id), because, from_states={"suspended"})


def suspend_licence(licence_id: UUID, *, because: str) -> Licence:
    """The authority has suspended it: nothing new is published or booked from now on."""
    return _leave_validity(licence_id, "suspended", because)


def revoke_licence(licence_id: UUID, *, because: str) -> Licence:
    """The authority has withdrawn it for good."""
    return _leave_validity(licence_id, "revoked", because)


def expire_licences(*, on: date) -> int:
    """Move every licence whose last day is over to expired, and tell. Returns how many. Safe to repeat."""
    lapsed = queries.lapsed_licences(on)
    for licence in lapsed:
        move(licence, "expired", LICENCE_NEXT, because=f"last day {licence.valid_to}")
        outbox.add(LicenceLapsed(licence.id))
    session.flush()
    return len(lapsed)


def open_department(facts: Mapping[str, Any]) -> Department:
    """A department under a subject of the catalogue. Raises DepartmentNameTaken."""
    department = Department(tenant_id=tenant_id(), **facts)
    with refusing(department_tenant_id_name_key=DepartmentNameTaken):
        session.add(department)
    audit.record(action="department.opened", object_type="department", object_id=department.id)
    return department


def revise_department(department: Department, changes: Mapping[str, Any]) -> Department:
    """Reword a department; the caller has checked the version. Raises DepartmentNameTaken."""
    with refusing(department_tenant_id_name_key=DepartmentNameTaken):
        for name, value in changes.items():
            setattr(department, name, value)
    audit.record(
        action="department.revised",
        object_type="department",
        object_id=department.id,
        details={"fields": sorted(changes)},
    )
    return department


def close_department(department_id: UUID) -> Department:
    """No new services or staff for it. Raises NotFound, TransitionRefused."""
    department = queries.department(department_id)
    move(department, "closed", DEPARTMENT_NEXT)
    return department


def _enter_validity(licence: Licence, evidence: str, *, from_states: set[str]) -> Licence:
    if licence.status not in from_states:
        raise TransitionRefused(current=licence.status, wanted="verified", allowed=sorted(LICENCE_NEXT[licence.status]))
    if licence.valid_to < clock.today():
        raise LicenceExpired(valid_from=licence.valid_from, valid_to=licence.valid_to, day=clock.today())
    _check_name(licence.licensed_name)
    move(licence, "verified", LICENCE_NEXT, because=evidence)
    licence.evidence, licence.verified_at = evidence, clock.now()
    session.flush()
    meet_requirement("licence", evidence=f"{licence.number}: {evidence}")
    outbox.add(LicenceVerified(licence.id))
    return licence


def _leave_validity(licence_id: UUID, to: str, because: str) -> Licence:
    licence = queries.licence_for_update(licence_id)
    move(licence, to, LICENCE_NEXT, because=because)
    session.flush()
    outbox.add(LicenceLapsed(licence.id))
    return licence


def _check_dates(valid_from: date, valid_to: date) -> None:
    if valid_from > valid_to:
        raise refused_field(
            "valid_to",
            Text("The last day is before the first", "截止日期早于起始日期"),
            Text("Copy both days from the licence.", "请按许可证填写起止日期。"),
            code="order",
        )


def _check_name(licensed_name: str) -> None:
    known_as = own_organization().name
    if "".join(licensed_name.split()) != "".join(known_as.split()):
        raise LicenceNameMismatch(licensed_name=licensed_name, known_as=known_as)
