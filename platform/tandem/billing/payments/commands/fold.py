"""Folding what the provider says now into our rows: in any order, however often, to the same state and the same books.

Each function takes an object as the provider showed it a moment ago. A state only moves forward; each fact of money
is booked once, guarded by the row it is about, which is locked first. Locks: refund or dispute, payment, book.
"""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from tandem.billing.ledger import post
from tandem.billing.payments import postings, queries
from tandem.billing.payments.commands.exchanges import Presented
from tandem.billing.payments.commands.movements import check_currency, claim_movements, fold_movement
from tandem.billing.payments.commands.pay import end_payment, succeed_payment
from tandem.billing.payments.commands.refund import end_failed, end_succeeded, insert_refund, refund_payment
from tandem.billing.payments.events import DisputeClosed, DisputeOpened
from tandem.billing.payments.models import (
    DISPUTE_NEXT,
    PAYMENT_NEXT,
    PAYOUT_NEXT,
    REFUND_NEXT,
    Dispute,
    Payment,
    Payout,
    Refund,
)
from tandem.billing.provider_facts import (
    ProviderCharge,
    ProviderDispute,
    ProviderIntent,
    ProviderMovement,
    ProviderPayout,
    ProviderRefund,
)
from tandem.kernel import clock, outbox, telemetry
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.states import move
from tandem.kernel.tenancy import tenant_id

_PAYMENT_STATUS: Final = {
    "requires_action": "requires_action",
    "processing": "processing",
    "requires_capture": "processing",
    "succeeded": "succeeded",
    "canceled": "cancelled",
}
_REFUND_STATUS: Final = {
    "pending": "pending",
    "requires_action": "pending",
    "succeeded": "succeeded",
    "failed": "failed",
    "canceled": "failed",
}
_DISPUTE_STATUS: Final = {"won": "won", "lost": "lost", "warning_closed": "closed", "prevented": "closed"}
_PAYOUT_STATUS: Final = {"paid": "paid", "failed": "failed", "canceled": "failed"}


def fold_intent(told: ProviderIntent) -> None:
    """A PaymentIntent, and with it its charge and the charge's movement."""
    if _is_folded(told):
        return
    payment = _payment_of(told)
    if payment is None:
        telemetry.log.warning("intent_without_payment", provider_intent_id=told.id)
        return
    payment.provider_intent_id = told.id
    payment.client_secret = told.client_secret or payment.client_secret
    wanted = _PAYMENT_STATUS.get(told.status)
    if told.status == "requires_payment_method" and told.failure_code is not None:
        wanted = "failed"
    if wanted == "succeeded":
        _fold_success(payment, told.charge)
    elif wanted is not None and wanted in PAYMENT_NEXT[payment.status]:
        if wanted in {"failed", "cancelled"}:
            end_payment(payment, wanted, told.failure_code)
        else:
            move(payment, wanted, PAYMENT_NEXT)
            payment.next_action = told.next_action_url
    session.flush()


def fold_refund(told: ProviderRefund) -> None:
    """A refund of ours, or one made at the provider itself of a payment of ours."""
    refund = _refund_of(told)
    if refund is None:
        telemetry.log.warning("refund_of_unknown_payment", provider_refund_id=told.id)
        return
    payment = queries.payment_for_update(refund.payment_id)
    refund.provider_refund_id = told.id
    wanted = _REFUND_STATUS[told.status]
    about: dict[str, Any] = {"row_id": refund.id, "amount_minor": told.amount_minor, "currency": told.currency}
    if (told.has_moved or wanted == "succeeded") and not refund.is_posted:
        refund.is_posted = True
        post([postings.refunded(told.id, at=told.created_at, **about)])
    if wanted in REFUND_NEXT[refund.status]:
        if wanted == "succeeded":
            end_succeeded(refund, payment, told.created_at)
        elif wanted == "failed":
            end_failed(refund, payment, told.failure_code)
        else:
            move(refund, wanted, REFUND_NEXT)
    returned = _inward(told.movements)
    if returned is not None and refund.is_posted and not refund.is_reversed:
        refund.is_reversed = True
        post([postings.refund_returned(told.id, at=returned.created_at, **about)])
    for movement in told.movements:
        fold_movement(movement)
    claim_movements(
        told.id,
        Presented(told.amount_minor, told.currency),
        taken_as=postings.refunded_key(told.id) if refund.is_posted else None,
        given_as=postings.returned_key(told.id) if refund.is_reversed else None,
    )


def fold_dispute(told: ProviderDispute) -> None:
    """A dispute: the sum taken, and what became of it. Raises NoBookInCurrency."""
    check_currency(told.currency)
    dispute = _dispute_of(told)
    if dispute.status == "open":
        dispute.provider_status = told.status
    taken = next((each for each in told.movements if each.amount_minor < 0), None)
    given = _inward(told.movements)
    wanted = _DISPUTE_STATUS.get(told.status, "open")
    # Settled in another currency, a movement says that one's sum and not the dispute's.
    is_told = taken is not None and taken.currency == told.currency
    amount_minor = -taken.amount_minor if taken is not None and is_told else told.amount_minor
    about: dict[str, Any] = {"row_id": dispute.id, "amount_minor": amount_minor, "currency": told.currency}
    if (taken is not None or wanted == "lost") and not dispute.is_withdrawn:
        dispute.is_withdrawn = True
        post([postings.dispute_withdrawn(told.id, at=taken.created_at if taken else told.created_at, **about)])
    if given is not None and not dispute.is_reinstated:
        dispute.is_reinstated = True
        won_minor = given.amount_minor if given.currency == told.currency else told.amount_minor
        post([postings.dispute_won(told.id, at=given.created_at, **(about | {"amount_minor": won_minor}))])
    if wanted == "lost" and not dispute.is_written_off:
        dispute.is_written_off = True
        # The provider does not say when the case was decided, and when we hear of it must not matter: the money has
        # been gone since it was taken.
        post([postings.dispute_lost(told.id, at=taken.created_at if taken else told.created_at, **about)])
    if wanted in DISPUTE_NEXT[dispute.status]:
        move(dispute, wanted, DISPUTE_NEXT)
        dispute.closed_at = clock.now()
        outbox.add(DisputeClosed(dispute.id, dispute.payment_id, wanted))
    for movement in told.movements:
        fold_movement(movement)
    dispute.fee_minor = queries.fees_of(told.id)
    claim_movements(
        told.id,
        Presented(told.amount_minor, told.currency),
        taken_as=postings.withdrawn_key(told.id) if dispute.is_withdrawn else None,
        given_as=postings.won_key(told.id) if dispute.is_reinstated else None,
    )


def fold_payout(told: ProviderPayout) -> None:
    """A payout: sent, arrived, or come back, even after it had arrived. Raises NoBookInCurrency."""
    check_currency(told.currency)
    payout = _payout_of(told)
    about: dict[str, Any] = {"row_id": payout.id, "amount_minor": told.amount_minor, "currency": told.currency}
    payout.is_composed = payout.is_composed or told.is_composed
    if not payout.is_posted:
        payout.is_posted = True
        post([postings.paid_out(told.id, at=told.created_at, **about)])
    wanted = _PAYOUT_STATUS.get(told.status)
    if wanted is not None and wanted in PAYOUT_NEXT[payout.status]:
        move(payout, wanted, PAYOUT_NEXT)
        payout.failure_code = told.failure_code
    returned = _inward(told.movements)
    if returned is not None and not payout.is_reversed:
        payout.is_reversed = True
        post([postings.payout_returned(told.id, at=returned.created_at, **about)])
    for movement in told.movements:
        fold_movement(movement)
    claim_movements(
        told.id,
        Presented(told.amount_minor, told.currency),
        taken_as=postings.sent_key(told.id),
        given_as=postings.unsent_key(told.id) if payout.is_reversed else None,
    )


def _is_folded(told: ProviderIntent) -> bool:
    """Whether all that a paid intent can tell is known: most of what the gap filler reads, and needs no lock."""
    if told.charge is None or told.status != "succeeded":
        return False
    payment = queries.payment_by_charge(told.charge.id, told.id)
    return (
        payment is not None
        and payment.status == "succeeded"
        and payment.captured_at is not None
        and (payment.fee_minor is not None or told.charge.movement is None or _is_settled_elsewhere(told))
    )


def _is_settled_elsewhere(told: ProviderIntent) -> bool:
    """A charge's movement in another currency carries its fee alone; whether it was folded, its row says."""
    movement = told.charge.movement if told.charge is not None else None
    return movement is not None and movement.currency != told.currency and bool(queries.known_movements([movement.id]))


def _payment_of(told: ProviderIntent) -> Payment | None:
    """Our payment of an intent. A second intent that claims the same payment is not it."""
    payment = queries.payment_by_intent_for_update(told.id)
    if payment is None and (named := _uuid(told.key)) is not None:
        payment = queries.payment_for_update(named)
        if payment is not None and payment.provider_intent_id is not None:
            return None
    return payment


def _fold_success(payment: Payment, charge: ProviderCharge | None) -> None:
    if charge is None or charge.status != "succeeded":
        return
    payment.provider_charge_id = charge.id
    if payment.captured_at is None:
        payment.captured_at = charge.created_at
        post([
            postings.captured(
                charge.id,
                payment_id=payment.id,
                # The authorised sum: what was not captured of it leaves again as a refund of its own.
                amount_minor=charge.amount_minor,
                currency=charge.currency,
                at=charge.created_at,
            )
        ])  # fmt: skip
    if payment.status != "succeeded" and not succeed_payment(payment, charge.created_at):
        session.flush()
        refund_payment(payment.id, payment.amount_minor, reason="late-success", key="late-success")
    presented = Presented(charge.amount_minor, charge.currency)
    claim_movements(charge.id, presented, taken_as=None, given_as=postings.captured_key(charge.id))
    if charge.movement is not None:
        fold_movement(charge.movement)


def _refund_of(told: ProviderRefund) -> Refund | None:
    refund = queries.provider_refund_for_update(told.id)
    if refund is None and (named := _uuid(told.key)) is not None:
        refund = queries.refund_for_update(named)
    if refund is not None:
        return refund
    payment = queries.payment_by_charge(told.charge_id or "", told.intent_id)
    if payment is None:
        return None
    refund_id = insert_refund(payment, told.amount_minor, reason="provider", key=told.id)
    if refund_id is not None:
        locked = queries.payment_for_update(payment.id) or payment
        locked.refund_reserved_minor += told.amount_minor
        session.flush()
    return queries.refund_for_update(queries.refund_by_key(payment.id, told.id).id)


def _dispute_of(told: ProviderDispute) -> Dispute:
    """Our row of a dispute, made the first time it is told of."""
    dispute = queries.dispute_for_update(told.id)
    if dispute is not None and dispute.payment_id is not None:
        return dispute
    payment = queries.payment_by_charge(told.charge_id, told.intent_id)
    if dispute is not None:
        dispute.payment_id = payment.id if payment is not None else None
        return dispute
    row = {
        "tenant_id": tenant_id(),
        "id": new_id(),
        "payment_id": payment.id if payment is not None else None,
        "provider_dispute_id": told.id,
        "provider_charge_id": told.charge_id,
        "provider_status": told.status,
        "reason": told.reason,
        "amount_minor": told.amount_minor,
        "currency": told.currency,
        "status": "open",
        "fee_minor": 0,
        "is_withdrawn": False,
        "is_reinstated": False,
        "is_written_off": False,
        "opened_at": told.created_at,
    }
    made = session.execute(
        insert(Dispute).values(row).on_conflict_do_nothing().returning(Dispute.id)
    ).scalar_one_or_none()
    if made is not None:
        outbox.add(DisputeOpened(made))
    dispute = queries.dispute_for_update(told.id)
    if dispute is None:
        raise LookupError(told.id)
    return dispute


def _payout_of(told: ProviderPayout) -> Payout:
    """Our row of a payout, made the first time it is told of."""
    payout = queries.payout_for_update(told.id)
    if payout is not None:
        return payout
    row = {
        "tenant_id": tenant_id(),
        "id": new_id(),
        "provider_payout_id": told.id,
        "amount_minor": told.amount_minor,
        "currency": told.currency,
        "status": "sent",
        "is_automatic": told.is_automatic,
        "is_composed": told.is_composed,
        "composition": "unknown",
        "unallocated_minor": 0,
        "is_posted": False,
        "is_reversed": False,
        "sent_at": told.created_at,
        "arrives_at": told.arrives_at,
    }
    session.execute(insert(Payout).values(row).on_conflict_do_nothing())
    payout = queries.payout_for_update(told.id)
    if payout is None:
        raise LookupError(told.id)
    return payout


def _inward(movements: Sequence[ProviderMovement]) -> ProviderMovement | None:
    """The movement that brought money (back) into the balance. Only it says so: a status may be ahead of the money."""
    return next((each for each in movements if each.amount_minor > 0), None)


def _uuid(key: str | None) -> UUID | None:
    """The id in an object's metadata, which anybody with the provider's console may have written."""
    try:
        return None if key is None else UUID(key)
    except ValueError:
        return None
