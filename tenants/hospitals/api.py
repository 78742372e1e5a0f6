"""Hospitals' views: a hospital's own, the operator's on its licence, and the public catalogue of specialties."""

from typing import Any
from uuid import UUID

from tandem.kernel.access import PUBLIC
from tandem.kernel.database import Page
from tandem.kernel.errors import NotFound
from tandem.kernel.http import Api, check_if_match
from tenants.hospitals import commands, queries
from tenants.hospitals.errors import (
    DepartmentNameTaken,
    LicenceAlreadyRecorded,
    LicenceExpired,
    LicenceNameMismatch,
    LicenceSettled,
)
from tenants.hospitals.models import Department, HospitalProfile, Licence
from tenants.hospitals.schemas import (
    DepartmentRevisionSchema,
    DepartmentSchema,
    LicenceCorrectionSchema,
    LicenceSchema,
    ProfileSchema,
    ReasonSchema,
    SpecialtyQuery,
    SpecialtySchema,
    VerificationSchema,
)
from tenants.hospitals.specialties import SPECIALTIES

profile = Api("profile", audience="hospital", url_prefix="/profile", tag="Hospital profile")
licences = Api("licences", audience="hospital", url_prefix="/licences")
departments = Api("departments", audience="hospital", url_prefix="/departments")
hospital_licences = Api(
    "hospital_licences", audience="operator", url_prefix="/hospitals/<uuid:hospital_id>/licences", tag="Licences"
)
specialties = Api("specialties", audience="public", url_prefix="/specialties")


@profile.get("", allow="hospital.read", gives=ProfileSchema)
def read_profile() -> HospitalProfile:
    """Read the hospital's page."""
    found = queries.profile()
    if found is None:
        raise NotFound
    return found


@profile.put("", allow="onboarding.write", takes=ProfileSchema, gives=ProfileSchema, versioned=True)
def write_profile(wish: dict[str, Any]) -> HospitalProfile:
    """Write the hospital's page; the first time with `If-Match: "0"`."""
    found = queries.profile()
    check_if_match(found if found is not None else _Unwritten)
    return commands.write_profile(wish)


@licences.get("", allow="hospital.read", gives=LicenceSchema, many=True)
def list_licences(query: dict[str, Any]) -> Page:
    """List the hospital's licences, newest first."""
    return queries.licences(**query)


@licences.post(
    "",
    allow="licences.write",
    takes=LicenceSchema,
    gives=LicenceSchema,
    problems=(LicenceNameMismatch, LicenceAlreadyRecorded),
)
def record_licence(wish: dict[str, Any]) -> Licence:
    """Record a licence for the operator to verify."""
    return commands.record_licence(wish)


@licences.get("/<uuid:licence_id>", allow="hospital.read", gives=LicenceSchema)
def read_licence(licence_id: UUID) -> Licence:
    """Read one licence."""
    return queries.licence(licence_id)


@licences.patch(
    "/<uuid:licence_id>",
    allow="licences.write",
    takes=LicenceCorrectionSchema,
    gives=LicenceSchema,
    versioned=True,
    problems=(LicenceSettled, LicenceNameMismatch, LicenceAlreadyRecorded),
)
def correct_licence(licence_id: UUID, wish: dict[str, Any]) -> Licence:
    """Correct a licence that nobody has verified yet."""
    licence = queries.licence_for_update(licence_id)
    check_if_match(licence)
    return commands.correct_licence(licence, wish)


@departments.get("", allow="departments.read", gives=DepartmentSchema, many=True)
def list_departments(query: dict[str, Any]) -> Page:
    """List the hospital's departments."""
    return queries.departments(**query)


@departments.post(
    "", allow="departments.write", takes=DepartmentSchema, gives=DepartmentSchema, problems=(DepartmentNameTaken,)
)
def open_department(wish: dict[str, Any]) -> Department:
    """Open a department."""
    return commands.open_department(wish)


@departments.get("/<uuid:department_id>", allow="departments.read", gives=DepartmentSchema)
def read_department(department_id: UUID) -> Department:
    """Read one department."""
    return queries.department(department_id)


@departments.patch(
    "/<uuid:department_id>",
    allow="departments.write",
    takes=DepartmentRevisionSchema,
    gives=DepartmentSchema,
    versioned=True,
    problems=(DepartmentNameTaken,),
)
def revise_department(department_id: UUID, wish: dict[str, Any]) -> Department:
    """Reword a department."""
    department = queries.department(department_id)
    check_if_match(department)
    return commands.revise_department(department, wish)


@departments.post("/<uuid:department_id>/closure", allow="departments.write", gives=DepartmentSchema)
def close_department(department_id: UUID) -> Department:
    """Close a department."""
    return commands.close_department(department_id)


@hospital_licences.get("", allow="organizations.read", gives=LicenceSchema, many=True)
def list_hospital_licences(hospital_id: UUID, query: dict[str, Any]) -> Page:
    """List a hospital's licences, newest first."""
    return queries.licences(**query)


@hospital_licences.post(
    "/<uuid:licence_id>/verification",
    allow="organizations.review",
    takes=VerificationSchema,
    gives=LicenceSchema,
    problems=(LicenceExpired, LicenceNameMismatch),
)
def verify_licence(hospital_id: UUID, licence_id: UUID, wish: dict[str, Any]) -> Licence:
    """Say what the authority's register says about a recorded licence."""
    if wish["decision"] == "refused":
        return commands.refuse_licence(licence_id, because=wish["evidence"])
    return commands.verify_licence(licence_id, evidence=wish["evidence"])


@hospital_licences.post(
    "/<uuid:licence_id>/suspension", allow="organizations.suspend", takes=ReasonSchema, gives=LicenceSchema
)
def suspend_licence(hospital_id: UUID, licence_id: UUID, wish: dict[str, Any]) -> Licence:
    """Note that the authority has suspended a licence: publication and booking stop at once."""
    return commands.suspend_licence(licence_id, because=wish["because"])


@hospital_licences.post(
    "/<uuid:licence_id>/revocation", allow="organizations.suspend", takes=ReasonSchema, gives=LicenceSchema
)
def revoke_licence(hospital_id: UUID, licence_id: UUID, wish: dict[str, Any]) -> Licence:
    """Note that the authority has withdrawn a licence for good."""
    return commands.revoke_licence(licence_id, because=wish["because"])


@hospital_licences.post(
    "/<uuid:licence_id>/reinstatement",
    allow="organizations.suspend",
    takes=ReasonSchema,
    gives=LicenceSchema,
    problems=(LicenceExpired, LicenceNameMismatch),
)
def reinstate_licence(hospital_id: UUID, licence_id: UUID, wish: dict[str, Any]) -> Licence:
    """Note that the authority has lifted a suspension."""
    return commands.reinstate_licence(licence_id, because=wish["because"])


@specialties.get("", allow=PUBLIC, gives=SpecialtySchema, many=True, query=SpecialtyQuery)
def list_specialties(query: dict[str, Any]) -> Page:
    """List the diagnosis-and-treatment subjects that licences register, by code; `after` is a code."""
    wanted = [
        each
        for each in SPECIALTIES.values()
        if (query["after"] is None or each.code > query["after"])
        and (query["subject"] is None or each.subject == query["subject"])
    ]
    found = wanted[: query["limit"]]
    return Page(found, found[-1].code if len(wanted) > len(found) else None)


class _Unwritten:
    """A page that nobody has written yet."""

    version = 0
