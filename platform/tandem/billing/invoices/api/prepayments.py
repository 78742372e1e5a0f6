"""What a programme leaves of its prepayment, over HTTP: proposed by the operator, decided by the employer."""

from typing import Any, Final
from uuid import UUID

from tandem.billing.invoices import commands, queries
from tandem.billing.invoices.errors import (
    PrepaymentChanged,
    PrepaymentClosed,
    PrepaymentNeedsSecond,
    PrepaymentRunning,
    PrepaymentUnbooked,
    PrepaymentUnpaid,
    PrepaymentUsedUp,
)
from tandem.billing.invoices.models import PrepaymentClosing
from tandem.billing.invoices.schemas import PrepaymentClosingSchema, PrepaymentClosingWishSchema
from tandem.kernel.database import Page
from tandem.kernel.http import Api, PageQuery

operator_api = Api(
    "prepayment_closings",
    audience="operator",
    url_prefix="/employers/<uuid:employer_id>/prepayment_closings",
    tag="Invoices",
)
employer_api = Api("prepayment_closings", audience="employer", url_prefix="/prepayment_closings", tag="Invoices")
APIS: Final = [operator_api, employer_api]


@operator_api.get("", allow="invoices.read", gives=PrepaymentClosingSchema, many=True, query=PageQuery)
def list_closings_of_employer(employer_id: UUID, query: dict[str, Any]) -> Page:
    """What was proposed for the rests of an employer's prepayments, and decided, newest first."""
    return queries.prepayment_closings(**query)


@operator_api.post(
    "",
    allow="invoices.issue",
    takes=PrepaymentClosingWishSchema,
    gives=PrepaymentClosingSchema,
    problems=(PrepaymentRunning, PrepaymentUnpaid, PrepaymentUnbooked, PrepaymentUsedUp, PrepaymentClosed),
)
def propose_closing(employer_id: UUID, wish: dict[str, Any]) -> PrepaymentClosing:
    """Propose to refund what a programme left, or to let the following programme have it."""
    return commands.propose_closing(**wish)


@employer_api.get("", allow="invoices.read", gives=PrepaymentClosingSchema, many=True, query=PageQuery)
def list_closings(query: dict[str, Any]) -> Page:
    """What was proposed for the rests of our prepayments, and decided, newest first."""
    return queries.prepayment_closings(**query)


@employer_api.post(
    "/<uuid:closing_id>/acceptance",
    allow="settlements.confirm",
    gives=PrepaymentClosingSchema,
    problems=(PrepaymentNeedsSecond, PrepaymentChanged, PrepaymentUnbooked, PrepaymentUsedUp),
)
def accept_closing(closing_id: UUID) -> PrepaymentClosing:
    """Agree: the rest is owed back to us, or serves the following programme."""
    return commands.decide_closing(closing_id, "accepted")


@employer_api.post("/<uuid:closing_id>/refusal", allow="settlements.confirm", gives=PrepaymentClosingSchema)
def decline_closing(closing_id: UUID) -> PrepaymentClosing:
    """Do not agree: the operator proposes anew."""
    return commands.decide_closing(closing_id, "declined")
