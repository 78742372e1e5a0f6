"""Decisions about API keys."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from tandem.accounts.api_keys.errors import RoleTooHigh
from tandem.accounts.api_keys.queries import api_key
from tandem.accounts.hands import hand
from tandem.accounts.organizations.queries import own_organization
from tandem.accounts.staff.errors import RoleUnknown
from tandem.accounts.staff.queries import AUDIENCES
from tandem.kernel import audit, clock
from tandem.kernel.access import permissions_of, roles_of
from tandem.kernel.database import session
from tandem.kernel.identity import ApiKey, current_actor, make_token
from tandem.kernel.tenancy import tenant_id

HINT_LENGTH = 4


def issue_api_key(*, name: str, roles: Sequence[str], days: int, live: bool) -> tuple[ApiKey, str]:
    """A new key of the scope's organisation and, once, its token. [any tenant]

    `live` says whether real money moves on this platform: the token shows it. Raises RoleUnknown, RoleTooHigh.
    """
    audience = AUDIENCES.get(own_organization().kind, "public")
    known = roles_of(audience)
    if not roles or set(roles) - set(known):
        raise RoleUnknown(roles=known)
    _require_held(roles)
    token, secret_hash = make_token("tdm_live" if live else "tdm_test", tenant_id())
    key = ApiKey(
        tenant_id=tenant_id(),
        name=name,
        hint=token[-HINT_LENGTH:],
        secret_hash=secret_hash,
        audience=audience,
        roles=sorted(set(roles)),
        created_by=hand(),
        expires_at=clock.now() + timedelta(days=days),
    )
    session.add(key)
    session.flush()
    audit.record(
        action="api_key.issued", object_type="api_key", object_id=key.id, details={"roles": key.roles, "days": days}
    )
    return key, token


def revoke_api_key(key_id: UUID) -> ApiKey:
    """End a key now; revoking it again changes nothing. [any tenant] Raises NotFound."""
    key = api_key(key_id)
    if key.revoked_at is None:
        key.revoked_at = clock.now()
        audit.record(action="api_key.revoked", object_type="api_key", object_id=key.id)
    return key


def _require_held(roles: Sequence[str]) -> None:
    actor = current_actor()
    if actor.kind not in {"person", "api_key"}:
        return
    beyond = permissions_of(list(roles), actor.audience) - actor.permissions
    if beyond:
        raise RoleTooHigh(beyond=sorted(beyond))
