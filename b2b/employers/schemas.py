"""An employer's profile on the wire."""

from marshmallow import ValidationError, fields, validate
from stdnum.cn import uscc
from stdnum.exceptions import ValidationError as NotAUscc

from tandem.kernel.errors import FieldProblem
from tandem.kernel.http import Schema
from tandem.kernel.i18n import Text


def _is_uscc(number: str) -> None:
    try:
        uscc.validate(number)
    except NotAUscc:
        raise ValidationError(
            [
                FieldProblem(
                    "tax_number",
                    Text("The check digit of this number is wrong", "统一社会信用代码校验位不正确"),
                    Text("Copy the 18 characters from the business licence.", "请按营业执照填写 18 位代码。"),
                    "check_digit",
                )
            ]
        ) from None


class EmployerProfileSchema(Schema):
    """How an employer is invoiced."""

    invoice_title = fields.String(required=True, validate=validate.Length(1, 120))
    tax_number = fields.String(load_default=None, allow_none=True, validate=_is_uscc)
    payment_days = fields.Integer(load_default=30, strict=True, validate=validate.Range(0, 180))
    version = fields.Integer(dump_only=True)
