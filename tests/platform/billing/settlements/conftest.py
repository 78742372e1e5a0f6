"""Settlements meet the provider where what is owed is sent."""

from tests.platform.billing.payments.conftest import provider, provider_process

__all__ = ["provider", "provider_process"]
