"""Paying invoices online, over HTTP: by enterprises and by hospitals."""

from typing import Any, Final
from uuid import UUID

from tandem.billing.invoices import InvoiceNotOpen
from tandem.billing.payments import commands
from tandem.billing.payments.errors import InvoiceBeingPaid
from tandem.billing.payments.models import InvoiceIntent
from tandem.billing.payments.queries import invoice_intents
from tandem.billing.payments.schemas import InvoiceIntentSchema, InvoiceIntentWishSchema
from tandem.kernel.http import Api

_INTENTS: Final = "/invoices/<uuid:invoice_id>/payment_intents"

invoices_of_employer = Api("invoice_payments", audience="employer", url_prefix=_INTENTS, tag="Invoices")
invoices_of_hospital = Api("invoice_payments", audience="hospital", url_prefix=_INTENTS, tag="Invoices")
APIS: Final = [invoices_of_employer, invoices_of_hospital]


@invoices_of_hospital.post(
    "",
    allow="invoices.pay",
    takes=InvoiceIntentWishSchema,
    gives=InvoiceIntentSchema,
    problems=(InvoiceBeingPaid, InvoiceNotOpen),
)
@invoices_of_employer.post(
    "",
    allow="invoices.pay",
    takes=InvoiceIntentWishSchema,
    gives=InvoiceIntentSchema,
    problems=(InvoiceBeingPaid, InvoiceNotOpen),
)
def pay_invoice(invoice_id: UUID, wish: dict[str, Any]) -> InvoiceIntent:
    """Begin to pay what is open of an invoice; look again for the address or the secret of the next step."""
    return commands.pay_invoice(invoice_id, **wish)


@invoices_of_hospital.get("/<uuid:intent_id>", allow="invoices.read", gives=InvoiceIntentSchema)
@invoices_of_employer.get("/<uuid:intent_id>", allow="invoices.read", gives=InvoiceIntentSchema)
def show_invoice_payment(invoice_id: UUID, intent_id: UUID) -> InvoiceIntent:
    """One attempt to pay an invoice, with the next step to take."""
    return invoice_intents.intent(invoice_id, intent_id)
