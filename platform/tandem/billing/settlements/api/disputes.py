"""Disputes of lines, adjustments and fees beyond caps over HTTP: each party asks, the other decides.

What hospital and employer do alike is one view for both; what the operator does to employers is in `employers`.
"""

from typing import Any, Final
from uuid import UUID

from tandem.billing.settlements import commands, queries
from tandem.billing.settlements.errors import (
    DocumentCorrects,
    FigureWithheld,
    LineAlreadyDisputed,
    NothingInDispute,
    OwnAdjustment,
    VisitClaimed,
    WithholdsTooMuch,
)
from tandem.billing.settlements.models import FeeAdjustment, LineDispute, TrafficClaim
from tandem.billing.settlements.schemas import (
    AdjustmentDecisionWishSchema,
    AdjustmentSchema,
    AdjustmentWishSchema,
    EmployerAdjustmentWishSchema,
    FeeInDisputeSchema,
    LineDisputeSchema,
    LineDisputeWishSchema,
    ReasonWishSchema,
    TrafficClaimSchema,
    TrafficClaimWishSchema,
)
from tandem.kernel.database import Page
from tandem.kernel.http import Api, PageQuery

hospital_api = Api("settlement_disputes", audience="hospital", tag="Settlement")
employer_api = Api("settlement_disputes", audience="employer", tag="Settlement")
operator_api = Api("settlement_disputes", audience="operator", tag="Settlement")
APIS: Final = [hospital_api, employer_api, operator_api]
_ONE: Final = "/settlement_statements/<uuid:statement_id>"
_OF: Final = "/hospitals/<uuid:hospital_id>"


@hospital_api.post(
    f"{_ONE}/lines/<kind>/disputes",
    allow="settlements.confirm",
    takes=LineDisputeWishSchema,
    gives=LineDisputeSchema,
    problems=(WithholdsTooMuch, LineAlreadyDisputed),
)
def dispute_line(statement_id: UUID, kind: str, wish: dict[str, Any]) -> LineDispute:
    """Say what is wrong with one line, with evidence; the rest of the statement stays payable."""
    return commands.dispute_line(statement_id, kind, **wish)


@employer_api.post(
    f"{_ONE}/lines/<uuid:programme_id>/<figure>/disputes",
    allow="settlements.confirm",
    takes=LineDisputeWishSchema,
    gives=LineDisputeSchema,
    problems=(WithholdsTooMuch, LineAlreadyDisputed, FigureWithheld),
)
def dispute_programme(statement_id: UUID, programme_id: UUID, figure: str, wish: dict[str, Any]) -> LineDispute:
    """Say what is wrong with one figure (invoiced, paid, drawn) of one programme; the rest stays payable."""
    return commands.dispute_programme(statement_id, programme_id, figure, **wish)


@employer_api.get(
    f"{_ONE}/line_disputes", allow="settlements.read", gives=LineDisputeSchema, many=True, query=PageQuery
)
@hospital_api.get(
    f"{_ONE}/line_disputes", allow="settlements.read", gives=LineDisputeSchema, many=True, query=PageQuery
)
def list_line_disputes(statement_id: UUID, query: dict[str, Any]) -> Page:
    """The statement's disputes, in order."""
    return queries.line_disputes(statement_id, **query)


@employer_api.post(
    "/line_disputes/<uuid:dispute_id>/withdrawal",
    allow="settlements.confirm",
    takes=ReasonWishSchema,
    gives=LineDisputeSchema,
)
@hospital_api.post(
    "/line_disputes/<uuid:dispute_id>/withdrawal",
    allow="settlements.confirm",
    takes=ReasonWishSchema,
    gives=LineDisputeSchema,
)
def withdraw_dispute(dispute_id: UUID, wish: dict[str, Any]) -> LineDispute:
    """Accept the line after all; what was withheld goes to the next statement."""
    return commands.withdraw_dispute(dispute_id, because=wish["because"])


@employer_api.post(
    "/line_disputes/<uuid:dispute_id>/move",
    allow="settlements.confirm",
    takes=ReasonWishSchema,
    gives=LineDisputeSchema,
)
@hospital_api.post(
    "/line_disputes/<uuid:dispute_id>/move",
    allow="settlements.confirm",
    takes=ReasonWishSchema,
    gives=LineDisputeSchema,
)
def move_dispute(dispute_id: UUID, wish: dict[str, Any]) -> LineDispute:
    """No agreement in this period: what was withheld goes to the next statement."""
    return commands.move_dispute(dispute_id, because=wish["because"])


@employer_api.get(f"{_ONE}/adjustments", allow="settlements.read", gives=AdjustmentSchema, many=True, query=PageQuery)
@hospital_api.get(f"{_ONE}/adjustments", allow="settlements.read", gives=AdjustmentSchema, many=True, query=PageQuery)
def list_adjustments(statement_id: UUID, query: dict[str, Any]) -> Page:
    """The statement's adjustments, in order."""
    return queries.adjustments(statement_id, **query)


@hospital_api.post(
    f"{_ONE}/adjustments", allow="settlements.confirm", takes=AdjustmentWishSchema, gives=AdjustmentSchema
)
def propose_adjustment(statement_id: UUID, wish: dict[str, Any]) -> FeeAdjustment:
    """Ask for a correction; the operator decides."""
    return commands.propose_adjustment(statement_id, party="hospital", **wish)


@hospital_api.post(
    "/fee_adjustments/<uuid:adjustment_id>/decisions",
    allow="settlements.confirm",
    takes=AdjustmentDecisionWishSchema,
    gives=AdjustmentSchema,
    problems=(OwnAdjustment,),
)
def decide_adjustment(adjustment_id: UUID, wish: dict[str, Any]) -> FeeAdjustment:
    """The hospital's word on what the operator asked for."""
    return commands.decide_adjustment(adjustment_id, party="hospital", decision=wish["answer"])


@employer_api.post(
    f"{_ONE}/adjustments",
    allow="settlements.confirm",
    takes=EmployerAdjustmentWishSchema,
    gives=AdjustmentSchema,
    problems=(DocumentCorrects,),
)
def propose_adjustment_as_employer(statement_id: UUID, wish: dict[str, Any]) -> FeeAdjustment:
    """Ask for a correction of what a programme has drawn; the operator decides."""
    return commands.propose_adjustment(statement_id, party="employer", **wish)


@employer_api.post(
    "/adjustments/<uuid:adjustment_id>/decisions",
    allow="settlements.confirm",
    takes=AdjustmentDecisionWishSchema,
    gives=AdjustmentSchema,
    problems=(OwnAdjustment,),
)
def decide_adjustment_as_employer(adjustment_id: UUID, wish: dict[str, Any]) -> FeeAdjustment:
    """The employer's word on what the operator asked for."""
    return commands.decide_adjustment(adjustment_id, party="employer", decision=wish["answer"])


@hospital_api.get("/fees_in_dispute", allow="settlements.read", gives=FeeInDisputeSchema, many=True, query=PageQuery)
def list_fees_in_dispute(query: dict[str, Any]) -> Page:
    """Fees beyond a cap, newest first: owed by nobody until the hospital consents."""
    return queries.fees_in_dispute(**query)


@hospital_api.post(
    "/fees_in_dispute/<uuid:fee_accrual_id>/consent",
    allow="settlements.confirm",
    takes=ReasonWishSchema,
    gives=FeeInDisputeSchema,
    problems=(NothingInDispute,),
)
def grant_excess(fee_accrual_id: UUID, wish: dict[str, Any]) -> dict[str, Any]:
    """Consent to a fee beyond a cap: a job books it as owed."""
    commands.grant_excess(fee_accrual_id, because=wish["because"])
    return queries.fee_in_dispute(fee_accrual_id)


@operator_api.get(
    f"{_OF}{_ONE}/line_disputes", allow="settlements.read", gives=LineDisputeSchema, many=True, query=PageQuery
)
def list_line_disputes_of_hospital(hospital_id: UUID, statement_id: UUID, query: dict[str, Any]) -> Page:
    """The statement's disputes, in order."""
    return queries.line_disputes(statement_id, **query)


@operator_api.get(
    f"{_OF}{_ONE}/adjustments", allow="settlements.read", gives=AdjustmentSchema, many=True, query=PageQuery
)
def list_adjustments_of_hospital(hospital_id: UUID, statement_id: UUID, query: dict[str, Any]) -> Page:
    """The statement's adjustments, in order."""
    return queries.adjustments(statement_id, **query)


@operator_api.post(
    f"{_OF}{_ONE}/adjustments", allow="settlements.propose", takes=AdjustmentWishSchema, gives=AdjustmentSchema
)
def propose_adjustment_to_hospital(hospital_id: UUID, statement_id: UUID, wish: dict[str, Any]) -> FeeAdjustment:
    """Ask for a correction; the hospital decides."""
    return commands.propose_adjustment(statement_id, party="operator", **wish)


@operator_api.post(
    f"{_OF}/fee_adjustments/<uuid:adjustment_id>/decisions",
    allow="settlements.propose",
    takes=AdjustmentDecisionWishSchema,
    gives=AdjustmentSchema,
    problems=(OwnAdjustment,),
)
def decide_adjustment_of_hospital(hospital_id: UUID, adjustment_id: UUID, wish: dict[str, Any]) -> FeeAdjustment:
    """The operator's word on what the hospital asked for."""
    return commands.decide_adjustment(adjustment_id, party="operator", decision=wish["answer"])


@operator_api.get(
    f"{_OF}/fees_in_dispute", allow="settlements.read", gives=FeeInDisputeSchema, many=True, query=PageQuery
)
def list_fees_in_dispute_of_hospital(hospital_id: UUID, query: dict[str, Any]) -> Page:
    """Fees beyond a cap, newest first."""
    return queries.fees_in_dispute(**query)


@operator_api.post(
    f"{_OF}/usage_events/<uuid:usage_event_id>/traffic_claims",
    allow="settlements.propose",
    takes=TrafficClaimWishSchema,
    gives=TrafficClaimSchema,
    problems=(VisitClaimed,),
)
def claim_visit(hospital_id: UUID, usage_event_id: UUID, wish: dict[str, Any]) -> TrafficClaim:
    """Say which channel brought the patient of a visit: one channel for one visit; refunds take the fee back."""
    return commands.claim_visit(usage_event_id, **wish)


@operator_api.post(
    f"{_OF}/fees_in_dispute/<uuid:fee_accrual_id>/waiver",
    allow="settlements.propose",
    takes=ReasonWishSchema,
    gives=FeeInDisputeSchema,
    problems=(NothingInDispute,),
)
def waive_excess(hospital_id: UUID, fee_accrual_id: UUID, wish: dict[str, Any]) -> dict[str, Any]:
    """Give up a fee beyond a cap: a job books that nobody owes it."""
    commands.waive_excess(fee_accrual_id, because=wish["because"])
    return queries.fee_in_dispute(fee_accrual_id)
