"""Reads of what is owed back to customers, in the customer's scope."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import RowMapping, exists, func, or_, select, text

from tandem.billing.invoices import InvoiceChargeback, InvoicePayment
from tandem.billing.payments.models import InvoiceIntent, Repayment
from tandem.kernel.database import Page, own_row, page, rows, session
from tandem.kernel.tenancy import tenant_id

STANDING = ("proposed", "approved", "paid")
"""States in which a repayment counts against what is owed."""


def repayment(repayment_id: UUID, *, for_update: bool = False) -> Repayment:
    """One repayment. Raises NotFound."""
    return own_row(Repayment, repayment_id, for_update=for_update)


def repaid_minor(*, invoice_id: UUID | None = None, closing_id: UUID | None = None) -> int:
    """What has been given back for an invoice or a prepayment's rest, or is about to be."""
    about = (
        Repayment.invoice_id == invoice_id if invoice_id is not None else Repayment.prepayment_closing_id == closing_id
    )
    given = select(func.coalesce(func.sum(Repayment.amount_minor), 0)).where(
        Repayment.tenant_id == tenant_id(), about, Repayment.status.in_(STANDING)
    )
    return int(session.execute(given).scalar_one())


def sent_minor(invoice_id: UUID) -> int:
    """What has left for an invoice's customer and not come back."""
    sent = select(func.coalesce(func.sum(Repayment.amount_minor), 0)).where(
        Repayment.tenant_id == tenant_id(),
        Repayment.invoice_id == invoice_id,
        Repayment.is_posted,
        ~Repayment.is_returned,
    )
    return int(session.execute(sent).scalar_one())


def intent_to_refund(invoice_ids: Sequence[UUID], amount_minor: int, currency: str) -> UUID | None:
    """The latest online payment of these invoices of which so much has not been refunded."""
    given = (
        select(func.coalesce(func.sum(Repayment.amount_minor), 0))
        .where(Repayment.tenant_id == tenant_id(), Repayment.invoice_intent_id == InvoiceIntent.id)
        .where(Repayment.status.in_(STANDING))
        .correlate(InvoiceIntent)
        .scalar_subquery()
    )
    # The provider gives nothing back of what the payer's bank is asking for, or has got.
    disputed = exists().where(
        InvoiceChargeback.tenant_id == tenant_id(),
        InvoicePayment.tenant_id == tenant_id(),
        InvoicePayment.id == InvoiceChargeback.invoice_payment_id,
        InvoicePayment.reference == InvoiceIntent.provider_intent_id,
        InvoiceChargeback.status.in_(("open", "lost")),
    )
    wanted = (
        select(InvoiceIntent.id)
        .where(InvoiceIntent.tenant_id == tenant_id(), InvoiceIntent.invoice_id.in_(list(invoice_ids)))
        .where(InvoiceIntent.status == "succeeded", InvoiceIntent.currency == currency)
        .where(InvoiceIntent.amount_minor - given >= amount_minor)
        .where(~disputed)
    )
    return session.scalar(wanted.order_by(InvoiceIntent.succeeded_at.desc(), InvoiceIntent.id).limit(1))


def repayments_page(*, limit: int, after: str | None) -> Page:
    """What was proposed and what became of it, newest first."""
    mine = select(*Repayment.__table__.c).where(Repayment.tenant_id == tenant_id())
    return page(mine, by=[Repayment.proposed_at, Repayment.id], limit=limit, after=after, newest_first=True)


def owed_to_customers(*, limit: int) -> Sequence[RowMapping]:
    """What customers are owed back and nobody has asked to give back yet, the most first. [across tenants]

    By invoice (a surplus, or credit over what was paid) or by the rest of a closed programme's prepayment.
    """
    return session.execute(_OWED, {"standing": list(STANDING), "most": limit}).mappings().all()


def repayments_of_all(*, limit: int, after: str | None, statuses: Sequence[str]) -> Page:
    """Repayments of all customers in these states, newest first. [across tenants]"""
    wanted = select(*Repayment.__table__.c).where(Repayment.status.in_(statuses))
    return page(wanted, by=[Repayment.proposed_at, Repayment.id], limit=limit, after=after, newest_first=True)


def refunds_waiting(*, older_than: datetime, limit: int) -> Sequence[UUID]:
    """Approved refunds that have no end yet, oldest first."""
    wanted = select(Repayment.id).where(
        Repayment.tenant_id == tenant_id(),
        Repayment.status == "approved",
        Repayment.method == "refund",
        Repayment.decided_at <= older_than,
    )
    return session.scalars(wanted.order_by(Repayment.decided_at, Repayment.id).limit(limit)).all()


def transfers_due(limit: int = 10_000) -> Sequence[tuple[UUID, UUID, str, int, str]]:
    """Approved bank transfers of all customers: tenant, id, reference, sum, currency. [across tenants]"""
    wanted = select(
        Repayment.tenant_id, Repayment.id, Repayment.reference, Repayment.amount_minor, Repayment.currency
    ).where(Repayment.status == "approved", Repayment.method == "bank_transfer")
    found = session.execute(wanted.order_by(Repayment.decided_at, Repayment.id).limit(limit)).all()
    return [(row[0], row[1], row[2], row[3], row[4]) for row in found]


def transfers_named(said: Collection[str]) -> Sequence[RowMapping]:
    """Bank transfers that are to be made or were recorded as made, by our reference or the bank's. [across tenants]"""
    if not said:
        return []
    named = or_(Repayment.reference.in_(said), Repayment.bank_reference.in_(said))
    wanted = select(*Repayment.__table__.c).where(
        Repayment.status.in_(["approved", "paid"]), Repayment.method == "bank_transfer", named
    )
    return rows(wanted.order_by(Repayment.decided_at, Repayment.id).limit(10_000))


# What counts is what `owed_back` and `owed_of_closing` count, for all customers in one statement.
_OWED: Final = text("""
SELECT o.tenant_id, o.invoice_id, o.prepayment_closing_id, o.document_no, o.currency,
       (o.owed_minor - coalesce(g.given_minor, 0))::bigint AS owed_minor
FROM (
    SELECT i.tenant_id, i.id AS owed_for, i.id AS invoice_id, CAST(NULL AS uuid) AS prepayment_closing_id,
           i.document_no, i.currency,
           p.arrived_minor - CASE WHEN i.kind = 'invoice' AND i.status IN ('issued', 'settled')
                                  THEN i.total_minor - i.credited_minor ELSE 0 END AS owed_minor
    FROM invoice i JOIN (SELECT tenant_id, invoice_id, sum(amount_minor) AS arrived_minor
                         FROM (SELECT tenant_id, invoice_id, amount_minor FROM invoice_payment UNION ALL
                               SELECT tenant_id, invoice_id, -amount_minor FROM invoice_chargeback
                               WHERE taken_at IS NOT NULL AND given_back_at IS NULL) a
                         GROUP BY tenant_id, invoice_id) p ON p.tenant_id = i.tenant_id AND p.invoice_id = i.id
    UNION ALL
    SELECT c.tenant_id, c.id, CAST(NULL AS uuid), c.id, CAST(NULL AS text), c.currency, c.unused_minor
    FROM prepayment_closing c WHERE c.status = 'accepted' AND c.policy = 'refunded') o
LEFT JOIN (SELECT tenant_id, coalesce(invoice_id, prepayment_closing_id) AS owed_for, sum(amount_minor) AS given_minor
           FROM repayment WHERE status = ANY(CAST(:standing AS text[])) GROUP BY 1, 2) g
  ON g.tenant_id = o.tenant_id AND g.owed_for = o.owed_for
WHERE o.owed_minor > coalesce(g.given_minor, 0)
ORDER BY owed_minor DESC, o.tenant_id, o.owed_for LIMIT :most
""")
