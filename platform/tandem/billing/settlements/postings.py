"""How a delivered visit, its fee and their reversals are booked in the hospital's book: pure, from the facts alone."""

from datetime import datetime
from typing import Final
from uuid import UUID

from tandem.billing.ledger import RULES, JournalDraft, Line
from tandem.billing.usage import UsageEvent

REVENUE: Final = ("medical_revenue", "programme_revenue")
"""Journal kinds of delivered visits, by who pays: the patient, or a programme through the operator."""


def revenue_earned(usage: UsageEvent) -> JournalDraft:
    """A visit was delivered: what its payer owed (or paid ahead) is earned."""
    lines = [_owed(usage, usage.amount_minor), Line("rev.medical", -usage.amount_minor)]
    return _draft(_revenue_kind(usage.programme_id), str(usage.id), usage.at, usage, lines)


def fee_accrued(usage: UsageEvent, fee_minor: int, rule_version: str) -> JournalDraft:
    """The operator's fee for it."""
    lines = [Line("exp.operator_fee", fee_minor), Line("ap.operator", -fee_minor)]
    return _draft("operator_fee", str(usage.id), usage.at, usage, lines, rule=rule_version)


def refund_reversals(
    usage: UsageEvent, *, refund_id: UUID, at: datetime, refund_minor: int, fee_minor: int, rule_version: str
) -> list[JournalDraft]:
    """What a refund takes back of revenue and fee; negative sums, when the refund came back, restore them."""
    verb = "restored" if refund_minor < 0 else "reversed"
    drafts = []
    if refund_minor:
        kind = f"{_revenue_kind(usage.programme_id)}_{verb}"
        lines = [Line("rev.medical", refund_minor), _owed(usage, -refund_minor)]
        drafts.append(_draft(kind, str(refund_id), at, usage, lines, refund=refund_id))
    if fee_minor:
        kind = f"operator_fee_{verb}"
        lines = [Line("ap.operator", fee_minor), Line("exp.operator_fee", -fee_minor)]
        drafts.append(_draft(kind, str(refund_id), at, usage, lines, rule=rule_version, refund=refund_id))
    return drafts


def monthly_fee(version_id: UUID, month: str, at: datetime, amount_minor: int, currency: str) -> JournalDraft:
    """The fee that an agreement asks for a month, whatever was delivered."""
    return JournalDraft(
        kind="monthly_fee",
        key=f"{version_id}:{month}",
        effective_at=at,
        lines=[Line("exp.operator_fee", amount_minor), Line("ap.operator", -amount_minor)],
        source_type="agreement_version",
        source_id=version_id,
        currency=currency,
        correlation_id=version_id,
        rule_version=f"agreement:{version_id}",
    )


def settlement_paid(
    statement_id: UUID, *, at: datetime, currency: str, fee_minor: int, programmes_minor: dict[UUID, int]
) -> JournalDraft:
    """What a statement left between the parties was paid: the fee goes, what programmes owe comes, the rest is cash."""
    lines = [Line("ap.operator", fee_minor)] if fee_minor else []
    lines += [Line("ar.operator", -owed, programme) for programme, owed in sorted(programmes_minor.items()) if owed]
    cash_minor = -sum(line.amount_minor for line in lines)
    if cash_minor:
        lines.append(Line("cash.bank", cash_minor))
    return JournalDraft(
        kind="settlement_paid",
        key=str(statement_id),
        effective_at=at,
        lines=lines,
        source_type="settlement_statement",
        source_id=statement_id,
        currency=currency,
        correlation_id=statement_id,
    )


def _revenue_kind(programme_id: UUID | None) -> str:
    return "medical_revenue" if programme_id is None else "programme_revenue"


def _owed(usage: UsageEvent, amount_minor: int) -> Line:
    if usage.programme_id is None:
        return Line("ar.patient", amount_minor)
    return Line("ar.operator", amount_minor, usage.programme_id)


def _draft(
    kind: str,
    key: str,
    at: datetime,
    usage: UsageEvent,
    lines: list[Line],
    *,
    rule: str = RULES,
    refund: UUID | None = None,
) -> JournalDraft:
    return JournalDraft(
        kind=kind,
        key=key,
        effective_at=at,
        lines=lines,
        source_type="usage_event" if refund is None else "refund",
        source_id=refund or usage.id,
        currency=usage.currency,
        correlation_id=usage.id,
        rule_version=rule,
    )
