"""From a delivered visit to revenue and fee, and back by refunds. Free of order: whoever comes second does the rest.

All of it happens under the book's lock, so a visit and a refund of it can never miss each other.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select

from tandem.accounts import AgreementVersion, agreement_version, agreement_version_at
from tandem.billing import payments
from tandem.billing.ledger import lock_book, mirror_currency, post
from tandem.billing.payments import Refund
from tandem.billing.prices import FeeResult, FeeRule, compute_fee, fee_to_reverse
from tandem.billing.settlements import postings, queries
from tandem.billing.settlements.models import FeeAccrual, FeeReversal
from tandem.billing.usage import UsageEvent, usage_event
from tandem.kernel import clock, jobs
from tandem.kernel.database import session
from tandem.kernel.tenancy import tenant_id


def accrue_usage(usage_event_id: UUID) -> FeeAccrual:
    """Book a delivered visit's revenue and the operator's fee on it, once. [hospital]

    The fee is computed on the whole price by the agreement of the visit's day; refunds, before or after, take back
    their part of it by the recorded split, so the order in which jobs come does not matter.
    """
    usage = usage_event(usage_event_id)
    lock_book(usage.currency)
    known = queries.accrual_of_usage(usage.id)
    if known is not None:
        return known
    agreement = agreement_version_at(usage.at)
    result = compute_fee(usage.amount_minor, _rule(agreement))
    accrual = _book(usage, agreement, result)
    if usage.payment_id is not None:
        for refund in queries.succeeded_refunds(usage.payment_id):
            _reverse(accrual, usage, refund, is_return=False)
    if result.fee_minor or usage.programme_id is not None:
        jobs.enqueue(mirror_currency, currency=usage.currency)
    return accrual


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
    _reverse(accrual, usage, refund, is_return=is_return)
    jobs.enqueue(mirror_currency, currency=usage.currency)


def accrue_missing(until: datetime) -> int:
    """Accrue what was delivered before `until` and whose job has not come yet; returns how many. [hospital]"""
    missing = queries.unaccrued_usage(until)
    for usage_event_id in missing:
        accrue_usage(usage_event_id)
    return len(missing)


def accrue_monthly_fee(month_end: datetime, month: str) -> None:
    """Book the month's fee by the agreement that rules in its last moment, once. [hospital]"""
    at = month_end - timedelta(microseconds=1)
    agreement = agreement_version_at(at)
    if agreement is None or agreement.monthly_minor == 0:
        return
    post([postings.monthly_fee(agreement.id, month, at, agreement.monthly_minor, agreement.currency)])
    jobs.enqueue(mirror_currency, currency=agreement.currency)


def _rule(agreement: AgreementVersion | None) -> FeeRule:
    # Before the first agreement is in force nothing was agreed, so nothing is owed.
    if agreement is None:
        return FeeRule(version_id=None)
    return FeeRule(
        version_id=agreement.id,
        percent_of_net=agreement.percent_of_net,
        per_visit_minor=agreement.per_visit_minor,
        monthly_minor=agreement.monthly_minor,
        cap_percent=agreement.cap_percent,
        cap_per_visit_minor=agreement.cap_per_visit_minor,
        cap_per_programme_minor=agreement.cap_per_programme_minor,
        zero_on_medical=agreement.zero_on_medical,
    )


def _rule_name(agreement: AgreementVersion | None) -> str:
    """The rule as its journals name it: with the digest of its terms, the book's seals pin the terms too."""
    if agreement is None:
        return "agreement:none"
    return f"agreement:{agreement.id}@{(agreement.terms_sha256 or '')[:32]}"


def _agreed(accrual: FeeAccrual) -> AgreementVersion | None:
    return None if accrual.agreement_version_id is None else agreement_version(accrual.agreement_version_id)


def _book(usage: UsageEvent, agreement: AgreementVersion | None, result: FeeResult) -> FeeAccrual:
    version_id = agreement.id if agreement is not None else None
    revenue = [postings.revenue_earned(usage)] if usage.amount_minor else []
    fee = [postings.fee_accrued(usage, result.fee_minor, _rule_name(agreement))] if result.fee_minor else []
    booked = {item.kind: item.journal_id for item in post([*revenue, *fee]).items}
    window_days = agreement.refund_window_days if agreement is not None else 0
    accrual = FeeAccrual(
        tenant_id=tenant_id(),
        usage_event_id=usage.id,
        payment_id=usage.payment_id,
        programme_id=usage.programme_id,
        agreement_version_id=version_id,
        at=usage.at,
        payable_from=usage.at + timedelta(days=window_days),
        basis_minor=result.basis_minor,
        percent_part_minor=result.percent_part_minor,
        per_visit_part_minor=result.per_visit_part_minor,
        uncapped_minor=result.uncapped_minor,
        fee_minor=result.fee_minor,
        cap=result.cap,
        currency=usage.currency,
        revenue_journal_id=next((booked[kind] for kind in postings.REVENUE if kind in booked), None),
        fee_journal_id=booked.get("operator_fee"),
        created_at=clock.now(),
    )
    session.add(accrual)
    session.flush()
    return accrual


def _reverse(accrual: FeeAccrual, usage: UsageEvent, refund: Refund, *, is_return: bool) -> None:
    before = select(func.coalesce(func.sum(FeeReversal.refund_minor), 0)).where(
        FeeReversal.tenant_id == tenant_id(), FeeReversal.fee_accrual_id == accrual.id
    )
    refunded_before = int(session.scalar(before) or 0)
    wanted = -refund.amount_minor if is_return else refund.amount_minor
    # What was paid beyond the delivered visit's price earned nothing, so its refund takes nothing back.
    refund_minor = max(-refunded_before, min(wanted, accrual.basis_minor - refunded_before))
    fee_minor = fee_to_reverse(
        basis_minor=accrual.basis_minor,
        fee_minor=accrual.fee_minor,
        refunded_before_minor=refunded_before,
        refund_minor=refund_minor,
    )
    told_at = refund.succeeded_at or refund.created_at
    at = max(told_at, usage.at)
    drafts = postings.refund_reversals(
        usage,
        refund_id=refund.id,
        at=at,
        refund_minor=refund_minor,
        fee_minor=fee_minor,
        terms=_rule_name(_agreed(accrual)),
    )
    post(drafts)
    session.add(
        FeeReversal(
            tenant_id=tenant_id(),
            fee_accrual_id=accrual.id,
            refund_id=refund.id,
            is_return=is_return,
            at=at,
            refund_minor=refund_minor,
            fee_minor=fee_minor,
        )
    )
    session.flush()
