"""Stripe's error bodies: one class per way of saying no.

Source: https://docs.stripe.com/api/errors and https://docs.stripe.com/error-codes
"""

from typing import Any


class StripeError(Exception):
    """A refusal that the client shows its caller: a status and the body's ``error`` hash.

    ``keeps_work``: what the handler wrote stays (a declined card leaves a failed charge behind).
    ``before_work``: the request never began executing, so an idempotency key does not remember it.
    """

    status = 400
    type = "invalid_request_error"
    keeps_work = False
    before_work = False

    def __init__(self, message: str, *, code: str | None = None, param: str | None = None, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.param = param
        self.details = details

    def body(self) -> dict[str, Any]:
        """The JSON body as Stripe sends it; absent facts are left out."""
        error: dict[str, Any] = {"message": self.message, "type": self.type}
        if self.code is not None:
            error["code"] = self.code
            error["doc_url"] = f"https://stripe.com/docs/error-codes/{self.code.replace('_', '-')}"
        if self.param is not None:
            error["param"] = self.param
        return {"error": error | self.details}


class ParameterInvalid(StripeError):
    """A parameter is missing, unknown, of the wrong type or out of its range."""

    before_work = True


class ReferenceMissing(StripeError):
    """A parameter names an object that this account does not have."""

    before_work = True


class ResourceMissing(StripeError):
    """The URL names an object that this account does not have."""

    status = 404
    before_work = True

    @classmethod
    def named(cls, kind: str, identifier: str, param: str = "id") -> "ResourceMissing":
        return cls(f"No such {kind}: '{identifier}'", code="resource_missing", param=param)


class RouteUnknown(StripeError):
    """No such URL, or not with this method."""

    status = 404
    before_work = True


class KeyInvalid(StripeError):
    """The secret key is missing or wrong."""

    status = 401
    before_work = True


class AccountInvalid(StripeError):
    """The ``Stripe-Account`` header names an account this platform does not control."""

    status = 403
    before_work = True


class CardError(StripeError):
    """The payer's means of payment was refused; the failed charge is kept."""

    status = 402
    type = "card_error"
    keeps_work = True


class KeyReused(StripeError):
    """An idempotency key came back with another request."""

    type = "idempotency_error"
    before_work = True


class KeyInUse(StripeError):
    """An idempotency key is being used by a request that has not finished."""

    status = 409
    type = "idempotency_error"
    before_work = True


class BodyTooLarge(StripeError):
    """The request body is larger than the sandbox reads."""

    status = 413
    before_work = True
