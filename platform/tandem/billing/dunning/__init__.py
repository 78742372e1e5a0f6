"""Reminders of overdue invoices: by a dated schedule, each once, and none while paid or disputed. 催款"""

from tandem.billing.dunning.commands import send_reminders
from tandem.billing.dunning.events import InvoiceReminded
from tandem.billing.dunning.models import InvoiceReminder

__all__ = ["InvoiceReminded", "InvoiceReminder", "send_reminders"]
