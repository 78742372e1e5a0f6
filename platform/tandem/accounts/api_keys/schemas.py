"""What is said about API keys over HTTP."""

from marshmallow import fields, validate

from tandem.accounts.fields import line
from tandem.accounts.staff.schemas import role_names
from tandem.kernel.http import Schema


class ApiKeyWishSchema(Schema):
    """A key to issue."""

    name = line(60, required=True, metadata={"description": "What the key is for", "example": "HIS nightly export"})
    roles = role_names()
    days = fields.Integer(strict=True, load_default=90, validate=validate.Range(1, 366))


class ApiKeySchema(Schema):
    """A key, without its secret."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    hint = fields.String(required=True, metadata={"description": "The token's last characters"})
    audience = fields.String(required=True)
    roles = fields.List(fields.String(), required=True)
    created_at = fields.DateTime(required=True)
    expires_at = fields.DateTime(required=True)
    last_used_at = fields.DateTime(allow_none=True)
    revoked_at = fields.DateTime(allow_none=True)


class NewApiKeySchema(ApiKeySchema):
    """A fresh key: its token is shown here and never again."""

    token = fields.String(required=True)
