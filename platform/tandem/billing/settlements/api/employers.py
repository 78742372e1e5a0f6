"""Employers' statements over HTTP: the operator proposes and closes, the employer's own people confirm."""

from typing import Any, Final
from uuid import UUID

from flask import Response

from tandem.billing.settlements import commands, queries
from tandem.billing.settlements.downloads import kit_of, paper_of, workbook_of
from tandem.billing.settlements.errors import (
    DocumentCorrects,
    DocumentCorrectsNothing,
    NothingPrepaid,
    OwnAdjustment,
    PeriodAlreadySettled,
    PeriodNotOver,
    StatementChanged,
)
from tandem.billing.settlements.models import EmployerStatement, FeeAdjustment, LineDispute
from tandem.billing.settlements.schemas import (
    AdjustmentDecisionWishSchema,
    AdjustmentSchema,
    DisputeAgreementWishSchema,
    EmployerAdjustmentWishSchema,
    EmployerStatementSchema,
    LineDisputeSchema,
    StatementWishSchema,
    WholeEmployerStatementSchema,
)
from tandem.billing.stationery import PDF, XLSX, GlyphMissing
from tandem.kernel.database import Page
from tandem.kernel.errors import NotFound
from tandem.kernel.http import Api, PageQuery
from tandem.kernel.tenancy import tenant_id

employer_api = Api("employer_statements", audience="employer", url_prefix="/settlement_statements", tag="Settlement")
operator_api = Api("employer_statements", audience="operator", tag="Settlement")
APIS: Final = [employer_api, operator_api]
_AT: Final = "/employers/<uuid:employer_id>/settlement_statements"


@employer_api.get("", allow="settlements.read", gives=EmployerStatementSchema, many=True, query=PageQuery)
def list_statements(query: dict[str, Any]) -> Page:
    """The employer's statements, newest first; a draft is not one yet."""
    return queries.employer_statements(tenant=tenant_id(), put_forward=True, **query)


@employer_api.get("/<uuid:statement_id>", allow="settlements.read", gives=WholeEmployerStatementSchema)
def show_statement(statement_id: UUID) -> dict[str, Any]:
    """One statement, programme by programme, and whether its queries still give the same bytes."""
    return _whole(_put_forward(statement_id))


@employer_api.post(
    "/<uuid:statement_id>/confirmation",
    allow="settlements.confirm",
    gives=WholeEmployerStatementSchema,
    problems=(StatementChanged,),
)
def confirm_statement(statement_id: UUID) -> dict[str, Any]:
    """The employer's signature. Refused if the books no longer say what was proposed.

    Where no invoice of it is open, it is paid at once.
    """
    return _whole(commands.confirm_employer_statement(statement_id))


@employer_api.get("/<uuid:statement_id>/kit", allow="settlements.read", mimetype="application/zip")
def download_kit(statement_id: UUID) -> Response:
    """Everything with which the employer proves this statement by itself, in sums: unpack, run verify.py."""
    return kit_of(_put_forward(statement_id), operator=False)


@employer_api.get("/<uuid:statement_id>/document.pdf", allow="settlements.read", mimetype=PDF, problems=(GlyphMissing,))
def read_pdf(statement_id: UUID) -> Response:
    """The statement to print, stamp and file: sums by programme, disputes, corrections, what is open and unspent."""
    return paper_of(_put_forward(statement_id))


@employer_api.get("/<uuid:statement_id>/document.xlsx", allow="settlements.read", mimetype=XLSX)
def read_xlsx(statement_id: UUID) -> Response:
    """The statement as a workbook: the same sums, as formulas."""
    return workbook_of(_put_forward(statement_id))


@operator_api.get(
    "/employer_settlement_statements",
    allow="settlements.read",
    gives=EmployerStatementSchema,
    many=True,
    query=PageQuery,
    across=True,
)
def list_all_statements(query: dict[str, Any]) -> Page:
    """All employers' statements, newest first."""
    return queries.employer_statements(**query)


@operator_api.get(_AT, allow="settlements.read", gives=EmployerStatementSchema, many=True, query=PageQuery)
def list_statements_of_employer(employer_id: UUID, query: dict[str, Any]) -> Page:
    """An employer's statements, newest first."""
    return queries.employer_statements(tenant=employer_id, **query)


@operator_api.post(
    _AT,
    allow="settlements.propose",
    takes=StatementWishSchema,
    gives=WholeEmployerStatementSchema,
    problems=(NothingPrepaid, PeriodAlreadySettled, PeriodNotOver),
)
def propose_statement(employer_id: UUID, wish: dict[str, Any]) -> dict[str, Any]:
    """Put the days since the last statement before the employer; as a draft, only before the operator."""
    make = commands.draft_employer_statement if wish["as_draft"] else commands.propose_employer_statement
    return _whole(make(wish["last_day"], currency=wish["currency"]))


@operator_api.get(f"{_AT}/<uuid:statement_id>", allow="settlements.read", gives=WholeEmployerStatementSchema)
def show_statement_of_employer(employer_id: UUID, statement_id: UUID) -> dict[str, Any]:
    """The same statement that the employer sees, in the same words."""
    return _whole(queries.employer_statement(statement_id))


@operator_api.post(
    f"{_AT}/<uuid:statement_id>/proposal", allow="settlements.propose", gives=WholeEmployerStatementSchema
)
def propose_draft(employer_id: UUID, statement_id: UUID) -> dict[str, Any]:
    """A draft goes to the employer."""
    return _whole(commands.propose_employer_draft(statement_id))


@operator_api.post(
    f"{_AT}/<uuid:statement_id>/closure", allow="settlements.propose", gives=WholeEmployerStatementSchema
)
def close_statement(employer_id: UUID, statement_id: UUID) -> dict[str, Any]:
    """A statement whose invoices are paid, but for what is disputed, is done with."""
    return _whole(commands.close_employer_statement(statement_id))


@operator_api.get(f"{_AT}/<uuid:statement_id>/kit", allow="settlements.read", mimetype="application/zip")
def download_kit_of_employer(employer_id: UUID, statement_id: UUID) -> Response:
    """The same archive that the employer downloads."""
    return kit_of(queries.employer_statement(statement_id), operator=True)


@operator_api.get(
    f"{_AT}/<uuid:statement_id>/document.pdf", allow="settlements.read", mimetype=PDF, problems=(GlyphMissing,)
)
def read_pdf_of_employer(employer_id: UUID, statement_id: UUID) -> Response:
    """The same paper that the employer prints; of a draft too, marked as one."""
    return paper_of(queries.employer_statement(statement_id))


@operator_api.get(f"{_AT}/<uuid:statement_id>/document.xlsx", allow="settlements.read", mimetype=XLSX)
def read_xlsx_of_employer(employer_id: UUID, statement_id: UUID) -> Response:
    """The same workbook that the employer reads; of a draft too."""
    return workbook_of(queries.employer_statement(statement_id))


@operator_api.get(
    f"{_AT}/<uuid:statement_id>/line_disputes",
    allow="settlements.read",
    gives=LineDisputeSchema,
    many=True,
    query=PageQuery,
)
def list_line_disputes_of_employer(employer_id: UUID, statement_id: UUID, query: dict[str, Any]) -> Page:
    """The statement's disputes, in order."""
    return queries.line_disputes(statement_id, **query)


@operator_api.post(
    "/employers/<uuid:employer_id>/line_disputes/<uuid:dispute_id>/agreement",
    allow="settlements.propose",
    takes=DisputeAgreementWishSchema,
    gives=LineDisputeSchema,
    problems=(DocumentCorrectsNothing,),
)
def agree_to_dispute(employer_id: UUID, dispute_id: UUID, wish: dict[str, Any]) -> LineDispute:
    """The employer is right: this credit note, or this payment, corrects what was invoiced or paid."""
    return commands.agree_by_document(dispute_id, wish["document_id"])


@operator_api.get(
    f"{_AT}/<uuid:statement_id>/adjustments",
    allow="settlements.read",
    gives=AdjustmentSchema,
    many=True,
    query=PageQuery,
)
def list_adjustments_of_employer(employer_id: UUID, statement_id: UUID, query: dict[str, Any]) -> Page:
    """The statement's adjustments, in order."""
    return queries.adjustments(statement_id, **query)


@operator_api.post(
    f"{_AT}/<uuid:statement_id>/adjustments",
    allow="settlements.propose",
    takes=EmployerAdjustmentWishSchema,
    gives=AdjustmentSchema,
    problems=(DocumentCorrects,),
)
def propose_adjustment_to_employer(employer_id: UUID, statement_id: UUID, wish: dict[str, Any]) -> FeeAdjustment:
    """Ask for a correction of what a programme has drawn; the employer decides."""
    return commands.propose_adjustment(statement_id, party="operator", **wish)


@operator_api.post(
    "/employers/<uuid:employer_id>/adjustments/<uuid:adjustment_id>/decisions",
    allow="settlements.propose",
    takes=AdjustmentDecisionWishSchema,
    gives=AdjustmentSchema,
    problems=(OwnAdjustment,),
)
def decide_adjustment_of_employer(employer_id: UUID, adjustment_id: UUID, wish: dict[str, Any]) -> FeeAdjustment:
    """The operator's word on what the employer asked for."""
    return commands.decide_adjustment(adjustment_id, party="operator", decision=wish["answer"])


def _put_forward(statement_id: UUID) -> EmployerStatement:
    row = queries.employer_statement(statement_id)
    if row.status == "draft":
        raise NotFound
    return row


def _whole(row: EmployerStatement) -> dict[str, Any]:
    shown = {column.key: getattr(row, column.key) for column in EmployerStatement.__table__.c}
    is_reproduced = commands.employer_document_of(row)[1] == row.document_sha256
    lines, corrections = queries.lines_of_employer_statement(row.id), commands.corrections_of(row)
    return shown | {"lines": lines, "corrections": corrections, "is_reproduced": is_reproduced}
