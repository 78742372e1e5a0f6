"""What may be done with a book: post, reverse, hold, limit, close, freeze."""

from tandem.billing.ledger.commands.books import LockedBook, lock_book
from tandem.billing.ledger.commands.posting import PostingBroken, post, reversal_of

__all__ = ["LockedBook", "PostingBroken", "lock_book", "post", "reversal_of"]
