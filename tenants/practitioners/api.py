"""Practitioners' views for the hospital."""

from typing import Any
from uuid import UUID

from tandem.kernel.access import SIGNED_IN
from tandem.kernel.database import Page
from tandem.kernel.http import Api, check_if_match
from tandem.kernel.identity import current_actor
from tenants.hospitals import ReasonSchema
from tenants.practitioners import commands, queries
from tenants.practitioners.errors import (
    CredentialInsufficient,
    NotOnTheStaff,
    OperatorMayNotPractise,
    PractitionerAlreadyHere,
    RealNameCheckFailed,
    SubmitterMayNotVerify,
)
from tenants.practitioners.models import Credential, Practitioner, RealNameCheck
from tenants.practitioners.schemas import (
    CredentialDecisionSchema,
    CredentialSchema,
    PractitionerRevisionSchema,
    PractitionerSchema,
    RealNameCheckSchema,
)

api = Api("practitioners", audience="hospital", url_prefix="/practitioners")


@api.get("", allow="practitioners.read", gives=PractitionerSchema, many=True)
def list_practitioners(query: dict[str, Any]) -> Page:
    """List the hospital's practitioners."""
    return queries.practitioners(**query)


@api.post(
    "",
    allow="practitioners.write",
    takes=PractitionerSchema,
    gives=PractitionerSchema,
    problems=(NotOnTheStaff, OperatorMayNotPractise, PractitionerAlreadyHere),
)
def take_on_practitioner(wish: dict[str, Any]) -> Practitioner:
    """Take a member of the staff on as doctor or pharmacist."""
    return commands.take_on_practitioner(wish)


@api.get("/<uuid:practitioner_id>", allow="practitioners.read", gives=PractitionerSchema)
def read_practitioner(practitioner_id: UUID) -> Practitioner:
    """Read one practitioner."""
    return queries.practitioner(practitioner_id)


@api.patch(
    "/<uuid:practitioner_id>",
    allow="practitioners.write",
    takes=PractitionerRevisionSchema,
    gives=PractitionerSchema,
    versioned=True,
)
def revise_practitioner(practitioner_id: UUID, wish: dict[str, Any]) -> Practitioner:
    """Change a practitioner's title, department or introduction."""
    practitioner = queries.practitioner_for_update(practitioner_id)
    check_if_match(practitioner)
    return commands.revise_practitioner(practitioner, wish)


@api.get("/<uuid:practitioner_id>/credentials", allow="practitioners.read", gives=CredentialSchema, many=True)
def list_credentials(practitioner_id: UUID, query: dict[str, Any]) -> Page:
    """List a practitioner's credentials, newest first."""
    queries.practitioner(practitioner_id)
    return queries.credentials(practitioner_id, **query)


@api.post(
    "/<uuid:practitioner_id>/credentials",
    allow="practitioners.write",
    takes=CredentialSchema,
    gives=CredentialSchema,
)
def submit_credential(practitioner_id: UUID, wish: dict[str, Any]) -> Credential:
    """Submit a credential for medical affairs to verify."""
    return commands.submit_credential(practitioner_id, wish)


@api.post(
    "/<uuid:practitioner_id>/credentials/<uuid:credential_id>/verification",
    allow="practitioners.verify",
    takes=CredentialDecisionSchema,
    gives=CredentialSchema,
    problems=(SubmitterMayNotVerify, CredentialInsufficient, OperatorMayNotPractise, NotOnTheStaff),
)
def decide_credential(practitioner_id: UUID, credential_id: UUID, wish: dict[str, Any]) -> Credential:
    """Verify or reject a credential, as medical affairs."""
    if wish["decision"] == "rejected":
        return commands.reject_credential(practitioner_id, credential_id, note=wish["note"])
    return commands.verify_credential(practitioner_id, credential_id, note=wish["note"])


@api.post(
    "/<uuid:practitioner_id>/real_name_checks",
    allow=SIGNED_IN,
    takes=RealNameCheckSchema,
    gives=RealNameCheckSchema,
    problems=(RealNameCheckFailed,),
)
def pass_real_name_check(practitioner_id: UUID, wish: dict[str, Any]) -> RealNameCheck:
    """Pass today's real-name check, in person."""
    return commands.pass_real_name_check(practitioner_id, person_id=current_actor().person_id, **wish)


@api.post("/<uuid:practitioner_id>/pause", allow="practitioners.write", takes=ReasonSchema, gives=PractitionerSchema)
def pause_practitioner(practitioner_id: UUID, wish: dict[str, Any]) -> Practitioner:
    """Pause a practitioner: no new patients."""
    return commands.stop_practitioner(practitioner_id, to="paused", because=wish["because"])


@api.post(
    "/<uuid:practitioner_id>/suspension", allow="practitioners.verify", takes=ReasonSchema, gives=PractitionerSchema
)
def suspend_practitioner(practitioner_id: UUID, wish: dict[str, Any]) -> Practitioner:
    """Suspend a practitioner: no patients and no clinical role."""
    return commands.stop_practitioner(practitioner_id, to="suspended", because=wish["because"])


@api.post(
    "/<uuid:practitioner_id>/departure", allow="practitioners.verify", takes=ReasonSchema, gives=PractitionerSchema
)
def end_practitioner(practitioner_id: UUID, wish: dict[str, Any]) -> Practitioner:
    """End a practitioner's work here."""
    return commands.stop_practitioner(practitioner_id, to="ended", because=wish["because"])


@api.post(
    "/<uuid:practitioner_id>/resumption",
    allow="practitioners.verify",
    takes=ReasonSchema,
    gives=PractitionerSchema,
    problems=(OperatorMayNotPractise, NotOnTheStaff),
)
def resume_practitioner(practitioner_id: UUID, wish: dict[str, Any]) -> Practitioner:
    """End a pause or suspension."""
    return commands.resume_practitioner(practitioner_id, because=wish["because"])
