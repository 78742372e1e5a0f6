"""Settlements meet the provider where what is owed is sent."""

from collections.abc import Callable
from uuid import UUID

import pytest

from tests.platform.billing.money import a_delivered_visit, a_hospital_with_an_agreement, a_payment, a_refund
from tests.platform.billing.payments.conftest import provider, provider_process

__all__ = ["provider", "provider_process"]


@pytest.fixture
def hospital(work: Callable[..., int]) -> UUID:
    """A hospital with two visits on one day, one of them refunded in part."""
    hospital = a_hospital_with_an_agreement()
    a_delivered_visit(hospital, a_payment(hospital, 10_000), 10_000)
    payment = a_payment(hospital)
    a_delivered_visit(hospital, payment)
    a_refund(hospital, payment, 3_600)
    work(hospital)
    return hospital
