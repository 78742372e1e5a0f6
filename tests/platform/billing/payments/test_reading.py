"""The gap filler: what webhooks never brought, movements told late, and money that nobody can explain."""

from datetime import datetime

import pytest
from sqlalchemy import select

from tandem.billing.payments.jobs import read_provider, sweep_payments
from tandem.billing.payments.jobs.reading import FactsRefused
from tandem.billing.payments.models import ProviderEvent
from tandem.billing.payments.queries import movement_sums, read_until
from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.tenancy import acting_for
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
        (sums,) = movement_sums(datetime.max.replace(tzinfo=clock.now().tzinfo))

    assert sums["net_minor"] == till.book()["cash.psp"] == till.provider_balance()


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


def test_a_fact_that_cannot_be_booked_does_not_keep_the_others_out(till: Till) -> None:
    till.take()
    params = {
        "amount": 5000, "currency": "sgd", "confirm": True, "allowed_payment_method_types": ["card"],
        "payment_method": "pm_card_visa",
    }  # fmt: skip
    till.stripe().v1.payment_intents.create(params, {"stripe_account": till.account()})  # type: ignore[arg-type]  # a plain dict
    till.provider.put("/misbehaviour", {"lose_webhook": 1})
    later = till.take()

    with acting_for(till.hospital_id), pytest.raises(FactsRefused):
        read_provider()

    assert till.payment(later).fee_minor is not None
    with acting_for(till.hospital_id):
        assert read_until() is None
