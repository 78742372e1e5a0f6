"""This slice's table of contents, for the platform's."""

from typing import Any, Final

from tandem.accounts.agreements.api import APIS as AGREEMENTS
from tandem.accounts.api_keys.api import APIS as API_KEYS
from tandem.accounts.applications.api import APIS as APPLICATIONS
from tandem.accounts.imports.api import APIS as IMPORTS
from tandem.accounts.organizations.api import APIS as ORGANIZATIONS
from tandem.accounts.organizations.queries import kind_of, tenants_of
from tandem.accounts.oversight.api import APIS as OVERSIGHT
from tandem.accounts.people.jobs import forget_old_sign_in_attempts
from tandem.accounts.sessions.api import APIS as SESSIONS
from tandem.accounts.staff.api import APIS as STAFF
from tandem.kernel.http import register_tenant_kind
from tandem.kernel.jobs import Cron, list_tenants_by

APIS: Final = (*SESSIONS, *APPLICATIONS, *ORGANIZATIONS, *AGREEMENTS, *STAFF, *API_KEYS, *IMPORTS, *OVERSIGHT)
SCHEDULE: Final = (Cron("53 3 * * *", forget_old_sign_in_attempts, each="operator"),)


def introduce_tenants(*_: Any) -> None:
    """Tell the edge what kind an organisation is, and the timetable which organisations are live."""
    register_tenant_kind(kind_of)
    list_tenants_by(tenants_of)
