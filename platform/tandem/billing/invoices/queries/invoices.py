"""Reads of invoices, in the customer's scope."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, RowMapping, cast, exists, func, select
from sqlalchemy.orm import aliased

from tandem.billing.invoices.models import (
    BillingPark,
    Invoice,
    InvoiceChargeback,
    InvoiceLineRow,
    InvoicePayment,
    InvoiceTax,
    SellerProfile,
    TaxRule,
)
from tandem.billing.invoices.taxes import RuleTerms
from tandem.kernel.database import Page, own_row, page, rows, session
from tandem.kernel.errors import NotFound
from tandem.kernel.tenancy import current_scope, tenant_id


def invoice(invoice_id: UUID, *, for_update: bool = False) -> Invoice:
    """One invoice. Raises NotFound."""
    return own_row(Invoice, invoice_id, for_update=for_update)


def invoice_lines(invoice_id: UUID) -> Sequence[RowMapping]:
    """An invoice's lines, in order."""
    return rows(
        select(*InvoiceLineRow.__table__.c)
        .where(InvoiceLineRow.tenant_id == tenant_id(), InvoiceLineRow.invoice_id == invoice_id)
        .order_by(InvoiceLineRow.line_no)
    )


def invoice_taxes(invoice_id: UUID) -> Sequence[RowMapping]:
    """An invoice's taxes, one for each rule."""
    return rows(
        select(*InvoiceTax.__table__.c)
        .where(InvoiceTax.tenant_id == tenant_id(), InvoiceTax.invoice_id == invoice_id)
        .order_by(InvoiceTax.category, InvoiceTax.id)
    )


def invoice_by_run_key(run_key: str) -> Invoice | None:
    """The invoice that a run wrote under this key."""
    return session.scalar(select(Invoice).where(Invoice.tenant_id == tenant_id(), Invoice.run_key == run_key))


def credited_by_line(invoice_id: UUID) -> dict[int, int]:
    """What credit notes have taken back of each line of an invoice, as priced."""
    found = session.execute(
        select(InvoiceLineRow.credits_line_no, cast(func.sum(InvoiceLineRow.amount_minor), BigInteger))
        .join(Invoice, (Invoice.tenant_id == InvoiceLineRow.tenant_id) & (Invoice.id == InvoiceLineRow.invoice_id))
        .where(
            InvoiceLineRow.tenant_id == tenant_id(),
            Invoice.corrects_id == invoice_id,
            Invoice.kind == "credit_note",
            InvoiceLineRow.credits_line_no.is_not(None),
        )
        .group_by(InvoiceLineRow.credits_line_no)
    )
    return {line_no: amount for line_no, amount in found if line_no is not None}


def credited_parts_by_line(invoice_id: UUID) -> dict[int, tuple[int, int]]:
    """Net and tax that credit notes have taken back of each line of an invoice."""
    found = session.execute(
        select(
            InvoiceLineRow.credits_line_no,
            cast(func.sum(InvoiceLineRow.net_minor), BigInteger),
            cast(func.sum(InvoiceLineRow.tax_minor), BigInteger),
        )
        .join(Invoice, (Invoice.tenant_id == InvoiceLineRow.tenant_id) & (Invoice.id == InvoiceLineRow.invoice_id))
        .where(
            InvoiceLineRow.tenant_id == tenant_id(),
            Invoice.corrects_id == invoice_id,
            Invoice.kind == "credit_note",
            InvoiceLineRow.credits_line_no.is_not(None),
        )
        .group_by(InvoiceLineRow.credits_line_no)
    )
    return {line_no: (net, tax) for line_no, net, tax in found if line_no is not None}


def invoice_for_update(invoice_id: UUID) -> Invoice:
    """One invoice, its row held until the transaction ends. Raises NotFound."""
    return invoice(invoice_id, for_update=True)


def hold_fapiao(row: Invoice, amount_minor: int) -> None:
    """Note that fapiao were asked for (or, negative, freed) for so much of a held invoice."""
    row.fapiao_minor += amount_minor


def chain(chain_id: UUID) -> Sequence[RowMapping]:
    """An invoice, its credit notes and what replaced it, in the order they were written."""
    return rows(
        select(*Invoice.__table__.c)
        .where(Invoice.tenant_id == tenant_id(), Invoice.chain_id == chain_id)
        .order_by(Invoice.created_at, Invoice.id)
        .limit(100)
    )


def tax_rules_at(categories: Collection[str], on: date, jurisdiction: str = "CN") -> dict[str, RuleTerms]:
    """The version of each category that is in force on a day."""
    found = session.execute(
        select(TaxRule)
        .where(TaxRule.jurisdiction == jurisdiction, TaxRule.category.in_(categories), TaxRule.effective_from <= on)
        .order_by(TaxRule.category, TaxRule.effective_from)
    ).scalars()
    return {
        rule.category: RuleTerms(
            rule.id, rule.jurisdiction, rule.category, rule.treatment, rule.rate, rule.reason, rule.circular
        )
        for rule in found
    }


def tax_rules(*, limit: int, after: str | None) -> Page:
    """All versions of all tax rules, newest first."""
    wanted = select(*TaxRule.__table__.c)
    return page(wanted, by=[TaxRule.effective_from, TaxRule.id], limit=limit, after=after, newest_first=True)


def seller_profile_at(on: date) -> SellerProfile | None:
    """How the operator signs on a day. [operator]"""
    wanted = select(SellerProfile).where(SellerProfile.tenant_id == tenant_id(), SellerProfile.effective_from <= on)
    return session.scalar(wanted.order_by(SellerProfile.effective_from.desc()).limit(1))


def seller_profiles(*, limit: int, after: str | None) -> Page:
    """Versions of the operator's particulars, newest first. [operator]"""
    wanted = select(*SellerProfile.__table__.c).where(SellerProfile.tenant_id == tenant_id())
    return page(
        wanted, by=[SellerProfile.effective_from, SellerProfile.id], limit=limit, after=after, newest_first=True
    )


def invoices(*, limit: int, after: str | None, issued_only: bool = False) -> Page:
    """Invoices and credit notes, newest first; a customer sees no drafts."""
    wanted = select(*Invoice.__table__.c).where(Invoice.tenant_id == tenant_id())
    if issued_only:
        wanted = wanted.where(Invoice.number.is_not(None))
    return page(wanted, by=[Invoice.created_at, Invoice.id], limit=limit, after=after, newest_first=True)


def invoice_payment(invoice_payment_id: UUID) -> InvoicePayment:
    """One recorded payment. Raises NotFound."""
    found = session.scalar(
        select(InvoicePayment).where(InvoicePayment.tenant_id == tenant_id(), InvoicePayment.id == invoice_payment_id)
    )
    if found is None:
        raise NotFound
    return found


def invoice_payments(invoice_id: UUID, *, limit: int, after: str | None) -> Page:
    """Payments of an invoice, oldest first."""
    wanted = select(*InvoicePayment.__table__.c).where(
        InvoicePayment.tenant_id == tenant_id(), InvoicePayment.invoice_id == invoice_id
    )
    return page(wanted, by=[InvoicePayment.recorded_at, InvoicePayment.id], limit=limit, after=after)


def arrived_minor(invoice_id: UUID) -> int:
    """What has arrived for an invoice, its surplus too, less what banks have taken back and not brought again."""
    arrived = select(func.coalesce(func.sum(InvoicePayment.amount_minor), 0)).where(
        InvoicePayment.tenant_id == tenant_id(), InvoicePayment.invoice_id == invoice_id
    )
    gone = select(func.coalesce(func.sum(InvoiceChargeback.amount_minor), 0)).where(
        InvoiceChargeback.tenant_id == tenant_id(),
        InvoiceChargeback.invoice_id == invoice_id,
        InvoiceChargeback.taken_at.is_not(None),
        InvoiceChargeback.given_back_at.is_(None),
    )
    return int(session.execute(arrived).scalar_one()) - int(session.execute(gone).scalar_one())


def invoices_of_programme(programme_id: UUID) -> Sequence[UUID]:
    """Invoices that asked for a programme's prepayment, the latest first."""
    wanted = select(Invoice.id).where(
        Invoice.tenant_id == tenant_id(), Invoice.programme_id == programme_id, Invoice.kind == "invoice"
    )
    return session.scalars(wanted.order_by(Invoice.created_at.desc(), Invoice.id).limit(1_000)).all()


def payment_by_reference(invoice_id: UUID, reference: str) -> InvoicePayment | None:
    """The recorded payment of a bank reference."""
    return session.scalar(
        select(InvoicePayment).where(
            InvoicePayment.tenant_id == tenant_id(),
            InvoicePayment.invoice_id == invoice_id,
            InvoicePayment.reference == reference,
        )
    )


def open_park() -> BillingPark | None:
    """Why the customer's bills wait, or None. [customer]"""
    wanted = select(BillingPark).where(BillingPark.tenant_id == tenant_id(), BillingPark.status == "parked")
    return session.scalar(wanted)


def park(park_id: UUID, *, for_update: bool = False) -> BillingPark:
    """One park. Raises NotFound."""
    return own_row(BillingPark, park_id, for_update=for_update)


def parks(*, limit: int, after: str | None, open_only: bool = False) -> Page:
    """Parks, newest first: of the customer, or across tenants of everybody."""
    wanted = select(*BillingPark.__table__.c)
    if current_scope().tenant_id is not None:
        wanted = wanted.where(BillingPark.tenant_id == tenant_id())
    if open_only:
        wanted = wanted.where(BillingPark.status == "parked")
    return page(wanted, by=[BillingPark.parked_at, BillingPark.id], limit=limit, after=after, newest_first=True)


def waiting_invoices(*, in_force_on: date, limit: int) -> Sequence[RowMapping]:
    """Invoices that runs have rated by rules in force on a day and nobody has issued, oldest first. [customer]"""
    newer = aliased(TaxRule)
    outdated = (
        exists()
        .where(InvoiceTax.tenant_id == tenant_id(), InvoiceTax.invoice_id == Invoice.id)
        .where(InvoiceTax.tax_rule_id == TaxRule.id, newer.category == TaxRule.category)
        .where(newer.jurisdiction == TaxRule.jurisdiction, newer.effective_from > TaxRule.effective_from)
        .where(newer.effective_from <= in_force_on)
    )
    return rows(
        select(Invoice.id, Invoice.series)
        .where(Invoice.tenant_id == tenant_id(), Invoice.status == "rated", Invoice.run_key.is_not(None), ~outdated)
        .order_by(Invoice.created_at, Invoice.id)
        .limit(limit)
    )


def customers_waiting() -> Sequence[UUID]:
    """Customers with rated invoices that nobody has issued. [across tenants]"""
    waiting = select(Invoice.tenant_id).where(Invoice.status == "rated", Invoice.run_key.is_not(None)).distinct()
    return session.scalars(waiting.order_by(Invoice.tenant_id).limit(10_000)).all()


def invoices_issued(since: datetime, until: datetime) -> Sequence[RowMapping]:
    """Invoices and credit notes issued in [since, until), with the sum of their lines."""
    lines_minor = cast(func.sum(InvoiceLineRow.net_minor + InvoiceLineRow.tax_minor), BigInteger)
    lines = (
        select(InvoiceLineRow.invoice_id, lines_minor.label("lines_minor"))
        .where(InvoiceLineRow.tenant_id == tenant_id())
        .group_by(InvoiceLineRow.invoice_id)
        .subquery()
    )
    return rows(
        select(
            Invoice.id,
            Invoice.kind,
            Invoice.series,
            Invoice.number,
            Invoice.total_minor,
            Invoice.currency,
            lines.c.lines_minor,
        )
        .outerjoin(lines, lines.c.invoice_id == Invoice.id)
        .where(Invoice.tenant_id == tenant_id(), Invoice.issued_at >= since, Invoice.issued_at < until)
    )


def numbering(series: str) -> tuple[int, int]:
    """How many invoices of a series have a number, and the highest: equal while there is no gap."""
    found = session.execute(
        select(func.count(Invoice.number), func.coalesce(func.max(Invoice.number), 0)).where(
            Invoice.tenant_id == tenant_id(), Invoice.series == series
        )
    ).one()
    return int(found[0]), int(found[1] or 0)
