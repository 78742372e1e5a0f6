"""Disputes of single lines, and adjustments: what one party asks for, the other decides."""

from typing import Any, Final, Literal, NotRequired, TypedDict, Unpack, cast
from uuid import UUID

from tandem.accounts import hand
from tandem.billing.ledger import mirror_currency, post
from tandem.billing.settlements import lines, postings, queries
from tandem.billing.settlements.commands.employers import settle_employer_statements
from tandem.billing.settlements.errors import (
    DocumentCorrects,
    DocumentCorrectsNothing,
    FigureWithheld,
    LineAlreadyDisputed,
    OwnAdjustment,
    WithholdsTooMuch,
)
from tandem.billing.settlements.events import FeeAdjusted
from tandem.billing.settlements.models import (
    ADJUSTMENT_NEXT,
    FIGURES,
    LINE_DISPUTE_NEXT,
    EmployerStatement,
    FeeAdjustment,
    LineDispute,
    SettlementStatement,
)
from tandem.kernel import audit, clock, jobs, outbox
from tandem.kernel.database import refusing, session
from tandem.kernel.errors import NotFound, TransitionRefused
from tandem.kernel.states import move
from tandem.kernel.tenancy import tenant_id

Party = Literal["hospital", "employer", "operator"]
_DISPUTABLE: Final = ("proposed", "disputed", "confirmed")
_BY_DOCUMENT: Final = {"invoiced": "credit note", "paid": "payment"}
"""Figures of an employer's line that stand on documents, and what kind of document corrects them."""


class DisputeWish(TypedDict):
    """What whoever disputes a line says of it."""

    withheld_minor: int
    because: str
    evidence: str
    evidence_sha256: NotRequired[str]


def dispute_line(statement_id: UUID, kind: str, **wish: Unpack[DisputeWish]) -> LineDispute:
    """The hospital does not accept one line, or a part of it; the rest stays payable. [hospital]

    Raises WithholdsTooMuch beyond what the line asks for and the statement leaves due of the fee, LineAlreadyDisputed,
    TransitionRefused once it is paid, NotFound.
    """
    row = queries.statement(statement_id, for_update=True)
    if kind not in lines.BY_NAME:
        raise NotFound
    return _open(row, _most_withheld(row, kind), wish, statement_id=row.id, kind=kind)


def dispute_programme(statement_id: UUID, programme_id: UUID, figure: str, **wish: Unpack[DisputeWish]) -> LineDispute:
    """The employer does not accept one figure of one programme; the rest stays payable, and is. [employer]

    Raises FigureWithheld for what was not told, WithholdsTooMuch beyond the figure and what the programme's invoices
    leave open, LineAlreadyDisputed, TransitionRefused once it is paid, NotFound.
    """
    row = queries.employer_statement(statement_id, for_update=True)
    told = queries.lines_of_employer_statement(row.id)
    line = next((each for each in told if each["programme_id"] == programme_id), None)
    if line is None or figure not in FIGURES:
        raise NotFound
    figure_minor = line[f"{figure}_minor"]
    if figure_minor is None:
        raise FigureWithheld
    already = sum(
        each.withheld_minor for each in queries.open_line_disputes(row.id) if each.programme_id == programme_id
    )
    limit_minor = max(0, min(figure_minor, line["open_minor"] - already))
    found = {"employer_statement_id": row.id, "programme_id": programme_id}
    dispute = _open(row, limit_minor, wish, kind=figure, **found)
    # All but what is disputed may have been paid by now.
    settle_employer_statements()
    return dispute


def agree_by_document(dispute_id: UUID, document_id: UUID) -> LineDispute:
    """The operator agrees: a credit note, or a payment recorded since, corrects the figure. [employer, operator's role]

    The document is booked by itself and stands in the next statement, which says what it corrects. Raises
    DocumentCorrectsNothing, TransitionRefused, NotFound.
    """
    dispute = queries.line_dispute(dispute_id, for_update=True)
    row = queries.employer_statement(dispute.of_id)
    if document_id not in queries.documents_since(row, dispute.kind, cast("UUID", dispute.programme_id)):
        raise DocumentCorrectsNothing(wanted=_BY_DOCUMENT.get(dispute.kind, "adjustment"))
    return _resolve(dispute, "agreed", str(document_id))


def move_dispute(dispute_id: UUID, *, because: str) -> LineDispute:
    """No agreement in this period: the withheld sum goes to the next statement. Raises TransitionRefused, NotFound."""
    return _resolve(queries.line_dispute(dispute_id, for_update=True), "moved", because)


def withdraw_dispute(dispute_id: UUID, *, because: str) -> LineDispute:
    """The hospital accepts the line after all. [hospital] Raises TransitionRefused, NotFound."""
    return _resolve(queries.line_dispute(dispute_id, for_update=True), "withdrawn", because)


def propose_adjustment(
    statement_id: UUID, *, party: Party, amount_minor: int, because: str, line_dispute_id: UUID | None = None
) -> FeeAdjustment:
    """Ask for a correction of a statement; the other party decides.

    An employer's corrects what was drawn, and answers a dispute of that. Raises DocumentCorrects for a figure that
    stands on documents, NotFound.
    """
    row = queries.any_statement(statement_id)
    dispute = None if line_dispute_id is None else queries.line_dispute(line_dispute_id)
    if dispute is not None and dispute.of_id != row.id:
        raise NotFound
    programme_id = _programme_drawn_on(dispute) if isinstance(row, EmployerStatement) else None
    adjustment = FeeAdjustment(
        tenant_id=tenant_id(),
        statement_id=row.id if programme_id is None else None,
        employer_statement_id=None if programme_id is None else row.id,
        programme_id=programme_id,
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

    Raises OwnAdjustment for the party that proposed it, and for the person, TransitionRefused, NotFound.
    """
    adjustment = queries.adjustment(adjustment_id, for_update=True)
    decider = hand()
    # A person with a seat at both parties is still one pair of eyes.
    if adjustment.proposed_party == party or (decider is not None and adjustment.proposed_by == decider):
        raise OwnAdjustment(proposed_party=adjustment.proposed_party)
    move(adjustment, decision, ADJUSTMENT_NEXT)
    adjustment.decided_party, adjustment.decided_by, adjustment.decided_at = party, decider, clock.now()
    if decision == "accepted":
        outbox.add(FeeAdjusted(adjustment.id))
        if adjustment.line_dispute_id is not None:
            _resolve(queries.line_dispute(adjustment.line_dispute_id, for_update=True), "agreed", str(adjustment.id))
    return adjustment


def book_adjustment(adjustment_id: UUID) -> None:
    """Book what both agreed on, in the open period, pointing back at the statement. [hospital, employer]"""
    adjustment = queries.adjustment(adjustment_id)
    if adjustment.status != "accepted" or adjustment.decided_at is None:
        return
    post([postings.adjusted(adjustment, at=adjustment.decided_at)])
    jobs.enqueue(mirror_currency, currency=adjustment.currency)


def _open(
    row: SettlementStatement | EmployerStatement, limit_minor: int, wish: DisputeWish, **line: Any
) -> LineDispute:
    if row.status not in _DISPUTABLE:
        raise TransitionRefused(current=row.status, wanted="disputed", allowed=[])
    if wish["withheld_minor"] > limit_minor:
        raise WithholdsTooMuch(at_most_minor=limit_minor)
    dispute = LineDispute(tenant_id=tenant_id(), raised_by=hand(), **line, **wish)
    with refusing(line_dispute_open_key=LineAlreadyDisputed, line_dispute_open_of_employer_key=LineAlreadyDisputed):
        session.add(dispute)
    audit.record(action="line_dispute.opened", object_type="line_dispute", object_id=dispute.id)
    return dispute


def _programme_drawn_on(dispute: LineDispute | None) -> UUID:
    if dispute is None:
        raise NotFound
    if dispute.kind in _BY_DOCUMENT:
        raise DocumentCorrects(wanted=_BY_DOCUMENT[dispute.kind])
    return cast("UUID", dispute.programme_id)


def _most_withheld(row: SettlementStatement, kind: str) -> int:
    if not lines.BY_NAME[kind].is_owed or queries.is_being_transferred(row.id):
        # What is on its way to the hospital can no longer be sent with another sum.
        return 0
    asked: int = sum(-line["amount_minor"] for line in queries.lines_of(row.id) if line["kind"] == kind)
    already = sum(dispute.withheld_minor for dispute in queries.open_line_disputes(row.id))
    fee_due = row.operator_fee_minor + row.fee_waiting_before_minor - row.fee_waiting_minor + row.carried_in_minor
    return max(0, min(asked, fee_due - already))


def _resolve(dispute: LineDispute, status: str, resolution: str) -> LineDispute:
    move(dispute, status, LINE_DISPUTE_NEXT)
    dispute.resolution, dispute.resolved_at = resolution, clock.now()
    return dispute
