"""Patients: a hospital's record of a person, their consents, and the evidence of earlier diagnoses. 患者与知情同意"""

from tenants.patients.commands import decide_consent, file_prior_diagnosis, register_patient
from tenants.patients.consent_texts import REQUIRED as REQUIRED_CONSENTS
from tenants.patients.errors import ChildNeedsPaediatrics, ConsentMissing, GuardianRequired, PatientNotRegistered
from tenants.patients.identity_numbers import IdentityNumber, TelephoneNumber, masked, read_identity
from tenants.patients.models import Patient, PatientInBrief, PriorDiagnosis
from tenants.patients.queries import (
    patient,
    patient_for,
    patient_of,
    prior_diagnoses,
    prior_diagnosis_for,
    require_consents,
    require_fit_for_service,
    require_patient,
)

__all__ = [
    "REQUIRED_CONSENTS",
    "ChildNeedsPaediatrics",
    "ConsentMissing",
    "GuardianRequired",
    "IdentityNumber",
    "Patient",
    "PatientInBrief",
    "PatientNotRegistered",
    "PriorDiagnosis",
    "TelephoneNumber",
    "decide_consent",
    "file_prior_diagnosis",
    "masked",
    "patient",
    "patient_for",
    "patient_of",
    "prior_diagnoses",
    "prior_diagnosis_for",
    "read_identity",
    "register_patient",
    "require_consents",
    "require_fit_for_service",
    "require_patient",
]
