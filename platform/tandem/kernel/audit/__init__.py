"""The audit trail: what was decided, by whom, when. Append-only, chained per tenant, and checkable by anyone.

`record` writes in the transaction of the decision itself. Within about a second the sealer adds the event to its
tenant's hash chain (an in-line chain would serialise a tenant's writes), and once a day the chain's head is signed.
"""

from tandem.kernel.audit.models import AuditEvent
from tandem.kernel.audit.recording import actor_name, record
from tandem.kernel.audit.sealing import configure, link_hash, seal_pending, seal_tenant, sign_checkpoint
from tandem.kernel.audit.verifying import Broken, Verdict, tenants_with_a_trail, verify

__all__ = [
    "AuditEvent",
    "Broken",
    "Verdict",
    "actor_name",
    "configure",
    "link_hash",
    "record",
    "seal_pending",
    "seal_tenant",
    "sign_checkpoint",
    "tenants_with_a_trail",
    "verify",
]
