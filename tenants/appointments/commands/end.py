"""How an appointment ends: delivered, called off, missed. What was paid for nothing goes back by the rule table."""

from fractions import Fraction
from uuid import UUID

from tandem.billing import payments
from tandem.kernel import clock, identity, outbox
from tandem.kernel.errors import NotFound
from tandem.kernel.money import share
from tandem.kernel.states import move
from tenants.appointments import queries
from tenants.appointments.errors import NotYourAppointment, TooEarly
from tenants.appointments.events import AppointmentCancelled
from tenants.appointments.models import EARLY_START, NEXT, NO_SHOW_GRACE, ORDER_TYPE, Appointment, refund_share
from tenants.practitioners import practitioner_of_person
from tenants.schedules import PLANNERS, leave, release_slots


def cancel_own_appointment(appointment_id: UUID, *, because: str) -> Appointment:
    """The acting person calls off what they booked, before it begins. [hospital]

    Raises NotFound, TooLateToCancel, TransitionRefused.
    """
    person_id = identity.current_actor().person_id
    if person_id is None:
        raise NotFound
    appointment = queries.own_appointment(person_id, appointment_id, for_update=True)
    return _call_off(appointment, by="patient", because=because)


def cancel_appointment(appointment_id: UUID, *, because: str) -> Appointment:
    """The hospital calls a visit off; its slot is not offered again. A doctor calls off only the own visits. [hospital]

    Raises NotFound, NotYourAppointment, TransitionRefused.
    """
    appointment = queries.appointment_for_update(appointment_id)
    actor = identity.current_actor()
    if actor.person_id is not None and not PLANNERS.intersection(actor.roles):
        require_booked_doctor(appointment)
    return _call_off(appointment, by="hospital", because=because)


def cancel_for_leave(leave_id: UUID) -> int:
    """Call off every visit inside a doctor's leave, and return how many. [hospital]

    Doing it twice changes nothing; a lifted leave calls nothing off.
    """
    away = leave(leave_id)
    if away.lifted_at is not None:
        return 0
    claimed = queries.claimed_between(away.practitioner_id, away.start_at, away.end_at)
    for appointment_id in claimed:
        appointment = queries.appointment_for_update(appointment_id)
        if appointment.status in {"pending", "booked"}:
            _call_off(appointment, by="hospital", because="doctor_unavailable")
    return len(claimed)


def mark_no_show(appointment_id: UUID) -> Appointment:
    """The patient did not come. [hospital] Raises NotFound, NotYourAppointment, TooEarly, TransitionRefused."""
    appointment = queries.appointment_for_update(appointment_id)
    require_booked_doctor(appointment)
    from_at = appointment.start_at + NO_SHOW_GRACE
    if clock.now() < from_at:
        raise TooEarly(from_at=from_at)
    _end(appointment, "noshow", by="hospital", because="patient_absent")
    _refund(appointment, refund_share("hospital", "noshow"), "noshow")
    return appointment


def begin_visit(appointment_id: UUID) -> Appointment:
    """The booked doctor, in person, receives the patient. [hospital]

    Raises NotFound, NotYourAppointment, TooEarly, TransitionRefused.
    """
    appointment = queries.appointment_for_update(appointment_id)
    require_booked_doctor(appointment)
    from_at = appointment.start_at - EARLY_START
    if appointment.status == "booked" and clock.now() < from_at:
        raise TooEarly(from_at=from_at)
    move(appointment, "arrived", NEXT)
    return appointment


def end_visit(appointment_id: UUID) -> Appointment:
    """The visit was delivered. [hospital] Raises TransitionRefused."""
    appointment = queries.appointment_for_update(appointment_id)
    _end(appointment, "fulfilled", by="hospital", because="delivered")
    return appointment


def refer_offline(appointment_id: UUID) -> Appointment:
    """The doctor judges that this needs a hospital visit: nothing was delivered, everything is refunded. [hospital]

    Raises TransitionRefused.
    """
    appointment = queries.appointment_for_update(appointment_id)
    _end(appointment, "cancelled", by="hospital", because="referred_offline")
    _refund(appointment, refund_share("hospital", "referred_offline"), "referred-offline")
    outbox.add(AppointmentCancelled(appointment.id))
    return appointment


def require_booked_doctor(appointment: Appointment) -> None:
    """Raises NotYourAppointment unless the acting person is the doctor who was booked (I-9)."""
    actor = identity.current_actor()
    doctor = practitioner_of_person(actor.person_id) if actor.person_id is not None else None
    if doctor is None or doctor.id != appointment.practitioner_id:
        raise NotYourAppointment


def _call_off(appointment: Appointment, *, by: str, because: str) -> Appointment:
    phase = "before_start" if clock.now() < appointment.start_at else "after_start"
    refunded = refund_share(by, phase)
    _end(appointment, "cancelled", by=by, because=because)
    release_slots([appointment.slot_id], doctor_is_away=by == "hospital")
    _refund(appointment, refunded, "cancelled")
    outbox.add(AppointmentCancelled(appointment.id))
    return appointment


def _end(appointment: Appointment, status: str, *, by: str, because: str) -> None:
    move(appointment, status, NEXT, because=because)
    appointment.ended_at, appointment.ended_by, appointment.ended_because = clock.now(), by, because
    appointment.held_until = None


def _refund(appointment: Appointment, refunded: Fraction, reason: str) -> None:
    if appointment.payment_id is None:
        # Nothing arrived yet. A payment under way is given up; if it succeeds all the same, it finds the appointment
        # over and goes back.
        under_way = payments.payment_for_order(ORDER_TYPE, appointment.id)
        if under_way is not None:
            payments.cancel_payment(under_way.id)
        return
    payment = payments.payment(appointment.payment_id)
    owed_minor = min(share(appointment.price_minor, refunded), payment.amount_minor - payment.refund_reserved_minor)
    if owed_minor > 0:
        payments.refund_payment(payment.id, owed_minor, reason=reason, key=f"{reason}:{appointment.id}")
