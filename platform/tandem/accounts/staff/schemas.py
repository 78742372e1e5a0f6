"""What is said about staff over HTTP."""

from marshmallow import fields, validate

from tandem.accounts.fields import line, login_name, new_password
from tandem.kernel.http import Schema


def role_names() -> fields.List[str]:
    """Roles to give, by name."""
    return fields.List(fields.String(validate=validate.Length(1, 40)), required=True, validate=validate.Length(1, 10))


class StaffMemberSchema(Schema):
    """One seat, and who holds it."""

    id = fields.UUID(required=True)
    person_id = fields.UUID(required=True)
    name = fields.String(allow_none=True)
    roles = fields.List(fields.String(), required=True)
    status = fields.String(required=True)
    since = fields.DateTime(required=True)
    ended_at = fields.DateTime(allow_none=True)


class RolesSchema(Schema):
    """The roles somebody shall have from now on."""

    roles = role_names()


class InvitationWishSchema(Schema):
    """A seat to offer."""

    addressee = line(required=True, metadata={"description": "Whom it is for, in your own words"})
    roles = role_names()


class AdministratorWishSchema(Schema):
    """The first seat of an organisation."""

    addressee = line(required=True, metadata={"description": "Whom it is for, in your own words"})


class InvitationSchema(Schema):
    """A seat that was offered."""

    id = fields.UUID(required=True)
    addressee = fields.String(required=True)
    roles = fields.List(fields.String(), required=True)
    status = fields.String(required=True)
    created_at = fields.DateTime(required=True)
    expires_at = fields.DateTime(required=True)
    decided_at = fields.DateTime(allow_none=True)


class NewInvitationSchema(InvitationSchema):
    """A fresh invitation: its token is shown here and never again."""

    token = fields.String(required=True)


class AcceptanceSchema(Schema):
    """Take a seat: with a login of one's own, or with a new one."""

    token = fields.String(required=True, load_only=True, validate=validate.Length(10, 200))
    login = login_name()
    password = new_password()
    name = line(60, required=True, metadata={"example": "王芳"})


class SeatSchema(Schema):
    """The seat that was taken."""

    id = fields.UUID(required=True)
    tenant_id = fields.UUID(required=True)
    person_id = fields.UUID(required=True)
    audience = fields.String(required=True)
    roles = fields.List(fields.String(), required=True)


class RoleSchema(Schema):
    """A role, the door it belongs to, and what it allows."""

    role = fields.String(required=True)
    audience = fields.String(required=True)
    permissions = fields.List(fields.String(), required=True)
