"""Every URL of the API that the sandbox plays, on one screen."""

from tandem.stripe_sandbox.call import Route
from tandem.stripe_sandbox.objects import (
    accounts,
    balance,
    charges,
    checkout_sessions,
    customers,
    disputes,
    events,
    payment_intents,
    payment_methods,
    payouts,
    platform_fees,
    refunds,
    transfers,
    webhook_endpoints,
)
from tandem.stripe_sandbox.wire.errors import RouteUnknown
from tandem.stripe_sandbox.wire.expansion import Included

ROUTES: list[Route] = [
    *payment_intents.ROUTES,
    *charges.ROUTES,
    *refunds.ROUTES,
    *balance.ROUTES,
    *events.ROUTES,
    *customers.ROUTES,
    *payment_methods.ROUTES,
    *accounts.ROUTES,
    *disputes.ROUTES,
    *payouts.ROUTES,
    *transfers.ROUTES,
    *platform_fees.ROUTES,
    *checkout_sessions.ROUTES,
    *webhook_endpoints.ROUTES,
]

INCLUDED: dict[tuple[str, str], Included] = {
    ("charge", "refunds"): charges.refunds_of,
    ("checkout.session", "line_items"): checkout_sessions.line_items_of,
}
"""Lists that an object shows only when asked to."""


def lead(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """The route of a request and the ids in its path. Raises RouteUnknown."""
    for route in ROUTES:
        if route.method == method:
            match = route.pattern.match(path)
            if match:
                return route, match.groupdict()
    raise RouteUnknown(
        f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we can help at "
        "https://support.stripe.com/."
    )
