"""Giving back what a customer is owed: proposed by one of the operator's people, decided by another, paid once.

By refund where one online payment covers it, so that money goes back to where it came from; else by bank transfer,
whose instruction is the row itself and whose proof is the bank's file.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from tandem.accounts import deciding_hand
from tandem.billing import invoices
from tandem.billing.ledger import mirror_currency, post
from tandem.billing.payments import postings
from tandem.billing.payments.commands.pay import KEY_LASTS
from tandem.billing.payments.errors import (
    NothingOwedBack,
    PayeeNeeded,
    ReceiptKeyReused,
    RepaymentNeedsSecond,
    RepaymentNotByBank,
)
from tandem.billing.payments.events import RepaymentApproved, RepaymentSent
from tandem.billing.payments.models import REPAYMENT_NEXT, InvoiceIntent, Repayment
from tandem.billing.payments.queries import repayments
from tandem.billing.provider_facts import ProviderRefund
from tandem.kernel import audit, clock, jobs, outbox
from tandem.kernel.database import session
from tandem.kernel.errors import NotFound, refused_field
from tandem.kernel.i18n import Text
from tandem.kernel.ids import new_id
from tandem.kernel.money import Money
from tandem.kernel.states import move
from tandem.kernel.tenancy import tenant_id

_STATUS: Final = {"succeeded": "paid", "failed": "failed", "canceled": "failed"}


@dataclass(frozen=True, slots=True)
class Payee:
    """A customer's bank account."""

    name: str
    bank: str
    account: str


@dataclass(frozen=True, slots=True)
class RepaymentWish:
    """What is to be asked for outside."""

    id: UUID
    intent_id: str
    amount_minor: int


def propose_repayment(
    *,
    invoice_id: UUID | None = None,
    prepayment_closing_id: UUID | None = None,
    amount: Money,
    because: str,
    payee: Payee | None = None,
) -> Repayment:
    """Ask to give back (a part of) what a customer is owed for an invoice, or for a prepayment's rest.

    [customer, operator's role] Raises NothingOwedBack, PayeeNeeded, NotFound, Invalid unless it names one of the two
    and the currency in which that was paid.
    """
    owed, amount_minor = _owed(invoice_id, prepayment_closing_id), amount.amount_minor
    _require_currency(amount, owed.currency)
    given_minor = _given_minor(invoice_id, prepayment_closing_id)
    if amount_minor > owed.amount_minor - given_minor:
        raise NothingOwedBack(owed_minor=max(0, owed.amount_minor - given_minor))
    intent_id = repayments.intent_to_refund(owed.invoice_ids, amount_minor, owed.currency)
    if intent_id is None and payee is None:
        raise PayeeNeeded
    # Money goes back to where it came from, so no bank account is kept that nobody needs.
    bank_account, row_id = payee if intent_id is None else None, new_id()
    row = Repayment(
        tenant_id=tenant_id(),
        id=row_id,
        invoice_id=invoice_id,
        prepayment_closing_id=prepayment_closing_id,
        method="bank_transfer" if intent_id is None else "refund",
        invoice_intent_id=intent_id,
        amount_minor=amount_minor,
        currency=owed.currency,
        because=because,
        payee_name=bank_account and bank_account.name,
        payee_bank=bank_account and bank_account.bank,
        payee_account=bank_account and bank_account.account,
        reference=f"RB{row_id.hex[-12:].upper()}",
        proposed_by=deciding_hand(),
    )
    session.add(row)
    session.flush()
    audit.record(
        action="repayment.proposed",
        object_type="repayment",
        object_id=row.id,
        details={"amount_minor": row.amount_minor, "currency": row.currency, "method": row.method},
    )
    return row


def approve_repayment(repayment_id: UUID) -> Repayment:
    """The second person agrees: a refund is asked for after the commit, a transfer is to be made at the bank.

    [customer, operator's role] Raises RepaymentNeedsSecond, NothingOwedBack where a bank took the money back since,
    TransitionRefused, NotFound.
    """
    row = repayments.repayment(repayment_id)
    owed = _owed(row.invoice_id, row.prepayment_closing_id)
    row = _decided(repayment_id, "approved")
    over_minor = _given_minor(row.invoice_id, row.prepayment_closing_id) - owed.amount_minor
    if over_minor > 0:
        raise NothingOwedBack(owed_minor=max(0, row.amount_minor - over_minor))
    if row.method == "refund":
        outbox.add(RepaymentApproved(row.id))
    return row


def refuse_repayment(repayment_id: UUID) -> Repayment:
    """It is not given back, or not like this: it is owed as before. Raises TransitionRefused, NotFound."""
    return _decided(repayment_id, "refused")


def record_transfer(repayment_id: UUID, *, paid_on: date, bank_reference: str) -> Repayment:
    """An approved transfer left the bank; said again it is the same. [customer, operator's role]

    Raises RepaymentNotByBank, ReceiptKeyReused, NotFound.
    """
    row = repayments.repayment(repayment_id, for_update=True)
    if row.method == "bank_transfer" and row.status == "paid":
        if row.bank_reference != bank_reference:
            raise ReceiptKeyReused(reference=bank_reference)
        return row
    if row.method != "bank_transfer" or row.status != "approved":
        raise RepaymentNotByBank(method=row.method, repayment_status=row.status)
    move(row, "paid", REPAYMENT_NEXT)
    row.paid_on, row.bank_reference = paid_on, bank_reference
    outbox.add(RepaymentSent(row.id))
    return row


def book_transfer(repayment_id: UUID) -> None:
    """Book a transfer that left the bank. [customer]"""
    row = repayments.repayment(repayment_id, for_update=True)
    if row.status == "paid" and row.paid_on is not None and not row.is_posted:
        row.is_posted = True
        _book(row, row.amount_minor, step="paid", at=clock.day_bounds(row.paid_on)[0])


def begin_refund_of_invoice(repayment_id: UUID) -> RepaymentWish | None:
    """Note that the provider is about to be asked; None when there is nothing to ask for (any more). [customer]"""
    row = repayments.repayment(repayment_id, for_update=True)
    if row.status != "approved" or row.invoice_intent_id is None or row.provider_refund_id is not None:
        return None
    if row.asked_at is not None and row.asked_at + KEY_LASTS < clock.now():
        # Whether it was given back must be looked up now, not tried again: the sweeper does.
        return None
    intent = session.get_one(InvoiceIntent, (tenant_id(), row.invoice_intent_id))
    if intent.provider_intent_id is None:
        return None
    row.asked_at = row.asked_at or clock.now()
    return RepaymentWish(row.id, intent.provider_intent_id, row.amount_minor)


def end_repayment(repayment_id: UUID, code: str) -> None:
    """The provider will not give back, or never heard of it: it is owed as before. [customer]"""
    row = repayments.repayment(repayment_id, for_update=True)
    if row.status == "approved" and row.provider_refund_id is None:
        move(row, "failed", REPAYMENT_NEXT, because=code)
        row.failure_code = code


def fold_repayment(told: ProviderRefund) -> bool:
    """What the provider says of a refund: in any order, however often; whether it is one of ours. [customer]"""
    row = _of(told)
    if row is None or row.provider_refund_id not in {None, told.id}:
        return False
    row.provider_refund_id = told.id
    wanted = _STATUS.get(told.status)
    if (told.has_moved or wanted == "paid") and not row.is_posted:
        row.is_posted = True
        _book(row, told.amount_minor, step="paid", at=told.created_at)
    returned = next((each for each in told.movements if each.amount_minor > 0), None)
    if returned is not None and row.is_posted and not row.is_returned:
        row.is_returned = True
        _book(row, -told.amount_minor, step="returned", at=returned.created_at)
    if wanted is not None and wanted in REPAYMENT_NEXT[row.status]:
        move(row, wanted, REPAYMENT_NEXT, because=told.failure_code)
        row.failure_code = told.failure_code
        if wanted == "paid":
            row.paid_on = told.created_at.astimezone(ZoneInfo(clock.BUSINESS_ZONE)).date()
    return True


def _owed(invoice_id: UUID | None, closing_id: UUID | None) -> invoices.OwedBack:
    """What is owed for one of the two; its row is held until the transaction ends."""
    if invoice_id is not None and closing_id is None:
        return invoices.owed_back(invoice_id)
    if closing_id is not None and invoice_id is None:
        return invoices.owed_of_closing(closing_id)
    raise refused_field(
        "invoice_id",
        Text("Say for which one thing it is given back", "请指明退款对应的一项"),
        Text(
            "Send invoice_id or prepayment_closing_id.",
            "请填写账单（invoice_id）或预付结余（prepayment_closing_id）之一。",
        ),
    )


def _require_currency(amount: Money, currency: str) -> None:
    if amount.currency != currency:
        raise refused_field(
            "amount.currency",
            Text("It is owed in another currency", "币种与应退款项不一致"),
            Text("Use the currency in which it was paid.", "请使用原付款币种。"),
        )


def _given_minor(invoice_id: UUID | None, closing_id: UUID | None) -> int:
    session.flush()
    return repayments.repaid_minor(invoice_id=invoice_id, closing_id=closing_id)


def _of(told: ProviderRefund) -> Repayment | None:
    # The key stands in the object's metadata, which anybody with the provider's console may have written.
    with suppress(ValueError, NotFound):
        return repayments.repayment(UUID(told.key or ""), for_update=True)
    return None


def _book(row: Repayment, amount_minor: int, *, step: str, at: datetime) -> None:
    customer = "employer" if row.invoice_id is None else invoices.invoice(row.invoice_id).customer_kind
    post([postings.repaid(row, customer, amount_minor, step=step, at=at)])
    jobs.enqueue(mirror_currency, currency=row.currency)


def _decided(repayment_id: UUID, decision: str) -> Repayment:
    row, decider = repayments.repayment(repayment_id, for_update=True), deciding_hand()
    if decision == "approved" and row.proposed_by == decider:
        raise RepaymentNeedsSecond
    move(row, decision, REPAYMENT_NEXT)
    row.decided_by, row.decided_at = decider, clock.now()
    return row
