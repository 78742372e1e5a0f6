"""A month's run: each rated line billed once, nothing for nothing, and what is out of line parked with a way out."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import date, timedelta
from decimal import Decimal
from itertools import count
from random import Random
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from tandem.billing.invoices import Invoice, invoice, invoice_lines, void_invoice
from tandem.billing.invoices.commands import draft_from_rating, issue_waiting
from tandem.billing.invoices.guard import Limits, out_of_line
from tandem.billing.invoices.queries import open_park
from tandem.billing.invoices.taxes import tax_in
from tandem.billing.ledger import balance_minor
from tandem.billing.rating import MonthRated, RatedLine
from tandem.kernel import outbox
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.people import a_key, once
from tests.platform.billing.digests import book_digest
from tests.platform.billing.invoices.money import a_customer, a_hospital
from tests.platform.billing.rating.plans import a_component, a_ladder, a_plan, a_subscription, rate, use
from tests.platform.billing.usage.metering import a_meter, a_void, an_event, report

pytestmark = pytest.mark.usefixtures("app")
MONTH = date(2026, 9, 1)


def a_rated_line(amount_minor: int = 10_600, *, month: date = MONTH, **changes: Any) -> dict[str, Any]:
    """A line as rating leaves it."""
    until = (month + timedelta(days=32)).replace(day=1)
    facts = {
        "id": new_id(), "subscription_id": SUBSCRIPTION, "contract_id": None, "plan_version_id": new_id(),
        "period_first": month, "period_until": until, "covered_first": month, "covered_until": until,
        "raised_for": month, "revision": 0, "code": f"visits{next(NUMBERS)}", "kind": "graduated", "meter": "visits",
        "text_zh": "就诊服务", "text_en": "Visits", "quantity": Decimal("12.5"), "unit_price": None,
        "amount_minor": amount_minor, "currency": "CNY", "parked_reason": None, "line_input_hash": "0" * 64,
    }  # fmt: skip
    return facts | changes


def kept(customer: UUID, *lines: dict[str, Any]) -> None:
    """The lines on the customer's bill, as rating writes them."""
    with acting_for(customer), transaction():
        if lines:
            wish = insert(RatedLine.__table__).values([line | {"tenant_id": customer} for line in lines])
            session.execute(wish.on_conflict_do_nothing())


SUBSCRIPTION = new_id()
NUMBERS = count(10_000)


def run(customer: UUID, *lines: dict[str, Any], month: date = MONTH) -> list[UUID]:
    """The run of a month, and the issue of what it wrote."""
    kept(customer, *lines)
    ids, after = list[UUID](), None
    while True:
        with acting_for(customer), transaction():
            drafted, after = draft_from_rating(month, after=after, at_most=200)
        ids += drafted
        if after is None:
            break
    with acting_for(customer), transaction():
        issue_waiting()
    return ids


def status_of(customer: UUID, invoice_id: UUID) -> str:
    with acting_for(customer), transaction():
        return invoice(invoice_id).status


def park_of(customer: UUID) -> tuple[list[str], UUID] | None:
    with acting_for(customer), transaction():
        standing = open_park()
        return None if standing is None else (list(standing.reasons), standing.id)


def months(so_many: int) -> list[date]:
    """So many months before September, oldest first."""
    return [date(2026, 9 - back, 1) for back in range(so_many, 0, -1)]


def with_history(customer: UUID, amount_minor: int) -> None:
    for month in months(4):
        run(customer, a_rated_line(amount_minor, month=month), month=month)


def test_rated_lines_become_one_issued_invoice_for_each_contract_taxed_and_exact() -> None:
    customer, other = a_hospital(), new_id()
    lines = [a_rated_line(), a_rated_line(3_000, subscription_id=other, unit_price=Decimal("240"))]

    first, second = run(customer, *lines)

    assert status_of(customer, first) == status_of(customer, second) == "issued"
    with acting_for(customer), transaction():
        [line] = invoice_lines(second)
        [tiered] = invoice_lines(first)
    assert (line["quantity"], line["unit_price"], line["amount_minor"]) == (Decimal("12.5"), Decimal(240), 3_000)
    assert (tiered["unit_price"], tiered["tax_minor"], tiered["line_input_hash"]) == (None, 600, "0" * 64)


def test_a_run_done_again_bills_nothing_twice_and_takes_up_what_is_new() -> None:
    customer, line, late = a_hospital(), a_rated_line(), a_rated_line(500, revision=1, period_first=date(2026, 8, 1))

    once_, again, later = run(customer, line), run(customer, line), run(customer, line, late)

    assert (len(once_), again, len(later)) == (1, [], 1)
    with acting_for(customer), transaction():
        [told] = invoice_lines(later[0])
    assert (told["kind"], told["of_first_day"], told["amount_minor"]) == ("adjustment", date(2026, 8, 1), 500)


def test_a_run_goes_on_payer_by_payer_past_those_who_were_billed_and_those_who_owe_nothing() -> None:
    customer, contract = a_hospital(), new_id()
    run(customer, *(a_rated_line(subscription_id=new_id()) for _ in range(3)))
    of_contract = [a_rated_line(each, subscription_id=new_id(), contract_id=contract) for each in (700, 800)]
    of_nobody = new_id()
    nothing = [a_rated_line(each, revision=1, subscription_id=of_nobody) for each in (-90, 90)]
    kept(customer, *of_contract, a_rated_line(900, subscription_id=new_id()), *nothing)

    drafted, after, chunks = list[UUID](), None, 0
    while chunks == 0 or after is not None:
        with acting_for(customer), transaction():
            (ids, after), chunks = draft_from_rating(MONTH, after=after, at_most=1), chunks + 1
        drafted += ids

    with acting_for(customer), transaction():
        totals = sorted(invoice(each).total_minor for each in drafted)
    # Three were billed before, one is the contract with its two subscriptions, one is new, one owes nothing; a last
    # look finds nobody.
    assert (totals, chunks) == ([900, 1_500], 7)


def test_two_schedulers_that_run_a_month_at_once_make_one_invoice(app: Flask) -> None:
    customer, lines = a_hospital(), [a_rated_line() for _ in range(5)]

    def go(_: int) -> None:
        # Where the other one was first, the job would be tried again and find nothing to do.
        with app.app_context(), suppress(IntegrityError):
            run(customer, *lines)

    with ThreadPoolExecutor(4) as hands:
        list(hands.map(go, range(4)))

    with acting_for(customer), transaction():
        numbers = list(session.scalars(select(Invoice.number).where(Invoice.tenant_id == customer)))
    assert numbers == [1]


def test_nothing_to_bill_makes_no_invoice_and_is_not_carried_on() -> None:
    customer, lines = a_hospital(), [a_rated_line(500), a_rated_line(-500, code="credit")]

    assert run(customer) == []
    assert run(customer, *lines) == []
    assert run(customer, *lines, a_rated_line(70, month=date(2026, 10, 1)), month=date(2026, 10, 1)) != []
    assert park_of(customer) is None


def test_a_run_killed_at_any_statement_leaves_no_line_billed_twice_and_no_number_lost() -> None:
    customer = a_hospital()
    kept(customer, a_rated_line())

    for kill_at in range(1, 40):
        with acting_for(customer), pytest.raises((ZeroDivisionError, KilledError)) as ended, transaction():
            with killed_after(kill_at):
                draft_from_rating(MONTH)
                issue_waiting()
            raise ZeroDivisionError
        if ended.type is ZeroDivisionError:
            break
    [billed] = run(customer)

    assert kill_at > 8
    with acting_for(customer), transaction():
        assert invoice(billed).number == 1


class KilledError(RuntimeError):
    """The machine went away."""


@contextmanager
def killed_after(statements: int) -> Iterator[None]:
    """Let so many statements of the scope's session through, and no more."""
    connection, seen = session.connection(), count(1)

    def tick(*_: Any) -> None:
        if next(seen) > statements:
            raise KilledError

    event.listen(connection, "before_cursor_execute", tick)
    try:
        yield
    finally:
        event.remove(connection, "before_cursor_execute", tick)


def test_a_bill_far_above_its_history_is_parked_and_goes_out_when_somebody_has_looked(
    client: FlaskClient, work: Callable[..., int]
) -> None:
    customer = a_hospital()
    with_history(customer, 100_000)

    [waits] = run(customer, a_rated_line(1_000_000))
    before, parked = status_of(customer, waits), park_of(customer)
    work(customer)

    assert (before, parked and parked[0]) == ("rated", ["amount_above_history"])
    operator = a_key(OPERATOR_ID, "operator", "operator_finance")
    told = client.get("/api/operator/v1/billing_parks?limit=100", headers=operator).json["data"]
    [mine] = [each for each in told if each["organization_id"] == str(customer)]
    assert (mine["invoice_id"], mine["evidence"]["amount_minor"]) == (str(waits), 1_000_000)
    base = f"/api/operator/v1/organizations/{customer}"
    refused = client.post(f"{base}/invoices/{waits}/issuance", headers=operator | once())
    assert refused.json["type"] == "/problems/billing-parked"
    released = client.post(
        f"{base}/billing_parks/{mine['id']}/releases", json={"because": "a new branch"}, headers=operator | once()
    )
    work(customer)
    assert (released.status_code, status_of(customer, waits), park_of(customer)) == (201, "issued", None)


def test_what_waits_is_tried_again_for_everybody_at_once(client: FlaskClient, work: Callable[..., int]) -> None:
    customers = [a_hospital(), a_hospital()]
    for customer in customers:
        kept(customer, a_rated_line())
        with acting_for(customer), transaction():
            draft_from_rating(MONTH)

    answer = client.post(
        "/api/operator/v1/invoice_retries",
        headers=a_key(OPERATOR_ID, "operator", "operator_finance") | once(),
    )
    work(OPERATOR_ID, *customers)

    assert answer.status_code == 202
    for customer in customers:
        with acting_for(customer), transaction():
            states = session.scalars(select(Invoice.status).where(Invoice.tenant_id == customer)).all()
        assert states == ["issued"]


def test_a_negative_bill_and_one_rated_with_a_doubt_park_the_customer_and_make_no_invoice() -> None:
    owed_back, doubtful = a_hospital(), a_hospital()

    assert run(owed_back, a_rated_line(-100)) == []
    assert run(doubtful, a_rated_line(100, parked_reason="negative-quantity")) == []

    assert (park_of(owed_back) or [None])[0] == ["negative_total"]
    assert (park_of(doubtful) or [None])[0] == ["negative-quantity"]


def test_a_customer_whose_use_falls_silent_is_looked_at() -> None:
    customer = a_hospital()
    with_history(customer, 50_000)

    assert run(customer) == []

    assert (park_of(customer) or [None])[0] == ["usage_dropped_to_zero"]


def test_a_voided_bill_is_billed_anew() -> None:
    customer, line = a_hospital(), a_rated_line()
    [wrong] = run(customer, line)

    with acting_for(customer), transaction():
        void_invoice(wrong, because="wrong plan")
    [right] = run(customer, line)

    assert (status_of(customer, wrong), status_of(customer, right)) == ("void", "issued")


def test_an_enterprise_is_told_use_whose_people_were_not_counted_as_one_sum() -> None:
    customer = a_customer()

    [billed] = run(customer, a_rated_line(700), a_rated_line(900), a_rated_line(50, meter=None))

    with acting_for(customer), transaction():
        told = [(line["kind"], line["amount_minor"]) for line in invoice_lines(billed)]
    assert told == [("item", 50), ("merged", 1_600)]


def test_a_guard_judges_by_the_median_and_not_by_small_sums_or_a_short_history() -> None:
    history = [100_000, 110_000, 90_000]
    in_line = {"history_periods": 6, "history_least": 3, "times_median": 3, "amount_floor_minor": 100_000}
    limits = Limits(**in_line, lines_per_day=15)

    assert out_of_line(330_000, lines=1, days=30, history_minor=history, limits=limits) == {
        "amount_above_history": 100_000
    }
    assert out_of_line(300_000, lines=1, days=30, history_minor=history, limits=limits) == {}
    assert out_of_line(90_000, lines=1, days=30, history_minor=[100] * 6, limits=limits) == {}
    assert out_of_line(10**9, lines=1, days=30, history_minor=history[:2], limits=limits) == {}
    assert out_of_line(5, lines=451, days=30, history_minor=[], limits=limits) == {"too_many_lines": 450}


def test_a_months_use_is_rated_billed_and_issued_by_the_jobs_alone(work: Callable[..., int]) -> None:
    customer = a_hospital()
    with acting_for(OPERATOR_ID, operator=True), transaction():
        meter = a_meter()
    a_subscription(customer, a_plan(a_component("per_unit", meter, unit_price=Decimal("35.5"))))
    use(customer, meter, 3, 4)

    rate(customer)
    with acting_for(customer), transaction():
        outbox.add(MonthRated(MONTH))
    work(customer)

    with acting_for(customer), transaction():
        [issued] = session.scalars(select(Invoice).where(Invoice.tenant_id == customer)).all()
        [line] = invoice_lines(issued.id)
        booked = -balance_minor("ap.operator")
    assert (issued.status, issued.total_minor, booked) == ("issued", 249, 249)
    assert (line["quantity"], line["amount_minor"]) == (Decimal(7), 249)


def test_use_told_in_any_order_and_twice_is_billed_and_booked_the_same(work: Callable[..., int]) -> None:
    meter, books = a_meter(), set()
    plan = a_plan(a_component("graduated", meter, tiers=a_ladder((10, 100), (None, "33.3"))), minimum_minor=900)
    for seed in range(4):
        customer, dice = a_hospital(), Random(seed)
        for ward in ("a", "b", "c"):
            a_subscription(customer, plan, ward)
        told = [
            an_event(meter, f"{ward}{n}", subject=ward, quantity=str(n * size), at=f"2026-09-{n + 1:02}T08:00:00+08:00")
            for ward, size in (("a", 7), ("b", 1), ("c", 3)) for n in range(1, 5)
        ]  # fmt: skip
        told += [a_void("a4", "v1"), a_void("b2", "v2")]
        told += dice.sample(told, 7)
        dice.shuffle(told)
        while told:
            report(customer, *[told.pop() for _ in range(min(len(told), dice.randint(1, 9)))])
        rate(customer)
        with acting_for(customer), transaction():
            outbox.add(MonthRated(MONTH))
        work(customer)
        books.add(book_digest(customer, keyed=False))
        with acting_for(customer), transaction():
            sums = session.scalars(select(Invoice.total_minor).where(Invoice.tenant_id == customer)).all()

    # 42 pieces of a, 8 of b, which the minimum lifts, and 30 of c; one plan's ladder for each ward.
    assert sorted(sums) == [900, 1_666, 2_066]
    assert len(books) == 1


def test_five_hundred_contracts_are_billed_and_numbered_by_one_run_and_none_is_missing() -> None:
    customer = a_hospital()
    lines = [a_rated_line(100 + place, subscription_id=new_id()) for place in range(500)]

    billed = run(customer, *lines)

    with acting_for(customer), transaction():
        found = session.scalars(select(Invoice).where(Invoice.tenant_id == customer)).all()
    assert len(billed) == 500
    assert sorted(row.number or 0 for row in found) == list(range(1, 501))
    assert {row.total_minor for row in found} == {100 + place for place in range(500)}
    assert all(row.tax_minor == tax_in(row.total_minor, Decimal("0.06"), included=True) for row in found)
    assert all((row.document_no or "").endswith(f"-{row.number:06d}") for row in found)
    assert {row.status for row in found} == {"issued"}
