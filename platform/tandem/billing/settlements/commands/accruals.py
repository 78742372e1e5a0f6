"""From a delivered visit to revenue and fee. Free of order: whoever comes second does the rest.

All of it happens under the book's lock, so a visit and a refund of it can never miss each other.
"""

from datetime import datetime, timedelta
from uuid import UUID

from tandem.accounts import AgreementVersion, agreement_version_at
from tandem.billing.ledger import lock_book, mirror_currency, post
from tandem.billing.prices import FeeResult, compute_fee
from tandem.billing.settlements import postings, queries
from tandem.billing.settlements.commands.reversals import reverse
from tandem.billing.settlements.commands.terms import rule_name, rule_of
from tandem.billing.settlements.commands.traffic import book_traffic_fee
from tandem.billing.settlements.models import FeeAccrual
from tandem.billing.usage import UsageEvent, usage_event
from tandem.kernel import clock, jobs
from tandem.kernel.database import session
from tandem.kernel.tenancy import tenant_id


def accrue_usage(usage_event_id: UUID) -> FeeAccrual:
    """Book a delivered visit's revenue and the operator's fee on it, once. [hospital]

    The fee is computed on the whole price by the agreement of the visit's day; refunds, before or after, take back
    their part of it by the recorded split, so the order in which jobs come does not matter. What the terms give
    beyond a cap is parked in dispute.
    """
    usage = usage_event(usage_event_id)
    lock_book(usage.currency)
    known = queries.accrual_of_usage(usage.id)
    if known is not None:
        return known
    agreement = agreement_version_at(usage.at)
    before_minor = _programme_fees_before(usage, agreement)
    result = compute_fee(usage.amount_minor, rule_of(agreement), programme_fees_before_minor=before_minor)
    accrual = _book(usage, agreement, result, before_minor)
    book_traffic_fee(usage.id)
    if usage.payment_id is not None:
        for refund in queries.succeeded_refunds(usage.payment_id):
            reverse(accrual, usage, refund_id=refund.id, asked_minor=refund.amount_minor, at=refund.succeeded_at)
        for dispute in queries.lost_disputes(usage.payment_id):
            reverse(
                accrual, usage, refund_id=dispute.id, asked_minor=dispute.amount_minor, at=dispute.closed_at, lost=True
            )
    if result.fee_minor or usage.programme_id is not None:
        jobs.enqueue(mirror_currency, currency=usage.currency)
    return accrual


def accrue_missing(until: datetime) -> int:
    """Accrue what was delivered before `until` and whose job has not come yet; returns how many. [hospital]"""
    missing = queries.unaccrued_usage(until)
    for usage_event_id in missing:
        accrue_usage(usage_event_id)
    return len(missing)


def _programme_fees_before(usage: UsageEvent, agreement: AgreementVersion | None) -> int | None:
    if usage.programme_id is None or agreement is None or agreement.cap_per_programme_minor is None:
        return None
    return queries.programme_fees_minor(usage.programme_id)


def _book(
    usage: UsageEvent, agreement: AgreementVersion | None, result: FeeResult, before_minor: int | None
) -> FeeAccrual:
    terms = rule_name(agreement)
    drafts = [postings.revenue_earned(usage)] if usage.amount_minor else []
    if result.fee_minor:
        drafts.append(postings.fee_accrued(usage, result.fee_minor, terms))
    if result.disputed_minor:
        drafts.append(postings.excess_parked(usage, result.disputed_minor, terms))
    booked = {item.kind: item.journal_id for item in post(drafts).items}
    window_days = agreement.refund_window_days if agreement is not None else 0
    accrual = FeeAccrual(
        tenant_id=tenant_id(),
        usage_event_id=usage.id,
        payment_id=usage.payment_id,
        programme_id=usage.programme_id,
        agreement_version_id=agreement.id if agreement is not None else None,
        at=usage.at,
        payable_from=usage.at + timedelta(days=window_days),
        basis_minor=result.basis_minor,
        percent_part_minor=result.percent_part_minor,
        per_visit_part_minor=result.per_visit_part_minor,
        uncapped_minor=result.uncapped_minor,
        fee_minor=result.fee_minor,
        disputed_minor=result.disputed_minor,
        programme_fees_before_minor=before_minor,
        cap=result.cap,
        currency=usage.currency,
        revenue_journal_id=next((booked[kind] for kind in postings.REVENUE if kind in booked), None),
        fee_journal_id=booked.get("operator_fee"),
        created_at=clock.now(),
    )
    session.add(accrual)
    session.flush()
    return accrual
