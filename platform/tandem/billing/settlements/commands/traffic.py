"""Traffic fees: for a completed visit that was not refunded, to the one channel that brought its patient."""

from uuid import UUID

from sqlalchemy import select

from tandem.accounts import agreement_version, hand
from tandem.billing.ledger import lock_book, mirror_currency, post
from tandem.billing.settlements import postings, queries
from tandem.billing.settlements.commands.terms import rule_name
from tandem.billing.settlements.errors import VisitClaimed
from tandem.billing.settlements.events import VisitBrought
from tandem.billing.settlements.models import CLAIM_NEXT, FeeAccrual, TrafficClaim
from tandem.billing.usage import usage_event
from tandem.kernel import jobs, outbox
from tandem.kernel.database import locked, refusing, session
from tandem.kernel.states import move
from tandem.kernel.tenancy import tenant_id


def claim_visit(usage_event_id: UUID, *, channel: str, touchpoint_id: UUID | None = None) -> TrafficClaim:
    """A channel says that it brought the patient of a visit; claimed again by the same one it is the same claim.

    [hospital, operator's role] Raises VisitClaimed for another channel, NotFound for no such use.
    """
    usage_event(usage_event_id)
    known = traffic_claim(usage_event_id)
    if known is not None:
        if known.channel != channel:
            raise VisitClaimed(channel=known.channel)
        return known
    claim = TrafficClaim(
        tenant_id=tenant_id(),
        usage_event_id=usage_event_id,
        channel=channel,
        touchpoint_id=touchpoint_id,
        claimed_by=hand(),
    )
    with refusing(traffic_claim_tenant_id_usage_event_id_key=VisitClaimed):
        session.add(claim)
    outbox.add(VisitBrought(usage_event_id))
    return claim


def book_traffic_fee(usage_event_id: UUID) -> None:
    """Book a claim once its visit has been accrued, or say why nothing is owed for it. [hospital]"""
    usage = usage_event(usage_event_id)
    lock_book(usage.currency)
    claim, accrual = traffic_claim(usage_event_id, for_update=True), queries.accrual_of_usage(usage_event_id)
    if claim is None or claim.status != "claimed" or accrual is None:
        return
    version_id = accrual.agreement_version_id
    agreement = None if version_id is None else agreement_version(version_id)
    fee_minor = agreement.traffic_per_visit_minor if agreement is not None else None
    refusal = _refusal(accrual, fee_minor)
    if refusal is not None or fee_minor is None:
        move(claim, "refused", CLAIM_NEXT, because=refusal)
        claim.refusal = refusal
        return
    post([postings.traffic_fee(usage, fee_minor, rule_name(agreement))])
    claim.fee_minor = fee_minor
    move(claim, "owed", CLAIM_NEXT)
    jobs.enqueue(mirror_currency, currency=usage.currency)


def traffic_claim(usage_event_id: UUID, *, for_update: bool = False) -> TrafficClaim | None:
    """The claim of a visit, if a channel has claimed it."""
    wanted = select(TrafficClaim).where(
        TrafficClaim.tenant_id == tenant_id(), TrafficClaim.usage_event_id == usage_event_id
    )
    return locked(wanted) if for_update else session.scalar(wanted)


def _refusal(accrual: FeeAccrual, fee_minor: int | None) -> str | None:
    if fee_minor is None:
        return "not-agreed"
    if queries.refunded_minor(accrual.id) > 0:
        return "refunded"
    # No visit costs a hospital money: fee and traffic fee together stay within its price.
    return "beyond-price" if accrual.fee_minor + fee_minor > accrual.basis_minor else None
