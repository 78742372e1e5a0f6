"""How a delivered visit, its fee and their reversals are booked in the hospital's book: by rule, from facts alone."""

from datetime import datetime
from typing import Final
from uuid import UUID

from tandem.accounts import AgreementVersion
from tandem.billing.ledger import JournalDraft, journal_by_rule
from tandem.billing.settlements.models import FeeAdjustment
from tandem.billing.usage import UsageEvent

REVENUE: Final = ("medical_revenue", "programme_revenue")
"""Journal kinds of delivered visits, by who pays: the patient, or a programme through the operator."""

_DECIDED: Final = {"granted": "operator_fee_granted", "waived": "operator_fee_waived"}
_TAKEN_BACK: Final = {
    "medical_revenue": ("medical_revenue_reversed", "medical_revenue_restored"),
    "programme_revenue": ("programme_revenue_reversed", "programme_revenue_restored"),
    "operator_fee": ("operator_fee_reversed", "operator_fee_restored"),
}
"""By what is taken back: the rule of a refund, and of a refund that came back."""


def revenue_earned(usage: UsageEvent) -> JournalDraft:
    """A visit was delivered: what its payer owed (or paid ahead) is earned."""
    return _draft(_revenue_kind(usage.programme_id), str(usage.id), usage.at, usage, {"price": usage.amount_minor})


def fee_accrued(usage: UsageEvent, fee_minor: int, terms: str) -> JournalDraft:
    """The operator's fee for it; `terms` names the agreement's version that it was worked out by."""
    return _draft("operator_fee", str(usage.id), usage.at, usage, {"fee": fee_minor}, formula=terms)


def excess_parked(usage: UsageEvent, excess_minor: int, terms: str) -> JournalDraft:
    """What the terms gave beyond a cap: nobody owes it, both see it."""
    return _draft("operator_fee_parked", str(usage.id), usage.at, usage, {"excess": excess_minor}, formula=terms)


def excess_decided(usage: UsageEvent, decision: str, at: datetime, excess_minor: int, terms: str) -> JournalDraft:
    """A fee in dispute is granted by the hospital, or waived by the operator."""
    return _draft(_DECIDED[decision], str(usage.id), at, usage, {"excess": excess_minor}, formula=terms)


def excess_reversed(
    usage: UsageEvent, *, refund_id: UUID, is_return: bool, at: datetime, excess_minor: int, is_owed: bool, terms: str
) -> JournalDraft:
    """What a refund takes of the part beyond a cap: of the fee, once it was granted; else of what is in dispute."""
    kind, name = ("operator_fee_excess_reversed", "fee") if is_owed else ("operator_fee_unparked", "excess")
    key = f"{refund_id}-returned" if is_return else str(refund_id)
    return _draft(kind, key, at, usage, {name: excess_minor}, formula=terms, refund=refund_id)


def traffic_fee(usage: UsageEvent, fee_minor: int, terms: str) -> JournalDraft:
    """The fee for the patient whom a channel brought."""
    return _draft("traffic_fee", str(usage.id), usage.at, usage, {"fee": fee_minor}, formula=terms)


def traffic_fee_reversed(
    usage: UsageEvent, *, refund_id: UUID, is_return: bool, at: datetime, fee_minor: int, terms: str
) -> JournalDraft:
    """What a refund takes back of it; negative when the refund came back."""
    key = f"{refund_id}-returned" if is_return else str(refund_id)
    return _draft("traffic_fee_reversed", key, at, usage, {"fee": fee_minor}, formula=terms, refund=refund_id)


def fee_lost(usage: UsageEvent, *, dispute_id: UUID, at: datetime, fee_minor: int, terms: str) -> JournalDraft:
    """The fee's share of what a lost dispute took."""
    key = str(dispute_id)
    return _draft("operator_fee_lost", key, at, usage, {"fee": fee_minor}, formula=terms, dispute=dispute_id)


def adjusted(adjustment: FeeAdjustment, *, at: datetime) -> JournalDraft:
    """A correction both parties agreed on; it names the statement that it adjusts.

    A hospital's adds to the fee, an employer's to what its programme has drawn: a prepayment given back is no money.
    """
    programme_id = adjustment.programme_id
    return journal_by_rule(
        "fee_adjusted" if programme_id is None else "draws_adjusted",
        amounts={"adjustment": adjustment.amount_minor},
        parties={} if programme_id is None else {"programme": programme_id},
        key=str(adjustment.id),
        effective_at=at,
        source_type="settlement_statement" if programme_id is None else "employer_statement",
        source_id=adjustment.of_id,
        currency=adjustment.currency,
        correlation_id=adjustment.id,
    )


def refund_reversals(
    usage: UsageEvent, *, refund_id: UUID, at: datetime, refund_minor: int, fee_minor: int, terms: str
) -> list[JournalDraft]:
    """What a refund takes back of revenue and fee; negative sums, when the refund came back, restore them."""
    is_return = refund_minor < 0
    drafts = []
    if refund_minor:
        kind = _TAKEN_BACK[_revenue_kind(usage.programme_id)][is_return]
        drafts.append(_draft(kind, str(refund_id), at, usage, {"refund": refund_minor}, refund=refund_id))
    if fee_minor:
        kind = _TAKEN_BACK["operator_fee"][is_return]
        drafts.append(_draft(kind, str(refund_id), at, usage, {"fee": fee_minor}, formula=terms, refund=refund_id))
    return drafts


def monthly_fee(version: AgreementVersion, month: str, at: datetime, amount_minor: int, terms: str) -> JournalDraft:
    """The fee that an agreement asks for a month, whatever was delivered."""
    return journal_by_rule(
        "monthly_fee",
        amounts={"fee": amount_minor},
        key=f"{version.id}:{month}",
        effective_at=at,
        source_type="agreement_version",
        source_id=version.id,
        currency=version.currency,
        correlation_id=version.id,
        formula=terms,
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


def settlement_transferred(
    transfer_id: UUID,
    statement_id: UUID,
    *,
    at: datetime,
    currency: str,
    fee_minor: int,
    programmes_minor: dict[UUID, int],
) -> JournalDraft:
    """The same, sent by the payment provider: the movement that brings it settles the suspense."""
    cash_minor = sum(programmes_minor.values()) - fee_minor
    return journal_by_rule(
        "settlement_transferred",
        amounts={"fee": fee_minor, "owed": programmes_minor, "cash": cash_minor},
        key=str(transfer_id),
        effective_at=at,
        source_type="settlement_statement",
        source_id=statement_id,
        currency=currency,
        correlation_id=statement_id,
    )


def transfer_reversed(
    transfer_id: UUID, statement_id: UUID, *, total_minor: int, amount_minor: int, at: datetime, currency: str
) -> JournalDraft:
    """The provider took back a part of a transfer; `total_minor` is what it has taken back with this part."""
    return journal_by_rule(
        "settlement_transfer_reversed",
        amounts={"returned": amount_minor},
        key=f"{transfer_id}:{total_minor}",
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
    dispute: UUID | None = None,
) -> JournalDraft:
    return journal_by_rule(
        rule,
        amounts=amounts,
        parties={"programme": usage.programme_id} if rule.startswith("programme_revenue") else {},
        key=key,
        effective_at=at,
        source_type="refund" if refund else "dispute" if dispute else "usage_event",
        source_id=refund or dispute or usage.id,
        currency=usage.currency,
        correlation_id=usage.id,
        formula=formula,
    )
