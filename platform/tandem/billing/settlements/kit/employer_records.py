"""What the kit of an employer's statement is made of: its own book from the first journal on, and its documents' sums.

Nothing of the operator's book, where each visit stands, and no free text: what somebody wrote may name somebody.
"""

from typing import Final

from sqlalchemy import select, text

from tandem.billing.ledger import Book
from tandem.billing.settlements.kit.records import Reach, Record, read_window
from tandem.billing.settlements.lines import Cut
from tandem.kernel.database import session
from tandem.kernel.tenancy import tenant_id


def whole_book(cut: Cut) -> Reach:
    """An employer's book is small, a few documents a month: told whole, it needs no kit before it. [employer]"""
    book_id = session.scalars(select(Book.id).where(Book.tenant_id == tenant_id(), Book.currency == cut.currency)).one()
    return Reach(book_id, 1, cut.seq, "00" * 32)


def documents(reach: Reach, first: int, last: int) -> list[Record]:
    """Invoices, credit notes and payments, where they stand in the book; a voided invoice stands there twice."""
    return read_window(_DOCUMENTS, reach, first, last)


def adjustments(reach: Reach, first: int, last: int) -> list[Record]:
    """Corrections of what was drawn that both parties agreed on."""
    return read_window(_ADJUSTMENTS, reach, first, last)


_DOCUMENTS: Final = text(
    "SELECT j.seq, CASE WHEN j.source_type = 'invoice' THEN i.kind ELSE 'payment' END AS kind, j.source_id AS id, "
    "i.document_no, coalesce(p.invoice_id, i.corrects_id) AS invoice_id, "
    "coalesce(i.programme_id, i.tenant_id) AS programme_id, coalesce(p.amount_minor, i.total_minor) AS amount_minor "
    "FROM journal j LEFT JOIN invoice_payment p ON p.tenant_id = :tenant "
    "AND p.id = CASE WHEN j.source_type = 'invoice_payment' THEN CAST(j.source_id AS uuid) END "
    "JOIN invoice i ON i.tenant_id = :tenant AND i.id = coalesce(p.invoice_id, "
    "CASE WHEN j.source_type = 'invoice' THEN CAST(j.source_id AS uuid) END) WHERE j.tenant_id = :tenant "
    "AND j.book_id = :book AND j.seq BETWEEN :first AND :last ORDER BY j.seq"
)
_ADJUSTMENTS: Final = text(
    "SELECT d.id, d.employer_statement_id AS statement_id, d.programme_id, d.amount_minor, d.proposed_party, "
    "d.decided_party, j.seq FROM journal j JOIN fee_adjustment d ON d.tenant_id = :tenant AND d.id = j.correlation_id "
    "WHERE j.tenant_id = :tenant AND j.book_id = :book AND j.seq BETWEEN :first AND :last "
    "AND j.kind = 'draws_adjusted' ORDER BY j.seq"
)
