"""Clinics for stories: a live hospital with a cleared doctor and a published service, its patients and its slots."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, TypeVar
from uuid import UUID

from flask import Flask
from sqlalchemy import select

from tandem.accounts import Organization, sort_key
from tandem.billing import payments
from tandem.billing.payments.commands import pay as paying
from tandem.kernel import clock, identity
from tandem.kernel.crypto import blind_index
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import acting_for, transaction
from tenants.appointments import commands as appointments
from tenants.healthcare_services import HealthcareService
from tenants.hospitals.models import Licence
from tenants.practitioners.models import Credential, Practitioner, RealNameCheck
from tenants.schedules import Schedule, Slot, publish_schedule
from tests import hospitals
from tests.people import a_person, a_place, signed_in

T = TypeVar("T")


@dataclass(frozen=True)
class Clinic:
    """One hospital with one doctor and one service."""

    id: UUID
    service_id: UUID
    practitioner_id: UUID
    doctor_id: UUID
    doctor: dict[str, str]


@dataclass(frozen=True)
class Booker:
    """Somebody with a record at a clinic."""

    person_id: UUID
    patient_id: UUID
    headers: dict[str, str]


def a_clinic(*, price_minor: int = 5_000, minutes: int = 15, licensed_until: date = date(2099, 12, 31)) -> Clinic:
    """A live hospital, licensed for cardiology, where one doctor offers one service."""
    hospital, doctor = new_id(), a_person(name="赵医生")
    with acting_for(hospital, person_id=doctor), transaction():
        name = f"医院{hospital.hex[-6:]}"
        session.add(
            Organization(
                tenant_id=hospital, id=hospital, kind="hospital", status="live", name=name, name_sort=sort_key(name)
            )
        )
        session.add(
            Licence(
                tenant_id=hospital,
                number=hospital.hex,
                licensed_name=name,
                issuing_authority="市卫生健康委",
                valid_from=date(2020, 1, 1),
                valid_to=licensed_until,
                registered_specialties=[hospitals.CARDIOLOGY],
                status="verified",
                evidence="register",
            )
        )
        practitioner_id, service_id = _doctor(hospital, doctor), _service(hospital, price_minor, minutes)
    a_place(doctor, hospital, "hospital", "doctor")
    return Clinic(hospital, service_id, practitioner_id, doctor, signed_in(doctor, "hospital", hospital))


def another_service(clinic: Clinic, *, minutes: int, price_minor: int = 5_000) -> UUID:
    """A second service of the same hospital."""
    with acting_for(clinic.id), transaction():
        return _service(clinic.id, price_minor, minutes)


def a_patient(clinic: Clinic, *, has_evidence: bool = False) -> Booker:
    """Somebody registered at the clinic, with every consent given."""
    patient_id, person_id = hospitals.a_patient(clinic.id)
    if has_evidence:
        hospitals.a_prior_diagnosis(clinic.id, patient_id, person_id)
    return Booker(person_id, patient_id, signed_in(person_id, "patient"))


def slots_tomorrow(
    clinic: Clinic, *, opens: str = "09:00", closes: str = "10:00", service_id: UUID | None = None
) -> list[UUID]:
    """Publish tomorrow morning; the ids of its slots in order."""
    with as_clinic(clinic):
        schedule = tomorrow(clinic, opens=opens, closes=closes, service_id=service_id)
        return list(session.scalars(select(Slot.id).where(Slot.schedule_id == schedule.id).order_by(Slot.start_at)))


def tomorrow(clinic: Clinic, *, opens: str, closes: str, service_id: UUID | None = None) -> Schedule:
    """Publish hours for tomorrow. [hospital]"""
    day = clock.today() + timedelta(days=1)
    return publish_schedule(
        practitioner_id=clinic.practitioner_id,
        service_id=service_id or clinic.service_id,
        first_on=day,
        last_on=day,
        opens_at=time.fromisoformat(opens),
        closes_at=time.fromisoformat(closes),
    )


@contextmanager
def as_doctor(clinic: Clinic, doctor_id: UUID | None = None) -> Iterator[None]:
    """The clinic's doctor (or another person as one) acts, in one transaction of the clinic."""
    person_id = doctor_id or clinic.doctor_id
    with _acting(identity.Actor("person", person_id, "hospital", clinic.id, person_id, ("doctor",)), clinic):
        yield


@contextmanager
def as_patient(clinic: Clinic, booker: Booker) -> Iterator[None]:
    """This person acts as a patient, in one transaction of the clinic."""
    person_id = booker.person_id
    with _acting(identity.Actor("person", person_id, "patient", None, person_id, ("patient",)), clinic):
        yield


@contextmanager
def as_clinic(clinic: Clinic) -> Iterator[None]:
    """A worker acts, in one transaction of the clinic."""
    with _acting(identity.WORKER, clinic):
        yield


def a_booked_visit(clinic: Clinic, booker: Booker, slot_id: UUID, *, accepts_advice_only: bool = True) -> UUID:
    """Book a slot, and pay for it when it costs anything; the appointment's id."""
    with as_patient(clinic, booker):
        held = appointments.hold_slot(slot_id=slot_id, accepts_advice_only=accepts_advice_only)
    if held["status"] == "pending":
        with as_patient(clinic, booker):
            payment_id = appointments.pay_appointment(held["id"], method="wechat_pay").id
        money_arrives(clinic, payment_id)
    visit: UUID = held["id"]
    return visit


def money_arrives(clinic: Clinic, payment_id: UUID) -> None:
    """The provider says that the money is there, and says it again whenever it likes."""
    with as_clinic(clinic):
        payment = payments.payment(payment_id)
        if payment.status != "succeeded":
            paying.succeed_payment(payment, clock.now())
    with as_clinic(clinic):
        appointments.confirm_payment(payment_id)


def check_real_name(clinic: Clinic) -> None:
    """The doctor has passed today's real-name check."""
    with acting_for(clinic.id), transaction():
        session.add(
            RealNameCheck(
                tenant_id=clinic.id,
                practitioner_id=clinic.practitioner_id,
                checked_on=clock.today(),
                method="id_number",
            )
        )


def slot_states(clinic: Clinic) -> dict[UUID, str]:
    """Every slot's state."""
    with acting_for(clinic.id):
        found = session.execute(select(Slot.id, Slot.status).where(Slot.tenant_id == clinic.id))
        return {row.id: row.status for row in found}


def slot_start(clinic: Clinic, slot_id: UUID) -> datetime:
    """When a slot begins."""
    with acting_for(clinic.id):
        return session.scalars(select(Slot.start_at).where(Slot.tenant_id == clinic.id, Slot.id == slot_id)).one()


def all_at_once(app: Flask, acts: Sequence[Callable[[], T]], threads: int = 10) -> list[T]:
    """Do all of it from real threads that start together; what each one came to, in the order given."""
    gate = threading.Barrier(min(threads, len(acts)))

    def race(act: Callable[[], T], is_first: bool) -> T:
        if is_first:
            gate.wait()
        with app.app_context():
            return act()

    with ThreadPoolExecutor(gate.parties) as pool:
        running = [pool.submit(race, act, place < gate.parties) for place, act in enumerate(acts)]
        return [each.result() for each in running]


@contextmanager
def _acting(actor: identity.Actor, clinic: Clinic) -> Iterator[None]:
    before = identity.current_actor()
    identity.act_as(actor)
    try:
        with acting_for(clinic.id, person_id=actor.person_id), transaction():
            yield
    finally:
        identity.act_as(before)


def _doctor(hospital: UUID, person: UUID) -> UUID:
    id_number = hospitals.an_id_number()
    practitioner = Practitioner(
        tenant_id=hospital,
        id=new_id(),
        person_id=person,
        kind="doctor",
        title="attending_physician",
        name="赵医生",
        id_number=id_number,
        id_number_index=blind_index(id_number, "id_number"),
        phone="13800000000",
        status="active",
    )
    session.add(practitioner)
    session.flush()
    facts: dict[str, Any] = {
        "qualification_number": "20051101105",
        "practice_certificate_number": "110" + practitioner.id.hex[:12],
        "places": ["本院"],
        "is_main_place": True,
        "main_employer_agrees": True,
        "independent_practice_since": date(2005, 7, 1),
        "registered_specialties": [hospitals.CARDIOLOGY],
        "valid_to": date(2099, 12, 31),
        "document_sha256": "0" * 64,
        "status": "verified",
    }
    session.add(Credential(tenant_id=hospital, practitioner_id=practitioner.id, **facts))
    return practitioner.id


def _service(hospital: UUID, price_minor: int, minutes: int) -> UUID:
    service = HealthcareService(
        tenant_id=hospital,
        id=new_id(),
        name=f"高血压复诊 {new_id().hex[-6:]}",
        specialty=hospitals.CARDIOLOGY,
        mode="text",
        care_type="follow_up",
        price_minor=price_minor,
        duration_minutes=minutes,
        status="active",
    )
    session.add(service)
    session.flush()
    return service.id
