"""Patients' views: registering at a hospital, consents, evidence and one's own record."""

from typing import Any
from uuid import UUID

from tandem.accounts import OrganizationNotLive
from tandem.kernel import audit, clock
from tandem.kernel.access import PUBLIC
from tandem.kernel.database import Page
from tandem.kernel.errors import Forbidden, NotFound
from tandem.kernel.http import Api, check_if_match
from tandem.kernel.identity import current_actor
from tenants.patients import commands, queries
from tenants.patients.consent_texts import REQUIRED, texts_in_force
from tenants.patients.errors import (
    ConsentTextOutdated,
    EvidenceAlreadyFiled,
    GuardianRequired,
    PatientAlreadyRegistered,
)
from tenants.patients.models import Consent, Patient, PriorDiagnosis
from tenants.patients.schemas import (
    ConsentDecisionSchema,
    ConsentSchema,
    ConsentTextQuery,
    ConsentTextSchema,
    ContactSchema,
    EvidenceSchema,
    PatientSchema,
    RecordSchema,
    RegistrationSchema,
)

own = Api("patients", audience="patient", url_prefix="/hospitals/<uuid:hospital_id>/patients")
desk = Api("patients", audience="hospital", url_prefix="/patients")
consent_texts = Api("consent_texts", audience="public", url_prefix="/consent_texts")


@own.post(
    "",
    allow="patients.register",
    open=True,
    takes=RegistrationSchema,
    gives=PatientSchema,
    problems=(GuardianRequired, PatientAlreadyRegistered, ConsentTextOutdated),
)
def register(hospital_id: UUID, wish: dict[str, Any]) -> Patient:
    """Register at a hospital with real name, oneself or a ward."""
    try:
        return commands.register_patient(person_id=_person(), **wish)
    except OrganizationNotLive:
        # Which hospitals are being admitted, or stand suspended, is nobody's business outside.
        raise NotFound from None


@own.get("", allow="records.read", gives=PatientSchema, many=True)
def list_own(hospital_id: UUID, query: dict[str, Any]) -> Page:
    """List one's own record and one's wards' at this hospital."""
    return queries.patients_of(_person(), **query)


@own.get("/<uuid:patient_id>", allow="records.read", gives=PatientSchema)
def read_own(hospital_id: UUID, patient_id: UUID) -> Patient:
    """Read a record one signs in for."""
    return queries.patient_for(_person(), patient_id)


@own.patch("/<uuid:patient_id>", allow="records.read", takes=ContactSchema, gives=PatientSchema, versioned=True)
def change_phone(hospital_id: UUID, patient_id: UUID, wish: dict[str, Any]) -> Patient:
    """Change the telephone number the hospital calls."""
    patient = queries.patient_for(_person(), patient_id)
    check_if_match(patient)
    return commands.change_phone(patient, wish["phone"])


@own.get("/<uuid:patient_id>/record", allow="records.read", gives=RecordSchema)
def read_record(hospital_id: UUID, patient_id: UUID) -> dict[str, Any]:
    """Read and copy the record: who, consents, evidence of earlier diagnoses. Visits are listed under encounters."""
    patient = queries.patient_for(_person(), patient_id)
    return {
        "patient": patient,
        "consents": queries.current_consents(patient.id),
        "prior_diagnoses": queries.prior_diagnoses(patient.id),
    }


@own.get("/<uuid:patient_id>/consents", allow="records.read", gives=ConsentSchema, many=True)
def list_consents(hospital_id: UUID, patient_id: UUID, query: dict[str, Any]) -> Page:
    """List every decision made about consents, newest first."""
    patient = queries.patient_for(_person(), patient_id)
    return queries.consent_history(patient.id, **query)


@own.post(
    "/<uuid:patient_id>/consents",
    allow="patients.register",
    takes=ConsentDecisionSchema,
    gives=ConsentSchema,
    problems=(ConsentTextOutdated,),
)
def decide_consent(hospital_id: UUID, patient_id: UUID, wish: dict[str, Any]) -> Consent:
    """Give or withdraw consent."""
    patient = queries.patient_for(_person(), patient_id)
    return commands.decide_consent(patient, by=_person(), **wish)


@own.get("/<uuid:patient_id>/prior_diagnoses", allow="records.read", gives=EvidenceSchema, many=True)
def list_evidence(hospital_id: UUID, patient_id: UUID, query: dict[str, Any]) -> Page:
    """List the evidence of earlier diagnoses, newest first."""
    patient = queries.patient_for(_person(), patient_id)
    return queries.evidence_of(patient.id, **query)


@own.post(
    "/<uuid:patient_id>/prior_diagnoses",
    allow="evidence.write",
    takes=EvidenceSchema,
    gives=EvidenceSchema,
    problems=(EvidenceAlreadyFiled,),
)
def file_evidence(hospital_id: UUID, patient_id: UUID, wish: dict[str, Any]) -> PriorDiagnosis:
    """File evidence of a definite diagnosis made before; without it a visit gives advice only."""
    patient = queries.patient_for(_person(), patient_id)
    return commands.file_prior_diagnosis(patient, by=_person(), facts=wish)


@desk.get("/<uuid:patient_id>/record", allow="records.read", gives=RecordSchema)
def read_record_at_desk(patient_id: UUID) -> dict[str, Any]:
    """Read a patient's record as clinical staff; each reading is on the audit trail."""
    patient = queries.patient(patient_id)
    audit.record(action="record.read", object_type="patient", object_id=patient.id)
    return {
        "patient": patient,
        "consents": queries.current_consents(patient.id),
        "prior_diagnoses": queries.prior_diagnoses(patient.id),
    }


@consent_texts.get("", allow=PUBLIC, gives=ConsentTextSchema, many=True, query=ConsentTextQuery)
def list_consent_texts(query: dict[str, Any]) -> Page:
    """List the consent texts in force: read them before consenting."""
    texts = texts_in_force(clock.today())
    return Page([vars(text) | {"sha256": text.sha256, "is_required": text.purpose in REQUIRED} for text in texts], None)


def _person() -> UUID:
    person_id = current_actor().person_id
    if person_id is None:
        raise Forbidden(permission="patients.register")
    return person_id
