"""An event says that something changed; what it is now, the provider is asked."""

from collections.abc import Callable
from functools import partial
from uuid import UUID

from tandem.billing.payments import commands, queries
from tandem.billing.stripe_gateway import Refused, gateway
from tandem.kernel.jobs import job
from tandem.kernel.tenancy import transaction

Fold = Callable[[], None]


@job(queue="fast", timeout_seconds=60, outside=True)
def fold_event(event_id: UUID) -> None:
    """Look up what an event of the inbox is about, and fold it."""
    with transaction():
        event = queries.provider_event(event_id)
        is_open = event.status == "received"
        account, kind, object_id = event.provider_account_id, event.object_kind, event.object_id
        if not is_open or account is None or object_id is None:
            return
        if queries.is_old_news(event.kind, object_id):
            commands.mark_folded(event_id)
            return
        if kind == "charge" and (intent_id := queries.intent_of_charge(object_id)) is not None:
            kind, object_id = "payment_intent", intent_id
    fold = look_up(account, kind, object_id)
    with transaction():
        if fold is not None:
            fold()
        commands.mark_folded(event_id)


def look_up(account: str, kind: str, object_id: str) -> Fold | None:
    """The object as it is now, ready to be folded; None when the provider has no such object or we do not fold it."""
    try:
        return _look_up(account, kind, object_id)
    except Refused:
        return None


def kind_of(object_id: str) -> str:
    """What an id of the provider names, by its prefix: https://docs.stripe.com/api (each object's `id`)."""
    prefix = object_id.partition("_")[0]
    kinds = {
        "pi": "payment_intent", "ch": "charge", "py": "charge", "re": "refund", "pyr": "refund", "du": "dispute",
        "dp": "dispute", "po": "payout",
    }  # fmt: skip
    return kinds.get(prefix, "")


def _look_up(account: str, kind: str, object_id: str) -> Fold | None:
    provider, fold = gateway(), None
    if kind == "charge":
        # What a charge says is folded with its intent, which knows the payment.
        kind, object_id = "payment_intent", provider.charge(account, object_id).intent_id or ""
    if kind == "payment_intent" and object_id:
        fold = partial(commands.fold_intent, provider.intent(account, object_id))
    elif kind == "refund":
        fold = partial(commands.fold_refund, provider.refund_now(account, object_id))
    elif kind == "dispute":
        fold = partial(commands.fold_dispute, provider.dispute(account, object_id))
    elif kind == "payout":
        fold = partial(commands.fold_payout, provider.payout(account, object_id))
    return fold
