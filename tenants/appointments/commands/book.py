"""From a free slot to a booked visit: hold it, confirm it when it is paid, give it back when nobody pays."""

from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from tandem.billing import payments
from tandem.kernel import audit, clock, identity, outbox
from tandem.kernel.crypto import decrypt, encrypt
from tandem.kernel.database import session
from tandem.kernel.errors import NotFound
from tandem.kernel.ids import new_id
from tandem.kernel.statements import Row, Statement
from tandem.kernel.states import move
from tandem.kernel.tenancy import tenant_id
from tenants.appointments import queries
from tenants.appointments.errors import AdviceOnlyNotAccepted, SlotInThePast, SlotTaken
from tenants.appointments.events import AppointmentBooked
from tenants.appointments.models import HOLD, NEXT, ORDER_TYPE, Appointment
from tenants.healthcare_services import bookable_service
from tenants.hospitals import covers, licence_day
from tenants.patients import PatientInBrief, prior_diagnosis_for, require_fit_for_service, require_patient
from tenants.practitioners import CLEARED, Qualification, require_practitioner, shortcomings
from tenants.schedules import release_slots, slot

HOLDS_AT_ONCE: Final = 500
"""How many lapsed holds one sweep gives back; a busier hospital's next sweep takes the rest."""

_LOCK_NOT_AVAILABLE: Final = "55P03"
_CREDENTIAL: Final = (
    "is_main_place",
    "multi_site_filing",
    "main_employer_agrees",
    "independent_practice_since",
    "registered_specialties",
    "valid_to",
)

# One statement decides: of many who ask for the slot, one finds it free; the others find no row. It brings along what
# the rules need to know of hospital, service, doctor and patient, so that the winner has no further questions.
_CLAIM: Final = Statement("""
WITH claimed AS (
    UPDATE slot SET status = CASE WHEN service.price_minor = 0 THEN 'busy' ELSE 'busy-tentative' END
    FROM healthcare_service AS service, patient
    WHERE slot.tenant_id = %(tenant_id)s AND slot.id = %(slot_id)s AND slot.status = 'free' AND slot.start_at > %(now)s
      AND service.tenant_id = %(tenant_id)s AND service.id = slot.service_id
      AND patient.tenant_id = %(tenant_id)s AND patient.person_id = %(person_id)s
      AND CASE WHEN CAST(%(patient_id)s AS uuid) IS NULL THEN patient.relationship = 'self'
               ELSE patient.id = %(patient_id)s END
    RETURNING slot.id, slot.practitioner_id, slot.service_id, slot.start_at, slot.end_at,
              service.status AS service_status, service.specialty, service.price_minor, service.currency,
              patient.id AS patient_id, patient.born_on, patient.guardian_patient_id),
made AS (
    INSERT INTO appointment (
        tenant_id, id, slot_id, service_id, practitioner_id, patient_id, person_id, status, specialty, start_at,
        end_at, price_minor, currency, reason, accepts_advice_only, held_until, created_at, booked_at)
    SELECT %(tenant_id)s, %(id)s, id, service_id, practitioner_id, patient_id, %(person_id)s,
           CASE WHEN price_minor = 0 THEN 'booked' ELSE 'pending' END, specialty, start_at,
           end_at, price_minor, currency, CAST(%(reason)s AS bytea), %(accepts_advice_only)s,
           CASE WHEN price_minor > 0 THEN CAST(%(held_until)s AS timestamptz) END,
           CAST(%(now)s AS timestamptz), CASE WHEN price_minor = 0 THEN CAST(%(now)s AS timestamptz) END
    FROM claimed
    RETURNING *)
SELECT made.id, made.status, made.slot_id, made.service_id, made.practitioner_id, made.patient_id, made.specialty,
       made.start_at, made.end_at, made.price_minor, made.currency, made.accepts_advice_only, made.held_until,
       made.payment_id, made.created_at, made.ended_at, made.ended_by, made.ended_because,
       claimed.service_status, claimed.born_on, claimed.guardian_patient_id,
       organization.status AS organization_status,
       doctor.status AS doctor_status, doctor.kind AS doctor_kind,
       credential.is_main_place, credential.multi_site_filing, credential.main_employer_agrees,
       credential.independent_practice_since, credential.registered_specialties, credential.valid_to,
       licence_now.registered_specialties AS licensed_now, licence_then.registered_specialties AS licensed_then,
       (SELECT jsonb_object_agg(purpose, text_version) FILTER (WHERE decision = 'given')
        FROM (SELECT DISTINCT ON (purpose) purpose, text_version, decision FROM consent
              WHERE tenant_id = %(tenant_id)s AND patient_id = made.patient_id
              ORDER BY purpose, decided_at DESC, id DESC) AS latest) AS consents,
       EXISTS (SELECT FROM prior_diagnosis
               WHERE tenant_id = %(tenant_id)s AND patient_id = made.patient_id
                 AND specialty IN (made.specialty, left(made.specialty, 2))) AS has_evidence
FROM made CROSS JOIN claimed
JOIN organization ON organization.tenant_id = %(tenant_id)s AND organization.id = %(tenant_id)s
JOIN practitioner AS doctor ON doctor.tenant_id = %(tenant_id)s AND doctor.id = made.practitioner_id
LEFT JOIN credential ON credential.tenant_id = %(tenant_id)s AND credential.practitioner_id = made.practitioner_id
                    AND credential.status = 'verified'
LEFT JOIN LATERAL (
    SELECT registered_specialties FROM licence
    WHERE tenant_id = %(tenant_id)s AND status = 'verified' AND %(today)s BETWEEN valid_from AND valid_to
    ORDER BY valid_to DESC, id DESC LIMIT 1) AS licence_now ON true
LEFT JOIN LATERAL (
    SELECT registered_specialties FROM licence
    WHERE tenant_id = %(tenant_id)s AND status = 'verified'
      AND CAST(timezone(CAST(%(zone)s AS text), made.start_at) AS date) BETWEEN valid_from AND valid_to
    ORDER BY valid_to DESC, id DESC LIMIT 1) AS licence_then ON true
""")

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
) -> Row:
    """Hold a free slot for the acting person or their ward; a visit free of charge is booked at once. [hospital]

    Raises SlotTaken, SlotInThePast, AdviceOnlyNotAccepted, NotFound, and what service, licence, practitioner and
    patient refuse.
    """
    person_id = identity.current_actor().person_id
    if person_id is None:
        raise NotFound
    wish = {
        "slot_id": slot_id,
        "patient_id": patient_id,
        "person_id": person_id,
        "reason": None if reason is None else encrypt(reason, "appointment.reason"),
        "accepts_advice_only": accepts_advice_only,
    }
    held = _claim(wish) or _claim_after_sweep(wish)
    if not _is_plainly_allowed(held):
        _ask_every_room(held)
    require_fit_for_service(_booked_for(held), held["specialty"], held["start_at"], given=held["consents"] or {})
    if not (accepts_advice_only or held["has_evidence"] or prior_diagnosis_for(held["patient_id"], held["specialty"])):
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


def _claim(wish: dict[str, Any]) -> Row | None:
    now = clock.now()
    facts = wish | {
        "tenant_id": tenant_id(),
        "id": new_id(),
        "now": now,
        "held_until": now + HOLD,
        "today": licence_day(now),
        "zone": clock.BUSINESS_ZONE,
    }
    try:
        return _CLAIM.row(facts)
    except OperationalError as refused:
        # Whoever has had it locked for a second is taking it.
        if getattr(refused.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
            raise SlotTaken(slot_id=wish["slot_id"]) from None
        raise


def _claim_after_sweep(wish: dict[str, Any]) -> Row:
    # Only who did not get the slot asks why. A hold that has run out and was not swept yet makes way here.
    require_patient(wish["person_id"], wish["patient_id"])
    found = slot(wish["slot_id"])
    if found.start_at <= clock.now():
        raise SlotInThePast(slot_id=found.id, start_at=found.start_at)
    held = _claim(wish) if found.status == "busy-tentative" and release_expired_holds() else None
    if held is None:
        raise SlotTaken(slot_id=found.id)
    return held


def _is_plainly_allowed(held: Row) -> bool:
    """Whether everything that hospital, service, licence and doctor must show is in order, by the rooms' own rules."""
    specialty = held["specialty"]
    licences = (held["licensed_now"], held["licensed_then"])
    if held["organization_status"] != "live" or held["service_status"] != "active" or None in licences:
        return False
    if held["doctor_status"] not in CLEARED or held["registered_specialties"] is None:
        return False
    credential = Qualification(**{name: held[name] for name in _CREDENTIAL})
    return all(covers(each, specialty) for each in licences) and not shortcomings(
        credential, held["doctor_kind"], specialty, held["start_at"]
    )


def _ask_every_room(held: Row) -> None:
    # Each room says no in its own words.
    bookable_service(held["service_id"], held["start_at"])
    require_practitioner(held["practitioner_id"], held["specialty"], held["start_at"])


def _booked_for(held: Row) -> PatientInBrief:
    born_on = decrypt(held["born_on"], "patient.born_on")
    return PatientInBrief(id=held["patient_id"], born_on=born_on, guardian_patient_id=held["guardian_patient_id"])


def _take_for_good(appointment: Appointment) -> bool:
    # While it is pending the slot is ours; a lapsed one must still be free. Both only while the visit lies ahead.
    takeable = ["busy-tentative"] if appointment.status == "pending" else ["free"]
    facts = {"tenant_id": tenant_id(), "slot_id": appointment.slot_id, "now": clock.now(), "takeable": takeable}
    return session.execute(_TAKE_AGAIN, facts).first() is not None
