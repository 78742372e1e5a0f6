"""Billing's table of contents: what happens to money when something has happened, and what happens by night."""

from collections.abc import Sequence
from typing import Any, Final

from tandem.billing.bank_transfers import introduce_bank_files
from tandem.billing.dunning import api as dunning_api
from tandem.billing.dunning import jobs as dunning_jobs
from tandem.billing.fapiao import api as fapiao_api
from tandem.billing.invoices import api as invoices_api
from tandem.billing.invoices import events as invoice_events
from tandem.billing.invoices import jobs as invoice_jobs
from tandem.billing.ledger import api as ledger_api
from tandem.billing.ledger import jobs as ledger_jobs
from tandem.billing.payments import DisputeClosed, RefundFailed, RefundSucceeded
from tandem.billing.prices import api as prices_api
from tandem.billing.rating import MonthRated
from tandem.billing.rating import api as rating_api
from tandem.billing.rating import jobs as rating_jobs
from tandem.billing.reconciliation import api as reconciliation_api
from tandem.billing.reconciliation import events as reconciliation_events
from tandem.billing.reconciliation import jobs as reconciliation_jobs
from tandem.billing.reconciliation import known_transfer_of_operator
from tandem.billing.settlements import (
    FeeAdjusted,
    FeeDecided,
    ReturnApproved,
    StatementPaid,
    TransferAsked,
    VisitBrought,
)
from tandem.billing.settlements import api as settlements_api
from tandem.billing.settlements import jobs as settlement_jobs
from tandem.billing.usage import UsageRecorded
from tandem.billing.usage import api as usage_api
from tandem.kernel.http import Api
from tandem.kernel.jobs import Cron, Job
from tandem.kernel.outbox import Event

APIS: Final[Sequence[Api]] = [
    *ledger_api.APIS,
    *prices_api.APIS,
    *usage_api.APIS,
    *rating_api.APIS,
    *invoices_api.APIS,
    *fapiao_api.APIS,
    *dunning_api.APIS,
    *settlements_api.APIS,
    *reconciliation_api.APIS,
]
SUBSCRIPTIONS: Final[dict[type[Event], Sequence[Job[Any]]]] = {
    UsageRecorded: [settlement_jobs.accrue_usage],
    RefundSucceeded: [settlement_jobs.reverse_refund],
    RefundFailed: [settlement_jobs.restore_refund],
    DisputeClosed: [settlement_jobs.reverse_lost_dispute],
    reconciliation_events.ResolutionApproved: [reconciliation_jobs.book_resolution],
    reconciliation_events.GroupResolutionApproved: [reconciliation_jobs.book_group_resolution],
    reconciliation_events.BankLineExitMoved: [reconciliation_jobs.book_bank_line_exit],
    StatementPaid: [settlement_jobs.book_settlement_payment],
    MonthRated: [invoice_jobs.bill_month],
    FeeDecided: [settlement_jobs.book_fee_decision],
    VisitBrought: [settlement_jobs.book_traffic_fee],
    TransferAsked: [settlement_jobs.send_transfer],
    ReturnApproved: [settlement_jobs.send_return],
    FeeAdjusted: [settlement_jobs.book_fee_adjustment],
    invoice_events.InvoiceIssued: [invoice_jobs.book_invoice],
    invoice_events.InvoiceVoided: [invoice_jobs.book_void, settlement_jobs.settle_employer_statements],
    invoice_events.CustomerReleased: [invoice_jobs.issue_waiting],
    invoice_events.CreditNoteIssued: [invoice_jobs.book_credit_note, settlement_jobs.settle_employer_statements],
    invoice_events.PrepaymentClosingAccepted: [invoice_jobs.follow_prepayment_closing],
    invoice_events.InvoicePaymentRecorded: [
        invoice_jobs.book_invoice_payment,
        settlement_jobs.settle_employer_statements,
    ],
}
SCHEDULE: Final = (
    Cron("*/15 * * * *", settlement_jobs.sweep_transfers, each="hospital"),
    Cron("25 * * * *", ledger_jobs.expire_holds),
    Cron("20 1 * * *", ledger_jobs.count_checkpoints),
    Cron("10 1 1 * *", rating_jobs.rate_last_month, each="hospital"),
    Cron("20 1 1 * *", rating_jobs.rate_last_month, each="employer"),
    Cron("10 8 * * *", dunning_jobs.remind_overdue, each="hospital"),
    Cron("20 8 * * *", dunning_jobs.remind_overdue, each="employer"),
    Cron("10 2 2 * *", invoice_jobs.bill_last_month, each="hospital"),
    Cron("20 2 2 * *", invoice_jobs.bill_last_month, each="employer"),
    # Late enough that the month's visits are mirrored and its invoices issued.
    Cron("30 4 3 * *", settlement_jobs.draft_last_month, each="employer"),
    Cron("40 2 * * *", reconciliation_jobs.reconcile_last_night, each="hospital"),
    Cron("30 3 * * 0", reconciliation_jobs.reconcile_weekly, each="hospital"),
    Cron("50 2 * * *", reconciliation_jobs.reconcile_employer_last_night, each="employer"),
    Cron("10 3 * * *", reconciliation_jobs.reconcile_operators_bank, each="operator"),
)


def introduce_transfers(*_: Any) -> None:
    """Tell invoices, which lie below, how a transfer that a bank's file tells of is found."""
    introduce_bank_files(known_transfer_of_operator)
