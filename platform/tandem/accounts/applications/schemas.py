"""What an applicant says."""

from marshmallow import fields

from tandem.accounts.fields import line, login_name, new_password
from tandem.accounts.organizations.schemas import ApplicationSchema
from tandem.kernel.http import Schema


class ApplicantSchema(Schema):
    """Who applies, and will administer the organisation."""

    name = line(60, required=True, metadata={"example": "王芳"})
    login = login_name()
    password = new_password()


class PublicApplicationSchema(ApplicationSchema):
    """An organisation asks to be admitted, and names its first administrator."""

    applicant = fields.Nested(ApplicantSchema, required=True)


class ApplicationReceiptSchema(Schema):
    """The draft that was opened; sign in at `sign_in` to complete and submit it."""

    organization_id = fields.UUID(required=True)
    kind = fields.String(required=True)
    status = fields.String(required=True)
    sign_in = fields.String(required=True)
