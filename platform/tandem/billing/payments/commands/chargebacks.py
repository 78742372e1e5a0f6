"""Disputes of what customers paid online for invoices: told of by the provider, folded into the invoice itself."""

from typing import Final
from uuid import UUID

from tandem.billing.invoices import ChargebackNews, fold_chargeback
from tandem.billing.payments.queries import invoice_intents, repayments
from tandem.billing.provider_facts import ProviderDispute, ProviderIntent

_STATUS: Final = {"won": "won", "lost": "lost", "warning_closed": "closed", "prevented": "closed"}


def fold_invoice_dispute(intent: ProviderIntent, told: ProviderDispute) -> bool:
    """What the provider says of a dispute of an invoice's payment; whether it is one of ours. [customer]

    The movements say when money went and came: a verdict may be ahead of them.
    """
    try:
        mine = invoice_intents.intent_for_update(UUID(intent.key or ""))
    except ValueError:
        return False
    if mine is None or mine.provider_intent_id != intent.id or mine.currency != told.currency:
        return False
    taken = next((each.created_at for each in told.movements if each.amount_minor < 0), None)
    given_back = next((each.created_at for each in told.movements if each.amount_minor > 0), None)
    news = ChargebackNews(
        provider_dispute_id=told.id, amount_minor=told.amount_minor, reason=told.reason,
        status=_STATUS.get(told.status, "open"), opened_at=told.created_at, taken_at=taken, given_back_at=given_back,
    )  # fmt: skip
    # Held in the same order by whoever gives back: the attempt's invoice first, then its repayments are counted.
    return fold_chargeback(mine.invoice_id, intent.id, news, repaid_minor=repayments.sent_minor(mine.invoice_id))
