"""This house's table of contents: its views, what happens when something has happened, and what happens when."""

from collections.abc import Sequence
from typing import Any

from b2b.contracts import ContractEnded, ContractTookEffect, ProgrammeOpened, signed_contract
from b2b.contracts import api as contracts_api
from b2b.contracts.jobs import bill_members, close_programme, end_contracts, open_programme
from b2b.employers import api as employers_api
from b2b.packages import api as packages_api
from b2b.reports import api as reports_api
from b2b.reports.jobs import report_contracts
from b2b.rosters import api as rosters_api
from b2b.rosters.events import MembersGranted, RosterChanged
from b2b.rosters.jobs import grant_members, keep_members_current, spread_roster_change
from tandem.billing.contracts import introduce_contracts
from tandem.kernel.http import Api
from tandem.kernel.jobs import Cron, Job
from tandem.kernel.outbox import Event

APIS: Sequence[Api] = [
    *packages_api.APIS,
    *employers_api.APIS,
    *contracts_api.APIS,
    *rosters_api.APIS,
    *reports_api.APIS,
]
BLUEPRINTS: Sequence[Any] = []
SUBSCRIPTIONS: dict[type[Event], Sequence[Job[Any]]] = {
    ContractTookEffect: [open_programme],
    ProgrammeOpened: [grant_members],
    RosterChanged: [spread_roster_change],
    MembersGranted: [bill_members],
    ContractEnded: [close_programme],
}
SCHEDULE: Sequence[Cron] = [
    Cron("10 0 * * *", end_contracts, each="employer"),
    Cron("20 0 * * *", keep_members_current, each="employer"),
    Cron("30 3 1 * *", report_contracts, each="employer"),
]


def introduce_signed_contracts(*_: Any) -> None:
    """Tell billing, which lies below, how an employer's signed contracts are found."""
    introduce_contracts(signed_contract)


ON_OPEN: Sequence[Any] = [introduce_signed_contracts]
