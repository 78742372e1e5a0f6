"""The books. One per tenant and currency: double entry, written once, in sequence, sealed in a chain. 账簿

Whoever has a fact to book makes a JournalDraft of it and posts it. The database proves that every journal sums to
zero and that patients' medical money never meets the operator's cash; no database role of the operator's staff may
post to any book.
"""

from tandem.billing.ledger.balances import Instant, balance_at
from tandem.billing.ledger.chart import CHART
from tandem.billing.ledger.commands import (
    LockedBook,
    capture_hold,
    close_account,
    freeze_book,
    limit_account,
    lock_book,
    place_hold,
    post,
    reversal_of,
    reversals_of,
    thaw_book,
    void_hold,
)
from tandem.billing.ledger.drafting import journal_by_rule
from tandem.billing.ledger.drafts import RULES, JournalDraft, Line, Posted, PostingResult
from tandem.billing.ledger.errors import JournalRefused
from tandem.billing.ledger.jobs import mirror_currency
from tandem.billing.ledger.mirrors import Mirrored, is_mirrored, mirror_book, mirrored_journals, mirrors_of
from tandem.billing.ledger.models import Account, Book, Entry, Journal, MoneyHold
from tandem.billing.ledger.queries import balance_minor, balances, book_currencies, book_opened_at, cut_of, entries
from tandem.billing.ledger.verification import verify_books

__all__ = [
    "CHART",
    "RULES",
    "Account",
    "Book",
    "Entry",
    "Instant",
    "Journal",
    "JournalDraft",
    "JournalRefused",
    "Line",
    "LockedBook",
    "Mirrored",
    "MoneyHold",
    "Posted",
    "PostingResult",
    "balance_at",
    "balance_minor",
    "balances",
    "book_currencies",
    "book_opened_at",
    "capture_hold",
    "close_account",
    "cut_of",
    "entries",
    "freeze_book",
    "is_mirrored",
    "journal_by_rule",
    "limit_account",
    "lock_book",
    "mirror_book",
    "mirror_currency",
    "mirrored_journals",
    "mirrors_of",
    "place_hold",
    "post",
    "reversal_of",
    "reversals_of",
    "thaw_book",
    "verify_books",
    "void_hold",
]
