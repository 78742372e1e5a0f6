"""Sending reminders, and saying when they are sent."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy.dialects.postgresql import insert

from tandem.billing.dunning import queries
from tandem.billing.dunning.errors import DunningScheduleExists
from tandem.billing.dunning.events import InvoiceReminded
from tandem.billing.dunning.models import DunningStep, InvoiceReminder
from tandem.kernel import audit, clock, outbox
from tandem.kernel.database import refusing, session
from tandem.kernel.ids import new_id
from tandem.kernel.money import EXPONENTS
from tandem.kernel.tenancy import tenant_id


def add_schedule(*, effective_from: date, steps: Sequence[Mapping[str, Any]]) -> list[DunningStep]:
    """Say how customers are reminded from a day on. [operator] Raises DunningScheduleExists."""
    version = queries.newest_version() + 1
    ordered = sorted(steps, key=lambda step: int(step["days_after_due"]))
    written = [
        DunningStep(id=new_id(), version=version, step=place, effective_from=effective_from, **step)
        for place, step in enumerate(ordered, start=1)
    ]
    with refusing(
        dunning_step_version_step_key=DunningScheduleExists, dunning_step_effective_from_step_key=DunningScheduleExists
    ):
        session.add_all(written)
    audit.record(action="dunning_schedule.added", object_type="dunning_schedule", object_id=str(version))
    return written


def send_reminders(*, on: date, at_most: int = 500) -> int:
    """Remind the scope's customer of what is overdue on a day, each step once; returns how many. [customer]"""
    steps = {step["step"]: step for step in queries.steps_on(on)}
    if not steps:
        return 0
    version = next(iter(steps.values()))["version"]
    due = queries.due_reminders(version, on, limit=at_most)
    told = [_reminder(invoice, steps[invoice["step"]]) for invoice in due]
    if not told:
        return 0
    table = InvoiceReminder.__table__
    once = insert(table).on_conflict_do_nothing().returning(table.c.id, table.c.invoice_id, table.c.step)
    for sent in session.execute(once.values(told)).all():
        audit.record(
            action="invoice.reminded", object_type="invoice", object_id=sent.invoice_id, details={"step": sent.step}
        )
        outbox.add(InvoiceReminded(sent.id))
    return len(told)


def _reminder(invoice: Mapping[str, Any] | Any, step: Mapping[str, Any] | Any) -> dict[str, Any]:
    open_now = Decimal(invoice["open_minor"]).scaleb(-EXPONENTS[invoice["currency"]])
    facts = {
        "{document_no}": invoice["document_no"],
        "{due_on}": str(invoice["due_on"]),
        "{open}": f"{invoice['currency']} {open_now:,f}",
    }
    return {
        "tenant_id": tenant_id(),
        "id": new_id(),
        "invoice_id": invoice["id"],
        "version": step["version"],
        "step": step["step"],
        "days_overdue": invoice["days_overdue"],
        "open_minor": invoice["open_minor"],
        "currency": invoice["currency"],
        "text_zh": _filled(step["text_zh"], facts),
        "text_en": _filled(step["text_en"], facts),
        "sent_at": clock.now(),
    }


def _filled(text: str, facts: Mapping[str, str]) -> str:
    # Not str.format: the operator's text is data, and data must not reach into objects.
    for name, value in facts.items():
        text = text.replace(name, value)
    return text
