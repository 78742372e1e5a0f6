"""Reads about the patients of the hospital in scope."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import distinct_on

from tandem.kernel import clock
from tandem.kernel.database import Page, page, session
from tandem.kernel.errors import NotFound
from tandem.kernel.tenancy import tenant_id
from tenants.hospitals import is_paediatric, licence_day
from tenants.patients.consent_texts import REQUIRED, text_in_force
from tenants.patients.errors import ChildNeedsPaediatrics, ConsentMissing, GuardianRequired, PatientNotRegistered
from tenants.patients.models import (
    GUARDED_BELOW_YEARS,
    PAEDIATRIC_BELOW_YEARS,
    Consent,
    Patient,
    PatientInBrief,
    PriorDiagnosis,
)


def patient_of(person_id: UUID) -> Patient | None:
    """A person's own record here."""
    statement = select(Patient).where(Patient.person_id == person_id, Patient.relationship == "self")
    return session.scalar(statement)


def require_patient(person_id: UUID, patient_id: UUID | None = None) -> Patient:
    """The record a person books for: their own, or the ward named by `patient_id`.

    Raises PatientNotRegistered without a record of one's own, NotFound for a record that is not theirs.
    """
    if patient_id is not None:
        return patient_for(person_id, patient_id)
    found = patient_of(person_id)
    if found is None:
        raise PatientNotRegistered
    return found


def patient_for(person_id: UUID, patient_id: UUID) -> Patient:
    """A record that this person signs in for. Raises NotFound, also for somebody else's."""
    found = session.scalar(select(Patient).where(Patient.id == patient_id, Patient.person_id == person_id))
    if found is None:
        raise NotFound
    return found


def patient(patient_id: UUID) -> Patient:
    """One record, for the hospital's own staff. Raises NotFound."""
    found = session.scalar(select(Patient).where(Patient.id == patient_id))
    if found is None:
        raise NotFound
    return found


def patients_of(person_id: UUID, limit: int, after: str | None) -> Page:
    """A person's own record and their wards'."""
    statement = select(Patient.__table__).where(Patient.tenant_id == tenant_id(), Patient.person_id == person_id)
    return page(statement, by=[Patient.registered_at, Patient.id], limit=limit, after=after)


def require_fit_for_service(
    patient: Patient | PatientInBrief, specialty: str, at: datetime, *, given: Mapping[str, int] | None = None
) -> None:
    """What must stand before a service is given: consent in force (I-12), and the rules for children (I-16, I-28).

    `given` spares the question what is consented to: purpose -> version of the latest decision, where that is yes.
    Raises ConsentMissing, GuardianRequired or ChildNeedsPaediatrics.
    """
    age = patient.age_on(licence_day(at))
    if age < GUARDED_BELOW_YEARS and patient.guardian_patient_id is None:
        raise GuardianRequired
    if age < PAEDIATRIC_BELOW_YEARS and not is_paediatric(specialty):
        raise ChildNeedsPaediatrics(specialty=specialty)
    require_consents(patient.id, given=given)


def require_consents(patient_id: UUID, *, given: Mapping[str, int] | None = None) -> None:
    """Raises ConsentMissing naming every required text whose version in force is not consented to."""
    day = licence_day(clock.now())
    if given is None:
        latest = current_consents(patient_id)
        given = {consent.purpose: consent.text_version for consent in latest if consent.decision == "given"}
    needed = {purpose: text_in_force(purpose, day).version for purpose in REQUIRED}
    missing = [
        {"purpose": purpose, "version": version}
        for purpose, version in needed.items()
        if given.get(purpose, 0) < version
    ]
    if missing:
        raise ConsentMissing(missing=missing)


def current_consents(patient_id: UUID) -> Sequence[Consent]:
    """The latest decision for each purpose."""
    statement = (
        select(Consent)
        .where(Consent.patient_id == patient_id)
        .ext(distinct_on(Consent.purpose))
        .order_by(Consent.purpose, Consent.decided_at.desc(), Consent.id.desc())
    )
    return session.scalars(statement).all()


def consent_history(patient_id: UUID, limit: int, after: str | None) -> Page:
    """Every decision a patient made, newest first."""
    statement = select(Consent.__table__).where(Consent.tenant_id == tenant_id(), Consent.patient_id == patient_id)
    return page(statement, by=[Consent.decided_at, Consent.id], limit=limit, after=after, newest_first=True)


def prior_diagnosis_for(patient_id: UUID, specialty: str) -> PriorDiagnosis | None:
    """The newest evidence of a definite diagnosis in a specialty (or its subject); None: advice only (I-10)."""
    subject = specialty[:2]
    statement = (
        select(PriorDiagnosis)
        .where(
            PriorDiagnosis.patient_id == patient_id,
            or_(PriorDiagnosis.specialty == specialty, PriorDiagnosis.specialty == subject),
        )
        .order_by(PriorDiagnosis.diagnosed_on.desc(), PriorDiagnosis.id.desc())
        .limit(1)
    )
    return session.scalar(statement)


def prior_diagnoses(patient_id: UUID) -> Sequence[PriorDiagnosis]:
    """All evidence a patient has filed, newest diagnosis first."""
    statement = (
        select(PriorDiagnosis)
        .where(PriorDiagnosis.patient_id == patient_id)
        .order_by(PriorDiagnosis.diagnosed_on.desc(), PriorDiagnosis.id.desc())
    )
    return session.scalars(statement).all()


def evidence_of(patient_id: UUID, limit: int, after: str | None) -> Page:
    """A page of the evidence a patient has filed, newest diagnosis first."""
    statement = select(PriorDiagnosis.__table__).where(
        PriorDiagnosis.tenant_id == tenant_id(), PriorDiagnosis.patient_id == patient_id
    )
    by = [PriorDiagnosis.diagnosed_on, PriorDiagnosis.id]
    return page(statement, by=by, limit=limit, after=after, newest_first=True)
