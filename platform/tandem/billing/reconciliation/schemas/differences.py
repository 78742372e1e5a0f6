"""Differences, the desk and resolutions, on the wire."""

from collections.abc import Callable
from typing import Any

from marshmallow import fields
from marshmallow import validate as rules
from marshmallow.utils import get_value

from tandem.billing.days import business_day
from tandem.billing.reconciliation.findings import FAULTS, OWNERS, PASSES
from tandem.billing.reconciliation.models import NEXT, PARTIES, RESOLUTION_NEXT
from tandem.billing.reconciliation.proposals import NO_JOURNAL, mend_of, refusal_named
from tandem.kernel.http import MoneyField, PageQuery, Schema
from tandem.kernel.i18n import Text

_STATES = rules.OneOf(sorted(NEXT))


class DiscrepanciesQuery(PageQuery):
    """Differences in one state, or of one day."""

    status = fields.String(load_default=None, validate=_STATES)
    day = business_day(load_default=None)


class BookedJournalSchema(Schema):
    """A journal in the book, by its kind and key."""

    kind = fields.String(required=True)
    key = fields.String(required=True)


class ProposedJournalSchema(Schema):
    """A journal that would mend a difference: a posting rule with its amounts (minor units), parties and terms.

    With `key` it is a fact's own journal, as `source_type` and `source_id` name it; `of` is the journal that a reversal
    undoes; `of_day` is the day whose fee is adjusted, on the statement that told of it.
    """

    rule = fields.String(required=True)
    amounts = fields.Dict(keys=fields.String(), values=fields.Integer())
    parties = fields.Dict(keys=fields.String(), values=fields.UUID())
    terms = fields.Dict(keys=fields.String(), values=fields.String())
    key = fields.String()
    effective_at = fields.String()
    source_type = fields.String()
    source_id = fields.String()
    of = fields.Nested(BookedJournalSchema)
    of_day = fields.String()


class SpokenField(fields.String):
    """What codes of a row mean, in the caller's language. `says` makes the text of them, or None."""

    def __init__(self, says: Callable[..., Text | None], *columns: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.says, self.columns = says, columns

    def get_value(self, obj: Any, attr: str, accessor: Any = None, default: Any = None) -> Any:
        """The words for the row's codes."""
        text = self.says(*(get_value(obj, column) for column in self.columns))
        return None if text is None else str(text)


class DiscrepancySchema(Schema):
    """One difference: who says what, what is at risk, whose turn it is and until when, and what would mend it.

    `mend` says in words what `proposed_journal` or the code `no_journal_because` mean.
    """

    id = fields.UUID(required=True)
    tenant_id = fields.UUID(required=True)
    reconciliation_pass = fields.String(required=True, validate=rules.OneOf(PASSES), data_key="pass")
    natural_key = fields.String(required=True)
    comparison = fields.String(required=True)
    kind = fields.String(required=True)
    fault = fields.String(required=True, validate=rules.OneOf(FAULTS))
    cause_group = fields.String(required=True)
    day = fields.Date(required=True)
    owner = fields.String(required=True, validate=rules.OneOf(OWNERS))
    status = fields.String(required=True, validate=_STATES)
    cause = fields.String(allow_none=True)
    explained_by = fields.String(allow_none=True)
    settled_by = fields.String(allow_none=True)
    expected_minor = fields.Integer(required=True)
    actual_minor = fields.Integer(required=True)
    amount_at_risk = MoneyField(prefix="amount_at_risk", required=True)
    evidence = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    proposed_journal = fields.Nested(ProposedJournalSchema, allow_none=True)
    no_journal_because = fields.String(allow_none=True, validate=rules.OneOf(sorted(NO_JOURNAL)))
    mend = SpokenField(mend_of, "proposed_journal", "no_journal_because", required=True)
    first_seen_at = fields.DateTime(required=True)
    last_seen_at = fields.DateTime(required=True)
    seen_count = fields.Integer(required=True)
    deadline_at = fields.DateTime(required=True)
    resolved_at = fields.DateTime(allow_none=True)


class DiscrepancyTotalSchema(Schema):
    """How many differences of one kind, owner and state there are, and what is at risk."""

    reconciliation_pass = fields.String(required=True, data_key="pass")
    kind = fields.String(required=True)
    owner = fields.String(required=True)
    status = fields.String(required=True)
    discrepancies = fields.Integer(required=True)
    amount_at_risk = MoneyField(prefix="amount_at_risk", required=True)
    oldest_at = fields.DateTime(required=True)


class CauseSchema(Schema):
    """Where a difference comes from, or how it was settled."""

    cause = fields.String(required=True, validate=rules.Length(1, 500))


class DeskQuery(PageQuery):
    """The desk's order, and whose or which differences."""

    sort = fields.String(load_default="money", validate=rules.OneOf(["money", "age"]))
    owner = fields.String(load_default=None, validate=rules.OneOf(OWNERS))
    reconciliation_pass = fields.String(load_default=None, validate=rules.OneOf(PASSES), data_key="pass")


class DiscrepancyGroupSchema(Schema):
    """What is unresolved of one root: how many, and what is at risk together."""

    tenant_id = fields.UUID(required=True)
    reconciliation_pass = fields.String(required=True, data_key="pass")
    kind = fields.String(required=True)
    cause_group = fields.String(required=True)
    owner = fields.String(required=True)
    discrepancies = fields.Integer(required=True)
    amount_at_risk = MoneyField(prefix="amount_at_risk", required=True)
    oldest_at = fields.DateTime(required=True)
    deadline_at = fields.DateTime(required=True)


class DiscrepancyStepSchema(Schema):
    """One step of a difference: `by` is a party's actor, or the run that saw it."""

    id = fields.UUID(required=True)
    at = fields.DateTime(required=True)
    from_status = fields.String(allow_none=True)
    to_status = fields.String(required=True)
    by = fields.String(required=True)
    because = fields.String(allow_none=True)


class SettlingLineWishSchema(Schema):
    """One entry of a proposed journal: an account of the chart without a party, debit positive."""

    account = fields.String(required=True, validate=rules.Length(1, 100))
    amount_minor = fields.Integer(required=True, validate=rules.Range(-(10**15), 10**15))


class DiscrepancyResolutionWishSchema(CauseSchema):
    """How a difference is to be settled: without `journal` by its own proposed one; empty, nothing is booked."""

    journal = fields.List(
        fields.Nested(SettlingLineWishSchema), load_default=None, allow_none=True, validate=rules.Length(0, 20)
    )


class GroupResolutionWishSchema(CauseSchema):
    """Which root, as the groups name it, and how all of it is to be settled.

    Without `journal` by each difference's own proposed one; with an empty one, nothing is booked.
    """

    reconciliation_pass = fields.String(required=True, validate=rules.OneOf(PASSES), data_key="pass")
    kind = fields.String(required=True, validate=rules.Length(1, 100))
    cause_group = fields.String(required=True, validate=rules.Length(1, 300))
    journal = fields.List(
        fields.Nested(SettlingLineWishSchema), load_default=None, allow_none=True, validate=rules.Length(0, 0)
    )


class ResolutionsQuery(PageQuery):
    """Proposals in one state."""

    status = fields.String(load_default=None, validate=rules.OneOf(sorted(RESOLUTION_NEXT)))


class DiscrepancyResolutionSchema(Schema):
    """A proposal: by which party, decided by which.

    `proposed_journal` is the difference's own; or `journal`, by hand, maps accounts to signed amounts.
    `refused_because` is the reason for which the book did not take what was agreed, `refusal` the same in words.
    """

    id = fields.UUID(required=True)
    discrepancy_id = fields.UUID(allow_none=True)
    reconciliation_pass = fields.String(required=True, data_key="pass")
    kind = fields.String(required=True)
    cause_group = fields.String(allow_none=True)
    status = fields.String(required=True)
    cause = fields.String(required=True)
    lines = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True, data_key="journal")
    proposed_journal = fields.Nested(ProposedJournalSchema, allow_none=True)
    currency = fields.String(required=True)
    maker_party = fields.String(required=True, validate=rules.OneOf(PARTIES))
    checker_party = fields.String(allow_none=True)
    member_count = fields.Integer(allow_none=True)
    settled_count = fields.Integer(required=True)
    proposed_at = fields.DateTime(required=True)
    decided_at = fields.DateTime(allow_none=True)
    journal_id = fields.UUID(allow_none=True)
    refused_because = fields.String(allow_none=True)
    refusal = SpokenField(refusal_named, "refused_because", allow_none=True)


class ResolutionMemberSchema(Schema):
    """One difference of a group that is settled at once: the journal agreed for it, and whether it is booked."""

    discrepancy_id = fields.UUID(required=True)
    natural_key = fields.String(required=True)
    proposed_journal = fields.Nested(ProposedJournalSchema, allow_none=True)
    currency = fields.String(required=True)
    is_settled = fields.Boolean(required=True)
    journal_id = fields.UUID(allow_none=True)
    refused_because = fields.String(allow_none=True)
    refusal = SpokenField(refusal_named, "refused_because", allow_none=True)
