"""Work of the books after a commit."""

from tandem.billing.ledger.mirrors import mirror_book
from tandem.kernel.jobs import job


@job(queue="slow", timeout_seconds=120, outside=True)
def mirror_currency(currency: str = "CNY") -> None:
    """Bring the operator's book up to date with this tenant's."""
    mirror_book(currency)
