"""What stripe-python's resource classes declare, held against what the sandbox says."""

import decimal
import inspect
from typing import Any, ForwardRef, Literal, Union, get_args, get_origin

import stripe
from stripe._stripe_object import UntypedStripeObject

CLASSES: dict[str, type] = {
    "account": stripe.Account,
    "account_link": stripe.AccountLink,
    "application_fee": stripe.ApplicationFee,
    "balance": stripe.Balance,
    "balance_transaction": stripe.BalanceTransaction,
    "bank_account": stripe.BankAccount,
    "charge": stripe.Charge,
    "checkout.session": stripe.checkout.Session,
    "customer": stripe.Customer,
    "dispute": stripe.Dispute,
    "event": stripe.Event,
    "fee_refund": stripe.ApplicationFeeRefund,
    "item": stripe.LineItem,
    "list": stripe.ListObject,
    "payment_intent": stripe.PaymentIntent,
    "payment_method": stripe.PaymentMethod,
    "payout": stripe.Payout,
    "price": stripe.Price,
    "refund": stripe.Refund,
    "transfer": stripe.Transfer,
    "transfer_reversal": stripe.TransferReversal,
    "webhook_endpoint": stripe.WebhookEndpoint,
}


def differences(body: Any, cls: type | None = None, path: str = "") -> list[str]:
    """Every field that is undeclared, missing though always there, or of another type than declared."""
    cls = cls or CLASSES[body["object"]]
    path = path or body["object"]
    declared: dict[str, Any] = {}
    for ancestor in reversed(cls.__mro__):
        if ancestor.__module__.startswith("stripe."):
            declared |= inspect.get_annotations(ancestor)
    declared = {name: hint for name, hint in declared.items() if not name.startswith("_") and name != "OBJECT_NAME"}
    if cls is stripe.ListObject:
        declared["object"] = str
    found = [f"{path}.{name} is not declared" for name in body if name not in declared]
    for name, hint in declared.items():
        if name not in body:
            if _fits(None, hint, "") and not _is_list_part(cls, name):
                found.append(f"{path}.{name} is missing")
        else:
            found += _fits(body[name], hint, f"{path}.{name}")
    return found


def _is_list_part(cls: type, name: str) -> bool:
    return cls is stripe.ListObject and name not in ("data", "has_more", "object", "url")


def _fits(value: Any, hint: Any, path: str) -> list[str]:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Union:
        attempts = [_fits(value, option, path) for option in arguments]
        return min(attempts, key=len)
    if origin is Literal:
        return [] if value in arguments else [f"{path}: {value!r} is none of {arguments}"]
    if origin is list:
        if not isinstance(value, list):
            return [f"{path}: {value!r} is no list"]
        return [d for index, item in enumerate(value) for d in _fits(item, arguments[0], f"{path}[{index}]")]
    if isinstance(hint, ForwardRef):
        wanted = [name for name, cls in CLASSES.items() if cls.__name__ == hint.__forward_arg__]
        if isinstance(value, dict) and value.get("object") in wanted:
            return differences(value, None, path)
        return [f"{path}: {str(value)[:60]} is no {hint.__forward_arg__}"]
    return _fits_class(value, hint, origin, path)


def _fits_class(value: Any, hint: Any, origin: Any, path: str) -> list[str]:
    if hint is Any:
        return []
    cls = origin or hint
    if cls is stripe.ListObject:
        return differences(value, stripe.ListObject, path) if isinstance(value, dict) else [f"{path}: no list object"]
    if cls is UntypedStripeObject or cls is dict:
        return [] if isinstance(value, dict) else [f"{path}: {value!r} is no hash"]
    if inspect.isclass(cls) and issubclass(cls, stripe.StripeObject):
        return differences(value, cls, path) if isinstance(value, dict) else [f"{path}: {value!r} is no {cls.__name__}"]
    if hint is decimal.Decimal:
        return [] if isinstance(value, str) else [f"{path}: a decimal is sent as text"]
    wanted = type(None) if hint is None else hint
    if not inspect.isclass(wanted):
        return []  # a type variable of a generic list
    return [] if type(value) is wanted else [f"{path}: {value!r} is no {wanted.__name__}"]
