"""What people decide about differences: one party says how it is settled, the other agrees; the books follow.

Nobody settles alone what both are party to: the maker and the checker are of different parties, and the database
says so too. What is agreed is booked by a job of the tenant, for no role of the operator may post to a book.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select, text, update

from tandem.billing.ledger import CHART, JournalDraft, JournalRefused, Line, journal_by_rule, post
from tandem.billing.reconciliation import queries
from tandem.billing.reconciliation.errors import (
    AlreadyProposed,
    JournalNotBalanced,
    NothingInGroup,
    NotParked,
    ProposalOutdated,
    SameParty,
)
from tandem.billing.reconciliation.events import ResolutionApproved
from tandem.billing.reconciliation.models import (
    NEXT,
    RESOLUTION_NEXT,
    Discrepancy,
    DiscrepancyResolution,
    DiscrepancyStep,
    ReconWatermark,
)
from tandem.billing.reconciliation.outcomes import parked_key
from tandem.billing.reconciliation.proposals import REVERSAL, SETTLED, draft_of
from tandem.kernel import audit, clock, outbox
from tandem.kernel.audit import actor_name
from tandem.kernel.database import refusing, session
from tandem.kernel.states import move
from tandem.kernel.tenancy import tenant_id


def explain(discrepancy_id: UUID, *, cause: str, party: str) -> Discrepancy:
    """Say what a difference comes from. Raises TransitionRefused, NotFound."""
    row = queries.discrepancy(discrepancy_id)
    _step(row, "explained", cause)
    row.cause, row.explained_by = cause, party
    return row


def reopen(discrepancy_id: UUID, *, cause: str) -> Discrepancy:
    """Take up a difference again that was settled, with its history. Raises TransitionRefused, NotFound."""
    row = queries.discrepancy(discrepancy_id)
    _step(row, "open", cause)
    row.resolved_at = row.settled_by = row.explained_by = None
    return row


def propose_resolution(
    discrepancy_id: UUID, *, cause: str, lines: Mapping[str, int] | None, party: str
) -> DiscrepancyResolution:
    """Say how a difference is to be settled; the other party decides.

    Without `lines` by its own proposed journal, if it has one; with them by that journal; with none of them by
    nothing being booked. Raises TransitionRefused for one that is resolved, AlreadyProposed, JournalNotBalanced,
    NotFound.
    """
    row = queries.discrepancy(discrepancy_id)
    _require_open(row)
    _require_balanced(lines or {})
    proposal = _proposal(row.reconciliation_pass, row.kind, row.currency, cause, lines or {}, party)
    proposal.discrepancy_id = row.id
    proposal.proposed_journal = row.proposed_journal if lines is None else None
    with refusing(discrepancy_resolution_one_proposed=AlreadyProposed):
        session.add(proposal)
    _record(proposal, "proposed")
    return proposal


def propose_group_resolution(
    reconciliation_pass: str, kind: str, cause_group: str, *, cause: str, party: str
) -> DiscrepancyResolution:
    """Say how all differences of one root are to be settled, however many they are. Raises NothingInGroup."""
    currency = queries.currency_of_group(reconciliation_pass, kind, cause_group)
    if currency is None:
        raise NothingInGroup(kind=kind, group=cause_group)
    proposal = _proposal(reconciliation_pass, kind, currency, cause, {}, party)
    proposal.cause_group = cause_group
    session.add(proposal)
    session.flush()
    _record(proposal, "proposed")
    return proposal


def approve_resolution(resolution_id: UUID, *, party: str) -> DiscrepancyResolution:
    """Agree with the other party's proposal: what it is about is resolved, and its journal goes to the book.

    Raises SameParty, ProposalOutdated where the difference says otherwise by now, TransitionRefused where it is
    resolved or the proposal decided, NotFound.
    """
    proposal = _decide(resolution_id, "approved", party)
    if proposal.discrepancy_id is not None:
        _require_current(proposal, queries.discrepancy(proposal.discrepancy_id))
    settled = _GROUP_SETTLED if proposal.discrepancy_id is None else _ONE_SETTLED
    facts = {
        "tenant": tenant_id(), "one": proposal.discrepancy_id, "pass": proposal.reconciliation_pass,
        "kind": proposal.kind, "group": proposal.cause_group, "now": clock.now(), "cause": proposal.cause,
        "party": party, "resolution": proposal.id, "by": actor_name(),
    }  # fmt: skip
    session.execute(settled, facts)
    proposal.settled_count = int(session.execute(_COUNT_SETTLED, facts).scalar_one())
    session.execute(_SETTLED_STEPS, facts)
    if proposal.lines or proposal.proposed_journal:
        outbox.add(ResolutionApproved(proposal.id))
    return proposal


def reject_resolution(resolution_id: UUID, *, party: str) -> DiscrepancyResolution:
    """Do not agree: everything stays as it was. Raises SameParty, TransitionRefused, NotFound."""
    return _decide(resolution_id, "rejected", party)


def post_resolution(resolution_id: UUID) -> None:
    """Book what was agreed, exactly and once. What the book refuses is open again. [the tenant's own job]"""
    proposal = queries.resolution(resolution_id, for_update=True)
    if proposal.status != "approved" or proposal.journal_id is not None or proposal.refused_because is not None:
        return
    try:
        draft = _draft_by_hand(proposal) if proposal.lines else _draft_as_proposed(proposal)
        if draft is not None:
            proposal.journal_id = post([draft]).journal_ids[0]
    except JournalRefused as refusal:
        _take_back(proposal, refusal.slug)


def _draft_by_hand(proposal: DiscrepancyResolution) -> JournalDraft:
    lines = {code: int(amount) for code, amount in sorted(proposal.lines.items())}
    agreed = f"agreed:{proposal.maker_party}/{proposal.checker_party}"
    about: dict[str, Any] = {
        "key": str(proposal.id), "effective_at": proposal.decided_at or proposal.proposed_at,
        "source_type": "discrepancy_resolution", "source_id": proposal.id, "currency": proposal.currency,
    }  # fmt: skip
    if len(lines) == 2 and "rounding" in lines:
        [other] = lines.keys() - {"rounding"}
        return journal_by_rule(
            "rounding_written_off", amounts={"residual": lines["rounding"]}, parties={"party": None},
            terms={"account": other}, formula=agreed, **about,
        )  # fmt: skip
    told = [Line(code, amount) for code, amount in lines.items()]
    return JournalDraft(kind=SETTLED, lines=told, rule_version=agreed, **about)


def _draft_as_proposed(proposal: DiscrepancyResolution) -> JournalDraft | None:
    journal = proposal.proposed_journal
    if journal is None:
        return None
    named = journal["of"] if journal["rule"] == REVERSAL else None
    return draft_of(
        journal,
        key=str(proposal.id),
        at=proposal.decided_at or proposal.proposed_at,
        currency=proposal.currency,
        source_id=proposal.id,
        journal_id=queries.journal_named(named["kind"], named["key"]) if named else None,
    )


def _take_back(proposal: DiscrepancyResolution, refusal: str) -> None:
    """The book cannot say what was agreed: nobody's difference is settled by that."""
    proposal.refused_because = refusal
    if proposal.discrepancy_id is None:
        return
    row = queries.discrepancy(proposal.discrepancy_id)
    if row.status == "resolved" and row.state_run_id == proposal.id:
        _step(row, "open", f"the book refused what was agreed: {refusal}")
        row.resolved_at = row.settled_by = row.explained_by = None


def release_comparison(comparison: str, *, because: str) -> None:
    """Let a parked comparison go on: its next run makes differences of all that it held back. Raises NotParked."""
    released = session.scalars(
        update(ReconWatermark)
        .where(
            ReconWatermark.tenant_id == tenant_id(),
            ReconWatermark.comparison == comparison,
            ReconWatermark.source == "xid",
            ReconWatermark.parked_at.is_not(None),
        )
        .values(parked_at=None, parked_because=None)
        .returning(ReconWatermark.comparison)
    ).one_or_none()
    if released is None:
        raise NotParked(comparison=comparison)
    told = session.scalars(
        select(Discrepancy).where(
            Discrepancy.tenant_id == tenant_id(),
            Discrepancy.comparison == comparison,
            Discrepancy.natural_key == parked_key(comparison),
        )
    ).one()
    _step(told, "resolved", because)
    told.resolved_at, told.cause, told.settled_by = clock.now(), because, "released"


def _proposal(
    reconciliation_pass: str, kind: str, currency: str, cause: str, lines: Mapping[str, int], party: str
) -> DiscrepancyResolution:
    return DiscrepancyResolution(
        tenant_id=tenant_id(), reconciliation_pass=reconciliation_pass, kind=kind, cause=cause, lines=dict(lines),
        currency=currency, maker_party=party, maker=actor_name(), settled_count=0,
    )  # fmt: skip


def _decide(resolution_id: UUID, verdict: str, party: str) -> DiscrepancyResolution:
    proposal = queries.resolution(resolution_id, for_update=True)
    if proposal.maker_party == party:
        raise SameParty(proposed_by=party)
    move(proposal, verdict, RESOLUTION_NEXT)
    proposal.checker_party, proposal.checker, proposal.decided_at = party, actor_name(), clock.now()
    with refusing(discrepancy_resolution_two_parties_check=SameParty):
        session.flush()
    return proposal


def _require_open(row: Discrepancy) -> None:
    if row.status == "resolved":
        move(row, "resolved", NEXT)


def _require_current(proposal: DiscrepancyResolution, row: Discrepancy) -> None:
    # What went away by itself meanwhile would be booked for nothing, and what changed with a wrong sum.
    _require_open(row)
    if proposal.proposed_journal is not None and proposal.proposed_journal != row.proposed_journal:
        raise ProposalOutdated(proposed=proposal.proposed_journal, now=row.proposed_journal)


def _require_balanced(lines: Mapping[str, int]) -> None:
    if not lines:
        return
    # An account that another book mirrors moves by a rule on both sides, or the two would differ for ever.
    barred = [code for code in lines if code not in CHART or CHART[code].by_party or CHART[code].interparty]
    if len(lines) < 2 or barred or sum(lines.values()) or not all(lines.values()):
        raise JournalNotBalanced(sum_minor=sum(lines.values()), accounts=barred)


def _step(row: Discrepancy, to: str, because: str) -> None:
    """Move a difference, and keep the step."""
    before = row.status
    move(row, to, NEXT, because=because)
    step = {"from_status": before, "to_status": to, "by": actor_name(), "because": because}
    session.add(DiscrepancyStep(tenant_id=tenant_id(), discrepancy_id=row.id, **step))


def _record(proposal: DiscrepancyResolution, verb: str) -> None:
    audit.record(
        action=f"discrepancy_resolution.{verb}", object_type="discrepancy_resolution", object_id=proposal.id,
        details={"party": proposal.maker_party, "kind": proposal.kind},
    )  # fmt: skip


_SETTLE = (
    "UPDATE discrepancy SET previous_status = status, status = 'resolved', resolved_at = :now, cause = :cause, "
    "settled_by = :party, state_run_id = :resolution, version = version + 1 WHERE tenant_id = :tenant "
    "AND status <> 'resolved' AND "
)
_ONE_SETTLED = text(_SETTLE + "id = :one")
_GROUP_SETTLED = text(_SETTLE + "reconciliation_pass = :pass AND kind = :kind AND cause_group = :group")
_COUNT_SETTLED = text("SELECT count(*) FROM discrepancy WHERE tenant_id = :tenant AND state_run_id = :resolution")
_SETTLED_STEPS = text(
    "INSERT INTO discrepancy_step (tenant_id, id, discrepancy_id, at, from_status, to_status, by, because) "
    "SELECT d.tenant_id, md5(d.id::text || :resolution)::uuid, d.id, :now, d.previous_status, 'resolved', :by, :cause "
    "FROM discrepancy d WHERE d.tenant_id = :tenant AND d.state_run_id = :resolution"
)
