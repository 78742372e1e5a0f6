"""Asking for fapiao, what came back, and red letters. Amounts are frozen at the request, never above the invoice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import insert

from tandem.billing.fapiao import queries
from tandem.billing.fapiao.adapters import ADAPTERS, MANUAL
from tandem.billing.fapiao.errors import (
    BuyerUnknown,
    FapiaoNotPossible,
    FapiaoNumberTaken,
    FapiaoTooLarge,
    MedicalReceiptExists,
)
from tandem.billing.fapiao.events import FapiaoIssued, FapiaoRejected, FapiaoRequested
from tandem.billing.fapiao.models import NEXT, Fapiao, FapiaoLine, MedicalReceipt
from tandem.billing.invoices import (
    Invoice,
    credited_parts_by_line,
    hold_fapiao,
    invoice_for_update,
    invoice_lines,
    invoice_taxes,
)
from tandem.billing.payments import payment
from tandem.kernel import audit, clock, outbox
from tandem.kernel.database import refusing, session
from tandem.kernel.ids import new_id
from tandem.kernel.money import allocate
from tandem.kernel.states import move
from tandem.kernel.tenancy import tenant_id


@dataclass(frozen=True, slots=True)
class Wanted:
    """How much of one line of the invoice, tax included, shall stand on the fapiao, in minor units."""

    line_no: int
    total_minor: int


Parts = tuple[int, int]


def request_fapiao(
    invoice_id: UUID, *, lines: Sequence[Wanted] | None = None, form: str = "general", adapter: str = MANUAL
) -> Fapiao:
    """Ask for a fapiao of these parts of an invoice, or of all that has none yet. [customer]

    What was credited has no fapiao. Raises FapiaoNotPossible, FapiaoTooLarge, BuyerUnknown, NotFound.
    """
    row = invoice_for_update(invoice_id)
    if row.kind != "invoice" or row.status not in {"issued", "settled"}:
        raise FapiaoNotPossible
    buyer = row.buyer or {}
    if not buyer.get("name") or (form == "special" and not buyer.get("tax_number")):
        raise BuyerUnknown
    held = {line["line_no"]: line for line in invoice_lines(invoice_id)}
    left = _left(row, held)
    parts = _parts(left, lines)
    categories = {tax["tax_rule_id"]: tax for tax in invoice_taxes(invoice_id)}
    asked = _write(row, "blue", parts, form=form, adapter=adapter, status="pending")
    rows = [
        {
            "invoice_line_no": line_no,
            "text": held[line_no]["text"],
            "tax_category": categories[held[line_no]["tax_rule_id"]]["category"],
            "rate": categories[held[line_no]["tax_rule_id"]]["rate"],
            "net_minor": net,
            "tax_minor": tax,
        }
        for line_no, (net, tax) in parts.items()
    ]
    _write_lines(asked, rows)
    hold_fapiao(row, asked.total_minor)
    return _told(asked)


def request_red_letter(fapiao_id: UUID, *, because: str) -> Fapiao:
    """Ask to take an issued blue fapiao back, in whole; the buyer confirms before it is issued. [customer]

    Raises FapiaoNotPossible when it is not issued, is red, or is being taken back already, NotFound.
    """
    blue = queries.fapiao(fapiao_id, for_update=True)
    if blue.colour != "blue" or blue.status != "issued":
        raise FapiaoNotPossible
    row = invoice_for_update(blue.invoice_id)
    with refusing(fapiao_reversed_once=FapiaoNotPossible):
        red = _write(
            row,
            "red",
            {0: (blue.net_minor, blue.tax_minor)},
            form=blue.form,
            adapter=blue.adapter,
            status="requested",
            reverses_id=blue.id,
            because=because,
        )
    names = ("invoice_line_no", "text", "tax_category", "rate", "net_minor", "tax_minor")
    _write_lines(red, [{name: line[name] for name in names} for line in queries.fapiao_lines(blue.id)])
    return _told(red)


def confirm_red_letter(fapiao_id: UUID) -> Fapiao:
    """The buyer agrees that its fapiao is taken back. [customer] Raises TransitionRefused, NotFound."""
    red = queries.fapiao(fapiao_id, for_update=True)
    move(red, "confirmed", NEXT)
    red.confirmed_at = clock.now()
    return red


def record_issued(fapiao_id: UUID, *, code: str | None, number: str, file_sha256: str, issued_on: date) -> Fapiao:
    """What came back for a fapiao or a confirmed red letter. [customer] Raises TransitionRefused, FapiaoNumberTaken."""
    found = queries.fapiao(fapiao_id, for_update=True)
    row = invoice_for_update(found.invoice_id)
    move(found, "issued", NEXT)
    found.code, found.number, found.file_sha256, found.issued_on = code or "", number, file_sha256, issued_on
    with refusing(fapiao_tenant_id_code_number_key=FapiaoNumberTaken):
        session.flush()
    if found.colour == "red":
        hold_fapiao(row, -found.total_minor)
    outbox.add(FapiaoIssued(found.id))
    return found


def record_rejected(fapiao_id: UUID, *, because: str) -> Fapiao:
    """It was not issued, or the buyer does not agree; what it was for may be asked for again. [customer]

    Raises TransitionRefused, NotFound.
    """
    found = queries.fapiao(fapiao_id, for_update=True)
    row = invoice_for_update(found.invoice_id)
    move(found, "rejected", NEXT, because=because)
    found.rejection = because
    if found.colour == "blue":
        hold_fapiao(row, -found.total_minor)
    outbox.add(FapiaoRejected(found.id))
    return found


def record_medical_receipt(*, payment_id: UUID, number: str, file_sha256: str, issued_on: date) -> MedicalReceipt:
    """Keep the number and hash of a receipt that the hospital's fiscal system gave. [hospital]

    Told again, it is the same; raises MedicalReceiptExists when the number was told with other facts, NotFound for
    a payment that is none of the hospital's.
    """
    payment(payment_id)
    known = queries.receipt_by_number(number)
    if known is not None:
        if (known.payment_id, known.file_sha256) != (payment_id, file_sha256):
            raise MedicalReceiptExists
        return known
    receipt = MedicalReceipt(
        tenant_id=tenant_id(),
        id=new_id(),
        payment_id=payment_id,
        number=number,
        file_sha256=file_sha256,
        issued_on=issued_on,
    )
    with refusing(medical_receipt_tenant_id_number_key=MedicalReceiptExists):
        session.add(receipt)
    audit.record(action="medical_receipt.recorded", object_type="medical_receipt", object_id=receipt.id)
    return receipt


def _left(row: Invoice, held: Mapping[int, Mapping[str, Any] | Any]) -> dict[int, Parts]:
    credited, taken = credited_parts_by_line(row.id), queries.taken_by_line(row.id)
    none = (0, 0)
    return {
        line_no: (
            line["net_minor"] - credited.get(line_no, none)[0] - taken.get(line_no, none)[0],
            line["tax_minor"] - credited.get(line_no, none)[1] - taken.get(line_no, none)[1],
        )
        for line_no, line in held.items()
    }


def _parts(left: Mapping[int, Parts], lines: Sequence[Wanted] | None) -> dict[int, Parts]:
    if lines is None:
        parts = {line_no: each for line_no, each in left.items() if any(each)}
        if sum(net + tax for net, tax in parts.values()) <= 0:
            raise FapiaoTooLarge(line=0, left_minor=0)
        return parts
    wanted: dict[int, int] = {}
    for line in lines:
        wanted[line.line_no] = wanted.get(line.line_no, 0) + line.total_minor
    parts = {}
    for line_no, total in wanted.items():
        left_minor = sum(left.get(line_no, (0, 0)))
        if not 0 < total <= left_minor:
            raise FapiaoTooLarge(line=line_no, left_minor=left_minor)
        # By what is left, so that parts add up to the line and none takes more of its tax than there is. What is left
        # of one of the two may be below zero where a credit note rounded the other way; the last part closes both.
        tax, net = allocate(total, [max(0, part) for part in reversed(left[line_no])])
        parts[line_no] = left[line_no] if total == left_minor else (net, tax)
    return parts


def _write(row: Invoice, colour: str, parts: Mapping[int, Parts], **said: Any) -> Fapiao:
    net, tax = sum(each[0] for each in parts.values()), sum(each[1] for each in parts.values())
    asked = Fapiao(
        tenant_id=tenant_id(),
        id=new_id(),
        invoice_id=row.id,
        colour=colour,
        net_minor=net,
        tax_minor=tax,
        total_minor=net + tax,
        currency=row.currency,
        seller=row.seller or {},
        buyer=row.buyer or {},
        **said,
    )
    session.add(asked)
    session.flush()
    return asked


def _write_lines(asked: Fapiao, rows: Sequence[Mapping[str, Any]]) -> None:
    head = {"tenant_id": asked.tenant_id, "fapiao_id": asked.id, "currency": asked.currency}
    session.execute(
        insert(FapiaoLine.__table__),
        [head | {"id": new_id(), "line_no": place} | dict(row) for place, row in enumerate(rows, start=1)],
    )


def _told(asked: Fapiao) -> Fapiao:
    audit.record(
        action=f"fapiao.{asked.status}",
        object_type="fapiao",
        object_id=asked.id,
        details={"colour": asked.colour, "total_minor": asked.total_minor, "invoice_id": str(asked.invoice_id)},
    )
    outbox.add(FapiaoRequested(asked.id))
    hand_over = ADAPTERS[asked.adapter].hand_over
    if hand_over is not None:
        hand_over(asked.id)
    return asked
