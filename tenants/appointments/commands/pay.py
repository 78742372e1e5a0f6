"""Paying for a held slot, by card, wallet or a benefit."""

from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from tandem.billing import payments
from tandem.billing.payments import Payment
from tandem.kernel import clock, identity
from tandem.kernel.errors import NotFound
from tandem.kernel.money import Money
from tenants.appointments import queries
from tenants.appointments.errors import HoldLapsed, NothingToPay
from tenants.appointments.models import ORDER_TYPE
from tenants.healthcare_services import require_public_charge


def pay_appointment(
    appointment_id: UUID,
    *,
    method: str,
    programme_id: UUID | None = None,
    entitlement_id: UUID | None = None,
    payment_method: str | None = None,
    return_url: str | None = None,
) -> Payment:
    """Ask for payment of the acting person's held slot; the provider is spoken to by a job. [hospital]

    Raises NotFound, NothingToPay, HoldLapsed, PriceAboveCeiling, and what payments refuse (AlreadyBeingPaid).
    """
    person_id = _acting_person()
    appointment = queries.own_appointment(person_id, appointment_id, for_update=True)
    if appointment.status == "lapsed":
        raise HoldLapsed
    if appointment.status != "pending":
        raise NothingToPay(appointment_status=appointment.status)
    if appointment.held_until is None or appointment.held_until <= clock.now():
        raise HoldLapsed(held_until=appointment.held_until)
    price = Money(appointment.price_minor, appointment.currency)
    # A circular may have come since the slot was booked: more than it allows is not charged.
    require_public_charge(price, appointment.service_id, _business_day(appointment.start_at))
    return payments.create_payment(
        order_type=ORDER_TYPE,
        order_id=appointment.id,
        payer_person_id=person_id,
        amount=price,
        method=method,
        programme_id=programme_id,
        entitlement_id=entitlement_id,
        payment_method=payment_method,
        return_url=return_url,
        expires_at=appointment.held_until,
    )


def payment_of(appointment_id: UUID) -> Payment:
    """The latest payment of the acting person's appointment. [hospital] Raises NotFound."""
    appointment = queries.own_appointment(_acting_person(), appointment_id)
    payment = payments.payment_for_order(ORDER_TYPE, appointment.id)
    if payment is None:
        raise NotFound
    return payment


def _business_day(moment: datetime) -> date:
    return moment.astimezone(ZoneInfo(clock.BUSINESS_ZONE)).date()


def _acting_person() -> UUID:
    person_id = identity.current_actor().person_id
    if person_id is None:
        raise NotFound
    return person_id
