"""What falls due as time passes: settlements, expiries, arrivals at the bank.

Every task carries its own moment: when the clock jumps three days, what was due on the first happens as of
the first. Tasks run in the transaction of whoever comes next, a request or the courier's tick.
"""

import traceback
from collections.abc import Callable

from tandem.stripe_sandbox import misbehaviour
from tandem.stripe_sandbox.books import Books, Record, Work
from tandem.stripe_sandbox.objects import charges, checkout_sessions, disputes, payments, payouts, refunds
from tandem.stripe_sandbox.objects.specimens import TEST_CARDS
from tandem.stripe_sandbox.storage import savepoint
from tandem.stripe_sandbox.wire.errors import StripeError

Task = Callable[[Books, Record], None]


def _settle_charge(books: Books, charge: Record) -> None:
    if charge.hidden.get("balance_transaction") is None:
        charges.settle(books, charge, tell=True)


def _expire_authorization(books: Books, intent: Record) -> None:
    if intent.body["status"] == "requires_capture":
        payments.cancel(books, intent, "automatic")


def _open_dispute(books: Books, charge: Record) -> None:
    card = TEST_CARDS[charge.hidden["token"]]
    disputes.open_dispute(books, charge, card.dispute_reason or "general")


def release_movement(books: Books, movement: Record) -> None:
    """An omitted balance transaction turns up, and its charge or refund is told of."""
    if not movement.withheld:
        return
    movement.withheld = False
    books.save(movement)
    source = books.find(movement.body["source"])
    if source is not None:
        charges.show_movement(books, source, movement)
    misbehaviour.mark_amended(books, "omit_balance_transaction", movement.id)


TASKS: dict[str, Task] = {
    "bounce_payout": payouts.bounce,
    "dispute_overdue": disputes.overdue,
    "expire_authorization": _expire_authorization,
    "expire_session": checkout_sessions.expire_when_due,
    "fail_refund": refunds.fail,
    "finish_refund": refunds.finish,
    "open_dispute": _open_dispute,
    "pay_payout": payouts.pay,
    "reconcile_payout": payouts.reconcile,
    "release_movement": release_movement,
    "settle_charge": _settle_charge,
}


def run_due(work: Work) -> int:
    """Do everything due by now, in order, each as of its own moment; returns how much was done."""
    now, done = work.now, 0
    request = (work.request_id, work.idempotency_key)
    work.request_id = work.idempotency_key = None  # what time brings is nobody's request
    while True:
        row = work.db.execute("SELECT * FROM agenda WHERE due <= ? ORDER BY due, seq LIMIT 1", (now,)).fetchone()
        if row is None:
            break
        work.db.execute("DELETE FROM agenda WHERE seq = ?", (row["seq"],))
        work.now = row["due"]
        books = Books(work, row["account"])
        record = books.find(row["object"])
        if record is not None:
            _attempt(work, TASKS[row["task"]], books, record)
        done += 1
    work.now = now
    work.request_id, work.idempotency_key = request
    return done


def _attempt(work: Work, task: Task, books: Books, record: Record) -> None:
    """A task that has become impossible (a dispute on a charge refunded meanwhile) leaves no trace."""
    try:
        with savepoint(work.db):
            task(books, record)
    except StripeError:
        return
    except Exception:  # noqa: BLE001 - a fault in one task must not make every later request fail with it
        traceback.print_exc()
