"""Overdue invoices are reminded of by the schedule: each step once, and never what is paid or disputed."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tandem.billing.dunning import send_reminders
from tandem.billing.dunning.jobs import remind_overdue
from tandem.billing.dunning.models import InvoiceReminder
from tandem.billing.invoices import record_invoice_payment
from tandem.kernel import clock, jobs
from tandem.kernel.audit import AuditEvent
from tandem.kernel.database import session
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.people import a_key, once
from tests.platform.billing.invoices.money import a_customer, a_hospital, a_line, credited, issued

pytestmark = pytest.mark.usefixtures("app")


def overdue(customer: UUID, days: int, amount_minor: int = 1_000) -> Any:
    return issued(customer, a_line(amount_minor), due_on=clock.today() - timedelta(days=days))


def remind(customer: UUID, after_days: int = 0, **bounds: int) -> int:
    with acting_for(customer), transaction():
        return send_reminders(on=clock.today() + timedelta(days=after_days), **bounds)


def steps_of(row: Any) -> list[int]:
    sent = select(InvoiceReminder.step).where(InvoiceReminder.invoice_id == row.id)
    with acting_for(row.tenant_id), transaction():
        return list(session.scalars(sent.order_by(InvoiceReminder.step)))


def test_each_step_is_sent_once_however_often_the_night_job_runs() -> None:
    row = overdue(a_customer(), 0)

    sent = [remind(row.tenant_id, after_days=days) for days in (0, 1, 1, 6, 7, 7, 8, 30, 31)]

    assert sent == [0, 1, 0, 0, 1, 0, 0, 1, 0]
    assert steps_of(row) == [1, 2, 4]


def test_whoever_was_not_reminded_for_weeks_gets_the_latest_letter_and_not_three() -> None:
    row = overdue(a_hospital(), 20)

    assert (remind(row.tenant_id), remind(row.tenant_id)) == (1, 0)
    assert steps_of(row) == [3]


def test_payment_credit_and_dispute_stop_reminders(client: FlaskClient) -> None:
    customer = a_customer()
    paid, partly, gone, disputed = (overdue(customer, 5) for _ in range(4))
    with acting_for(customer), transaction():
        record_invoice_payment(paid.id, amount_minor=1_000, paid_on=clock.today(), reference="B-1")
        record_invoice_payment(partly.id, amount_minor=400, paid_on=clock.today(), reference="B-2")
    credited(gone)
    admin = a_key(customer, "employer", "employer_admin")
    answer = client.post(
        f"/api/employer/v1/invoices/{disputed.id}/disputes", json={"because": "twice"}, headers=admin | once()
    )

    assert (answer.status_code, remind(customer)) == (201, 1)

    assert [steps_of(row) for row in (paid, partly, gone, disputed)] == [[], [1], [], []]
    told = client.get(f"/api/employer/v1/invoices/{partly.id}/reminders", headers=admin).json["data"]
    assert [each["open"]["amount_minor"] for each in told] == [600]
    assert f"Invoice {partly.document_no} was due" in told[0]["text_en"]
    assert "CNY 6.00" in told[0]["text_zh"]
    operator = a_key(OPERATOR_ID, "operator", "operator_finance")
    path = f"/api/operator/v1/organizations/{customer}/invoices/{disputed.id}/dispute_resolutions"
    client.post(path, json={"because": "it is right"}, headers=operator | once())
    assert (remind(customer), steps_of(disputed)) == (1, [1])


def test_the_night_job_works_in_bounded_batches_until_all_are_reminded(
    work: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    customer = a_customer()
    rows = [overdue(customer, 2) for _ in range(5)]
    monkeypatch.setattr("tandem.billing.dunning.jobs.AT_MOST", 2)

    with acting_for(customer), transaction():
        jobs.enqueue(remind_overdue, scheduled_at=clock.now())
    work(customer)

    assert [steps_of(row) for row in rows] == [[1]] * 5
    audited = select(func.count()).where(AuditEvent.tenant_id == customer, AuditEvent.action == "invoice.reminded")
    with acting_for(customer), transaction():
        assert session.scalar(audited) == 5


def test_a_schedule_of_the_operators_own_counts_from_its_day(
    client: FlaskClient, at: Callable[[datetime], None]
) -> None:
    operator, row = a_key(OPERATOR_ID, "operator", "operator_finance"), overdue(a_customer(), -2)
    far = clock.today() + timedelta(days=2_000)
    step = {"days_after_due": -10, "text_zh": "{document_no} 将于 {due_on} 到期", "text_en": "{open} {nobody.secret}"}
    wish = {"effective_from": str(far), "steps": [step | {"days_after_due": 9_0}, step]}

    answers = [
        client.post("/api/operator/v1/dunning_schedules", json=wish, headers=operator | once()) for _ in range(2)
    ]

    assert [answer.status_code for answer in answers] == [201, 409]
    assert [each["days_after_due"] for each in answers[0].json["steps"]] == [-10, 90]
    assert remind(row.tenant_id) == 0
    at(clock.now() + timedelta(days=2_001))
    soon = overdue(row.tenant_id, -5)
    remind(row.tenant_id)
    with acting_for(soon.tenant_id), transaction():
        wanted = select(InvoiceReminder.text_en).where(InvoiceReminder.invoice_id == soon.id)
        assert session.scalars(wanted).all() == ["CNY 10.00 {nobody.secret}"]
