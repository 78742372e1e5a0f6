"""Paid and booked histories for stories about reconciliation, made in two statements however long they are."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import insert, text

from tandem.billing.ledger import JournalDraft, Line, post
from tandem.billing.payments import Payment
from tandem.billing.reconciliation.matching import Comparison, Look, Mode, Outcome, run_comparison
from tandem.billing.reconciliation.passes import bank, provider
from tandem.billing.reconciliation.rules import Rules
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import acting_for, transaction
from tests.platform.billing.money import NOON

RULES = Rules()


def captured(tenant: UUID, charges: range, amount_minor: int = 7_200, *, at: datetime = NOON) -> None:
    """Payments that the provider has captured, charge by charge; nothing booked."""
    with acting_for(tenant), transaction():
        rows = [_payment(tenant, f"ch_{number}", amount_minor, at) for number in charges]
        session.execute(insert(Payment), rows)


def booked(
    tenant: UUID, charges: range, amount_minor: int = 7_200, *, currency: str = "CNY", kind: str = "payment_captured"
) -> None:
    """The captures of these charges in the book."""
    with acting_for(tenant), transaction():
        post([
            JournalDraft(
                kind=kind,
                key=f"charge:ch_{number}:captured",
                effective_at=NOON,
                lines=[Line("cash.psp", amount_minor), Line("ar.patient", -amount_minor)],
                source_type="payment",
                source_id=new_id(),
                currency=currency,
            )
            for number in charges
        ])  # fmt: skip


def run(
    tenant: UUID, mode: Mode = "incremental", comparison: Comparison = provider.BOOKED, rules: Rules = RULES
) -> Outcome:
    """One run of a comparison, committed."""
    with acting_for(tenant), transaction():
        values = provider.tariffs() | bank.bank_terms(rules) | {"asked_until": NOON}
        return run_comparison(comparison, Look(mode, NOON, NOON + timedelta(days=1), values), rules)


def items(tenant: UUID, comparison: str = "R1.booked") -> dict[str, str]:
    """What is kept of a comparison: its keys and how they stand."""
    with acting_for(tenant):
        found = session.execute(
            text("SELECT natural_key, status FROM recon_item WHERE tenant_id = :t AND comparison = :c"),
            {"t": tenant, "c": comparison},
        )
        return {row.natural_key: row.status for row in found}


def faults(tenant: UUID) -> dict[str, str]:
    """Differences that are not resolved, by key and kind."""
    with acting_for(tenant):
        found = session.execute(
            text("SELECT natural_key, kind FROM discrepancy WHERE tenant_id = :t AND status <> 'resolved'"),
            {"t": tenant},
        )
        return {row.natural_key: row.kind for row in found}


def _payment(tenant: UUID, charge: str, amount_minor: int, at: datetime) -> dict[str, object]:
    return {
        "tenant_id": tenant, "id": new_id(), "order_type": "appointment", "order_id": new_id(), "method": "card",
        "amount_minor": amount_minor, "currency": "CNY", "status": "succeeded", "claims_order": True,
        "provider_charge_id": charge, "captured_at": at, "succeeded_at": at, "created_at": at,
        "refund_reserved_minor": 0, "refunded_minor": 0,
    }  # fmt: skip
