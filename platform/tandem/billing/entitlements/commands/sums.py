"""A programme's sums, kept beside every step that changes them. [programme]"""

from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from tandem.billing.entitlements.models import ProgrammeTotal
from tandem.kernel.database import session
from tandem.kernel.tenancy import tenant_id

_total = ProgrammeTotal.__table__


def locked_sums() -> Any:
    """The programme's sums, locked until the transaction ends: whoever changes members or sums comes here first."""
    zero = dict.fromkeys(("members", "members_active", "units_granted", "units_consumed"), 0)
    first = insert(_total).values(tenant_id=tenant_id(), id=tenant_id(), **zero)
    session.execute(first.on_conflict_do_nothing(index_elements=["tenant_id", "id"]))
    return session.execute(select(_total).where(_total.c.tenant_id == tenant_id()).with_for_update()).one()


def add_to_sums(**changes: int) -> None:
    """Add to the sums, which the caller has locked."""
    wanted = {name: _total.c[name] + change for name, change in changes.items()}
    session.execute(update(_total).where(_total.c.tenant_id == tenant_id()).values(wanted))
