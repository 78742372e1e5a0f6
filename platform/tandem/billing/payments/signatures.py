"""Whether a webhook is the provider's: which secrets count for it, and whether one of them signed its bytes."""

import hmac
from hashlib import sha256
from typing import Any

import orjson

from tandem.billing.stripe_gateway import webhook_secrets


def signed_at(raw: bytes, header: str) -> int | None:
    """When a webhook says it was signed (seconds since the epoch), or None if no secret of ours signed it.

    Source: https://docs.stripe.com/webhooks#verify-manually. Done here rather than by the client, which measures
    age by the machine's clock and takes stamps of the future.
    """
    parts = [part.partition("=") for part in header.split(",")]
    stamps = [value for name, _, value in parts if name.strip() == "t"]
    given = [value for name, _, value in parts if name.strip() == "v1"]
    if len(stamps) != 1 or not stamps[0].isdecimal() or len(stamps[0]) > 12:
        return None
    signed = stamps[0].encode() + b"." + raw
    for secret in _secrets_for(raw):
        expected = hmac.new(secret.encode(), signed, sha256).hexdigest().encode()
        if any(hmac.compare_digest(expected, each.encode()) for each in given):
            return int(stamps[0])
    return None


def _secrets_for(raw: bytes) -> list[str]:
    """The secrets that may have signed these bytes, newest first.

    `acct_…=whsec_…` is a secret of one account: for its events it alone counts, and for nobody else's, so whoever
    holds it can speak for that account only. Which account a body names is read before the body is believed; a
    body that lies about it has to be signed with that account's secret all the same.
    """
    # Whoever signs with nothing signs for everybody: an empty secret is none.
    held = [(account, secret) for account, secret in map(_scoped, webhook_secrets()) if secret]
    if any(account for account, _ in held):
        claimed = _account_in(raw)
        own = [secret for account, secret in held if account is not None and account == claimed]
        if own:
            return own
    return [secret for account, secret in held if account is None]


def _scoped(entry: str) -> tuple[str | None, str]:
    account, _, secret = entry.partition("=")
    return (account, secret) if account.startswith("acct_") else (None, entry)


def _account_in(raw: bytes) -> Any:
    try:
        told = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return told.get("account") if isinstance(told, dict) else None
