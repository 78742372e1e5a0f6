"""Appointments over HTTP: patients book, pay and cancel; hospitals see their days and call visits off."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from tandem.accounts import OrganizationNotLive
from tandem.billing.payments import AlreadyBeingPaid, Payment
from tandem.billing.prices import PriceAboveCeiling
from tandem.kernel import identity, jobs
from tandem.kernel.database import Page
from tandem.kernel.errors import NotFound
from tandem.kernel.http import Api
from tandem.kernel.statements import Row
from tenants.appointments import commands, queries
from tenants.appointments.errors import (
    AdviceOnlyNotAccepted,
    HoldLapsed,
    NothingToPay,
    NotYourAppointment,
    SlotInThePast,
    SlotTaken,
    TooEarly,
    TooLateToCancel,
)
from tenants.appointments.jobs import release_expired_holds
from tenants.appointments.models import Appointment
from tenants.appointments.schemas import (
    AppointmentOut,
    AppointmentPaymentOut,
    AppointmentQuery,
    Book,
    Cancel,
    CancelOwn,
    OwnAppointmentQuery,
    Pay,
)
from tenants.healthcare_services import ServiceNotOffered
from tenants.hospitals import LicenceExpired, LicenceNotValid, SpecialtyNotRegistered
from tenants.patients import ChildNeedsPaediatrics, ConsentMissing, GuardianRequired, PatientNotRegistered
from tenants.practitioners import PractitionerNotCleared

patient = Api(
    "appointments", audience="patient", url_prefix="/hospitals/<uuid:hospital_id>/appointments", tag="Appointments"
)
hospital = Api("appointments", audience="hospital", url_prefix="/appointments", tag="Appointments")


@patient.post(
    "",
    allow="appointments.book",
    takes=Book,
    gives=AppointmentOut,
    status=201,
    problems=(
        SlotTaken,
        SlotInThePast,
        AdviceOnlyNotAccepted,
        ServiceNotOffered,
        OrganizationNotLive,
        LicenceNotValid,
        LicenceExpired,
        SpecialtyNotRegistered,
        PractitionerNotCleared,
        PatientNotRegistered,
        ConsentMissing,
        GuardianRequired,
        ChildNeedsPaediatrics,
    ),
)
def book(hospital_id: UUID, wish: dict[str, Any]) -> Row:
    """Hold a free slot for five minutes; a visit free of charge is booked at once."""
    held = commands.hold_slot(**wish)
    if held["held_until"] is not None:
        _sweep_after(held)
    return held


@patient.get("", allow="appointments.read", gives=AppointmentOut, many=True, query=OwnAppointmentQuery)
def list_own(hospital_id: UUID, query: dict[str, Any]) -> Page:
    """What one has booked at this hospital, newest first."""
    return queries.appointments_of_person(_person(), query)


@patient.get("/<uuid:appointment_id>", allow="appointments.read", gives=AppointmentOut)
def read_own(hospital_id: UUID, appointment_id: UUID) -> Appointment:
    """One of one's own appointments."""
    return queries.own_appointment(_person(), appointment_id)


@patient.post(
    "/<uuid:appointment_id>/payments",
    allow="payments.pay",
    takes=Pay,
    gives=AppointmentPaymentOut,
    status=201,
    problems=(HoldLapsed, NothingToPay, AlreadyBeingPaid, PriceAboveCeiling),
)
def pay(hospital_id: UUID, appointment_id: UUID, wish: dict[str, Any]) -> Payment:
    """Pay for a held slot. The slot is booked when the payment succeeds."""
    return commands.pay_appointment(appointment_id, **wish)


@patient.get("/<uuid:appointment_id>/payments", allow="payments.read", gives=AppointmentPaymentOut)
def read_payment(hospital_id: UUID, appointment_id: UUID) -> Payment:
    """How paying goes: the payment that counts, else the latest."""
    return commands.payment_of(appointment_id)


@patient.post(
    "/<uuid:appointment_id>/cancellation",
    allow="appointments.cancel",
    takes=CancelOwn,
    gives=AppointmentOut,
    status=201,
    problems=(TooLateToCancel,),
)
def cancel_own(hospital_id: UUID, appointment_id: UUID, wish: dict[str, Any]) -> Appointment:
    """Cancel before it begins; what was paid is refunded in full."""
    return commands.cancel_own_appointment(appointment_id, because=wish["because"])


@hospital.get("", allow="appointments.read", gives=AppointmentOut, many=True, query=AppointmentQuery)
def list_all(query: dict[str, Any]) -> Page:
    """The hospital's appointments by time."""
    return queries.appointments(query)


@hospital.get("/<uuid:appointment_id>", allow="appointments.read", gives=AppointmentOut)
def read(appointment_id: UUID) -> Appointment:
    """One appointment."""
    return queries.appointment(appointment_id)


@hospital.post(
    "/<uuid:appointment_id>/cancellation",
    allow="appointments.cancel",
    takes=Cancel,
    gives=AppointmentOut,
    status=201,
    problems=(NotYourAppointment,),
)
def cancel(appointment_id: UUID, wish: dict[str, Any]) -> Appointment:
    """Call a visit off; the patient is refunded in full."""
    return commands.cancel_appointment(appointment_id, because=wish["because"])


@hospital.post(
    "/<uuid:appointment_id>/no-show",
    allow="encounters.write",
    gives=AppointmentOut,
    status=201,
    problems=(NotYourAppointment, TooEarly),
)
def no_show(appointment_id: UUID) -> Appointment:
    """The patient did not come within the grace time; the doctor's own word."""
    return commands.mark_no_show(appointment_id)


def _person() -> UUID:
    person_id = identity.current_actor().person_id
    if person_id is None:
        raise NotFound
    return person_id


def _sweep_after(held: Row) -> None:
    # One sweep for all holds of a hospital that run out within the same minute, instead of a sweep each minute for all.
    whole_minute = held["held_until"].replace(second=0, microsecond=0) + timedelta(minutes=1)
    jobs.enqueue(release_expired_holds, at=whole_minute, key=f"holds:{whole_minute:%Y-%m-%dT%H:%M}")


APIS = [patient, hospital]
