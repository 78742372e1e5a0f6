"""Connect accounts: the walled businesses whose money the platform moves.

Source: https://docs.stripe.com/api/accounts. A sandbox account may charge and be paid out at once; the
questions of a real onboarding are Stripe's to ask.
"""

from tandem.stripe_sandbox import news
from tandem.stripe_sandbox.books import Books, Record, new_id
from tandem.stripe_sandbox.call import Call, Route
from tandem.stripe_sandbox.objects.intent_parameters import check_currency
from tandem.stripe_sandbox.storage import Json
from tandem.stripe_sandbox.wire import parameters as p
from tandem.stripe_sandbox.wire.errors import ResourceMissing, StripeError
from tandem.stripe_sandbox.wire.lists import page, whole_list

CAPABILITIES = ("card_payments", "transfers")
NOTHING_DUE: Json = {
    "alternatives": [],
    "current_deadline": None,
    "currently_due": [],
    "disabled_reason": None,
    "errors": [],
    "eventually_due": [],
    "past_due": [],
    "pending_verification": [],
}
CURRENCY_OF = {"CN": "cny", "HK": "hkd", "JP": "jpy", "SG": "sgd", "US": "usd", "GB": "gbp"}


def shape(books: Books, identifier: str, told: Json, metadata: dict[str, str]) -> Json:
    """A new account, open for business."""
    country = (told.get("country") or "CN").upper()
    kind = told.get("type") or ("none" if told.get("controller") else "standard")
    currency = told.get("default_currency") or CURRENCY_OF.get(country, "eur")
    requested = told.get("capabilities") or dict.fromkeys(CAPABILITIES)
    return {
        "id": identifier,
        "object": "account",
        "business_profile": _profile(told.get("business_profile") or {}),
        "business_type": told.get("business_type"),
        "capabilities": dict.fromkeys(requested, "active"),
        "charges_enabled": True,
        "company": told.get("company"),
        "controller": _controller(kind, told.get("controller") or {}),
        "country": country,
        "created": books.now,
        "default_currency": currency,
        "details_submitted": True,
        "email": told.get("email"),
        "external_accounts": whole_list(
            [_bank_account(identifier, country, currency)], f"/v1/accounts/{identifier}/external_accounts"
        ),
        "future_requirements": NOTHING_DUE,
        "metadata": metadata,
        "payouts_enabled": True,
        "requirements": NOTHING_DUE,
        "settings": _settings(kind),
        "tos_acceptance": {"date": None, "ip": None, "user_agent": None},
        "type": kind,
    }


def _profile(told: Json) -> Json:
    names = (
        "annual_revenue", "estimated_worker_count", "mcc", "minority_owned_business_designation", "name",
        "product_description", "support_address", "support_email", "support_phone", "support_url", "url",
    )  # fmt: skip
    return dict.fromkeys(names) | told


def _controller(kind: str, told: Json) -> Json:
    """Who answers for the account, by its type: https://docs.stripe.com/connect/accounts"""
    if kind == "standard":
        return {"type": "account"}
    platform_pays = kind in ("custom", "express")
    payer = (told.get("fees") or {}).get("payer", f"application_{kind}" if platform_pays else "account")
    losses = (told.get("losses") or {}).get("payments", "application" if platform_pays else "stripe")
    dashboard = (told.get("stripe_dashboard") or {}).get("type", "express" if kind == "express" else "none")
    collector = told.get("requirement_collection", "application" if kind == "custom" else "stripe")
    return {
        "type": "application",
        "is_controller": True,
        "fees": {"payer": payer},
        "losses": {"payments": losses},
        "requirement_collection": collector,
        "stripe_dashboard": {"type": dashboard},
    }


def _settings(kind: str) -> Json:
    return {
        "branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
        "card_payments": {
            "decline_on": {"avs_failure": False, "cvc_failure": False},
            "statement_descriptor_prefix": None,
            "statement_descriptor_prefix_kana": None,
            "statement_descriptor_prefix_kanji": None,
        },
        "dashboard": {"display_name": None, "timezone": "Asia/Shanghai"},
        "payments": {
            "statement_descriptor": "TANDEM SANDBOX",
            "statement_descriptor_kana": None,
            "statement_descriptor_kanji": None,
        },
        "payouts": {
            "debit_negative_balances": kind != "custom",
            "schedule": {"delay_days": 2, "interval": "daily"},
            "statement_descriptor": None,
        },
    }


def _bank_account(account: str, country: str, currency: str) -> Json:
    return {
        "id": f"ba_{account[5:]}",
        "object": "bank_account",
        "account": account,
        "account_holder_name": None,
        "account_holder_type": None,
        "account_type": None,
        "available_payout_methods": ["standard"],
        "bank_name": "STRIPE TEST BANK",
        "country": country,
        "currency": currency,
        "default_for_currency": True,
        "fingerprint": account[5:],
        "last4": "6789",
        "metadata": {},
        "routing_number": "110000000",
        "status": "new",
    }


def ensure_platform(books: Books) -> None:
    """The platform has an account of its own; made when the sandbox is empty."""
    if books.find(books.account) is None:
        body = shape(books, books.account, {"type": "standard", "email": "platform@tandem.test"}, {})
        books.add("account", body)


def _connected(call: Call) -> Record:
    """The account that the URL names: one of the platform's own. Raises StripeError."""
    try:
        return call.books.platform().get("account", call.ids["id"], "account")
    except ResourceMissing:
        raise StripeError(
            f"The provided key does not have access to account '{call.ids['id']}' (or that account does not "
            "exist). Application access may have been revoked.",
            code="account_invalid",
        ) from None


def create(call: Call) -> Json:
    """Open a connected account."""
    told = call.params
    if told.get("type") and told.get("controller"):
        raise StripeError("You may not provide the `type` parameter and `controller` together.", param="type")
    if told.get("default_currency"):
        check_currency(told["default_currency"].lower())
    platform = call.books.platform()
    account = platform.add(
        "account", shape(call.books, new_id("acct", 16), told, call.metadata()), stable_key=call.stable_key
    )
    return account.body


def own(call: Call) -> Json:
    """The account whose key, or whose ``Stripe-Account`` header, asks."""
    return call.books.platform().get("account", call.books.account).body


def retrieve(call: Call) -> Json:
    """One connected account."""
    return _connected(call).body


def update(call: Call) -> Json:
    """Change what is told of an account."""
    account, params = _connected(call), call.params
    before = dict(account.body)
    account.body |= call.given("email", "business_type", "company", "default_currency")
    account.body["metadata"] = call.metadata(account.body["metadata"])
    account.body["business_profile"] |= params.get("business_profile") or {}
    account.body["capabilities"] |= dict.fromkeys(params.get("capabilities") or {}, "active")
    for name, value in (params.get("settings") or {}).items():
        if isinstance(value, dict):
            account.body["settings"][name] = account.body["settings"].get(name, {}) | value
    call.books.platform().save(account)
    previous = {name: value for name, value in before.items() if account.body[name] != value}
    news.tell(call.books.of(account.id), "account.updated", account, previous)
    return account.body


def delete(call: Call) -> Json:
    """Close an account whose balance is zero; what happened on it stays readable to nobody."""
    account = _connected(call)
    if account.id == call.books.work.house.platform_account:
        raise StripeError("You cannot delete your own account through the API.")
    open_sums = call.books.work.db.execute(
        "SELECT sum(money_net) AS net FROM object"
        " WHERE kind = 'balance_transaction' AND account = ? GROUP BY money_currency",
        (account.id,),
    ).fetchall()
    if any(row["net"] for row in open_sums):
        raise StripeError("This account cannot be deleted: its balance is not zero.")
    call.books.platform().remove(account)
    news.tell(call.books.of(account.id), "account.application.deauthorized", account)
    return {"id": account.id, "object": "account", "deleted": True}


def listing(call: Call) -> Json:
    """The platform's connected accounts."""
    not_self = ("id <> ?", (call.books.work.house.platform_account,))
    return page(call.books.platform(), "account", call.params, "/v1/accounts", [not_self])


def link(call: Call) -> Json:
    """A page for onboarding; in the sandbox there is nothing left to ask, it leads straight back."""
    call.books.platform().refer("account", call.params["account"], "account")
    return {
        "object": "account_link",
        "created": call.books.now,
        "expires_at": call.books.now + 300,
        "url": call.params.get("return_url") or call.books.work.house.base_url,
    }


_WRITE = p.EXPAND | {
    "business_profile": p.open_hash(),
    "business_type": p.choice("company", "government_entity", "individual", "non_profit"),
    "capabilities": p.open_hash(),
    "company": p.open_hash(),
    "default_currency": p.text(3),
    "email": p.text(512),
    "metadata": p.metadata(),
    "settings": p.open_hash(),
    "tos_acceptance": p.open_hash(),
}
CREATE = _WRITE | {
    "controller": p.open_hash(),
    "country": p.text(2),
    "type": p.choice("custom", "express", "standard"),
}
LINK = p.EXPAND | {
    "account": p.text().must(),
    "collection_options": p.open_hash(),
    "refresh_url": p.text(),
    "return_url": p.text(),
    "type": p.choice("account_onboarding", "account_update").must(),
}

ROUTES = [
    Route("GET", "/v1/account", own, p.EXPAND),
    Route("POST", "/v1/accounts", create, CREATE),
    Route("GET", "/v1/accounts", listing, p.PAGE | {"created": p.instants()}),
    Route("GET", "/v1/accounts/{id}", retrieve, p.EXPAND),
    Route("POST", "/v1/accounts/{id}", update, _WRITE),
    Route("DELETE", "/v1/accounts/{id}", delete, {}),
    Route("POST", "/v1/account_links", link, LINK),
]
