"""Patients: a hospital's record of a person, their consents, and the evidence of earlier diagnoses. 患者与知情同意"""

from tenants.patients.queries import (
    patient,
    patient_for,
    patient_of,
    patients_of,
    prior_diagnoses,
    prior_diagnosis_for,
    require_consents,
    require_fit_for_service,
    require_patient,
)

__all__ = [
    "patient",
    "patient_for",
    "patient_of",
    "patients_of",
    "prior_diagnoses",
    "prior_diagnosis_for",
    "require_consents",
    "require_fit_for_service",
    "require_patient",
]
