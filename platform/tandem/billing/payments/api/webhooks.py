"""The provider's webhooks: proven, stored and answered; what they hint at is read later."""

from typing import Final

from flask import request

from tandem.billing.payments import commands
from tandem.billing.payments.errors import (
    WebhookDisabled,
    WebhookForged,
    WebhookOutOfTime,
    WebhookUnreadable,
    WebhookWrongMode,
)
from tandem.billing.payments.schemas import ReceivedSchema
from tandem.kernel import telemetry
from tandem.kernel.access import PUBLIC
from tandem.kernel.http import Api
from tandem.kernel.tenancy import OPERATOR_ID, acting_for

webhooks = Api("webhooks", audience="public", url_prefix="/webhooks", tag="Webhooks", root="")
APIS: Final = [webhooks]


@webhooks.post(
    "/stripe",
    allow=PUBLIC,
    idempotent=False,
    raw=True,
    status=200,
    gives=ReceivedSchema,
    problems=(WebhookForged, WebhookOutOfTime, WebhookWrongMode, WebhookUnreadable, WebhookDisabled),
)
def receive_stripe_event(raw: bytes) -> dict[str, bool]:
    """Store a signed event of the provider. A repetition is welcome and changes nothing."""
    hint = commands.read_webhook(raw, request.headers.get("Stripe-Signature", ""))
    try:
        # Without an account it is news of the operator's own.
        tenant, is_routable = OPERATOR_ID if hint.account_id is None else commands.owner_of(hint.account_id), True
    except LookupError:
        tenant, is_routable = OPERATOR_ID, False
    with acting_for(tenant):
        stored = commands.receive_event(hint, raw, is_routable=is_routable)
    telemetry.count("webhooks", outcome="stored" if stored else "repeated")
    return {"received": True}
