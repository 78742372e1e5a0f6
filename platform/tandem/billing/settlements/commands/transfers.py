"""Transfers: what the operator owes on a statement goes to the hospital's provider account. Decisions, no calls."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tandem.billing import payments
from tandem.billing.ledger import mirror_currency, post
from tandem.billing.provider_facts import ProviderTransfer
from tandem.billing.settlements import limits, postings, queries
from tandem.billing.settlements.commands.statements import sums_of
from tandem.billing.settlements.errors import (
    HospitalHasNoAccount,
    NothingToTransfer,
    TransferOnItsWay,
    TransferUnderWay,
)
from tandem.billing.settlements.events import TransferAsked
from tandem.billing.settlements.models import NEXT, TRANSFER_NEXT, SettlementTransfer
from tandem.kernel import audit, clock, jobs, outbox
from tandem.kernel.database import refusing, session
from tandem.kernel.errors import TransitionRefused
from tandem.kernel.ids import new_id
from tandem.kernel.states import move
from tandem.kernel.tenancy import tenant_id

PROVIDER = "stripe"


@dataclass(frozen=True)
class TransferWish:
    """What the provider is to be asked; `asked_at`: it was asked then, and its answer is unknown."""

    transfer_id: UUID
    statement_id: UUID
    account_id: str
    amount_minor: int
    currency: str
    created_at: datetime
    asked_at: datetime | None


def ask_transfer(statement_id: UUID, *, is_live: bool) -> SettlementTransfer:
    """Wish that a confirmed statement be paid by transfer, but for what is disputed; a job speaks to the provider.

    [hospital, operator's role]

    Raises NothingToTransfer where the operator owes nothing, HospitalHasNoAccount, TransferUnderWay, what the
    provider's limits refuse, TransitionRefused, NotFound.
    """
    row = queries.statement(statement_id, for_update=True)
    if "paid" not in NEXT[row.status]:
        raise TransitionRefused(current=row.status, wanted="paid", allowed=sorted(NEXT[row.status]))
    disputes = queries.open_line_disputes(row.id)
    owed_minor = sum(dispute.withheld_minor for dispute in disputes) - row.due_to_operator_minor
    if owed_minor <= 0:
        raise NothingToTransfer(due_to_operator_minor=row.due_to_operator_minor)
    if payments.account_of_hospital(is_live=is_live) is None:
        raise HospitalHasNoAccount
    now = clock.now()
    order = limits.Order(paid_at=row.confirmed_at or now, amount_minor=owed_minor)
    limits.require_split_allowed(limits.limits_of(PROVIDER, now), order, owed_minor, now)
    transfer = SettlementTransfer(
        tenant_id=tenant_id(), id=new_id(), statement_id=row.id, amount_minor=owed_minor, currency=row.currency
    )
    with refusing(settlement_transfer_live_key=TransferUnderWay):
        session.add(transfer)
    # The sum is fixed now: what is withheld of it stays so until the transfer has an end, however disputes go on.
    for dispute in disputes:
        dispute.is_withheld = True
    audit.record(action="settlement_transfer.asked", object_type="settlement_transfer", object_id=transfer.id)
    outbox.add(TransferAsked(transfer.id))
    return transfer


def withdraw_transfer(transfer_id: UUID, *, because: str) -> SettlementTransfer:
    """Take back a wish that nobody has put to the provider; its statement can be paid in another way. [hospital]

    Whoever locks the row first decides, this or `begin_transfer`. Raises TransferOnItsWay, TransitionRefused where it
    has failed or was withdrawn, NotFound.
    """
    transfer = queries.transfer(transfer_id, for_update=True)
    if transfer.asked_at is not None and transfer.status != "failed":
        raise TransferOnItsWay(transfer_status=transfer.status)
    move(transfer, "withdrawn", TRANSFER_NEXT, because=because)
    transfer.withdrawn_because = because
    _give_up(transfer)
    return transfer


def transfer_wish(transfer_id: UUID, *, is_live: bool) -> TransferWish | None:
    """What there is to ask the provider, or None. Nothing is marked: the wish may have to wait its turn. [hospital]"""
    transfer = queries.transfer(transfer_id)
    account = payments.account_of_hospital(is_live=is_live)
    if transfer.status != "asked" or account is None:
        return None
    what = transfer.id, transfer.statement_id, account, transfer.amount_minor, transfer.currency
    return TransferWish(*what, transfer.created_at, transfer.asked_at)


def begin_transfer(transfer_id: UUID) -> datetime | None:
    """Mark that the provider is being asked from now on; None when the wish was withdrawn or met. [hospital]"""
    transfer = queries.transfer(transfer_id, for_update=True)
    if transfer.status != "asked":
        return None
    transfer.asked_at = clock.now()
    return transfer.asked_at


def rest_transfer(transfer_id: UUID, *, asked_at: datetime) -> None:
    """The provider was asked at that time and did nothing: the wish waits as before, and can be withdrawn. [hospital]

    Another who asks since has marked a later time, and keeps it.
    """
    transfer = queries.transfer(transfer_id, for_update=True)
    if transfer.status == "asked" and transfer.asked_at == asked_at:
        transfer.asked_at = None


def fold_transfer(transfer_id: UUID, told: ProviderTransfer) -> None:
    """The provider says that a transfer was sent; what came back of it since is folded by `fold_returns`. [hospital]"""
    transfer = queries.transfer(transfer_id, for_update=True)
    if transfer.status != "asked":
        return
    row = queries.statement(transfer.statement_id, for_update=True)
    move(transfer, "sent", TRANSFER_NEXT)
    transfer.provider_transfer_id, transfer.sent_at = told.id, told.created_at
    move(row, "paid", NEXT)
    row.paid_on, row.payment_reference, row.paid_minor = clock.today(), told.id, -transfer.amount_minor
    programmes_minor = sums_of(row).programmes_minor
    fee_minor = sum(programmes_minor.values()) - transfer.amount_minor
    post([
        postings.settlement_transferred(
            transfer.id,
            row.id,
            at=told.created_at,
            currency=row.currency,
            fee_minor=fee_minor,
            programmes_minor=programmes_minor,
        )
    ])  # fmt: skip
    move(row, "closed", NEXT)
    row.closed_at = clock.now()
    jobs.enqueue(mirror_currency, currency=row.currency)


def fail_transfer(transfer_id: UUID, code: str) -> None:
    """The provider said no for good; the statement can be paid in another way. [hospital]"""
    transfer = queries.transfer(transfer_id, for_update=True)
    if transfer.status == "asked":
        move(transfer, "failed", TRANSFER_NEXT, because=code)
        transfer.failure_code = code
        _give_up(transfer)


def _give_up(transfer: SettlementTransfer) -> None:
    # The statement is unpaid as before; whoever pays it withholds what is disputed then.
    for dispute in queries.withheld_line_disputes(transfer.statement_id):
        dispute.is_withheld = False
