"""Decisions about appointments: book, pay, end."""

from tenants.appointments.commands.book import confirm_payment, hold_slot, release_expired_holds
from tenants.appointments.commands.end import (
    begin_visit,
    cancel_appointment,
    cancel_for_leave,
    cancel_own_appointment,
    end_visit,
    mark_no_show,
    refer_offline,
)
from tenants.appointments.commands.pay import pay_appointment, payment_of

__all__ = [
    "begin_visit",
    "cancel_appointment",
    "cancel_for_leave",
    "cancel_own_appointment",
    "confirm_payment",
    "end_visit",
    "hold_slot",
    "mark_no_show",
    "pay_appointment",
    "payment_of",
    "refer_offline",
    "release_expired_holds",
]
