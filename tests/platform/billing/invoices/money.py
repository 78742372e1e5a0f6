"""Customers and invoices for stories about billing."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from tandem.accounts import create_organization
from tandem.billing.invoices import (
    Invoice,
    InvoiceLine,
    LineCredit,
    Period,
    credit_invoice,
    draft_invoice,
    issue_invoice,
)
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import acting_for, transaction
from tests.hospitals import a_hospital
from tests.organizations import a_uscc

SEPTEMBER = Period(date(2026, 9, 1), date(2026, 9, 30))
__all__ = ["SEPTEMBER", "a_customer", "a_hospital", "a_line", "a_wish", "credited", "drafted", "issued"]


def a_customer(name: str = "杭州云启科技有限公司", *, city: str = "杭州市") -> UUID:
    """An enterprise that is billed."""
    customer = new_id()
    with acting_for(customer, operator=True), transaction():
        create_organization(kind="employer", name=f"{name}{customer.hex[-6:]}", uscc=a_uscc(), city=city)
    return customer


def a_line(amount_minor: int = 300_000, category: str | None = None, **changes: Any) -> InvoiceLine:
    """One line of that amount."""
    facts: dict[str, Any] = {"code": "units", "text": "健康咨询服务 Consultation", "quantity": Decimal(1)}
    facts |= {"unit_price": Decimal(amount_minor), "amount_minor": amount_minor, "tax_category": category}
    return InvoiceLine(**facts | changes)


def a_wish(customer: UUID, **changes: Any) -> dict[str, Any]:
    """What a draft takes."""
    facts = {"customer_id": customer, "series": "TDM", "period": SEPTEMBER, "due_on": date(2026, 12, 31)}
    return facts | {"lines": [a_line()]} | changes


def drafted(customer: UUID, *lines: InvoiceLine, **changes: Any) -> Invoice:
    """An invoice without a number."""
    with acting_for(customer, operator=True), transaction():
        return draft_invoice(**a_wish(customer, **({"lines": lines} if lines else {}) | changes))


def issued(customer: UUID, *lines: InvoiceLine, **changes: Any) -> Invoice:
    """An invoice that is owed."""
    with acting_for(customer, operator=True), transaction():
        return issue_invoice(**a_wish(customer, **({"lines": lines} if lines else {}) | changes))


def credited(invoice: Invoice, *lines: LineCredit) -> Invoice:
    """A credit note on it."""
    with acting_for(invoice.tenant_id, operator=True), transaction():
        return credit_invoice(invoice.id, because="a wrong quantity", lines=lines or None)
