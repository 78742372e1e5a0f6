"""Payments that people recorded before the bank's file came: their lines are spent on them as soon as they are known.

Otherwise a line would look free, and pay a second invoice with money that has paid one already.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select, text

from tandem.billing.bank_transfers import KnownTransfer
from tandem.billing.invoices import InvoicePayment
from tandem.billing.reconciliation.models import BankAllocation
from tandem.kernel import clock
from tandem.kernel.audit import actor_name
from tandem.kernel.database import rows, session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, tenant_id

AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Recorded:
    """Money that was recorded on an invoice under a bank's reference."""

    tenant_id: UUID
    invoice_id: UUID
    amount_minor: int
    currency: str
    reference: str


def references_unspent() -> list[str]:
    """Bank references of incoming lines of which nothing is spent. [operator]"""
    return list(session.scalars(_REFERENCES, {"tenant": tenant_id(), "most": AT_ONCE}))


def reference_of(line_id: UUID) -> list[str]:
    """The bank's reference of one line, where it has one. [operator]"""
    return list(session.scalars(_REFERENCE, {"tenant": tenant_id(), "line": line_id}))


def recorded_under(references: Collection[str]) -> list[Recorded]:
    """Bank transfers that were recorded on invoices under these references. [across tenants]"""
    if not references:
        return []
    paid = select(
        InvoicePayment.tenant_id, InvoicePayment.invoice_id, InvoicePayment.amount_minor, InvoicePayment.currency,
        InvoicePayment.reference,
    ).where(InvoicePayment.reference.in_(references), InvoicePayment.method == "bank_transfer")  # fmt: skip
    found = rows(paid.order_by(InvoicePayment.recorded_at, InvoicePayment.id).limit(AT_ONCE * 10))
    return [Recorded(**row) for row in found]


def spend_on_recorded(paid: Sequence[Recorded]) -> list[BankAllocation]:
    """Spend unspent lines on what was recorded under their references; the caller has the turn. [operator]

    What does not fit into its line, and a reference that two lines bear, is left to people.
    """
    by_name: defaultdict[tuple[str, str], list[Recorded]] = defaultdict(list)
    for each in paid:
        by_name[each.reference, each.currency].append(each)
    facts = {"tenant": tenant_id(), "references": [name for name, _ in by_name]}
    lines = session.execute(_LINES, facts).all()
    once = Counter((line.bank_reference, line.currency) for line in lines)
    spent = [
        part
        for line in lines
        if once[line.bank_reference, line.currency] == 1
        for part in _parts(line, by_name[line.bank_reference, line.currency])
    ]
    session.add_all(spent)
    session.flush()
    return spent


def known_transfer_of_operator(reference: str) -> KnownTransfer | None:
    """An incoming line of the operator's bank under a reference; of several, the one with most left. [any scope]"""
    with acting_for(OPERATOR_ID, operator=True):
        found = session.execute(_KNOWN, {"tenant": OPERATOR_ID, "reference": reference}).one_or_none()
        return None if found is None else KnownTransfer(found.id, int(found.left_minor))


def _parts(line: Any, paid: Sequence[Recorded]) -> list[BankAllocation]:
    if sum(each.amount_minor for each in paid) > line.amount_minor:
        return []
    parts, taken_minor = list[BankAllocation](), 0
    for place, each in enumerate(paid, start=1):
        parts.append(
            BankAllocation(
                tenant_id=tenant_id(), id=new_id(), bank_line_id=line.id, line_minor=line.amount_minor,
                customer_id=each.tenant_id, invoice_id=each.invoice_id, amount_minor=each.amount_minor,
                place=place, follows_place=place - 1 or None, taken_before_minor=taken_minor,
                taken_minor=taken_minor + each.amount_minor, rule="reference", allocated_by=actor_name(),
                allocated_at=clock.now(),
            )
        )  # fmt: skip
        taken_minor += each.amount_minor
    return parts


_UNSPENT: Final = (
    "l.tenant_id = :tenant AND l.amount_minor > 0 AND l.bank_reference <> '' AND NOT EXISTS (SELECT FROM recon_claim c "
    "WHERE c.tenant_id = :tenant AND c.side = 'bank' AND c.claimed_id = l.id) AND NOT EXISTS (SELECT "
    "FROM bank_allocation a WHERE a.tenant_id = :tenant AND a.bank_line_id = l.id)"
)
_REFERENCES: Final = text(
    f"SELECT l.bank_reference FROM bank_line l WHERE {_UNSPENT} ORDER BY l.booked_on DESC, l.id LIMIT :most"
)
_REFERENCE: Final = text(
    "SELECT l.bank_reference FROM bank_line l WHERE l.tenant_id = :tenant AND l.id = :line AND l.bank_reference <> ''"
)
_LINES: Final = text(
    f"SELECT l.id, l.amount_minor, l.currency, l.bank_reference FROM bank_line l WHERE {_UNSPENT} "
    "AND l.bank_reference = ANY(CAST(:references AS text[])) ORDER BY l.id"
)
_KNOWN: Final = text(
    "SELECT l.id, l.amount_minor - coalesce((SELECT sum(a.amount_minor) FROM bank_allocation a "
    "WHERE a.tenant_id = :tenant AND a.bank_line_id = l.id), 0) AS left_minor FROM bank_line l "
    "WHERE l.tenant_id = :tenant AND l.bank_reference = :reference AND l.amount_minor > 0 "
    "ORDER BY left_minor DESC, l.id LIMIT 1"
)
