"""What takes a fee back: refunds, refunds that came back, and lost disputes; each by the recorded split.

Under the book's lock, like the accrual: whoever comes second does the rest.
"""

from datetime import datetime
from uuid import UUID

from tandem.billing import payments
from tandem.billing.ledger import JournalDraft, lock_book, mirror_currency, post
from tandem.billing.prices import fee_to_reverse
from tandem.billing.settlements import postings, queries
from tandem.billing.settlements.commands.terms import name_of
from tandem.billing.settlements.commands.traffic import traffic_claim
from tandem.billing.settlements.models import FeeAccrual, FeeReversal
from tandem.billing.usage import UsageEvent, usage_event
from tandem.kernel import jobs
from tandem.kernel.database import session
from tandem.kernel.tenancy import tenant_id


def reverse_refund(refund_id: UUID, *, is_return: bool = False) -> None:
    """Take back revenue and fee for a refund that succeeded; with `is_return`, restore them when it came back.

    Does nothing while the visit has not been accrued: the accrual will see the refund. [hospital]
    """
    refund = payments.refund(refund_id)
    lock_book(refund.currency)
    accrual = queries.accrual_of_payment(refund.payment_id)
    if accrual is None or queries.is_reversed(refund_id, is_return=is_return):
        return
    # A refund that came back before its reversal was booked has nothing to restore, and nothing to reverse any more.
    if is_return != (refund.status == "failed") or (is_return and not queries.is_reversed(refund_id, is_return=False)):
        return
    usage = usage_event(accrual.usage_event_id)
    at = refund.succeeded_at or refund.created_at
    reverse(accrual, usage, refund_id=refund_id, asked_minor=refund.amount_minor, at=at, is_return=is_return)
    jobs.enqueue(mirror_currency, currency=usage.currency)


def reverse_lost_dispute(dispute_id: UUID) -> None:
    """Take back the fee's share of what a lost dispute took; the rest is the hospital's loss. [hospital]"""
    dispute = queries.dispute(dispute_id)
    if dispute.status != "lost" or dispute.payment_id is None:
        return
    lock_book(dispute.currency)
    accrual = queries.accrual_of_payment(dispute.payment_id)
    if accrual is None or queries.is_reversed(dispute_id, is_return=False):
        return
    usage = usage_event(accrual.usage_event_id)
    reverse(accrual, usage, refund_id=dispute_id, asked_minor=dispute.amount_minor, at=dispute.closed_at, lost=True)
    jobs.enqueue(mirror_currency, currency=usage.currency)


def reverse(
    accrual: FeeAccrual,
    usage: UsageEvent,
    *,
    refund_id: UUID,
    asked_minor: int,
    at: datetime | None,
    is_return: bool = False,
    lost: bool = False,
) -> None:
    """Book one reversal of an accrual; the caller holds the book. `lost`: a dispute, which leaves revenue alone."""
    before = queries.refunded_minor(accrual.id)
    wanted = -asked_minor if is_return else asked_minor
    # What was paid beyond the delivered visit's price earned nothing, so its refund takes nothing back.
    counted = max(-before, min(wanted, accrual.basis_minor - before))
    claim = traffic_claim(usage.id)
    parts = {
        name: fee_to_reverse(
            basis_minor=accrual.basis_minor, fee_minor=fee, refunded_before_minor=before, refund_minor=counted
        )
        for name, fee in (
            ("fee", accrual.fee_minor),
            ("excess", accrual.disputed_minor),
            ("traffic", claim.fee_minor if claim is not None and claim.fee_minor is not None else 0),
        )
    }
    decision = queries.booked_decision(accrual.id)
    if decision == "waived":
        parts["excess"] = 0
    row = FeeReversal(
        tenant_id=tenant_id(),
        fee_accrual_id=accrual.id,
        refund_id=refund_id,
        is_return=is_return,
        cause="dispute" if lost else "refund",
        asked_minor=asked_minor,
        at=max(at or usage.at, usage.at),
        refund_minor=counted,
        fee_minor=parts["fee"],
        excess_minor=parts["excess"],
        traffic_minor=parts["traffic"],
    )
    post(_drafts(usage, row, name_of(accrual.agreement_version_id), is_granted=decision == "granted"))
    session.add(row)
    session.flush()


def _drafts(usage: UsageEvent, row: FeeReversal, terms: str, *, is_granted: bool) -> list[JournalDraft]:
    drafts: list[JournalDraft] = []
    if row.cause == "refund":
        drafts += postings.refund_reversals(
            usage,
            refund_id=row.refund_id,
            at=row.at,
            refund_minor=row.refund_minor,
            fee_minor=row.fee_minor,
            terms=terms,
        )
    elif row.fee_minor:
        drafts.append(
            postings.fee_lost(usage, dispute_id=row.refund_id, at=row.at, fee_minor=row.fee_minor, terms=terms)
        )
    if row.excess_minor:
        drafts.append(
            postings.excess_reversed(
                usage,
                refund_id=row.refund_id,
                is_return=row.is_return,
                at=row.at,
                excess_minor=row.excess_minor,
                is_owed=is_granted,
                terms=terms,
            )
        )
    if row.traffic_minor:
        drafts.append(
            postings.traffic_fee_reversed(
                usage,
                refund_id=row.refund_id,
                is_return=row.is_return,
                at=row.at,
                fee_minor=row.traffic_minor,
                terms=terms,
            )
        )
    return drafts
