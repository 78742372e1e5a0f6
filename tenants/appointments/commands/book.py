"""From a free slot to a booked visit: hold it, confirm it when it is paid, give it back when nobody pays."""

from typing import Any, Final
from uuid import UUID

from sqlalchemy import RowMapping, bindparam, text

from tandem.billing import payments
from tandem.kernel import audit, clock, identity, outbox
from tandem.kernel.crypto import EncryptedText
from tandem.kernel.database import session
from tandem.kernel.errors import NotFound
from tandem.kernel.ids import new_id
from tandem.kernel.states import move
from tandem.kernel.tenancy import tenant_id
from tenants.appointments import queries
from tenants.appointments.errors import AdviceOnlyNotAccepted, SlotInThePast, SlotTaken
from tenants.appointments.events import AppointmentBooked
from tenants.appointments.models import HOLD, NEXT, ORDER_TYPE, Appointment
from tenants.healthcare_services import bookable_service
from tenants.patients import prior_diagnosis_for, require_fit_for_service, require_patient
from tenants.practitioners import require_practitioner
from tenants.schedules import release_slots, slot

HOLDS_AT_ONCE: Final = 500
"""How many lapsed holds one sweep gives back; a busier hospital's next sweep takes the rest."""

# One statement decides: of many who ask for the slot, one finds it free. The others find no row.
_CLAIM: Final = text("""
WITH claimed AS (
    UPDATE slot SET status = CASE WHEN service.price_minor = 0 THEN 'busy' ELSE 'busy-tentative' END
    FROM healthcare_service AS service
    WHERE slot.tenant_id = :tenant_id AND slot.id = :slot_id AND slot.status = 'free' AND slot.start_at > :now
      AND service.tenant_id = :tenant_id AND service.id = slot.service_id
    RETURNING slot.id, slot.practitioner_id, slot.service_id, slot.start_at, slot.end_at,
              service.specialty, service.price_minor, service.currency)
INSERT INTO appointment (
    tenant_id, id, slot_id, service_id, practitioner_id, patient_id, person_id, status, specialty, start_at, end_at,
    price_minor, currency, reason, accepts_advice_only, held_until, created_at, booked_at)
SELECT :tenant_id, :id, claimed.id, claimed.service_id, claimed.practitioner_id, :patient_id, :person_id,
       CASE WHEN claimed.price_minor = 0 THEN 'booked' ELSE 'pending' END,
       claimed.specialty, claimed.start_at, claimed.end_at, claimed.price_minor, claimed.currency,
       :reason, :accepts_advice_only,
       CASE WHEN claimed.price_minor = 0 THEN NULL ELSE CAST(:held_until AS timestamptz) END,
       CAST(:now AS timestamptz), CASE WHEN claimed.price_minor = 0 THEN CAST(:now AS timestamptz) END
FROM claimed
RETURNING id, status, slot_id, service_id, practitioner_id, patient_id, specialty, start_at, end_at, price_minor,
          currency, accepts_advice_only, held_until, payment_id, created_at, ended_at, ended_by, ended_because
""").bindparams(bindparam("reason", type_=EncryptedText("appointment.reason")))

_LAPSE: Final = text("""
WITH due AS (
    SELECT id FROM appointment
    WHERE tenant_id = :tenant_id AND status = 'pending' AND held_until <= :now
    ORDER BY held_until LIMIT :most FOR UPDATE SKIP LOCKED)
UPDATE appointment SET status = 'lapsed', ended_at = :now, ended_by = 'system', ended_because = 'hold_lapsed'
FROM due
WHERE appointment.tenant_id = :tenant_id AND appointment.id = due.id
RETURNING appointment.id, appointment.slot_id
""")
_TAKE_AGAIN: Final = text("""
UPDATE slot SET status = 'busy'
WHERE tenant_id = :tenant_id AND id = :slot_id AND start_at > :now AND status = ANY(CAST(:takeable AS text[]))
RETURNING id
""")


def hold_slot(
    *,
    slot_id: UUID,
    patient_id: UUID | None = None,
    reason: str | None = None,
    accepts_advice_only: bool = False,
) -> RowMapping:
    """Hold a free slot for the acting person or their ward; a visit free of charge is booked at once. [hospital]

    Raises SlotTaken, SlotInThePast, AdviceOnlyNotAccepted, NotFound, and what service, licence, practitioner and
    patient refuse.
    """
    person_id = identity.current_actor().person_id
    if person_id is None:
        raise NotFound
    patient = require_patient(person_id, patient_id)
    wish = {
        "slot_id": slot_id,
        "patient_id": patient.id,
        "person_id": person_id,
        "reason": reason,
        "accepts_advice_only": accepts_advice_only,
    }
    held = _claim(wish) or _claim_after_sweep(wish)
    service = bookable_service(held["service_id"], at=held["start_at"])
    require_practitioner(held["practitioner_id"], service.specialty, held["start_at"])
    require_fit_for_service(patient, service.specialty, held["start_at"])
    if not accepts_advice_only and prior_diagnosis_for(patient.id, service.specialty) is None:
        raise AdviceOnlyNotAccepted
    audit.record(
        action=f"appointment.{held['status']}", object_type="appointment", object_id=held["id"], details={"from": None}
    )
    if held["status"] == "booked":
        outbox.add(AppointmentBooked(held["id"]))
    return held


def confirm_payment(payment_id: UUID) -> None:
    """A payment succeeded: book its appointment, or give the money back if it has come too late. [hospital]

    Doing it twice changes nothing.
    """
    payment = payments.payment(payment_id)
    if payment.order_type != ORDER_TYPE:
        return
    appointment = queries.appointment_for_update(payment.order_id)
    if appointment.payment_id == payment_id:
        return
    if appointment.status in {"pending", "lapsed"} and _take_for_good(appointment):
        move(appointment, "booked", NEXT)
        appointment.payment_id, appointment.booked_at, appointment.held_until = payment_id, clock.now(), None
        appointment.ended_at = appointment.ended_by = appointment.ended_because = None
        session.flush()
        outbox.add(AppointmentBooked(appointment.id))
        return
    left_minor = payment.amount_minor - payment.refund_reserved_minor
    if left_minor > 0:
        payments.refund_payment(payment_id, left_minor, reason="slot-lost", key=f"slot-lost:{payment_id}")


def release_expired_holds() -> int:
    """Give back slots whose hold has run out, and return how many. A payment under way may still arrive. [hospital]"""
    facts = {"tenant_id": tenant_id(), "now": clock.now(), "most": HOLDS_AT_ONCE}
    lapsed = session.execute(_LAPSE, facts).all()
    release_slots([row.slot_id for row in lapsed])
    for row in lapsed:
        audit.record(
            action="appointment.lapsed", object_type="appointment", object_id=row.id, details={"from": "pending"}
        )
    return len(lapsed)


def _claim(wish: dict[str, Any]) -> RowMapping | None:
    now = clock.now()
    facts = wish | {"tenant_id": tenant_id(), "id": new_id(), "now": now, "held_until": now + HOLD}
    return session.execute(_CLAIM, facts).mappings().one_or_none()


def _claim_after_sweep(wish: dict[str, Any]) -> RowMapping:
    # Only who did not get the slot asks why. A hold that has run out and was not swept yet makes way here.
    found = slot(wish["slot_id"])
    if found.start_at <= clock.now():
        raise SlotInThePast(slot_id=found.id, start_at=found.start_at)
    held = _claim(wish) if found.status == "busy-tentative" and release_expired_holds() else None
    if held is None:
        raise SlotTaken(slot_id=found.id)
    return held


def _take_for_good(appointment: Appointment) -> bool:
    # While it is pending the slot is ours; a lapsed one must still be free. Both only while the visit lies ahead.
    takeable = ["busy-tentative"] if appointment.status == "pending" else ["free"]
    facts = {"tenant_id": tenant_id(), "slot_id": appointment.slot_id, "now": clock.now(), "takeable": takeable}
    return session.execute(_TAKE_AGAIN, facts).first() is not None
