"""What may be done with a book: post, reverse, hold, limit, close, freeze, count."""

from tandem.billing.ledger.commands.books import (
    LockedBook,
    close_account,
    freeze_book,
    limit_account,
    lock_book,
    thaw_book,
)
from tandem.billing.ledger.commands.checkpoints import count_checkpoints, forget_checkpoints
from tandem.billing.ledger.commands.holds import capture_hold, expire_holds, place_hold, void_hold
from tandem.billing.ledger.commands.posting import post, reversal_of, reversals_of
from tandem.billing.ledger.commands.writing import PostingBroken

__all__ = [
    "LockedBook",
    "PostingBroken",
    "capture_hold",
    "close_account",
    "count_checkpoints",
    "expire_holds",
    "forget_checkpoints",
    "freeze_book",
    "limit_account",
    "lock_book",
    "place_hold",
    "post",
    "reversal_of",
    "reversals_of",
    "thaw_book",
    "void_hold",
]
