"""Hospitals for stories: admitted, licensed, staffed, with services and patients; each by the decisions that make it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from hashlib import sha256
from itertools import count
from typing import Any
from uuid import UUID

from stdnum.cn import ric

from tandem.accounts import activate_organization, create_organization
from tandem.accounts.organizations.commands import (
    approve_organization,
    review_organization,
    submit_organization,
    waive_requirement,
)
from tandem.kernel import clock, identity
from tandem.kernel.ids import new_id
from tandem.kernel.money import Money
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tenants.healthcare_services import commands as services
from tenants.hospitals import commands as hospitals
from tenants.patients import commands as patients
from tenants.patients.consent_texts import REQUIRED, text_in_force
from tenants.practitioners import commands as practitioners
from tests.people import a_person, a_place

CARDIOLOGY = "03.04"
PAEDIATRICS = "07"
_DISTRICTS = ("110101", "110105", "110108", "330102", "330106", "310101", "310115", "440106")
_numbers = count(int.from_bytes(new_id().bytes[-4:]) % 800_000)


@contextmanager
def hand(audience: str, tenant_id: UUID, person_id: UUID | None = None) -> Iterator[None]:
    """Let somebody act within a block, as the edge would."""
    before = identity.current_actor()
    who = person_id or new_id()
    identity.act_as(identity.Actor("person", who, audience, tenant_id, who))
    try:
        yield
    finally:
        identity.act_as(before)


def a_name(begins: str = "杭州第一人民医院") -> str:
    """A hospital's name that nobody else has."""
    return f"{begins}{next(_numbers)}"


def a_hospital(*, name: str | None = None, city: str = "杭州市", province: str = "浙江省") -> UUID:
    """A hospital whose application is a draft."""
    hospital_id = new_id()
    with acting_for(hospital_id, operator=True), transaction():
        create_organization(kind="hospital", name=name or a_name(), city=city, province=province)
    return hospital_id


def a_licence(hospital_id: UUID, *specialties: str, **changes: Any) -> UUID:
    """A licence the operator has verified, valid for a year around today; `changes` are its facts."""
    today = clock.today()
    with acting_for(hospital_id), transaction():
        facts = {
            "number": f"PDY{next(_numbers):09d}",
            "licensed_name": hospitals.own_organization().name,
            "second_name": None,
            "issuing_authority": "浙江省卫生健康委员会",
            "valid_from": today - timedelta(days=180),
            "valid_to": today + timedelta(days=185),
            "registered_specialties": list(specialties or (CARDIOLOGY, PAEDIATRICS)),
            "verification_due_on": None,
        }
        licence_id = hospitals.record_licence(facts | changes).id
    with acting_for(hospital_id, operator=True), hand("operator", OPERATOR_ID), transaction():
        hospitals.verify_licence(licence_id, evidence="found in the provincial register")
    return licence_id


def admitted(hospital_id: UUID) -> UUID:
    """Take a licensed hospital through admission until it is live."""
    with acting_for(hospital_id), hand("hospital", hospital_id), transaction():
        submit_organization()
    for step in (review_organization, approve_organization):
        with acting_for(hospital_id, operator=True), hand("operator", OPERATOR_ID), transaction():
            step()
    with acting_for(hospital_id, operator=True), hand("operator", OPERATOR_ID), transaction():
        waive_requirement("agreement", because="this story is not about money")
        activate_organization()
    return hospital_id


def a_live_hospital(*specialties: str, **place: str) -> UUID:
    """A hospital that is admitted, licensed and live."""
    hospital_id = a_hospital(**place)
    a_licence(hospital_id, *specialties)
    return admitted(hospital_id)


def an_id_number(born_on: date = date(1980, 5, 17), *, sex: str = "female") -> str:
    """An identity number with a right check character, of nobody."""
    number = next(_numbers)
    serial = number // len(_DISTRICTS) % 500 * 2 + (sex == "male")
    head = f"{_DISTRICTS[number % len(_DISTRICTS)]}{born_on:%Y%m%d}{serial:03d}"
    return head + ric.calc_check_digit(head + "0")


def practitioner_facts(person_id: UUID, **changes: Any) -> dict[str, Any]:
    """What a hospital says of a doctor it takes on."""
    return {
        "person_id": person_id,
        "department_id": None,
        "kind": "doctor",
        "title": "attending_physician",
        "name": "张伟",
        "id_number": an_id_number(date(1979, 3, 2), sex="male"),
        "phone": f"+86139{next(_numbers):08d}",
        "introduction": "",
    } | changes


def credential_facts(*specialties: str, **changes: Any) -> dict[str, Any]:
    """A credential that suffices."""
    return {
        "qualification_number": f"{next(_numbers):027d}",
        "practice_certificate_number": f"{next(_numbers):015d}",
        "places": ["杭州第一人民医院"],
        "is_main_place": True,
        "multi_site_filing": None,
        "main_employer_agrees": True,
        "independent_practice_since": clock.today() - timedelta(days=365 * 8),
        "registered_specialties": list(specialties or (CARDIOLOGY, PAEDIATRICS)),
        "valid_to": None,
        "document_sha256": sha256(str(next(_numbers)).encode()).hexdigest(),
    } | changes


def a_doctor(hospital_id: UUID, *specialties: str, checked_today: bool = True) -> tuple[UUID, UUID]:
    """A doctor cleared for these specialties; returns (practitioner_id, person_id)."""
    person_id = a_person(name="张伟")
    a_place(person_id, hospital_id, "hospital")
    facts = practitioner_facts(person_id)
    with acting_for(hospital_id), hand("hospital", hospital_id), transaction():
        practitioner_id = practitioners.take_on_practitioner(facts).id
        credential_id = practitioners.submit_credential(practitioner_id, credential_facts(*specialties)).id
    with acting_for(hospital_id), hand("hospital", hospital_id), transaction():
        practitioners.verify_credential(practitioner_id, credential_id, note="register checked")
    if checked_today:
        pass_check(hospital_id, practitioner_id, person_id, facts["id_number"])
    return practitioner_id, person_id


def pass_check(hospital_id: UUID, practitioner_id: UUID, person_id: UUID, id_number: str) -> None:
    """The doctor shows their identity card."""
    with acting_for(hospital_id), hand("hospital", hospital_id, person_id), transaction():
        practitioners.pass_real_name_check(practitioner_id, person_id=person_id, id_number=id_number, method="id_card")


def service_facts(**changes: Any) -> dict[str, Any]:
    """What a hospital says of a service."""
    return {
        "department_id": None,
        "name": f"心血管内科复诊{next(_numbers)}",
        "name_en": "Cardiology follow-up",
        "description": "",
        "specialty": CARDIOLOGY,
        "mode": "video",
        "care_type": "follow_up",
        "price": Money(7200),
        "duration_minutes": 15,
    } | changes


def a_service(hospital_id: UUID, **changes: Any) -> UUID:
    """A published service."""
    with acting_for(hospital_id), hand("hospital", hospital_id), transaction():
        service_id = services.write_service(service_facts(**changes)).id
        services.publish_service(service_id)
    return service_id


def all_consents() -> list[dict[str, Any]]:
    """Consent to every required text in force."""
    return [{"purpose": each, "version": text_in_force(each, clock.today()).version} for each in REQUIRED]


def a_patient(hospital_id: UUID, *, person_id: UUID | None = None, **changes: Any) -> tuple[UUID, UUID]:
    """A registered patient with all consents; returns (patient_id, person_id)."""
    person_id = person_id or a_person(name="李明")
    facts: dict[str, Any] = {
        "name": "李明",
        "id_number": an_id_number(),
        "phone": f"+86138{next(_numbers):08d}",
        "consents": all_consents(),
    }
    with acting_for(hospital_id, person_id=person_id), hand("patient", hospital_id, person_id), transaction():
        patient_id = patients.register_patient(person_id=person_id, **(facts | changes)).id
    return patient_id, person_id


def evidence_facts(**changes: Any) -> dict[str, Any]:
    """A document that shows hypertension was diagnosed before."""
    return {
        "specialty": CARDIOLOGY,
        "diagnosis_code": "I10.x00",
        "diagnosis_name": "高血压病",
        "hospital_name": "北京大学第三医院",
        "diagnosed_on": clock.today() - timedelta(days=90),
        "document_kind": "outpatient_record",
        "document_sha256": sha256(str(next(_numbers)).encode()).hexdigest(),
    } | changes


def a_prior_diagnosis(hospital_id: UUID, patient_id: UUID, person_id: UUID, **changes: Any) -> UUID:
    """Evidence of an earlier diagnosis, filed by the patient."""
    with acting_for(hospital_id, person_id=person_id), hand("patient", hospital_id, person_id), transaction():
        patient = patients.queries.patient_for(person_id, patient_id)
        return patients.file_prior_diagnosis(patient, by=person_id, facts=evidence_facts(**changes)).id
