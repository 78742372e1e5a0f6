"""Writing an audit event in the transaction at hand."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from psycopg.types.json import Jsonb

from tandem.kernel import clock, ids, telemetry
from tandem.kernel.audit.models import AuditEvent, AuditPending
from tandem.kernel.identity import current_actor
from tandem.kernel.statements import Statement
from tandem.kernel.tenancy import tenant_id

# No objects: nobody reads an event back in the request that records it.
_EVENT: Final = Statement.inserting(
    AuditEvent.__tablename__, "tenant_id id at actor action object_type object_id details request_id job_id"
)
_PENDING: Final = Statement.inserting(AuditPending.__tablename__, "tenant_id id")


def record(
    *,
    action: str,
    object_type: str,
    object_id: UUID | str,
    details: Mapping[str, Any] | None = None,
    of_tenant: UUID | None = None,
) -> None:
    """Record that `action` ("hospital.approved") was done to an object, by the current actor, in this transaction.

    Details are ids, states and reasons; what looks like a person in them is blanked. `of_tenant` names the tenant
    in the operator's view over many; elsewhere it is the scope's. Raises NoTenantChosen when there is neither.
    """
    tenant = of_tenant or tenant_id()
    event_id = ids.new_id()
    event = {
        "tenant_id": tenant,
        "id": event_id,
        "at": clock.now(),
        "actor": actor_name(),
        "action": action,
        "object_type": object_type,
        "object_id": str(object_id),
        "details": Jsonb(telemetry.without_people(details or {})),
        "request_id": telemetry.fact("request_id"),
        "job_id": telemetry.fact("job_id"),
    }
    _EVENT.rows(event)
    _PENDING.rows({"tenant_id": tenant, "id": event_id})


def actor_name() -> str:
    """Who acts, as kind:id; never a name."""
    actor = current_actor()
    return actor.kind if actor.id is None else f"{actor.kind}:{actor.id}"
