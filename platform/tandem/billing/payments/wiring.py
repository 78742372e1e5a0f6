"""This slice's table of contents, for the platform's."""

from collections.abc import Sequence
from typing import Any, Final

from tandem.accounts import OrganizationWentLive
from tandem.billing import stripe_gateway
from tandem.billing.payments import api, events, jobs
from tandem.kernel.jobs import Cron, Job
from tandem.kernel.outbox import Event
from tandem.kernel.settings import Settings

APIS: Final = api.APIS
SUBSCRIPTIONS: Final[dict[type[Event], Sequence[Job[Any]]]] = {
    OrganizationWentLive: [jobs.open_account_of_live_hospital],
    events.ProviderAccountAsked: [jobs.open_provider_account],
    events.PaymentAsked: [jobs.take_payment],
    events.PaymentLapsed: [jobs.give_up_payment],
    events.PaymentCompleted: [jobs.consume_benefit],
    events.RefundAsked: [jobs.send_refund],
    events.InvoicePaymentAsked: [jobs.take_invoice_payment],
    events.RepaymentApproved: [jobs.send_repayment],
    events.RepaymentSent: [jobs.book_repayment],
    events.ProviderEventStored: [jobs.fold_event],
}
SCHEDULE: Final = (
    Cron("*/10 * * * *", jobs.sweep_payments, each="hospital"),
    Cron("7 * * * *", jobs.read_provider, each="hospital"),
    Cron("17 * * * *", jobs.read_operators_account, each="operator"),
    Cron("*/10 * * * *", jobs.sweep_invoice_payments, each="employer"),
    Cron("*/10 * * * *", jobs.sweep_invoice_payments, each="hospital"),
    Cron("*/10 * * * *", jobs.sweep_repayments, each="employer"),
    Cron("*/10 * * * *", jobs.sweep_repayments, each="hospital"),
)


def open_gateway(_: Any, settings: Settings) -> None:
    """Tell the gateway which provider this application speaks to."""
    stripe_gateway.configure(settings)
