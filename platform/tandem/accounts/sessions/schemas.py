"""What is said about signing in over HTTP."""

from marshmallow import fields, validate

from tandem.accounts.fields import line, login_name, new_password, password
from tandem.kernel.http import Schema


def totp_code(*, required: bool = False) -> fields.String:
    """Six digits of an authenticator."""
    return fields.String(load_only=True, required=required, validate=validate.Regexp(r"^[0-9]{6}\Z"))


class SignInSchema(Schema):
    """Who signs in, and where."""

    login = login_name()
    password = password()
    totp = totp_code()
    tenant_id = fields.UUID(metadata={"description": "Needed only by people with seats in several organisations"})


class SessionSchema(Schema):
    """An open session. The token is shown here and never again; send it as Bearer."""

    token = fields.String(required=True)
    csrf_token = fields.String(required=True, metadata={"description": "For browsers that keep the token in a cookie"})
    audience = fields.String(required=True)
    person_id = fields.UUID(required=True)
    tenant_id = fields.UUID(allow_none=True)
    expires_at = fields.DateTime(required=True)


class OpenSessionSchema(Schema):
    """A session of yours that is still good."""

    audience = fields.String(required=True)
    tenant_id = fields.UUID(allow_none=True)
    created_at = fields.DateTime(required=True)
    expires_at = fields.DateTime(required=True)


class MePersonSchema(Schema):
    """Yourself, as only you can see it."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    login = fields.String(required=True)
    has_second_factor = fields.Boolean(required=True)
    failed_sign_ins = fields.Integer(required=True, metadata={"description": "Failures before your last sign-in"})
    was_locked_until = fields.DateTime(allow_none=True)


class MeOrganizationSchema(Schema):
    """Where you are signed in."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    kind = fields.String(required=True)
    status = fields.String(required=True)


class MeSchema(Schema):
    """Who you are to the platform."""

    kind = fields.String(required=True, metadata={"description": "person or api_key"})
    audience = fields.String(required=True)
    roles = fields.List(fields.String(), required=True)
    permissions = fields.List(fields.String(), required=True)
    person = fields.Nested(MePersonSchema, allow_none=True)
    organization = fields.Nested(MeOrganizationSchema, allow_none=True)


class SignUpSchema(Schema):
    """A patient's login. Real name and identity number are asked for by the hospital, not here."""

    login = login_name()
    password = new_password()
    name = line(60, required=True, metadata={"example": "李明"})


class PersonSchema(Schema):
    """A person of the platform, as that person sees it."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    login = fields.String(required=True)
    created_at = fields.DateTime(required=True)


class PasswordChangeSchema(Schema):
    """Another password."""

    password = password()
    new_password = new_password()


class TotpSecretSchema(Schema):
    """A secret to scan; it counts from when a code proves it."""

    secret = fields.String(required=True)
    uri = fields.String(required=True)


class TotpProofSchema(Schema):
    """The secret, a code of it, and the password."""

    secret = fields.String(required=True, load_only=True, validate=validate.Regexp(r"^[A-Z2-7]{32}\Z"))
    code = totp_code(required=True)
    password = password()


class TotpRemovalSchema(Schema):
    """A current code and the password."""

    code = totp_code(required=True)
    password = password()
