"""Agreements, paid visits and refunds for stories about money."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from tandem.accounts import AgreementVersion
from tandem.accounts.agreements.commands import terms_digest
from tandem.billing.payments import Dispute, DisputeClosed, Payment, Refund, RefundSucceeded
from tandem.billing.usage import UsageEvent, record_usage
from tandem.kernel import outbox
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import acting_for, transaction
from tests.hospitals import a_hospital

NOON = datetime(2026, 9, 1, 4, tzinfo=UTC)
"""Noon in Hangzhou, on a day that is over in every story."""


def a_hospital_with_an_agreement(**terms: Any) -> UUID:
    """A hospital whose agreement has these terms in force for long; without any, 12.5 % of net, payable at once."""
    hospital = a_hospital()
    with acting_for(hospital, operator=True), transaction():
        version = AgreementVersion(
            tenant_id=hospital,
            organization_id=hospital,
            number=1,
            status="draft",
            **(
                {"effective_from": NOON - timedelta(days=365)}
                | (terms or {"percent_of_net": Decimal("12.5"), "refund_window_days": 0})
            ),
        )
        session.add(version)
        session.flush()
        version.status, version.terms_sha256 = "in_force", terms_digest(version)
    return hospital


def a_payment(hospital: UUID, amount_minor: int = 7_200, *, programme: UUID | None = None) -> UUID:
    """A payment that has succeeded: by card, or by a programme's benefit."""
    payment_id = new_id()
    by_benefit = {"programme_id": programme, "entitlement_id": new_id()} if programme else {}
    with acting_for(hospital), transaction():
        session.add(
            Payment(
                tenant_id=hospital,
                id=payment_id,
                order_type="appointment",
                order_id=new_id(),
                method="entitlement" if programme else "card",
                amount_minor=amount_minor,
                currency="CNY",
                status="succeeded",
                succeeded_at=NOON,
                **by_benefit,
            )
        )
    return payment_id


def a_delivered_visit(hospital: UUID, payment_id: UUID | None, amount_minor: int = 7_200, **changes: Any) -> UUID:
    """A visit that was delivered and metered, with nothing booked yet; returns the usage event."""
    with acting_for(hospital), transaction():
        return a_use(payment_id, amount_minor, **changes).id


def a_use(payment_id: UUID | None, amount_minor: int = 7_200, **changes: Any) -> UsageEvent:
    """Meter a visit in the scope at hand."""
    facts = {"source_type": "encounter", "source_id": new_id(), "at": NOON + timedelta(hours=2)}
    return record_usage(**(facts | {"payment_id": payment_id, "amount_minor": amount_minor} | changes))


def a_refund(
    hospital: UUID, payment_id: UUID, amount_minor: int, *, at: datetime = NOON + timedelta(hours=3)
) -> UUID:
    """A refund whose money has gone back; the news is out, the job is not done."""
    refund_id = new_id()
    with acting_for(hospital), transaction():
        session.add(
            Refund(
                tenant_id=hospital,
                id=refund_id,
                payment_id=payment_id,
                key=str(refund_id),
                reason="requested",
                amount_minor=amount_minor,
                currency="CNY",
                status="succeeded",
                succeeded_at=at,
            )
        )
        outbox.add(RefundSucceeded(refund_id))
    return refund_id


def a_lost_dispute(hospital: UUID, payment_id: UUID, amount_minor: int) -> UUID:
    """A dispute of a payment that the bank decided against the hospital; the news is out, the job is not done."""
    dispute_id = new_id()
    with acting_for(hospital), transaction():
        session.add(
            Dispute(
                tenant_id=hospital,
                id=dispute_id,
                payment_id=payment_id,
                provider_dispute_id=f"dp_{dispute_id.hex}",
                provider_charge_id="ch_1",
                provider_status="lost",
                reason="fraudulent",
                amount_minor=amount_minor,
                currency="CNY",
                status="lost",
                opened_at=NOON,
                closed_at=NOON + timedelta(hours=9),
            )
        )
        outbox.add(DisputeClosed(dispute_id, payment_id, "lost"))
    return dispute_id
