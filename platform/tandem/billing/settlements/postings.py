"""How a delivered visit, its fee and their reversals are booked in the hospital's book: by rule, from facts alone."""

from datetime import datetime
from typing import Final
from uuid import UUID

from tandem.billing.ledger import JournalDraft, journal_by_rule
from tandem.billing.usage import UsageEvent

REVENUE: Final = ("medical_revenue", "programme_revenue")
"""Journal kinds of delivered visits, by who pays: the patient, or a programme through the operator."""


def revenue_earned(usage: UsageEvent) -> JournalDraft:
    """A visit was delivered: what its payer owed (or paid ahead) is earned."""
    return _draft(_revenue_kind(usage.programme_id), str(usage.id), usage.at, usage, {"price": usage.amount_minor})


def fee_accrued(usage: UsageEvent, fee_minor: int, terms: str) -> JournalDraft:
    """The operator's fee for it; `terms` names the agreement's version that it was worked out by."""
    return _draft("operator_fee", str(usage.id), usage.at, usage, {"fee": fee_minor}, formula=terms)


def refund_reversals(
    usage: UsageEvent, *, refund_id: UUID, at: datetime, refund_minor: int, fee_minor: int, terms: str
) -> list[JournalDraft]:
    """What a refund takes back of revenue and fee; negative sums, when the refund came back, restore them."""
    verb = "restored" if refund_minor < 0 else "reversed"
    drafts = []
    if refund_minor:
        kind = f"{_revenue_kind(usage.programme_id)}_{verb}"
        drafts.append(_draft(kind, str(refund_id), at, usage, {"refund": refund_minor}, refund=refund_id))
    if fee_minor:
        kind = f"operator_fee_{verb}"
        drafts.append(_draft(kind, str(refund_id), at, usage, {"fee": fee_minor}, formula=terms, refund=refund_id))
    return drafts


def monthly_fee(version_id: UUID, month: str, at: datetime, amount_minor: int, currency: str) -> JournalDraft:
    """The fee that an agreement asks for a month, whatever was delivered."""
    return journal_by_rule(
        "monthly_fee",
        amounts={"fee": amount_minor},
        key=f"{version_id}:{month}",
        effective_at=at,
        source_type="agreement_version",
        source_id=version_id,
        currency=currency,
        correlation_id=version_id,
        formula=f"agreement:{version_id}",
    )


def settlement_paid(
    statement_id: UUID, *, at: datetime, currency: str, fee_minor: int, programmes_minor: dict[UUID, int]
) -> JournalDraft:
    """What a statement left between the parties was paid: the fee goes, what programmes owe comes, the rest is cash."""
    cash_minor = sum(programmes_minor.values()) - fee_minor
    return journal_by_rule(
        "settlement_paid",
        amounts={"fee": fee_minor, "owed": programmes_minor, "cash": cash_minor},
        key=str(statement_id),
        effective_at=at,
        source_type="settlement_statement",
        source_id=statement_id,
        currency=currency,
        correlation_id=statement_id,
    )


def _revenue_kind(programme_id: UUID | None) -> str:
    return "medical_revenue" if programme_id is None else "programme_revenue"


def _draft(
    rule: str,
    key: str,
    at: datetime,
    usage: UsageEvent,
    amounts: dict[str, int],
    *,
    formula: str | None = None,
    refund: UUID | None = None,
) -> JournalDraft:
    return journal_by_rule(
        rule,
        amounts=amounts,
        parties={"programme": usage.programme_id} if rule.startswith("programme_revenue") else {},
        key=key,
        effective_at=at,
        source_type="usage_event" if refund is None else "refund",
        source_id=refund or usage.id,
        currency=usage.currency,
        correlation_id=usage.id,
        formula=formula,
    )
