"""Settlement over HTTP: statements of both kinds, their disputes, and transfers."""

from typing import Final

from tandem.billing.settlements.api import disputes, employers, statements, transfers

APIS: Final = [*statements.APIS, *disputes.APIS, *transfers.APIS, *employers.APIS]
