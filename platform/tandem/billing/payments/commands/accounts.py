"""A hospital's own account at the provider, and how far it has been read."""

from datetime import datetime

from sqlalchemy.dialects.postgresql import insert

from tandem.billing.payments.events import ProviderAccountAsked
from tandem.billing.payments.models import ProviderAccount, ProviderReading
from tandem.kernel import audit, clock, outbox
from tandem.kernel.database import session
from tandem.kernel.tenancy import tenant_id


def connect_account() -> None:
    """Let the scope's hospital be paid: a job opens its account at the provider after the commit, once."""
    outbox.add(ProviderAccountAsked(tenant_id()))


def register_account(account_id: str, *, is_live: bool) -> None:
    """Remember which account is the scope's. The first one stays."""
    row = {"id": account_id, "tenant_id": tenant_id(), "is_live": is_live, "created_at": clock.now()}
    once = insert(ProviderAccount).values(row).on_conflict_do_nothing().returning(ProviderAccount.id)
    if session.execute(once).scalar_one_or_none() is not None:
        audit.record(action="provider_account.connected", object_type="provider_account", object_id=account_id)


def advance_reading(until: datetime) -> None:
    """The account has been read whole up to `until`; a reading never goes back."""
    first = insert(ProviderReading).values(tenant_id=tenant_id(), id=tenant_id(), read_until=until)
    session.execute(
        first.on_conflict_do_update(
            index_elements=["tenant_id", "id"],
            set_={"read_until": first.excluded.read_until},
            where=ProviderReading.read_until < first.excluded.read_until,
        )
    )
