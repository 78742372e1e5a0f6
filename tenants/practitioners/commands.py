"""Decisions about practitioners: taking them on, their credentials, the daily check, stopping them."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select

from tandem.kernel import audit, clock, identity, outbox
from tandem.kernel.crypto import blind_index
from tandem.kernel.database import refusing, session
from tandem.kernel.errors import refused_field
from tandem.kernel.i18n import Text
from tandem.kernel.ids import new_id
from tandem.kernel.states import move
from tandem.kernel.tenancy import as_person, tenant_id
from tenants.hospitals import require_department
from tenants.practitioners import queries
from tenants.practitioners.errors import (
    CredentialInsufficient,
    NotOnTheStaff,
    OperatorMayNotPractise,
    PractitionerAlreadyHere,
    RealNameCheckFailed,
    SubmitterMayNotVerify,
)
from tenants.practitioners.events import PractitionerCleared, PractitionerStopped
from tenants.practitioners.models import (
    CLEARED,
    CREDENTIAL_NEXT,
    NEXT,
    TITLES,
    Credential,
    Practitioner,
    RealNameCheck,
)


def take_on_practitioner(facts: Mapping[str, Any]) -> Practitioner:
    """A member of the staff is to practise here. Nobody's patient yet: credentials come next.

    Raises Invalid for a title of the other profession or an unknown department, NotOnTheStaff, OperatorMayNotPractise
    (I-3), PractitionerAlreadyHere.
    """
    _check_title(facts["kind"], facts["title"])
    _check_department(facts)
    _membership(facts["person_id"])
    _refuse_operator_staff(facts["person_id"])
    practitioner = Practitioner(
        tenant_id=tenant_id(), id=new_id(), id_number_index=blind_index(facts["id_number"], "id_number"), **facts
    )
    with refusing(
        practitioner_tenant_id_person_id_key=PractitionerAlreadyHere,
        practitioner_tenant_id_id_number_index_key=PractitionerAlreadyHere,
    ):
        session.add(practitioner)
    audit.record(
        action="practitioner.invited",
        object_type="practitioner",
        object_id=practitioner.id,
        details={"kind": practitioner.kind},
    )
    return practitioner


def revise_practitioner(practitioner: Practitioner, changes: Mapping[str, Any]) -> Practitioner:
    """Change title, department or introduction; the caller has checked the version. Raises Invalid, NotFound."""
    _check_title(practitioner.kind, changes.get("title", practitioner.title))
    _check_department(changes)
    for name, value in changes.items():
        setattr(practitioner, name, value)
    audit.record(
        action="practitioner.revised",
        object_type="practitioner",
        object_id=practitioner.id,
        details={"fields": sorted(changes)},
    )
    if practitioner.status in CLEARED:
        outbox.add(PractitionerCleared(practitioner.id))
    return practitioner


def submit_credential(practitioner_id: UUID, facts: Mapping[str, Any]) -> Credential:
    """Submit a qualification and practice certificate for medical affairs to verify.

    Raises NotFound, TransitionRefused for somebody who has left.
    """
    practitioner = queries.practitioner_for_update(practitioner_id)
    if practitioner.status in {"invited", "ended"}:
        move(practitioner, "credentials_submitted", NEXT)
    credential = Credential(
        tenant_id=tenant_id(), id=new_id(), practitioner_id=practitioner.id, submitted_by=_hand(), **facts
    )
    session.add(credential)
    audit.record(action="credential.submitted", object_type="credential", object_id=credential.id)
    return credential


def verify_credential(practitioner_id: UUID, credential_id: UUID, *, note: str) -> Credential:
    """Medical affairs have checked the papers and the register: the practitioner is cleared, and gets the role.

    Raises NotFound, SubmitterMayNotVerify, CredentialInsufficient (I-8), OperatorMayNotPractise (I-3), NotOnTheStaff,
    TransitionRefused.
    """
    practitioner = queries.practitioner_for_update(practitioner_id)
    credential = queries.credential_for_update(practitioner_id, credential_id)
    _second_person(credential)
    if lacking := queries.shortcomings(credential, practitioner.kind, None, clock.now()):
        raise CredentialInsufficient(because=lacking)
    _refuse_operator_staff(practitioner.person_id)
    before = queries.credential_in_force(practitioner_id)
    if before is not None:
        move(before, "superseded", CREDENTIAL_NEXT)
        # The index allows one verified credential at a time, so the old one goes first.
        session.flush()
    move(credential, "verified", CREDENTIAL_NEXT, because=note)
    credential.decided_by, credential.decided_at = _hand(), clock.now()
    if practitioner.status == "credentials_submitted":
        move(practitioner, "verified", NEXT)
    if practitioner.status in CLEARED:
        _give_clinical_role(practitioner)
    session.flush()
    outbox.add(PractitionerCleared(practitioner.id))
    return credential


def reject_credential(practitioner_id: UUID, credential_id: UUID, *, note: str) -> Credential:
    """Medical affairs found it wanting. Raises NotFound, SubmitterMayNotVerify, TransitionRefused."""
    practitioner = queries.practitioner_for_update(practitioner_id)
    credential = queries.credential_for_update(practitioner_id, credential_id)
    _second_person(credential)
    move(credential, "rejected", CREDENTIAL_NEXT, because=note)
    credential.decided_by, credential.decided_at = _hand(), clock.now()
    if practitioner.status == "credentials_submitted":
        move(practitioner, "invited", NEXT)
    return credential


def pass_real_name_check(
    practitioner_id: UUID, *, person_id: UUID | None, id_number: str, method: str
) -> RealNameCheck:
    """The practitioner in person shows who they are; good for the business day (I-9). A second check changes nothing.

    Raises NotFound, RealNameCheckFailed for anybody else, TransitionRefused for somebody not cleared.
    """
    practitioner = queries.practitioner_for_update(practitioner_id)
    shown = blind_index(id_number, "id_number")
    if person_id != practitioner.person_id or shown != practitioner.id_number_index:
        raise RealNameCheckFailed
    if practitioner.status != "active":
        move(practitioner, "active", NEXT)
        session.flush()
    today = clock.today()
    passed = queries.real_name_check_on(practitioner.id, today)
    if passed is None:
        passed = RealNameCheck(
            tenant_id=tenant_id(), id=new_id(), practitioner_id=practitioner.id, checked_on=today, method=method
        )
        session.add(passed)
        session.flush()
        audit.record(action="real_name_check.passed", object_type="practitioner", object_id=practitioner.id)
    return passed


def stop_practitioner(practitioner_id: UUID, *, to: str, because: str) -> Practitioner:
    """Pause, suspend or end: no new patients from now on, and outside a pause no clinical role either.

    Raises NotFound, TransitionRefused.
    """
    practitioner = queries.practitioner_for_update(practitioner_id)
    move(practitioner, to, NEXT, because=because)
    if to != "paused":
        _take_clinical_role(practitioner)
    session.flush()
    outbox.add(PractitionerStopped(practitioner.id))
    return practitioner


def resume_practitioner(practitioner_id: UUID, *, because: str) -> Practitioner:
    """A pause or suspension is over; the next real-name check makes the practitioner active again.

    Raises NotFound, TransitionRefused, OperatorMayNotPractise, NotOnTheStaff.
    """
    practitioner = queries.practitioner_for_update(practitioner_id)
    if practitioner.status not in {"paused", "suspended"}:
        raise queries.refused_move(practitioner, "verified")
    _refuse_operator_staff(practitioner.person_id)
    move(practitioner, "verified", NEXT, because=because)
    _give_clinical_role(practitioner)
    session.flush()
    outbox.add(PractitionerCleared(practitioner.id))
    return practitioner


def _hand() -> UUID | None:
    actor = identity.current_actor()
    return actor.person_id or actor.id


def _second_person(credential: Credential) -> None:
    if credential.submitted_by is not None and credential.submitted_by == _hand():
        raise SubmitterMayNotVerify


def _membership(person_id: UUID) -> identity.Membership:
    statement = select(identity.Membership).where(
        identity.Membership.person_id == person_id,
        identity.Membership.audience == "hospital",
        identity.Membership.status == "active",
    )
    found = session.scalar(statement.with_for_update())
    if found is None:
        raise NotOnTheStaff
    return found


def _refuse_operator_staff(person_id: UUID) -> None:
    # Where somebody works elsewhere is theirs alone, so it is asked in their own scope.
    statement = select(identity.Affiliation.tenant_id).where(
        identity.Affiliation.person_id == person_id, identity.Affiliation.audience == "operator"
    )
    with as_person(person_id):
        works_for_operator = session.scalar(statement) is not None
    if works_for_operator:
        raise OperatorMayNotPractise


def _give_clinical_role(practitioner: Practitioner) -> None:
    membership = _membership(practitioner.person_id)
    if practitioner.kind not in membership.roles:
        membership.roles = [*membership.roles, practitioner.kind]


def _take_clinical_role(practitioner: Practitioner) -> None:
    try:
        membership = _membership(practitioner.person_id)
    except NotOnTheStaff:
        return
    membership.roles = [role for role in membership.roles if role != practitioner.kind]


def _check_title(kind: str, title: str) -> None:
    if title not in TITLES[kind]:
        raise refused_field(
            "title",
            Text("This is no title of that profession", "职称与人员类别不符"),
            Text(f"Choose one of: {', '.join(TITLES[kind])}.", f"请从以下值中选择：{'、'.join(TITLES[kind])}。"),
            code="choice",
        )


def _check_department(facts: Mapping[str, Any]) -> None:
    if facts.get("department_id") is not None:
        require_department(facts["department_id"])
