"""What people decide about differences: one party says how it is settled, the other agrees; the books follow.

Nobody settles alone what both are party to: the maker and the checker are of different parties, and the database
says so too. What is agreed is booked by a job of the tenant, for no role of the operator may post to a book.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final, cast
from uuid import UUID

from sqlalchemy import CursorResult, select, text, update

from tandem.accounts import hand
from tandem.billing.ledger import CHART
from tandem.billing.reconciliation import queries
from tandem.billing.reconciliation.errors import (
    AlreadyProposed,
    GroupWithoutJournals,
    JournalNotBalanced,
    NoStatementYet,
    NothingInGroup,
    NotParked,
    ProposalOutdated,
    SameParty,
)
from tandem.billing.reconciliation.events import GroupResolutionApproved, ResolutionApproved
from tandem.billing.reconciliation.models import (
    NEXT,
    RESOLUTION_NEXT,
    Discrepancy,
    DiscrepancyResolution,
    DiscrepancyStep,
    ReconWatermark,
)
from tandem.billing.reconciliation.outcomes import parked_key
from tandem.billing.reconciliation.proposals import ADJUSTMENT, mend_of
from tandem.billing.settlements import statements_of_days
from tandem.kernel import audit, clock, outbox
from tandem.kernel.audit import actor_name
from tandem.kernel.database import refusing, session
from tandem.kernel.states import move
from tandem.kernel.tenancy import REPORT_TIMEOUT_MS, tenant_id

NAMED_MOST: Final = 100
"""Differences without a journal that a refusal names; it counts them all."""


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
    NoStatementYet for a fee of a day that no statement tells of, NotFound.
    """
    row = queries.discrepancy(discrepancy_id)
    _require_open(row)
    _require_balanced(lines or {})
    proposal = _proposal(row.reconciliation_pass, row.kind, row.currency, cause, lines or {}, party)
    proposal.discrepancy_id = row.id
    proposal.proposed_journal = row.proposed_journal if lines is None else None
    if proposal.proposed_journal is not None and proposal.proposed_journal["rule"] == ADJUSTMENT:
        _require_statements([(row.currency, proposal.proposed_journal["of_day"])])
    with refusing(discrepancy_resolution_one_proposed=AlreadyProposed):
        session.add(proposal)
    _record(proposal, "proposed")
    return proposal


def propose_group_resolution(
    reconciliation_pass: str, kind: str, cause_group: str, *, cause: str, books: bool, party: str
) -> DiscrepancyResolution:
    """Say how all differences of one root are to be settled, however many they are.

    By each one's own proposed journal or, without `books`, by nothing being booked. Raises NothingInGroup, and
    GroupWithoutJournals where some of them have no journal to be booked, NoStatementYet.
    """
    group = {
        "tenant": tenant_id(), "pass": reconciliation_pass, "kind": kind, "group": cause_group, "most": NAMED_MOST,
    }  # fmt: skip
    _allow_time()
    currency = queries.currency_of_group(reconciliation_pass, kind, cause_group)
    if currency is None:
        raise NothingInGroup(kind=kind, group=cause_group)
    if books:
        _require_journals(group)
    proposal = _proposal(reconciliation_pass, kind, currency, cause, {}, party)
    proposal.cause_group = cause_group
    session.add(proposal)
    session.flush()
    named = session.execute(_NAME_MEMBERS, group | {"resolution": proposal.id, "books": books})
    proposal.member_count = cast("CursorResult[Any]", named).rowcount
    _record(proposal, "proposed")
    return proposal


def approve_resolution(resolution_id: UUID, *, party: str) -> DiscrepancyResolution:
    """Agree with the other party's proposal: what it is about is resolved, and its journal goes to the book.

    Of a group, what has changed or gone away since it was proposed stays as it is. Raises SameParty, ProposalOutdated
    where the difference (of a group: every one) says otherwise by now, TransitionRefused where it is resolved or the
    proposal decided, NotFound.
    """
    proposal = _decide(resolution_id, "approved", party)
    if proposal.discrepancy_id is not None:
        _require_current(proposal, queries.discrepancy(proposal.discrepancy_id))
    facts = {
        "tenant": tenant_id(), "one": proposal.discrepancy_id, "now": clock.now(), "cause": proposal.cause,
        "party": party, "resolution": proposal.id, "by": actor_name(),
    }  # fmt: skip
    if proposal.discrepancy_id is None:
        _allow_time()
        session.execute(_GROUP_SETTLED, facts)
        session.execute(_MEMBERS_SETTLED, facts)
    else:
        session.execute(_ONE_SETTLED, facts)
    proposal.settled_count = int(session.execute(_COUNT_SETTLED, facts).scalar_one())
    if not proposal.settled_count:
        raise ProposalOutdated(proposed=None, now=None)
    session.execute(_SETTLED_STEPS, facts)
    if proposal.discrepancy_id is None:
        outbox.add(GroupResolutionApproved(proposal.id))
    elif proposal.lines or proposal.proposed_journal:
        outbox.add(ResolutionApproved(proposal.id))
    return proposal


def reject_resolution(resolution_id: UUID, *, party: str) -> DiscrepancyResolution:
    """Do not agree: everything stays as it was. Raises SameParty, TransitionRefused, NotFound."""
    return _decide(resolution_id, "rejected", party)


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
    # A person with a seat at both parties is still one pair of eyes.
    if proposal.maker_party == party or proposal.maker == f"person:{hand()}":
        raise SameParty(proposed_by=proposal.maker_party)
    move(proposal, verdict, RESOLUTION_NEXT)
    proposal.checker_party, proposal.checker, proposal.decided_at = party, actor_name(), clock.now()
    with refusing(discrepancy_resolution_two_parties_check=SameParty):
        session.flush()
    return proposal


def _require_journals(group: Mapping[str, Any]) -> None:
    without = session.execute(_WITHOUT_JOURNAL, group).all()
    if without:
        raise GroupWithoutJournals(
            without_count=without[0].without,
            members=[
                {"discrepancy_id": row.id, "natural_key": row.natural_key, "because": row.no_journal_because,
                 "mend": mend_of(None, row.no_journal_because)}
                for row in without
            ],
        )  # fmt: skip
    _require_statements([(row.currency, row.of_day) for row in session.execute(_DAYS_ADJUSTED, group)])


def _require_statements(told: Sequence[tuple[str, str]]) -> None:
    """Raises NoStatementYet where a fee is to be adjusted that no statement has asked for."""
    for currency in sorted({each for each, _ in told}):
        days = {date.fromisoformat(day) for each, day in told if each == currency}
        untold = days - statements_of_days(days, currency).keys()
        if untold:
            raise NoStatementYet(of_day=min(untold).isoformat())


def _allow_time() -> None:
    # A million differences of one root take longer than a page may.
    session.execute(text(f"SET LOCAL statement_timeout = {REPORT_TIMEOUT_MS}"))


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


_SETTLE: Final = (
    "UPDATE discrepancy d SET previous_status = d.status, status = 'resolved', resolved_at = :now, cause = :cause, "
    "settled_by = :party, state_run_id = :resolution, version = d.version + 1{of} WHERE d.tenant_id = :tenant "
    "AND d.status <> 'resolved' AND "
)
_ONE_SETTLED: Final = text(_SETTLE.format(of="") + "d.id = :one")
# A member with a journal is settled by that journal or not at all; one without is settled whatever would mend it.
_GROUP_SETTLED: Final = text(
    _SETTLE.format(of=" FROM resolution_member m") + "m.tenant_id = :tenant AND m.resolution_id = :resolution "
    "AND d.id = m.discrepancy_id AND (m.proposed_journal IS NULL OR m.proposed_journal = d.proposed_journal)"
)
_MEMBERS_SETTLED: Final = text(
    "UPDATE resolution_member m SET is_settled = true FROM discrepancy d WHERE m.tenant_id = :tenant "
    "AND m.resolution_id = :resolution AND d.tenant_id = :tenant AND d.id = m.discrepancy_id "
    "AND d.state_run_id = :resolution"
)
_OF_GROUP: Final = (
    "FROM discrepancy d WHERE d.tenant_id = :tenant AND d.reconciliation_pass = :pass AND d.kind = :kind "
    "AND d.cause_group = :group AND d.status <> 'resolved'"
)
_NAME_MEMBERS: Final = text(
    "INSERT INTO resolution_member (tenant_id, resolution_id, discrepancy_id, proposed_journal, is_settled) "
    "SELECT d.tenant_id, CAST(:resolution AS uuid), d.id, CASE WHEN :books THEN d.proposed_journal END, false "
    f"{_OF_GROUP}"
)
_DAYS_ADJUSTED: Final = text(
    f"SELECT DISTINCT d.currency, d.proposed_journal->>'of_day' AS of_day {_OF_GROUP} "
    f"AND d.proposed_journal->>'rule' = '{ADJUSTMENT}'"
)
_WITHOUT_JOURNAL: Final = text(
    f"SELECT d.id, d.natural_key, d.no_journal_because, count(*) OVER () AS without {_OF_GROUP} "
    "AND d.proposed_journal IS NULL ORDER BY d.amount_at_risk_minor DESC, d.id LIMIT :most"
)
_COUNT_SETTLED = text("SELECT count(*) FROM discrepancy WHERE tenant_id = :tenant AND state_run_id = :resolution")
_SETTLED_STEPS = text(
    "INSERT INTO discrepancy_step (tenant_id, id, discrepancy_id, at, from_status, to_status, by, because) "
    "SELECT d.tenant_id, md5(d.id::text || :resolution)::uuid, d.id, :now, d.previous_status, 'resolved', :by, :cause "
    "FROM discrepancy d WHERE d.tenant_id = :tenant AND d.state_run_id = :resolution"
)
