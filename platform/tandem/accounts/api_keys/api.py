"""API keys: each organisation issues its own. The operator issues none for others."""

from typing import Any, Final
from uuid import UUID

from flask import current_app

from tandem.accounts.api_keys import commands, queries
from tandem.accounts.api_keys.errors import RoleTooHigh
from tandem.accounts.api_keys.schemas import ApiKeySchema, ApiKeyWishSchema, NewApiKeySchema
from tandem.accounts.staff.errors import RoleUnknown
from tandem.kernel.access import Audience
from tandem.kernel.database import Page
from tandem.kernel.http import Api


def _keys_of(audience: Audience) -> Api:
    own = Api("api_keys", audience=audience, url_prefix="/api_keys", tag="API keys")

    @own.get("", allow="api_keys.read", gives=ApiKeySchema, many=True)
    def list_api_keys(query: dict[str, Any]) -> Page:
        """Your keys, newest first, without their secrets."""
        return queries.api_keys(limit=query["limit"], after=query["after"])

    @own.post(
        "",
        allow="api_keys.write",
        takes=ApiKeyWishSchema,
        gives=NewApiKeySchema,
        problems=(RoleUnknown, RoleTooHigh),
    )
    def issue_api_key(wish: dict[str, Any]) -> dict[str, Any]:
        """Issue a key. Its token is shown once."""
        key, token = commands.issue_api_key(**wish, live=current_app.extensions["tandem_settings"].is_live)
        return {column.key: getattr(key, column.key) for column in key.__table__.columns} | {"token": token}

    @own.delete("/<uuid:key_id>", allow="api_keys.write")
    def revoke_api_key(key_id: UUID) -> None:
        """End a key now."""
        commands.revoke_api_key(key_id)

    return own


APIS: Final = tuple(_keys_of(audience) for audience in ("operator", "hospital", "employer"))
