"""Appointments: a patient's claim on one slot, its price as it was shown, and how it may go on."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel import clock
from tandem.kernel.choices import listed, one_of
from tandem.kernel.crypto import EncryptedText
from tandem.kernel.database import Model, TenantOwned, Wall
from tandem.kernel.money import CURRENCIES
from tandem.kernel.states import states
from tenants.appointments.errors import TooLateToCancel

ORDER_TYPE: Final = "appointment"

HOLD: Final = timedelta(minutes=5)
"""Long enough to pay by phone, short enough that an abandoned slot is back on offer the same minute it is missed
(domain.md 3.3: slot hold with a time to live of five minutes)."""

NO_SHOW_GRACE: Final = timedelta(minutes=15)
"""How long a doctor waits before a patient counts as absent."""

EARLY_START: Final = timedelta(minutes=30)
"""How long before the agreed time a doctor may begin when both are there."""

NEXT: Final = {
    "pending": {"booked", "lapsed", "cancelled"},
    "lapsed": {"booked"},
    "booked": {"arrived", "cancelled", "noshow"},
    "arrived": {"fulfilled", "cancelled"},
    "fulfilled": set[str](),
    "cancelled": set[str](),
    "noshow": set[str](),
}
"""FHIR R4 appointment status, and `lapsed`: the hold ran out. A payment that arrives later books it after all if the
slot is still free, otherwise it is refunded. FHIR readers see a lapsed appointment as cancelled."""

CLAIMS_SLOT: Final = ("pending", "booked", "arrived", "fulfilled", "noshow")
"""While in one of these, no other appointment may have the slot."""

PATIENT_REASONS: Final = ("changed_plans", "feels_better", "found_another", "other")
HOSPITAL_REASONS: Final = ("doctor_unavailable", "unsuitable_online", "licence", "other")


@dataclass(frozen=True)
class RefundRule:
    """What share of the price goes back when `by` ends an appointment in a `phase`."""

    by: str
    phase: str
    share: Fraction


REFUND_RULES: Final = (
    RefundRule("patient", "before_start", Fraction(1)),
    RefundRule("hospital", "before_start", Fraction(1)),
    RefundRule("hospital", "after_start", Fraction(1)),
    # A public hospital charges for what it delivers; the fee of a visit that did not take place is given back.
    RefundRule("hospital", "noshow", Fraction(1)),
    RefundRule("hospital", "referred_offline", Fraction(1)),
)
"""What is not listed cannot be cancelled: a patient cannot cancel a visit that has begun."""


def refund_share(by: str, phase: str) -> Fraction:
    """The share of the price to give back.

    Raises TooLateToCancel when that party cannot end the appointment in that phase.
    """
    for rule in REFUND_RULES:
        if (rule.by, rule.phase) == (by, phase):
            return rule.share
    raise TooLateToCancel


class Appointment(TenantOwned, Model):
    """A patient's claim on one slot. Times and price are copies of what the patient saw when booking. 预约"""

    __tablename__ = "appointment"
    __wall__ = Wall(operator="none")
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "slot_id"], ["slot.tenant_id", "slot.id"]),
        ForeignKeyConstraint(["tenant_id", "service_id"], ["healthcare_service.tenant_id", "healthcare_service.id"]),
        ForeignKeyConstraint(["tenant_id", "practitioner_id"], ["practitioner.tenant_id", "practitioner.id"]),
        ForeignKeyConstraint(["tenant_id", "patient_id"], ["patient.tenant_id", "patient.id"]),
        states(NEXT),
        one_of("currency", CURRENCIES),
        CheckConstraint("price_minor >= 0", name="price_not_negative"),
        CheckConstraint("status <> 'pending' OR held_until IS NOT NULL", name="pending_is_held"),
        Index(
            "appointment_claims_slot_key",
            "tenant_id",
            "slot_id",
            unique=True,
            postgresql_where=text(listed("status", CLAIMS_SLOT)),
        ),
        Index("appointment_held_idx", "tenant_id", "held_until", postgresql_where=text("status = 'pending'")),
        Index(None, "tenant_id", "person_id", "created_at"),
        Index(None, "tenant_id", "practitioner_id", "start_at"),
        Index(None, "tenant_id", "start_at", "id"),
    )

    slot_id: Mapped[UUID]
    service_id: Mapped[UUID]
    practitioner_id: Mapped[UUID]
    patient_id: Mapped[UUID]
    person_id: Mapped[UUID]
    status: Mapped[str] = mapped_column(Text)
    specialty: Mapped[str]
    start_at: Mapped[datetime]
    end_at: Mapped[datetime]
    price_minor: Mapped[int]
    currency: Mapped[str]
    reason: Mapped[str | None] = mapped_column(EncryptedText("appointment.reason"))
    accepts_advice_only: Mapped[bool] = mapped_column(default=False)
    held_until: Mapped[datetime | None]
    payment_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    booked_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None]
    ended_because: Mapped[str | None]
