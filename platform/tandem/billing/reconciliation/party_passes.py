"""R5 and R6: what was delivered against what was charged for it, and one party's book against the other's."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from tandem.billing.invoices import invoices_issued, numbering
from tandem.billing.ledger import Mirrored
from tandem.billing.reconciliation import queries
from tandem.billing.reconciliation.findings import Finding
from tandem.billing.settlements import document_of, last_statement


def use_and_fees(since: datetime, until: datetime) -> tuple[int, list[Finding]]:
    """R5: every use of [since, until) is paid for, accrued once, and booked with the sums of its accrual."""
    uses = queries.uses_with_accruals(since, until)
    found: list[Finding] = []
    for row in uses:
        evidence = {"usage_event_id": str(row["id"])}
        amount, currency = int(row["amount_minor"]), str(row["currency"])
        if row["accrual_id"] is None:
            found.append(
                Finding(
                    "R5", f"usage:{row['id']}", "usage_not_accrued", "operator", amount, 0, currency, None, evidence
                )
            )
        elif int(row["basis_minor"]) != amount:
            basis = int(row["basis_minor"])
            found.append(
                Finding(
                    "R5", f"usage:{row['id']}", "basis_differs", "operator", amount, basis, currency, None, evidence
                )
            )
        if amount and row["payment_status"] != "succeeded":
            found.append(
                Finding("R5", f"unpaid:{row['id']}", "usage_unpaid", "hospital", amount, 0, currency, None, evidence)
            )
    for row in queries.completed_without_use(since, until):
        evidence = {"payment_id": str(row["id"])}
        amount, currency = int(row["amount_minor"]), str(row["currency"])
        found.append(
            Finding("R5", f"payment:{row['id']}", "paid_not_metered", "hospital", amount, 0, currency, None, evidence)
        )
    accrued, booked = queries.accrued_fees(since, until), queries.booked_operator_fees(since, until)
    for currency in sorted(accrued.keys() | booked.keys()):
        if accrued.get(currency, 0) != booked.get(currency, 0):
            found.append(
                Finding(
                    "R5",
                    f"fees:{since.isoformat()}:{currency}",
                    "fees_differ",
                    "operator",
                    accrued.get(currency, 0),
                    booked.get(currency, 0),
                    currency,
                )
            )
    return len(uses), found


def invoices_and_book(since: datetime, until: datetime) -> tuple[int, list[Finding]]:
    """R5: every invoice issued in [since, until) is the sum of its lines, stands in the book, and leaves no gap."""
    issued = invoices_issued(since, until)
    booked = queries.booked_invoices([str(row["id"]) for row in issued])
    found: list[Finding] = []
    for row in issued:
        total, currency, evidence = int(row["total_minor"]), str(row["currency"]), {"invoice_id": str(row["id"])}
        for kind, other in (
            ("invoice_lines_differ", row["lines_minor"]),
            ("invoice_not_booked", booked.get(str(row["id"]))),
        ):
            if other != total:
                key = f"{kind}:{row['id']}"
                found.append(Finding("R5", key, kind, "operator", total, other or 0, currency, None, evidence))
    for series in sorted({str(row["series"]) for row in issued}):
        numbered, highest = numbering(series)
        if numbered != highest:
            evidence = {"series": series, "numbered": str(numbered), "highest": str(highest)}
            found.append(Finding("R5", f"numbers:{series}", "invoice_number_gap", "operator", 0, 0, evidence=evidence))
    return len(issued), found


def statement_and_book(currency: str = "CNY") -> list[Finding]:
    """R5: the latest statement, run anew at its cut, is byte for byte what was proposed."""
    statement = last_statement(currency)
    if statement is None or document_of(statement)[1] == statement.document_sha256:
        return []
    key = f"statement:{statement.id}"
    evidence = {"statement_id": str(statement.id)}
    return [Finding("R5", key, "statement_changed", "operator", statement.payable_minor, 0, currency, None, evidence)]


def use_and_benefits(unconsumed: Collection[UUID], consumed_here: Collection[UUID]) -> list[Finding]:
    """R5: what a programme paid for here was consumed there, and what was consumed there was delivered here.

    Both are payments of this hospital: delivered and not consumed, and consumed whether delivered or not.
    """
    found = []
    undelivered = queries.without_use(consumed_here)
    for kind, payments in (("benefit_not_consumed", unconsumed), ("benefit_without_use", undelivered)):
        for row in queries.benefit_payments(payments):
            evidence = {"payment_id": str(row["id"]), "programme_id": str(row["programme_id"])}
            amount, currency = int(row["amount_minor"]), str(row["currency"])
            found.append(Finding("R5", f"{kind}:{row['id']}", kind, "operator", amount, 0, currency, None, evidence))
    return found


def book_and_mirror(ours: Sequence[Mirrored], theirs: Mapping[UUID, int]) -> list[Finding]:
    """R6: what this book says of the operator, the operator's book says of this one, journal by journal.

    `theirs` maps a source journal to what its mirror adds to the operator's accounts with this party.
    """
    found = []
    for journal in ours:
        told = theirs.get(journal.id)
        if told is None or told + journal.amount_minor != 0:
            found.append(
                Finding(
                    "R6",
                    f"journal:{journal.id}",
                    "mirror_missing" if told is None else "mirror_differs",
                    "operator",
                    -journal.amount_minor,
                    told or 0,
                    journal.currency,
                    evidence={"journal_id": str(journal.id), "kind": journal.kind},
                )
            )
    return found
