"""Payers, and the means they pay with."""

import pytest
import stripe


def test_a_customer_is_told_of_and_changes(api: stripe.StripeClient) -> None:
    customer = api.v1.customers.create({"name": "王芳", "phone": "+8613800000000", "metadata": {"a": "1"}})

    changed = api.v1.customers.update(customer.id, {"name": "王小芳", "phone": "", "metadata": ""})

    assert (changed.name, changed.phone, changed.metadata.to_dict()) == ("王小芳", None, {})


def test_a_deleted_customer_leaves_only_that(api: stripe.StripeClient) -> None:
    customer = api.v1.customers.create({"name": "王芳"})

    api.v1.customers.delete(customer.id)

    assert api.v1.customers.retrieve(customer.id).deleted is True
    assert api.v1.customers.list().data == []
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.customers.update(customer.id, {"name": "x"})


def test_a_card_is_kept_for_a_customer_and_let_go(api: stripe.StripeClient) -> None:
    customer = api.v1.customers.create({"name": "王芳"})
    other = api.v1.customers.create({"name": "李雷"})

    card = api.v1.payment_methods.attach("pm_card_mastercard", {"customer": customer.id})

    assert (card.card.brand, card.customer) == ("mastercard", customer.id)
    assert [m.id for m in api.v1.customers.payment_methods.list(customer.id)] == [card.id]
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.payment_methods.attach(card.id, {"customer": other.id})
    assert api.v1.payment_methods.detach(card.id).customer is None
    assert api.v1.payment_methods.list({"customer": customer.id}).data == []


def test_card_numbers_are_not_taken(api: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        api.v1.payment_methods.create({"type": "card", "card": {"number": "4242424242424242"}})

    assert refusal.value.code == "parameter_unknown"
    made = api.v1.payment_methods.create(
        {"type": "card", "card": {"token": "tok_visa"}, "billing_details": {"name": "王芳"}}
    )
    assert (made.card.last4, made.billing_details.name) == ("4242", "王芳")
