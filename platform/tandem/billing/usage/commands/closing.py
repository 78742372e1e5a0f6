"""The gate: who meters holds it together with others, who rewrites or closes holds it alone."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from tandem.kernel.database import session
from tandem.kernel.ids import derived_id
from tandem.kernel.tenancy import tenant_id


def hold_usage_gate() -> None:
    """Hold the gate alone until the transaction ends: whoever decides what is billed by whom does it one at a time."""
    hold_gate(alone=True)


def hold_gate(*, alone: bool) -> datetime:
    """Pass the gate until the transaction ends, `alone` or with others; returns until when use is closed.

    Alone means that no batch is under way: everything metered is committed and seen, nothing new comes in meanwhile.
    """
    here = tenant_id()
    hold = _HOLD_ALONE if alone else _HOLD
    row: Row[Any] | None = session.execute(hold, {"tenant": here}).one_or_none()
    if row is None:
        session.execute(_OPEN, {"tenant": here, "id": _gate_id(here)})
        row = session.execute(hold, {"tenant": here}).one()
    closed_until: datetime = row.closed_until
    return closed_until


def close_usage(until: datetime) -> None:
    """Say that use before `until` is about to be rated: what comes later of that time is late. [any tenant]

    Closing an earlier moment than the last one changes nothing.
    """
    # Looked at first without a lock: the chunks of one run close the same moment, and batches need not wait for each.
    closed_until = session.execute(_LOOK, {"tenant": tenant_id()}).scalar_one_or_none()
    if (closed_until is None or closed_until < until) and hold_gate(alone=True) < until:
        session.execute(_CLOSE, {"tenant": tenant_id(), "until": until})


def _gate_id(tenant: UUID) -> UUID:
    return derived_id("usage_gate", tenant)


_LOOK = text("SELECT closed_until FROM usage_gate WHERE tenant_id = :tenant")
_HOLD = text("SELECT closed_until FROM usage_gate WHERE tenant_id = :tenant FOR SHARE")
_HOLD_ALONE = text("SELECT closed_until FROM usage_gate WHERE tenant_id = :tenant FOR UPDATE")
_OPEN = text(
    "INSERT INTO usage_gate (tenant_id, id, closed_until) VALUES (:tenant, :id, 'epoch') "
    "ON CONFLICT (tenant_id) DO NOTHING"
)
_CLOSE = text("UPDATE usage_gate SET closed_until = :until WHERE tenant_id = :tenant")
