"""Decisions about patients: registering, consenting, filing evidence."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any
from uuid import UUID

from tandem.accounts import require_active
from tandem.kernel import audit, clock, identity, outbox
from tandem.kernel.crypto import blind_index
from tandem.kernel.database import refusing, session
from tandem.kernel.errors import refused_field
from tandem.kernel.i18n import Text
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import tenant_id
from tenants.patients import queries
from tenants.patients.consent_texts import text_in_force
from tenants.patients.errors import (
    ConsentTextOutdated,
    EvidenceAlreadyFiled,
    GuardianRequired,
    PatientAlreadyRegistered,
)
from tenants.patients.events import ConsentWithdrawn, PatientRegistered
from tenants.patients.identity_numbers import read_identity
from tenants.patients.models import ADULT_FROM_YEARS, GUARDED_BELOW_YEARS, Consent, Patient, PriorDiagnosis


def register_patient(
    *,
    person_id: UUID,
    name: str,
    id_number: str,
    phone: str,
    relationship: str = "self",
    consents: Iterable[Mapping[str, Any]] = (),
) -> Patient:
    """Open a record for the person who signs in, or for their ward, with real name (I-12).

    Raises OrganizationNotLive, GuardianRequired (under 14 alone, or no adult guardian with a record here),
    PatientAlreadyRegistered, ConsentTextOutdated.
    """
    require_active()
    holder = read_identity(id_number)
    guardian = _guardian(person_id, relationship)
    patient = Patient(
        tenant_id=tenant_id(),
        id=new_id(),
        person_id=person_id,
        relationship=relationship,
        guardian_patient_id=guardian.id if guardian else None,
        name=name,
        id_number=holder.number,
        id_number_index=blind_index(holder.number, "id_number"),
        phone=phone,
        phone_index=blind_index(phone, "phone"),
        born_on=holder.born_on.isoformat(),
        sex=holder.sex,
    )
    if guardian is None and patient.age_on(clock.today()) < GUARDED_BELOW_YEARS:
        raise GuardianRequired
    with refusing(
        patient_own_record_key=PatientAlreadyRegistered, patient_tenant_id_id_number_index_key=PatientAlreadyRegistered
    ):
        session.add(patient)
    if guardian is None:
        _give_place(person_id)
    for consent in consents:
        decide_consent(patient, by=person_id, purpose=consent["purpose"], version=consent["version"], decision="given")
    audit.record(action="patient.registered", object_type="patient", object_id=patient.id)
    outbox.add(PatientRegistered(patient.id))
    return patient


def change_phone(patient: Patient, phone: str) -> Patient:
    """A patient's new telephone number; the caller has checked the version."""
    patient.phone, patient.phone_index = phone, blind_index(phone, "phone")
    audit.record(action="patient.phone_changed", object_type="patient", object_id=patient.id)
    return patient


def decide_consent(patient: Patient, *, by: UUID, purpose: str, version: int, decision: str) -> Consent:
    """Give consent to the version in force, or withdraw it; both are as easy, and both stay on record.

    Raises ConsentTextOutdated when consent is given to another version than the one in force.
    """
    text = text_in_force(purpose, clock.today())
    if decision == "given" and version != text.version:
        raise ConsentTextOutdated(purpose=purpose, version_in_force=text.version)
    consent = Consent(
        tenant_id=tenant_id(),
        id=new_id(),
        patient_id=patient.id,
        purpose=purpose,
        text_version=version,
        text_sha256=text.sha256,
        decision=decision,
        decided_by=by,
    )
    session.add(consent)
    session.flush()
    audit.record(
        action=f"consent.{decision}",
        object_type="consent",
        object_id=consent.id,
        details={"purpose": purpose, "version": version},
    )
    if decision == "withdrawn":
        outbox.add(ConsentWithdrawn(consent.id))
    return consent


def file_prior_diagnosis(patient: Patient, *, by: UUID, facts: Mapping[str, Any]) -> PriorDiagnosis:
    """File evidence of an earlier diagnosis; the doctor judges it at the visit (I-10).

    Raises Invalid for a day in the future or before birth, EvidenceAlreadyFiled.
    """
    _check_day(facts["diagnosed_on"], born_on=date.fromisoformat(patient.born_on))
    evidence = PriorDiagnosis(tenant_id=tenant_id(), id=new_id(), patient_id=patient.id, filed_by=by, **facts)
    with refusing(prior_diagnosis_document_key=EvidenceAlreadyFiled):
        session.add(evidence)
    audit.record(
        action="prior_diagnosis.filed",
        object_type="prior_diagnosis",
        object_id=evidence.id,
        details={"patient_id": str(patient.id), "document_sha256": evidence.document_sha256},
    )
    return evidence


def _guardian(person_id: UUID, relationship: str) -> Patient | None:
    if relationship == "self":
        return None
    guardian = queries.patient_of(person_id)
    if guardian is None or guardian.age_on(clock.today()) < ADULT_FROM_YEARS:
        raise GuardianRequired
    return guardian


def _give_place(person_id: UUID) -> None:
    # The edge lets a person into a hospital's patient routes by this membership.
    session.add(identity.Membership(tenant_id=tenant_id(), person_id=person_id, audience="patient", roles=["patient"]))
    session.add(identity.Affiliation(person_id=person_id, tenant_id=tenant_id(), audience="patient"))
    session.flush()


def _check_day(diagnosed_on: date, *, born_on: date) -> None:
    if not born_on <= diagnosed_on <= clock.today():
        raise refused_field(
            "diagnosed_on",
            Text("Nobody was diagnosed on that day", "该诊断日期不成立"),
            Text(
                "Give the day on the document: not before birth, not in the future.",
                "请填写材料上的日期：不早于出生，不晚于今日。",
            ),
            code="range",
        )
