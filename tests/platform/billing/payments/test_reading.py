"""The gap filler: what webhooks never brought, movements told late, and money that nobody can explain."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from tandem.billing.ledger import Book
from tandem.billing.payments.jobs import read_provider, reading, sweep_payments
from tandem.billing.payments.models import ParkedFact, ProviderEvent
from tandem.billing.payments.queries import movement_sums, read_until
from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.tenancy import acting_for, transaction
from tests.people import operator_staff, staff
from tests.platform.billing.digests import book_digest
from tests.platform.billing.payments.till import Till


def events(till: Till) -> dict[str, str]:
    """What the inbox knows: event and state."""
    with acting_for(till.hospital_id):
        mine = select(ProviderEvent).where(ProviderEvent.tenant_id == till.hospital_id)
        return {each.kind: each.status for each in session.scalars(mine)}


def test_events_that_no_webhook_brought_are_in_the_inbox_afterwards(till: Till) -> None:
    till.provider.put("/misbehaviour", {"lose_webhook": 1})
    till.take()
    before = events(till)

    till.read()

    assert before == {}
    assert {"charge.succeeded", "payment_intent.succeeded"} <= events(till).keys()
    assert set(events(till).values()) <= {"folded", "ignored"}


def test_a_payment_whose_movement_is_kept_back_is_booked_gross_until_it_is_told(till: Till) -> None:
    till.provider.put("/misbehaviour", {"omit_balance_transaction": 1})
    payment_id = till.take(7200)
    till.read()
    untold = till.book()

    till.provider.post("/misdeeds/amend")
    till.settle()
    till.read()

    assert untold == {"cash.psp": 7200, "ar.patient": -7200}
    fee = till.payment(payment_id).fee_minor or 0
    assert till.book() == {"cash.psp": 7200 - fee, "ar.patient": -7200, "exp.psp_fee": fee}
    assert till.book()["cash.psp"] == till.provider_balance()


def test_a_fee_is_booked_as_it_was_taken_not_as_it_should_have_been(till: Till) -> None:
    right = till.payment(till.take(7200)).fee_minor or 0
    till.provider.put("/misbehaviour", {"charge_different_fee": 1})

    taken = till.payment(till.take(7200)).fee_minor or 0

    assert taken > right
    assert till.book()["exp.psp_fee"] == right + taken


def test_money_that_no_payment_of_ours_explains_lies_in_suspense(till: Till) -> None:
    till.take()
    params = {
        "amount": 5000, "currency": "cny", "confirm": True, "allowed_payment_method_types": ["card"],
        "payment_method": "pm_card_visa",
    }  # fmt: skip
    till.stripe().v1.payment_intents.create(params, {"stripe_account": till.account()})  # type: ignore[arg-type]  # a plain dict

    till.settle()
    till.read()
    till.read()

    assert till.book()["suspense"] == -5000
    assert till.book()["ar.patient"] == -7200
    assert till.book()["cash.psp"] == till.provider_balance()


def test_what_the_movements_sum_to_is_what_the_book_holds(till: Till) -> None:
    payment_id = till.take()
    till.give_back(payment_id, 1000)
    till.settle()
    till.read()

    with acting_for(till.hospital_id):
        sums = movement_sums(datetime.max.replace(tzinfo=clock.now().tzinfo))

    assert sums == {"CNY": till.provider_balance()} == {"CNY": till.book()["cash.psp"]}


def test_the_next_reading_begins_where_this_one_began(till: Till) -> None:
    till.take()
    began = clock.now()

    till.read()

    with acting_for(till.hospital_id):
        until = read_until()
    assert until is not None
    assert began <= until <= clock.now()


def test_a_hospital_without_an_account_has_nothing_to_be_read(till: Till) -> None:
    till.read()

    with acting_for(till.hospital_id):
        sweep_payments()
        assert read_until() is None


def in_singapore_dollars(till: Till) -> None:
    """Somebody is paid on the hospital's account in a currency that no book is kept in."""
    till.take()
    params = {
        "amount": 5000, "currency": "sgd", "confirm": True, "allowed_payment_method_types": ["card"],
        "payment_method": "pm_card_visa",
    }  # fmt: skip
    till.stripe().v1.payment_intents.create(params, {"stripe_account": till.account()})  # type: ignore[arg-type]  # a plain dict


def parked(till: Till) -> list[tuple[str, str, int | None, str | None]]:
    with acting_for(till.hospital_id):
        mine = select(ParkedFact).where(ParkedFact.tenant_id == till.hospital_id, ParkedFact.released_at.is_(None))
        return [(each.object_kind, each.reason, each.amount_minor, each.currency) for each in session.scalars(mine)]


def test_a_movement_in_a_currency_without_a_book_is_parked_and_the_reading_goes_on(till: Till) -> None:
    till.take()
    in_singapore_dollars(till)
    till.provider.put("/misbehaviour", {"lose_webhook": 1})
    later = till.take()

    till.read()
    till.read()

    assert parked(till) == [("balance_transaction", "no-book-in-currency", 5000, "SGD")]
    assert till.payment(later).fee_minor is not None
    with acting_for(till.hospital_id):
        assert read_until() is not None


def test_the_operator_sees_what_is_parked_and_the_hospital_does_not_see_others(till: Till, client: FlaskClient) -> None:
    till.take()
    in_singapore_dollars(till)
    till.read()

    listed = client.get("/api/operator/v1/parked-facts?limit=100", headers=operator_staff()).json
    refused = client.get("/api/operator/v1/parked-facts", headers=staff(till.hospital_id, "hospital", "hospital_admin"))

    assert listed is not None
    assert {each["currency"] for each in listed["data"] if each["tenant_id"] == str(till.hospital_id)} == {"SGD"}
    assert refused.status_code == 401


def test_a_parked_fact_is_booked_when_it_can_be(till: Till) -> None:
    till.take()
    till.provider.put("/misbehaviour", {"lose_webhook": 1})
    till.take(5_000)
    freeze(till, is_frozen=True)
    till.read()
    held = parked(till)

    freeze(till, is_frozen=False)
    till.read()

    assert {reason for _, reason, _, _ in held} == {"book-frozen"}
    assert parked(till) == []
    assert till.book()["cash.psp"] == till.provider_balance()


def freeze(till: Till, *, is_frozen: bool) -> None:
    with acting_for(till.hospital_id), transaction():
        book = update(Book).where(Book.tenant_id == till.hospital_id)
        session.execute(book.values(frozen_at=clock.now() if is_frozen else None))


def test_a_silence_of_three_days_is_read_to_the_end_in_windows(till: Till, at: Callable[[datetime], None]) -> None:
    till.take()
    till.read()
    till.provider.put("/misbehaviour", {"lose_webhook": 1})
    for day in range(1, 4):
        till.provider.put("/clock", {"offset_seconds": day * 86_400})
        till.ask(1_000 * day)
        till.settle()
    at(clock.now() + timedelta(days=3, minutes=1))

    with acting_for(till.hospital_id):
        read_provider()

    assert till.book()["ar.patient"] == -7_200 - 6_000
    assert till.book()["cash.psp"] == till.provider_balance()
    with acting_for(till.hospital_id):
        assert read_until() == clock.now()


def test_webhooks_lost_for_three_days_leave_the_book_of_a_twin_that_heard_them_all(
    till: Till, at: Callable[[datetime], None]
) -> None:
    twin, half_deaf = Till(till.provider, till.work), Till(till.provider, till.work)
    hearing: list[tuple[Till, dict[str, Any]]] = [
        (twin, {}),
        (till, {"lose_webhook": 1}),
        (half_deaf, {"lose_webhook": 0.5, "duplicate_webhook": 0.5, "seed": 5}),
    ]
    for each, _ in hearing:
        each.take(9_000)
        each.read()
    for day in range(1, 4):
        till.provider.put("/clock", {"offset_seconds": day * 86_400})
        for each, misdeeds in hearing:
            till.provider.put("/misbehaviour", misdeeds)
            a_day_of(each, day)
    at(clock.now() + timedelta(days=3, minutes=1))

    for each in (till, half_deaf):
        with acting_for(each.hospital_id):
            read_provider()
        each.work(each.hospital_id)

    heard, unheard, half_heard = (book_digest(each.hospital_id, keyed=False) for each in (twin, till, half_deaf))
    assert heard == unheard == half_heard
    assert [each.book()["cash.psp"] for each in (till, half_deaf)] == [till.provider_balance()] * 2


def a_day_of(till: Till, day: int) -> None:
    """A payment that stays, one given back in part, one that is disputed and lost."""
    till.take(1_000 * day)
    refunded, disputed = till.take(2_000 * day), till.take(3_000 * day)
    till.give_back(refunded, 500)
    till.settle()
    # The till that hears nothing learns from the answer to its own call what became of its payment.
    dispute = till.provider.post("/disputes", {"payment_intent": till.payment(disputed).provider_intent_id})
    till.settle()
    till.provider.post(f"/disputes/{dispute['id']}/lose")
    till.settle()


def test_a_reading_out_of_time_asks_for_the_next_run_and_loses_nothing(
    till: Till, at: Callable[[datetime], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    till.take()
    till.read()
    till.provider.put("/misbehaviour", {"lose_webhook": 1})
    till.provider.put("/clock", {"offset_seconds": 3 * 86_400})
    till.take(5_000)
    at(clock.now() + timedelta(days=3, minutes=1))
    monkeypatch.setattr(reading, "BUDGET_SECONDS", -1)

    with acting_for(till.hospital_id):
        read_provider()
        halfway = read_until()
    till.work(till.hospital_id)

    assert halfway is not None
    assert halfway < clock.now()
    assert till.book()["cash.psp"] == till.provider_balance()
