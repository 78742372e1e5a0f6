"""Statements over HTTP: the operator proposes, the hospital confirms or disputes, and both can recompute."""

from typing import Any, Final
from uuid import UUID

from flask import Response

from tandem.billing.settlements import commands, lines, queries
from tandem.billing.settlements.downloads import kit_of, paper_of, workbook_of
from tandem.billing.settlements.errors import (
    NothingToCarry,
    NothingToSettle,
    PeriodAlreadySettled,
    PeriodNotOver,
    StatementChanged,
    TransferUnderWay,
)
from tandem.billing.settlements.models import SettlementStatement
from tandem.billing.settlements.schemas import (
    ReasonWishSchema,
    SettlementPaymentWishSchema,
    StatementEntrySchema,
    StatementSchema,
    StatementUsageSchema,
    StatementWishSchema,
    WholeStatementSchema,
)
from tandem.billing.stationery import PDF, XLSX, GlyphMissing
from tandem.kernel.database import Page
from tandem.kernel.errors import NotFound
from tandem.kernel.http import Api, PageQuery
from tandem.kernel.tenancy import tenant_id

hospital_api = Api("settlements", audience="hospital", url_prefix="/settlement_statements", tag="Settlement")
operator_api = Api("settlements", audience="operator", tag="Settlement")
APIS: Final = [hospital_api, operator_api]
_AT: Final = "/hospitals/<uuid:hospital_id>/settlement_statements"


@hospital_api.get("", allow="settlements.read", gives=StatementSchema, many=True, query=PageQuery)
def list_statements(query: dict[str, Any]) -> Page:
    """The hospital's statements, newest first; what is drafted or parked is not put before it yet."""
    return queries.statements(tenant=tenant_id(), put_forward=True, **query)


@hospital_api.get("/<uuid:statement_id>", allow="settlements.read", gives=WholeStatementSchema)
def show_statement(statement_id: UUID) -> dict[str, Any]:
    """One statement with its lines, and whether its queries still give the same bytes."""
    return _whole(_put_forward(statement_id))


@hospital_api.get(
    "/<uuid:statement_id>/lines/<kind>/entries",
    allow="settlements.read",
    gives=StatementEntrySchema,
    many=True,
    query=PageQuery,
)
def list_line_entries(statement_id: UUID, kind: str, query: dict[str, Any]) -> Page:
    """The entries that one line adds up, in order of the book."""
    _put_forward(statement_id)
    return _entries(statement_id, kind, query)


@hospital_api.get(
    "/<uuid:statement_id>/usage", allow="settlements.read", gives=StatementUsageSchema, many=True, query=PageQuery
)
def list_statement_usage(statement_id: UUID, query: dict[str, Any]) -> Page:
    """The uses behind a statement, each with its fee and the rule that made it."""
    _put_forward(statement_id)
    return _usage(statement_id, query)


@hospital_api.post(
    "/<uuid:statement_id>/confirmation",
    allow="settlements.confirm",
    gives=WholeStatementSchema,
    problems=(StatementChanged,),
)
def confirm_statement(statement_id: UUID) -> dict[str, Any]:
    """The hospital's signature. Refused if the books no longer say what was proposed."""
    return _whole(commands.confirm_statement(statement_id))


@hospital_api.post(
    "/<uuid:statement_id>/disputes", allow="settlements.confirm", takes=ReasonWishSchema, gives=WholeStatementSchema
)
def dispute_statement(statement_id: UUID, wish: dict[str, Any]) -> dict[str, Any]:
    """Say what is wrong; the statement can still be confirmed later."""
    return _whole(commands.dispute_statement(statement_id, because=wish["because"]))


@hospital_api.get("/<uuid:statement_id>/kit", allow="settlements.read", mimetype="application/zip")
def download_kit(statement_id: UUID) -> Response:
    """Everything with which the hospital proves this statement by itself, in one archive: unpack, run verify.py."""
    return kit_of(_put_forward(statement_id), operator=False)


@hospital_api.get("/<uuid:statement_id>/document.pdf", allow="settlements.read", mimetype=PDF, problems=(GlyphMissing,))
def read_pdf(statement_id: UUID) -> Response:
    """The statement to print, stamp and file: sums by kind, programme and day, disputes, corrections, what is due."""
    return paper_of(_put_forward(statement_id))


@hospital_api.get("/<uuid:statement_id>/document.xlsx", allow="settlements.read", mimetype=XLSX)
def read_xlsx(statement_id: UUID) -> Response:
    """The statement as a workbook with every entry behind it."""
    return workbook_of(_put_forward(statement_id))


@hospital_api.post(
    "/<uuid:statement_id>/carry_forward",
    allow="settlements.confirm",
    gives=WholeStatementSchema,
    problems=(NothingToCarry, TransferUnderWay),
)
def carry_forward(statement_id: UUID) -> dict[str, Any]:
    """What the operator owes on a confirmed statement goes to the next one instead of being paid."""
    return _whole(commands.carry_forward(statement_id))


@operator_api.get(
    "/settlement_statements", allow="settlements.read", gives=StatementSchema, many=True, query=PageQuery, across=True
)
def list_all_statements(query: dict[str, Any]) -> Page:
    """All hospitals' statements, newest first."""
    return queries.statements(**query)


@operator_api.get(_AT, allow="settlements.read", gives=StatementSchema, many=True, query=PageQuery)
def list_statements_of_hospital(hospital_id: UUID, query: dict[str, Any]) -> Page:
    """A hospital's statements, newest first."""
    return queries.statements(tenant=hospital_id, **query)


@operator_api.post(
    _AT,
    allow="settlements.propose",
    takes=StatementWishSchema,
    gives=WholeStatementSchema,
    problems=(NothingToSettle, PeriodAlreadySettled, PeriodNotOver),
)
def propose_statement(hospital_id: UUID, wish: dict[str, Any]) -> dict[str, Any]:
    """Put the days since the last statement before the hospital; as a draft, only before the operator.

    A statement out of line with its history is parked instead, and says why.
    """
    make = commands.draft_statement if wish["as_draft"] else commands.propose_statement
    return _whole(make(wish["last_day"], currency=wish["currency"]))


@operator_api.post(f"{_AT}/<uuid:statement_id>/proposal", allow="settlements.propose", gives=WholeStatementSchema)
def propose_draft(hospital_id: UUID, statement_id: UUID) -> dict[str, Any]:
    """A draft goes to the hospital, or is parked where it is out of line with its history."""
    return _whole(commands.propose_draft(statement_id))


@operator_api.post(
    f"{_AT}/<uuid:statement_id>/release",
    allow="settlements.release",
    takes=ReasonWishSchema,
    gives=WholeStatementSchema,
)
def release_statement(hospital_id: UUID, statement_id: UUID, wish: dict[str, Any]) -> dict[str, Any]:
    """A parked statement was looked at and is right: it goes to the hospital."""
    return _whole(commands.release_statement(statement_id, because=wish["because"]))


@operator_api.get(f"{_AT}/<uuid:statement_id>", allow="settlements.read", gives=WholeStatementSchema)
def show_statement_of_hospital(hospital_id: UUID, statement_id: UUID) -> dict[str, Any]:
    """One statement with its lines, and whether its queries still give the same bytes."""
    return _whole(queries.statement(statement_id))


@operator_api.get(
    f"{_AT}/<uuid:statement_id>/lines/<kind>/entries",
    allow="settlements.read",
    gives=StatementEntrySchema,
    many=True,
    query=PageQuery,
)
def list_line_entries_of_hospital(hospital_id: UUID, statement_id: UUID, kind: str, query: dict[str, Any]) -> Page:
    """The entries that one line adds up, in order of the book."""
    return _entries(statement_id, kind, query)


@operator_api.get(
    f"{_AT}/<uuid:statement_id>/usage", allow="settlements.read", gives=StatementUsageSchema, many=True, query=PageQuery
)
def list_statement_usage_of_hospital(hospital_id: UUID, statement_id: UUID, query: dict[str, Any]) -> Page:
    """The uses behind a statement, each with its fee and the rule that made it."""
    return _usage(statement_id, query)


@operator_api.get(f"{_AT}/<uuid:statement_id>/kit", allow="settlements.read", mimetype="application/zip")
def download_kit_of_hospital(hospital_id: UUID, statement_id: UUID) -> Response:
    """The same archive that the hospital downloads."""
    return kit_of(queries.statement(statement_id), operator=True)


@operator_api.get(
    f"{_AT}/<uuid:statement_id>/document.pdf", allow="settlements.read", mimetype=PDF, problems=(GlyphMissing,)
)
def read_pdf_of_hospital(hospital_id: UUID, statement_id: UUID) -> Response:
    """The same paper that the hospital prints; of a draft too, marked as one."""
    return paper_of(queries.statement(statement_id))


@operator_api.get(f"{_AT}/<uuid:statement_id>/document.xlsx", allow="settlements.read", mimetype=XLSX)
def read_xlsx_of_hospital(hospital_id: UUID, statement_id: UUID) -> Response:
    """The same workbook that the hospital reads; of a draft too."""
    return workbook_of(queries.statement(statement_id))


@operator_api.post(
    f"{_AT}/<uuid:statement_id>/payments",
    allow="payments.record",
    takes=SettlementPaymentWishSchema,
    gives=WholeStatementSchema,
    problems=(TransferUnderWay,),
)
def record_payment(hospital_id: UUID, statement_id: UUID, wish: dict[str, Any]) -> dict[str, Any]:
    """Record that a confirmed statement was paid; both books are written by a job, which then closes it."""
    return _whole(commands.record_payment(statement_id, **wish))


def _put_forward(statement_id: UUID) -> SettlementStatement:
    row = queries.statement(statement_id)
    if row.status in {"draft", "parked"}:
        raise NotFound
    return row


def _whole(row: SettlementStatement) -> dict[str, Any]:
    shown = {column.key: getattr(row, column.key) for column in SettlementStatement.__table__.c}
    is_reproduced = commands.document_of(row)[1] == row.document_sha256
    return shown | {"lines": queries.lines_of(row.id), "is_reproduced": is_reproduced}


def _entries(statement_id: UUID, kind: str, query: dict[str, Any]) -> Page:
    row = queries.statement(statement_id)
    if kind not in lines.BY_NAME:
        raise NotFound
    return lines.entries_page(commands.cut_of_statement(row), lines.BY_NAME[kind], **query)


def _usage(statement_id: UUID, query: dict[str, Any]) -> Page:
    row = queries.statement(statement_id)
    return queries.usage_in(commands.cut_of_statement(row), **query)
