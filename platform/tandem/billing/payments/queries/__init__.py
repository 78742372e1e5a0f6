"""Reads of payments and of the provider's facts, each by its name. All in the hospital's scope unless they say."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from tandem.billing.payments.models import (
    WAITING,
    BalanceTransaction,
    Dispute,
    ParkedFact,
    Payer,
    Payment,
    Payout,
    ProviderAccount,
    ProviderEvent,
    ProviderReading,
    Refund,
)
from tandem.kernel.database import Page, locked, own_row, page, session
from tandem.kernel.errors import NotFound
from tandem.kernel.tenancy import tenant_id

PAYMENT_SHOWN: Final[tuple[InstrumentedAttribute[object], ...]] = (
    Payment.id, Payment.order_type, Payment.order_id, Payment.method, Payment.amount_minor, Payment.currency,
    Payment.status, Payment.failure_code, Payment.fee_minor, Payment.refunded_minor, Payment.refund_reserved_minor,
    Payment.created_at, Payment.expires_at, Payment.succeeded_at, Payment.completed_at,
)  # fmt: skip
REFUND_SHOWN: Final[tuple[InstrumentedAttribute[object], ...]] = (
    Refund.id, Refund.payment_id, Refund.amount_minor, Refund.currency, Refund.reason, Refund.status,
    Refund.failure_code, Refund.created_at, Refund.succeeded_at,
)  # fmt: skip

Row = TypeVar("Row", Payment, Refund, Dispute, Payout, BalanceTransaction)


def payment(payment_id: UUID) -> Payment:
    """One payment. Raises NotFound."""
    return own_row(Payment, payment_id)


def payment_of_payer(payment_id: UUID, person_id: UUID) -> Payment:
    """One payment, for the person who pays it. Raises NotFound for anybody else."""
    wanted = (
        select(Payment)
        .join(Payer, (Payer.tenant_id == Payment.tenant_id) & (Payer.id == Payment.id))
        .where(Payment.tenant_id == tenant_id(), Payment.id == payment_id, Payer.person_id == person_id)
    )
    return _found(session.scalar(wanted))


def payer_of(payment_id: UUID) -> UUID:
    """The person who pays. Raises NotFound."""
    person_id = session.scalar(select(Payer.person_id).where(Payer.tenant_id == tenant_id(), Payer.id == payment_id))
    if person_id is None:
        raise NotFound
    return person_id


def payment_for_order(order_type: str, order_id: UUID) -> Payment | None:
    """The payment that claims the order; else its latest, which failed or was cancelled; else None."""
    of_order = (
        select(Payment)
        .where(Payment.tenant_id == tenant_id(), Payment.order_type == order_type, Payment.order_id == order_id)
        .order_by(Payment.claims_order.desc(), Payment.created_at.desc(), Payment.id.desc())
        .limit(1)
    )
    return session.scalar(of_order)


def payment_for_update(payment_id: UUID) -> Payment | None:
    """One payment, locked, as it is now."""
    return _locked(Payment, Payment.id == payment_id)


def payment_by_intent_for_update(intent_id: str) -> Payment | None:
    """The payment of a PaymentIntent, locked."""
    return _locked(Payment, Payment.provider_intent_id == intent_id)


def payment_by_charge(charge_id: str, intent_id: str | None) -> Payment | None:
    """The payment that a charge belongs to."""
    of_charge = Payment.provider_charge_id == charge_id
    of_either = of_charge if intent_id is None else or_(of_charge, Payment.provider_intent_id == intent_id)
    return session.scalar(select(Payment).where(Payment.tenant_id == tenant_id(), of_either))


def refund(refund_id: UUID) -> Refund:
    """One refund. Raises NotFound."""
    return own_row(Refund, refund_id)


def refund_by_key(payment_id: UUID, key: str) -> Refund:
    """The refund that this key asked for. Raises NotFound."""
    named = select(Refund).where(Refund.tenant_id == tenant_id(), Refund.payment_id == payment_id, Refund.key == key)
    return _found(session.scalar(named))


def refund_for_update(refund_id: UUID) -> Refund | None:
    """One refund, locked, as it is now."""
    return _locked(Refund, Refund.id == refund_id)


def provider_refund_for_update(provider_refund_id: str) -> Refund | None:
    """The refund of the provider's id, locked."""
    return _locked(Refund, Refund.provider_refund_id == provider_refund_id)


def dispute(dispute_id: UUID) -> Dispute:
    """One dispute. Raises NotFound."""
    return own_row(Dispute, dispute_id)


def dispute_for_update(provider_dispute_id: str) -> Dispute | None:
    """The dispute of the provider's id, locked."""
    return _locked(Dispute, Dispute.provider_dispute_id == provider_dispute_id)


def payout_for_update(provider_payout_id: str) -> Payout | None:
    """The payout of the provider's id, locked."""
    return _locked(Payout, Payout.provider_payout_id == provider_payout_id)


def provider_event(event_id: UUID) -> ProviderEvent:
    """One event of the inbox. Raises NotFound."""
    named = select(ProviderEvent).where(ProviderEvent.tenant_id == tenant_id(), ProviderEvent.id == event_id)
    event = session.scalar(named)
    if event is None:
        raise NotFound
    return event


def intent_of_charge(charge_id: str) -> str | None:
    """The intent of a charge that we know already."""
    named = (Payment.tenant_id == tenant_id(), Payment.provider_charge_id == charge_id)
    return session.scalar(select(Payment.provider_intent_id).where(*named))


def is_old_news(kind: str, object_id: str) -> bool:
    """Whether an event can tell nothing that is not folded already, so that the provider need not be asked."""
    if kind == "refund.created":
        known = select(Refund.id).where(Refund.tenant_id == tenant_id(), Refund.provider_refund_id == object_id)
        return session.scalar(known) is not None
    if kind not in {"charge.succeeded", "charge.updated", "payment_intent.succeeded"}:
        return False
    named = or_(Payment.provider_charge_id == object_id, Payment.provider_intent_id == object_id)
    paid = select(Payment.id).where(
        Payment.tenant_id == tenant_id(), named, Payment.status == "succeeded", Payment.captured_at.is_not(None)
    )
    if kind == "charge.updated":
        paid = paid.where(Payment.fee_minor.is_not(None))
    return session.scalar(paid) is not None


def account_of_hospital(is_live: bool) -> str | None:
    """The scope's account at the provider, if it has one."""
    mine = (ProviderAccount.tenant_id == tenant_id(), ProviderAccount.is_live == is_live)
    return session.scalar(select(ProviderAccount.id).where(*mine))


def tenant_of_account(account_id: str) -> UUID | None:
    """Whose account it is. In any scope."""
    return session.scalar(select(ProviderAccount.tenant_id).where(ProviderAccount.id == account_id))


def account_opened_at(account_id: str) -> datetime:
    """When the account became known here. Raises NotFound."""
    named = select(ProviderAccount.created_at).where(ProviderAccount.id == account_id)
    opened_at = session.scalar(named)
    if opened_at is None:
        raise NotFound
    return opened_at


def read_until() -> datetime | None:
    """Up to when the hospital's account has been read whole."""
    return session.scalar(select(ProviderReading.read_until).where(ProviderReading.tenant_id == tenant_id()))


def waiting_payments(*, older_than: datetime, limit: int) -> Sequence[UUID]:
    """Payments without an end that have been waiting, oldest first."""
    waiting = select(Payment.id).where(
        Payment.tenant_id == tenant_id(), Payment.status.in_(sorted(WAITING)), Payment.created_at < older_than
    )
    return session.scalars(waiting.order_by(Payment.created_at).limit(limit)).all()


def waiting_refunds(*, older_than: datetime, limit: int) -> Sequence[UUID]:
    """Refunds without an end that have been waiting, oldest first."""
    waiting = select(Refund.id).where(
        Refund.tenant_id == tenant_id(), Refund.status.in_(["created", "pending"]), Refund.created_at < older_than
    )
    return session.scalars(waiting.order_by(Refund.created_at).limit(limit)).all()


def payments_without_fee(*, since: datetime, older_than: datetime, limit: int) -> list[tuple[str, str]]:
    """Account and intent of captured payments whose movement has not been told yet, oldest first."""
    unknown = select(Payment.provider_account_id, Payment.provider_intent_id).where(
        Payment.tenant_id == tenant_id(),
        Payment.provider_intent_id.is_not(None),
        Payment.captured_at.is_not(None),
        Payment.fee_minor.is_(None),
        Payment.captured_at.between(since, older_than),
    )
    found = session.execute(unknown.order_by(Payment.captured_at).limit(limit)).all()
    return [(account, intent) for account, intent in found if account is not None and intent is not None]


def unexplained_movements(limit: int) -> Sequence[BalanceTransaction]:
    """Movements whose cause has not been found, oldest first."""
    open_ = select(BalanceTransaction).where(
        BalanceTransaction.tenant_id == tenant_id(), BalanceTransaction.posted_as.is_(None)
    )
    return session.scalars(open_.order_by(BalanceTransaction.provider_created_at).limit(limit)).all()


def fees_of(source_id: str) -> int:
    """What the provider has kept with the movements of one of its objects."""
    kept = select(func.coalesce(func.sum(BalanceTransaction.fee_minor), 0)).where(
        BalanceTransaction.tenant_id == tenant_id(), BalanceTransaction.source_id == source_id
    )
    return int(session.execute(kept).scalar_one())


def movement_for_update(movement_id: UUID) -> BalanceTransaction | None:
    """One movement, locked, as it is now."""
    return _locked(BalanceTransaction, BalanceTransaction.id == movement_id)


def known_movements(provider_ids: Sequence[str]) -> set[str]:
    """Which of these movements are stored."""
    named = (BalanceTransaction.tenant_id == tenant_id(), BalanceTransaction.provider_id.in_(provider_ids))
    return set(session.scalars(select(BalanceTransaction.provider_id).where(*named)))


def known_events(provider_ids: Sequence[str]) -> set[str]:
    """Which of these events lie in the inbox."""
    named = (ProviderEvent.tenant_id == tenant_id(), ProviderEvent.provider_event_id.in_(provider_ids))
    return set(session.scalars(select(ProviderEvent.provider_event_id).where(*named)))


def known_charges(provider_ids: Sequence[str]) -> set[str]:
    """Which of these charges are booked."""
    named = (Payment.tenant_id == tenant_id(), Payment.provider_charge_id.in_(provider_ids))
    found = session.scalars(select(Payment.provider_charge_id).where(*named, Payment.captured_at.is_not(None)))
    return {each for each in found if each is not None}


def parked_keys(limit: int) -> list[tuple[str, str]]:
    """Kind and id of facts that wait to be bookable, the longest untried first."""
    open_ = select(ParkedFact.object_kind, ParkedFact.object_id).where(
        ParkedFact.tenant_id == tenant_id(), ParkedFact.released_at.is_(None)
    )
    return [(kind, id_) for kind, id_ in session.execute(open_.order_by(ParkedFact.last_tried_at).limit(limit))]


def open_at_provider(limit: int) -> list[tuple[str, str]]:
    """Disputes and payouts without an end, oldest first."""
    disputes = select(Dispute.provider_dispute_id).where(Dispute.tenant_id == tenant_id(), Dispute.status == "open")
    payouts = select(Payout.provider_payout_id).where(Payout.tenant_id == tenant_id(), Payout.status == "sent")
    oldest = session.scalars(disputes.order_by(Dispute.opened_at).limit(limit)).all()
    unsettled = session.scalars(payouts.order_by(Payout.sent_at).limit(limit)).all()
    return [*(("dispute", each) for each in oldest), *(("payout", each) for each in unsettled)]


def parked_facts_page(*, limit: int, after: str | None) -> Page:
    """Facts that cannot be booked, newest first. In the view over many tenants, or one hospital's."""
    shown = (
        ParkedFact.id, ParkedFact.tenant_id, ParkedFact.object_kind, ParkedFact.object_id, ParkedFact.reason,
        ParkedFact.amount_minor, ParkedFact.currency, ParkedFact.attempts, ParkedFact.first_seen_at,
        ParkedFact.last_tried_at,
    )  # fmt: skip
    waiting = select(*shown).where(ParkedFact.released_at.is_(None))
    return page(waiting, by=[ParkedFact.first_seen_at, ParkedFact.id], limit=limit, after=after, newest_first=True)


def payments_page(
    *, status: str | None = None, since: datetime | None = None, until: datetime | None = None,
    limit: int, after: str | None,
) -> Page:  # fmt: skip
    """Payments, newest first: sums and states, no payer."""
    wanted = select(*PAYMENT_SHOWN).where(Payment.tenant_id == tenant_id())
    if status is not None:
        wanted = wanted.where(Payment.status == status)
    if since is not None:
        wanted = wanted.where(Payment.created_at >= since)
    if until is not None:
        wanted = wanted.where(Payment.created_at < until)
    return page(wanted, by=[Payment.created_at, Payment.id], limit=limit, after=after, newest_first=True)


def refunds_page(*, payment_id: UUID | None = None, limit: int, after: str | None) -> Page:
    """The hospital's refunds (of one payment), newest first."""
    mine = select(*REFUND_SHOWN).where(Refund.tenant_id == tenant_id())
    if payment_id is not None:
        mine = mine.where(Refund.payment_id == payment_id)
    return page(mine, by=[Refund.created_at, Refund.id], limit=limit, after=after, newest_first=True)


def disputes_page(*, limit: int, after: str | None) -> Page:
    """The hospital's disputes, newest first."""
    shown = (
        Dispute.id, Dispute.payment_id, Dispute.reason, Dispute.amount_minor, Dispute.currency, Dispute.status,
        Dispute.fee_minor, Dispute.opened_at, Dispute.closed_at,
    )  # fmt: skip
    mine = select(*shown).where(Dispute.tenant_id == tenant_id())
    return page(mine, by=[Dispute.opened_at, Dispute.id], limit=limit, after=after, newest_first=True)


def payouts_page(*, limit: int, after: str | None) -> Page:
    """The hospital's payouts, newest first."""
    shown = (
        Payout.id, Payout.amount_minor, Payout.currency, Payout.status, Payout.failure_code, Payout.sent_at,
        Payout.arrives_at, Payout.is_automatic, Payout.composition, Payout.unallocated_minor,
    )  # fmt: skip
    mine = select(*shown).where(Payout.tenant_id == tenant_id())
    return page(mine, by=[Payout.sent_at, Payout.id], limit=limit, after=after, newest_first=True)


def troubled_events_page(*, stuck_before: datetime, limit: int, after: str | None) -> Page:
    """Events that no tenant can be found for, or that lie unworked, newest first. In the view over many tenants."""
    shown = (
        ProviderEvent.id, ProviderEvent.tenant_id, ProviderEvent.provider_event_id,
        ProviderEvent.provider_account_id, ProviderEvent.kind, ProviderEvent.object_id, ProviderEvent.status,
        ProviderEvent.received_at,
    )  # fmt: skip
    stuck = (ProviderEvent.status == "received") & (ProviderEvent.received_at < stuck_before)
    troubled = select(*shown).where(or_(ProviderEvent.status == "unroutable", stuck))
    return page(troubled, by=[ProviderEvent.received_at, ProviderEvent.id], limit=limit, after=after, newest_first=True)


def movement_sums(until: datetime) -> dict[str, int]:
    """Per currency, what the provider's movements before `until` add up to, fees taken off: what cash.psp holds."""
    sums = select(BalanceTransaction.currency, func.sum(BalanceTransaction.net_minor).label("net_minor")).where(
        BalanceTransaction.tenant_id == tenant_id(), BalanceTransaction.provider_created_at < until
    )
    found = session.execute(sums.group_by(BalanceTransaction.currency))
    return {row.currency: int(row.net_minor) for row in found}


def _found(row: Row | None) -> Row:
    if row is None:
        raise NotFound
    return row


def _locked(model: type[Row], condition: ColumnElement[bool]) -> Row | None:
    return locked(select(model).where(model.tenant_id == tenant_id(), condition))
