"""The only file that imports stripe: every call bounded, keyed by our row, and made as the account it concerns.

A call either answers with a fact, raises `Refused` (asking again cannot help) or raises `GatewayAway` (it can, with
the same key: the provider may have done the work and only its answer was lost).
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, cast
from uuid import UUID

import orjson
import stripe

from tandem.billing.provider_facts import (
    OUR_KEY,
    OUR_TENANT,
    ProviderCharge,
    ProviderDispute,
    ProviderHint,
    ProviderIntent,
    ProviderMovement,
    ProviderPayout,
    ProviderRefund,
    ProviderReversal,
    ProviderTransfer,
    charge_from,
    dispute_from,
    hint_from,
    intent_from,
    movement_from,
    payout_from,
    refund_from,
    reversal_from,
    transfer_from,
)
from tandem.kernel.settings import Settings

CONNECT_TIMEOUT_SECONDS: Final = 3.05
READ_TIMEOUT_SECONDS: Final = 8.0
NETWORK_RETRIES: Final = 2
PAGE: Final = 100
MOVEMENTS: Final = ("balance_transaction", "failure_balance_transaction")


class Refused(Exception):
    """The provider said no, for good. `code` is its own word for why; `intent` what it says of the payment."""

    def __init__(self, code: str, intent: ProviderIntent | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.intent = intent


class GatewayAway(Exception):
    """The provider did not answer, or not usefully. Whether it did the work is unknown."""


class StripeGateway:
    """Stripe (or its double) as one platform sees it, through its own key."""

    def __init__(self, secret_key: str, base_url: str | None = None) -> None:
        self._client = stripe.StripeClient(
            secret_key,
            base_addresses={"api": base_url, "connect": base_url, "files": base_url} if base_url else None,
            max_network_retries=NETWORK_RETRIES,
            http_client=stripe.RequestsClient(timeout=(CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS)),
        )
        self._v1 = self._client.v1

    def open_account(self, *, key: UUID, country: str) -> str:
        """A hospital's own connected account: it is paid directly, and its money never touches the operator's."""
        params = {
            "controller": {
                "fees": {"payer": "account"},
                "losses": {"payments": "stripe"},
                "stripe_dashboard": {"type": "full"},
            },
            "country": country,
            "metadata": {OUR_KEY: str(key)},
        }
        with _telling_no_from_away():
            told = self._v1.accounts.create(cast(Any, params), {"idempotency_key": f"account-{key}"})
        return str(told.id)

    def pay(
        self,
        account: str | None,
        *,
        key: UUID,
        tenant: UUID | None = None,
        amount_minor: int,
        currency: str,
        method: str,
        payment_method: str | None,
        return_url: str,
    ) -> ProviderIntent:
        """Create and confirm a PaymentIntent on the hospital's account; without one, on the operator's own.

        There `tenant` says whose wish it is. `payment_method` is the provider's token of a card; wallets need none.
        Raises Refused with the intent when the payer's side declines.
        """
        params: dict[str, Any] = {
            "amount": amount_minor,
            "currency": currency.lower(),
            "confirm": True,
            "expand": ["latest_charge.balance_transaction"],
            "metadata": {OUR_KEY: str(key)} | ({} if tenant is None else {OUR_TENANT: str(tenant)}),
            "allowed_payment_method_types": [method],
            "return_url": return_url,
        }
        if payment_method is not None:
            params["payment_method"] = payment_method
        else:
            params["payment_method_data"] = {"type": method}
        if method == "wechat_pay":
            params["payment_method_options"] = {"wechat_pay": {"client": "web"}}
        with _telling_no_from_away():
            told = self._v1.payment_intents.create(cast(Any, params), _as(account, key))
        return intent_from(_plain(told))

    def cancel_intent(self, account: str | None, intent_id: str) -> ProviderIntent:
        """Give an unpaid intent up. Raises Refused when it can no longer be cancelled, or is already.

        Without a key of ours: a refusal remembered under a key would be repeated after it stopped being true.
        """
        params = cast(Any, {"cancellation_reason": "abandoned"})
        with _telling_no_from_away():
            told = self._v1.payment_intents.cancel(intent_id, params, _as(account))
        return intent_from(_plain(told))

    def refund(
        self, account: str | None, intent_id: str, *, key: UUID, amount_minor: int, tenant: UUID | None = None
    ) -> ProviderRefund:
        """Give money back; on the operator's own account `tenant` says whose it is.

        Raises Refused when the provider will not, e.g. `charge_disputed`.
        """
        params = {
            "payment_intent": intent_id,
            "amount": amount_minor,
            "metadata": {OUR_KEY: str(key)} | ({} if tenant is None else {OUR_TENANT: str(tenant)}),
            "expand": [*MOVEMENTS],
        }
        with _telling_no_from_away():
            told = self._v1.refunds.create(cast(Any, params), _as(account, key))
        return refund_from(_plain(told))

    def intent(self, account: str | None, intent_id: str) -> ProviderIntent:
        """A PaymentIntent now, with its charge and movement."""
        params = _showing("latest_charge.balance_transaction")
        with _telling_no_from_away():
            return intent_from(_plain(self._v1.payment_intents.retrieve(intent_id, params, _as(account))))

    def charge(self, account: str | None, charge_id: str) -> ProviderCharge:
        """A charge now, with its movement."""
        params = _showing("balance_transaction")
        with _telling_no_from_away():
            return charge_from(_plain(self._v1.charges.retrieve(charge_id, params, _as(account))))

    def refund_now(self, account: str | None, refund_id: str) -> ProviderRefund:
        """A refund now."""
        with _telling_no_from_away():
            return refund_from(_plain(self._v1.refunds.retrieve(refund_id, _showing(*MOVEMENTS), _as(account))))

    def dispute(self, account: str | None, dispute_id: str) -> ProviderDispute:
        """A dispute now."""
        with _telling_no_from_away():
            return dispute_from(_plain(self._v1.disputes.retrieve(dispute_id, None, _as(account))))

    def payout(self, account: str | None, payout_id: str) -> ProviderPayout:
        """A payout now."""
        with _telling_no_from_away():
            return payout_from(_plain(self._v1.payouts.retrieve(payout_id, _showing(*MOVEMENTS), _as(account))))

    def movement(self, account: str | None, movement_id: str) -> ProviderMovement:
        """A balance transaction."""
        with _telling_no_from_away():
            told = self._v1.balance_transactions.retrieve(movement_id, None, _as(account))
        return movement_from(_plain(told))

    def events_since(self, account: str | None, *when: datetime) -> Iterator[tuple[ProviderHint, bytes]]:
        """Events of the account, newest first, each with the JSON that is stored.

        `when`, here and in every list below: since then, and before the second moment if one is given.
        """
        for told in self._pages(self._v1.events.list, account, when):
            whose = {} if account is None else {"account": account}
            yield hint_from(told | whose), orjson.dumps(told | whose, default=str)

    def intents_since(self, account: str | None, *when: datetime) -> Iterator[ProviderIntent]:
        """PaymentIntents made since."""
        listing = self._v1.payment_intents.list
        return map(intent_from, self._pages(listing, account, when, "latest_charge.balance_transaction"))

    def charges_since(self, account: str | None, *when: datetime) -> Iterator[ProviderCharge]:
        """Charges made since; a payer may agree to an intent days after it was made."""
        return map(charge_from, self._pages(self._v1.charges.list, account, when, "balance_transaction"))

    def refunds_since(self, account: str | None, *when: datetime) -> Iterator[ProviderRefund]:
        """Refunds made since."""
        return map(refund_from, self._pages(self._v1.refunds.list, account, when, *MOVEMENTS))

    def disputes_since(self, account: str | None, *when: datetime) -> Iterator[ProviderDispute]:
        """Disputes opened since."""
        return map(dispute_from, self._pages(self._v1.disputes.list, account, when))

    def payouts_since(self, account: str | None, *when: datetime) -> Iterator[ProviderPayout]:
        """Payouts made since."""
        return map(payout_from, self._pages(self._v1.payouts.list, account, when, *MOVEMENTS))

    def movements_since(self, account: str | None, *when: datetime) -> Iterator[ProviderMovement]:
        """Balance transactions made since."""
        return map(movement_from, self._pages(self._v1.balance_transactions.list, account, when))

    def movements_of_payout(self, account: str | None, payout_id: str) -> Iterator[ProviderMovement]:
        """What an automatic payout paid out, once the provider has worked it out; its own movement is among it."""
        listing: Any = self._v1.balance_transactions.list
        with _telling_no_from_away():
            for told in listing({"limit": PAGE, "payout": payout_id}, _as(account)).auto_paging_iter():
                yield movement_from(_plain(told))

    def transferable_minor(self, currency: str) -> int:
        """What the operator's own balance can send to hospitals now."""
        with _telling_no_from_away():
            told = _plain(self._v1.balance.retrieve())
        return sum(each["amount"] for each in told["available"] if each["currency"].upper() == currency)

    def transfer(self, account: str, *, key: UUID, amount_minor: int, currency: str, group: str) -> ProviderTransfer:
        """Send the operator's money to a hospital's account. Raises Refused, e.g. `balance_insufficient`."""
        params = {
            "amount": amount_minor,
            "currency": currency.lower(),
            "destination": account,
            "transfer_group": group,
            "metadata": {OUR_KEY: str(key)},
        }
        with _telling_no_from_away():
            told = self._v1.transfers.create(cast(Any, params), {"idempotency_key": str(key)})
        return transfer_from(_plain(told))

    def transfer_now(self, transfer_id: str) -> ProviderTransfer:
        """A transfer of the operator's now."""
        with _telling_no_from_away():
            return transfer_from(_plain(self._v1.transfers.retrieve(transfer_id)))

    def transfers_of(self, group: str) -> list[ProviderTransfer]:
        """The transfers of one group, as they stand now."""
        params = cast(Any, {"limit": PAGE, "transfer_group": group})
        with _telling_no_from_away():
            return [transfer_from(_plain(each)) for each in self._v1.transfers.list(params).auto_paging_iter()]

    def reverse_transfer(self, transfer_id: str, *, key: UUID, amount_minor: int) -> ProviderReversal:
        """Take (a part of) a transfer back. Raises Refused, e.g. `balance_insufficient`: the hospital's."""
        params = cast(Any, {"amount": amount_minor, "metadata": {OUR_KEY: str(key)}})
        with _telling_no_from_away():
            told = self._v1.transfers.reversals.create(transfer_id, params, {"idempotency_key": str(key)})
        return reversal_from(_plain(told))

    def reversals_of(self, transfer_id: str) -> list[ProviderReversal]:
        """All that was taken back of a transfer, the oldest first."""
        params = cast(Any, {"limit": PAGE})
        with _telling_no_from_away():
            newest_first = self._v1.transfers.reversals.list(transfer_id, params).auto_paging_iter()
            return [reversal_from(_plain(each)) for each in newest_first][::-1]

    def _pages(
        self, listing: Callable[..., Any], account: str | None, when: tuple[datetime, ...], *expand: str
    ) -> Iterator[dict[str, Any]]:
        bounds = {name: int(each.timestamp()) for name, each in zip(("gte", "lt"), when, strict=False)}
        params: dict[str, Any] = {"limit": PAGE, "created": bounds}
        if expand:
            params["expand"] = [f"data.{each}" for each in expand]
        with _telling_no_from_away():
            for told in listing(params, _as(account)).auto_paging_iter():
                yield _plain(told)


def configure(settings: Settings) -> None:
    """Say which provider this process speaks to, and which secrets its webhooks are signed with."""
    _Configured.settings = settings
    # The client tells of every call; our own logs and counters do, with the job they belong to.
    logging.getLogger("stripe").setLevel(logging.WARNING)
    gateway.cache_clear()


@lru_cache(maxsize=1)
def gateway() -> StripeGateway:
    """This process's gateway. Raises RuntimeError before `configure`."""
    settings = _settings()
    return StripeGateway(settings.stripe_secret_key, settings.stripe_base_url)


def is_live() -> bool:
    """Whether real money moves."""
    return _settings().is_live


def return_address() -> str:
    """Where a payer comes back to after a page of the provider, when the order names no other place."""
    return f"{_settings().base_url}/"


def webhook_secrets() -> tuple[str, ...]:
    """The secrets webhooks may be signed with, newest first; none means that none is taken."""
    return _settings().stripe_webhook_secrets


class _Configured:
    settings: Settings | None = None


def _settings() -> Settings:
    if _Configured.settings is None:
        raise RuntimeError("stripe_gateway.configure(settings) was not called")
    return _Configured.settings


def _as(account: str | None, key: UUID | None = None) -> Any:
    """As whom a call is made: a connected account, or the operator itself; and under which key."""
    whose = {} if account is None else {"stripe_account": account}
    return whose | ({} if key is None else {"idempotency_key": str(key)})


def _showing(*expand: str) -> Any:
    return {"expand": list(expand)}


def _plain(told: Any) -> dict[str, Any]:
    plain: dict[str, Any] = told.to_dict()
    return plain


@contextmanager
def _telling_no_from_away() -> Iterator[None]:
    try:
        yield
    except (stripe.CardError, stripe.InvalidRequestError) as error:
        raise Refused(_code_of(error), _intent_in(error)) from error
    except stripe.StripeError as error:
        raise GatewayAway(type(error).__name__) from error


def _code_of(error: stripe.StripeError) -> str:
    told = _error_in(error)
    return str(told.get("decline_code") or told.get("code") or told.get("param") or "refused")


def _intent_in(error: stripe.StripeError) -> ProviderIntent | None:
    intent = _error_in(error).get("payment_intent")
    return intent_from(intent) if isinstance(intent, Mapping) else None


def _error_in(error: stripe.StripeError) -> Mapping[str, Any]:
    body = error.json_body
    told = body.get("error") if isinstance(body, Mapping) else None
    return told if isinstance(told, Mapping) else {}
