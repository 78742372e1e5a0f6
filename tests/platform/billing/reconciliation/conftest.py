"""Reconciliation is told against the same provider as payments are."""

from tests.platform.billing.payments.conftest import provider, provider_process, till

__all__ = ["provider", "provider_process", "till"]
