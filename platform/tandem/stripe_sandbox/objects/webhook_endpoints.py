"""Webhook endpoints: who is told, of what, and under which secrets the news is signed.

Source: https://docs.stripe.com/api/webhook_endpoints
"""

import secrets
from urllib.parse import urlsplit

from tandem.stripe_sandbox import API_VERSION, news
from tandem.stripe_sandbox.books import Books, Record, new_id
from tandem.stripe_sandbox.call import Call, Route
from tandem.stripe_sandbox.storage import Json
from tandem.stripe_sandbox.wire import parameters as p
from tandem.stripe_sandbox.wire.errors import ParameterInvalid
from tandem.stripe_sandbox.wire.lists import page

DEFAULT_ID = "we_1TandemSandboxDefault"


def shape(books: Books, identifier: str, url: str, told: Json) -> Json:
    """A new endpoint, listening."""
    return {
        "id": identifier,
        "object": "webhook_endpoint",
        "api_version": told.get("api_version") or API_VERSION,
        "application": None,
        "created": books.now,
        "description": told.get("description"),
        "enabled_events": told.get("enabled_events") or ["*"],
        "livemode": False,
        "metadata": {},
        "status": "enabled",
        "url": url,
    }


def install_default(books: Books, url: str, secret: str) -> None:
    """The endpoint given by flags: it hears the platform's own news and its connected accounts'."""
    endpoint = books.find(DEFAULT_ID)
    if endpoint is None:
        body = shape(books, DEFAULT_ID, url, {"description": "given by flags"})
        endpoint = books.add("webhook_endpoint", body, hears=news.BOTH, secrets=[])
    endpoint.body |= {"url": url, "status": "enabled"}
    if all(held["secret"] != secret for held in endpoint.hidden["secrets"]):
        endpoint.hidden["secrets"] = [{"secret": secret, "until": None}]
    books.save(endpoint)


def roll_secret(books: Books, endpoint: Record, old_lasts_seconds: int) -> str:
    """A new secret; the old one keeps signing beside it for a while. Returns the new one."""
    fresh = f"whsec_{secrets.token_urlsafe(24)}"
    until = books.now + old_lasts_seconds
    held = [one | {"until": until if one["until"] is None else one["until"]} for one in endpoint.hidden["secrets"]]
    endpoint.hidden["secrets"] = [{"secret": fresh, "until": None}, *held]
    books.save(endpoint)
    return fresh


def _check_url(url: str) -> None:
    try:
        address = urlsplit(url)
        fits = address.scheme in ("http", "https") and bool(address.hostname) and address.port != 0
    except ValueError:
        fits = False
    if not fits:
        raise ParameterInvalid("Invalid URL: must be a whole http or https address", code="url_invalid", param="url")


def create(call: Call) -> Json:
    """Start telling a URL; the secret is shown in this answer only."""
    _check_url(call.params["url"])
    secret = f"whsec_{secrets.token_urlsafe(24)}"
    body = shape(call.books, new_id("we"), call.params["url"], call.params) | {"metadata": call.metadata()}
    hears = news.CONNECTED if call.params.get("connect") else news.OWN
    call.books.platform().add("webhook_endpoint", body, hears=hears, secrets=[{"secret": secret, "until": None}])
    return body | {"secret": secret}


def retrieve(call: Call) -> Json:
    """One endpoint, without its secret."""
    return call.books.get("webhook_endpoint", call.ids["id"]).body


def update(call: Call) -> Json:
    """Change the URL, the events, or whether it listens at all."""
    endpoint = call.books.get("webhook_endpoint", call.ids["id"])
    if call.params.get("url"):
        _check_url(call.params["url"])
    endpoint.body |= call.given("url", "description", "enabled_events")
    endpoint.body["metadata"] = call.metadata(endpoint.body["metadata"])
    if "disabled" in call.params:
        endpoint.body["status"] = "disabled" if call.params["disabled"] else "enabled"
    call.books.save(endpoint)
    return endpoint.body


def delete(call: Call) -> Json:
    """Stop telling a URL; what waits for it is dropped."""
    endpoint = call.books.get("webhook_endpoint", call.ids["id"])
    call.books.remove(endpoint)
    call.books.work.db.execute(
        "UPDATE delivery SET state = 'given_up', answer = 'endpoint deleted' WHERE endpoint = ? AND state = 'pending'",
        (endpoint.id,),
    )
    return {"id": endpoint.id, "object": "webhook_endpoint", "deleted": True}


def listing(call: Call) -> Json:
    """All endpoints."""
    return page(call.books, "webhook_endpoint", call.params, "/v1/webhook_endpoints")


_WRITE = p.EXPAND | {
    "description": p.text(),
    "enabled_events": p.list_of(p.text(100), most=300),
    "metadata": p.metadata(),
}
CREATE = _WRITE | {
    "api_version": p.text(40),
    "connect": p.boolean(),
    "enabled_events": p.list_of(p.text(100), most=300).must(),
    "url": p.text().must(),
}

ROUTES = [
    Route("POST", "/v1/webhook_endpoints", create, CREATE),
    Route("GET", "/v1/webhook_endpoints", listing, p.PAGE),
    Route("GET", "/v1/webhook_endpoints/{id}", retrieve, p.EXPAND),
    Route("POST", "/v1/webhook_endpoints/{id}", update, _WRITE | {"disabled": p.boolean(), "url": p.text()}),
    Route("DELETE", "/v1/webhook_endpoints/{id}", delete, {}),
]
