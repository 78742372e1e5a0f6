"""What a PaymentIntent may be told, and the sums that make sense."""

from typing import Any

from tandem.stripe_sandbox.objects.fees import (
    CURRENCIES,
    LARGEST_CHARGE,
    MINIMUM_CHARGE,
    WALLET_MINIMUM,
    written,
)
from tandem.stripe_sandbox.objects.payment_methods import DATA, TYPES
from tandem.stripe_sandbox.storage import Json
from tandem.stripe_sandbox.wire import parameters as p
from tandem.stripe_sandbox.wire.errors import ParameterInvalid

TOLD = (
    "allowed_payment_method_types",
    "application_fee_amount", "capture_method", "customer", "description", "on_behalf_of",
    "payment_method_options", "receipt_email", "setup_future_usage", "shipping",
    "statement_descriptor", "statement_descriptor_suffix", "transfer_data", "transfer_group",
)  # fmt: skip
"""Parameters that are shown as they were given."""


def check_currency(currency: str) -> None:
    """Raises ParameterInvalid for a currency nobody can be charged in."""
    if currency not in CURRENCIES:
        supported = ", ".join(sorted(CURRENCIES))
        raise ParameterInvalid(
            f"Invalid currency: {currency}. Stripe currently supports these currencies: {supported}",
            param="currency",
        )


def check_money(amount: int, currency: str, method_types: list[str] | None) -> None:
    """Raises ParameterInvalid when the sum is under or over what can be charged."""
    check_currency(currency)
    wallets_only = method_types is not None and "card" not in method_types
    least = WALLET_MINIMUM if wallets_only else MINIMUM_CHARGE.get(currency, 50)
    if amount < least:
        raise ParameterInvalid(
            f"Amount must be at least {written(least, currency)}", code="amount_too_small", param="amount"
        )
    if amount > LARGEST_CHARGE:
        raise ParameterInvalid(
            f"Amount must be no more than {written(LARGEST_CHARGE, currency)}",
            code="amount_too_large",
            param="amount",
        )


def method_choice(params: Json) -> Json:
    """How the methods of an intent are chosen: by the provider, unless the caller allows only some.

    Raises ParameterInvalid when both are asked for.
    """
    allowed: list[str] | None = params.get("allowed_payment_method_types")
    told: dict[str, Any] | None = params.get("automatic_payment_methods")
    if allowed and told:
        raise ParameterInvalid(
            "You may only specify one of these parameters: automatic_payment_methods, allowed_payment_method_types.",
            param="automatic_payment_methods",
        )
    automatic = {"allow_redirects": "always", "enabled": True} | (told or {})
    if not allowed:
        types = [kind for kind in TYPES if kind == "card" or automatic["allow_redirects"] == "always"]
        return {"automatic_payment_methods": automatic, "payment_method_types": types}
    types = [kind for kind in TYPES if kind in allowed]
    return {"automatic_payment_methods": None, "payment_method_types": types}


def _no_longer(raw: Any, name: str) -> None:
    raise ParameterInvalid(
        f"{name} is not supported on this API version. Use allowed_payment_method_types, "
        "excluded_payment_method_types or dynamic payment methods.",
        code="payment_method_types_no_longer_supported",
        param=name,
    )


NO_LONGER = p.Kind(_no_longer)
"""Read-only since API 2026-09-30.endive."""

_SHARED = p.EXPAND | {
    "allowed_payment_method_types": p.list_of(p.choice(*TYPES)),
    "application_fee_amount": p.integer(least=0),
    "capture_method": p.choice("automatic", "automatic_async", "manual"),
    "customer": p.text(),
    "description": p.text(1000),
    "metadata": p.metadata(),
    "payment_method": p.text(),
    "payment_method_data": p.group(DATA),
    "payment_method_options": p.open_hash(),
    "payment_method_types": NO_LONGER,
    "receipt_email": p.text(512),
    "setup_future_usage": p.choice("off_session", "on_session"),
    "shipping": p.open_hash(),
    "statement_descriptor": p.text(22),
    "statement_descriptor_suffix": p.text(22),
    "transfer_data": p.group({"destination": p.text(), "amount": p.integer(least=1)}),
    "transfer_group": p.text(),
}
_PAYING = {
    "error_on_requires_action": p.boolean(),
    "off_session": p.boolean(),
    "return_url": p.text(),
    "use_stripe_sdk": p.boolean(),
}
CREATE = (
    _SHARED
    | _PAYING
    | {
        "amount": p.integer(least=1).must(),
        "automatic_payment_methods": p.group(
            {"enabled": p.boolean().must(), "allow_redirects": p.choice("always", "never")}
        ),
        "confirm": p.boolean(),
        "confirmation_method": p.choice("automatic", "manual"),
        "currency": p.text(3).must(),
        "on_behalf_of": p.text(),
    }
)
UPDATE = _SHARED | {"amount": p.integer(least=1), "currency": p.text(3)}
CONFIRM = (
    p.EXPAND
    | _PAYING
    | {
        name: _SHARED[name]
        for name in (
            "payment_method",
            "payment_method_data",
            "payment_method_options",
            "allowed_payment_method_types",
            "payment_method_types",
            "receipt_email",
            "setup_future_usage",
            "shipping",
        )
    }
)
CAPTURE = p.EXPAND | {
    "amount_to_capture": p.integer(least=1),
    "application_fee_amount": p.integer(least=0),
    "final_capture": p.boolean(),
    "metadata": p.metadata(),
    "statement_descriptor": p.text(22),
    "statement_descriptor_suffix": p.text(22),
}
CANCEL = p.EXPAND | {
    "cancellation_reason": p.choice("abandoned", "duplicate", "fraudulent", "requested_by_customer"),
}
