"""Work of the books after a commit, and at set times."""

from tandem.billing.ledger import commands
from tandem.billing.ledger.mirrors import mirror_book
from tandem.kernel.jobs import job


@job(queue="slow", timeout_seconds=120, outside=True)
def mirror_currency(currency: str = "CNY") -> None:
    """Bring the operator's book up to date with this tenant's."""
    mirror_book(currency)


@job(queue="slow")
def expire_holds() -> None:
    """Give back what was held too long."""
    commands.expire_holds()


@job(queue="slow", timeout_seconds=300)
def count_checkpoints() -> None:
    """Count the days that are over, and what came late for earlier ones."""
    commands.count_checkpoints()
