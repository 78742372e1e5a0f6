"""Booking what both parties agreed on, exactly and once: one journal, or those of a whole group in one posting.

What the book refuses is nobody's agreement any more: the difference is open again and says why.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple, cast
from uuid import UUID

from sqlalchemy import text

from tandem.billing.ledger import JournalDraft, JournalRefused, Line, journal_by_rule, post, reversals_of
from tandem.billing.reconciliation import queries
from tandem.billing.reconciliation.models import DiscrepancyResolution
from tandem.billing.reconciliation.proposals import ADJUSTMENT, REVERSAL, SETTLED, draft_of
from tandem.billing.settlements import (
    Agreed,
    FeeAdjustment,
    adjustments_agreed,
    journal_of_adjustment,
    keep_adjustments,
)
from tandem.kernel import clock
from tandem.kernel.audit import actor_name
from tandem.kernel.database import session
from tandem.kernel.tenancy import tenant_id

MEMBERS_AT_ONCE: Final = 2_000
"""Differences of a group that are booked in one transaction."""


class Part(NamedTuple):
    """One difference of what was agreed, with the journal that was agreed for it. `key` names that journal."""

    discrepancy_id: UUID
    journal: Mapping[str, Any]
    key: str
    currency: str


def post_resolution(resolution_id: UUID) -> None:
    """Book what was agreed for one difference, once. What the book refuses is open again. [the tenant's own job]"""
    proposal = queries.resolution(resolution_id, for_update=True)
    if proposal.status != "approved" or proposal.journal_id is not None or proposal.refused_because is not None:
        return
    if proposal.discrepancy_id is None:
        return
    row = queries.discrepancy(proposal.discrepancy_id)
    if proposal.lines:
        booked, refused = _posted({row.id: _draft_by_hand(proposal)})
    elif proposal.proposed_journal is not None:
        part = Part(row.id, proposal.proposed_journal, str(proposal.id), proposal.currency)
        booked, refused = _book(proposal, [part])
    else:
        return
    proposal.journal_id, proposal.refused_because = booked.get(row.id), refused.get(row.id)
    session.flush()
    _take_back(proposal, refused)


def post_members(resolution_id: UUID) -> int:
    """Book the next of a group's journals in one posting; returns how many there were. [the tenant's own job]

    Each is booked or refused for good, in one transaction with the word of it: whoever runs it again does the rest.
    """
    proposal = queries.resolution(resolution_id, for_update=True)
    if proposal.status != "approved":
        return 0
    facts = {"tenant": tenant_id(), "resolution": proposal.id}
    parts = [
        Part(row.id, row.proposed_journal, f"{proposal.id}:{row.id}", row.currency)
        for row in session.execute(_TO_BOOK, facts | {"most": MEMBERS_AT_ONCE})
    ]
    if not parts:
        return 0
    booked, refused = _book(proposal, parts)
    outcomes = [(each.discrepancy_id, booked.get(each.discrepancy_id)) for each in parts]
    told = {
        "members": [member for member, _ in outcomes],
        "journals": [journal for _, journal in outcomes],
        "refusals": [refused.get(member) for member, _ in outcomes],
    }
    session.execute(_NOTE_BOOKED, facts | told)
    _take_back(proposal, refused)
    return len(parts)


def _book(proposal: DiscrepancyResolution, parts: Sequence[Part]) -> tuple[dict[UUID, UUID], dict[UUID, str]]:
    """Post the journals of these parts at once; returns which journal booked which, and why others were refused."""
    at = proposal.decided_at or proposal.proposed_at
    adjusted = _adjustments(proposal, [part for part in parts if part.journal["rule"] == ADJUSTMENT], at)
    undone = _reversals([part for part in parts if part.journal["rule"] == REVERSAL], at)
    drafts, refused = dict[UUID, JournalDraft](), dict[UUID, str]()
    for part in parts:
        adjustment = adjusted.get(part.discrepancy_id)
        try:
            drafts[part.discrepancy_id] = (
                journal_of_adjustment(adjustment)
                if adjustment is not None
                else draft_of(
                    part.journal, key=part.key, at=at, currency=part.currency, source_id=proposal.id,
                    undoing=undone.get(part.discrepancy_id),
                )
            )  # fmt: skip
        except JournalRefused as refusal:
            refused[part.discrepancy_id] = refusal.slug
    booked, refusals = _posted(drafts)
    keep_adjustments([adjusted[each] for each in booked if each in adjusted])
    return booked, refused | refusals


def _posted(drafts: Mapping[UUID, JournalDraft]) -> tuple[dict[UUID, UUID], dict[UUID, str]]:
    result = post(list(drafts.values()), partly=True)
    told = list(zip(drafts, result.items, strict=True))
    booked = {each: item.journal_id for each, item in told if item.journal_id is not None}
    return booked, {each: item.refusal.slug for each, item in told if item.refusal is not None}


def _adjustments(proposal: DiscrepancyResolution, parts: Sequence[Part], at: datetime) -> dict[UUID, FeeAdjustment]:
    wanted = [
        Agreed(
            agreement=proposal.id, about=part.discrepancy_id, day=date.fromisoformat(part.journal["of_day"]),
            amount_minor=int(part.journal["amounts"]["adjustment"]), currency=part.currency, because=proposal.cause,
            proposed_party=cast("Any", proposal.maker_party), decided_party=cast("Any", proposal.checker_party),
            decided_at=at,
        )
        for part in parts
    ]  # fmt: skip
    made = zip(parts, adjustments_agreed(wanted), strict=True)
    return {part.discrepancy_id: adjustment for part, adjustment in made if adjustment is not None}


def _reversals(parts: Sequence[Part], at: datetime) -> dict[UUID, JournalDraft]:
    named = {part.discrepancy_id: (part.journal["of"]["kind"], part.journal["of"]["key"]) for part in parts}
    found = queries.journals_named(list(named.values()))
    keys = {found[named[part.discrepancy_id]]: part.key for part in parts if named[part.discrepancy_id] in found}
    drafts = reversals_of(keys, kind=SETTLED, effective_at=at)
    return {each: drafts[found[name]] for each, name in named.items() if name in found}


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


def _take_back(proposal: DiscrepancyResolution, refused: Mapping[UUID, str]) -> None:
    """The book cannot say what was agreed: nobody's difference is settled by that."""
    if not refused:
        return
    told = [(each, f"the book refused what was agreed: {slug}") for each, slug in refused.items()]
    facts = {
        "tenant": tenant_id(), "resolution": proposal.id, "now": clock.now(), "by": actor_name(),
        "ids": [each for each, _ in told], "words": [words for _, words in told],
    }  # fmt: skip
    session.execute(_REOPEN_REFUSED, facts)
    session.expire_all()


_TO_BOOK: Final = text(
    "SELECT d.id, m.proposed_journal, d.currency FROM resolution_member m JOIN discrepancy d "
    "ON d.tenant_id = m.tenant_id AND d.id = m.discrepancy_id WHERE m.tenant_id = :tenant AND d.tenant_id = :tenant "
    "AND m.resolution_id = :resolution AND m.is_settled AND m.proposed_journal IS NOT NULL AND m.journal_id IS NULL "
    "AND m.refused_because IS NULL ORDER BY m.discrepancy_id LIMIT :most"
)
_NOTE_BOOKED: Final = text(
    "UPDATE resolution_member m SET journal_id = u.journal_id, refused_because = u.refusal "
    "FROM unnest(CAST(:members AS uuid[]), CAST(:journals AS uuid[]), CAST(:refusals AS text[])) "
    "AS u(discrepancy_id, journal_id, refusal) WHERE m.tenant_id = :tenant AND m.resolution_id = :resolution "
    "AND m.discrepancy_id = u.discrepancy_id"
)
_REOPEN_REFUSED: Final = text(
    "WITH taken_back AS (UPDATE discrepancy d SET previous_status = 'resolved', status = 'open', resolved_at = NULL, "
    "settled_by = NULL, explained_by = NULL, version = d.version + 1 "
    "FROM unnest(CAST(:ids AS uuid[]), CAST(:words AS text[])) AS u(id, words) WHERE d.tenant_id = :tenant "
    "AND d.id = u.id AND d.status = 'resolved' AND d.state_run_id = :resolution RETURNING d.tenant_id, d.id, u.words) "
    "INSERT INTO discrepancy_step (tenant_id, id, discrepancy_id, at, from_status, to_status, by, because) "
    "SELECT t.tenant_id, md5(t.id::text || :resolution || 'refused')::uuid, t.id, CAST(:now AS timestamptz), "
    "'resolved', 'open', :by, t.words FROM taken_back t"
)
