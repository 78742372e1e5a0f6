"""Taking a transfer back: proposed by the operator, decided by the hospital, asked of the provider, booked as told.

Decisions, no calls. Every path locks the transfer before its returns, so two of them never wait for each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from tandem.accounts import hand
from tandem.billing.ledger import JournalDraft, mirror_currency, post
from tandem.billing.provider_facts import ProviderReversal
from tandem.billing.settlements import limits, postings, queries
from tandem.billing.settlements.commands.transfers import PROVIDER
from tandem.billing.settlements.errors import ReturnUnderWay, TransferNotSent
from tandem.billing.settlements.events import ReturnApproved
from tandem.billing.settlements.models import RETURN_NEXT, TRANSFER_NEXT, SettlementTransfer, TransferReturn
from tandem.kernel import audit, clock, jobs, outbox
from tandem.kernel.database import refusing, session
from tandem.kernel.errors import Unauthenticated, refused_field
from tandem.kernel.i18n import Text
from tandem.kernel.ids import new_id
from tandem.kernel.money import Money
from tandem.kernel.states import move
from tandem.kernel.tenancy import tenant_id


@dataclass(frozen=True, slots=True)
class ReturnWish:
    """What the provider is to be asked; `is_again`: it was asked before, and its answer is unknown."""

    return_id: UUID
    transfer_id: UUID
    provider_transfer_id: str
    amount_minor: int
    is_again: bool


def propose_return(transfer_id: UUID, *, amount: Money, because: str) -> TransferReturn:
    """Ask the hospital for (a part of) what it was sent; one return at a time. [hospital, operator's role]

    Raises TransferNotSent, ReturnUnderWay, what the provider's limits refuse (ReturnWindowClosed, TooManyReturns,
    ReturnAboveSplit), NotFound, Invalid for another currency than was sent.
    """
    transfer = queries.transfer(transfer_id, for_update=True)
    if transfer.status != "sent":
        raise TransferNotSent(transfer_status=transfer.status)
    if amount.currency != transfer.currency:
        raise refused_field(
            "amount.currency",
            Text("It was sent in another currency", "币种与原转账不一致"),
            Text("Use the currency in which it was sent.", "请使用原转账币种。"),
        )
    _require_allowed(transfer, amount.amount_minor)
    row = TransferReturn(
        tenant_id=tenant_id(),
        id=new_id(),
        transfer_id=transfer.id,
        amount_minor=amount.amount_minor,
        currency=transfer.currency,
        because=because,
        proposed_by=_hand(),
    )
    with refusing(transfer_return_live_key=ReturnUnderWay):
        session.add(row)
    audit.record(
        action="transfer_return.proposed",
        object_type="transfer_return",
        object_id=row.id,
        details={"transfer_id": str(transfer.id), "amount_minor": row.amount_minor, "because": because},
    )
    return row


def approve_return(return_id: UUID) -> TransferReturn:
    """The hospital agrees: a job asks the provider after the commit. [hospital]

    Raises what the provider's limits refuse by now, TransitionRefused, NotFound.
    """
    transfer, row = _held(return_id)
    _require_allowed(transfer, row.amount_minor)
    _decide(row, "approved")
    outbox.add(ReturnApproved(row.id))
    return row


def decline_return(return_id: UUID, *, because: str) -> TransferReturn:
    """The hospital keeps what it was sent. [hospital] Raises TransitionRefused, NotFound."""
    _, row = _held(return_id)
    _decide(row, "declined", because)
    row.declined_because = because
    return row


def withdraw_return(return_id: UUID) -> TransferReturn:
    """The operator does not ask for it any more. [hospital, operator's role] Raises TransitionRefused, NotFound."""
    _, row = _held(return_id)
    _decide(row, "withdrawn")
    return row


def begin_return(return_id: UUID) -> ReturnWish | None:
    """Mark that the provider is being asked; None when there is nothing to ask any more. [hospital]"""
    transfer, row = _held(return_id)
    if row.status != "approved" or transfer.provider_transfer_id is None:
        return None
    is_again, row.asked_at = row.asked_at is not None, row.asked_at or clock.now()
    return ReturnWish(row.id, transfer.id, transfer.provider_transfer_id, row.amount_minor, is_again)


def fail_return(return_id: UUID, code: str) -> None:
    """The provider said no for good, e.g. for want of a balance; it can be proposed anew. [hospital]"""
    _, row = _held(return_id)
    if row.status == "approved":
        move(row, "failed", RETURN_NEXT, because=code)
        row.failure_code = code


def fold_returns(transfer_id: UUID, told: Sequence[ProviderReversal]) -> None:
    """What the provider took back of a transfer, all of it, the oldest first: each part is booked once. [hospital]

    A part is known by the sum up to and with it, which never changes, so whoever reads it, however often and in
    whatever company, books the same. Parts that we did not ask for get a row, too.
    """
    transfer = queries.transfer(transfer_id, for_update=True)
    rows = queries.returns_of(transfer_id)
    drafts, total_minor = list[JournalDraft](), 0
    for each in told:
        total_minor += each.amount_minor
        _note(transfer, rows, each)
        if total_minor > transfer.reversed_minor:
            drafts.append(_draft(transfer, each, total_minor))
    if not drafts:
        return
    post(drafts)
    transfer.reversed_minor = total_minor
    if transfer.reversed_minor == transfer.amount_minor:
        move(transfer, "reversed", TRANSFER_NEXT)
    jobs.enqueue(mirror_currency, currency=transfer.currency)


def _note(transfer: SettlementTransfer, rows: Sequence[TransferReturn], told: ProviderReversal) -> None:
    if any(row.provider_reversal_id == told.id for row in rows):
        return
    # The key stands in the object's metadata, which anybody with the provider's console may have written.
    asked = (row for row in rows if told.key == str(row.id) and "returned" in RETURN_NEXT[row.status])
    row = next((row for row in asked if row.amount_minor == told.amount_minor), None)
    if row is None:
        row = TransferReturn(
            tenant_id=tenant_id(),
            id=new_id(),
            transfer_id=transfer.id,
            amount_minor=told.amount_minor,
            currency=transfer.currency,
            status="returned",
        )
        session.add(row)
    else:
        move(row, "returned", RETURN_NEXT)
        row.failure_code = None
    row.provider_reversal_id, row.returned_at = told.id, told.created_at


def _draft(transfer: SettlementTransfer, told: ProviderReversal, total_minor: int) -> JournalDraft:
    return postings.transfer_reversed(
        transfer.id,
        transfer.statement_id,
        total_minor=total_minor,
        amount_minor=told.amount_minor,
        at=told.created_at,
        currency=transfer.currency,
    )


def _require_allowed(transfer: SettlementTransfer, amount_minor: int) -> None:
    now = clock.now()
    split = limits.Split(
        split_at=transfer.sent_at or now,
        amount_minor=transfer.amount_minor,
        returned_minor=transfer.reversed_minor,
        return_count=queries.count_returned(transfer.id),
    )
    limits.require_return_allowed(limits.limits_of(PROVIDER, now), split, amount_minor, now)


def _decide(row: TransferReturn, decision: str, because: str | None = None) -> None:
    move(row, decision, RETURN_NEXT, because=because)
    row.decided_by, row.decided_at = _hand(), clock.now()


def _held(return_id: UUID) -> tuple[SettlementTransfer, TransferReturn]:
    transfer = queries.transfer(queries.transfer_return(return_id).transfer_id, for_update=True)
    return transfer, queries.transfer_return(return_id, for_update=True)


def _hand() -> UUID:
    found = hand()
    if found is None:
        raise Unauthenticated
    return found
