"""What a payout paid out: as the provider tells it, or, for one made by hand, the oldest money first and marked so."""

from typing import Final
from uuid import UUID

from sqlalchemy import text

from tandem.billing.ledger import lock_book
from tandem.billing.payments import queries
from tandem.kernel import audit
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import tenant_id


def compose_payout(provider_payout_id: str, told: list[str] | None) -> None:
    """Say which movements a payout consists of, once. [hospital]

    `told` are the provider's ids of them, which are stored; None: it cannot say, and the oldest money that was
    available goes first (money.md 2.8). What is left of the payout is kept on it as `unallocated_minor`, for people.
    """
    payout = queries.payout_for_update(provider_payout_id)
    if payout is None or payout.composition != "unknown":
        return
    # Two payouts must not take the same money, and the book's lock is the one that all of a hospital's money shares.
    lock_book(payout.currency)
    facts = {"tenant": tenant_id(), "payout": payout.id, "amount": payout.amount_minor}
    if told is not None:
        parts = session.execute(_TOLD, {"tenant": facts["tenant"], "ids": told}).all()
    else:
        parts = session.execute(
            _OLDEST_FIRST,
            {"tenant": facts["tenant"], "currency": payout.currency, "sent": payout.sent_at, "amount": facts["amount"]},
        ).all()
    taken = {row.id: int(row.amount_minor) for row in parts if row.amount_minor}
    if taken:
        _write(payout.id, taken, is_assumed=told is None)
    payout.composition = "assumed" if told is None else "told"
    payout.unallocated_minor = payout.amount_minor - sum(taken.values())
    audit.record(
        action="payout.composed",
        object_type="payout",
        object_id=payout.id,
        details={"composition": payout.composition, "unallocated_minor": payout.unallocated_minor},
    )


def _write(payout_id: UUID, taken: dict[UUID, int], *, is_assumed: bool) -> None:
    parts = {
        "tenant": tenant_id(),
        "payout": payout_id,
        "is_assumed": is_assumed,
        "ids": [new_id() for _ in taken],
        "movements": list(taken),
        "amounts": list(taken.values()),
    }
    session.execute(_INSERT_PARTS, parts)
    session.execute(_MARK_PAID_OUT, {name: parts[name] for name in ("tenant", "movements", "amounts")})


_TOLD: Final = text(
    "SELECT id, net_minor - paid_out_minor AS amount_minor FROM balance_transaction "
    "WHERE tenant_id = :tenant AND provider_id = ANY(:ids) AND kind <> 'payout'"
)
# Everything up to the movement with which the sum is reached; of that one, what is still needed.
_OLDEST_FIRST: Final = text(
    "WITH unpaid AS (SELECT id, net_minor - paid_out_minor AS left_minor, "
    "sum(net_minor - paid_out_minor) OVER queue AS total_minor, row_number() OVER queue AS place "
    "FROM balance_transaction WHERE tenant_id = :tenant AND currency = :currency AND kind <> 'payout' "
    "AND paid_out_minor <> net_minor AND available_at <= :sent "
    "WINDOW queue AS (ORDER BY available_at, provider_created_at, provider_id)), "
    "last AS (SELECT min(place) AS place FROM unpaid WHERE total_minor >= :amount) "
    "SELECT u.id, CASE WHEN u.place = last.place THEN :amount - (u.total_minor - u.left_minor) ELSE u.left_minor END "
    "AS amount_minor FROM unpaid u CROSS JOIN last WHERE last.place IS NULL OR u.place <= last.place"
)
_INSERT_PARTS: Final = text(
    "INSERT INTO payout_part (tenant_id, id, payout_id, balance_transaction_id, amount_minor, is_assumed) "
    "SELECT p.tenant_id, u.id, p.id, u.movement, u.amount_minor, :is_assumed FROM unnest(CAST(:ids AS uuid[]), "
    "CAST(:movements AS uuid[]), CAST(:amounts AS bigint[])) AS u(id, movement, amount_minor) "
    "JOIN payout p ON p.tenant_id = :tenant AND p.id = :payout"
)
_MARK_PAID_OUT: Final = text(
    "UPDATE balance_transaction b SET paid_out_minor = b.paid_out_minor + u.amount_minor FROM unnest("
    "CAST(:movements AS uuid[]), CAST(:amounts AS bigint[])) AS u(movement, amount_minor) "
    "WHERE b.tenant_id = :tenant AND b.id = u.movement"
)
