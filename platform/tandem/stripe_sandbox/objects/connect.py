"""Money between the platform and its connected accounts: application fees and destination transfers.

Source: https://docs.stripe.com/connect/direct-charges and https://docs.stripe.com/connect/destination-charges
"""

from tandem.stripe_sandbox import news
from tandem.stripe_sandbox.books import Books, Record, new_id
from tandem.stripe_sandbox.objects import balance
from tandem.stripe_sandbox.storage import Json
from tandem.stripe_sandbox.wire.lists import whole_list

APPLICATION = "ca_TandemSandbox"


def application_fee_line(books: Books, charge: Json) -> Json:
    """The platform's part of a charge as a line of the connected account's fee."""
    return {
        "amount": charge["application_fee_amount"],
        "application": APPLICATION,
        "currency": charge["currency"],
        "description": "Tandem application fee",
        "type": "application_fee",
    }


def collect_application_fee(books: Books, charge: Record) -> None:
    """After a charge settled: pay the platform its fee, or the destination its transfer."""
    body = charge.body
    amount = body["application_fee_amount"]
    if not books.is_platform and amount:
        fee = _application_fee(books, charge.id, amount, body["currency"], charge)
        body["application"] = APPLICATION
        body["application_fee"] = fee.id
    elif books.is_platform and body["transfer_data"]:
        _transfer_to_destination(books, charge)


def _application_fee(books: Books, paid_by: str, amount: int, currency: str, charge: Record) -> Record:
    platform = books.platform()
    identifier = new_id("fee")
    key = f"{charge.stable_key}/application_fee"
    movement = balance.post(
        platform,
        "application_fee",
        amount,
        currency,
        identifier,
        available_on=balance.day_after(books.now, 2),
        description=f"Application fee from {books.account}",
        stable_key=f"{key}/balance_transaction",
    )
    body = {
        "id": identifier,
        "object": "application_fee",
        "account": books.account,
        "amount": amount,
        "amount_refunded": 0,
        "application": APPLICATION,
        "balance_transaction": movement.id,
        "charge": paid_by,
        "created": books.now,
        "currency": currency,
        "fee_source": {"charge": paid_by, "type": "charge"},
        "livemode": False,
        "originating_transaction": None,
        "refunded": False,
        "refunds": whole_list([], f"/v1/application_fees/{identifier}/refunds"),
    }
    fee = platform.add("application_fee", body, stable_key=key)
    news.tell(platform, "application_fee.created", fee)
    return fee


def _transfer_to_destination(books: Books, charge: Record) -> None:
    """A destination charge passes the money on: all of it less the platform's fee, or the sum agreed."""
    body, data = charge.body, charge.body["transfer_data"]
    amount = data.get("amount") or body["amount_captured"]
    transfer = move(
        books,
        amount,
        body["currency"],
        data["destination"],
        available_on=balance.day_after(books.now, 2),
        source_transaction=charge.id,
        transfer_group=body["transfer_group"] or f"group_{body['payment_intent']}",
        application_fee=body["application_fee_amount"] or 0,
        stable_key=f"{charge.stable_key}/transfer",
    )
    body["transfer"] = transfer.id


def move(
    books: Books,
    amount: int,
    currency: str,
    destination: str,
    *,
    available_on: int,
    source_transaction: str | None = None,
    transfer_group: str | None = None,
    application_fee: int = 0,
    description: str | None = None,
    metadata: dict[str, str] | None = None,
    stable_key: str,
) -> Record:
    """Transfer platform money to a connected account: a movement there, a payment here, both at once."""
    identifier = new_id("tr")
    payment = _arrive(
        books.of(destination),
        transfer=identifier,
        amount=amount,
        currency=currency,
        available_on=available_on,
        application_fee=application_fee,
        stable_key=stable_key,
    )
    movement = balance.post(
        books,
        "transfer",
        -amount,
        currency,
        identifier,
        available_on=available_on if source_transaction else None,
        description=description,
        stable_key=f"{stable_key}/balance_transaction",
    )
    body = _transfer(books, identifier, amount, currency) | {
        "balance_transaction": movement.id,
        "description": description,
        "destination": destination,
        "destination_payment": payment.id,
        "metadata": metadata or {},
        "source_transaction": source_transaction,
        "transfer_group": transfer_group,
    }
    transfer = books.add("transfer", body, stable_key=stable_key)
    news.tell(books, "transfer.created", transfer)
    return transfer


def _transfer(books: Books, identifier: str, amount: int, currency: str) -> Json:
    """A transfer of which nothing has come back yet."""
    return {
        "id": identifier,
        "object": "transfer",
        "amount": amount,
        "amount_reversed": 0,
        "created": books.now,
        "currency": currency,
        "livemode": False,
        "reversals": whole_list([], f"/v1/transfers/{identifier}/reversals"),
        "reversed": False,
        "source_type": "card",
    }


def _arrive(
    there: Books,
    *,
    transfer: str,
    amount: int,
    currency: str,
    available_on: int,
    application_fee: int,
    stable_key: str,
) -> Record:
    identifier = new_id("py")
    body = arrived_payment(there, identifier, transfer, amount, currency) | {
        "application_fee_amount": application_fee or None
    }
    payment = there.add("charge", body, stable_key=f"{stable_key}/payment")
    fee_lines = []
    if application_fee:
        fee_lines.append(application_fee_line(there, body))
        fee = _application_fee(there, identifier, application_fee, currency, payment)
        payment.body |= {"application": APPLICATION, "application_fee": fee.id}
    movement = balance.post(
        there,
        "payment",
        amount,
        currency,
        identifier,
        fee_details=fee_lines,
        available_on=available_on,
        stable_key=f"{stable_key}/payment/balance_transaction",
    )
    payment.body["balance_transaction"] = movement.id
    there.save(payment)
    return payment


def arrived_payment(there: Books, identifier: str, transfer: str, amount: int, currency: str) -> Json:
    """A transfer as the receiving account sees it: a charge that nobody's card paid."""
    return {
        "id": identifier,
        "object": "charge",
        "amount": amount,
        "amount_captured": amount,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": {"address": None, "email": None, "name": None, "phone": None, "tax_id": None},
        "calculated_statement_descriptor": None,
        "captured": True,
        "created": there.now,
        "currency": currency,
        "customer": None,
        "description": None,
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "livemode": False,
        "metadata": {},
        "on_behalf_of": None,
        "outcome": None,
        "paid": True,
        "payment_intent": None,
        "payment_method": None,
        "payment_method_details": {"stripe_account": {}, "type": "stripe_account"},
        "receipt_email": None,
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": None,
        "source": None,
        "source_transfer": transfer,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "succeeded",
        "transfer_data": None,
        "transfer_group": None,
    }
