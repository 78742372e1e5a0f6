"""Waivers over HTTP: proposed and decided at the hospital, paid by whoever bears them."""

from typing import Any, Final
from uuid import UUID

from tandem.billing.payments import commands
from tandem.billing.payments.errors import (
    BearerOwesLess,
    NobodyOwesThis,
    ReceiptKeyReused,
    WaiverNeedsSecond,
    WaiverPaid,
)
from tandem.billing.payments.models import Waiver, WaiverReceipt
from tandem.billing.payments.queries import waivers
from tandem.billing.payments.schemas import (
    WaiverReasonSchema,
    WaiverReceiptSchema,
    WaiverReceiptWishSchema,
    WaiverSchema,
    WaiversQuery,
    WaiverWishSchema,
)
from tandem.kernel.database import Page
from tandem.kernel.errors import Unauthenticated
from tandem.kernel.http import Api
from tandem.kernel.identity import current_actor

waivers_api = Api("waivers", audience="hospital", url_prefix="/waivers", tag="Payments")
APIS: Final = [waivers_api]


@waivers_api.get("", allow="payments.read", gives=WaiverSchema, many=True, query=WaiversQuery)
def list_waivers(query: dict[str, Any]) -> Page:
    """What patients did not have to pay, who bears it and who decided; newest first."""
    return waivers.waivers_page(**query)


@waivers_api.post("", allow="payments.waive", takes=WaiverWishSchema, gives=WaiverSchema)
def waive(wish: dict[str, Any]) -> Waiver:
    """Take part of an order's price off its patient. Above the limit it waits for a second person."""
    return commands.waive(**wish, by=_who())


@waivers_api.post(
    "/<uuid:waiver_id>/approval", allow="payments.waive", gives=WaiverSchema, problems=(WaiverNeedsSecond,)
)
def approve_waiver(waiver_id: UUID) -> Waiver:
    """Agree to a colleague's proposal; it is booked."""
    return commands.approve_waiver(waiver_id, by=_who())


@waivers_api.post("/<uuid:waiver_id>/refusal", allow="payments.waive", takes=WaiverReasonSchema, gives=WaiverSchema)
def refuse_waiver(waiver_id: UUID, wish: dict[str, Any]) -> Waiver:
    """Say no to a proposal, or withdraw one's own."""
    return commands.refuse_waiver(waiver_id, by=_who(), because=wish["because"])


@waivers_api.post(
    "/<uuid:waiver_id>/taking_back",
    allow="payments.waive",
    takes=WaiverReasonSchema,
    gives=WaiverSchema,
    problems=(WaiverNeedsSecond, WaiverPaid),
)
def take_back_waiver(waiver_id: UUID, wish: dict[str, Any]) -> Waiver:
    """Undo a granted waiver by a journal of its own."""
    return commands.take_back_waiver(waiver_id, by=_who(), because=wish["because"])


@waivers_api.get("/<uuid:waiver_id>/receipts", allow="payments.read", gives=WaiverReceiptSchema, many=True)
def list_waiver_receipts(waiver_id: UUID, query: dict[str, Any]) -> Page:
    """What its bearer has paid of a waiver, oldest first."""
    return waivers.receipts_page(waiver_id, **query)


@waivers_api.post(
    "/<uuid:waiver_id>/receipts",
    allow="payments.waive",
    takes=WaiverReceiptWishSchema,
    gives=WaiverReceiptSchema,
    problems=(NobodyOwesThis, BearerOwesLess, ReceiptKeyReused),
)
def record_bearer_payment(waiver_id: UUID, wish: dict[str, Any]) -> WaiverReceipt:
    """Record money of the charity or the insurer at the hospital's bank, once per bank reference."""
    return commands.record_bearer_payment(waiver_id, **wish, by=_who())


def _who() -> UUID:
    """The person or the key that decides."""
    actor = current_actor()
    if actor.id is None:
        raise Unauthenticated
    return actor.id
