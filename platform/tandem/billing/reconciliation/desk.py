"""The desk: what is unresolved, by money, by age and by root; what was proposed; what runs found."""

from typing import Final, Literal
from uuid import UUID

from sqlalchemy import BigInteger, and_, case, cast, func, or_, select, true

from tandem.billing.reconciliation.models import (
    BankAllocation,
    BankLineExit,
    BankLineProposal,
    BankLineRow,
    BankStatement,
    Discrepancy,
    DiscrepancyResolution,
    DiscrepancyStep,
    PassRun,
    ReconciliationRule,
    ReconClaim,
    ResolutionMember,
)
from tandem.kernel.database import Page, page, rows
from tandem.kernel.tenancy import tenant_id

Sort = Literal["money", "age"]
GROUPS_MOST: Final = 100


def unresolved(
    *,
    limit: int,
    after: str | None,
    sort: Sort,
    tenant: UUID | None,
    owner: str | None,
    reconciliation_pass: str | None,
) -> Page:
    """What is open or explained and not settled; of one tenant or (operator, across tenants) of all."""
    wanted = select(*Discrepancy.__table__.c).where(Discrepancy.status.in_(["open", "explained"]))
    if tenant is not None:
        wanted = wanted.where(Discrepancy.tenant_id == tenant)
    if owner is not None:
        wanted = wanted.where(Discrepancy.owner == owner)
    if reconciliation_pass is not None:
        wanted = wanted.where(Discrepancy.reconciliation_pass == reconciliation_pass)
    if sort == "money":
        by = [Discrepancy.amount_at_risk_minor, Discrepancy.id]
        return page(wanted, by=by, limit=limit, after=after, newest_first=True)
    return page(wanted, by=[Discrepancy.first_seen_at, Discrepancy.id], limit=limit, after=after)


def groups(*, limit: int, after: str | None, tenant: UUID | None) -> Page:
    """What is unresolved, counted by its root, the most money first; the hundred largest at most."""
    keys = (
        Discrepancy.tenant_id,
        Discrepancy.reconciliation_pass,
        Discrepancy.kind,
        Discrepancy.cause_group,
        Discrepancy.owner,
        Discrepancy.currency,
    )
    at_risk = cast(func.sum(Discrepancy.amount_at_risk_minor), BigInteger)
    wanted = select(
        *keys,
        func.count().label("discrepancies"),
        at_risk.label("amount_at_risk_minor"),
        func.min(Discrepancy.first_seen_at).label("oldest_at"),
        func.min(Discrepancy.deadline_at).label("deadline_at"),
    ).where(Discrepancy.status.in_(["open", "explained"]))
    if tenant is not None:
        wanted = wanted.where(Discrepancy.tenant_id == tenant)
    return Page(rows(wanted.group_by(*keys).order_by(at_risk.desc(), *keys).limit(min(limit, GROUPS_MOST))), None)


def steps(discrepancy_id: UUID, *, limit: int, after: str | None) -> Page:
    """A difference's history, in order."""
    wanted = select(*DiscrepancyStep.__table__.c).where(
        DiscrepancyStep.tenant_id == tenant_id(), DiscrepancyStep.discrepancy_id == discrepancy_id
    )
    return page(wanted, by=[DiscrepancyStep.at, DiscrepancyStep.id], limit=limit, after=after)


def resolutions(*, limit: int, after: str | None, status: str | None) -> Page:
    """What was proposed, newest first."""
    wanted = select(*DiscrepancyResolution.__table__.c).where(DiscrepancyResolution.tenant_id == tenant_id())
    if status is not None:
        wanted = wanted.where(DiscrepancyResolution.status == status)
    by = [DiscrepancyResolution.proposed_at, DiscrepancyResolution.id]
    return page(wanted, by=by, limit=limit, after=after, newest_first=True)


def members(resolution_id: UUID, *, limit: int, after: str | None) -> Page:
    """The differences that a group's resolution is about, in order."""
    wanted = (
        select(*ResolutionMember.__table__.c, Discrepancy.natural_key, Discrepancy.currency)
        .join(
            Discrepancy,
            (Discrepancy.tenant_id == ResolutionMember.tenant_id) & (Discrepancy.id == ResolutionMember.discrepancy_id),
        )
        .where(ResolutionMember.tenant_id == tenant_id(), ResolutionMember.resolution_id == resolution_id)
    )
    return page(wanted, by=[ResolutionMember.discrepancy_id], limit=limit, after=after)


def comparison_runs(*, limit: int, after: str | None, comparison: str | None) -> Page:
    """Runs of comparisons, the latest first."""
    wanted = select(*PassRun.__table__.c).where(PassRun.tenant_id == tenant_id())
    if comparison is not None:
        wanted = wanted.where(PassRun.comparison == comparison)
    return page(wanted, by=[PassRun.finished_at, PassRun.id], limit=limit, after=after, newest_first=True)


def bank_statements(*, limit: int, after: str | None) -> Page:
    """The scope's bank files, the latest first."""
    wanted = select(*BankStatement.__table__.c).where(BankStatement.tenant_id == tenant_id())
    by = [BankStatement.uploaded_at, BankStatement.id]
    return page(wanted, by=by, limit=limit, after=after, newest_first=True)


def bank_lines(*, limit: int, after: str | None, is_free: bool) -> Page:
    """Lines of the scope's accounts, the latest first: whether each is matched, and what of it paid, left or is left.

    With `is_free` only those that nothing explains, or of which a rest is left.
    """
    parts = (
        select(
            cast(func.sum(BankAllocation.amount_minor), BigInteger).label("taken"),
            cast(func.sum(BankAllocation.amount_minor).filter(BankAllocation.rule == "exit"), BigInteger).label("out"),
        )
        .where(BankAllocation.tenant_id == tenant_id(), BankAllocation.bank_line_id == BankLineRow.id)
        .correlate(BankLineRow)
        .lateral()
    )
    claim = select(ReconClaim.match_id).where(
        ReconClaim.tenant_id == tenant_id(), ReconClaim.side == "bank", ReconClaim.claimed_id == BankLineRow.id
    )
    elsewhere = and_(claim.exists(), or_(parts.c.taken.is_(None), BankLineRow.amount_minor < 0))
    left = case((elsewhere, 0), else_=BankLineRow.amount_minor - func.coalesce(parts.c.taken, 0))
    exited = func.coalesce(parts.c.out, 0)
    wanted = select(
        *BankLineRow.__table__.c,
        (func.coalesce(parts.c.taken, 0) - exited).label("allocated_minor"),
        exited.label("exited_minor"),
        left.label("left_minor"),
        (left != BankLineRow.amount_minor).label("is_matched"),
    ).join(parts, true())
    wanted = wanted.where(BankLineRow.tenant_id == tenant_id())
    if is_free:
        wanted = wanted.where(left != 0)
    return page(wanted, by=[BankLineRow.booked_on, BankLineRow.id], limit=limit, after=after, newest_first=True)


def bank_line_proposals(*, limit: int, after: str | None, status: str | None) -> Page:
    """What the scope's people say lines are for, newest first."""
    wanted = select(*BankLineProposal.__table__.c).where(BankLineProposal.tenant_id == tenant_id())
    if status is not None:
        wanted = wanted.where(BankLineProposal.status == status)
    by = [BankLineProposal.proposed_at, BankLineProposal.id]
    return page(wanted, by=by, limit=limit, after=after, newest_first=True)


def bank_line_exits(*, limit: int, after: str | None, status: str | None) -> Page:
    """Sums of the scope's lines that are nobody's, newest first."""
    wanted = select(*BankLineExit.__table__.c).where(BankLineExit.tenant_id == tenant_id())
    if status is not None:
        wanted = wanted.where(BankLineExit.status == status)
    by = [BankLineExit.proposed_at, BankLineExit.id]
    return page(wanted, by=by, limit=limit, after=after, newest_first=True)


def rules(*, limit: int, after: str | None) -> Page:
    """Every rule that was set, the latest first."""
    wanted = select(*ReconciliationRule.__table__.c)
    by = [ReconciliationRule.version, ReconciliationRule.id]
    return page(wanted, by=by, limit=limit, after=after, newest_first=True)
