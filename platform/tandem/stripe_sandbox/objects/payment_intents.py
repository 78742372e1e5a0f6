"""PaymentIntents: one wish to be paid, through its states.

requires_payment_method -> requires_confirmation -> (requires_action) -> succeeded, or requires_capture first;
canceled from any state before succeeded. Source: https://docs.stripe.com/payments/paymentintents/lifecycle
"""

from tandem.stripe_sandbox import news
from tandem.stripe_sandbox.books import Books, Record, new_id
from tandem.stripe_sandbox.call import Call, Route
from tandem.stripe_sandbox.objects import intent_parameters, payment_methods, payments
from tandem.stripe_sandbox.storage import Json
from tandem.stripe_sandbox.wire import parameters as p
from tandem.stripe_sandbox.wire.errors import ParameterInvalid, StripeError
from tandem.stripe_sandbox.wire.lists import matching, page

CHANGEABLE = {"requires_payment_method", "requires_confirmation", "requires_action"}
CANCELABLE = CHANGEABLE | {"requires_capture", "processing"}


def create(call: Call) -> Json:
    """Make an intent, and confirm it at once when asked to."""
    books, params = call.books, call.params
    choice = intent_parameters.method_choice(params)
    intent_parameters.check_money(params["amount"], params["currency"].lower(), choice["payment_method_types"])
    _check_connect(call)
    told = call.given(*intent_parameters.TOLD, "confirmation_method") | choice | {"metadata": call.metadata()}
    intent = open_intent(books, params["amount"], params["currency"].lower(), told, stable_key=call.stable_key)
    _choose_method(call, intent)
    books.save(intent)
    if params.get("confirm"):
        return _confirm(call, intent)
    _refuse_without_confirm(params)
    return intent.body


def open_intent(books: Books, amount: int, currency: str, told: Json, *, stable_key: str | None) -> Record:
    """A new intent that waits for a payment method; ``told`` is shown as it was given."""
    identifier = new_id("pi")
    body: Json = {
        "id": identifier,
        "object": "payment_intent",
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic_async",
        "client_secret": f"{identifier}_secret_{new_id('s')[2:]}",
        "confirmation_method": "automatic",
        "created": books.now,
        "currency": currency,
        "customer": None,
        "description": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": list(payment_methods.TYPES),
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    } | told
    intent = books.add("payment_intent", body, stable_key=stable_key)
    news.tell(books, "payment_intent.created", intent)
    return intent


def _refuse_without_confirm(params: Json) -> None:
    for name in ("return_url", "off_session", "error_on_requires_action"):
        if name in params:
            raise ParameterInvalid(
                f"The parameter `{name}` cannot be passed when creating a PaymentIntent unless `confirm` "
                "is set to true.",
                param=name,
            )


def _check_connect(call: Call) -> None:
    params, books = call.params, call.books
    if params.get("customer"):
        books.refer("customer", params["customer"], "customer")
    destination = (params.get("transfer_data") or {}).get("destination")
    for name, account in (
        ("transfer_data[destination]", destination),
        ("on_behalf_of", params.get("on_behalf_of")),
    ):
        if account:
            books.refer("account", account, name)
    fee = params.get("application_fee_amount")
    if fee is not None and books.is_platform and not destination:
        raise ParameterInvalid(
            "Can only apply an application_fee_amount when the PaymentIntent is attempting a direct payment "
            "(using an OAuth key or Stripe-Account header) or destination payment (using "
            "`transfer_data[destination]`).",
            param="application_fee_amount",
        )
    if fee is not None and fee > params.get("amount", fee):
        raise ParameterInvalid(
            "Your application fee cannot be larger than the payment amount.", param="application_fee_amount"
        )


def _choose_method(call: Call, intent: Record) -> None:
    """Put the payment method that the call names, if any, on the intent."""
    params, books = call.params, call.books
    method = None
    if params.get("payment_method"):
        method = payment_methods.resolve(books, params["payment_method"], intent.body["customer"])
    elif params.get("payment_method_data"):
        method = payment_methods.of_data(books, params["payment_method_data"], "payment_method_data")
    if method is None:
        return
    kind = method.body["type"]
    if kind not in intent.body["payment_method_types"]:
        allowed = ", ".join(intent.body["payment_method_types"])
        raise ParameterInvalid(
            f"The PaymentMethod provided ({kind}) is not allowed for this PaymentIntent. Please attach a "
            f"PaymentMethod of one of the following types: {allowed}.",
            param="payment_method",
        )
    intent.body["payment_method"] = method.id
    intent.body["status"] = "requires_confirmation"


def _allow(intent: Record, params: Json) -> None:
    """Allow only some methods from now on, if the call says so."""
    if params.get("allowed_payment_method_types"):
        intent.body |= intent_parameters.method_choice(params) | {
            "allowed_payment_method_types": params["allowed_payment_method_types"]
        }


def _confirm(call: Call, intent: Record) -> Json:
    """Try to pay. Raises CardError for a decline, which leaves a failed charge behind."""
    books, params, body = call.books, call.params, intent.body
    if not body["payment_method"]:
        raise StripeError(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either "
            "update the PaymentIntent with a payment method and then confirm it again, or confirm it again directly "
            "with a payment method or ConfirmationToken.",
            code="payment_intent_unexpected_state",
            payment_intent=body,
        )
    automatic = body["automatic_payment_methods"] or {}
    method = books.refer("payment_method", body["payment_method"], "payment_method")
    redirects = automatic.get("allow_redirects") == "always" or method.body["type"] == "alipay"
    if redirects and not params.get("return_url"):
        raise ParameterInvalid(
            "This PaymentIntent may redirect your customer to complete the payment, so you must provide a "
            "`return_url`. If you don't want to accept redirect-based payment methods, set "
            "`automatic_payment_methods[enabled]` to `true` and `automatic_payment_methods[allow_redirects]` "
            "to `never` when creating Setup Intents and Payment Intents.",
            param="return_url",
        )
    if method.body["type"] == "wechat_pay":
        _check_wechat_client(params, body)
    intent.hidden["return_url"] = params.get("return_url")
    payments.confirm(books, intent, method, refuse_action=bool(params.get("error_on_requires_action")))
    return intent.body


def _check_wechat_client(params: Json, body: Json) -> None:
    """WeChat asks where the payer pays: https://docs.stripe.com/payments/wechat-pay/accept-a-payment"""
    told = (params.get("payment_method_options") or body["payment_method_options"] or {}).get("wechat_pay")
    if not (isinstance(told, dict) and told.get("client") in ("android", "ios", "web")):
        name = "payment_method_options[wechat_pay][client]"
        raise ParameterInvalid(f"Missing required param: {name}.", code="parameter_missing", param=name)


def retrieve(call: Call) -> Json:
    """One intent."""
    return call.books.get("payment_intent", call.ids["id"]).body


def update(call: Call) -> Json:
    """Change an intent that has not been paid or canceled."""
    intent = call.books.get("payment_intent", call.ids["id"])
    status, params = intent.body["status"], call.params
    told = set(params) - {"expand"}
    if status not in CHANGEABLE and told - {"metadata", "description", "receipt_email", "shipping"}:
        raise unexpected(intent, f"This PaymentIntent's {sorted(told)[0]} could not be updated")
    currency = (params.get("currency") or intent.body["currency"]).lower()
    agreed: int = intent.body["amount"]
    amount: int = params.get("amount", agreed)
    intent_parameters.check_money(amount, currency, intent.body["payment_method_types"])
    _check_connect(call)
    changes = call.given("amount", *intent_parameters.TOLD)
    changes |= {"metadata": call.metadata(intent.body["metadata"]), "currency": currency}
    intent.body.update(changes)
    _allow(intent, params)
    _choose_method(call, intent)
    call.books.save(intent)
    return intent.body


def confirm(call: Call) -> Json:
    """Try to pay with the method already chosen or named now."""
    intent = call.books.get("payment_intent", call.ids["id"])
    if intent.body["status"] not in CHANGEABLE:
        if intent.body["status"] == "succeeded":
            raise unexpected(
                intent, "You cannot confirm this PaymentIntent because it has already succeeded after being "
                "previously confirmed.", whole=True,
            )  # fmt: skip
        raise unexpected(intent, "You cannot confirm this PaymentIntent")
    intent.body.update(call.given("payment_method_options", "receipt_email", "setup_future_usage", "shipping"))
    _allow(intent, call.params)
    _choose_method(call, intent)
    return _confirm(call, intent)


def capture(call: Call) -> Json:
    """Take all or part of what was authorised; the rest is released."""
    books, params = call.books, call.params
    intent = books.get("payment_intent", call.ids["id"])
    if intent.body["status"] != "requires_capture":
        raise unexpected(intent, "This PaymentIntent could not be captured")
    capturable: int = intent.body["amount_capturable"]
    amount: int = params.get("amount_to_capture", capturable)
    if amount > capturable:
        raise StripeError(
            f"The amount to capture ({amount}) is greater than the amount capturable ({capturable}).",
            code="amount_too_large",
            param="amount_to_capture",
        )
    if params.get("application_fee_amount") is not None:
        _check_connect(call)
        intent.body["application_fee_amount"] = params["application_fee_amount"]
    intent.body["metadata"] = call.metadata(intent.body["metadata"])
    payments.capture(books, intent, amount)
    return intent.body


def cancel(call: Call) -> Json:
    """Give up; an authorisation is released."""
    intent = call.books.get("payment_intent", call.ids["id"])
    if intent.body["status"] not in CANCELABLE:
        raise unexpected(intent, "You cannot cancel this PaymentIntent")
    payments.cancel(call.books, intent, call.params.get("cancellation_reason"))
    return intent.body


def unexpected(intent: Record, what: str, *, whole: bool = False) -> StripeError:
    """The refusal of a step that the intent's state does not allow, with the intent in it."""
    message = what if whole else f"{what} because it has a status of {intent.body['status']}."
    return StripeError(message, code="payment_intent_unexpected_state", payment_intent=intent.body)


def listing(call: Call) -> Json:
    """Intents, newest first."""
    filters = matching(call.params, "customer")
    return page(call.books, "payment_intent", call.params, "/v1/payment_intents", filters)


def find(books: Books, identifier: str) -> Record:
    """The intent of a control call. Raises ResourceMissing."""
    return books.get("payment_intent", identifier)


ROUTES = [
    Route("POST", "/v1/payment_intents", create, intent_parameters.CREATE),
    Route("GET", "/v1/payment_intents", listing, p.PAGE | {"created": p.instants(), "customer": p.text()}),
    Route("GET", "/v1/payment_intents/{id}", retrieve, p.EXPAND | {"client_secret": p.text()}),
    Route("POST", "/v1/payment_intents/{id}", update, intent_parameters.UPDATE),
    Route("POST", "/v1/payment_intents/{id}/confirm", confirm, intent_parameters.CONFIRM),
    Route("POST", "/v1/payment_intents/{id}/capture", capture, intent_parameters.CAPTURE),
    Route("POST", "/v1/payment_intents/{id}/cancel", cancel, intent_parameters.CANCEL),
]
