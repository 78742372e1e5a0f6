"""Disputes of single lines, and adjustments: what one party asks for, the other decides."""

from typing import Literal
from uuid import UUID

from tandem.accounts import hand
from tandem.billing.ledger import mirror_currency, post
from tandem.billing.settlements import lines, postings, queries
from tandem.billing.settlements.errors import LineAlreadyDisputed, OwnAdjustment, WithholdsTooMuch
from tandem.billing.settlements.events import FeeAdjusted
from tandem.billing.settlements.models import (
    ADJUSTMENT_NEXT,
    LINE_DISPUTE_NEXT,
    FeeAdjustment,
    LineDispute,
    SettlementStatement,
)
from tandem.kernel import audit, clock, jobs, outbox
from tandem.kernel.database import refusing, session
from tandem.kernel.errors import NotFound, TransitionRefused
from tandem.kernel.states import move
from tandem.kernel.tenancy import tenant_id

Party = Literal["hospital", "operator"]
_DISPUTABLE = ("proposed", "disputed", "confirmed")


def dispute_line(
    statement_id: UUID,
    kind: str,
    *,
    withheld_minor: int,
    because: str,
    evidence: str,
    evidence_sha256: str | None = None,
) -> LineDispute:
    """The hospital does not accept one line, or a part of it; the rest stays payable. [hospital]

    Raises WithholdsTooMuch beyond what the line asks for and the statement leaves due of the fee, LineAlreadyDisputed,
    TransitionRefused once it is paid, NotFound.
    """
    row = queries.statement(statement_id, for_update=True)
    if kind not in lines.BY_NAME:
        raise NotFound
    if row.status not in _DISPUTABLE:
        raise TransitionRefused(current=row.status, wanted="disputed", allowed=[])
    limit_minor = _most_withheld(row, kind)
    if withheld_minor > limit_minor:
        raise WithholdsTooMuch(at_most_minor=limit_minor)
    dispute = LineDispute(
        tenant_id=tenant_id(),
        statement_id=row.id,
        kind=kind,
        withheld_minor=withheld_minor,
        because=because,
        evidence=evidence,
        evidence_sha256=evidence_sha256,
        raised_by=hand(),
    )
    with refusing(line_dispute_open_key=LineAlreadyDisputed):
        session.add(dispute)
    audit.record(action="line_dispute.opened", object_type="line_dispute", object_id=dispute.id)
    return dispute


def move_dispute(dispute_id: UUID, *, because: str) -> LineDispute:
    """No agreement in this period: the withheld sum goes to the next statement. Raises TransitionRefused, NotFound."""
    return _resolve(queries.line_dispute(dispute_id, for_update=True), "moved", because)


def withdraw_dispute(dispute_id: UUID, *, because: str) -> LineDispute:
    """The hospital accepts the line after all. [hospital] Raises TransitionRefused, NotFound."""
    return _resolve(queries.line_dispute(dispute_id, for_update=True), "withdrawn", because)


def propose_adjustment(
    statement_id: UUID, *, party: Party, amount_minor: int, because: str, line_dispute_id: UUID | None = None
) -> FeeAdjustment:
    """Ask for a correction of a statement's fee; the other party decides. Raises NotFound."""
    row = queries.statement(statement_id)
    if line_dispute_id is not None and queries.line_dispute(line_dispute_id).statement_id != row.id:
        raise NotFound
    adjustment = FeeAdjustment(
        tenant_id=tenant_id(),
        statement_id=row.id,
        line_dispute_id=line_dispute_id,
        amount_minor=amount_minor,
        currency=row.currency,
        because=because,
        proposed_party=party,
        proposed_by=hand(),
    )
    session.add(adjustment)
    session.flush()
    audit.record(action="fee_adjustment.proposed", object_type="fee_adjustment", object_id=adjustment.id)
    return adjustment


def decide_adjustment(adjustment_id: UUID, *, party: Party, decision: Literal["accepted", "declined"]) -> FeeAdjustment:
    """The other party's word on an adjustment; accepted, a job books it and its dispute is settled.

    Raises OwnAdjustment for the party that proposed it, TransitionRefused, NotFound.
    """
    adjustment = queries.adjustment(adjustment_id, for_update=True)
    if adjustment.proposed_party == party:
        raise OwnAdjustment(proposed_party=party)
    move(adjustment, decision, ADJUSTMENT_NEXT)
    adjustment.decided_party, adjustment.decided_by, adjustment.decided_at = party, hand(), clock.now()
    if decision == "accepted":
        outbox.add(FeeAdjusted(adjustment.id))
        if adjustment.line_dispute_id is not None:
            _resolve(queries.line_dispute(adjustment.line_dispute_id, for_update=True), "agreed", str(adjustment.id))
    return adjustment


def book_adjustment(adjustment_id: UUID) -> None:
    """Book what both parties agreed on, in the open period, pointing back at the statement. [hospital]"""
    adjustment = queries.adjustment(adjustment_id)
    if adjustment.status != "accepted" or adjustment.decided_at is None:
        return
    post([
        postings.fee_adjusted(
            adjustment.id,
            adjustment.statement_id,
            at=adjustment.decided_at,
            amount_minor=adjustment.amount_minor,
            currency=adjustment.currency,
        )
    ])  # fmt: skip
    jobs.enqueue(mirror_currency, currency=adjustment.currency)


def _most_withheld(row: SettlementStatement, kind: str) -> int:
    if not lines.BY_NAME[kind].is_owed:
        return 0
    asked: int = sum(-line["amount_minor"] for line in queries.lines_of(row.id) if line["kind"] == kind)
    already = sum(dispute.withheld_minor for dispute in queries.open_line_disputes(row.id))
    fee_due = row.operator_fee_minor + row.fee_waiting_before_minor - row.fee_waiting_minor + row.carried_in_minor
    return max(0, min(asked, fee_due - already))


def _resolve(dispute: LineDispute, status: str, resolution: str) -> LineDispute:
    move(dispute, status, LINE_DISPUTE_NEXT)
    dispute.resolution, dispute.resolved_at = resolution, clock.now()
    return dispute
