"""The books. One per tenant and currency: double entry, written once, in sequence, sealed in a chain. 账簿

Whoever has a fact to book makes a JournalDraft of it and posts it. The database proves that every journal sums to
zero and that patients' medical money never meets the operator's cash; no database role of the operator's staff may
post to any book.
"""

from tandem.billing.ledger.commands import LockedBook, lock_book, post, reversal_of
from tandem.billing.ledger.drafting import journal_by_rule
from tandem.billing.ledger.drafts import RULES, JournalDraft, Line, Posted, PostingResult
from tandem.billing.ledger.errors import JournalRefused
from tandem.billing.ledger.jobs import mirror_currency
from tandem.billing.ledger.mirrors import Mirrored, mirror_book, mirrored_journals, mirrors_of
from tandem.billing.ledger.models import Account, Book, Entry, Journal
from tandem.billing.ledger.queries import balance_minor, balances, book_opened_at, cut_of, entries

__all__ = [
    "RULES",
    "Account",
    "Book",
    "Entry",
    "Journal",
    "JournalDraft",
    "JournalRefused",
    "Line",
    "LockedBook",
    "Mirrored",
    "Posted",
    "PostingResult",
    "balance_minor",
    "balances",
    "book_opened_at",
    "cut_of",
    "entries",
    "journal_by_rule",
    "lock_book",
    "mirror_book",
    "mirror_currency",
    "mirrored_journals",
    "mirrors_of",
    "post",
    "reversal_of",
]
