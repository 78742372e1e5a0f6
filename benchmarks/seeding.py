"""Many hospitals fast: one is made by the models, and the database copies it to the others, table by table."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any, Final
from uuid import UUID

import psycopg
from flask import Flask

from tandem.accounts import Organization, sort_key
from tandem.kernel import clock, crypto, identity
from tandem.kernel.crypto import EncryptedText
from tandem.kernel.database import Model, session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import acting_for, as_person, transaction
from tenants.healthcare_services import HealthcareService
from tenants.hospitals.models import Licence
from tenants.patients.consent_texts import REQUIRED, text_in_force
from tenants.patients.models import Consent, Patient, PriorDiagnosis
from tenants.practitioners.models import Credential, Practitioner
from tenants.schedules import publish_schedule

SPECIALTY: Final = "03.04"
MINUTES: Final = 15
SLOTS_A_DAY: Final = 36
# A tenant's keys are bound to it and cannot be copied; the others are made when they are needed.
_NOT_COPIED: Final = frozenset({"tenant_key", "audit_event", "audit_pending", "job", "idempotency_key"})


@dataclass(frozen=True)
class World:
    """What a load needs to know: hospitals that are alike, and one patient who is registered at each."""

    hospitals: Sequence[UUID]
    service_id: UUID
    slots: Sequence[UUID]
    token: str


def make_world(app: Flask, admin_url: str, *, hospitals: int, days: int) -> World:
    """Hospitals with two doctors, a service each and `days` of slots; the first is made, the rest are copies."""
    first, patient = new_id(), new_id()
    with app.app_context():
        token = _a_person(patient)
        service_id = _first_hospital(first, patient, days)
    with psycopg.connect(admin_url) as owner:
        _read_by_anyone(owner)
        copies = [new_id() for _ in range(hospitals - 1)]
        _copy(owner, first, copies)
        found = owner.execute(
            "SELECT id FROM slot WHERE tenant_id = %s AND service_id = %s ORDER BY start_at", [first, service_id]
        )
        slots = [row[0] for row in found]
    with psycopg.connect(admin_url, autocommit=True) as owner:
        owner.execute("VACUUM ANALYZE")
        owner.execute("CHECKPOINT")
    every = [first, *copies]
    with app.app_context():
        for each in every:
            # As in a hospital that has been here for a while: its key exists.
            with acting_for(each):
                crypto.encrypt("", "benchmarks.warm")
    return World(every, service_id, slots, token)


def _a_person(person_id: UUID) -> str:
    with as_person(person_id), transaction():
        person = identity.Person(
            id=person_id,
            login="benchmark",
            login_index=crypto.platform_index("benchmark", "person.login"),
            name="李明",
        )
        session.add(person)
        session.flush()
        token, _ = identity.open_session(person, "patient", None)
    return token


def _first_hospital(hospital: UUID, patient: UUID, days: int) -> UUID:
    with acting_for(hospital, person_id=patient), transaction():
        session.add(
            Organization(
                tenant_id=hospital,
                id=hospital,
                kind="hospital",
                status="live",
                name="医院",
                name_sort=sort_key("医院"),
            )
        )
        session.add(
            Licence(
                tenant_id=hospital,
                number=hospital.hex,
                licensed_name="医院",
                issuing_authority="市卫生健康委",
                valid_from=date(2020, 1, 1),
                valid_to=date(2099, 12, 31),
                registered_specialties=[SPECIALTY],
                status="verified",
                evidence="register",
            )
        )
        session.flush()
        service_id, _ = [_a_doctor_with_a_service(hospital, number, days) for number in range(2)]
        _a_patient(hospital, patient)
    return service_id


def _a_doctor_with_a_service(hospital: UUID, number: int, days: int) -> UUID:
    doctor = Practitioner(
        tenant_id=hospital,
        id=new_id(),
        person_id=new_id(),
        kind="doctor",
        title="attending_physician",
        name="赵医生",
        id_number=f"11010119790302{number:04d}",
        id_number_index=crypto.blind_index(f"11010119790302{number:04d}", "id_number"),
        phone="13800000000",
        status="active",
    )
    service = HealthcareService(
        tenant_id=hospital,
        id=new_id(),
        name=f"高血压复诊 {number}",
        specialty=SPECIALTY,
        mode="text",
        care_type="follow_up",
        price_minor=5_000,
        duration_minutes=MINUTES,
        status="active",
    )
    session.add_all([doctor, service])
    session.flush()
    facts: dict[str, Any] = {
        "qualification_number": "20051101105",
        "practice_certificate_number": "110" + doctor.id.hex[:12],
        "places": ["本院"],
        "is_main_place": True,
        "main_employer_agrees": True,
        "independent_practice_since": date(2005, 7, 1),
        "registered_specialties": [SPECIALTY],
        "valid_to": date(2099, 12, 31),
        "document_sha256": "0" * 64,
        "status": "verified",
    }
    session.add(Credential(tenant_id=hospital, practitioner_id=doctor.id, **facts))
    session.flush()
    tomorrow = clock.today() + timedelta(days=1)
    publish_schedule(
        practitioner_id=doctor.id,
        service_id=service.id,
        first_on=tomorrow,
        last_on=tomorrow + timedelta(days=days - 1),
        opens_at=time(9),
        closes_at=time(9 + SLOTS_A_DAY * MINUTES // 60),
    )
    return service.id


def _a_patient(hospital: UUID, person: UUID) -> None:
    patient = Patient(
        tenant_id=hospital,
        id=new_id(),
        person_id=person,
        name="李明",
        id_number="110101198005170026",
        id_number_index=crypto.blind_index("110101198005170026", "id_number"),
        phone="13800000001",
        phone_index=crypto.blind_index("13800000001", "phone"),
        born_on="1980-05-17",
        sex="female",
    )
    session.add(patient)
    session.add(identity.Membership(tenant_id=hospital, person_id=person, audience="patient", roles=["patient"]))
    session.flush()
    for purpose in REQUIRED:
        text = text_in_force(purpose, clock.today())
        session.add(
            Consent(
                tenant_id=hospital,
                patient_id=patient.id,
                purpose=purpose,
                text_version=text.version,
                text_sha256="0" * 64,
                decision="given",
                decided_by=person,
            )
        )
    session.add(
        PriorDiagnosis(
            tenant_id=hospital,
            patient_id=patient.id,
            specialty=SPECIALTY,
            diagnosis_code="I10.x00",
            diagnosis_name="高血压病",
            hospital_name="医院",
            diagnosed_on=clock.today() - timedelta(days=90),
            document_kind="outpatient_record",
            document_sha256="0" * 64,
            filed_by=person,
        )
    )


def _read_by_anyone(owner: psycopg.Connection[Any]) -> None:
    """Encrypted fields are sealed for the first hospital; its copies get the same words under the platform's key."""
    words = {"patient.name": "李明", "patient.born_on": "1980-05-17", "patient.phone": "13800000001"}
    for table in Model.metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, EncryptedText) and not column.type.platform and not column.nullable:
                place = column.type.place
                sealed = crypto.encrypt(words.get(place, "医"), place, platform=True)
                owner.execute(f'UPDATE "{table.name}" SET "{column.name}" = %s', [sealed])


def _copy(owner: psycopg.Connection[Any], first: UUID, copies: Sequence[UUID]) -> None:
    owner.execute("CREATE TEMP TABLE copies (id uuid PRIMARY KEY)")
    with owner.cursor().copy("COPY copies FROM STDIN") as rows:
        for each in copies:
            rows.write_row([each])
    for table in Model.metadata.sorted_tables:
        if "tenant_id" not in table.columns or table.name in _NOT_COPIED or not hasattr(_model_of(table), "__wall__"):
            continue
        names = [f'"{column.name}"' for column in table.columns]
        values = ["copies.id" if name == '"tenant_id"' else f"row.{name}" for name in names]
        if table.name == "organization":
            values[names.index('"id"')] = "copies.id"
        owner.execute(
            f'INSERT INTO "{table.name}" ({", ".join(names)}) SELECT {", ".join(values)}'
            f' FROM "{table.name}" AS row CROSS JOIN copies WHERE row.tenant_id = %s',
            [first],
        )


def _model_of(table: Any) -> Any:
    return next(mapper.class_ for mapper in Model.registry.mappers if mapper.local_table is table)
