"""Reminders over HTTP: the operator keeps the schedule; customers read what they were sent."""

from typing import Any, Final
from uuid import UUID

from tandem.billing.dunning import commands, queries
from tandem.billing.dunning.errors import DunningScheduleExists
from tandem.billing.dunning.schemas import (
    DunningScheduleSchema,
    DunningScheduleWishSchema,
    DunningStepSchema,
    InvoiceReminderSchema,
)
from tandem.billing.invoices import invoice
from tandem.kernel.database import Page
from tandem.kernel.errors import NotFound
from tandem.kernel.http import Api

operator_api = Api("dunning", audience="operator", tag="Invoices")
employer_api = Api("dunning", audience="employer", tag="Invoices")
hospital_api = Api("dunning", audience="hospital", tag="Invoices")
APIS: Final = [operator_api, employer_api, hospital_api]


@operator_api.get("/dunning_steps", allow="invoices.read", gives=DunningStepSchema, many=True)
def list_dunning_steps(query: dict[str, Any]) -> Page:
    """Every step of every version of the schedule, newest first."""
    return queries.steps(**query)


@operator_api.post(
    "/dunning_schedules",
    allow="invoices.issue",
    takes=DunningScheduleWishSchema,
    gives=DunningScheduleSchema,
    problems=(DunningScheduleExists,),
)
def add_dunning_schedule(wish: dict[str, Any]) -> dict[str, Any]:
    """Say how customers are reminded from a day on. Steps are put in the order of their days."""
    return {"steps": commands.add_schedule(**wish)}


@operator_api.get(
    "/organizations/<uuid:organization_id>/invoices/<uuid:invoice_id>/reminders",
    allow="invoices.read",
    gives=InvoiceReminderSchema,
    many=True,
)
def list_reminders_of_customer(organization_id: UUID, invoice_id: UUID, query: dict[str, Any]) -> Page:
    """Reminders of one invoice, oldest first."""
    return queries.reminders(invoice(invoice_id).id, **query)


@hospital_api.get(
    "/invoices/<uuid:invoice_id>/reminders", allow="invoices.read", gives=InvoiceReminderSchema, many=True
)
@employer_api.get(
    "/invoices/<uuid:invoice_id>/reminders", allow="invoices.read", gives=InvoiceReminderSchema, many=True
)
def list_reminders(invoice_id: UUID, query: dict[str, Any]) -> Page:
    """Reminders of one of our invoices, oldest first."""
    row = invoice(invoice_id)
    if row.number is None:
        raise NotFound
    return queries.reminders(row.id, **query)
