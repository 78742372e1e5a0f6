"""Comparisons that no single statement can make: with other tenants' books, with a document, or with a series."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from tandem.billing.invoices import invoices_issued, numbering
from tandem.billing.ledger import Mirrored
from tandem.billing.payments import movement_sums
from tandem.billing.reconciliation import queries
from tandem.billing.reconciliation.findings import Finding
from tandem.billing.settlements import document_of, last_statement


@dataclass
class Told:
    """What was found under which comparison, and which keys were examined for it."""

    comparison: str
    found: list[Finding] = field(default_factory=list)
    looked_at: list[str] = field(default_factory=list)
    checked_count: int = 0


MOMENT: Final = timedelta(microseconds=1)
"""What lies between the end of a day and the day."""
EXPLAINED_BY_R1: Final = "exactly the movements that the provider has not told (see R1)"


def balance_at_provider(until: datetime) -> Told:
    """R2, in one sum: cash.psp is what the provider's movements add up to, but for movements it has not told."""
    book, provider, untold = queries.cash_at_provider(until), movement_sums(until), queries.untold(until)
    told = Told("R2.balance", looked_at=[f"balance:{each}" for each in sorted(book.keys() | provider.keys())])
    for currency in sorted(book.keys() | provider.keys()):
        ours, theirs = book.get(currency, 0), provider.get(currency, 0)
        if ours == theirs:
            continue
        is_told = ours - theirs == untold.get(currency, 0)
        finding = Finding(
            f"balance:{currency}", "balance_differs", _sort(ours, theirs), "provider" if is_told else "operator", ours,
            theirs, until - MOMENT, currency, EXPLAINED_BY_R1 if is_told else None,
            no_journal="ask_provider" if is_told else "by_hand",
        )  # fmt: skip
        told.found.append(finding)
    told.checked_count = len(told.looked_at)
    return told


def invoices_and_book(since: datetime, until: datetime) -> Told:
    """R5: every invoice issued in [since, until) is the sum of its lines, stands in the book, and leaves no gap."""
    issued = invoices_issued(since, until)
    booked = queries.booked_invoices([str(row["id"]) for row in issued])
    told = Told("R5.invoices", looked_at=queries.open_keys("R5.invoices", since, until), checked_count=len(issued))
    for row in issued:
        total, currency, evidence = int(row["total_minor"]), str(row["currency"]), {"invoice_id": str(row["id"])}
        for kind, other in (
            ("invoice_lines_differ", row["lines_minor"]),
            ("invoice_not_booked", booked.get(str(row["id"]))),
        ):
            told.looked_at.append(f"{kind}:{row['id']}")
            if other != total:
                sort = "missing_right" if other is None else _sort(total, other)
                told.found.append(
                    Finding(told.looked_at[-1], kind, sort, "operator", total, other or 0, since, currency,
                            evidence=evidence,
                            no_journal="own_job" if kind == "invoice_not_booked" else "document_only")
                )  # fmt: skip
    for series in sorted({str(row["series"]) for row in issued}):
        told.looked_at.append(f"numbers:{series}")
        numbered, highest = numbering(series)
        if numbered != highest:
            evidence = {"series": series, "numbered": str(numbered), "highest": str(highest)}
            told.found.append(
                Finding(told.looked_at[-1], "invoice_number_gap", "missing_left", "operator", 0, 0, since,
                        evidence=evidence, no_journal="document_only")
            )  # fmt: skip
    return told


def statement_and_book(currency: str = "CNY") -> Told:
    """R5: the latest statement, run anew at its cut, is byte for byte what was proposed."""
    told = Told("R5.statement")
    statement = last_statement(currency)
    if statement is None:
        return told
    key, evidence = f"statement:{statement.id}", {"statement_id": str(statement.id)}
    told.looked_at, told.checked_count = [*queries.open_keys("R5.statement"), key], 1
    ended = statement.period_end - MOMENT
    if document_of(statement)[1] != statement.document_sha256:
        told.found.append(
            Finding(key, "statement_changed", "status", "operator", statement.payable_minor, 0, ended, currency,
                    evidence=evidence, no_journal="adjust_statement")
        )  # fmt: skip
    return told


def use_and_benefits(
    since: datetime, until: datetime, unconsumed: Collection[UUID], consumed_here: Collection[UUID]
) -> Told:
    """R5: what a programme paid for here was consumed there, and what was consumed there was delivered here.

    Both are payments of this hospital: delivered and not consumed, and consumed whether delivered or not.
    """
    told = Told("R5.benefits", looked_at=queries.open_keys("R5.benefits", since, until))
    undelivered = queries.without_use(consumed_here)
    told.checked_count = len(consumed_here) + len(unconsumed)
    for kind, sort, payments in (
        ("benefit_not_consumed", "missing_right", unconsumed),
        ("benefit_without_use", "missing_left", undelivered),
    ):
        for row in queries.benefit_payments(payments):
            evidence = {"payment_id": str(row["id"]), "programme_id": str(row["programme_id"])}
            told.found.append(
                Finding(f"{kind}:{row['id']}", kind, sort, "operator", int(row["amount_minor"]), 0, since,
                        str(row["currency"]), group=f"{kind}:{row['programme_id']}", evidence=evidence,
                        no_journal="own_job")
            )  # fmt: skip
    return told


def book_and_mirror(ours: Sequence[Mirrored], theirs: Mapping[UUID, int], at: datetime) -> Told:
    """R6: what this book says of the operator, the operator's book says of this one, journal by journal.

    `theirs` maps a source journal to what its mirror adds to the operator's accounts with this party.
    """
    told = Told("R6.mirrored", looked_at=[f"journal:{each.id}" for each in ours], checked_count=len(ours))
    for journal in ours:
        said = theirs.get(journal.id)
        if said is None or said + journal.amount_minor != 0:
            kind = "mirror_missing" if said is None else "mirror_differs"
            told.found.append(
                Finding(
                    f"journal:{journal.id}", kind,
                    "missing_right" if said is None else _sort(journal.amount_minor, said), "operator",
                    -journal.amount_minor, said or 0, at, journal.currency, group=f"{kind}:{journal.kind}",
                    evidence={"journal_id": str(journal.id), "kind": journal.kind}, no_journal="own_job",
                )
            )  # fmt: skip
    return told


def _sort(ours: int, theirs: int) -> str:
    return "amount_over" if abs(theirs) > abs(ours) else "amount_under"
