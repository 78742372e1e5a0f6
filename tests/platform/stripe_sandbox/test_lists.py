"""Pages, filters and expansions as the client walks them."""

from typing import Any

import pytest
import stripe


@pytest.fixture
def customers(api: stripe.StripeClient) -> list[str]:
    """Seven customers, oldest first."""
    return [api.v1.customers.create({"name": f"{n}", "email": f"{n % 2}@patient.test"}).id for n in range(7)]


def test_pages_run_from_the_newest_to_the_oldest(api: stripe.StripeClient, customers: list[str]) -> None:
    page = api.v1.customers.list({"limit": 3})

    assert [c.id for c in page.data] == customers[::-1][:3]
    assert page.has_more is True
    assert [c.id for c in page.auto_paging_iter()] == customers[::-1]
    last = api.v1.customers.list({"limit": 3, "starting_after": customers[1]})
    assert ([c.id for c in last.data], last.has_more) == ([customers[0]], False)


def test_pages_run_backwards_too(api: stripe.StripeClient, customers: list[str]) -> None:
    page = api.v1.customers.list({"limit": 3, "ending_before": customers[0]})

    assert [c.id for c in page.data] == customers[3:0:-1]
    assert page.has_more is True
    assert [c.id for c in page.auto_paging_iter()] == customers[1:]


def test_what_comes_in_between_does_not_shift_pages(api: stripe.StripeClient, customers: list[str]) -> None:
    page = api.v1.customers.list({"limit": 4})
    api.v1.customers.create({"name": "late"})

    rest = page.next_page()

    assert [c.id for c in [*page.data, *rest.data]] == customers[::-1]


def test_creation_bounds_are_kept(api: stripe.StripeClient, sandbox: Any) -> None:
    old = api.v1.customers.create({"name": "old"})
    sandbox.advance(days=1)
    new = api.v1.customers.create({"name": "new"})

    def ids(**bounds: int) -> list[str]:
        told: Any = {"created": bounds}
        return [c.id for c in api.v1.customers.list(told)]

    assert ids(gte=old.created) == [new.id, old.id]
    assert ids(gt=old.created) == [new.id]
    assert ids(lte=old.created) == [old.id]
    assert ids(gte=old.created, lt=new.created) == [old.id]
    assert [c.id for c in api.v1.customers.list({"created": old.created})] == [old.id]


def test_filters_narrow(api: stripe.StripeClient, customers: list[str], pay: Any) -> None:
    pay(7200, customer=customers[0])

    assert len(api.v1.customers.list({"email": "0@patient.test"}).data) == 4
    assert len(api.v1.payment_intents.list({"customer": customers[0]}).data) == 1
    assert api.v1.payment_intents.list({"customer": customers[1]}).data == []
    assert len(api.v1.balance_transactions.list({"type": "charge"}).data) == 1
    assert len(api.v1.events.list({"type": "customer.*"}).data) == 7
    assert len(api.v1.events.list({"types": ["charge.succeeded", "charge.updated"]}).data) == 2


@pytest.mark.parametrize(
    ("told", "param"),
    [({"limit": 101}, "limit"), ({"limit": 0}, "limit"), ({"starting_after": "cus_none"}, "starting_after")],
)
def test_impossible_pages_are_refused(api: stripe.StripeClient, told: Any, param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        api.v1.customers.list(told)

    assert refusal.value.param == param


def test_expansion_reaches_through_objects_and_lists(api: stripe.StripeClient, pay: Any, hospital: str) -> None:
    pay(7200, customer=api.v1.customers.create({"name": "王芳"}).id)

    intent = api.v1.payment_intents.list(
        {"expand": ["data.latest_charge.balance_transaction.source", "data.customer", "data.payment_method"]}
    ).data[0]

    assert intent.customer.name == "王芳"
    assert intent.payment_method.card.last4 == "4242"
    assert intent.latest_charge.balance_transaction.source.id == intent.latest_charge.id


@pytest.mark.parametrize("path", ["amount", "nothing", "latest_charge.amount", "a.b.c.d.e", "latest_charge.a.b.c.d"])
def test_what_cannot_be_expanded_is_refused(api: stripe.StripeClient, pay: Any, path: str) -> None:
    intent = pay()

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        api.v1.payment_intents.retrieve(intent.id, {"expand": [path]})

    assert refusal.value.http_status == 400


def test_expanding_nothing_is_nothing(api: stripe.StripeClient) -> None:
    intent = api.v1.payment_intents.create({"amount": 7200, "currency": "cny", "expand": ["latest_charge.refunds"]})

    assert intent.latest_charge is None
