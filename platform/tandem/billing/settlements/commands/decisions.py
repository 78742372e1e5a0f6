"""What becomes of a fee beyond a cap: the hospital grants it or the operator waives it; until then it is in dispute."""

from uuid import UUID

from tandem.accounts import hand
from tandem.billing.ledger import lock_book, mirror_currency, post
from tandem.billing.settlements import postings, queries
from tandem.billing.settlements.commands.terms import name_of
from tandem.billing.settlements.errors import NothingInDispute
from tandem.billing.settlements.events import FeeDecided
from tandem.billing.settlements.models import FeeAccrual, FeeDecision
from tandem.billing.usage import usage_event
from tandem.kernel import audit, jobs, outbox
from tandem.kernel.database import refusing, session
from tandem.kernel.tenancy import tenant_id


def grant_excess(fee_accrual_id: UUID, *, because: str) -> FeeAccrual:
    """The hospital consents to a fee beyond a cap: it will be owed. [hospital] Raises NotFound, NothingInDispute."""
    return _decide(fee_accrual_id, "granted", because)


def waive_excess(fee_accrual_id: UUID, *, because: str) -> FeeAccrual:
    """The operator gives it up. [hospital, operator's role] Raises NotFound, NothingInDispute."""
    return _decide(fee_accrual_id, "waived", because)


def book_decision(fee_accrual_id: UUID) -> None:
    """Book what was decided, less what refunds have taken away meanwhile. [hospital]"""
    accrual = queries.accrual(fee_accrual_id)
    lock_book(accrual.currency)
    decision = queries.decision_for_update(fee_accrual_id)
    if decision is None or decision.booked_minor is not None:
        return
    left_minor = accrual.disputed_minor - queries.excess_reversed_minor(accrual.id)
    if left_minor:
        usage = usage_event(accrual.usage_event_id)
        terms = name_of(accrual.agreement_version_id)
        post([postings.excess_decided(usage, decision.decision, decision.decided_at, left_minor, terms)])
        jobs.enqueue(mirror_currency, currency=accrual.currency)
    decision.booked_minor = left_minor


def _decide(fee_accrual_id: UUID, decision: str, because: str) -> FeeAccrual:
    accrual = queries.accrual(fee_accrual_id)
    if accrual.disputed_minor == 0:
        raise NothingInDispute(fee_accrual_id=fee_accrual_id)
    with refusing(fee_decision_tenant_id_fee_accrual_id_key=NothingInDispute):
        session.add(
            FeeDecision(
                tenant_id=tenant_id(),
                fee_accrual_id=accrual.id,
                decision=decision,
                because=because,
                decided_by=hand(),
            )
        )
    audit.record(action=f"fee_accrual.excess_{decision}", object_type="fee_accrual", object_id=accrual.id)
    outbox.add(FeeDecided(accrual.id))
    return accrual
