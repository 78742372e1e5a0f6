"""What happens to a PaymentIntent when someone tries to pay it: the moves between its states."""

from tandem.stripe_sandbox import news
from tandem.stripe_sandbox.books import Books, Record, new_id
from tandem.stripe_sandbox.objects import balance, charges, disputes
from tandem.stripe_sandbox.objects.specimens import TEST_CARDS, TestCard
from tandem.stripe_sandbox.storage import Json
from tandem.stripe_sandbox.wire.errors import CardError, StripeError

EMPTY_IMAGE = "data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciLz4="
AUTHORIZATION_LASTS = 7 * balance.DAY
WALLET_REFUSED = TestCard(
    "0000",
    decline_code="generic_decline",
    error_code="payment_intent_payment_attempt_failed",
    message="The customer declined the payment in their wallet.",
)
CARD_UNAUTHENTICATED = TestCard(
    "0000",
    decline_code="authentication_not_handled",
    error_code="payment_intent_authentication_failure",
    message="The provided PaymentMethod has failed authentication.",
)


def confirm(books: Books, intent: Record, method: Record, *, refuse_action: bool) -> None:
    """Pay at once, or ask the payer to act. Raises CardError for a decline."""
    card = TEST_CARDS.get(method.hidden.get("token") or "")
    if card is None or card.needs_authentication:
        if refuse_action:
            decline(books, intent, method, CARD_UNAUTHENTICATED)
        _ask_payer(books, intent, method)
    elif card.decline_code:
        decline(books, intent, method, card)
    else:
        succeed(books, intent, method)


def _ask_payer(books: Books, intent: Record, method: Record) -> None:
    intent.body |= {
        "status": "requires_action",
        "next_action": next_action(books, intent, method.body["type"]),
        "last_payment_error": None,
    }
    books.save(intent)
    news.tell(books, "payment_intent.requires_action", intent)


def next_action(books: Books, intent: Record, kind: str) -> Json:
    """Where the payer goes: a page of the sandbox that offers to authorise or to decline."""
    url = f"{books.work.house.base_url}/authorize/{books.account}/{intent.id}"
    return_url = intent.hidden.get("return_url")
    if kind == "alipay":
        return {
            "type": "alipay_handle_redirect",
            "alipay_handle_redirect": {
                "native_data": None,
                "native_url": None,
                "return_url": return_url,
                "url": url,
            },
        }
    if kind == "wechat_pay":
        return {
            "type": "wechat_pay_display_qr_code",
            "wechat_pay_display_qr_code": {
                "data": url,
                "hosted_instructions_url": url,
                "image_data_url": EMPTY_IMAGE,
                "image_url_png": f"{url}.png",
                "image_url_svg": f"{url}.svg",
            },
        }
    return {"type": "redirect_to_url", "redirect_to_url": {"return_url": return_url, "url": url}}


def succeed(books: Books, intent: Record, method: Record) -> Record:
    """The payer's side agreed: take the money, or hold it for a later capture."""
    manual = intent.body["capture_method"] == "manual"
    charge = charges.attempt(books, intent, method, captured=not manual)
    amount = intent.body["amount"]
    intent.body |= {"next_action": None, "last_payment_error": None}
    if manual:
        intent.body |= {"status": "requires_capture", "amount_capturable": amount}
        books.schedule("expire_authorization", intent.id, books.now + AUTHORIZATION_LASTS)
    else:
        intent.body |= {"status": "succeeded", "amount_received": amount}
        if intent.body["capture_method"] == "automatic":
            charges.settle(books, charge, tell=False)
        else:
            books.schedule("settle_charge", charge.id, books.now + books.work.house.settle_seconds)
    books.save(intent)
    news.tell(books, "charge.succeeded", charge)
    news.tell(books, "payment_intent.amount_capturable_updated" if manual else "payment_intent.succeeded", intent)
    disputes.follow(books, charge)
    return charge


def decline(books: Books, intent: Record, method: Record, card: TestCard) -> None:
    """The payer's side refused. Always raises CardError; the failed charge stays."""
    error = refuse(books, intent, method, card)
    raise CardError(
        card.message,
        code=card.error_code,
        charge=error["charge"],
        decline_code=card.decline_code,
        payment_intent=intent.body,
        payment_method=method.body,
    )


def refuse(books: Books, intent: Record, method: Record, card: TestCard) -> Json:
    """Write down a refused attempt; returns the intent's ``last_payment_error``."""
    charge = charges.attempt(books, intent, method, captured=False, refusal=card)
    error = {
        "charge": charge.id,
        "code": card.error_code,
        "decline_code": card.decline_code,
        "doc_url": f"https://stripe.com/docs/error-codes/{card.error_code.replace('_', '-')}",
        "message": card.message,
        "payment_method": method.body,
        "type": "card_error",
    }
    intent.body |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "next_action": None,
        "last_payment_error": error,
    }
    books.save(intent)
    news.tell(books, "charge.failed", charge)
    news.tell(books, "payment_intent.payment_failed", intent)
    return error


def answer(books: Books, intent: Record, *, agreed: bool) -> None:
    """The payer answered on the page of ``next_action``. Raises StripeError when nobody asked."""
    if intent.body["status"] != "requires_action":
        raise StripeError(
            f"This PaymentIntent is not waiting for its payer: it has a status of {intent.body['status']}.",
            code="payment_intent_unexpected_state",
            payment_intent=intent.body,
        )
    method = books.get("payment_method", intent.body["payment_method"])
    if agreed:
        succeed(books, intent, method)
    else:
        wallet = method.body["type"] != "card"
        refuse(books, intent, method, WALLET_REFUSED if wallet else CARD_UNAUTHENTICATED)


def capture(books: Books, intent: Record, amount: int) -> None:
    """Take ``amount`` of what is held; the rest is released as a refund of its own."""
    charge = books.get("charge", intent.body["latest_charge"])
    left = charge.body["amount"] - amount
    charge.body |= {
        "captured": True,
        "amount_captured": amount,
        "application_fee_amount": intent.body["application_fee_amount"],
    }
    books.save(charge)
    charges.settle(books, charge, tell=False)
    intent.body |= {"status": "succeeded", "amount_received": amount, "amount_capturable": 0}
    books.save(intent)
    if left:
        _release(books, charge, left, moves_money=True)
    news.tell(books, "charge.captured", charge)
    news.tell(books, "payment_intent.succeeded", intent)


def cancel(books: Books, intent: Record, reason: str | None) -> None:
    """Give the intent up and let go of what it holds."""
    if intent.body["status"] == "requires_capture":
        charge = books.get("charge", intent.body["latest_charge"])
        _release(books, charge, charge.body["amount"], moves_money=False)
        news.tell(books, "charge.expired" if reason == "automatic" else "charge.refunded", charge)
    intent.body |= {
        "status": "canceled",
        "canceled_at": books.now,
        "cancellation_reason": reason,
        "amount_capturable": 0,
        "next_action": None,
    }
    books.save(intent)
    news.tell(books, "payment_intent.canceled", intent)


def _release(books: Books, charge: Record, amount: int, *, moves_money: bool) -> None:
    """Return an authorised sum that is not taken; a partial capture shows it as a second movement."""
    charge.body["amount_refunded"] += amount
    charge.body["refunded"] = charge.body["amount_refunded"] == charge.body["amount"]
    refund = {
        "id": new_id("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge.id,
        "created": books.now,
        "currency": charge.body["currency"],
        "destination_details": {"type": charge.body["payment_method_details"]["type"]},
        "metadata": {},
        "payment_intent": charge.body["payment_intent"],
        "reason": None,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }
    if moves_money:
        taken = books.find(charge.hidden["balance_transaction"])
        movement = balance.post(
            books,
            "refund",
            -amount,
            charge.body["currency"],
            refund["id"],
            available_on=taken.body["available_on"] if taken else None,
            reporting_category="partial_capture_reversal",
            description="Partial capture",
            stable_key=f"{charge.stable_key}/release/balance_transaction",
        )
        refund["balance_transaction"] = movement.id
    books.add("refund", refund, stable_key=f"{charge.stable_key}/release")
    books.save(charge)
