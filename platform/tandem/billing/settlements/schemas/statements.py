"""Settlements, on the wire. Seen from the hospital: income is positive, cost negative."""

from marshmallow import fields
from marshmallow import validate as rules

from tandem.billing.days import business_day, past_business_day
from tandem.billing.settlements.lines import BY_NAME
from tandem.billing.settlements.models import (
    ADJUSTMENT_NEXT,
    CLAIM_NEXT,
    LINE_DISPUTE_NEXT,
    NEXT,
    RETURN_NEXT,
    TRANSFER_NEXT,
)
from tandem.kernel.http import MoneyField, Schema
from tandem.kernel.money import CURRENCIES


class SpanSchema(Schema):
    """What every statement says of itself: its number, its days, its cut of the party's book, and its hash."""

    id = fields.UUID(required=True)
    number = fields.Integer(required=True)
    currency = fields.String(required=True)
    first_day = fields.Date(required=True)
    last_day = fields.Date(required=True)
    cut_seq = fields.Integer(required=True)
    previous_cut_seq = fields.Integer(required=True)
    document_sha256 = fields.String(required=True)
    confirmed_at = fields.DateTime(allow_none=True)
    closed_at = fields.DateTime(allow_none=True)


class StatementSchema(SpanSchema):
    """A statement's sums. `payable_minor` is what the hospital keeps; `due_to_operator_minor` is what it still owes.

    Due is the fee that has become payable (what arose, what waited before, less what waits still) less what the
    operator owes for programmes, and what was carried in. Fees in dispute are beyond a cap: nobody owes them.
    """

    hospital_id = fields.UUID(required=True, attribute="tenant_id")
    status = fields.String(required=True, validate=rules.OneOf(sorted(NEXT)))
    visit_count = fields.Integer(required=True)
    gross_minor = fields.Integer(required=True)
    refunds_minor = fields.Integer(required=True)
    provider_fees_minor = fields.Integer(required=True)
    operator_fee_minor = fields.Integer(required=True)
    fee_waiting_before_minor = fields.Integer(required=True)
    fee_waiting_minor = fields.Integer(required=True)
    fees_in_dispute_minor = fields.Integer(required=True)
    payable_minor = fields.Integer(required=True)
    carried_in_minor = fields.Integer(required=True)
    due_to_operator_minor = fields.Integer(required=True)
    paid_minor = fields.Integer(allow_none=True)
    proposed_at = fields.DateTime(required=True)
    paid_on = fields.Date(allow_none=True)
    payment_reference = fields.String(allow_none=True)
    dispute_reason = fields.String(allow_none=True)
    parked_reason = fields.String(allow_none=True)


class StatementLineSchema(Schema):
    """One line: a kind of money, in how many journals, how much."""

    line_no = fields.Integer(required=True)
    kind = fields.String(required=True, validate=rules.OneOf(sorted(BY_NAME)))
    account_code = fields.String(required=True)
    journal_count = fields.Integer(required=True)
    amount_minor = fields.Integer(required=True)
    late_minor = fields.Integer(required=True)
    is_memo = fields.Boolean(required=True)
    currency = fields.String(required=True)


class WholeStatementSchema(StatementSchema):
    """A statement with its lines; `is_reproduced` says that its queries, run just now, gave the same bytes."""

    lines = fields.List(fields.Nested(StatementLineSchema), required=True)
    is_reproduced = fields.Boolean(required=True)


class StatementEntrySchema(Schema):
    """One entry behind a line. `is_late` marks a fact of an earlier period; `adjusts_number` is that statement's."""

    seq = fields.Integer(required=True)
    line_no = fields.Integer(required=True)
    journal_id = fields.UUID(required=True)
    kind = fields.String(required=True)
    effective_at = fields.DateTime(required=True)
    booked_at = fields.DateTime(required=True)
    source_type = fields.String(required=True)
    source_id = fields.String(required=True)
    correlation_id = fields.UUID(allow_none=True)
    rule_version = fields.String(required=True)
    amount_minor = fields.Integer(required=True)
    currency = fields.String(required=True)
    is_late = fields.Boolean(required=True)
    adjusts_number = fields.Integer(allow_none=True)


class StatementUsageSchema(Schema):
    """One use behind a statement: what was delivered, its fee, and the rule and cap that made it."""

    usage_event_id = fields.UUID(required=True)
    source_type = fields.String(required=True)
    source_id = fields.UUID(required=True)
    at = fields.DateTime(required=True)
    payment_id = fields.UUID(allow_none=True)
    programme_id = fields.UUID(allow_none=True)
    agreement_version_id = fields.UUID(allow_none=True)
    basis = MoneyField(prefix="basis", required=True)
    percent_part_minor = fields.Integer(required=True)
    per_visit_part_minor = fields.Integer(required=True)
    uncapped_minor = fields.Integer(required=True)
    fee = MoneyField(prefix="fee", required=True)
    disputed_minor = fields.Integer(required=True)
    cap = fields.String(allow_none=True)
    payable_from = fields.DateTime(required=True)
    seq = fields.Integer(required=True)


class StatementWishSchema(Schema):
    """Through which day to settle, in the party's time zone, that day included."""

    last_day = business_day(required=True)
    currency = fields.String(load_default="CNY", validate=rules.OneOf(CURRENCIES))
    as_draft = fields.Boolean(load_default=False)


class ReasonWishSchema(Schema):
    """Why, in a few words."""

    because = fields.String(required=True, validate=rules.Length(1, 500))


class LineDisputeWishSchema(Schema):
    """What is wrong with one line, what shows it, and how much of it is withheld meanwhile."""

    withheld_minor = fields.Integer(required=True, strict=True, validate=rules.Range(0, 10**15))
    because = fields.String(required=True, validate=rules.Length(1, 500))
    evidence = fields.String(required=True, validate=rules.Length(1, 2_000))
    evidence_sha256 = fields.String(validate=rules.Regexp("^[0-9a-f]{64}$"))


class LineDisputeSchema(Schema):
    """A dispute of one line. `withheld_minor` goes to a later statement once the dispute is resolved.

    An employer's line is the programme, and `kind` which of its figures.
    """

    id = fields.UUID(required=True)
    statement_id = fields.UUID(required=True, attribute="of_id")
    programme_id = fields.UUID(required=True, allow_none=True)
    kind = fields.String(required=True)
    withheld_minor = fields.Integer(required=True)
    is_withheld = fields.Boolean(required=True)
    status = fields.String(required=True, validate=rules.OneOf(sorted(LINE_DISPUTE_NEXT)))
    because = fields.String(required=True)
    evidence = fields.String(required=True)
    evidence_sha256 = fields.String(allow_none=True)
    raised_at = fields.DateTime(required=True)
    resolution = fields.String(allow_none=True)
    resolved_at = fields.DateTime(allow_none=True)


class AdjustmentWishSchema(Schema):
    """A correction asked for: what it adds to the operator's fee (negative: takes away), and why.

    An employer's adds to what its programme has drawn, and names the dispute that it answers.
    """

    amount_minor = fields.Integer(
        required=True,
        strict=True,
        validate=[rules.Range(-(10**15), 10**15), rules.NoneOf([0], error="Must not be zero.")],
    )
    because = fields.String(required=True, validate=rules.Length(1, 500))
    line_dispute_id = fields.UUID()


class AdjustmentDecisionWishSchema(Schema):
    """The other party's word."""

    answer = fields.String(required=True, validate=rules.OneOf(["accepted", "declined"]))


class AdjustmentSchema(Schema):
    """A correction of a statement: who asked for it, who decided."""

    id = fields.UUID(required=True)
    statement_id = fields.UUID(required=True, attribute="of_id")
    programme_id = fields.UUID(required=True, allow_none=True)
    line_dispute_id = fields.UUID(allow_none=True)
    amount_minor = fields.Integer(required=True)
    currency = fields.String(required=True)
    because = fields.String(required=True)
    status = fields.String(required=True, validate=rules.OneOf(sorted(ADJUSTMENT_NEXT)))
    proposed_party = fields.String(required=True)
    proposed_at = fields.DateTime(required=True)
    decided_party = fields.String(allow_none=True)
    decided_at = fields.DateTime(allow_none=True)


class FeeInDisputeSchema(Schema):
    """A fee beyond a cap: what the terms gave, what is owed, what is beyond, and what became of it."""

    id = fields.UUID(required=True)
    usage_event_id = fields.UUID(required=True)
    at = fields.DateTime(required=True)
    basis_minor = fields.Integer(required=True)
    uncapped_minor = fields.Integer(required=True)
    fee_minor = fields.Integer(required=True)
    disputed_minor = fields.Integer(required=True)
    cap = fields.String(allow_none=True)
    currency = fields.String(required=True)
    decision = fields.String(allow_none=True)
    because = fields.String(allow_none=True)
    decided_at = fields.DateTime(allow_none=True)


class TrafficClaimWishSchema(Schema):
    """Which channel brought the patient, and by which touchpoint."""

    channel = fields.String(required=True, validate=rules.Length(1, 80))
    touchpoint_id = fields.UUID()


class TrafficClaimSchema(Schema):
    """A channel's claim; `fee_minor` once it is owed, `refusal` where it is not."""

    id = fields.UUID(required=True)
    usage_event_id = fields.UUID(required=True)
    channel = fields.String(required=True)
    status = fields.String(required=True, validate=rules.OneOf(sorted(CLAIM_NEXT)))
    fee_minor = fields.Integer(allow_none=True)
    refusal = fields.String(allow_none=True)
    claimed_at = fields.DateTime(required=True)


class TransferSchema(Schema):
    """A transfer to the hospital's provider account. `reversed_minor` is what the provider took back."""

    id = fields.UUID(required=True)
    statement_id = fields.UUID(required=True)
    amount_minor = fields.Integer(required=True)
    currency = fields.String(required=True)
    status = fields.String(required=True, validate=rules.OneOf(sorted(TRANSFER_NEXT)))
    provider_transfer_id = fields.String(allow_none=True)
    failure_code = fields.String(allow_none=True)
    withdrawn_because = fields.String(allow_none=True)
    reversed_minor = fields.Integer(required=True)
    created_at = fields.DateTime(required=True)
    sent_at = fields.DateTime(allow_none=True)


class ReturnWishSchema(Schema):
    """How much of a transfer the operator asks back, and why."""

    amount = MoneyField(required=True, positive=True)
    because = fields.String(required=True, validate=rules.Length(1, 500))


class TransferReturnSchema(Schema):
    """What comes back of a transfer. Without `because` nobody here asked: it was made at the provider itself."""

    id = fields.UUID(required=True)
    transfer_id = fields.UUID(required=True)
    amount_minor = fields.Integer(required=True)
    currency = fields.String(required=True)
    status = fields.String(required=True, validate=rules.OneOf(sorted(RETURN_NEXT)))
    because = fields.String(allow_none=True)
    declined_because = fields.String(allow_none=True)
    failure_code = fields.String(allow_none=True)
    provider_reversal_id = fields.String(allow_none=True)
    proposed_at = fields.DateTime(required=True)
    decided_at = fields.DateTime(allow_none=True)
    returned_at = fields.DateTime(allow_none=True)


class ProviderLimitSchema(Schema):
    """One limit of a payment provider, from a day on."""

    provider = fields.String(required=True)
    name = fields.String(required=True)
    value = fields.Decimal(required=True, as_string=True, metadata={"type": "string"})
    unit = fields.String(required=True)
    effective_from = fields.Date(required=True)
    effective_to = fields.Date(allow_none=True)
    source = fields.String(required=True)


class SettlementPaymentWishSchema(Schema):
    """How a statement was paid."""

    paid_on = past_business_day(required=True)
    reference = fields.String(required=True, validate=rules.Length(1, 80))
